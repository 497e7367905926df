//! What is known of a value without running the program.

use std::rc::Rc;

/// Longest text or bytes that are kept.
pub(crate) const LONGEST: usize = 1 << 20;
/// Most elements of a list that are kept.
pub(crate) const MOST_ELEMENTS: usize = 1 << 16;
/// Most alternatives of a variable that was assigned in branches.
const MOST_CHOICES: usize = 8;
/// Stands in a text for a part that is not known.
pub(crate) const HOLE: char = '\u{fffd}';

/// Where a value came from, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u16);

impl Marks {
    /// Nothing is known of its origin.
    pub(crate) const NONE: Self = Self(0);
    /// It went through a decoder that hides text (base64, hex, zlib, XOR, character codes).
    pub(crate) const DECODED: Self = Self(1);
    /// It came over the network.
    pub(crate) const DOWNLOADED: Self = Self(2);
    /// It was read from a file.
    pub(crate) const FILE: Self = Self(4);
    /// It holds all of the environment or a file of credentials.
    pub(crate) const SECRET: Self = Self(8);
    /// A name that was put together out of pieces.
    pub(crate) const COMPUTED: Self = Self(16);
    /// A function that was reached by a way ordinary code does not take (`__import__('os').system`).
    pub(crate) const ODD: Self = Self(32);
    /// Marshalled bytecode.
    pub(crate) const MARSHAL: Self = Self(64);
    /// It was spelled out: character codes, XOR, turned round. Ordinary on data, telling where a known text of that kind is run.
    pub(crate) const SPELLED: Self = Self(128);

    /// Both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without those.
    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// It is a text that was hidden, if it is known what text.
    pub(crate) fn hidden(self) -> bool {
        self.has(Self::DECODED) || self.has(Self::SPELLED)
    }

    /// All of `other` are set.
    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The value itself, as far as it is known.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    Unknown,
    None,
    Bool(bool),
    Int(i64),
    Text(Rc<str>),
    Bytes(Rc<[u8]>),
    /// A list or tuple.
    List(Rc<[Value]>),
    /// Something of a library by its dotted name: `os.system`; `()` stands for a call: `socket.socket().connect`.
    Path(Rc<str>),
    /// A function of this file.
    Function(usize),
    /// A class of this file.
    Class(usize),
    /// An object of a class of this file.
    Instance(usize),
    /// A function of a class of this file, bound to an object.
    Method {
        function: usize,
        class: usize,
    },
    /// An open file by its path, empty if that is not known.
    File(Rc<str>),
    /// One of several.
    Either(Rc<[Value]>),
}

/// A value and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) shape: Shape,
    pub(crate) marks: Marks,
}

impl Value {
    pub(crate) const UNKNOWN: Self = Self { shape: Shape::Unknown, marks: Marks::NONE };

    pub(crate) fn new(shape: Shape, marks: Marks) -> Self {
        Self { shape, marks }
    }

    pub(crate) fn unknown(marks: Marks) -> Self {
        Self { shape: Shape::Unknown, marks }
    }

    pub(crate) fn text(text: &str, marks: Marks) -> Self {
        if text.len() > LONGEST { Self::unknown(marks) } else { Self::new(Shape::Text(text.into()), marks) }
    }

    pub(crate) fn bytes(bytes: &[u8], marks: Marks) -> Self {
        if bytes.len() > LONGEST { Self::unknown(marks) } else { Self::new(Shape::Bytes(bytes.into()), marks) }
    }

    /// A dotted name; chains that no table knows are cut off.
    pub(crate) fn path(path: &str, marks: Marks) -> Self {
        if path.len() > 160 { Self::unknown(marks) } else { Self::new(Shape::Path(path.into()), marks) }
    }

    pub(crate) fn list(items: Vec<Value>) -> Self {
        let marks = items.iter().fold(Marks::NONE, |marks, item| marks.and(item.marks));
        if items.len() > MOST_ELEMENTS { Self::unknown(marks) } else { Self::new(Shape::List(items.into()), marks) }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_path(&self) -> Option<&str> {
        match &self.shape {
            Shape::Path(path) => Some(path),
            _ => None,
        }
    }

    /// Text or UTF-8 bytes.
    pub(crate) fn as_source(&self) -> Option<&str> {
        match &self.shape {
            Shape::Text(text) => Some(text),
            Shape::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// All that it may be.
    pub(crate) fn choices(&self) -> &[Value] {
        match &self.shape {
            Shape::Either(choices) => choices,
            _ => std::slice::from_ref(self),
        }
    }

    /// Adds marks.
    pub(crate) fn marked(mut self, marks: Marks) -> Self {
        self.marks = self.marks.and(marks);
        self
    }

    /// This or the other, after a branch.
    pub(crate) fn either(self, other: Value) -> Value {
        let marks = self.marks.and(other.marks);
        if matches!(self.shape, Shape::Unknown | Shape::None) || self.same(&other) {
            return other.marked(marks);
        }
        if matches!(other.shape, Shape::Unknown | Shape::None) {
            return self.marked(marks);
        }
        let mut choices = self.choices().to_vec();
        for choice in other.choices() {
            if !choices.iter().any(|c| c.same(choice)) {
                choices.push(choice.clone());
            }
        }
        let excess = choices.len().saturating_sub(MOST_CHOICES);
        choices.drain(..excess);
        Value::new(Shape::Either(choices.into()), marks)
    }

    fn same(&self, other: &Value) -> bool {
        match (&self.shape, &other.shape) {
            (Shape::Text(a), Shape::Text(b)) | (Shape::Path(a), Shape::Path(b)) => a == b,
            (Shape::Bytes(a), Shape::Bytes(b)) => a == b,
            (Shape::List(a), Shape::List(b)) => Rc::ptr_eq(a, b),
            (Shape::Int(a), Shape::Int(b)) => a == b,
            (Shape::Bool(a), Shape::Bool(b)) => a == b,
            (Shape::Function(a), Shape::Function(b))
            | (Shape::Class(a), Shape::Class(b))
            | (Shape::Instance(a), Shape::Instance(b)) => a == b,
            (Shape::Unknown, Shape::Unknown) | (Shape::None, Shape::None) => true,
            _ => false,
        }
    }
}
