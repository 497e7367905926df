//! The objects of marshal data, in one arena so that nothing owns another and dropping does not recurse.

use crate::Layout;
use crate::code::Code;

/// Index of an object in [`Marshal::objects`].
pub type Index = u32;

/// A marshalled object.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// `None`, `True`, `False`, `Ellipsis`, `StopIteration`: singletons without content.
    Singleton,
    /// An integer of at most 64 bits.
    Integer(i64),
    /// Any other number (float, complex, big integer).
    Number,
    /// A text; bytes that are not UTF-8 (surrogates pass) were replaced.
    Text(String),
    /// A bytes object, or a `str` of Python 2.
    Bytes(Vec<u8>),
    /// Tuple, list, set, frozenset, slice, or the keys and values of a dictionary in turn.
    Items(Vec<Index>),
    /// A code object: its fields that are objects, in the order of the layout.
    Code(Vec<Index>),
    /// The same object as another one.
    Same(Index),
}

/// What was read.
#[derive(Clone, Debug)]
pub struct Marshal {
    pub(crate) objects: Vec<Object>,
    pub(crate) layout: Layout,
    pub(crate) consumed: usize,
}

impl Marshal {
    /// All objects; the first is the outermost.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The layout that fitted. Without a code object in the data it says nothing.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Bytes that the outermost object took; what follows is ignored by `marshal.loads`.
    pub fn consumed(&self) -> usize {
        self.consumed
    }

    /// The outermost object is a code object, what a Lambda layer or a `.pyc` file holds.
    pub fn is_code(&self) -> bool {
        matches!(self.get(0), Some(Object::Code(_)))
    }

    /// Every code object, outer ones first.
    pub fn codes(&self) -> impl Iterator<Item = Code<'_>> {
        self.objects.iter().filter_map(move |object| match object {
            Object::Code(fields) => Some(Code { marshal: self, fields }),
            _ => None,
        })
    }

    /// Every text and bytes object, whatever it is used for.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.objects.iter().filter_map(|object| match object {
            Object::Text(text) => Some(text.as_str()),
            Object::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        })
    }

    /// The object at an index; one that is the same as another leads there.
    pub fn get(&self, index: Index) -> Option<&Object> {
        let mut index = index;
        // References only point back, but a chain of them may be long.
        for _ in 0..16 {
            match self.objects.get(index as usize)? {
                Object::Same(other) => index = *other,
                object => return Some(object),
            }
        }
        None
    }
}
