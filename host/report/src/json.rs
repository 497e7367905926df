//! The report for programs.
//!
//! The top level keeps the names and meanings that consumers of the Python tool read (`issues`, `checks`, `assets`, `file_metadata`,
//! `has_errors`, ...) and adds what they lack there: a schema version, the tool's version, the verdict and exit code, errors
//! with their text, and for each file what was and what was not looked at (`files`). `schema/report-v1.json` describes all of it;
//! a field is never removed or given another meaning within a major version of the schema.
//!
//! Strings are the exact names and texts; characters that a terminal would act on are written as `\uNNNN`, which parsers undo.

mod compatible;
mod escaping;
mod files;

use std::io::{self, Write};

use modelaudit_engine::model::{Family, PluginReport, Policy, ScanReport, Severity, Verdict};
use serde::Serialize;

use crate::summary::Summary;

/// `$id` of the JSON Schema of this report.
pub const SCHEMA_ID: &str = "https://github.com/modelaudit/modelaudit/blob/main/host/report/schema/report-v1.json";
/// Version of the schema: the major counts breaking changes, the minor added fields.
pub const SCHEMA_VERSION: &str = "1.1";
/// The JSON Schema (2020-12) itself.
pub const SCHEMA: &str = include_str!("../schema/report-v1.json");

/// What is in the JSON report.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonOptions {
    /// With debug issues, passed checks, each tensor's type and shape, and log lines.
    pub verbose: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: Schema,
    tool: Tool,
    verdict: Verdict,
    exit_code: u8,
    success: bool,
    has_errors: bool,
    errors: Vec<Error<'a>>,
    start_time: f64,
    duration: f64,
    files_scanned: u64,
    bytes_scanned: u64,
    issue_counts: IssueCounts,
    file_counts: FileCounts,
    issues: Vec<compatible::Issue<'a>>,
    #[serde(flatten)]
    checks: compatible::Checks<'a>,
    assets: Vec<compatible::Asset<'a>>,
    scanner_names: Vec<&'a str>,
    file_metadata: compatible::FileMetadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_hash: Option<String>,
    files: Vec<files::File<'a>>,
    plugins: &'a [PluginReport],
    families: &'a [Family],
    policy: &'a Policy,
}

#[derive(Serialize)]
struct Schema {
    id: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Error<'a> {
    path: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct IssueCounts {
    critical: u64,
    warning: u64,
    info: u64,
    debug: u64,
    accepted: u64,
}

#[derive(Serialize)]
struct FileCounts {
    critical: u64,
    warning: u64,
    incomplete: u64,
    unrecognised: u64,
    accepted: u64,
    clean: u64,
}

/// Writes the report, indented, with a line feed at its end.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ScanReport, options: &JsonOptions, out: &mut dyn Write) -> io::Result<()> {
    pretty(&build(report, *options), out)
}

/// Writes any value the way reports are written: indented, with a line feed at its end, and harmless on a terminal.
///
/// # Errors
/// Those of `out`.
pub fn pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, escaping::Pretty::default());
    value.serialize(&mut serializer).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

fn build(report: &ScanReport, options: JsonOptions) -> Report<'_> {
    let summary = Summary::of(report);
    let verdict = summary.verdict();
    Report {
        schema: Schema { id: SCHEMA_ID, version: SCHEMA_VERSION },
        tool: Tool { name: "modelaudit", version: crate::VERSION },
        verdict,
        exit_code: report.exit_code(),
        // Findings don't make a scan unsuccessful, what was not seen does (the field's meaning; it forgets missing paths).
        success: summary.complete(),
        has_errors: summary.errors > 0,
        errors: report.errors.iter().map(|e| Error { path: &e.path, message: &e.message }).collect(),
        start_time: report.started,
        duration: report.duration.as_micros() as f64 / 1e6,
        files_scanned: summary.files,
        bytes_scanned: summary.bytes,
        issue_counts: IssueCounts {
            critical: summary.findings(Severity::Critical),
            warning: summary.findings(Severity::Warning),
            info: summary.findings(Severity::Info),
            debug: summary.findings(Severity::Debug),
            accepted: summary.accepted,
        },
        file_counts: FileCounts {
            critical: summary.verdicts(Verdict::Critical),
            warning: summary.verdicts(Verdict::Warning),
            incomplete: summary.verdicts(Verdict::Incomplete),
            unrecognised: summary.verdicts(Verdict::Unrecognised),
            accepted: summary.verdicts(Verdict::Accepted),
            clean: summary.verdicts(Verdict::Clean),
        },
        issues: compatible::issues(report, options),
        checks: compatible::checks(report, options),
        assets: report.files.iter().map(compatible::asset).collect(),
        scanner_names: compatible::scanner_names(report),
        file_metadata: compatible::file_metadata(report),
        content_hash: compatible::content_hash(report),
        files: report.files.iter().map(|f| files::file(f, options)).collect(),
        plugins: &report.plugins,
        families: &report.families,
        policy: &report.policy,
    }
}

#[cfg(test)]
mod tests;
