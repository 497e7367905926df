//! The JSON that Ultralytics puts before an engine: its length as a 32-bit number, then the object (ultralytics/engine/exporter.py).

use modelaudit_json::{Document, TreeLimits};
use modelaudit_plugin::{Artifact, Finding, Sink, Span, clip, escape};
use modelaudit_rules::structure::S902;

/// Metadata that are looked at; those of a model with a thousand classes take 30 KiB.
const LONGEST: u64 = 1 << 20;
/// Keys that say what the model is, and the facts they become.
const FACTS: &[(&str, &str)] = &[
    ("description", "description"),
    ("author", "author"),
    ("version", "ultralytics_version"),
    ("task", "task"),
    ("license", "licence"),
];

/// Hands the metadata on, if there are any; gives the offset of the engine.
///
/// # Errors
/// The file ends in the metadata.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<u64, String> {
    let (Some(length), size) = (artifact.array::<4>(0).map(u32::from_le_bytes), artifact.size()) else { return Ok(0) };
    let length = u64::from(length);
    if !(2..LONGEST).contains(&length) || artifact.read(4, 2) != b"{\"" {
        return Ok(0);
    }
    let end = 4 + length;
    if end > size {
        return Err(format!("the file is cut off: its metadata take {length} bytes, {} are there", size - 4));
    }
    let span = Span::new(4, length);
    sink.embed("metadata.json", span, "json-config");
    match Document::parse(artifact, span, TreeLimits::default()) {
        Ok(document) => {
            for (key, fact) in FACTS {
                if let Some(text) = document.root.get(key).and_then(|node| node.as_str()) {
                    sink.fact_text(fact, &clip(&escape(text), 200));
                }
            }
        }
        Err(error) => {
            let finding = Finding::new(&S902, format!("the metadata before the engine are no JSON: {error}"));
            sink.finding(finding.at(span.offset, span.length));
        }
    }
    Ok(end)
}
