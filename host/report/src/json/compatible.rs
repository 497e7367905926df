//! The part of the report that has the names and meanings of the Python tool.
//!
//! Where its meaning was a mistake that its users complain about, ours is the one its documentation promises: a missing path is an
//! error with a message, and `success` is false for it.

use std::collections::{BTreeMap, BTreeSet};

use modelaudit_engine::model::{
    Acceptance, ArtifactReport, BaselineState, FileReport, Finding, Gap, Origin, ScanReport, Severity, Verdict,
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::JsonOptions;
use crate::place::location;
use crate::{hex, plugin_of, rule_of};

/// A finding.
#[derive(Serialize)]
pub struct Issue<'a> {
    message: &'a str,
    severity: Severity,
    location: String,
    details: BTreeMap<&'a str, OneOrMore<'a>>,
    why: &'a str,
    /// The scan's start: consumers want a number, and a clock reading for each finding would make two runs differ more than they do.
    timestamp: f64,
    r#type: String,
    rule_code: &'a str,
    rule_title: &'a str,
    remedy: &'a str,
    references: &'a [String],
    plugin: Plugin<'a>,
    artifact: &'a [String],
    fingerprint: &'a str,
    /// Why it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<&'a Acceptance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_severity: Option<Severity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<BaselineState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    element: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
}

#[derive(Serialize)]
struct Plugin<'a> {
    name: &'a str,
    version: &'a str,
    origin: &'a Origin,
}

/// The value of a detail; a list if a plugin gave several under one key.
#[derive(Serialize)]
#[serde(untagged)]
enum OneOrMore<'a> {
    One(&'a str),
    More(Vec<&'a str>),
}

/// Every finding that the options ask for: by file, then artifact, then place.
pub fn issues(report: &ScanReport, options: JsonOptions) -> Vec<Issue<'_>> {
    wanted(report, options).map(|(artifact, finding)| issue(report, artifact, finding)).collect()
}

fn wanted(report: &ScanReport, options: JsonOptions) -> impl Iterator<Item = (&ArtifactReport, &Finding)> {
    let least = if options.verbose { Severity::Debug } else { Severity::Info };
    report.files.iter().flat_map(FileReport::findings).filter(move |(_, f)| f.severity >= least)
}

fn issue<'a>(report: &'a ScanReport, artifact: &'a ArtifactReport, finding: &'a Finding) -> Issue<'a> {
    let (rule, plugin) = (rule_of(report, finding), plugin_of(report, finding));
    let mut details = BTreeMap::new();
    for (key, value) in &finding.details {
        match details.remove(key.as_str()) {
            None => details.insert(key.as_str(), OneOrMore::One(value)),
            Some(OneOrMore::One(first)) => details.insert(key, OneOrMore::More(vec![first, value])),
            Some(OneOrMore::More(mut values)) => {
                values.push(value);
                details.insert(key, OneOrMore::More(values))
            }
        };
    }
    Issue {
        message: &finding.message,
        severity: finding.severity,
        location: location(artifact, finding.at),
        details,
        why: &rule.why,
        timestamp: report.started,
        r#type: format!("{}_check", plugin.name.replace('-', "_")),
        rule_code: &rule.id,
        rule_title: &rule.title,
        remedy: &rule.remedy,
        references: &rule.references,
        plugin: Plugin { name: &plugin.name, version: &plugin.version, origin: &plugin.origin },
        artifact: &artifact.path,
        fingerprint: &finding.fingerprint,
        accepted: finding.ruling.accepted.as_ref(),
        original_severity: finding.ruling.original_severity,
        baseline: finding.ruling.baseline,
        element: finding.element.as_deref(),
        offset: finding.at.map(|s| s.offset),
        length: finding.at.map(|s| s.length),
    }
}

/// What was looked at, and how it went.
#[derive(Serialize)]
pub struct Checks<'a> {
    checks: Vec<Check<'a>>,
    total_checks: u64,
    passed_checks: u64,
    failed_checks: u64,
}

/// A failed check is a finding, a skipped one a gap or a finding that the policy accepts, a passed one a plugin's look at an artifact in which it found nothing at warning
/// or above and which it saw wholly. Details are those of the issue with the same location and message; they are not repeated.
#[derive(Serialize)]
struct Check<'a> {
    name: &'a str,
    status: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<Severity>,
    location: String,
    details: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_code: Option<&'a str>,
    timestamp: f64,
}

/// The checks; those that passed are listed if `verbose`, and counted in any case.
pub fn checks(report: &ScanReport, options: JsonOptions) -> Checks<'_> {
    let check = |name, status, message, location| Check {
        name,
        status,
        message,
        severity: None,
        location,
        details: BTreeMap::new(),
        rule_code: None,
        timestamp: report.started,
    };
    let (mut checks, mut passed_checks, mut failed_checks) = (Vec::new(), 0, 0);
    for (artifact, finding) in wanted(report, options) {
        let rule = rule_of(report, finding);
        // As in the field, a note is listed among the failed checks and not counted with them.
        failed_checks += u64::from(finding.counts() && finding.severity >= Severity::Warning);
        let status = if finding.counts() { "failed" } else { "skipped" };
        checks.push(Check {
            severity: Some(finding.severity),
            rule_code: Some(&rule.id),
            ..check(&rule.title, status, &finding.message, location(artifact, finding.at))
        });
    }
    for (artifact, gap) in report.files.iter().flat_map(FileReport::gaps) {
        checks.push(check(&gap.plugin, "skipped", &gap.reason, artifact.location()));
    }
    for artifact in report.files.iter().flat_map(|f| &f.artifacts) {
        for scanner in artifact.scanners.iter().filter(|s| !failed(report, artifact, s)) {
            passed_checks += 1;
            if options.verbose {
                checks.push(check(scanner, "passed", "nothing at warning or above", artifact.location()));
            }
        }
    }
    Checks { checks, total_checks: passed_checks + failed_checks, passed_checks, failed_checks }
}

fn failed(report: &ScanReport, artifact: &ArtifactReport, scanner: &str) -> bool {
    artifact.gaps.iter().any(|g| g.plugin == scanner)
        || artifact.findings.iter().any(|f| f.severity >= Severity::Warning && plugin_of(report, f).name == scanner)
}

/// A file that was scanned.
#[derive(Serialize)]
pub struct Asset<'a> {
    path: &'a str,
    /// The first format that claims it, or `unknown`.
    r#type: &'a str,
    size: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tensors: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    contents: Vec<Content<'a>>,
}

#[derive(Serialize)]
struct Content<'a> {
    /// Names below the file, joined by `:`.
    path: String,
    r#type: &'a str,
    size: u64,
}

/// The asset of a file.
pub fn asset(file: &FileReport) -> Asset<'_> {
    Asset {
        path: &file.path,
        r#type: file.artifacts.first().map_or("unknown", kind_of),
        size: file.size,
        tensors: file.artifacts.iter().flat_map(|a| a.tensors.iter().map(|t| t.name.as_str())).collect(),
        contents: file
            .artifacts
            .iter()
            .filter(|a| a.path.len() > 1)
            .map(|a| Content { path: a.path[1..].join(":"), r#type: kind_of(a), size: a.size })
            .collect(),
    }
}

fn kind_of(artifact: &ArtifactReport) -> &str {
    artifact.formats.first().map_or("unknown", String::as_str)
}

/// Names of all plugins that looked at something, sorted.
pub fn scanner_names(report: &ScanReport) -> Vec<&str> {
    let names: BTreeSet<_> =
        report.files.iter().flat_map(|f| &f.artifacts).flat_map(|a| &a.scanners).map(String::as_str).collect();
    names.into_iter().collect()
}

/// Path of a file to what is known of it.
pub type FileMetadata<'a> = BTreeMap<&'a str, Metadata<'a>>;

/// What is known of a file.
#[derive(Serialize)]
pub struct Metadata<'a> {
    file_size: u64,
    file_hashes: Hashes,
    scanner_dependency_ids: &'a [String],
    /// `complete` or `inconclusive`.
    scan_outcome: &'static str,
    analysis_incomplete: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scan_outcome_reasons: Vec<&'a str>,
    verdict: Verdict,
}

#[derive(Serialize)]
struct Hashes {
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

/// Metadata of all files.
pub fn file_metadata(report: &ScanReport) -> FileMetadata<'_> {
    report.files.iter().map(|f| (f.path.as_str(), metadata(f))).collect()
}

fn metadata(file: &FileReport) -> Metadata<'_> {
    let reasons: BTreeSet<&str> = file.gaps().map(|(_, Gap { reason, .. })| reason.as_str()).collect();
    let root = file.artifacts.first();
    Metadata {
        file_size: file.size,
        file_hashes: Hashes { sha256: root.and_then(|a| a.sha256).map(|h| hex(&h)) },
        scanner_dependency_ids: root.map_or(&[], |a| &a.scanners),
        scan_outcome: if reasons.is_empty() { "complete" } else { "inconclusive" },
        analysis_incomplete: !reasons.is_empty(),
        scan_outcome_reasons: reasons.into_iter().collect(),
        verdict: file.verdict(),
    }
}

/// SHA-256 over the files' SHA-256 in hexadecimal, sorted, each once; None if a file could not be hashed or there is none.
pub fn content_hash(report: &ScanReport) -> Option<String> {
    let hashes: Option<BTreeSet<_>> =
        report.files.iter().map(|f| f.artifacts.first().and_then(|a| a.sha256).map(|h| hex(&h))).collect();
    let hashes = hashes.filter(|h| !h.is_empty())?;
    let mut hasher = Sha256::new();
    for hash in &hashes {
        hasher.update(hash);
    }
    Some(hex(&hasher.finalize()))
}
