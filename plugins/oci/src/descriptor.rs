//! Descriptors: what a manifest or an index says of each of its blobs.

use std::collections::BTreeMap;

use modelaudit_json::{Node, Value};
use modelaudit_plugin::{Artifact, Finding, Severity, clip, escape, quote};
use modelaudit_rules::containers::{S1190, S1191};
use modelaudit_rules::files::S405;
use modelaudit_rules::structure::{S901, S910};

use crate::digest::{self, Digest};
use crate::embedded;
use crate::findings::Findings;
use crate::places;

/// Annotations whose value is a path that a client writes to: ORAS, and the model specification of the CNCF.
const PATH_ANNOTATIONS: &[&str] = &["org.opencontainers.image.title", "org.cncf.model.filepath"];

/// Extensions of files that run code when a loader opens them.
const PICKLES: &[&str] = &["bin", "ckpt", "dill", "joblib", "pickle", "pkl", "pt", "pth"];

/// What the descriptors of a document said so far.
#[derive(Default)]
pub struct Descriptors {
    /// By digest: size, and whether the content is here or somewhere else by design.
    seen: BTreeMap<String, Seen>,
    /// Media types in the order they came, each once.
    pub media_types: Vec<String>,
    /// Number of descriptors.
    pub count: u64,
}

struct Seen {
    size: Option<u64>,
    elsewhere: bool,
}

impl Descriptors {
    /// Judges one; `what` says where it stands: `layer 3`, `the config`.
    pub fn judge(&mut self, artifact: &dyn Artifact, node: &Node, what: &str, findings: &mut Findings<'_>) {
        self.count += 1;
        let media_type = node.get("mediaType").and_then(Node::as_str).unwrap_or_default();
        if !media_type.is_empty() && self.media_types.len() < 32 && !self.media_types.iter().any(|m| m == media_type) {
            self.media_types.push(clip(&escape(media_type), 200));
        }
        let urls = urls(node, media_type, what, findings);
        let digest = digest_of(node, what, findings);
        let size = size_of(node, what, findings);
        let title = paths(node, what, findings);
        promised_type(node, media_type, title, what, findings);
        let embedded = node.get("data").is_some_and(|data| {
            embedded::hand_over(artifact, data, &embedded::Promise { what, media_type, digest, size, title }, findings)
        });
        if let Some(digest) = digest {
            self.compare(node, digest, size, embedded || urls, findings);
        }
    }

    /// Two descriptors of one digest must agree.
    fn compare(&mut self, node: &Node, digest: &str, size: Option<u64>, elsewhere: bool, findings: &mut Findings<'_>) {
        let Some(first) = self.seen.get_mut(digest) else {
            let seen = Seen { size, elsewhere };
            self.seen.insert(digest.to_owned(), seen);
            return;
        };
        first.elsewhere |= elsewhere;
        // Media types may differ: an empty JSON object stands for many things.
        if first.size == size {
            return;
        }
        let message = format!("two descriptors of the blob {} give different sizes", quote(digest));
        findings.add(Finding::new(&S910, message).at(node.at.offset, node.at.length));
    }

    /// SHA-256 digests of blobs that should stand beside the document.
    pub fn wanted(&self) -> impl Iterator<Item = &str> {
        self.seen.iter().filter(|(_, seen)| !seen.elsewhere).filter_map(|(digest, _)| match digest::parse(digest) {
            Digest::Sha256(encoded) => Some(encoded),
            _ => None,
        })
    }
}

fn digest_of<'n>(node: &'n Node, what: &str, findings: &mut Findings<'_>) -> Option<&'n str> {
    let Some(value) = node.get("digest") else {
        findings.add(Finding::new(&S1190, format!("{what} has no digest")).at(node.at.offset, node.at.length));
        return None;
    };
    let Some(text) = value.as_str() else {
        let message = format!("the digest of {what} is no text");
        findings.add(Finding::new(&S1190, message).at(value.at.offset, value.at.length));
        return None;
    };
    check_digest(value, text, what, findings);
    Some(text)
}

/// Judges the form of a digest.
pub fn check_digest(value: &Node, text: &str, what: &str, findings: &mut Findings<'_>) {
    let Digest::Malformed(why) = digest::parse(text) else { return };
    let finding = if digest::is_path(text) {
        // Clients join the digest to the folder of blobs; Ollama before 0.1.34 wrote anywhere this way (CVE-2024-37032).
        let message = format!("the digest of {what} is a path: {}", quote(text));
        Finding::new(&S405, message).detail("see", "CVE-2024-37032")
    } else {
        Finding::new(&S1190, format!("the digest {} of {what} is malformed: {why}", quote(text)))
    };
    findings.add(finding.at(value.at.offset, value.at.length));
}

fn size_of(node: &Node, what: &str, findings: &mut Findings<'_>) -> Option<u64> {
    let value = node.get("size")?;
    let size = value.as_u64().filter(|size| *size <= i64::MAX as u64);
    if size.is_none() {
        let message = format!("the size of {what} is no number of bytes");
        findings.add(Finding::new(&S1190, message).at(value.at.offset, value.at.length));
    }
    size
}

/// Judges where the content may be fetched from; true if there is such a place.
fn urls(node: &Node, media_type: &str, what: &str, findings: &mut Findings<'_>) -> bool {
    let Some(urls) = node.get("urls").filter(|urls| !urls.items().is_empty()) else { return false };
    let bound = media_type.contains("foreign") || media_type.contains("nondistributable");
    let plain = urls.items().iter().all(|url| url.as_str().is_some_and(|url| url.starts_with("https://")));
    let severity = if bound && plain { Severity::Info } else { Severity::Warning };
    let first = urls.items().iter().find_map(Node::as_str).unwrap_or_default();
    let message = format!("{what} is fetched from {}", quote(first));
    let finding = Finding::new(&S1191, message).severity(severity).at(urls.at.offset, urls.at.length);
    findings.add(finding.detail("urls", urls.items().len().to_string()));
    true
}

/// Judges annotations that are paths; the file name they give.
fn paths<'n>(node: &'n Node, what: &str, findings: &mut Findings<'_>) -> Option<&'n str> {
    let annotations = node.get("annotations")?;
    let mut title = None;
    for key in PATH_ANNOTATIONS {
        for value in annotations.all(key) {
            if let Some(path) = value.as_str() {
                places::judge(value, path, &format!("the file name of {what}"), findings);
                title = Some(path);
            }
        }
    }
    title
}

/// A media type of a format without code on a file whose name is a pickle's.
fn promised_type(node: &Node, media_type: &str, title: Option<&str>, what: &str, findings: &mut Findings<'_>) {
    let media_type = media_type.to_ascii_lowercase();
    let extension = title.and_then(|title| title.rsplit_once('.')).map(|(_, extension)| extension.to_ascii_lowercase());
    let harmless = ["gguf", "safetensors", "onnx"].iter().find(|name| media_type.contains(*name));
    if let (Some(format), Some(extension), Some(title)) = (harmless, extension, title)
        && PICKLES.contains(&extension.as_str())
    {
        let message = format!("{what} is said to be {format} and is unpacked as {}", quote(title));
        findings.add(Finding::new(&S901, message).at(node.at.offset, node.at.length));
    }
}

/// True for an object that looks like a descriptor.
pub fn is_descriptor(node: &Node) -> bool {
    matches!(node.value, Value::Object(_)) && (node.get("digest").is_some() || node.get("mediaType").is_some())
}
