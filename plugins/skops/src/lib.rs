//! Scans skops files: a zip with `schema.json`, a tree of nodes that say what to import and how to build it, and arrays.
//!
//! skops was made to replace pickle for scikit-learn: it shows the user the types a file wants and loads it only if they are
//! trusted. The attacks are nodes that name something dangerous (who reads a list of fifty types?) and nodes whose shown type
//! is not what gets built: an `OperatorFuncNode` that claims a harmless module while its class is taken from `operator`
//! (CVE-2025-54412), a `MethodNode` that walks attributes of a foreign object (CVE-2025-54413). The members themselves (object
//! arrays, pickles somebody added) are the zip plugin's to hand on.

mod nodes;

use modelaudit_json::{DefectKind, Document, TreeLimits};
use modelaudit_plugin::{Artifact, Finding, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::structure::{S902, S910};
use modelaudit_rules::tensors::{S816, S817};
use modelaudit_zip_directory::{Archive, Entry, STORED, unpack_all};

/// Schemas of large ensembles have some megabytes.
const MAX_SCHEMA: usize = 32 << 20;
/// Copies of the schema that are looked at.
const MAX_COPIES: usize = 8;

/// The plugin.
pub struct Skops;

impl Plugin for Skops {
    fn describe() -> Manifest {
        Manifest {
            name: "skops",
            version: env!("CARGO_PKG_VERSION"),
            summary: "skops files: what schema.json imports and builds",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("skops", "skops model").extensions(&["skops"]).magic(Magic::at(0, b"PK\x03\x04")),
            ],
            anchors: vec![],
            rules: vec![S816, S817, S902, S910],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let named = artifact.name().to_ascii_lowercase().ends_with(".skops");
        // Readers differ in which copy of a member they take: all are looked at.
        let schemas: Vec<Entry> = Archive::open(artifact)
            .entries()
            .filter(|e| e.names().contains(&&b"schema.json"[..]))
            .take(MAX_COPIES)
            .collect();
        if schemas.is_empty() && named {
            sink.incomplete("a skops file without schema.json: nothing says what loading it would build");
        }
        for entry in &schemas {
            schema(artifact, entry, named, sink);
        }
        Ok(())
    }
}

modelaudit_plugin::export!(Skops);

fn schema(artifact: &dyn Artifact, entry: &Entry, named: bool, sink: &mut dyn Sink) {
    let at = entry.at();
    let Some((reading, bytes)) = entry.reading().and_then(|r| unpack_all(artifact, &r, MAX_SCHEMA).map(|b| (r, b)))
    else {
        if named {
            sink.incomplete(&format!(
                "schema.json at offset {} could not be unpacked or is larger than {MAX_SCHEMA} bytes",
                at.offset
            ));
        }
        return;
    };
    let document = match Document::from_slice(&bytes, TreeLimits::default()) {
        Ok(document) => document,
        Err(error) => {
            // Any zip may hold a schema.json; only a skops file must have a good one.
            if named {
                let finding = Finding::new(&S902, format!("schema.json is not valid JSON: {error}"));
                sink.finding(finding.at(at.offset, at.length).element("schema.json"));
                sink.incomplete(&format!("schema.json could not be read: {error}"));
            }
            return;
        }
    };
    let is_skops = document.root.get("__loader__").is_some() || document.root.get("_skops_version").is_some();
    if !is_skops {
        if named {
            sink.incomplete("schema.json has no __loader__ node: nothing says what loading the file would build");
        }
        return;
    }
    if let Some(defect) = document.defects.iter().find(|d| matches!(d.kind, DefectKind::DuplicateKey(_))) {
        let finding = Finding::new(&S910, format!("in schema.json, {defect}: readers keep the first or the last"));
        sink.finding(finding.at(at.offset, at.length).element("schema.json"));
    }
    // A stored schema stands in the file as it is, so that nodes have a place of their own.
    let start = (reading.method == STORED).then_some(reading.span.offset);
    nodes::judge_all(&document.root, start, at, sink);
    if let Some(version) = document.root.get("_skops_version").and_then(|v| v.as_str()) {
        sink.fact_text("skops_version", version);
    }
    if let Some(protocol) = document.root.get("protocol").and_then(|v| v.as_u64()) {
        sink.fact_number("skops_protocol", protocol);
    }
}
