//! `modelaudit scan`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::CommandFactory;
use modelaudit_engine::nearest::nearest;
use modelaudit_engine::policy::baseline;
use modelaudit_engine::{Quiet, Scanner, Target};
use modelaudit_report::amount::count;
use modelaudit_report::{json, place::printable};

use crate::args::{Cli, ScanArgs};
use crate::output::Output;
use crate::outputs::{Outputs, Style};
use crate::progress::Bar;
use crate::{config, dry_run, say, settings, terminal};

/// Scans, writes the reports, and returns the exit code.
pub fn run(args: &ScanArgs) -> Result<u8> {
    let choice = config::find(&args.configuration, &args.paths)?;
    let config = choice.config.as_ref();
    let style = Style {
        verbose: args.report.verbose || (config.is_some_and(|c| c.verbose) && !args.report.quiet),
        quiet: args.report.quiet || (config.is_some_and(|c| c.quiet) && !args.report.verbose),
    };
    args.paths.iter().filter_map(|path| command_meant(path)).for_each(|command| {
        say(&format!("hint: if you meant the command: modelaudit {command}"));
    });
    if !style.quiet {
        choice.notes.iter().for_each(|note| say(&format!("note: {note}")));
    }
    // Everything that can be wrong with what was typed is told before the first file is opened.
    let outputs = Outputs::new(&args.report, config.and_then(|c| c.format), &args.paths)?;
    let known = args.policy.write_baseline.as_deref().map(|path| outputs.beside(path, &args.paths)).transpose()?;
    let mut options = settings::options(args, config);
    for list in config.map(config::Config::known_bad).unwrap_or_default().iter().chain(&args.policy.known_bad) {
        let text = std::fs::read_to_string(list).with_context(|| format!("can't read the list {}", list.display()))?;
        options.known_bad.add(&text).map_err(|e| anyhow!("{}: {e}", list.display()))?;
    }
    let scanner = Scanner::new(options, modelaudit_builtin::PLUGINS)?;
    let targets: Vec<_> = args.paths.iter().map(target).collect();
    if args.dry_run {
        return dry_run::run(&scanner, &targets, &outputs);
    }
    let report = if terminal::wants_progress() && !style.quiet {
        let bar = Bar::new();
        let report = scanner.scan(&targets, &bar);
        bar.clear();
        report
    } else {
        scanner.scan(&targets, &Quiet)
    };
    if let Some(known) = known {
        let file = baseline::of(&report);
        known.write(|out| json::pretty(&file, out))?;
        if let (Output::File { path, .. }, false) = (&known, style.quiet) {
            say(&format!("{} in {}", count(file.len() as u64, "finding"), printable(&path.to_string_lossy())));
        }
    }
    outputs.write(&report, style)?;
    Ok(report.exit_code())
}

/// What a path on the command line means.
pub fn target(path: &PathBuf) -> Target {
    if path == Path::new("-") { Target::Stdin } else { Target::Path(path.clone()) }
}

/// The command that a path which does not exist may have been meant for.
fn command_meant(path: &Path) -> Option<String> {
    let word = path.to_str().filter(|word| !word.contains(std::path::is_separator) && !path.exists())?;
    let commands = Cli::command();
    nearest(word, commands.get_subcommands().map(clap::Command::get_name)).into_iter().next()
}
