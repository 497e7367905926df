//! Reads a document and sends each of its parts to who judges it.

use modelaudit_json::{DefectKind, Document, Limits, Node, TreeLimits, Value};
use modelaudit_plugin::{Artifact, Finding, Sink, Span, clip, escape, quote};
use modelaudit_rules::containers::{S1190, S1192, S1194};
use modelaudit_rules::structure::{S910, S911};
use sha2::{Digest as _, Sha256};

use crate::descriptor::{Descriptors, check_digest, is_descriptor};
use crate::findings::Findings;
use crate::{digest, image, places};

/// Longest document: manifests may have 4 MiB, their embedded data more.
const LIMIT: u64 = 256 << 20;

/// Documents whose digest is computed here, where the host can't.
const HASHED: u64 = 16 << 20;

/// Scans a document.
///
/// # Errors
/// It is not JSON, or over a limit.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    if artifact.size() > LIMIT {
        return Err(format!("a document of {} bytes, {LIMIT} are read", artifact.size()));
    }
    let limits =
        TreeLimits { parse: Limits { text: LONGEST_TEXT, ..Limits::default() }, nodes: 1 << 18, text: 16 << 20 };
    let whole = Span::new(0, artifact.size());
    let document =
        Document::parse(artifact, whole, limits).map_err(|error| format!("the document could not be read: {error}"))?;
    let mut findings = Findings::new(sink);
    if let Some(defect) = document.defects.iter().find(|d| matches!(d.kind, DefectKind::DuplicateKey(_))) {
        let message = format!("{defect}: clients keep the first or the last");
        findings.add(Finding::new(&S910, message).at(defect.offset, 1));
    }
    if let Some(offset) = document.trailing {
        let rest = Span::new(offset, artifact.size() - offset);
        let message = format!("{} bytes follow the document, from offset {offset} on", rest.length);
        findings.add(Finding::new(&S911, message).at(rest.offset, rest.length));
        findings.sink.embed(&format!("bytes at {offset}"), rest, "");
    }
    let mut reading = Reading { artifact, descriptors: Descriptors::default() };
    reading.root(&document.root, &mut findings);
    reading.own_digest(&mut findings);
    reading.missing(&mut findings);
    if reading.descriptors.count > 0 {
        findings.sink.fact_number("oci_descriptors", reading.descriptors.count);
        findings.sink.fact_list("oci_media_types", &reading.descriptors.media_types);
    }
    findings.finish();
    Ok(())
}

/// Bytes kept of one string.
const LONGEST_TEXT: usize = 64 << 10;

struct Reading<'a> {
    artifact: &'a dyn Artifact,
    descriptors: Descriptors,
}

impl Reading<'_> {
    fn root(&mut self, root: &Node, findings: &mut Findings<'_>) {
        if let Value::Array(images) = &root.value {
            findings.sink.fact_text("oci_document", "docker save");
            for (index, image) in images.iter().enumerate() {
                saved_image(image, index, findings);
            }
            return;
        }
        let is_index = root.get("manifests").is_some();
        let is_manifest = ["layers", "blobs", "fsLayers"].iter().any(|key| root.get(key).is_some())
            || root.get("config").is_some_and(is_descriptor);
        let kind = match (is_index, is_manifest) {
            (true, _) => "index",
            (false, true) => "manifest",
            _ if root.get("imageLayoutVersion").is_some() => "layout",
            _ if root.get("manifestVersion").is_some() => "kit",
            _ => "image configuration",
        };
        findings.sink.fact_text("oci_document", kind);
        ambiguous(root, is_index, is_manifest, findings);
        for node in root.all("manifests").flat_map(Node::items).enumerate() {
            self.part(node.1, &format!("manifest {}", node.0), findings);
            reference_name(node.1, findings);
        }
        for key in ["layers", "blobs"] {
            for (index, node) in root.all(key).flat_map(Node::items).enumerate() {
                self.part(node, &format!("layer {index}"), findings);
            }
        }
        for (key, what) in [("config", "the config"), ("subject", "the subject")] {
            for node in root.all(key).filter(|node| is_descriptor(node)) {
                self.descriptors.judge(self.artifact, node, what, findings);
            }
        }
        for (index, node) in root.all("fsLayers").flat_map(Node::items).enumerate() {
            if let Some((sum, text)) = node.get("blobSum").and_then(|sum| Some((sum, sum.as_str()?))) {
                check_digest(sum, text, &format!("layer {index}"), findings);
            }
        }
        if kind == "image configuration" {
            image::judge(root, findings);
        }
        if kind == "kit" {
            kit_paths(root, findings);
        }
    }

    /// A part of a manifest: a descriptor, or a path or an address as some tools write it.
    fn part(&mut self, node: &Node, what: &str, findings: &mut Findings<'_>) {
        if let Some(path) = node.as_str() {
            return reference(node, path, what, findings);
        }
        if is_descriptor(node) {
            return self.descriptors.judge(self.artifact, node, what, findings);
        }
        let mut known = false;
        for key in ["path", "file", "filename", "ref", "source", "url", "uri"] {
            for value in node.all(key) {
                if let Some(path) = value.as_str() {
                    known = true;
                    reference(value, path, what, findings);
                }
            }
        }
        if !known {
            let message = format!("{what} is neither a descriptor nor a path");
            findings.add(Finding::new(&S1190, message).at(node.at.offset, node.at.length));
        }
    }

    /// A document that is called by its digest must have it.
    fn own_digest(&self, findings: &mut Findings<'_>) {
        let name = self.artifact.name();
        let Some(wanted) = digest::of_name(&name) else { return };
        let whole = Span::new(0, self.artifact.size());
        let found = self
            .artifact
            .digest("sha256", whole)
            .or_else(|| self.artifact.read_span(whole, HASHED).map(|bytes| Sha256::digest(bytes).to_vec()));
        if let Some(found) = found.map(|found| digest::hexadecimal(&found)).filter(|found| found != wanted) {
            let message = "the document is stored under another digest than it has: clients that do not check it take it for another";
            findings.add(Finding::new(&S910, message).at(0, whole.length).detail("sha256", found));
        }
    }

    /// Blobs that are named and not there, where blobs stand beside the document.
    fn missing(&self, findings: &mut Findings<'_>) {
        let siblings = self.artifact.siblings();
        let own = self.artifact.name();
        let own = digest::of_name(&own);
        let others = siblings.iter().filter_map(|name| digest::of_name(name));
        let mut here: Vec<&str> = others.filter(|name| Some(*name) != own).collect();
        // Without a blob beside it the document is kept somewhere else than they are; beyond 10,000 names the list is cut.
        if here.is_empty() || siblings.len() >= 10_000 {
            return;
        }
        here.sort_unstable();
        let missing: Vec<&str> =
            self.descriptors.wanted().filter(|wanted| here.binary_search(wanted).is_err()).collect();
        if let Some(first) = missing.first() {
            let message = match missing.len() {
                1 => format!("the blob {first} is not here"),
                count => format!("{count} blobs are not here, the first is {first}"),
            };
            findings.add(Finding::new(&S1194, message));
        }
    }
}

/// One image of `docker save`.
fn saved_image(image: &Node, index: usize, findings: &mut Findings<'_>) {
    for config in image.all("Config") {
        if let Some(path) = config.as_str() {
            places::judge(config, path, &format!("the configuration of image {index}"), findings);
        }
    }
    for (layer, node) in image.all("Layers").flat_map(Node::items).enumerate() {
        if let Some(path) = node.as_str() {
            places::judge(node, path, &format!("layer {layer} of image {index}"), findings);
        }
    }
    let tags: Vec<String> = image
        .all("RepoTags")
        .flat_map(Node::items)
        .filter_map(Node::as_str)
        .take(16)
        .map(|tag| clip(&escape(tag), 200))
        .collect();
    if !tags.is_empty() {
        findings.sink.fact_list("image_tags", &tags);
    }
}

/// A layer that is a text: a digest or a path.
fn reference(node: &Node, text: &str, what: &str, findings: &mut Findings<'_>) {
    if matches!(digest::parse(text), digest::Digest::Malformed(_)) {
        places::judge(node, text, what, findings);
    }
}

/// The name of an image in a layout; some tools make a file of it.
fn reference_name(node: &Node, findings: &mut Findings<'_>) {
    let name = node.get("annotations").and_then(|notes| notes.get("org.opencontainers.image.ref.name"));
    if let Some((name, text)) = name.and_then(|name| Some((name, name.as_str()?)))
        && text.split(['/', '\\']).any(|part| part == "..")
    {
        places::judge(name, text, "the name of the image", findings);
    }
}

/// An index and a manifest in one, or one under the other's media type.
fn ambiguous(root: &Node, is_index: bool, is_manifest: bool, findings: &mut Findings<'_>) {
    let media_type = root.get("mediaType").and_then(Node::as_str).unwrap_or_default();
    let says_index = media_type.contains("image.index.") || media_type.contains("manifest.list.");
    let says_manifest = media_type.contains("image.manifest.") || media_type.contains("distribution.manifest.v");
    let message = if is_index && is_manifest {
        "the document is an index of manifests and a manifest at once".to_owned()
    } else if says_index && is_manifest || says_manifest && is_index {
        let content = if is_index { "an index" } else { "a manifest" };
        format!("the media type is {}, the content is that of {content}", quote(media_type))
    } else {
        return;
    };
    findings.add(Finding::new(&S1192, message).at(root.at.offset, root.at.length));
}

/// Paths of a KitOps kit, which its client unpacks to.
fn kit_paths(root: &Node, findings: &mut Findings<'_>) {
    for (key, node) in root.walk() {
        if let (Some("path"), Some(path)) = (key, node.as_str()) {
            places::judge(node, path, "a path of the kit", findings);
        }
    }
}
