//! What stands on the stack of the machine: a copyable handle of eight bytes.
//!
//! A pickle of a real model has millions of values, so a value owns nothing. Constants are not copied: a string is the
//! offset of the opcode that pushed it and is read again in the rare case that somebody wants its text. Containers and
//! call results are numbers of nodes in a ring of bounded size ([`crate::store::Store`]); when a node was overwritten,
//! only its contents are forgotten, never what kind of value it was.

/// A value on the stack, in the memo or in a container. Two handles are equal if they are the same object (`is` in
/// Python); equal constants at different places are different values.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Value(u64);

/// What a [`Value`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing is known: an operand that was missing, or an element that was not kept.
    Unknown,
    /// `None`.
    None,
    /// `True` or `False`.
    Bool,
    /// An integer of at most 56 bits.
    Int,
    /// A wider integer.
    BigInt,
    /// A float.
    Float,
    /// A `str` constant, or a protocol 0 to 2 string that the loader may turn into `bytes`.
    Str,
    /// A `bytes` or `bytearray` constant.
    Bytes,
    /// A `str` that the stream computes, folded by the machine.
    FoldedStr,
    /// A `bytes` that the stream computes, folded by the machine.
    FoldedBytes,
    /// A tuple.
    Tuple,
    /// A list.
    List,
    /// A dict.
    Dict,
    /// A set or frozenset.
    Set,
    /// An object that was looked up by name: a function, a class, or a module (see `View::global`).
    Global,
    /// An instance of a class that the policy knows as safe to construct, or of a class made by `NEWOBJ`.
    Object,
    /// What a call returned.
    Result,
    /// `functools.partial(...)`.
    Partial,
    /// A bound method: an attribute of a value that is no module (`"".join`).
    Method,
    /// What the loader's `persistent_load` returns for a persistent id.
    Persistent,
    /// An object of the extension registry whose code was not registered in this stream.
    Extension,
    /// An out-of-band buffer (`NEXT_BUFFER`).
    Buffer,
}

const TAG_SHIFT: u32 = 56;
const PAYLOAD: u64 = (1 << TAG_SHIFT) - 1;

/// The order is part of the encoding: everything up to `FoldedBytes` is a plain constant without danger in it.
const KINDS: [Kind; 22] = [
    Kind::Unknown,
    Kind::None,
    Kind::Bool,
    Kind::Int,
    Kind::BigInt,
    Kind::Float,
    Kind::Str,
    Kind::Bytes,
    Kind::FoldedStr,
    Kind::FoldedBytes,
    Kind::Tuple,
    Kind::List,
    Kind::Dict,
    Kind::Set,
    Kind::Global,
    Kind::Object,
    Kind::Result,
    Kind::Partial,
    Kind::Method,
    Kind::Persistent,
    Kind::Extension,
    Kind::Buffer,
];

impl Value {
    /// A value of which nothing is known.
    pub const UNKNOWN: Self = Self::new(Kind::Unknown, 0);
    /// A memo entry whose content was not kept.
    pub(crate) const FORGOTTEN: Self = Self::new(Kind::Unknown, 1);
    /// `None`.
    pub const NONE: Self = Self::new(Kind::None, 0);
    /// The empty tuple, which has no node.
    pub const EMPTY_TUPLE: Self = Self::new(Kind::Tuple, PAYLOAD);

    /// A value of a kind; the payload is cut to 56 bits (offsets and node numbers never get there).
    #[inline]
    pub(crate) const fn new(kind: Kind, payload: u64) -> Self {
        Self(((kind as u64) << TAG_SHIFT) | (payload & PAYLOAD))
    }

    /// A bool.
    #[inline]
    pub(crate) const fn bool(value: bool) -> Self {
        Self::new(Kind::Bool, value as u64)
    }

    /// An integer, if it fits into 56 bits.
    #[inline]
    pub(crate) const fn int(value: i64) -> Option<Self> {
        if value << 8 >> 8 == value { Some(Self::new(Kind::Int, value as u64)) } else { None }
    }

    /// What it is.
    #[inline]
    pub fn kind(self) -> Kind {
        KINDS.get((self.0 >> TAG_SHIFT) as usize).copied().unwrap_or(Kind::Unknown)
    }

    /// Offset, index or node number, by kind.
    #[inline]
    pub(crate) const fn payload(self) -> u64 {
        self.0 & PAYLOAD
    }

    /// A number, string or the like, which can hold nothing dangerous.
    #[inline]
    pub(crate) const fn is_constant(self) -> bool {
        (self.0 >> TAG_SHIFT) <= Kind::FoldedBytes as u64
    }

    /// Has a node in the store.
    #[inline]
    pub(crate) fn has_node(self) -> bool {
        use Kind::{Dict, List, Method, Object, Partial, Persistent, Result, Set, Tuple};
        self != Self::EMPTY_TUPLE
            && matches!(self.kind(), Tuple | List | Dict | Set | Object | Result | Partial | Method | Persistent)
    }

    /// The value of a [`Kind::Bool`] or [`Kind::Int`].
    pub fn as_int(self) -> Option<i64> {
        match self.kind() {
            Kind::Bool => Some(self.payload() as i64),
            Kind::Int => Some((self.0 << 8) as i64 >> 8),
            _ => None,
        }
    }

    /// A tuple, list, dict or set.
    pub fn is_container(self) -> bool {
        matches!(self.kind(), Kind::Tuple | Kind::List | Kind::Dict | Kind::Set)
    }

    /// A string or bytes constant, written or folded.
    pub fn is_text(self) -> bool {
        matches!(self.kind(), Kind::Str | Kind::Bytes | Kind::FoldedStr | Kind::FoldedBytes)
    }

    /// The raw number, for the memo's and the store's tables.
    #[inline]
    pub(crate) const fn raw(self) -> u64 {
        self.0
    }

    /// From [`Self::raw`].
    #[inline]
    pub(crate) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}#{:x}", self.kind(), self.payload())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_survive_the_encoding() {
        for (index, kind) in KINDS.iter().enumerate() {
            assert_eq!(*kind as usize, index);
            assert_eq!(Value::new(*kind, 77).kind(), *kind);
            assert_eq!(Value::new(*kind, 77).payload(), 77);
        }
    }

    #[test]
    fn integers_keep_their_sign() {
        for n in [0, 1, -1, i64::from(i32::MIN), (1 << 55) - 1, -(1 << 55)] {
            assert_eq!(Value::int(n).unwrap().as_int(), Some(n));
        }
        assert_eq!(Value::int(1 << 55), None);
        assert_eq!(Value::int(i64::MIN), None);
    }
}
