//! Tells TensorFlow's messages from others by the first bytes, and from each other.

use modelaudit_protobuf::Wire::{self, Bytes, Varint};
use modelaudit_protobuf::head::{self, HeadField};

/// A kind of message that is a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `SavedModel`: saved_model.pb.
    SavedModel,
    /// `MetaGraphDef`: the `.meta` of a checkpoint.
    MetaGraph,
    /// `GraphDef`: a frozen graph.
    Graph,
    /// `SavedMetadata`: keras_metadata.pb.
    KerasMetadata,
    /// `FingerprintDef`: fingerprint.pb, five hashes.
    Fingerprint,
}

/// Every kind with its format id.
pub const KINDS: &[(Kind, &str)] = &[
    (Kind::SavedModel, "tf-savedmodel"),
    (Kind::MetaGraph, "tf-metagraph"),
    (Kind::Graph, "tf-graphdef"),
    (Kind::KerasMetadata, "keras-metadata"),
    (Kind::Fingerprint, "tf-fingerprint"),
];

const SAVED_MODEL: &[(u32, Wire)] = &[(1, Varint), (2, Bytes)];
const META_GRAPH: &[(u32, Wire)] =
    &[(1, Bytes), (2, Bytes), (3, Bytes), (4, Bytes), (5, Bytes), (6, Bytes), (7, Bytes)];
const META_INFO: &[(u32, Wire)] =
    &[(1, Bytes), (2, Bytes), (3, Bytes), (4, Bytes), (5, Bytes), (6, Bytes), (7, Varint), (8, Bytes)];
const GRAPH: &[(u32, Wire)] = &[(1, Bytes), (2, Bytes), (3, Varint), (4, Bytes), (5, Bytes)];
const NODE: &[(u32, Wire)] = &[(1, Bytes), (2, Bytes), (3, Bytes), (4, Bytes), (5, Bytes), (6, Bytes), (7, Bytes)];
const KERAS_OBJECT: &[(u32, Wire)] = &[(2, Varint), (3, Bytes), (4, Bytes), (5, Bytes), (6, Bytes)];
const FINGERPRINT: &[(u32, Wire)] =
    &[(1, Varint), (2, Varint), (3, Varint), (4, Varint), (5, Varint), (6, Bytes), (7, Bytes)];

/// What a message of `size` bytes is of which `head` is the beginning.
pub fn kind(head: &[u8], size: u64) -> Option<Kind> {
    let fields = head::fields(head, size)?;
    // Its identifier tells it, where its numbers would do for a meta graph, too.
    let keras = |f: &HeadField<'_>| {
        inner(f).is_some_and(|parts| {
            let named = first(&parts, 4).and_then(|f| f.text(64)).is_some_and(|t| t.starts_with("_tf_keras"));
            named && head::fits(&parts, KERAS_OBJECT)
        })
    };
    if fields.iter().all(|f| f.number == 1) && fields.first().is_some_and(keras) {
        return Some(Kind::KerasMetadata);
    }
    if is_graph(&fields) {
        return Some(Kind::Graph);
    }
    if is_meta_graph(&fields) {
        return Some(Kind::MetaGraph);
    }
    if head::fits(&fields, SAVED_MODEL) && first(&fields, 1).is_none_or(|f| f.varint < 16) {
        let meta = first(&fields, 2)?;
        return is_meta_graph(&inner(meta)?).then_some(Kind::SavedModel);
    }
    let hashes = fields.iter().filter(|f| f.varint > u64::from(u32::MAX)).count();
    (head::fits(&fields, FINGERPRINT) && hashes >= 3).then_some(Kind::Fingerprint)
}

/// True if the bytes are all of a protobuf message that has no field which a graph, a meta graph or a saved model could have: data sets
/// keep their element types in such (`dataset_spec.pb`).
pub fn is_other_message(head: &[u8], size: u64) -> bool {
    let fields = head::fields(head, size).unwrap_or_default();
    head.len() as u64 == size && !fields.is_empty() && fields.len() < 64 && fields.iter().all(|f| f.number > 7)
}

/// True if the bytes are a `GraphDef`, also inside another message.
pub fn is_graph_def(head: &[u8], size: u64) -> bool {
    head::fields(head, size).is_some_and(|fields| is_graph(&fields))
}

fn first<'f, 'a>(fields: &'f [HeadField<'a>], number: u32) -> Option<&'f HeadField<'a>> {
    fields.iter().find(|f| f.number == number)
}

/// The fields of a nested message, as far as they are in sight; None if it is none.
fn inner<'a>(field: &HeadField<'a>) -> Option<Vec<HeadField<'a>>> {
    head::fields(field.bytes, field.length)
}

/// Field 1 of a nested message.
fn descend<'a>(field: &HeadField<'a>) -> Option<HeadField<'a>> {
    inner(field)?.into_iter().find(|f| f.number == 1)
}

/// Nodes that are nodes, or a library whose functions have a signature.
fn is_graph(fields: &[HeadField<'_>]) -> bool {
    if !head::fits(fields, GRAPH) {
        return false;
    }
    match (first(fields, 1), first(fields, 2)) {
        (Some(node), _) => is_node(node),
        (None, Some(library)) => {
            // FunctionDef, OpDef, name: each is field 1 of the one before.
            let name = descend(library).and_then(|f| descend(&f)).and_then(|f| descend(&f));
            name.is_some_and(|name| name.text(1024).is_some_and(|t| !t.is_empty()))
        }
        _ => false,
    }
}

/// A node has a name and an operator, which is an identifier.
fn is_node(field: &HeadField<'_>) -> bool {
    let Some(parts) = inner(field) else { return false };
    let op = first(&parts, 2).and_then(|f| f.text(256));
    head::fits(&parts, NODE) && first(&parts, 1).is_some_and(|f| f.text(4000).is_some()) && op.is_some_and(is_op)
}

/// Names of operators: `Conv2D`, `_Arg`, `Addons>Gelu`.
fn is_op(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'>' | b'.' | b'/' | b'-'))
}

/// One meta info with a version, tags or operators, or a graph that is one.
fn is_meta_graph(fields: &[HeadField<'_>]) -> bool {
    if !head::fits(fields, META_GRAPH) || fields.iter().filter(|f| f.number == 1).count() > 1 {
        return false;
    }
    let info = first(fields, 1).map(|info| {
        inner(info).is_some_and(|parts| {
            let version =
                first(&parts, 5).and_then(|f| f.text(64)).is_some_and(|t| t.starts_with(|c: char| c.is_ascii_digit()));
            let tags = first(&parts, 4).is_some_and(|f| f.text(256).is_some());
            let ops = first(&parts, 2)
                .and_then(inner)
                .and_then(|list| inner(first(&list, 1)?))
                .is_some_and(|def| first(&def, 1).and_then(|f| f.text(256)).is_some_and(is_op));
            head::fits(&parts, META_INFO) && (version || tags || ops)
        })
    });
    let graph = first(fields, 2).map(|graph| inner(graph).is_some_and(|parts| is_graph(&parts)));
    match (info, graph) {
        (Some(info), Some(graph)) => info || graph,
        (Some(info), None) => info,
        (None, Some(graph)) => graph,
        (None, None) => false,
    }
}
