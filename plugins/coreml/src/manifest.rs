//! `Manifest.json` of a package: which files below `Data/` the parts are.

use modelaudit_json::{Document, TreeLimits};
use modelaudit_metadata_text::label;
use modelaudit_paths::classify;
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, quote};
use modelaudit_rules::files::S405;
use modelaudit_rules::structure::S902;

/// Findings of one scan.
const MOST: usize = 100;

/// Whether the first bytes are those of a manifest.
pub fn fits(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    let has = |word: &[u8]| text.windows(word.len()).any(|w| w == word);
    text.starts_with(b"{") && has(b"\"itemInfoEntries\"")
}

/// Scans a manifest.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let document = match Document::parse(artifact, Span::new(0, artifact.size()), TreeLimits::default()) {
        Ok(document) => document,
        Err(error) => {
            if !error.is_end() && !error.is_limit() {
                let finding = Finding::new(&S902, format!("the manifest is no valid JSON: {error}"));
                sink.finding(finding.at(error.offset.min(artifact.size()), 0));
            }
            return Err(format!("the manifest was not read: {error}"));
        }
    };
    sink.fact_text("framework", "coreml");
    if let Some(version) = document.root.get("fileFormatVersion").and_then(|v| v.as_str()) {
        sink.fact_text("format_version", &label(version));
    }
    let parts = document.root.all("itemInfoEntries").flat_map(|entries| entries.members());
    let parts: Vec<String> = parts.filter_map(|(_, e)| e.get("path")?.as_str().map(label)).take(64).collect();
    sink.fact_list("parts", &parts);
    // Of entries that stand twice every one counts: readers differ in which they take.
    let entries = document.root.all("itemInfoEntries").flat_map(|entries| entries.members());
    let paths = entries.flat_map(|(id, entry)| entry.all("path").map(move |path| (id, path)));
    let escaping = paths.filter_map(|(id, path)| {
        let text = path.as_str()?;
        let class = classify(text.as_bytes());
        class.escapes().then_some((id, text, class, path.at))
    });
    for (id, text, class, at) in escaping.take(MOST) {
        let message = format!("a part of the package stands at {}, which {}", quote(text), class.reason());
        let finding = Finding::new(&S405, message).severity(Severity::Warning).at(at.offset, at.length);
        sink.finding(finding.element(label(id)).detail("path", quote(text)));
    }
    Ok(())
}
