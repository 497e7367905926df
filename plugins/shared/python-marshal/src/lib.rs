//! A bounded reader of Python's marshal format, for the code objects that models carry.
//!
//! A Keras Lambda layer keeps its function as base64 of `marshal.dumps(function.__code__)`; loading the model unpacks and runs
//! it (CVE-2024-3660, CVE-2025-9905). Searching the decoded bytes for words misses what is split and fires on what is not a name, so
//! the objects are read as CPython reads them: names, constants, nested code objects.
//!
//! The format changes with every release of CPython and the data do not say which one wrote them, so every known layout of a
//! code object is tried, the newest first (source: CPython's `Python/marshal.c` and `Objects/codeobject.c`, 2.3 to 3.14).
//!
//! Nothing is executed, nothing recurses, and no length is believed before it was compared with the bytes that are there.

mod code;
mod layout;
mod object;
mod parse;

pub use code::{Code, Constant};
pub use layout::Layout;
pub use object::{Marshal, Object};
pub use parse::{Error, MAX_DEPTH, MAX_NODES, read};

#[cfg(test)]
mod tests;
