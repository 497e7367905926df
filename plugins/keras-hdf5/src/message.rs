//! The messages of an object: shapes, types, layouts, links, attributes. Source: HDF5 File Format Specification 3.0, IV.A.2.

use crate::file::{Cursor, File, Trouble};
use crate::header::{Message, kind, shared};

/// The most dimensions HDF5 has (`H5S_MAX_RANK`).
const MAX_RANK: u8 = 32;

/// Shape of a dataset or attribute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Space {
    /// Empty for a scalar.
    pub dimensions: Vec<u64>,
    /// No elements at all.
    pub null: bool,
}

impl Space {
    pub(crate) fn parse(file: &File<'_>, body: &[u8], at: u64) -> Result<Self, Trouble> {
        let mut cursor = file.cursor(body, at);
        let version = cursor.u8()?;
        let rank = cursor.u8()?;
        cursor.u8()?;
        let kind = cursor.u8()?;
        if rank > MAX_RANK {
            return Err(Trouble::Broken(at, "a dataspace of more than 32 dimensions"));
        }
        match version {
            1 => {
                cursor.take(4)?;
            }
            2 => {}
            _ => return Err(Trouble::Broken(at, "a dataspace of unknown version")),
        }
        let mut dimensions = Vec::new();
        for _ in 0..rank {
            dimensions.push(cursor.length()?);
        }
        Ok(Self { dimensions, null: version == 2 && kind == 2 })
    }

    /// Number of elements; None if it is beyond 64 bits.
    pub(crate) fn count(&self) -> Option<u64> {
        if self.null {
            return Some(0);
        }
        self.dimensions.iter().try_fold(1u64, |product, d| product.checked_mul(*d))
    }
}

/// What an element is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// A number, with the name that tensors have for it.
    Number(&'static str),
    /// A text of fixed length.
    Text,
    /// A text elsewhere, in a global heap.
    LongText,
    /// Bytes without a meaning to HDF5.
    Opaque,
    /// A sequence elsewhere, in a global heap.
    Sequence,
    /// Anything else.
    Other(&'static str),
}

/// An element's type and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DataType {
    pub kind: Type,
    pub size: u64,
}

impl DataType {
    pub(crate) fn parse(file: &File<'_>, body: &[u8], at: u64) -> Result<Self, Trouble> {
        let mut cursor = file.cursor(body, at);
        let class = cursor.u8()? & 15;
        let bits = cursor.u8()?;
        cursor.take(2)?;
        let size = u64::from(cursor.u32()?);
        let kind = match class {
            0 => Type::Number(match (size, bits & 8 != 0) {
                (1, true) => "i8",
                (1, false) => "u8",
                (2, true) => "i16",
                (2, false) => "u16",
                (4, true) => "i32",
                (4, false) => "u32",
                (8, true) => "i64",
                (8, false) => "u64",
                _ => "integer",
            }),
            1 => {
                // Bit offset, precision, exponent location and size: what tells bfloat16 from float16.
                let exponent = cursor.take(6).ok().and_then(|p| p.get(5).copied());
                Type::Number(match (size, exponent) {
                    (1, _) => "f8",
                    (2, Some(8)) => "bf16",
                    (2, _) => "f16",
                    (4, _) => "f32",
                    (8, _) => "f64",
                    _ => "float",
                })
            }
            3 => Type::Text,
            4 => Type::Number("bits"),
            5 => Type::Opaque,
            6 => Type::Other("compound"),
            7 => Type::Other("reference"),
            // h5py writes a bool as an enumeration of one byte.
            8 => Type::Number(if size == 1 { "bool" } else { "enum" }),
            9 if bits & 15 == 1 => Type::LongText,
            9 => Type::Sequence,
            10 => Type::Other("array"),
            2 => Type::Other("time"),
            _ => return Err(Trouble::Broken(at, "a datatype of unknown class")),
        };
        Ok(Self { kind, size })
    }
}

/// Where a dataset's elements are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// In the header: offset in the artifact and length.
    Compact(u64, u64),
    /// In one piece: address and length, which version 1 and 2 do not store.
    Contiguous(u64, Option<u64>),
    /// In chunks.
    Chunked,
    /// In other datasets: the list is in a global heap.
    Virtual(u64, u32),
}

impl Layout {
    pub(crate) fn parse(file: &File<'_>, body: &[u8], at: u64) -> Result<Self, Trouble> {
        let mut cursor = file.cursor(body, at);
        let unknown = Trouble::Broken(at, "a dataset layout of unknown class");
        match cursor.u8()? {
            1 | 2 => {
                let rank = cursor.u8()?;
                let class = cursor.u8()?;
                cursor.take(5)?;
                let address = if class == 0 { 0 } else { cursor.address()? };
                cursor.take(usize::from(rank) * 4)?;
                match class {
                    0 => {
                        let length = cursor.u32()?;
                        Ok(Self::Compact(cursor.offset(), u64::from(length)))
                    }
                    1 => Ok(Self::Contiguous(address, None)),
                    2 => Ok(Self::Chunked),
                    _ => Err(unknown),
                }
            }
            3..=5 => match cursor.u8()? {
                0 => {
                    let length = cursor.u16()?;
                    Ok(Self::Compact(cursor.offset(), u64::from(length)))
                }
                1 => {
                    let address = cursor.address()?;
                    Ok(Self::Contiguous(address, Some(cursor.length()?)))
                }
                2 => Ok(Self::Chunked),
                3 => {
                    let address = cursor.address()?;
                    Ok(Self::Virtual(address, cursor.u32()?))
                }
                _ => Err(unknown),
            },
            _ => Err(Trouble::Broken(at, "a dataset layout of unknown version")),
        }
    }
}

/// An attribute.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub name: Vec<u8>,
    pub kind: DataType,
    pub space: Space,
    /// Offset of the data in the artifact.
    pub at: u64,
    pub data: Vec<u8>,
}

impl Attribute {
    pub(crate) fn parse(file: &File<'_>, body: &[u8], at: u64) -> Result<Self, Trouble> {
        let mut cursor = file.cursor(body, at);
        let version = cursor.u8()?;
        if !(1..=3).contains(&version) {
            return Err(Trouble::Broken(at, "an attribute of unknown version"));
        }
        let flags = cursor.u8()?;
        let name_length = usize::from(cursor.u16()?);
        let type_length = usize::from(cursor.u16()?);
        let space_length = usize::from(cursor.u16()?);
        if version == 3 {
            cursor.u8()?;
        }
        let mut part = |length: usize| -> Result<(u64, &[u8]), Trouble> {
            let at = cursor.offset();
            let bytes = cursor.take(length)?;
            if version == 1 {
                // Padded to eight bytes.
                cursor.take(length.next_multiple_of(8) - length)?;
            }
            Ok((at, bytes))
        };
        let (_, name) = part(name_length)?;
        let (type_at, type_bytes) = part(type_length)?;
        let (space_at, space_bytes) = part(space_length)?;
        let (has_flags, first, second) = (version > 1, flags & 1 != 0, flags & 2 != 0);
        let kind = if has_flags && first {
            let message = shared(file, type_bytes, type_at, kind::DATATYPE)?;
            DataType::parse(file, &message.body, message.at)?
        } else {
            DataType::parse(file, type_bytes, type_at)?
        };
        let space = if has_flags && second {
            let message = shared(file, space_bytes, space_at, kind::DATASPACE)?;
            Space::parse(file, &message.body, message.at)?
        } else {
            Space::parse(file, space_bytes, space_at)?
        };
        let name = name.split(|b| *b == 0).next().unwrap_or_default().to_vec();
        Ok(Self { name, kind, space, at: cursor.offset(), data: cursor.rest().to_vec() })
    }
}

/// What a link of a group leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// An object header's address.
    Hard(u64),
    /// A path in this file.
    Soft,
    /// An object of another file.
    External { file: Vec<u8>, object: Vec<u8> },
    /// A kind that a program defines for itself.
    UserDefined(u8),
}

/// A link of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub name: Vec<u8>,
    pub target: Target,
    /// Where it stands in the artifact.
    pub at: u64,
    pub length: u64,
}

impl Link {
    pub(crate) fn parse(file: &File<'_>, body: &[u8], at: u64) -> Result<Self, Trouble> {
        let mut cursor = file.cursor(body, at);
        if cursor.u8()? != 1 {
            return Err(Trouble::Broken(at, "a link of unknown version"));
        }
        let flags = cursor.u8()?;
        let kind = if flags & 8 != 0 { cursor.u8()? } else { 0 };
        cursor.take(if flags & 4 != 0 { 8 } else { 0 })?;
        cursor.take(if flags & 16 != 0 { 1 } else { 0 })?;
        let length = cursor.number(1 << (flags & 3))?;
        let name = cursor.take(usize::try_from(length).unwrap_or(usize::MAX))?.to_vec();
        let target = match kind {
            0 => Target::Hard(cursor.address()?),
            1 => Target::Soft,
            64 => {
                let length = usize::from(cursor.u16()?);
                let value = cursor.take(length)?;
                external(&mut file.cursor(value, at))?
            }
            kind => Target::UserDefined(kind),
        };
        Ok(Self { name, target, at, length: body.len() as u64 })
    }
}

/// The value of an external link: flags, file name, object path.
fn external(cursor: &mut Cursor<'_>) -> Result<Target, Trouble> {
    cursor.u8()?;
    let file = cursor.text()?.to_vec();
    let object = cursor.text().unwrap_or_default().to_vec();
    Ok(Target::External { file, object })
}

/// Ids of the filters a dataset's chunks pass through.
pub(crate) fn filters(file: &File<'_>, message: &Message) -> Result<Vec<u16>, Trouble> {
    let mut cursor = file.cursor(&message.body, message.at);
    let version = cursor.u8()?;
    let count = cursor.u8()?;
    let mut ids = Vec::new();
    if version == 1 {
        cursor.take(6)?;
    }
    for _ in 0..count {
        let id = cursor.u16()?;
        let name = if version == 1 || id >= 256 { usize::from(cursor.u16()?) } else { 0 };
        cursor.u16()?;
        let values = usize::from(cursor.u16()?);
        cursor.take(name)?;
        cursor.take(values * 4)?;
        if version == 1 && values % 2 == 1 {
            cursor.take(4)?;
        }
        ids.push(id);
    }
    Ok(ids)
}

/// Names of the raw files that hold a dataset's elements: local heap address and offsets of the names.
pub(crate) fn external_files(file: &File<'_>, message: &Message) -> Result<(u64, Vec<u64>), Trouble> {
    let mut cursor = file.cursor(&message.body, message.at);
    cursor.take(4)?;
    cursor.u16()?;
    let used = cursor.u16()?;
    let heap = cursor.address()?;
    let mut names = Vec::new();
    for _ in 0..used {
        names.push(cursor.length()?);
        cursor.length()?;
        cursor.length()?;
    }
    Ok((heap, names))
}
