//! Vulnerabilities: the CVEs that rules name whose findings fired.

use std::collections::{BTreeMap, BTreeSet};

use modelaudit_engine::model::{Finding, ScanReport, Severity};
use serde::Serialize;

use super::components::Inventory;
use super::{Property, VALUE, property};
use crate::place::{clipped, printable};
use crate::reference::Reference;
use crate::traces::acceptance;

/// Messages that are quoted.
const QUOTED: usize = 5;

#[derive(Serialize)]
pub struct Vulnerability {
    #[serde(rename = "bom-ref")]
    bom_ref: String,
    id: String,
    source: Source,
    ratings: [Rating; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cwes: Vec<u32>,
    description: String,
    detail: String,
    recommendation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis: Option<Analysis>,
    affects: Vec<Affected>,
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// Our severity of what was found; the CVE's own score is at its source.
#[derive(Serialize)]
struct Rating {
    source: Source,
    severity: &'static str,
    method: &'static str,
}

#[derive(Serialize)]
struct Analysis {
    response: [&'static str; 1],
    detail: String,
}

#[derive(Serialize)]
struct Affected {
    r#ref: String,
}

/// What fired under one CVE.
#[derive(Default)]
struct Fired<'a> {
    rules: BTreeSet<usize>,
    findings: Vec<&'a Finding>,
    affected: Vec<String>,
}

/// The CVEs in the order of their ids. Debug findings are no evidence.
pub fn vulnerabilities(report: &ScanReport, inventory: &Inventory) -> Vec<Vulnerability> {
    let mut fired: BTreeMap<&str, Fired<'_>> = BTreeMap::new();
    for (f, file) in report.files.iter().enumerate() {
        for (a, artifact) in file.artifacts.iter().enumerate() {
            for finding in artifact.findings.iter().filter(|f| f.severity > Severity::Debug) {
                for reference in &report.rules[finding.rule].references {
                    let Reference::Cve(id) = Reference::of(reference) else { continue };
                    let entry = fired.entry(id).or_default();
                    entry.rules.insert(finding.rule);
                    entry.findings.push(finding);
                    let component = inventory.reference(f, a);
                    // Findings of an artifact stand together.
                    if entry.affected.last().is_none_or(|last| last != component) {
                        entry.affected.push(component.to_owned());
                    }
                }
            }
        }
    }
    fired.into_iter().map(|(id, fired)| vulnerability(report, id, fired)).collect()
}

fn vulnerability(report: &ScanReport, id: &str, fired: Fired<'_>) -> Vulnerability {
    let rules: Vec<_> = fired.rules.iter().map(|&rule| &report.rules[rule]).collect();
    let joined = |of: fn(&modelaudit_engine::model::Rule) -> &str| {
        let texts: BTreeSet<_> = rules.iter().map(|rule| of(rule)).collect();
        clipped(&texts.into_iter().collect::<Vec<_>>().join("; "), VALUE).into_owned()
    };
    let cwes: BTreeSet<_> = rules
        .iter()
        .flat_map(|rule| &rule.references)
        .filter_map(|r| match Reference::of(r) {
            Reference::Cwe(number) if number > 0 => Some(number),
            _ => None,
        })
        .collect();
    let counting = || fired.findings.iter().filter(|f| f.counts());
    let messages: Vec<_> = fired.findings.iter().take(QUOTED).map(|f| f.message.as_str()).collect();
    let rest = fired.findings.len().saturating_sub(QUOTED);
    let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    let worst = counting().map(|f| f.severity).max().or_else(|| fired.findings.iter().map(|f| f.severity).max());
    let accepted = if counting().next().is_none() { fired.findings.first().and_then(|f| acceptance(f)) } else { None };
    Vulnerability {
        bom_ref: id.to_owned(),
        id: id.to_owned(),
        source: Source { name: "NVD", url: Reference::Cve(id).link() },
        ratings: [Rating {
            source: Source { name: "modelaudit", url: None },
            severity: match worst {
                Some(Severity::Critical) => "critical",
                Some(Severity::Warning) => "medium",
                _ => "info",
            },
            method: "other",
        }],
        cwes: cwes.into_iter().collect(),
        description: joined(|rule| &rule.why),
        detail: clipped(&format!("{}{more}", messages.join("; ")), VALUE).into_owned(),
        recommendation: joined(|rule| &rule.remedy),
        analysis: accepted
            .map(|detail| Analysis { response: ["will_not_fix"], detail: printable(&detail).into_owned() }),
        affects: fired.affected.into_iter().map(|r#ref| Affected { r#ref }).collect(),
        properties: vec![
            property("rules", &joined(|rule| &rule.id)),
            property("findings", &fired.findings.len().to_string()),
        ],
    }
}
