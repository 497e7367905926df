//! XML as hostile bytes: a pull tokenizer that expands nothing.
//!
//! PMML and OpenVINO models are XML, and the parsers that read them (Java's, libxml2, pugixml) follow a document type when they are
//! let: entities that stand in local files or on other machines (XXE), entities that expand to gigabytes (billion laughs), subsets from
//! elsewhere. A scanner that uses such a parser is its victim; one that searches the text for `<!ENTITY` is blind to UTF-16. So this one
//! decodes UTF-8 and UTF-16, reads the document type without acting on it, *computes* what its entities would expand to, and hands out
//! elements and text in bounded pieces. `judge` turns what it saw into findings, the same for every format.
//!
//! Strict where XML 1.0 is: end tags must match, attributes must be quoted and stand once. Not checked: which characters names may hold,
//! namespaces, and content outside what the formats here use.

mod doctype;
mod judge;
mod source;
mod subset;
#[cfg(test)]
mod tests;
mod tokenizer;

pub use doctype::{Doctype, Entity};
pub use judge::{judge, report_error, rules};
pub use tokenizer::{Attribute, Element, Error, ErrorKind, Event, Text, Tokenizer, root};
