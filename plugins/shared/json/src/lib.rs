//! A strict, streaming JSON reader for hostile documents.
//!
//! Model formats put JSON where an attacker writes it: the safetensors header (up to 100 MB), shard indexes, schemas,
//! manifests, configurations. Readers in use differ in what they forgive: duplicate keys (Rust's and Python's maps keep
//! the last, C++ readers often the first), `NaN`, lone surrogates, control characters, a byte order mark, and a document
//! on which two readers differ shows a scanner something else than the loader sees. So the parser here reads what any of
//! them would read and *says* where the text left RFC 8259: see [`Defect`].
//!
//! Two ways to use it:
//! - [`Parser`] pulls events off a [`modelaudit_plugin::Reader`]; memory depends on nesting and keys, not on the length;
//! - [`Document`] builds a tree of a small document, within [`TreeLimits`].
//!
//! Neither recurses, and nothing is allocated from a number in the file.

mod error;
mod keys;
mod number;
mod parser;
mod text;
mod tree;

pub use error::{Defect, DefectKind, Error, ErrorKind};
pub use number::Number;
pub use parser::{Event, Limits, Parser};
pub use text::Text;
pub use tree::{Document, Node, TreeLimits, Value, Walk};
