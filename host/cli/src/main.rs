//! The command line: arguments in, exit code out. What is scanned and how is the engine's, what is written is the report's.

mod args;
mod cache;
mod config;
mod debug;
mod doctor;
mod dry_run;
mod manual;
mod metadata;
mod output;
mod outputs;
mod progress;
mod rules;
mod scan;
mod settings;
mod size;
mod terminal;

use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::Parser;

use args::{Cli, Command};

/// Exit code of what the user got wrong and of what went wrong.
const TROUBLE: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(args::with_command(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are "errors" with exit code 0; nobody to print them to is no trouble.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(TROUBLE));
        }
    };
    let result = match cli.command {
        Command::Scan(args) => scan::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Config(args) => config::command::run(&args),
        Command::Debug(args) => debug::run(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::page(&args),
        Command::Metadata(args) => metadata::run(&args),
        Command::Cache(args) => cache::run(&args),
    };
    ExitCode::from(result.unwrap_or_else(|error| {
        if is_broken_pipe(&error) {
            // The reader has seen enough (`modelaudit rules | head`): that is its business.
            return 0;
        }
        complain(&format!("{error:#}"));
        TROUBLE
    }))
}

/// Prints one line to stderr: `error: ...`.
fn complain(message: &str) {
    const ERROR: Style = AnsiColor::Red.on_default().bold();
    say(&format!("{ERROR}error:{ERROR:#} {}", modelaudit_report::place::printable(message)));
}

/// Prints one line to stderr, coloured if that is wanted there. That nobody reads it is no reason to die.
fn say(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
