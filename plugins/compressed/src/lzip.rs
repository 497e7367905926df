//! lzip: LZMA with fixed properties between a header of six bytes and a trailer with checksum and sizes; members follow each other.
//! Source: the format's specification (draft-diaz-lzip, section 2).

use modelaudit_plugin::Span;

use crate::lzma_stream::{Lzma, decode_seen};
use crate::stop::Stop;
use crate::unpacker::Unpacker;

/// Magic, version, size of the dictionary.
const HEADER: usize = 6;
/// lc 3, lp 0, pb 2: lzip has no others.
const PROPERTIES: u8 = 0x5d;

/// `LZIP`, version 1, and a dictionary of 4 KiB to 512 MiB.
pub fn starts(head: &[u8]) -> bool {
    matches!(head, [b'L', b'Z', b'I', b'P', 1, size, ..] if dictionary(*size).is_some())
}

/// The low five bits are a power of two, the high three sixteenths of it that are taken off.
fn dictionary(coded: u8) -> Option<u32> {
    let base = 1u32 << (coded & 31);
    let size = base - base / 16 * u32::from(coded >> 5);
    ((12..=29).contains(&(coded & 31)) && size >= 4096).then_some(size)
}

/// Unpacks one member.
pub fn member(unpacker: &mut Unpacker<'_>) -> Result<(), Stop> {
    let start = unpacker.reader.position();
    let [.., coded] = unpacker.reader.array::<HEADER>()?;
    let Some(dictionary) = dictionary(coded) else {
        return Err(Stop::Corrupt { offset: start, reason: "the size of the dictionary is invalid".to_owned() });
    };
    let mut crc = crc32fast::Hasher::new();
    let mut length = 0u64;
    let lzma = Lzma { properties: PROPERTIES, dictionary, size: u64::MAX };
    decode_seen(unpacker, &lzma, |bytes| {
        crc.update(bytes);
        length += bytes.len() as u64;
    })?;
    let trailer = Span::new(unpacker.reader.position(), 20);
    let stored_crc = unpacker.reader.u32_le()?;
    let (stored_length, stored_member) = (unpacker.reader.u64_le()?, unpacker.reader.u64_le()?);
    let (crc, member) = (crc.finalize(), unpacker.reader.position() - start);
    if stored_crc != crc {
        unpacker.mismatch(trailer, "the CRC-32 of the lzip member", format!("{stored_crc:08x}"), format!("{crc:08x}"));
    } else if stored_length != length {
        unpacker.mismatch(trailer, "the size of the lzip member's content", stored_length, length);
    } else if stored_member != member {
        unpacker.mismatch(trailer, "the size of the lzip member", stored_member, member);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{dictionary, starts};

    #[test]
    fn dictionaries_are_powers_of_two_with_sixteenths_off() {
        assert_eq!(dictionary(12), Some(4096));
        assert_eq!(dictionary(0xd3), Some((1 << 19) - 6 * (1 << 15)));
        assert_eq!(dictionary(29), Some(512 << 20));
        assert_eq!((dictionary(11), dictionary(30), dictionary(0x2c)), (None, None, None));
    }

    #[test]
    fn the_magic_has_a_version() {
        assert!(starts(b"LZIP\x01\x14") && !starts(b"LZIP\x00\x14") && !starts(b"LZIP\x01\x01") && !starts(b"LZIP"));
    }
}
