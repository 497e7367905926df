//! Scans `.keras` archives: a zip with `config.json` (what to build), `metadata.json` (who wrote it) and the weights.
//!
//! Loading builds and calls what `config.json` names, with `safe_mode` as the only guard, and that guard was passed again and again
//! (CVE-2024-3660, CVE-2025-1550, CVE-2025-8747, CVE-2025-9906, CVE-2025-12058). The configuration is judged by
//! [`modelaudit_keras_config`]; here it is found: in every copy, under every spelling of its name that a file system which ignores
//! case would take, and only if it is a Keras configuration at all, for any zip may hold a `config.json`. The members themselves
//! (weights as HDF5, assets, executables) are the zip plugin's to hand on; source code beside the model is reported here.

use modelaudit_json::{Document, Node, TreeLimits};
use modelaudit_keras_config::{Container, MAX_CONFIG, Origin, RULES, facts, is_keras, judge_text};
use modelaudit_plugin::{Artifact, Finding, Format, Magic, Manifest, Plugin, Sink, Span, clip, escape, quote};
use modelaudit_rules::keras::S1135;
use modelaudit_rules::structure::S910;
use modelaudit_zip_directory::{Archive, Entry, Reading, STORED, unpack_all};

/// Copies of a member that are looked at.
const MAX_COPIES: usize = 8;
/// `metadata.json` has two short texts.
const MAX_METADATA: usize = 1 << 20;
/// Source files that are listed.
const MAX_LISTED: usize = 20;
/// Endings of files that Python imports or runs as they are.
const SOURCE: &[&str] = &[".py", ".pyw", ".pyc", ".pyo", ".pyd"];

/// The plugin.
pub struct KerasZip;

impl Plugin for KerasZip {
    fn describe() -> Manifest {
        let mut rules = RULES.to_vec();
        rules.push(S1135);
        Manifest {
            name: "keras-zip",
            version: env!("CARGO_PKG_VERSION"),
            summary: "Keras archives: what config.json makes the loader build and call",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("keras", "Keras model").extensions(&["keras"]).magic(Magic::at(0, b"PK\x03\x04")),
            ],
            anchors: vec![],
            rules,
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let named = artifact.name().to_ascii_lowercase().ends_with(".keras");
        let archive = Archive::open(artifact);
        // Keras reads through the central directory. Where there is none, the archive is damaged and everything counts.
        let entries = if archive.directories().is_empty() { archive.entries() } else { archive.listed() };
        let mut members = Members::default();
        entries.for_each(|entry| members.visit(entry));
        if members.configs.is_empty() {
            if named {
                sink.incomplete("a Keras archive without config.json: nothing says what loading it would build");
            }
            return Ok(());
        }
        let metadata = members.metadata.iter().find_map(|entry| read_metadata(artifact, entry));
        let version = metadata.as_ref().and_then(|m| m.root.get("keras_version")).and_then(Node::as_str);
        let certain = named || version.is_some();
        let mut found = certain;
        for entry in &members.configs {
            found |= config(artifact, entry, version, certain, sink);
        }
        if !found {
            return Ok(());
        }
        sink.fact_text("framework", "keras");
        if let Some(version) = version {
            sink.fact_text("producer", &format!("Keras {}", clip(&escape(version), 100)));
        }
        if let Some(metadata) = &metadata {
            for key in ["keras_version", "date_saved"] {
                if let Some(text) = metadata.root.get(key).and_then(Node::as_str) {
                    sink.fact_text(key, &clip(&escape(text), 200));
                }
            }
        }
        members.report(sink);
        Ok(())
    }
}

modelaudit_plugin::export!(KerasZip);

/// The members that matter here.
#[derive(Default)]
struct Members {
    configs: Vec<Entry>,
    metadata: Vec<Entry>,
    sources: Vec<(String, Span)>,
    more_sources: u64,
    spellings: Vec<(String, Span)>,
}

impl Members {
    fn visit(&mut self, entry: Entry) {
        let names: Vec<String> = entry.names().iter().map(|n| String::from_utf8_lossy(n).into_owned()).collect();
        let lower: Vec<String> = names.iter().map(|n| n.to_ascii_lowercase()).collect();
        let source = lower.iter().position(|n| SOURCE.iter().any(|end| n.ends_with(end)));
        if let Some(name) = source.and_then(|index| names.get(index)) {
            if self.sources.len() < MAX_LISTED {
                self.sources.push((name.clone(), entry.at()));
            } else {
                self.more_sources += 1;
            }
        }
        for list in [("config.json", &mut self.configs), ("metadata.json", &mut self.metadata)] {
            let (wanted, entries) = list;
            if let Some(index) = lower.iter().position(|n| n == wanted)
                && entries.len() < MAX_COPIES
            {
                if let Some(name) = names.get(index).filter(|n| *n != wanted) {
                    self.spellings.push((name.clone(), entry.at()));
                }
                entries.push(entry);
                return;
            }
        }
    }

    fn report(&self, sink: &mut dyn Sink) {
        if let Some((name, at)) = self.sources.first() {
            let count = self.sources.len() as u64 + self.more_sources;
            let more = if count > 1 { format!(" and {} more source files", count - 1) } else { String::new() };
            let names: Vec<String> = self.sources.iter().map(|(n, _)| clip(&escape(n), 200)).collect();
            let message = format!("the Keras archive holds the Python file {}{more}", quote(name));
            let finding = Finding::new(&S1135, message).at(at.offset, at.length).element(clip(&escape(name), 200));
            sink.finding(finding.detail("files", names.join(", ")));
        }
        // Unpacked on a file system that ignores case, one of them replaces the other.
        if let Some((name, at)) = self.spellings.first()
            && self.configs.len() + self.metadata.len() > 1
        {
            let message = format!("the member {} differs from the one that Keras reads only in its case", quote(name));
            sink.finding(Finding::new(&S910, message).at(at.offset, at.length).element(clip(&escape(name), 200)));
        }
    }
}

/// The content of a member, and how it is read.
fn content(artifact: &dyn Artifact, entry: &Entry, limit: usize) -> Option<(Reading, Vec<u8>)> {
    let reading = entry.reading()?;
    let bytes = unpack_all(artifact, &reading, limit)?;
    Some((reading, bytes))
}

fn read_metadata(artifact: &dyn Artifact, entry: &Entry) -> Option<Document> {
    let (_, bytes) = content(artifact, entry, MAX_METADATA)?;
    Document::from_slice(&bytes, TreeLimits::default()).ok()
}

/// Judges a configuration. True if it is one of Keras.
fn config(artifact: &dyn Artifact, entry: &Entry, version: Option<&str>, certain: bool, sink: &mut dyn Sink) -> bool {
    let at = entry.at();
    let Some((reading, bytes)) = content(artifact, entry, MAX_CONFIG) else {
        if certain {
            sink.incomplete(&format!(
                "config.json at offset {} could not be unpacked or is larger than {MAX_CONFIG} bytes",
                at.offset
            ));
        }
        return false;
    };
    // Any zip may hold a config.json: one that nobody calls Keras must look like it.
    if !certain {
        let head = String::from_utf8_lossy(bytes.get(..64 << 10).unwrap_or(&bytes));
        if !head.contains("class") {
            return false;
        }
        let document = Document::from_slice(&bytes, TreeLimits::default());
        if !document.is_ok_and(|d| is_keras(&d.root)) {
            return false;
        }
    }
    if entry.flagged_encrypted() {
        sink.incomplete(&format!("config.json at offset {} is encrypted, or says so", at.offset));
    }
    // A stored configuration stands in the file as it is, so that its objects have a place of their own.
    let start = (reading.method == STORED).then_some(reading.span.offset);
    let origin = Origin { container: Container::Zip, version, name: "config.json", start, place: at };
    if let Some(document) = judge_text(&bytes, &origin, sink) {
        facts(&document.root, sink);
    }
    true
}
