//! Graphs in text form: `graph.pbtxt`, `saved_model.pbtxt`, a MetaGraph in text.
//!
//! `tf.saved_model.load` takes `saved_model.pbtxt` where there is no `saved_model.pb`, and `tf.import_graph_def` takes what was parsed
//! from either. So the text is turned into the binary form, field by field, and handed on as a child: what judges the one judges the
//! other. Fields that no judge asks for are left out, messages are kept open in a list and not on the stack.

use modelaudit_plugin::{Artifact, Finding, Sink};
use modelaudit_rules::structure::S902;

use crate::text::{Token, Tokens};

/// The largest text that is turned; it takes some four times as much memory. A graph with weights is not written as text.
const LARGEST: u64 = 32 << 20;
/// Open messages; the deepest that a writer writes is some twenty.
const DEEPEST: usize = 100;

/// A message of TensorFlow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    SavedModel,
    MetaGraph,
    MetaInfo,
    Graph,
    Versions,
    Node,
    AttrEntry,
    Attr,
    List,
    Func,
    Tensor,
    Variant,
    Shape,
    Dim,
    Library,
    Function,
    Signature,
    TextEntry,
    CollectionEntry,
    Collection,
    Texts,
    EntryPoint,
    EntryPointDef,
    InfoEntry,
    Info,
    Asset,
    Objects,
    Object,
    User,
    Callable,
    /// One that is left out.
    Skipped,
}

/// How a field's value is written.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Number,
    Float,
    Message(Kind),
}

use Form::{Float, Message, Number, Text};

/// Fields by message and name, with their numbers. Sources: tensorflow/core/protobuf/saved_model.proto, meta_graph.proto,
/// saved_object_graph.proto, core/framework/graph.proto, node_def.proto, attr_value.proto, tensor.proto, function.proto.
const FIELDS: &[(Kind, &str, u32, Form)] = &[
    (Kind::SavedModel, "saved_model_schema_version", 1, Number),
    (Kind::SavedModel, "meta_graphs", 2, Message(Kind::MetaGraph)),
    (Kind::MetaGraph, "meta_info_def", 1, Message(Kind::MetaInfo)),
    (Kind::MetaGraph, "graph_def", 2, Message(Kind::Graph)),
    (Kind::MetaGraph, "collection_def", 4, Message(Kind::CollectionEntry)),
    (Kind::MetaGraph, "signature_def", 5, Message(Kind::EntryPoint)),
    (Kind::MetaGraph, "asset_file_def", 6, Message(Kind::Asset)),
    (Kind::MetaGraph, "object_graph_def", 7, Message(Kind::Objects)),
    (Kind::MetaInfo, "tags", 4, Text),
    (Kind::MetaInfo, "tensorflow_version", 5, Text),
    (Kind::MetaInfo, "tensorflow_git_version", 6, Text),
    (Kind::Graph, "node", 1, Message(Kind::Node)),
    (Kind::Graph, "library", 2, Message(Kind::Library)),
    (Kind::Graph, "version", 3, Number),
    (Kind::Graph, "versions", 4, Message(Kind::Versions)),
    (Kind::Versions, "producer", 1, Number),
    (Kind::Versions, "min_consumer", 2, Number),
    (Kind::Node, "name", 1, Text),
    (Kind::Node, "op", 2, Text),
    (Kind::Node, "input", 3, Text),
    (Kind::Node, "device", 4, Text),
    (Kind::Node, "attr", 5, Message(Kind::AttrEntry)),
    (Kind::AttrEntry, "key", 1, Text),
    (Kind::AttrEntry, "value", 2, Message(Kind::Attr)),
    (Kind::Attr, "list", 1, Message(Kind::List)),
    (Kind::Attr, "s", 2, Text),
    (Kind::Attr, "i", 3, Number),
    (Kind::Attr, "f", 4, Float),
    (Kind::Attr, "b", 5, Number),
    (Kind::Attr, "type", 6, Number),
    (Kind::Attr, "shape", 7, Message(Kind::Shape)),
    (Kind::Attr, "tensor", 8, Message(Kind::Tensor)),
    (Kind::Attr, "placeholder", 9, Text),
    (Kind::Attr, "func", 10, Message(Kind::Func)),
    (Kind::List, "s", 2, Text),
    (Kind::List, "i", 3, Number),
    (Kind::List, "f", 4, Float),
    (Kind::List, "b", 5, Number),
    (Kind::List, "type", 6, Number),
    (Kind::List, "shape", 7, Message(Kind::Shape)),
    (Kind::List, "tensor", 8, Message(Kind::Tensor)),
    (Kind::List, "func", 9, Message(Kind::Func)),
    (Kind::Func, "name", 1, Text),
    (Kind::Func, "attr", 2, Message(Kind::AttrEntry)),
    (Kind::Tensor, "dtype", 1, Number),
    (Kind::Tensor, "tensor_shape", 2, Message(Kind::Shape)),
    (Kind::Tensor, "tensor_content", 4, Text),
    (Kind::Tensor, "float_val", 5, Float),
    (Kind::Tensor, "int_val", 7, Number),
    (Kind::Tensor, "string_val", 8, Text),
    (Kind::Tensor, "int64_val", 10, Number),
    (Kind::Tensor, "bool_val", 11, Number),
    (Kind::Tensor, "variant_val", 15, Message(Kind::Variant)),
    (Kind::Variant, "type_name", 1, Text),
    (Kind::Variant, "metadata", 2, Text),
    (Kind::Variant, "tensors", 3, Message(Kind::Tensor)),
    (Kind::Shape, "dim", 2, Message(Kind::Dim)),
    (Kind::Shape, "unknown_rank", 3, Number),
    (Kind::Dim, "size", 1, Number),
    (Kind::Library, "function", 1, Message(Kind::Function)),
    (Kind::Function, "signature", 1, Message(Kind::Signature)),
    (Kind::Function, "node_def", 3, Message(Kind::Node)),
    (Kind::Function, "ret", 4, Message(Kind::TextEntry)),
    (Kind::Function, "attr", 5, Message(Kind::AttrEntry)),
    (Kind::Function, "control_ret", 6, Message(Kind::TextEntry)),
    (Kind::Signature, "name", 1, Text),
    (Kind::TextEntry, "key", 1, Text),
    (Kind::TextEntry, "value", 2, Text),
    (Kind::CollectionEntry, "key", 1, Text),
    (Kind::CollectionEntry, "value", 2, Message(Kind::Collection)),
    (Kind::Collection, "node_list", 1, Message(Kind::Texts)),
    (Kind::Collection, "bytes_list", 2, Message(Kind::Texts)),
    (Kind::Texts, "value", 1, Text),
    (Kind::EntryPoint, "key", 1, Text),
    (Kind::EntryPoint, "value", 2, Message(Kind::EntryPointDef)),
    (Kind::EntryPointDef, "inputs", 1, Message(Kind::InfoEntry)),
    (Kind::EntryPointDef, "outputs", 2, Message(Kind::InfoEntry)),
    (Kind::EntryPointDef, "method_name", 3, Text),
    (Kind::InfoEntry, "key", 1, Text),
    (Kind::InfoEntry, "value", 2, Message(Kind::Info)),
    (Kind::Info, "name", 1, Text),
    (Kind::Info, "dtype", 2, Number),
    (Kind::Asset, "tensor_info", 1, Message(Kind::Info)),
    (Kind::Asset, "filename", 2, Text),
    (Kind::Objects, "nodes", 1, Message(Kind::Object)),
    (Kind::Object, "user_object", 4, Message(Kind::User)),
    (Kind::Object, "function", 6, Message(Kind::Callable)),
    (Kind::User, "identifier", 1, Text),
    (Kind::User, "metadata", 3, Text),
    (Kind::Callable, "concrete_functions", 1, Text),
];

/// Values of `DataType` that stand as words (types.proto).
const TYPES: &[(&str, u64)] = &[
    ("DT_FLOAT", 1),
    ("DT_DOUBLE", 2),
    ("DT_INT32", 3),
    ("DT_UINT8", 4),
    ("DT_INT16", 5),
    ("DT_INT8", 6),
    ("DT_STRING", 7),
    ("DT_COMPLEX64", 8),
    ("DT_INT64", 9),
    ("DT_BOOL", 10),
    ("DT_QINT8", 11),
    ("DT_QUINT8", 12),
    ("DT_QINT32", 13),
    ("DT_BFLOAT16", 14),
    ("DT_QINT16", 15),
    ("DT_QUINT16", 16),
    ("DT_UINT16", 17),
    ("DT_COMPLEX128", 18),
    ("DT_HALF", 19),
    ("DT_RESOURCE", 20),
    ("DT_VARIANT", 21),
    ("DT_UINT32", 22),
    ("DT_UINT64", 23),
    ("true", 1),
];

/// What a text is, by its first name: the message and the format of its binary form.
const ROOTS: &[(&str, Kind, &str)] = &[
    ("saved_model_schema_version", Kind::SavedModel, "tf-savedmodel"),
    ("meta_graphs", Kind::SavedModel, "tf-savedmodel"),
    ("meta_info_def", Kind::MetaGraph, "tf-metagraph"),
    ("graph_def", Kind::MetaGraph, "tf-metagraph"),
    ("node", Kind::Graph, "tf-graphdef"),
    ("library", Kind::Graph, "tf-graphdef"),
    ("versions", Kind::Graph, "tf-graphdef"),
];

/// Characters that such a text can begin with.
pub const FIRST: &[u8] = b"smgnlv#";

/// True if the text begins like one of TensorFlow's. Texts of other formats have nodes, too (MediaPipe's `calculator`), but those have
/// no operators.
pub fn fits(head: &[u8]) -> bool {
    let mut tokens = Tokens::new(head);
    let Ok(Some(Token::Word(first))) = tokens.next() else { return false };
    let Some((_, kind, _)) = ROOTS.iter().find(|(name, ..)| *name == first) else { return false };
    let sign = match tokens.next() {
        Ok(Some(Token::Sign(b':'))) if first == "saved_model_schema_version" => return true,
        Ok(Some(Token::Sign(b':'))) => tokens.next(),
        other => other,
    };
    if !matches!(sign, Ok(Some(Token::Sign(b'{' | b'<')))) {
        return false;
    }
    if *kind != Kind::Graph {
        return true;
    }
    // Somewhere in sight a node has an operator, or a function a signature.
    let mut before = String::new();
    while let Ok(Some(token)) = tokens.next() {
        match token {
            Token::Word(word) => before = word,
            Token::Text(..) if before == "op" => return true,
            Token::Sign(b'{') if before == "signature" || before == "node_def" => return true,
            Token::Sign(b':') => {}
            _ => before.clear(),
        }
    }
    false
}

/// A message that is open.
struct Open {
    kind: Kind,
    /// The field that it becomes in the message around it.
    number: u32,
    bytes: Vec<u8>,
    /// The field whose value comes next; one that is left out has no number.
    field: Option<Option<(u32, Form)>>,
    /// Values stand in brackets, so the field stays.
    list: bool,
}

impl Open {
    fn new(kind: Kind, number: u32) -> Self {
        Self { kind, number, bytes: Vec::new(), field: None, list: false }
    }

    /// A value was read.
    fn done(&mut self) {
        if !self.list {
            self.field = None;
        }
    }
}

/// Turns the text and hands it on.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let Some(text) = artifact.read_all(LARGEST) else {
        return Err(format!("the graph in text form takes {} bytes, {LARGEST} are read", artifact.size()));
    };
    let first = match Tokens::new(&text).next()? {
        Some(Token::Word(word)) => word,
        _ => String::new(),
    };
    let Some((_, kind, format)) = ROOTS.iter().find(|(name, ..)| *name == first) else {
        return Err("the text does not begin like a graph of TensorFlow".to_owned());
    };
    let (bytes, result) = convert(&text, *kind);
    // What was understood before a break is judged all the same.
    let mut child = sink.child(if *format == "tf-savedmodel" { "saved_model.pb" } else { "graph.pb" }, format);
    if child.write(&bytes) {
        child.finish();
    }
    sink.fact_text("framework", "tensorflow");
    if let Err((at, what)) = result {
        if at < text.len() {
            let finding = Finding::new(&S902, format!("the graph in text form is malformed: {what}"));
            sink.finding(finding.at(at as u64, 0));
        }
        return Err(format!("the graph in text form was not read to its end: {what} at offset {at}"));
    }
    Ok(())
}

/// The binary form of a text, as far as it goes, and where and why it breaks off.
fn convert(text: &[u8], root: Kind) -> (Vec<u8>, Result<(), (usize, String)>) {
    let mut open = vec![Open::new(root, 0)];
    let mut tokens = Tokens::new(text);
    let result = walk(&mut tokens, &mut open);
    while open.len() > 1 {
        close(&mut open);
    }
    let bytes = open.pop().map(|o| o.bytes).unwrap_or_default();
    (bytes, result.map_err(|what| (tokens.position(), what)))
}

fn walk(tokens: &mut Tokens<'_>, open: &mut Vec<Open>) -> Result<(), String> {
    while let Some(token) = tokens.next()? {
        let deep = open.len();
        let Some(top) = open.last_mut() else { return Ok(()) };
        match token {
            Token::Sign(b'{' | b'<') => {
                let (kind, number) = match top.field {
                    Some(Some((number, Message(kind)))) => (kind, number),
                    _ => (Kind::Skipped, 0),
                };
                top.done();
                if deep >= DEEPEST {
                    return Err(format!("messages nest more than {DEEPEST} deep"));
                }
                open.push(Open::new(kind, number));
            }
            Token::Sign(b'}' | b'>') => {
                if deep < 2 {
                    return Err("a message is closed that was never opened".to_owned());
                }
                close(open);
            }
            Token::Sign(b'[') => top.list = true,
            Token::Sign(b']') => {
                top.list = false;
                top.field = None;
            }
            Token::Sign(b':' | b',' | b';') => {}
            Token::Sign(other) => {
                return Err(format!("the sign '{}' has no place", char::from(other).escape_default()));
            }
            Token::Word(word) => match top.field {
                None => {
                    let known = FIELDS.iter().find(|(kind, name, ..)| *kind == top.kind && *name == word);
                    top.field = Some(known.map(|(_, _, number, form)| (*number, *form)));
                }
                Some(value) => {
                    match value {
                        Some((number, Number)) => write_number(&mut top.bytes, number, &word),
                        Some((number, Float)) => {
                            key(&mut top.bytes, number, 5);
                            top.bytes.extend(word.parse::<f32>().unwrap_or(0.0).to_le_bytes());
                        }
                        _ => {}
                    }
                    top.done();
                }
            },
            Token::Text(bytes, _) => {
                if let Some(Some((number, Text))) = top.field {
                    key(&mut top.bytes, number, 2);
                    varint(&mut top.bytes, bytes.len() as u64);
                    top.bytes.extend(bytes);
                }
                top.done();
            }
        }
    }
    if open.len() > 1 {
        return Err("the text ends inside a message".to_owned());
    }
    Ok(())
}

/// Appends the last open message to the one around it.
fn close(open: &mut Vec<Open>) {
    let Some(done) = open.pop() else { return };
    let Some(around) = open.last_mut().filter(|_| done.kind != Kind::Skipped) else { return };
    key(&mut around.bytes, done.number, 2);
    varint(&mut around.bytes, done.bytes.len() as u64);
    around.bytes.extend(done.bytes);
}

fn write_number(out: &mut Vec<u8>, number: u32, word: &str) {
    let named = TYPES.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    let value = named.or_else(|| word.parse::<i64>().ok().map(|n| n as u64)).or_else(|| word.parse().ok());
    key(out, number, 0);
    varint(out, value.unwrap_or(0));
}

fn key(out: &mut Vec<u8>, number: u32, wire: u32) {
    varint(out, u64::from(number << 3 | wire));
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 127 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}
