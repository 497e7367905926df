//! What can be wrong with a document: errors end the parse, defects are noted while it goes on.

use std::fmt;

/// Why the parse could not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Where: the offset in the artifact of the byte that did not fit.
    pub offset: u64,
    /// What.
    pub kind: ErrorKind,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text ended inside the document.
    End,
    /// A byte that no JSON reader accepts here.
    Unexpected {
        /// The byte.
        found: u8,
        /// What the grammar allows here.
        expected: &'static str,
    },
    /// An escape that RFC 8259 does not know.
    Escape,
    /// A number against the grammar.
    Number,
    /// Nested deeper than the limit.
    TooDeep(usize),
    /// More keys in the open objects than can be checked for duplicates.
    TooManyKeys(usize),
    /// More values or text than a tree may hold.
    TooLarge,
}

impl Error {
    /// True if the document was fine as far as it went: it was cut off.
    pub fn is_end(&self) -> bool {
        self.kind == ErrorKind::End
    }

    /// True if the document may be fine and a limit of ours was hit.
    pub fn is_limit(&self) -> bool {
        matches!(self.kind, ErrorKind::TooDeep(_) | ErrorKind::TooManyKeys(_) | ErrorKind::TooLarge)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ErrorKind::End => write!(f, "the JSON text ends early")?,
            ErrorKind::Unexpected { found, expected } if found.is_ascii_graphic() => {
                write!(f, "'{}' where JSON allows {expected}", found as char)?;
            }
            ErrorKind::Unexpected { found, expected } => write!(f, "byte {found:#04x} where JSON allows {expected}")?,
            ErrorKind::Escape => write!(f, "an escape that JSON does not know")?,
            ErrorKind::Number => write!(f, "a malformed JSON number")?,
            ErrorKind::TooDeep(limit) => write!(f, "JSON nested deeper than {limit} levels")?,
            ErrorKind::TooManyKeys(limit) => write!(f, "more than {limit} JSON keys in open objects")?,
            ErrorKind::TooLarge => write!(f, "a JSON document with too many values")?,
        }
        write!(f, " at offset {}", self.offset)
    }
}

impl std::error::Error for Error {}

/// Something that RFC 8259 forbids or leaves open and that readers in use treat differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Where it stands in the artifact.
    pub offset: u64,
    /// What it is.
    pub kind: DefectKind,
}

/// The kinds of [`Defect`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefectKind {
    /// A key that its object had before; the first 200 characters of it. Readers keep the first or the last value.
    DuplicateKey(String),
    /// Bytes in a string that are not UTF-8; they were replaced by U+FFFD.
    InvalidUtf8,
    /// Half of a surrogate pair as `\uD800`: Rust's readers refuse it, Python's keep it.
    LoneSurrogate,
    /// A raw control character in a string.
    ControlCharacter,
    /// `NaN`, `Infinity` or `-Infinity`, which Python's reader accepts and others refuse.
    NotFinite,
    /// A UTF-8 byte order mark before the document.
    ByteOrderMark,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DefectKind::DuplicateKey(key) => write!(f, "the key {} stands twice", modelaudit_plugin::quote(key))?,
            DefectKind::InvalidUtf8 => write!(f, "a string is not UTF-8")?,
            DefectKind::LoneSurrogate => write!(f, "a string holds half of a surrogate pair")?,
            DefectKind::ControlCharacter => write!(f, "a string holds a raw control character")?,
            DefectKind::NotFinite => write!(f, "a number is not finite")?,
            DefectKind::ByteOrderMark => write!(f, "a byte order mark precedes the document")?,
        }
        write!(f, " at offset {}", self.offset)
    }
}
