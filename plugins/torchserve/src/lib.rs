//! Scans TorchServe model archives (`.mar`, workflows `.war`): a zip whose `MAR-INF/MANIFEST.json` says what the server loads.
//!
//! The server unpacks the archive, installs its requirements and imports the handler it names. A manifest whose paths leave the
//! folder makes it load files of the author's choice (CVE-2023-48299 is the unpacking side of that), requirements from
//! somewhere else run code while they are installed. The members are handed on by the zip plugin.

mod requirements;

use std::collections::BTreeSet;

use modelaudit_json::{DefectKind, Document, Node, TreeLimits, Value};
use modelaudit_paths::{Root, classify};
use modelaudit_plugin::{
    Artifact, Finding, Format, Magic, Manifest, Plugin, Severity, Sink, Span, clip, escape, quote,
};
use modelaudit_rules::files::S405;
use modelaudit_rules::tensors::{S818, S819};
use modelaudit_zip_directory::{Archive, Entry, unpack_all};

/// Where the manifest is, in archives of models and of workflows.
const MANIFESTS: [&str; 2] = ["MAR-INF/MANIFEST.json", "WAR-INF/MANIFEST.json"];
/// Manifests and requirements have some kilobytes.
const MAX_TEXT: usize = 1 << 20;
/// Names of members that are kept to see whether a file is there.
const MAX_NAMES: usize = 100_000;

/// Fields of `model` in the manifest that name files. Source: torch-model-archiver's `ManifestWriter`.
const PATH_FIELDS: &[&str] = &[
    "serializedFile",
    "modelFile",
    "handler",
    "requirementsFile",
    "configFile",
    "extraFiles",
    "modelName",
    "specFile",
    "workflowName",
];

/// What a manifest describes: a model, or in a workflow archive (`.war`) the graph of several.
const DESCRIBED: [&str; 2] = ["model", "workflow"];

/// Format of a manifest outside of a zip: in a folder (`--archive-format no-archive`) or in a tar (`tgz`).
const LOOSE: &str = "torchserve-manifest";

/// The plugin.
pub struct Torchserve;

impl Plugin for Torchserve {
    fn describe() -> Manifest {
        Manifest {
            name: "torchserve",
            version: env!("CARGO_PKG_VERSION"),
            summary: "TorchServe archives of models and workflows: manifest and requirements",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("torchserve", "TorchServe model archive")
                    .extensions(&["mar", "war"])
                    .magic(Magic::at(0, b"PK\x03\x04")),
                Format::new(LOOSE, "TorchServe manifest").first_characters(b"{"),
            ],
            anchors: vec![],
            rules: vec![S405, S818, S819],
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        let text = head.trim_ascii_start();
        let has = |word: &[u8]| text.windows(word.len()).any(|w| w == word);
        let model = has(b"\"modelName\"") && (has(b"\"serializedFile\"") || has(b"\"handler\""));
        let workflow = has(b"\"workflowName\"") && has(b"\"specFile\"");
        if text.starts_with(b"{") && (model || workflow) { vec![LOOSE.to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        if format == LOOSE {
            return loose(artifact, sink);
        }
        let mut contents = Contents::default();
        for entry in Archive::open(artifact).entries() {
            contents.add(entry);
        }
        if contents.manifests.is_empty() {
            if artifact.name().to_ascii_lowercase().ends_with(".mar") {
                sink.finding(Finding::new(&S819, "the archive has no MAR-INF/MANIFEST.json"));
            }
            return Ok(());
        }
        if contents.manifests.len() > 1 {
            let count = contents.manifests.len();
            let finding =
                Finding::new(&S819, format!("the archive has {count} manifests, readers take the first or the last"));
            let at = contents.manifests.last().map(Entry::at).unwrap_or_default();
            sink.finding(finding.at(at.offset, at.length));
        }
        for entry in &contents.manifests {
            manifest(artifact, entry, &contents, sink);
        }
        for entry in &contents.requirements {
            requirements::scan(artifact, entry, sink);
        }
        Ok(())
    }
}

modelaudit_plugin::export!(Torchserve);

/// What an archive holds, as far as this plugin is concerned.
#[derive(Default)]
struct Contents {
    manifests: Vec<Entry>,
    requirements: Vec<Entry>,
    names: BTreeSet<String>,
    /// Not all names were kept.
    more: bool,
}

impl Contents {
    fn add(&mut self, entry: Entry) {
        let name = String::from_utf8_lossy(entry.name()).into_owned();
        // Case and separators: Java, which the server is written in, and Windows are not strict.
        let is_manifest = entry.names().iter().any(|n| MANIFESTS.iter().any(|m| n.eq_ignore_ascii_case(m.as_bytes())));
        let file = name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        if is_manifest && self.manifests.len() < 8 {
            self.manifests.push(entry);
        } else if file.starts_with("requirements") && file.ends_with(".txt") && self.requirements.len() < 8 {
            self.requirements.push(entry);
        }
        if self.names.len() < MAX_NAMES {
            self.names.insert(name);
        } else {
            self.more = true;
        }
    }
}

/// Judges a manifest that is a file of its own. One in a zip was judged with its archive.
fn loose(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let parent = artifact.lineage().last().map(|name| name.to_ascii_lowercase());
    if parent.is_some_and(|name| !name.ends_with(".tar")) {
        return Ok(());
    }
    let size = artifact.size();
    let bytes = artifact.read_all(MAX_TEXT as u64).ok_or_else(|| format!("the manifest has {size} bytes"))?;
    // Other documents have the words, too.
    let describes = |document: &Document| {
        DESCRIBED.iter().any(|key| document.root.get(key).is_some_and(|model| !model.members().is_empty()))
    };
    if Document::from_slice(&bytes, TreeLimits::default()).is_ok_and(|document| describes(&document)) {
        judge_manifest(&bytes, Span::new(0, size), "MANIFEST.json", None, sink);
    }
    Ok(())
}

fn manifest(artifact: &dyn Artifact, entry: &Entry, contents: &Contents, sink: &mut dyn Sink) {
    let at = entry.at();
    let Some(bytes) = entry.reading().and_then(|r| unpack_all(artifact, &r, MAX_TEXT)) else {
        sink.incomplete(&format!(
            "the manifest at offset {} could not be unpacked or is larger than {MAX_TEXT} bytes",
            at.offset
        ));
        return;
    };
    let element = clip(&escape(&String::from_utf8_lossy(entry.name())), 200);
    let names = if contents.more { None } else { Some(&contents.names) };
    judge_manifest(&bytes, at, &element, names, sink);
}

/// Judges a manifest that stands at `at`; `names` are those of the members, if all are known.
fn judge_manifest(bytes: &[u8], at: Span, element: &str, names: Option<&BTreeSet<String>>, sink: &mut dyn Sink) {
    let document = match Document::from_slice(bytes, TreeLimits::default()) {
        Ok(document) => document,
        Err(error) => {
            let finding = Finding::new(&S819, format!("the manifest is not valid JSON: {error}"));
            sink.finding(finding.at(at.offset, at.length).element(element));
            return;
        }
    };
    if let Some(defect) = document.defects.iter().find(|d| matches!(d.kind, DefectKind::DuplicateKey(_))) {
        let finding = Finding::new(&S819, format!("in the manifest, {defect}: readers keep the first or the last"));
        sink.finding(finding.at(at.offset, at.length).element(element));
    }
    let mut missing = Vec::new();
    for model in DESCRIBED.iter().flat_map(|key| document.root.all(key)) {
        for (field, node) in model.members() {
            if !PATH_FIELDS.contains(&field.as_str()) {
                continue;
            }
            for value in values(node) {
                let path = match field.as_str() {
                    // `handler.py:function`.
                    "handler" => value.split_once(".py:").map_or(value.to_owned(), |(file, _)| format!("{file}.py")),
                    _ => value.to_owned(),
                };
                if let Some(finding) = judge(field, &path) {
                    sink.finding(finding.at(at.offset, at.length).element(element));
                } else if is_file(field, &path)
                    && names.is_some_and(|names| !names.contains(path.trim_start_matches("./")))
                {
                    missing.push(format!("{field} {}", quote(&path)));
                }
            }
        }
        let facts = [
            ("modelName", "model_name"),
            ("workflowName", "model_name"),
            ("handler", "handler"),
            ("modelVersion", "model_version"),
        ];
        for (field, fact) in facts {
            if let Some(text) = model.get(field).and_then(Node::as_str) {
                sink.fact_text(fact, &clip(&escape(text), 200));
            }
        }
    }
    sink.fact_text("framework", "torchserve");
    if let Some(version) = document.root.get("archiverVersion").and_then(Node::as_str) {
        sink.fact_text("producer", &format!("torch-model-archiver {}", clip(&escape(version), 100)));
    }
    if DESCRIBED.iter().all(|key| document.root.get(key).is_none_or(|m| m.members().is_empty())) {
        let finding = Finding::new(&S819, "the manifest describes no model");
        sink.finding(finding.at(at.offset, at.length).element(element));
    }
    if !missing.is_empty() {
        let finding = Finding::new(
            &S819,
            format!("the manifest names files that are not in the archive: {}", missing.join(", ")),
        );
        sink.finding(finding.at(at.offset, at.length).element(element));
    }
}

/// The texts of a field: one, a list of them, or several in one text with commas (`extraFiles`).
fn values(node: &Node) -> Vec<&str> {
    match &node.value {
        Value::String(text) => text.split(',').map(str::trim).filter(|t| !t.is_empty()).take(1000).collect(),
        Value::Array(items) => items.iter().filter_map(Node::as_str).take(1000).collect(),
        _ => Vec::new(),
    }
}

/// Judges where a path of the manifest leads.
fn judge(field: &str, path: &str) -> Option<Finding> {
    let class = classify(path.as_bytes());
    let detail = |finding: Finding| finding.detail("field", field.to_owned()).detail("path", clip(&escape(path), 500));
    if class.root == Root::Url {
        let message = format!("the manifest's {field} {} is a URL", quote(path));
        return Some(detail(Finding::new(&S818, message)));
    }
    if class.escapes() {
        let message = format!("the manifest's {field} {} {}", quote(path), class.reason());
        return Some(detail(Finding::new(&S405, message)));
    }
    if class.nul || class.control {
        let message = format!("the manifest's {field} {} holds control characters", quote(path));
        return Some(detail(Finding::new(&S405, message).severity(Severity::Warning)));
    }
    None
}

/// True if the field must name a member: built-in handlers (`image_classifier`) and model names are no files, and names of
/// folders or patterns are not looked up.
fn is_file(field: &str, path: &str) -> bool {
    match field {
        "modelName" | "workflowName" | "extraFiles" => false,
        "handler" => path.ends_with(".py"),
        _ => !path.ends_with('/'),
    }
}
