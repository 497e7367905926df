//! Scans ONNX models and tensors.
//!
//! An ONNX model is a graph of operators in one protobuf message. It runs no code of its own, with three exceptions that attackers use:
//! operators that hand control to Python or to a library the model asks for, tensors whose bytes are read from a path of the model's
//! choice, and what a parser in C++ does with sizes that contradict each other. The graph is walked in place: subgraphs, functions and
//! training graphs with it, weights are passed over.

mod graph;
mod metadata;
mod policy;
mod report;
mod schema;
mod sizes;
mod tensor;

use modelaudit_plugin::{Artifact, Format, Manifest, Plugin, Sink};
use modelaudit_protobuf::Wire::{self, Bytes, Varint};
use modelaudit_protobuf::head::{self, HeadField};
use modelaudit_rules::files::{S405, S409};
use modelaudit_rules::frameworks::{S1111, S1115, S1116, S1117};
use modelaudit_rules::graphs::S1120;
use modelaudit_rules::structure::{S902, S904, S905, S910, S911};

/// The newest `ir_version` is 13; some room for those to come.
const LARGEST_IR_VERSION: u64 = 64;

/// Field numbers from here on are in no version of ONNX.
const UNASSIGNED: u32 = 30;

/// The plugin.
pub struct Onnx;

impl Plugin for Onnx {
    fn describe() -> Manifest {
        Manifest {
            name: "onnx",
            version: env!("CARGO_PKG_VERSION"),
            summary: "ONNX models: operators, functions, external data, tensors",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("onnx", "ONNX model").first_bytes(head::first_bytes()).extensions(&["onnx"]),
                Format::new("onnx-tensor", "ONNX tensor").first_bytes(head::first_bytes()),
                Format::new("onnx-sequence", "ONNX sequence or optional").first_bytes(head::first_bytes()),
            ],
            anchors: vec![],
            rules: vec![S405, S409, S902, S904, S905, S910, S911, S1111, S1115, S1116, S1117, S1120],
        }
    }

    fn probe(head: &[u8], size: u64) -> Vec<String> {
        let (fields, sound) = head::sound_fields(head, size);
        let mut formats = Vec::new();
        if is_model(&fields, sound) {
            formats.push("onnx".to_owned());
        }
        if sound && is_tensor(&fields) {
            formats.push("onnx-tensor".to_owned());
        }
        if sound && is_sequence(&fields) {
            formats.push("onnx-sequence".to_owned());
        }
        formats
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let mut scan = graph::Scan::new(artifact, sink);
        match format {
            "onnx-tensor" => scan.single_tensor(),
            "onnx-sequence" => scan.sequence(),
            _ => scan.model(),
        }
    }
}

modelaudit_plugin::export!(Onnx);

/// Every field is one of a `ModelProto`, the texts are texts, and the graph is in sight and one; or its place is beyond the head and
/// producer and version are there. Fields that ONNX does not have yet do not count, nor does what follows a whole model: a name is
/// easily changed, and both hide a model from those who want every byte to fit.
fn is_model(fields: &[HeadField<'_>], sound: bool) -> bool {
    let of = |number: u32| fields.iter().find(|f| f.number == number);
    let texts = [2, 3, 4].into_iter().filter_map(of).all(|f| f.length == 0 || f.text(1024).is_some());
    let mut known = fields.iter().filter(|f| f.number < UNASSIGNED);
    if !known.all(|f| schema::MODEL.contains(&(f.number, f.wire))) || !texts || !(sound || of(7).is_some()) {
        return false;
    }
    let version = of(1).map(|f| f.varint);
    if version.is_some_and(|v| !(1..=LARGEST_IR_VERSION).contains(&v)) {
        return false;
    }
    match of(7) {
        Some(graph) => is_graph(graph) && (version.is_some() || of(8).is_some()),
        None => {
            version.is_some()
                && (of(6).is_some() || of(25).is_some() || of(14).is_some())
                && (of(2).is_some() || of(8).is_some())
        }
    }
}

/// The fields in sight are those of a `GraphProto`, and its first node is a node.
fn is_graph(graph: &HeadField<'_>) -> bool {
    let (fields, _) = head::sound_fields(graph.bytes, graph.length);
    if fields.is_empty() {
        // Of a graph that begins at the end of the head nothing can be said.
        return graph.length > 0 && graph.bytes.len() < 8;
    }
    let mut known = fields.iter().filter(|f| f.number < UNASSIGNED);
    let node = fields.iter().find(|f| f.number == 1).is_none_or(|node| {
        let (parts, _) = head::sound_fields(node.bytes, node.length);
        let mut known = parts.iter().filter(|f| f.number < UNASSIGNED);
        known.all(|f| schema::NODE.contains(&(f.number, f.wire)))
            && parts
                .iter()
                .filter(|f| f.number == 4)
                .all(|op| op.text(1024).is_some() || op.bytes.len() as u64 != op.length)
    });
    node && known.all(|f| schema::GRAPH.contains(&(f.number, f.wire)))
}

/// Every field is one of a `SequenceProto` or `OptionalProto` (onnx-data.proto, test data): name, element type and tensors, or more of
/// the same.
fn is_sequence(fields: &[HeadField<'_>]) -> bool {
    const SCHEMA: &[(u32, Wire)] =
        &[(1, Bytes), (2, Varint), (3, Bytes), (4, Bytes), (5, Bytes), (6, Bytes), (7, Bytes)];
    let of = |number: u32| fields.iter().find(|f| f.number == number);
    let inner = |f: &HeadField<'_>| head::fields(f.bytes, f.length).is_some_and(|parts| is_tensor(&parts));
    let nested = |f: &HeadField<'_>| {
        let parts = head::fields(f.bytes, f.length).unwrap_or_default();
        head::fits(&parts, SCHEMA) && parts.iter().filter(|p| p.number == 3).all(inner)
    };
    head::fits(fields, SCHEMA)
        && of(1).is_some_and(|f| f.text(1024).is_some_and(|t| !t.is_empty()))
        && of(2).is_some_and(|f| f.varint <= 6)
        && (of(3).is_some_and(inner) || of(5).is_some_and(nested))
}

/// Every field is one of a `TensorProto`, the type is known, and the bytes are as many as the shape says.
fn is_tensor(fields: &[HeadField<'_>]) -> bool {
    if !head::fits(fields, schema::TENSOR) {
        return false;
    }
    let known = fields.iter().find(|f| f.number == 2).and_then(|f| schema::data_type(f.varint));
    let dims: Vec<u64> = fields.iter().filter(|f| f.number == 1 && f.length == 0).map(|f| f.varint).collect();
    let unpacked = fields.iter().all(|f| f.number != 1 || f.length == 0);
    let raw = fields.iter().find(|f| f.number == 9);
    match (known, raw) {
        (Some((_, bits)), Some(raw)) if unpacked => {
            // A tensor without elements has so few bytes that it must at least have a name.
            let named = fields.iter().any(|f| f.number == 8 && f.text(1024).is_some());
            bits > 0 && schema::tensor_bytes(&dims, bits) == Some(raw.length) && (raw.length > 0 || named)
        }
        (Some(_), Some(_)) => true,
        // Data in a typed list: a name must be there, too.
        (Some(_), None) => !dims.is_empty() && fields.iter().any(|f| f.number == 8 && f.text(1024).is_some()),
        (None, _) => false,
    }
}
