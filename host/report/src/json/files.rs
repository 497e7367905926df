//! The part of the report that is ours: each file with its artifacts, and what was and was not looked at.

use std::collections::BTreeMap;

use modelaudit_engine::model::{ArtifactReport, FileReport, Span, Tensor, Verdict};
use serde::Serialize;

use super::JsonOptions;
use crate::hex;

/// A file.
#[derive(Serialize)]
pub struct File<'a> {
    path: &'a str,
    named: bool,
    size: u64,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<&'a str>,
    coverage: Coverage<'a>,
    artifacts: Vec<Artifact<'a>>,
}

/// How much of a file was looked at.
#[derive(Serialize)]
struct Coverage<'a> {
    complete: bool,
    /// The file and everything that was unpacked out of it; views are in their parents' bytes.
    bytes: u64,
    /// What plugins asked for, all artifacts together. The host's own pass (hashes, anchors) over all bytes is not in it.
    bytes_read: u64,
    gaps: Vec<Gap<'a>>,
}

#[derive(Serialize)]
struct Gap<'a> {
    artifact: String,
    plugin: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct Artifact<'a> {
    path: &'a [String],
    location: String,
    formats: &'a [String],
    size: u64,
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    view: Option<Span>,
    scanners: &'a [String],
    bytes_read: u64,
    fuel: u64,
    facts: &'a BTreeMap<String, serde_json::Value>,
    tensor_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    tensors: Option<&'a [Tensor]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<Vec<Log<'a>>>,
}

#[derive(Serialize)]
struct Log<'a> {
    plugin: &'a str,
    message: &'a str,
}

/// A file as the report shows it.
pub fn file(file: &FileReport, options: JsonOptions) -> File<'_> {
    let gaps: Vec<_> = file
        .gaps()
        .map(|(artifact, gap)| Gap { artifact: artifact.location(), plugin: &gap.plugin, reason: &gap.reason })
        .collect();
    let sum = |of: fn(&ArtifactReport) -> u64| file.artifacts.iter().map(of).fold(0, u64::saturating_add);
    File {
        path: &file.path,
        named: file.named,
        size: file.size,
        verdict: file.verdict(),
        duplicate_of: file.duplicate_of.as_deref(),
        coverage: Coverage {
            complete: gaps.is_empty(),
            bytes: sum(|a| if a.view.is_some() { 0 } else { a.size }),
            bytes_read: sum(|a| a.bytes_read),
            gaps,
        },
        artifacts: file.artifacts.iter().map(|a| artifact(a, options)).collect(),
    }
}

fn artifact(artifact: &ArtifactReport, options: JsonOptions) -> Artifact<'_> {
    Artifact {
        path: &artifact.path,
        location: artifact.location(),
        formats: &artifact.formats,
        size: artifact.size,
        sha256: artifact.sha256.map(|h| hex(&h)),
        view: artifact.view,
        scanners: &artifact.scanners,
        bytes_read: artifact.bytes_read,
        fuel: artifact.fuel,
        facts: &artifact.facts,
        tensor_count: artifact.tensors.len(),
        tensors: options.verbose.then_some(&artifact.tensors),
        log: options.verbose.then(|| artifact.log.iter().map(|(plugin, message)| Log { plugin, message }).collect()),
    }
}
