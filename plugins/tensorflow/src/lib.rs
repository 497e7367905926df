//! Scans TensorFlow models: SavedModel, MetaGraph, frozen GraphDef and Keras metadata.
//!
//! TensorFlow says it itself: models are programs. A graph may run Python, write and read files, connect to other machines, and it
//! does so when it is restored or called. Nearly every export holds operators that *could*, those which save and restore its own
//! checkpoints, so an alarm for each name says nothing. Here operators have tiers ([`modelaudit_rules::frameworks::tensorflow_ops`]), and what decides is the path or
//! address they are used on, followed back to constants (`resolve`), and each comes with the entry point that leads to it (`reach`). Graphs
//! hide in the strings of graphs (`DatasetFromGraph`, `hidden`) and in libraries of functions; both are walked. The text forms are turned into
//! the binary one (`pbtxt`); of a checkpoint, the list of its tensors (`table`) and the file that names the latest (`checkpoint`) are read.

mod checkpoint;
mod hidden;
mod judge;
mod keras;
mod node;
mod pbtxt;
mod probe;
mod reach;
mod registry;
mod resolve;
mod scan;
mod table;
mod text;

use modelaudit_plugin::{Artifact, Format, Manifest, Plugin, Sink, quote};
use modelaudit_rules::files::S405;
use modelaudit_rules::frameworks::{S1102, S1103, S1112, S1113, S1114};
use modelaudit_rules::graphs::{S1121, S1122};
use modelaudit_rules::structure::{S902, S911};

use probe::{KINDS, Kind};

/// The plugin.
pub struct Tensorflow;

impl Plugin for Tensorflow {
    fn describe() -> Manifest {
        Manifest {
            name: "tensorflow",
            version: env!("CARGO_PKG_VERSION"),
            summary: "TensorFlow SavedModel, MetaGraph, GraphDef and Keras metadata: operators, paths, nested graphs",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("tf-savedmodel", "TensorFlow SavedModel")
                    .first_bytes(modelaudit_protobuf::head::first_bytes())
                    .file_names(&["saved_model.pb"]),
                Format::new("tf-metagraph", "TensorFlow MetaGraph")
                    .first_bytes(modelaudit_protobuf::head::first_bytes()),
                Format::new("tf-graphdef", "TensorFlow GraphDef")
                    .first_bytes(modelaudit_protobuf::head::first_bytes())
                    .extensions(&["pb"]),
                Format::new("keras-metadata", "Keras metadata")
                    .first_bytes(modelaudit_protobuf::head::first_bytes())
                    .file_names(&["keras_metadata.pb"]),
                Format::new("tf-fingerprint", "TensorFlow fingerprint")
                    .first_bytes(modelaudit_protobuf::head::first_bytes())
                    .file_names(&["fingerprint.pb"]),
                Format::new("tf-text", "TensorFlow graph as text")
                    .first_characters(pbtxt::FIRST)
                    .file_names(&["saved_model.pbtxt"]),
                Format::new("tf-checkpoint", "TensorFlow checkpoint state").first_characters(b"ma"),
                Format::new("tf-checkpoint-index", "TensorFlow checkpoint index").first_bytes([0]),
            ],
            anchors: vec![],
            rules: vec![S405, S902, S911, S1102, S1103, S1112, S1113, S1114, S1121, S1122],
        }
    }

    fn probe(head: &[u8], size: u64) -> Vec<String> {
        for (fits, format) in [
            (table::fits as fn(&[u8]) -> bool, "tf-checkpoint-index"),
            (checkpoint::fits, "tf-checkpoint"),
            (pbtxt::fits, "tf-text"),
        ] {
            if fits(head) {
                return vec![format.to_owned()];
            }
        }
        let kind = probe::kind(head, size);
        KINDS.iter().filter(|(k, _)| Some(*k) == kind).map(|(_, id)| (*id).to_owned()).collect()
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        match format {
            "tf-text" => return pbtxt::scan(artifact, sink),
            "tf-checkpoint" => return checkpoint::scan(artifact, sink),
            "tf-checkpoint-index" => return table::scan(artifact, sink),
            _ => {}
        }
        let head = artifact.read(0, 4096);
        let size = artifact.size();
        let wanted = KINDS.iter().find(|(_, id)| *id == format).map_or(Kind::Graph, |(kind, _)| *kind);
        if wanted == Kind::Graph && KINDS.iter().any(|(kind, _)| name_matches(artifact, *kind)) {
            // Claimed by its extension and by its whole name: once is enough.
            return Ok(());
        }
        // A file that is here for its name may be another message, or one that was cut off.
        let kind = probe::kind(&head, size).or_else(|| probe::kind(&head, u64::MAX));
        match kind {
            Some(kind) => scan::Scan::new(artifact, kind, sink).run(),
            None if size == 0 => Err("the file is empty".to_owned()),
            None if name_matches(artifact, wanted) => scan::Scan::new(artifact, wanted, sink).run(),
            None if probe::is_other_message(&head, size) => {
                sink.log("a protobuf message without any field of a graph");
                Ok(())
            }
            None => Err(format!(
                "no message of TensorFlow: it begins with {}",
                quote(head.get(..head.len().min(24)).unwrap_or_default())
            )),
        }
    }
}

modelaudit_plugin::export!(Tensorflow);

/// True for the file names that TensorFlow's loader looks for: whatever stands in them is what it reads.
fn name_matches(artifact: &dyn Artifact, kind: Kind) -> bool {
    let name = artifact.name().to_ascii_lowercase();
    let base = name.rsplit('/').next().unwrap_or_default();
    matches!(
        (base, kind),
        ("saved_model.pb", Kind::SavedModel)
            | ("keras_metadata.pb", Kind::KerasMetadata)
            | ("fingerprint.pb", Kind::Fingerprint)
    )
}
