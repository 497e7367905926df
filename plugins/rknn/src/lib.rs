//! Scans Rockchip's RKNN models.
//!
//! A file is a header, the network for the processor (FlatBuffers or OpenVX), and JSON that describes nodes and tensors; the layout is
//! known from Netron (`source/rknn.js`), for the vendor documents none. The network's code runs on the accelerator; what reaches the host
//! are the texts, and lengths that the runtime believes. Encrypted models exist and can not be looked at.

use std::collections::BTreeSet;

use modelaudit_json::{Document, Node, TreeLimits, Value};
use modelaudit_metadata_text::scan_runs;
use modelaudit_plugin::{Artifact, Finding, Format, Magic, Manifest, Plugin, Sink, Span, clip, escape};
use modelaudit_rules::structure::{S902, S905, S911, S912};

/// The plugin.
pub struct Rknn;

/// Magic, version, and size of the network, of eight bytes each.
const HEADER: u64 = 24;
/// What follows the header from version 2 on, if there is a network.
const MORE: u64 = 40;
/// Operators of a description that are listed.
const MOST: usize = 500;
/// Versions that Netron knows.
const VERSIONS: [std::ops::RangeInclusive<u64>; 2] = [1..=6, 0x1001..=0x1004];

impl Plugin for Rknn {
    fn describe() -> Manifest {
        Manifest {
            name: "rknn",
            version: env!("CARGO_PKG_VERSION"),
            summary: "RKNN models: layout, texts that travel along",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("rknn", "RKNN")
                    .extensions(&["rknn"])
                    .magic(Magic::at(0, b"RKNN\0\0\0\0"))
                    .magic(Magic::at(0, b"CYPTRKNN")),
            ],
            anchors: vec![],
            rules: vec![S902, S905, S911, S912],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let size = artifact.size();
        let magic = artifact.read(0, 8);
        if magic.starts_with(b"CYPTRKNN") {
            sink.finding(Finding::new(&S912, "the model is encrypted, so nothing of it can be looked at").at(0, 8));
            return Err(format!("{size} bytes are encrypted"));
        }
        if magic != b"RKNN\0\0\0\0" {
            return Err("the magic 'RKNN' is missing".to_owned());
        }
        scan_runs(artifact, Span::new(8, size.saturating_sub(8)), "the model", sink);
        let (Some(version), Some(length)) = (number(artifact, 8), number(artifact, 16)) else {
            return Err(format!("the model is cut off: {size} bytes are less than its header"));
        };
        sink.fact_text("framework", "rknn");
        sink.fact_number("format_version", version);
        if !VERSIONS.iter().any(|known| known.contains(&version)) {
            // Texts were looked at; what else is in there is anybody's guess.
            let message = format!("the header says version {version}, which Rockchip's tools never wrote");
            sink.finding(Finding::new(&S902, message).at(8, 8));
            return Err(format!("the layout of version {version} is not known"));
        }
        layout(artifact, version, length, sink)
    }
}

modelaudit_plugin::export!(Rknn);

/// Facts of the description: what it is called, what for, of which operators. Its texts were looked at with all others.
fn description(artifact: &dyn Artifact, at: Span, sink: &mut dyn Sink) {
    let document = match Document::parse(artifact, at, TreeLimits::default()) {
        Ok(document) => document,
        Err(error) if error.is_limit() => {
            sink.incomplete(&format!("the description of the model at offset {} was not read: {error}", at.offset));
            return;
        }
        Err(error) => {
            let message = format!("the description of the model is no JSON: {error}");
            sink.finding(Finding::new(&S902, message).at(at.offset, at.length));
            return;
        }
    };
    if !matches!(document.root.value, Value::Object(_)) {
        sink.finding(Finding::new(&S902, "the description of the model is no JSON object").at(at.offset, at.length));
        return;
    }
    let show = |text: &str| clip(&escape(text), 200);
    for (key, fact) in [("name", "model_name"), ("version", "producer_version")] {
        if let Some(text) = document.root.get(key).and_then(Node::as_str) {
            sink.fact_text(fact, &show(text));
        }
    }
    let platforms = document.root.get("target_platform");
    let platforms: Vec<String> = platforms
        .map(|p| p.as_str().into_iter().chain(p.items().iter().filter_map(Node::as_str)).map(show).collect())
        .unwrap_or_default();
    if !platforms.is_empty() {
        sink.fact_list("target_platform", platforms.get(..20).unwrap_or(&platforms));
    }
    let nodes = document.root.get("nodes").map(Node::items).unwrap_or_default();
    if !nodes.is_empty() {
        let kinds: BTreeSet<String> =
            nodes.iter().filter_map(|n| n.get("op").or_else(|| n.get("lid"))?.as_str()).map(show).take(MOST).collect();
        sink.fact_number("operator_count", nodes.len() as u64);
        sink.fact_list("operators", &kinds.into_iter().collect::<Vec<_>>());
    }
}

fn number(artifact: &dyn Artifact, offset: u64) -> Option<u64> {
    artifact.array::<8>(offset).map(u64::from_le_bytes)
}

/// Follows the lengths: header, network, JSON with its length before it.
fn layout(artifact: &dyn Artifact, version: u64, length: u64, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    let start = if version >= 2 && length > 0 { HEADER + MORE } else { HEADER };
    let json = start.saturating_add(length);
    if json > size {
        return Err(format!(
            "the model is cut off: its network takes {length} bytes, {} are there",
            size.saturating_sub(start)
        ));
    }
    sink.fact_number("network_length", length);
    if json == size {
        return Ok(());
    }
    let Some(text) = number(artifact, json) else {
        return Err(format!("the model is cut off in the length of its description at offset {json}"));
    };
    let end = json.saturating_add(8).saturating_add(text);
    if end > size {
        return Err(format!(
            "the model is cut off: its description takes {text} bytes, {} are there",
            size.saturating_sub(json + 8)
        ));
    }
    if text > 0 {
        description(artifact, Span::new(json + 8, text), sink);
    }
    let rest = Span::new(end, size - end);
    let padding = artifact.read(end, 1 << 16);
    if rest.length > padding.len() as u64 || padding.iter().any(|b| *b != 0) {
        sink.finding(
            Finding::new(&S911, format!("{} bytes follow the model", rest.length)).at(rest.offset, rest.length),
        );
        sink.embed("after the model", rest, "");
    }
    Ok(())
}
