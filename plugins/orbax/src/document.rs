//! Goes through a JSON document of a checkpoint and sends each object to who judges it.

use modelaudit_base64::decode;
use modelaudit_json::{DefectKind, Document, Limits, Node, TreeLimits};
use modelaudit_paths::{Parents, Root, classify};
use modelaudit_pickle_policy::suspicious_text;
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, clip, escape, quote};
use modelaudit_rules::checkpoints::S1105;
use modelaudit_rules::files::S405;
use modelaudit_rules::structure::{S910, S911};

use crate::{store, zarr};

/// Longest document. The tree of a model of a hundred thousand parameters takes some forty megabytes.
const LIMIT: u64 = 256 << 20;

/// Findings of one document.
const MOST: u64 = 200;

/// Keys whose value is a function that restores or transforms values. The first four are what the field looks for, the last five
/// its names of JAX transforms that evaluate text.
const FUNCTIONS: &[&str] = &[
    "restore_fn",
    "restore_function",
    "transform_fn",
    "load_fn",
    "deserialize_fn",
    "eval_jit",
    "exec_transform",
    "dynamic_eval",
    "runtime_eval",
    "jit_compile",
];

/// Passes findings on, up to a limit.
pub struct Findings<'s> {
    /// Where everything else goes.
    pub sink: &'s mut dyn Sink,
    reported: u64,
}

impl Findings<'_> {
    /// One more.
    pub fn add(&mut self, finding: Finding) {
        self.reported += 1;
        if self.reported <= MOST {
            self.sink.finding(finding);
        }
    }
}

/// Scans a document.
///
/// # Errors
/// It is not JSON, or over a limit.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    if artifact.size() > LIMIT {
        return Err(format!("a document of {} bytes, {LIMIT} are read", artifact.size()));
    }
    let limits = TreeLimits { parse: Limits { text: 1 << 18, ..Limits::default() }, ..TreeLimits::default() };
    let document = Document::parse(artifact, Span::new(0, artifact.size()), limits)
        .map_err(|error| format!("the document could not be read: {error}"))?;
    let mut findings = Findings { sink, reported: 0 };
    if let Some(defect) = document.defects.iter().find(|d| matches!(d.kind, DefectKind::DuplicateKey(_))) {
        let message = format!("{defect}: readers keep the first or the last");
        findings.add(Finding::new(&S910, message).at(defect.offset, 1));
    }
    if let Some(offset) = document.trailing {
        let rest = Span::new(offset, artifact.size() - offset);
        let message = format!("{} bytes follow the document, from offset {offset} on", rest.length);
        findings.add(Finding::new(&S911, message).at(rest.offset, rest.length));
        findings.sink.embed(&format!("bytes at {offset}"), rest, "");
    }
    facts(&document.root, findings.sink);
    for (key, node) in document.root.walk() {
        if let Some(key) = key {
            value(key, node, &mut findings);
        }
        object(node, &mut findings);
    }
    if findings.reported > MOST {
        let message = format!("{} more findings of this document are not shown", findings.reported - MOST);
        findings.sink.finding(Finding::new(&S405, message).severity(Severity::Info));
    }
    Ok(())
}

/// What the document is, and what it says of the checkpoint.
fn facts(root: &Node, sink: &mut dyn Sink) {
    let kinds = [
        ("tree_metadata", "Orbax tree"),
        ("item_handlers", "Orbax checkpoint"),
        ("array_metadatas", "Orbax arrays"),
        ("zarr_consolidated_format", "Zarr hierarchy"),
        ("zarr_format", "Zarr"),
        ("driver", "TensorStore specification"),
    ];
    if let Some((_, kind)) = kinds.iter().find(|(key, _)| root.get(key).is_some()) {
        sink.fact_text("checkpoint_document", kind);
    }
    if let Some(tree) = root.get("tree_metadata") {
        sink.fact_number("orbax_parameters", tree.members().len() as u64);
    }
    let handlers: Vec<String> = match root.get("item_handlers") {
        Some(node) => {
            node.walk().filter_map(|(_, node)| node.as_str()).take(32).map(|h| clip(&escape(h), 200)).collect()
        }
        None => Vec::new(),
    };
    if !handlers.is_empty() {
        sink.fact_list("orbax_handlers", &handlers);
    }
}

/// What a key means.
fn value(key: &str, node: &Node, findings: &mut Findings<'_>) {
    if FUNCTIONS.contains(&key)
        && let Some(text) = node.as_str().filter(|text| !text.trim().is_empty())
    {
        let (what, severity) = match suspicious_text(text) {
            Some(what) => (format!("{what}: "), Severity::Critical),
            None => (String::new(), Severity::Warning),
        };
        let message = format!("the value of {} is {what}{}", quote(key), quote(text));
        findings.add(Finding::new(&S1105, message).severity(severity).at(node.at.offset, node.at.length));
    }
    if matches!(key, "param_name" | "key")
        && let Some(name) = node.as_str()
    {
        parameter(name, node, findings);
    }
}

/// A parameter's name becomes the folder or key that its values are read from.
pub fn parameter(name: &str, node: &Node, findings: &mut Findings<'_>) {
    let class = classify(name.as_bytes());
    let outside = class.parents == Parents::Outside || matches!(class.root, Root::Absolute | Root::Drive | Root::Unc);
    if !outside {
        return;
    }
    // Some libraries write names with a slash in front.
    let severity = if class.parents == Parents::Outside { Severity::Critical } else { Severity::Warning };
    let message = format!("the name {}, under which values are stored, {}", quote(name), class.reason());
    findings.add(Finding::new(&S405, message).severity(severity).at(node.at.offset, node.at.length));
}

/// What an object is.
fn object(node: &Node, findings: &mut Findings<'_>) {
    if node.members().is_empty() {
        return;
    }
    store::judge(node, findings);
    if zarr::is_array(node) {
        zarr::judge(node, findings);
    }
    // A hierarchy in one document: its keys are paths.
    if node.get("zarr_consolidated_format").is_some() || node.get("kind").and_then(Node::as_str) == Some("inline") {
        for (path, value) in node.get("metadata").map(Node::members).unwrap_or_default() {
            parameter(path, value, findings);
        }
    }
    // `_sharding`: names of parameters in base64, JSON in texts.
    for (key, value) in node.members() {
        if value.as_str().is_some_and(|text| text.contains("sharding_type"))
            && let Some(name) = decode(key, 4096).and_then(|name| String::from_utf8(name).ok())
        {
            parameter(&name, value, findings);
        }
    }
}
