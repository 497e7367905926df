//! Reports from one model of findings: each module writes the same [`ScanReport`] for another reader.
//!
//! A report is the last place where a hostile name can do harm: file names, member names and messages come out of the files that
//! were scanned. Whatever the engine already escaped is escaped again here ([`place`]), so that a plugin, a file system or a later
//! bug can't put a control sequence on a terminal. All formats take their counts and their verdict from [`Summary`], so they
//! can't disagree.

pub mod amount;
pub mod cyclonedx;
mod facts;
mod format;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod metadata;
pub mod place;
mod reference;
pub mod sarif;
mod summary;
mod tensors;
pub mod text;
mod time;
mod traces;
mod tree;
mod uri;

#[cfg(test)]
mod samples;

pub use format::{Format, Options, write};
pub use summary::Summary;

use modelaudit_engine::model::{Finding, PluginReport, Rule, ScanReport};

/// The version of the tool that writes the reports; all crates of the workspace share it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The rule that a finding is an instance of.
fn rule_of<'a>(report: &'a ScanReport, finding: &Finding) -> &'a Rule {
    &report.rules[finding.rule]
}

/// The plugin that made a finding.
fn plugin_of<'a>(report: &'a ScanReport, finding: &Finding) -> &'a PluginReport {
    &report.plugins[finding.plugin]
}

/// Bytes as lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        let _ = write!(out, "{byte:02x}"); // a String takes everything
        out
    })
}
