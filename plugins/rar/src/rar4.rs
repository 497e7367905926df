//! Blocks of RAR 1.5 to 4.x: technote.txt of WinRAR 4, and headers.hpp of the unrar sources.

use modelaudit_plugin::{Artifact, Span};

use crate::entry::{Block, Coding, Content, Entry, Kind, is_special};

/// The signature, which is a block of its own.
pub const SIGNATURE: &[u8; 7] = b"Rar!\x1a\x07\x00";

/// Flags of a member's header.
mod flag {
    /// The member began in the volume before.
    pub const BEFORE: u16 = 1;
    /// The member goes on in the next volume.
    pub const AFTER: u16 = 2;
    /// A password is needed.
    pub const PASSWORD: u16 = 4;
    /// A comment stands in the header.
    pub const COMMENT: u16 = 8;
    /// It needs the members before it.
    pub const SOLID: u16 = 0x10;
    /// All three bits: a folder.
    pub const FOLDER: u16 = 0xe0;
    /// Sizes have 64 bits.
    pub const LARGE: u16 = 0x100;
    /// The name is there twice, the second time in Unicode.
    pub const UNICODE: u16 = 0x200;
    /// A salt of eight bytes stands behind the name.
    pub const SALT: u16 = 0x400;
    /// Data of the size in the next four bytes follow.
    pub const DATA: u16 = 0x8000;
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Reads the block at `offset`.
///
/// # Errors
/// What is wrong with it; nothing behind it can be found then.
pub fn block(artifact: &dyn Artifact, offset: u64) -> Result<Block, String> {
    let cut = || format!("the file ends inside the block header at offset {offset}");
    let head = artifact.array::<7>(offset).ok_or_else(cut)?;
    let (stored, kind) = (u16_at(&head, 0).ok_or_else(cut)?, head[2]);
    let (flags, size) = (u16_at(&head, 3).ok_or_else(cut)?, u16_at(&head, 5).ok_or_else(cut)?);
    if size < 7 || !(0x72..=0x7f).contains(&kind) {
        return Err(format!("there is no block header at offset {offset}: type {kind:#04x}, size {size}"));
    }
    let header = Span::new(offset, u64::from(size));
    let bytes = artifact.read_span(header, u64::from(u16::MAX)).ok_or_else(cut)?;
    // Old headers hold a comment which their checksum leaves out.
    let comment = kind == 0x73 && flags & 2 != 0 || kind == 0x74 && flags & flag::COMMENT != 0;
    let known = matches!(kind, 0x73 | 0x74 | 0x7a | 0x7b) && !comment;
    let checksum = known.then(|| crc32fast::hash(bytes.get(2..).unwrap_or_default()) as u16 == stored);
    let malformed = || format!("the block header at offset {offset} is malformed");
    let (data, content) = parse(kind, flags, &bytes, header).ok_or_else(malformed)?;
    Ok(Block { header, data, checksum, content })
}

fn parse(kind: u8, flags: u16, bytes: &[u8], header: Span) -> Option<(Span, Content)> {
    if matches!(kind, 0x74 | 0x7a) {
        let entry = member(kind == 0x7a, flags, bytes, header)?;
        let data = entry.data;
        let skipped = kind == 0x7a && matches!(entry.name.as_slice(), b"RR" | b"ACL" | b"UOW" | b"AV");
        return Some((data, if skipped { Content::Other } else { Content::Member(Box::new(entry)) }));
    }
    let length = if flags & flag::DATA != 0 { u64::from(u32_at(bytes, 7)?) } else { 0 };
    let data = Span::new(header.end(), length);
    let content = match kind {
        0x73 => Content::Main {
            solid: flags & 8 != 0,
            volume: flags & 1 != 0,
            encrypted: flags & 0x80 != 0,
            quick_open: None,
        },
        // A second stream of the member before, as RAR 2.x wrote it.
        0x77 if u16_at(bytes, 11) == Some(0x105) => Content::Unread("a stream in the form of RAR 2 is not unpacked"),
        0x7b => Content::End,
        _ => Content::Other,
    };
    Some((data, content))
}

/// A member, or a service block, which has the same layout.
fn member(service: bool, flags: u16, bytes: &[u8], header: Span) -> Option<Entry> {
    let (system, version, method) = (*bytes.get(15)?, *bytes.get(24)?, *bytes.get(25)?);
    let length = usize::from(u16_at(bytes, 26)?);
    let attributes = u32_at(bytes, 28)?;
    let (mut packed, mut size) = (u64::from(u32_at(bytes, 7)?), u64::from(u32_at(bytes, 11)?));
    let mut rest = bytes.get(32..)?;
    if flags & flag::LARGE != 0 {
        packed |= u64::from(u32_at(rest, 0)?) << 32;
        size |= u64::from(u32_at(rest, 4)?) << 32;
        rest = rest.get(8..)?;
    }
    let (raw, rest) = rest.split_at_checked(length)?;
    let (name, other_name) = names(raw, flags & flag::UNICODE != 0 && !service);
    let is_folder = flags & flag::FOLDER == flag::FOLDER || version < 20 && attributes & 0x10 != 0 && system < 3;
    let kind = match name.as_slice() {
        b"STM" if service => {
            let salt = if flags & flag::SALT != 0 { 8 } else { 0 };
            Kind::Stream(utf16(rest.get(..rest.len().saturating_sub(salt))?))
        }
        _ if service => Kind::Service,
        _ if is_folder => Kind::Folder,
        _ if system == 3 && attributes & 0o170_000 == 0o120_000 => Kind::LinkInContent,
        _ => Kind::File,
    };
    let coding = match (method, version) {
        (0x30, _) => Coding::Stored,
        (0x31..=0x35, 15) => Coding::Rar15,
        (0x31..=0x35, 20 | 26) => Coding::Rar20,
        (0x31..=0x35, 29 | 36) => Coding::Rar29,
        _ => Coding::Unknown { version, method: method.wrapping_sub(0x30) },
    };
    Some(Entry {
        name,
        other_name,
        header,
        data: Span::new(header.end(), packed),
        // The largest number stands for a size that was not known when the header was written.
        size: (size != u64::MAX && !(size == 0xffff_ffff && flags & flag::LARGE == 0)).then_some(size),
        crc: Some(u32_at(bytes, 16)?),
        coding,
        solid: flags & flag::SOLID != 0,
        encrypted: flags & flag::PASSWORD != 0,
        from_before: flags & flag::BEFORE != 0,
        goes_on: flags & flag::AFTER != 0,
        kind,
        special: system == 3 && is_special(u64::from(attributes)),
    })
}

/// The name, and the one in a legacy code page before it where that reads differently in ASCII.
fn names(raw: &[u8], unicode: bool) -> (Vec<u8>, Option<Vec<u8>>) {
    let Some(end) = raw.iter().position(|byte| *byte == 0).filter(|_| unicode) else {
        return (raw.to_vec(), None);
    };
    let (legacy, packed) = raw.split_at(end);
    let name = unpack_name(legacy, packed.get(1..).unwrap_or_default());
    let differs = legacy.is_ascii() && name != legacy && name.is_ascii();
    (name, differs.then(|| legacy.to_vec()))
}

/// A Unicode name, packed as differences to the legacy one: two bits a step, 0 and 1 for one byte (plain, or with the common
/// high byte), 2 for two, 3 for a run copied from the legacy name. One that breaks off ends there.
fn unpack_name(legacy: &[u8], packed: &[u8]) -> Vec<u8> {
    let mut bytes = packed.iter().copied();
    let high = u16::from(bytes.next().unwrap_or(0)) << 8;
    let mut units: Vec<u16> = Vec::new();
    let legacy_at = |at: usize| legacy.get(at).copied().map(u16::from);
    'packed: while let Some(mut steps) = bytes.next() {
        for _ in 0..4 {
            let step = steps >> 6;
            steps <<= 2;
            let Some(byte) = bytes.next() else { break 'packed };
            match step {
                0 => units.push(u16::from(byte)),
                1 => units.push(high | u16::from(byte)),
                2 => units.push(u16::from(byte) | u16::from(bytes.next().unwrap_or(0)) << 8),
                _ => {
                    let count = usize::from(byte & 0x7f) + 2;
                    let shift = if byte & 0x80 != 0 { Some(bytes.next().unwrap_or(0)) } else { None };
                    for _ in 0..count {
                        let Some(unit) = legacy_at(units.len()) else { break };
                        units.push(match shift {
                            Some(shift) => high | u16::from((unit as u8).wrapping_add(shift)),
                            None => unit,
                        });
                    }
                }
            }
        }
    }
    String::from_utf16_lossy(&units).into_bytes()
}

/// UTF-16, little-endian.
fn utf16(bytes: &[u8]) -> Vec<u8> {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from(pair[0]) | u16::from(pair[1]) << 8).collect();
    String::from_utf16_lossy(&units).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unicode_names_are_unpacked() {
        assert_eq!(unpack_name(b"orig", b"\0\0abcd"), b"abcd");
        assert_eq!(unpack_name(b"??.txt", b"\x04\x5c\x16\x17\x02"), "\u{416}\u{417}.txt".as_bytes());
        assert_eq!(unpack_name(b"x", b""), b"");
        assert_eq!(names(b"a.txt\0\0\0../b", true).1, Some(b"a.txt".to_vec()));
        assert_eq!(names(b"a\0b", false), (b"a\0b".to_vec(), None));
    }
}
