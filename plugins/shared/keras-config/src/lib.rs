//! What deserialising a Keras configuration runs.
//!
//! Keras keeps a model as a JSON document (`config.json` of a `.keras` archive, the attribute `model_config` of an HDF5 file, the
//! metadata of a SavedModel) whose objects name a module and a class or function. Loading imports, constructs and calls what is
//! named, and a Lambda layer even brings its own bytecode. The attacks are all in these names: bytecode in a Lambda layer
//! (CVE-2024-3660, CVE-2025-9905), any module and class (CVE-2025-1550), Keras' own helpers as gadgets (`get_file`:
//! CVE-2025-8747, CVE-2025-12060), functions that switch the protection off (CVE-2025-9906), a vocabulary that is a URL
//! (CVE-2025-12058), a layer that unpickles (CVE-2025-49655).
//!
//! So every object of the document is looked at, not only layers: a loss, an activation, an argument of a call, a key that Keras
//! does not read today. [`judge`] does it for a parsed document, [`judge_text`] for the JSON itself. `policy` holds the tables,
//! `reference` judges a module and a name, `bytecode` a code object, `walk` goes through the document.

mod base64;
mod bytecode;
mod classes;
mod facts;
mod policy;
mod reference;
mod text;
mod version;
mod walk;

use modelaudit_json::{DefectKind, Document, Limits, TreeLimits};
use modelaudit_plugin::{Finding, Rule, Sink, Span};
use modelaudit_rules::frameworks::S1103;
use modelaudit_rules::keras::{S810, S1130, S1131};
use modelaudit_rules::structure::{S902, S910};

pub use facts::{facts, is_keras};
pub use version::Version;
pub use walk::judge;

/// All rules that [`judge`] and [`judge_text`] report; a plugin that uses them declares them.
pub const RULES: &[Rule] = &[S810, S902, S910, S1103, S1130, S1131];

/// Largest configuration that is read, in bytes. Those of large models have some megabytes.
pub const MAX_CONFIG: usize = 24 << 20;

/// What holds the configuration: decides which CVE a defect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// A `.keras` archive, which Keras loads with `safe_mode` unless told otherwise.
    Zip,
    /// HDF5, whose loader ignored `safe_mode` before Keras 3.11.3 (CVE-2025-9905).
    Hdf5,
    /// Metadata of a SavedModel.
    SavedModel,
}

/// Where a configuration comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'o> {
    /// What holds it.
    pub container: Container,
    /// Version of Keras that wrote the file, as it says.
    pub version: Option<&'o str>,
    /// Name of the configuration for messages: `config.json`, `model_config`.
    pub name: &'o str,
    /// Where the JSON text begins in the artifact, if it stands there as it is.
    pub start: Option<u64>,
    /// The place to report where `start` is not known: the archive's member.
    pub place: Span,
}

impl Origin<'_> {
    /// The place of a node of the document in the artifact.
    pub(crate) fn at(&self, node: Span) -> Span {
        match self.start.and_then(|start| start.checked_add(node.offset)) {
            Some(offset) => Span::new(offset, node.length),
            None => self.place,
        }
    }
}

/// Parses a configuration and judges it. Returns the document, for facts.
///
/// A text that is no JSON is a defect (Keras refuses it, other readers may not); one that ends early is *incomplete*.
///
/// Python's reader takes UTF-16 and UTF-32, too, so they are read; places are those of the whole text then.
pub fn judge_text(json: &[u8], origin: &Origin<'_>, sink: &mut dyn Sink) -> Option<Document> {
    if let Some(utf8) = text::to_utf8(json) {
        let message =
            format!("{} is in an encoding that Python's JSON reader knows and most others do not", origin.name);
        let finding = Finding::new(&S910, message).at(origin.place.offset, origin.place.length);
        sink.finding(finding.element(origin.name));
        return judge_utf8(&utf8, &Origin { start: None, ..*origin }, sink);
    }
    judge_utf8(json, origin, sink)
}

fn judge_utf8(json: &[u8], origin: &Origin<'_>, sink: &mut dyn Sink) -> Option<Document> {
    // Python's reader takes any depth that its stack bears; nested models and wrappers reach some dozens.
    let limits =
        TreeLimits { parse: Limits { depth: 512, text: 8 << 20, ..Limits::default() }, nodes: 600_000, text: 48 << 20 };
    match Document::from_slice(json, limits) {
        Ok(document) => {
            let duplicate = document.defects.iter().find(|d| matches!(d.kind, DefectKind::DuplicateKey(_)));
            if let Some(defect) = duplicate {
                let at = origin.at(Span::new(defect.offset, 1));
                let finding =
                    Finding::new(&S910, format!("in {}, {defect}: readers keep the first or the last", origin.name));
                sink.finding(finding.at(at.offset, at.length).element(origin.name));
            }
            if document.truncated {
                sink.incomplete(&format!("{} holds a text of more than 8 MiB, which was cut", origin.name));
            }
            judge(&document.root, origin, sink);
            Some(document)
        }
        Err(error) => {
            if !error.is_end() && !error.is_limit() {
                let at = origin.at(Span::new(error.offset, 1).within(json.len() as u64));
                let finding = Finding::new(&S902, format!("{} is not valid JSON: {error}", origin.name));
                sink.finding(finding.at(at.offset, at.length).element(origin.name));
            }
            sink.incomplete(&format!("{} could not be read: {error}", origin.name));
            None
        }
    }
}

#[cfg(test)]
mod tests;
