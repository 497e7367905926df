//! What is at the other end: a person at a terminal, a file, a CI system.

use std::io::IsTerminal;

/// Columns of a text that goes to no terminal: a log that people read.
const WIDTH: usize = 100;

/// Variables that CI systems set.
pub const CI: [&str; 9] = [
    "CI",
    "CONTINUOUS_INTEGRATION",
    "BUILD_NUMBER",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "JENKINS_URL",
    "TRAVIS",
    "CIRCLECI",
    "BUILDKITE",
];

/// True if a CI system runs us. `CI=false` and `CI=` mean no.
pub fn is_ci() -> bool {
    CI.iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "false" && v != "0"))
}

/// Columns to wrap text at: `COLUMNS` if it is set, then the terminal's width.
pub fn width() -> usize {
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    columns().or_else(terminal).unwrap_or(WIDTH)
}

/// True if text for standard output is to be coloured: NO_COLOR, CLICOLOR, CLICOLOR_FORCE and TERM are heeded.
pub fn color() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// True if a moving progress bar is welcome on standard error.
pub fn wants_progress() -> bool {
    std::io::stderr().is_terminal() && !is_ci()
}
