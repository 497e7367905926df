//! `modelaudit config init|check|schema`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use modelaudit_engine::Scanner;
use modelaudit_report::amount::count;
use modelaudit_report::place::printable;

use super::{Config, NAME, SCHEMA, places, template};
use crate::args::{ConfigArgs, ConfigCommand, PluginArgs};
use crate::output::Output;
use crate::{say, settings};

/// Does what was asked; the exit code is 0 if nothing is wrong.
pub fn run(args: &ConfigArgs) -> Result<u8> {
    match &args.command {
        ConfigCommand::Init { file } => init(file)?,
        ConfigCommand::Check { file, plugins } => check(file.as_deref(), plugins)?,
        ConfigCommand::Schema => Output::Stdout.write(|out| out.write_all(SCHEMA.as_bytes()))?,
    }
    Ok(0)
}

fn init(path: &Path) -> Result<()> {
    let text = template::text();
    if path == Path::new("-") {
        return Output::Stdout.write(|out| out.write_all(text.as_bytes()));
    }
    let shown = printable(&path.to_string_lossy()).into_owned();
    let file = std::fs::File::create_new(path);
    if file.as_ref().is_err_and(|e| e.kind() == std::io::ErrorKind::AlreadyExists) {
        bail!("{shown} exists, and is not written over; modelaudit config init - writes to standard output");
    }
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("can't write {shown}"))?;
    say(&format!("{shown} written; everything in it is commented out"));
    Ok(())
}

fn check(file: Option<&Path>, plugins: &PluginArgs) -> Result<()> {
    let Some(path) = file.map(Path::to_owned).or_else(found) else {
        let places: Vec<_> = places().iter().map(|p| printable(&p.to_string_lossy()).into_owned()).collect();
        bail!("there is no {NAME} ({}); modelaudit config init writes one", places.join(", "));
    };
    let config = Config::read(&path)?;
    let mut options = plugins.options();
    settings::lay_under(&mut options, &config);
    // Rules, scanners, patterns and the baseline are the engine's to judge.
    let scanner = Scanner::new(options, modelaudit_builtin::PLUGINS)?;
    if let Some(failure) = scanner.failures().first() {
        bail!("{}: plugin {}: {}", config.shown(), failure.plugin, failure.reason);
    }
    let policy = &scanner.options().policy;
    let parts = [
        (policy.suppress.len(), "suppression"),
        (policy.severity.len(), "changed severity"),
        (policy.exclude.len(), "excluded pattern"),
        (scanner.switched_off().len(), "scanner switched off"),
    ];
    let parts: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| several(*n, what)).collect();
    let what = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    Output::Stdout.write(|out| writeln!(out, "{} is fine{what}", config.shown()))
}

/// The file that a scan would find, were it to scan something far away.
fn found() -> Option<PathBuf> {
    places().into_iter().find(|p| p.exists())
}

fn several(n: usize, what: &str) -> String {
    match what {
        "changed severity" if n > 1 => format!("{n} changed severities"),
        "scanner switched off" if n > 1 => format!("{n} scanners switched off"),
        what => count(n as u64, what),
    }
}
