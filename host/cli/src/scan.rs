//! `modelaudit scan`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use modelaudit_engine::model::ScanReport;
use modelaudit_engine::{Quiet, Scanner, Target};
use modelaudit_report::json::{self, JsonOptions};
use modelaudit_report::place::printable;
use modelaudit_report::text::{self, TextOptions};

use crate::args::{Format, ScanArgs};
use crate::output::Output;
use crate::progress::Bar;
use crate::{is_broken_pipe, say, terminal};

/// Scans, writes the report, and returns the exit code.
pub fn run(args: &ScanArgs) -> Result<u8> {
    let output = Output::new(args.output.as_deref(), &args.paths)?;
    let scanner = Scanner::new(args.options(), modelaudit_builtin::PLUGINS)?;
    let targets: Vec<_> = args.paths.iter().map(target).collect();
    let report = if terminal::wants_progress() && !args.quiet {
        let bar = Bar::new();
        let report = scanner.scan(&targets, &bar);
        bar.clear();
        report
    } else {
        scanner.scan(&targets, &Quiet)
    };
    write(args, &output, &report)?;
    Ok(report.exit_code())
}

/// What a path on the command line means.
pub fn target(path: &PathBuf) -> Target {
    if path == Path::new("-") { Target::Stdin } else { Target::Path(path.clone()) }
}

fn write(args: &ScanArgs, output: &Output, report: &ScanReport) -> Result<()> {
    let to_stdout = matches!(output, Output::Stdout);
    let written = output.write(|out| match args.format {
        Format::Text => {
            let options = TextOptions {
                color: to_stdout && terminal::color(),
                verbose: args.verbose,
                quiet: args.quiet,
                width: if to_stdout { terminal::width() } else { TextOptions::default().width },
            };
            text::write(report, &options, out)
        }
        Format::Json => json::write(report, &JsonOptions { verbose: args.verbose }, out),
    });
    if let (Output::File { path, .. }, false, true) = (output, args.quiet, written.is_ok()) {
        say(&format!("{}; report in {}", text::verdict(report), printable(&path.to_string_lossy())));
    }
    match written {
        // The reader has seen enough (`modelaudit scan . | head`); the exit code still tells the truth.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        written => written,
    }
}
