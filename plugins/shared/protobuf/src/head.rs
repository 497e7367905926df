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

/// The bytes that a message can begin with: the tag of a field that is no group. Field numbers above 15 take a second byte, so the
/// first has its high bit set; 0x80 alone would be a varint of field 0 or 16, which no format here begins with.
pub fn first_bytes() -> impl Iterator<Item = u8> {
    (8..=255).filter(|tag| matches!(tag & 7, 0 | 1 | 2 | 5) && *tag != 0x80)
}

/// The first fields of a message of `size` bytes of which `head` is the beginning; None if the bytes are no protobuf. A field whose
/// key or number leaves the head ends the list.
pub fn fields(head: &[u8], size: u64) -> Option<Vec<HeadField<'_>>> {
    let (fields, sound) = sound_fields(head, size);
    sound.then_some(fields)
}

/// As [`fields`], but up to the first byte that is no protobuf, and whether there was none: for formats that something may follow.
pub fn sound_fields(head: &[u8], size: u64) -> (Vec<HeadField<'_>>, bool) {
    let mut fields = Vec::new();
    let (mut rest, mut left) = (head, size);
    while !rest.is_empty() && fields.len() < MAX_FIELDS {
        match next(rest, left) {
            Next::Field(field, taken) => {
                fields.push(field);
                left -= taken;
                rest = rest.get(usize::try_from(taken).unwrap_or(usize::MAX)..).unwrap_or_default();
            }
            // The head ends inside the field; if the file does, too, it is no field.
            Next::Cut => return (fields, left != rest.len() as u64),
            Next::Wrong => return (fields, false),
        }
    }
    (fields, true)
}

enum Next<'a> {
    Field(HeadField<'a>, u64),
    Cut,
    Wrong,
}

/// The field at the start of `rest`, of a message of which `left` bytes are left, and the bytes it takes.
fn next(rest: &[u8], left: u64) -> Next<'_> {
    let (key, behind) = match varint(rest) {
        Number::Is(key, behind) => (key, behind),
        Number::Cut => return Next::Cut,
        Number::TooLong => return Next::Wrong,
    };
    let number = key >> 3;
    let Some(wire) = Wire::of(key).filter(|_| number != 0 && number <= LARGEST_NUMBER) else { return Next::Wrong };
    let mut field = HeadField { number: number as u32, wire, varint: 0, bytes: &[], length: 0 };
    let taken = match wire {
        Wire::Fixed64 => Some((rest.len() - behind.len()) as u64 + 8),
        Wire::Fixed32 => Some((rest.len() - behind.len()) as u64 + 4),
        Wire::Varint | Wire::Bytes => {
            let (value, after) = match varint(behind) {
                Number::Is(value, after) => (value, after),
                Number::Cut => return Next::Cut,
                Number::TooLong => return Next::Wrong,
            };
            let before = (rest.len() - after.len()) as u64;
            if wire == Wire::Varint {
                field.varint = value;
                Some(before)
            } else {
                field.length = value;
                field.bytes =
                    after.get(..usize::try_from(value).unwrap_or(usize::MAX).min(after.len())).unwrap_or_default();
                before.checked_add(value)
            }
        }
    };
    match taken.filter(|taken| *taken <= left) {
        Some(taken) => Next::Field(field, taken),
        None => Next::Wrong,
    }
}

/// True if every field in sight is one of `schema` (numbers with their wire types), and there is at least one.
pub fn fits(fields: &[HeadField<'_>], schema: &[(u32, Wire)]) -> bool {
    !fields.is_empty() && fields.iter().all(|f| schema.contains(&(f.number, f.wire)))
}

enum Number<'a> {
    Is(u64, &'a [u8]),
    /// The bytes end inside it.
    Cut,
    /// More than ten bytes.
    TooLong,
}

fn varint(bytes: &[u8]) -> Number<'_> {
    let mut value = 0u64;
    let mut rest = bytes;
    for index in 0..10u32 {
        let Some((byte, behind)) = rest.split_first() else { return Number::Cut };
        value |= u64::from(byte & 0x7f).checked_shl(7 * index).unwrap_or(0);
        if *byte < 0x80 {
            return Number::Is(value, behind);
        }
        rest = behind;
    }
    Number::TooLong
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
