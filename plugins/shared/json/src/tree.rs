//! A tree of a small document: schemas, manifests, shard indexes, configurations.

use modelaudit_plugin::{Artifact, Reader, Slice, Span};

use crate::error::{Defect, Error, ErrorKind};
use crate::number::integer;
use crate::parser::{Event, Limits, Parser};

/// What a tree may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeLimits {
    /// Limits of the parse; strings longer than `text` are cut, which [`Document::truncated`] tells.
    pub parse: Limits,
    /// Values in all; each takes about 60 bytes.
    pub nodes: usize,
    /// Bytes of all keys, strings and numbers.
    pub text: usize,
}

impl Default for TreeLimits {
    fn default() -> Self {
        Self { parse: Limits::default(), nodes: 1 << 20, text: 32 << 20 }
    }
}

/// A parsed document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its one value.
    pub root: Node,
    /// Where the text left the standard.
    pub defects: Vec<Defect>,
    /// Offset of the first byte after the document that is not white space.
    pub trailing: Option<u64>,
    /// True if a string was longer than the limit and is cut.
    pub truncated: bool,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Its bytes in the artifact.
    pub at: Span,
}

/// A JSON value. Nesting is at most the parser's depth limit, so that dropping one does not recurse far.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as text.
    Number(String),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Node>),
    /// An object: its members in the order of the file, duplicates included.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// The member of that name; of duplicates the last, as Python and serde_json have it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.members().iter().rev().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// All members of that name: readers differ in which of duplicates they take.
    pub fn all<'n>(&'n self, key: &'n str) -> impl Iterator<Item = &'n Node> + 'n {
        self.members().iter().filter(move |(k, _)| k == key).map(|(_, v)| v)
    }

    /// The members of an object, nothing for other values.
    pub fn members(&self) -> &[(String, Node)] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The items of an array, nothing for other values.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Array(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// A number that is written as a non-negative integer.
    pub fn as_u64(&self) -> Option<u64> {
        match &self.value {
            Value::Number(text) => integer(text),
            _ => None,
        }
    }

    /// True or false.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Every value below this one, itself included, in the order of the file, with the key it stands under.
    pub fn walk(&self) -> Walk<'_> {
        Walk { stack: vec![(None, self)] }
    }
}

/// See [`Node::walk`].
pub struct Walk<'n> {
    stack: Vec<(Option<&'n str>, &'n Node)>,
}

impl<'n> Iterator for Walk<'n> {
    type Item = (Option<&'n str>, &'n Node);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, node) = self.stack.pop()?;
        match &node.value {
            Value::Array(items) => self.stack.extend(items.iter().rev().map(|n| (None, n))),
            Value::Object(members) => self.stack.extend(members.iter().rev().map(|(k, n)| (Some(k.as_str()), n))),
            _ => {}
        }
        Some((key, node))
    }
}

/// A container that is being filled.
struct Open {
    node: Node,
    /// The key under which the next value of an object goes.
    key: Option<String>,
}

impl Document {
    /// Parses bytes in memory, such as an unpacked member; places are offsets in the bytes.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_slice(bytes: &[u8], limits: TreeLimits) -> Result<Self, Error> {
        Self::parse(&Slice(bytes), Span::new(0, bytes.len() as u64), limits)
    }

    /// Parses a range of an artifact.
    ///
    /// # Errors
    /// What [`Parser::event`] says, or [`ErrorKind::TooLarge`] beyond the limits.
    pub fn parse(artifact: &dyn Artifact, span: Span, limits: TreeLimits) -> Result<Self, Error> {
        let mut parser = Parser::with_limits(Reader::over(artifact, span), limits.parse);
        let mut open: Vec<Open> = Vec::new();
        let mut root = None;
        let mut truncated = false;
        let (mut nodes, mut text) = (0usize, 0usize);
        loop {
            let position = parser.position();
            let Some(event) = parser.event()? else { break };
            let mut keep = |t: &str| {
                text = text.saturating_add(t.len());
                t.to_owned()
            };
            let finished = match event {
                Event::BeginObject(offset) => {
                    let node = Node { value: Value::Object(Vec::new()), at: Span::new(offset, 0) };
                    open.push(Open { node, key: None });
                    None
                }
                Event::BeginArray(offset) => {
                    let node = Node { value: Value::Array(Vec::new()), at: Span::new(offset, 0) };
                    open.push(Open { node, key: None });
                    None
                }
                Event::EndObject(offset) | Event::EndArray(offset) => open.pop().map(|o| {
                    let mut node = o.node;
                    node.at.length = (offset + 1).saturating_sub(node.at.offset);
                    node
                }),
                Event::Key(t) => {
                    truncated |= t.truncated;
                    let key = keep(t.value);
                    if let Some(top) = open.last_mut() {
                        top.key = Some(key);
                    }
                    None
                }
                Event::String(t) => {
                    truncated |= t.truncated;
                    Some(Node { value: Value::String(keep(t.value)), at: t.at })
                }
                Event::Number(n) => Some(Node { value: Value::Number(keep(n.text)), at: n.at }),
                Event::Bool(b, offset) => {
                    Some(Node { value: Value::Bool(b), at: Span::new(offset, if b { 4 } else { 5 }) })
                }
                Event::Null(offset) => Some(Node { value: Value::Null, at: Span::new(offset, 4) }),
            };
            nodes += 1;
            if nodes > limits.nodes || text > limits.text {
                return Err(Error { offset: position, kind: ErrorKind::TooLarge });
            }
            if let Some(node) = finished {
                match open.last_mut() {
                    None => root = Some(node),
                    Some(top) => match &mut top.node.value {
                        Value::Object(members) => members.push((top.key.take().unwrap_or_default(), node)),
                        Value::Array(items) => items.push(node),
                        _ => {}
                    },
                }
            }
        }
        let trailing = parser.rest();
        let Some(root) = root else {
            return Err(Error { offset: span.offset, kind: ErrorKind::End });
        };
        Ok(Self { root, defects: parser.defects().to_vec(), trailing, truncated })
    }
}

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::Memory;

    use super::*;

    fn parse(json: &str) -> Result<Document, Error> {
        let artifact = Memory::new("x", json.as_bytes());
        Document::parse(&artifact, Span::new(0, u64::MAX), TreeLimits::default())
    }

    #[test]
    fn builds_the_tree_with_places() {
        let document = parse(r#" {"a": [1, "x", {"b": null}], "c": true, "c": 7} tail"#).unwrap();
        let root = &document.root;
        assert_eq!(root.get("a").unwrap().items()[1].as_str(), Some("x"));
        assert_eq!(root.get("a").unwrap().at, Span::new(7, 21));
        assert_eq!(root.get("c").unwrap().as_u64(), Some(7));
        assert_eq!(root.all("c").count(), 2);
        assert_eq!(document.defects.len(), 1);
        assert_eq!(document.trailing, Some(49));
        let keys: Vec<_> = root.walk().filter_map(|(k, _)| k).collect();
        assert_eq!(keys, ["a", "b", "c", "c"]);
    }

    #[test]
    fn limits_hold() {
        let artifact = Memory::new("x", b"[1,2,3,4,5]");
        let limits = TreeLimits { nodes: 4, ..TreeLimits::default() };
        let error = Document::parse(&artifact, Span::new(0, u64::MAX), limits).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge);
        assert!(parse(&"[".repeat(1000)).unwrap_err().is_limit());
        assert!(parse("").unwrap_err().is_end());
    }

    #[test]
    fn bytes_in_memory_read_like_an_artifact() {
        let text = format!("[{}]", vec!["\"abc\""; 50_000].join(","));
        let document = Document::from_slice(text.as_bytes(), TreeLimits::default()).unwrap();
        assert_eq!(document.root.items().len(), 50_000);
        assert_eq!(document.root.at, Span::new(0, text.len() as u64));
    }
}
