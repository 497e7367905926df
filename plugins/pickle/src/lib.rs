//! Scans pickle files: protocols 0 to 5, several streams, joblib's arrays in between.
//!
//! Pickle is how models attack: loading one runs whatever its opcodes call. The machine that finds out is a crate of its own
//! (`modelaudit-pickle-machine`), because numpy's object arrays and torch's archives hold pickles, too; this plugin decides
//! what is a pickle (there is no magic) and what it means that one has a harmless extension.

use modelaudit_pickle_machine::{ScanOptions, is_pickle, opcodes, runs_code, scan_pickle};
use modelaudit_plugin::{Artifact, Finding, Format, Manifest, Plugin, Severity, Sink, Span, quote};
use modelaudit_rules::{pickle, structure};

/// The plugin.
pub struct Pickle;

/// Extensions that promise a pickle. The content decides; with one of these names and another content the file is
/// *incomplete*. `.pt`, `.bin`, `.ckpt`, `.sav`, `.p` and the like are not here, although they often hold pickles: they hold
/// other formats just as often, and the probe finds the pickles among them.
const EXTENSIONS: &[&str] = &["pkl", "pickle", "pck", "joblib", "dill"];

/// Extensions that promise a format without code in it. Source: the formats of modelaudit's own plugins, and media files
/// that a pickle poses as. `npy` is here because `numpy.load` falls back to unpickling what has no npy magic (reference 4.6).
const HARMLESS_EXTENSIONS: &[&str] = &[
    "csv",
    "gguf",
    "ggml",
    "gif",
    "h5",
    "hdf5",
    "jpeg",
    "jpg",
    "json",
    "keras",
    "md",
    "mlmodel",
    "msgpack",
    "npy",
    "npz",
    "onnx",
    "pb",
    "pdf",
    "pmml",
    "png",
    "rknn",
    "safetensors",
    "tflite",
    "txt",
    "webp",
    "xml",
    "yaml",
    "yml",
];

impl Plugin for Pickle {
    fn describe() -> Manifest {
        let mut rules = pickle::ALL.to_vec();
        rules.push(structure::S901);
        Manifest {
            name: "pickle",
            version: env!("CARGO_PKG_VERSION"),
            summary: "pickle and joblib files: what they run when they are loaded",
            homepage: "",
            formats: vec![Format::new("pickle", "Python pickle").extensions(EXTENSIONS).first_bytes(opcodes())],
            anchors: vec![],
            rules,
        }
    }

    fn probe(head: &[u8], size: u64) -> Vec<String> {
        if is_pickle(head, size) { vec!["pickle".to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let size = artifact.size();
        let head = artifact.read(0, 4096);
        // By its extension it is asked for even if the first bytes do not show what it is.
        if !is_pickle(&head, size) && !runs_code(artifact, Span::new(0, size)) {
            return Err(not_a_pickle(&head));
        }
        let summary = scan_pickle(artifact, Span::new(0, size), sink, &ScanOptions::default());
        let name = artifact.name();
        let extension = name.rsplit('/').next().and_then(|n| n.rsplit_once('.')).map(|(_, e)| e.to_ascii_lowercase());
        if let Some(extension) = extension.filter(|e| HARMLESS_EXTENSIONS.contains(&e.as_str()))
            && (summary.is_pickle || summary.worst.is_some_and(|w| w >= Severity::Warning))
        {
            let message = format!("the name ends in {}, the content is a pickle", quote(format!(".{extension}")));
            sink.finding(Finding::new(&structure::S901, message).at(0, 2.min(size)));
        }
        Ok(())
    }
}

/// Why the bytes are none, in one line.
fn not_a_pickle(head: &[u8]) -> String {
    if head.is_empty() {
        return "not a pickle: the file is empty".to_owned();
    }
    if head.starts_with(b"version https://git-lfs.github.com/spec/") {
        return "not a pickle: a pointer of Git LFS, the model itself was not downloaded".to_owned();
    }
    if head.starts_with(b"<!DOCTYPE") || head.starts_with(b"<html") {
        return "not a pickle: a web page, perhaps the error page of a download".to_owned();
    }
    "not a pickle: its first bytes are no sequence of opcodes".to_owned()
}

modelaudit_plugin::export!(Pickle);
