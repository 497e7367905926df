//! Scans TensorFlow Lite models.
//!
//! A `.tflite` file is a FlatBuffer that phones and microcontrollers use in place, often without a verifier: an offset or index that
//! leads out is read or written where it leads. It runs no code by itself, but it names operators: custom ones that a program
//! registers, and those of full TensorFlow (`Flex...`), which write files and run Python, whatever they are called (`flex`). The tables are
//! walked, the buffers are not read. Files behind the FlatBuffer (labels in a zip) are the business of the analyser for embedded
//! archives, other bytes there are told (`tail`).

mod builtin;
mod flex;
mod model;
mod operators;
mod policy;
mod schema;
mod tail;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink, quote};
use modelaudit_rules::frameworks::{S1102, S1112, S1113, S1118, S1119};
use modelaudit_rules::graphs::S1123;
use modelaudit_rules::structure::{S905, S911};

/// The plugin.
pub struct Tflite;

impl Plugin for Tflite {
    fn describe() -> Manifest {
        Manifest {
            name: "tflite",
            version: env!("CARGO_PKG_VERSION"),
            summary: "TensorFlow Lite models: structure, custom and Flex operators, tensors",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("tflite", "TensorFlow Lite").extensions(&["tflite"]).magic(Magic::at(4, b"TFL3")),
            ],
            anchors: vec![],
            rules: vec![S905, S911, S1102, S1112, S1113, S1118, S1119, S1123],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let head = artifact.read(0, 8);
        if head.get(4..8) != Some(b"TFL3") {
            return Err(format!("the identifier 'TFL3' is missing, the file begins with {}", quote(&head)));
        }
        model::Scan::new(artifact, sink).run()
    }
}

modelaudit_plugin::export!(Tflite);
