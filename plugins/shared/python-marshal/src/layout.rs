//! How a code object is laid out, by release of CPython.

/// The release family that wrote a code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// 3.11 to 3.14.
    Python311,
    /// 3.8 to 3.10.
    Python38,
    /// 3.0 to 3.7.
    Python30,
    /// 2.3 to 2.7.
    Python2,
}

/// One field of a code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// A 32-bit number that says nothing about what the code does.
    Number,
    /// The instructions.
    Code,
    /// The tuple of constants.
    Constants,
    /// The tuple of names: globals, attributes, imported modules.
    Names,
    /// A tuple of names of variables.
    Variables,
    /// A bytes object that is not needed (line numbers, exception table).
    Bytes,
    /// Name of the source file.
    FileName,
    /// Name of the function.
    Name,
    /// Name with the enclosing ones.
    QualifiedName,
}

use Field::{Bytes, Code, Constants, FileName, Name, Names, Number, QualifiedName, Variables};

const PYTHON311: &[Field] = &[
    Number,
    Number,
    Number,
    Number,
    Number,
    Code,
    Constants,
    Names,
    Variables,
    Bytes,
    FileName,
    Name,
    QualifiedName,
    Number,
    Bytes,
    Bytes,
];
const PYTHON38: &[Field] = &[
    Number, Number, Number, Number, Number, Number, Code, Constants, Names, Variables, Variables, Variables, FileName,
    Name, Number, Bytes,
];
const PYTHON30: &[Field] = &[
    Number, Number, Number, Number, Number, Code, Constants, Names, Variables, Variables, Variables, FileName, Name,
    Number, Bytes,
];
const PYTHON2: &[Field] = &[
    Number, Number, Number, Number, Code, Constants, Names, Variables, Variables, Variables, FileName, Name, Number,
    Bytes,
];

impl Layout {
    /// All layouts, in the order in which they are tried.
    pub const ALL: [Self; 4] = [Self::Python311, Self::Python38, Self::Python30, Self::Python2];

    /// The releases in words, for messages and details.
    pub fn releases(self) -> &'static str {
        match self {
            Self::Python311 => "3.11 to 3.14",
            Self::Python38 => "3.8 to 3.10",
            Self::Python30 => "3.0 to 3.7",
            Self::Python2 => "2.3 to 2.7",
        }
    }

    pub(crate) fn fields(self) -> &'static [Field] {
        match self {
            Self::Python311 => PYTHON311,
            Self::Python38 => PYTHON38,
            Self::Python30 => PYTHON30,
            Self::Python2 => PYTHON2,
        }
    }
}
