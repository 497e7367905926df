//! Tells messages of a schema from others by the first bytes of a file.
//!
//! Protobuf has no magic: any bytes may be some message. What tells a schema is that *every* field in sight has a number of it with its
//! wire type, and that the nested ones do, too. One that does not fit is enough to say no.

use crate::{LARGEST_NUMBER, Wire};

/// A field in the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadField<'a> {
    /// Its number.
    pub number: u32,
    /// How it is stored.
    pub wire: Wire,
    /// The value, if it is a varint.
    pub varint: u64,
    /// As much of its bytes as is in the head.
    pub bytes: &'a [u8],
    /// How long it says it is.
    pub length: u64,
}

impl HeadField<'_> {
    /// The value as text, if all of it is in the head and it is printable UTF-8 of at most `longest` bytes.
    pub fn text(&self, longest: usize) -> Option<&str> {
        if self.wire != Wire::Bytes || self.bytes.len() as u64 != self.length || self.bytes.len() > longest {
            return None;
        }
        std::str::from_utf8(self.bytes).ok().filter(|t| !t.chars().any(char::is_control))
    }
}

/// Fields that are looked at.
const MAX_FIELDS: usize = 64;

/// The first fields of a message of `size` bytes of which `head` is the beginning; None if the bytes are no protobuf. A field whose
/// key or number leaves the head ends the list.
pub fn fields(head: &[u8], size: u64) -> Option<Vec<HeadField<'_>>> {
    let mut fields = Vec::new();
    let mut rest = head;
    let mut left = size;
    while !rest.is_empty() && fields.len() < MAX_FIELDS {
        let all_there = left == rest.len() as u64;
        let short = |fields| if all_there { None } else { Some(fields) };
        let Some((key, behind)) = varint(rest)? else { return short(fields) };
        let (number, wire) = (key >> 3, Wire::of(key)?);
        if number == 0 || number > LARGEST_NUMBER {
            return None;
        }
        let mut field = HeadField { number: number as u32, wire, varint: 0, bytes: &[], length: 0 };
        let taken = match wire {
            Wire::Varint => {
                let Some((value, after)) = varint(behind)? else { return short(fields) };
                field.varint = value;
                (rest.len() - after.len()) as u64
            }
            Wire::Fixed64 => (rest.len() - behind.len()) as u64 + 8,
            Wire::Fixed32 => (rest.len() - behind.len()) as u64 + 4,
            Wire::Bytes => {
                let Some((length, after)) = varint(behind)? else { return short(fields) };
                field.length = length;
                field.bytes = after.get(..usize::try_from(length).unwrap_or(usize::MAX).min(after.len())).unwrap_or_default();
                ((rest.len() - after.len()) as u64).checked_add(length)?
            }
        };
        left = left.checked_sub(taken)?;
        fields.push(field);
        rest = rest.get(usize::try_from(taken).unwrap_or(usize::MAX)..).unwrap_or_default();
    }
    Some(fields)
}

/// True if every field in sight is one of `schema` (numbers with their wire types), and there is at least one.
pub fn fits(fields: &[HeadField<'_>], schema: &[(u32, Wire)]) -> bool {
    !fields.is_empty() && fields.iter().all(|f| schema.contains(&(f.number, f.wire)))
}

/// A varint and what follows it; Some(None) if the bytes end inside it, None if it is longer than ten bytes.
#[allow(clippy::type_complexity)]
fn varint(bytes: &[u8]) -> Option<Option<(u64, &[u8])>> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().enumerate() {
        if index >= 10 {
            return None;
        }
        value |= u64::from(byte & 0x7f).checked_shl(7 * index as u32).unwrap_or(0);
        if *byte < 0x80 {
            return Some(bytes.get(index + 1..).map(|rest| (value, rest)));
        }
    }
    if bytes.len() > 10 { None } else { Some(None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_a_prefix() {
        let message = b"\x08\x07\x12\x04tool\x3a\x64\x0a\x02ab";
        let fields = fields(message, 200).unwrap();
        assert_eq!(fields.len(), 3);
        assert_eq!((fields[0].varint, fields[1].text(10), fields[2].length), (7, Some("tool"), 100));
        assert!(fits(&fields, &[(1, Wire::Varint), (2, Wire::Bytes), (7, Wire::Bytes)]));
        assert!(!fits(&fields, &[(1, Wire::Varint), (2, Wire::Bytes)]));
    }

    #[test]
    fn lengths_must_fit_the_file() {
        assert!(fields(b"\x0a\x7fab", 4).is_none());
        assert!(fields(b"\x0a\x7fab", 400).is_some());
        assert!(fields(b"\x08\x80", 2).is_none());
        assert!(fields(b"GGUF\x03\0\0\0", 8).is_none());
        assert!(fields(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", u64::MAX).is_none());
    }
}
