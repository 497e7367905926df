//! A bill of materials: CycloneDX 1.6 in JSON.
//!
//! The structs are our own, for what is said: of the crates, cyclonedx-bom writes up to version 1.5, and serde-cyclonedx generates three
//! versions of the standard with a builder for each object at build time. tests/tests/formats.rs validates the output against the
//! official schema.
//!
//! A file is a component, so is each artifact inside it, and so is a model in shards; the dependency graph says what holds what. A CVE is
//! listed if a finding of a rule that names it really fired. Equal input gives equal output but for the timestamp: the serial number
//! is made of the content.

mod components;
mod licences;
mod model_card;
mod vulnerabilities;

use std::io::{self, Write};

use modelaudit_engine::model::{Origin, ScanReport, Severity};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Summary;
use crate::place::{clipped, printable};
use crate::time::rfc3339;
use crate::traces::traces;
use components::{Component, Inventory};

/// What is in the bill of materials: nothing to choose yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct CycloneDxOptions {}

/// Longest value of a property; in characters.
const VALUE: usize = 2000;
/// `bom-ref` of what was scanned as a whole.
const ROOT: &str = "scan";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    version: u64,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: Vec<components::Dependency>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compositions: Vec<components::Composition>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vulnerabilities: Vec<vulnerabilities::Vulnerability>,
}

#[derive(Serialize)]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    tools: Tools,
    component: Component,
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Tools {
    components: Vec<Component>,
}

/// A name and a value; the names are in our namespace.
#[derive(Serialize)]
struct Property {
    name: String,
    value: String,
}

/// A property of the namespace `modelaudit`.
fn property(name: &str, value: &str) -> Property {
    Property { name: format!("modelaudit:{}", printable(name)), value: clipped(value, VALUE).into_owned() }
}

/// Writes the bill of materials.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ScanReport, _options: &CycloneDxOptions, out: &mut dyn Write) -> io::Result<()> {
    let mut bom = build(report);
    bom.serial_number = Some(serial_number(&serde_json::to_vec(&bom)?));
    bom.metadata.timestamp = Some(rfc3339(report.started));
    crate::json::pretty(&bom, out)
}

fn build(report: &ScanReport) -> Bom {
    let inventory = Inventory::of(report);
    Bom {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: None,
        version: 1,
        metadata: Metadata {
            timestamp: None,
            tools: tools(report),
            component: inventory.root(report),
            properties: properties(report),
        },
        vulnerabilities: vulnerabilities::vulnerabilities(report, &inventory),
        dependencies: inventory.dependencies,
        compositions: inventory.compositions,
        components: inventory.components,
    }
}

/// The tool and the plugins that were loaded.
fn tools(report: &ScanReport) -> Tools {
    let mut tool = Component::new("application", "tool:modelaudit", "modelaudit");
    tool.version = Some(crate::VERSION.to_owned());
    let mut components = vec![tool];
    for (index, plugin) in report.plugins.iter().enumerate() {
        let name = printable(&plugin.name);
        // Two plugins may share a name; their numbers differ.
        let mut component = Component::new("library", &format!("plugin:{index}:{name}"), &name);
        component.version = Some(printable(&plugin.version).into_owned());
        component.properties.push(match &plugin.origin {
            Origin::Builtin => property("origin", "builtin"),
            Origin::File(path) => property("origin", &format!("file: {path}")),
        });
        components.push(component);
    }
    Tools { components }
}

/// The verdict, the counts, and everything that keeps the list from being whole.
fn properties(report: &ScanReport) -> Vec<Property> {
    let summary = Summary::of(report);
    let number = |name, n: u64| property(name, &n.to_string());
    let mut properties = vec![
        property("verdict", summary.verdict().word()),
        number("exit_code", report.exit_code().into()),
        property("complete", if summary.complete() { "true" } else { "false" }),
        number("critical", summary.findings(Severity::Critical)),
        number("warning", summary.findings(Severity::Warning)),
        number("info", summary.findings(Severity::Info)),
    ];
    properties.extend(report.errors.iter().map(|e| property("not-scanned", &format!("{}: {}", e.path, e.message))));
    properties.extend(traces(report).iter().map(|t| property(t.subject.id(), &t.text)));
    properties
}

/// A UUID of version 8 (RFC 9562: its bits are the maker's) out of the SHA-256 of the content.
fn serial_number(content: &[u8]) -> String {
    let mut bytes: [u8; 32] = Sha256::digest(content).into();
    bytes[6] = 0x80 | bytes[6] & 0x0f;
    bytes[8] = 0x80 | bytes[8] & 0x3f;
    let hex = crate::hex(&bytes[..16]);
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests;
