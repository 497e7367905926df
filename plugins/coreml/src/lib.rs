//! Scans CoreML models (`.mlmodel`), the manifests and weights of their packages (`.mlpackage`), and compiled models (`.mlmodelc`).
//!
//! A model is a protobuf message that runs no code of its own. It may ask the app for code, though (custom layers and models), name
//! files outside (linked models, weights of an ML program, the parts of a package), and carry texts that tools show or act on. All of
//! the message is walked, through pipelines of models and nested blocks, and weights are passed over.

mod compiled;
mod layers;
mod manifest;
mod schema;
mod walk;
mod weights;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_protobuf::{Wire, head};
use modelaudit_rules::files::S405;
use modelaudit_rules::other_formats::S1108;
use modelaudit_rules::structure::{S902, S905, S911};

/// The plugin.
pub struct CoreMl;

impl Plugin for CoreMl {
    fn describe() -> Manifest {
        Manifest {
            name: "coreml",
            version: env!("CARGO_PKG_VERSION"),
            summary: "CoreML models and packages: custom layers, files they refer to, metadata",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("coreml", "CoreML")
                    .extensions(&["mlmodel"])
                    .first_bytes(modelaudit_protobuf::head::first_bytes()),
                Format::new("coreml-package", "CoreML package manifest").first_characters(b"{"),
                Format::new("coreml-weights", "CoreML weights").magic(Magic::at(64, &weights::SENTINEL)),
                Format::new("coreml-program", "CoreML program as text").first_characters(b"p").extensions(&["mil"]),
                Format::new("coreml-network", "CoreML compiled network").first_characters(b"{"),
            ],
            anchors: vec![],
            rules: vec![S405, S902, S905, S911, S1108],
        }
    }

    fn probe(head: &[u8], size: u64) -> Vec<String> {
        let mut formats = Vec::new();
        if is_model(head, size) {
            formats.push("coreml".to_owned());
        }
        if manifest::fits(head) {
            formats.push("coreml-package".to_owned());
        }
        if compiled::is_program(head) {
            formats.push("coreml-program".to_owned());
        }
        if compiled::is_network(head) {
            formats.push("coreml-network".to_owned());
        }
        formats
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        match format {
            "coreml-package" => manifest::scan(artifact, sink),
            "coreml-weights" => weights::scan(artifact, sink),
            "coreml-program" => compiled::program(artifact, sink),
            "coreml-network" => compiled::network(artifact, sink),
            _ => walk::scan(artifact, sink),
        }
    }
}

modelaudit_plugin::export!(CoreMl);

/// A version below 64, a description whose own fields fit, and then a kind of model.
fn is_model(bytes: &[u8], size: u64) -> bool {
    if !bytes.starts_with(&[0x08]) {
        return false;
    }
    let Some(fields) = head::fields(bytes, size) else { return false };
    if !head::fits(&fields, schema::MODEL) || !fields.first().is_some_and(|f| (1..64).contains(&f.varint)) {
        return false;
    }
    let Some(description) = fields.iter().find(|f| f.number == schema::DESCRIPTION_IN_MODEL) else {
        return fields.iter().any(|f| f.number >= 200);
    };
    let Some(inner) = head::fields(description.bytes, description.length) else { return false };
    if !inner.is_empty() && !head::fits(&inner, schema::DESCRIPTION) {
        return false;
    }
    // Inputs and outputs begin with their name, which tells them from the graphs of a TensorFlow SavedModel.
    let named = inner.iter().filter(|f| matches!(f.number, 1 | 10)).all(|feature| {
        let parts = head::fields(feature.bytes, feature.length).unwrap_or_default();
        parts.first().is_some_and(|name| name.number == 1 && name.text(1024).is_some())
    });
    // Behind the description stands a kind of model, in sight or not: two numbers and a text are not enough.
    let kind = fields.iter().any(|f| f.number >= 200 && f.wire == Wire::Bytes);
    named && (kind || !inner.is_empty() && description.length.saturating_add(16) < size)
}
