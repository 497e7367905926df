//! Walks protobuf messages of any size without reading their payload.
//!
//! ONNX models, TensorFlow graphs, CoreML and Paddle models are protobuf messages, often of gigabytes, nearly all of it tensor bytes. A
//! decoder that builds structs holds them in memory and believes their lengths. This walker goes from field to field of a message
//! in place: numbers come as values, everything else as a [`modelaudit_plugin::Span`] that the caller descends into, reads a bounded part of, or passes
//! over. It gives no meaning to numbers; [`head`] tells a schema's messages from others by their first bytes.
//!
//! Semantics that scanners get wrong: a field that stands twice is not an error, the last number wins and messages *merge*
//! (protobuf.dev/programming-guides/encoding), so callers visit all occurrences; packed and unpacked lists may be mixed.
//!
//! ```
//! use modelaudit_plugin::testing::Memory;
//! use modelaudit_protobuf::{Value, Walker};
//!
//! let artifact = Memory::new("x.pb", b"\x08\x07\x12\x02hi");
//! let mut walker = Walker::new(&artifact);
//! let mut root = walker.root();
//! assert_eq!(walker.next(&mut root).unwrap().unwrap().value, Value::Varint(7));
//! let field = walker.next(&mut root).unwrap().unwrap();
//! assert_eq!((field.number, walker.text(field.span(), 100)), (2, "hi".to_owned()));
//! assert_eq!(walker.next(&mut root), Ok(None));
//! ```

pub mod head;
mod walker;

pub use walker::{Field, Malformed, Message, Value, Walker};

/// How the value of a field is stored (wire type).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Type 0: a number of up to ten bytes.
    Varint,
    /// Type 1: eight bytes.
    Fixed64,
    /// Type 2: a length and as many bytes: text, bytes, a message or a packed list.
    Bytes,
    /// Type 5: four bytes.
    Fixed32,
}

impl Wire {
    /// The wire type of a key; None for groups (3, 4), which no format here has, and for 6 and 7, which do not exist.
    pub const fn of(key: u64) -> Option<Self> {
        match key & 7 {
            0 => Some(Self::Varint),
            1 => Some(Self::Fixed64),
            2 => Some(Self::Bytes),
            5 => Some(Self::Fixed32),
            _ => None,
        }
    }
}

/// The largest field number (protobuf.dev/programming-guides/proto3, "Assigning Field Numbers").
const LARGEST_NUMBER: u64 = (1 << 29) - 1;
