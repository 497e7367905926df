//! The findings.

use std::collections::BTreeMap;

use modelaudit_engine::model::{ArtifactReport, BaselineState, FileReport, Finding, ScanReport, Severity};
use serde::Serialize;

use super::Message;
use super::artifacts::{FilePlace, Files, Location};
use super::rules::Catalogue;
use crate::place::printable;
use crate::traces::acceptance;
use crate::{plugin_of, rule_of, tree};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Result<'a> {
    rule_id: String,
    /// Index in the driver's rules; a plugin's rule is named by `rule`.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleReference>,
    level: &'static str,
    message: Message,
    locations: [Place; 1],
    partial_fingerprints: Fingerprints<'a>,
    /// Always there: an empty list says that nothing accepts the finding.
    suppressions: Vec<Suppression>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline_state: Option<BaselineState>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleReference {
    id: String,
    index: usize,
    tool_component: Index,
}

#[derive(Serialize)]
struct Index {
    index: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    physical_location: Physical,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Location,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    byte_offset: u64,
    byte_length: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical {
    name: String,
    fully_qualified_name: String,
    kind: &'static str,
}

/// GitHub knows an alert again by `primaryLocationLineHash` alone, so it is told there, too.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fingerprints<'a> {
    #[serde(rename = "modelauditFinding/v1")]
    finding: &'a str,
    primary_location_line_hash: &'a str,
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    /// SARIF has one level for facts and debugging, and one for warnings and worse in many viewers.
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_severity: Option<Severity>,
    plugin: &'a str,
    /// Index of the very artifact in the run's artifacts.
    artifact_index: usize,
    /// The evidence in that artifact, if it is not the file itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_region: Option<Region>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    details: BTreeMap<&'a str, Vec<&'a str>>,
}

/// The level of a severity.
pub const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "error",
        Severity::Warning => "warning",
        Severity::Info | Severity::Debug => "note",
    }
}

/// All findings that are asked for, in the order of the report.
pub fn results<'a>(
    report: &'a ScanReport,
    catalogue: &Catalogue<'_>,
    files: &Files<'_>,
    verbose: bool,
) -> Vec<Result<'a>> {
    let mut results = Vec::new();
    for (file, place) in report.files.iter().zip(&files.files) {
        for (index, artifact) in file.artifacts.iter().enumerate() {
            let shown = artifact.findings.iter().filter(|f| verbose || f.severity > Severity::Debug);
            results.extend(shown.map(|finding| result(report, catalogue, (file, place), (index, artifact), finding)));
        }
    }
    results
}

fn result<'a>(
    report: &'a ScanReport,
    catalogue: &Catalogue<'_>,
    (file, place): (&FileReport, &FilePlace),
    (index, artifact): (usize, &'a ArtifactReport),
    finding: &'a Finding,
) -> Result<'a> {
    let id = printable(&rule_of(report, finding).id).into_owned();
    let (extension, rule) = catalogue.place(finding);
    let region = |span: modelaudit_engine::model::Span| Region { byte_offset: span.offset, byte_length: span.length };
    let in_file = finding.at.and_then(|at| tree::in_file(at, place.offsets[index], file)).map(region);
    let mut details: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (key, value) in &finding.details {
        details.entry(key.as_str()).or_default().push(value.as_str());
    }
    Result {
        rule: extension.map(|extension| RuleReference {
            id: id.clone(),
            index: rule,
            tool_component: Index { index: extension },
        }),
        rule_index: extension.is_none().then_some(rule),
        rule_id: id,
        level: level(finding.severity),
        message: Message::new(&finding.message),
        locations: [Place {
            physical_location: Physical { artifact_location: place.location.clone(), region: in_file },
            logical_locations: logical(artifact, finding),
        }],
        partial_fingerprints: Fingerprints {
            finding: &finding.fingerprint,
            primary_location_line_hash: &finding.fingerprint,
        },
        suppressions: acceptance(finding)
            .map(|reason| Suppression {
                kind: "external",
                status: "accepted",
                justification: printable(&reason).into_owned(),
            })
            .into_iter()
            .collect(),
        baseline_state: finding.ruling.baseline,
        properties: Properties {
            severity: finding.severity,
            original_severity: finding.ruling.original_severity,
            plugin: &plugin_of(report, finding).name,
            artifact_index: place.first + index,
            artifact_region: finding.at.filter(|_| index > 0).map(region),
            details,
        },
    }
}

/// The member, if it is in one, and the named part.
fn logical(artifact: &ArtifactReport, finding: &Finding) -> Vec<Logical> {
    let members = artifact.path.get(1..).unwrap_or_default();
    let qualified = members.join(":");
    let member = members.last().map(|name| (name.as_str(), qualified.clone(), "archiveMember"));
    let element = finding.element.as_deref().map(|name| {
        let whole = if qualified.is_empty() { name.to_owned() } else { format!("{qualified}:{name}") };
        (name, whole, "element")
    });
    let logical = |(name, whole, kind): (&str, String, _)| Logical {
        name: printable(name).into_owned(),
        fully_qualified_name: printable(&whole).into_owned(),
        kind,
    };
    // The innermost comes first: viewers that show one show that.
    element.into_iter().chain(member).map(logical).collect()
}
