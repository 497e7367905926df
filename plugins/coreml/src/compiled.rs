//! What a compiled model (`.mlmodelc`) holds: `model.mil`, the program as text, and `model.espresso.net`, the network as JSON.
//!
//! Compiling keeps what matters here: paths of weights (`BLOBFILE` in a program, `storage` of a network) and the layers that the app
//! must bring along. Apps download compiled models, too, and load them without the package that they came from.

use std::collections::BTreeSet;

use modelaudit_json::{Document, TreeLimits};
use modelaudit_metadata_text::label;
use modelaudit_paths::classify;
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, quote};
use modelaudit_rules::files::S405;
use modelaudit_rules::other_formats::S1108;
use modelaudit_rules::structure::S902;

use crate::walk::MODEL_PATH;

/// Bytes behind `BLOBFILE(` in which its path stands.
const NEAR: u32 = 4096;
/// Places that one search finds.
const HITS: u32 = 65_536;
/// Findings of one scan.
const MOST: usize = 100;

/// True if a text begins like a program: `program(1.0)`, `program(1.3)`.
pub fn is_program(head: &[u8]) -> bool {
    let version = head.trim_ascii_start().strip_prefix(b"program(").unwrap_or_default();
    matches!(version, [b'0'..=b'9', b'.', b'0'..=b'9', b')', ..])
}

/// True if a JSON document begins like a network.
pub fn is_network(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    let has = |word: &[u8]| text.windows(word.len()).any(|w| w == word);
    text.starts_with(b"{")
        && has(b"\"storage\"")
        && has(b"\"format_version\"")
        && (has(b"\"analyses\"") || has(b"espresso"))
}

/// Scans a program.
pub fn program(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    if !is_program(&artifact.read(0, 256)) {
        return Err("no program of CoreML: the text does not begin with 'program(' and a version".to_owned());
    }
    let all = Span::new(0, artifact.size());
    let (mut paths, mut start, mut blobs, mut custom) = (BTreeSet::new(), 0, 0u64, BTreeSet::new());
    loop {
        let rest = Span::new(start, all.length.saturating_sub(start));
        let hits = artifact.find(&[b"BLOBFILE(", b"= custom"], rest, HITS);
        for hit in &hits {
            let text = artifact.read(hit.offset, NEAR);
            if hit.anchor == 1 {
                let name = text.get(2..).unwrap_or_default();
                let end = name.iter().position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'_' | b'.'));
                // Only a call counts: a constant may be called custom, too.
                if end.and_then(|end| name.get(end)) != Some(&b'(') {
                    continue;
                }
                let name = String::from_utf8_lossy(name.get(..end.unwrap_or(0)).unwrap_or_default()).into_owned();
                if custom.len() < MOST && custom.insert(name.clone()) {
                    let message = format!("the program calls the custom operation {}", quote(&name));
                    sink.finding(Finding::new(&S1108, message).at(hit.offset, 8).element(label(&name)));
                }
                continue;
            }
            blobs += 1;
            let path = text.split(|b| *b == b'"').nth(1).unwrap_or_default();
            if paths.len() < MOST && paths.insert(path.to_vec()) {
                let inside = path.strip_prefix(MODEL_PATH.as_bytes()).unwrap_or(path);
                reference("the weights of a constant", inside, Span::new(hit.offset, 9), sink);
            }
        }
        match hits.last() {
            Some(last) if hits.len() as u64 >= u64::from(HITS) => start = last.offset + 1,
            _ => break,
        }
    }
    sink.fact_text("framework", "coreml");
    sink.fact_text("architecture", "mlProgram");
    sink.fact_number("tensor_count", blobs);
    Ok(())
}

/// Scans a network.
pub fn network(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let document = match Document::parse(artifact, Span::new(0, artifact.size()), TreeLimits::default()) {
        Ok(document) => document,
        Err(error) => {
            if !error.is_end() && !error.is_limit() {
                let finding = Finding::new(&S902, format!("the network is no valid JSON: {error}"));
                sink.finding(finding.at(error.offset.min(artifact.size()), 0));
            }
            return Err(format!("the network was not read: {error}"));
        }
    };
    for storage in document.root.all("storage") {
        if let Some(path) = storage.as_str() {
            reference("the weights of the network", path.as_bytes(), storage.at, sink);
        }
    }
    let (mut layers, mut findings, mut kinds) = (0u64, 0, BTreeSet::new());
    for layer in document.root.all("layers").flat_map(|layers| layers.items()) {
        layers += 1;
        for kind in layer.all("type").filter_map(|kind| kind.as_str()) {
            if kinds.len() < 256 {
                kinds.insert(kind.to_owned());
            }
            if kind.eq_ignore_ascii_case("custom") && findings < MOST {
                findings += 1;
                let text = |key: &str| layer.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
                let (name, class) = (text("name"), text("class_name"));
                let message = format!("the layer {} asks the app for the class {}", quote(&name), quote(&class));
                let finding = Finding::new(&S1108, message).at(layer.at.offset, layer.at.length);
                sink.finding(finding.element(label(&name)).detail("class", quote(&class)));
            }
        }
    }
    sink.fact_text("framework", "coreml");
    sink.fact_text("architecture", "neuralNetwork");
    sink.fact_number("operator_count", layers);
    let kinds: Vec<&String> = kinds.iter().collect();
    sink.fact_list("operators", &kinds);
    Ok(())
}

/// A file that the model refers to.
fn reference(what: &str, path: &[u8], at: Span, sink: &mut dyn Sink) {
    let class = classify(path);
    if class.escapes() {
        let message = format!("{what} stands at {}, which {}", quote(path), class.reason());
        let finding = Finding::new(&S405, message).severity(Severity::Warning).at(at.offset, at.length);
        sink.finding(finding.detail("path", quote(path)));
    }
}
