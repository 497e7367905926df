//! The report for code scanning: SARIF 2.1.0 (OASIS standard, with Errata 01).
//!
//! The structs are our own, for the few properties that are said: serde-sarif would generate the whole standard at build time, and its
//! builders let through what the schema forbids. tests/tests/formats.rs validates the output against the official schema.
//!
//! What is said is true for a machine: artifact URIs are files (members of archives are nested artifacts and logical locations), byte
//! regions are of the file itself, and nothing but times differs between two equal scans.

mod artifacts;
mod invocation;
mod results;
mod rules;

use std::io::{self, Write};
use std::path::PathBuf;

use modelaudit_engine::model::ScanReport;
use serde::Serialize;

use crate::place::printable;

/// What is in the SARIF report.
#[derive(Clone, Debug, Default)]
pub struct SarifOptions {
    /// With debug findings.
    pub verbose: bool,
    /// The working directory, absolute: what relative paths start from.
    pub folder: Option<PathBuf>,
}

/// Where the official schema is.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// `uriBaseId` of paths below the working directory.
const BASE: &str = "WORKDIR";

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: rules::Tool<'a>,
    invocations: [invocation::Invocation; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    original_uri_base_ids: Option<Bases>,
    artifacts: Vec<artifacts::Artifact<'a>>,
    results: Vec<results::Result<'a>>,
    properties: Properties,
}

#[derive(Serialize)]
struct Bases {
    #[serde(rename = "WORKDIR")]
    folder: artifacts::Location,
}

/// The verdict, which SARIF has no place for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    verdict: modelaudit_engine::model::Verdict,
    files_scanned: u64,
    bytes_scanned: u64,
}

/// Text for people. Viewers take `[text](target)` in it for a link.
#[derive(Clone, Serialize)]
struct Message {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    markdown: Option<String>,
}

impl Message {
    /// Text that may hold what a file says: no control characters, no links.
    fn new(text: &str) -> Self {
        Self { text: printable(text).replace("](", "\\]("), markdown: None }
    }
}

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ScanReport, options: &SarifOptions, out: &mut dyn Write) -> io::Result<()> {
    crate::json::pretty(&build(report, options), out)
}

fn build<'a>(report: &'a ScanReport, options: &SarifOptions) -> Log<'a> {
    let folder = options.folder.as_deref();
    let summary = crate::Summary::of(report);
    let catalogue = rules::Catalogue::of(report, options.verbose, folder);
    let files = artifacts::Files::of(report, folder);
    let run = Run {
        invocations: [invocation::invocation(report, &summary, &files, folder)],
        original_uri_base_ids: folder.map(|folder| Bases {
            folder: artifacts::Location {
                uri: Some(crate::uri::of_folder(folder)),
                description: Some(Message::new("the working directory of the scan")),
                ..artifacts::Location::default()
            },
        }),
        results: results::results(report, &catalogue, &files, options.verbose),
        artifacts: files.artifacts,
        tool: catalogue.tool,
        properties: Properties {
            verdict: summary.verdict(),
            files_scanned: summary.files,
            bytes_scanned: summary.bytes,
        },
    };
    Log { schema: SCHEMA, version: "2.1.0", runs: [run] }
}

#[cfg(test)]
mod tests;
