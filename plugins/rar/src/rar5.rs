//! Blocks of RAR5: <https://www.rarlab.com/technote.htm>.

use modelaudit_plugin::{Artifact, Span};

use crate::entry::{Block, Coding, Content, Entry, Kind, is_special};

/// The signature.
pub const SIGNATURE: &[u8; 8] = b"Rar!\x1a\x07\x01\x00";

/// Longest header: its size is a number of at most three bytes.
const HEADER_LIMIT: u64 = 1 << 21;

/// Reads numbers out of a header; every read is checked.
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// From the first byte on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// A number of 7 bits a byte, lowest first, at most ten bytes.
    pub fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A number of four bytes.
    pub fn word(&mut self) -> Option<u32> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_le_bytes(*bytes))
    }

    /// So many bytes.
    pub fn bytes(&mut self, length: u64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(bytes)
    }

    /// The bytes that are left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes are left.
    pub fn left(&self) -> u64 {
        self.rest.len() as u64
    }
}

/// Reads the block at `offset`.
///
/// # Errors
/// What is wrong with it; nothing behind it can be found then.
pub fn block(artifact: &dyn Artifact, offset: u64) -> Result<Block, String> {
    let head = artifact.read(offset, 16);
    let mut fields = Fields::new(&head);
    let cut = || format!("the file ends inside the block header at offset {offset}");
    let stored = fields.word().ok_or_else(cut)?;
    let before = fields.left();
    let size = fields.number().ok_or_else(cut)?;
    let width = before - fields.left();
    if size == 0 || width > 3 || size > HEADER_LIMIT {
        return Err(format!("the block header at offset {offset} has an impossible size of {size}"));
    }
    let length = 4 + width + size;
    let bytes = artifact.read_span(Span::new(offset, length), HEADER_LIMIT + 8).ok_or_else(cut)?;
    let checked = bytes.get(4..).unwrap_or_default();
    let checksum = Some(crc32fast::hash(checked) == stored);
    let body = checked.get(width as usize..).unwrap_or_default();
    let malformed = || format!("the block header at offset {offset} is malformed");
    let header = Span::new(offset, length);
    let (data, content) = parse(body, header).ok_or_else(malformed)?;
    Ok(Block { header, data, checksum, content })
}

/// The body of a header: from its type on.
fn parse(body: &[u8], header: Span) -> Option<(Span, Content)> {
    let mut fields = Fields::new(body);
    let (kind, flags) = (fields.number()?, fields.number()?);
    let extra = if flags & 1 != 0 { fields.number()? } else { 0 };
    let data = Span::new(header.end(), if flags & 2 != 0 { fields.number()? } else { 0 });
    let own = fields.bytes(fields.left().checked_sub(extra)?)?;
    let extra = fields.bytes(extra)?;
    let content = match kind {
        1 => main(own, extra, header.offset)?,
        2 | 3 => member(kind == 3, flags, own, extra, header, data)?,
        4 => Content::Encryption,
        5 => Content::End,
        _ if data.length > 0 => Content::Unread("a block of an unknown type holds data"),
        _ => Content::Other,
    };
    Some((data, content))
}

fn main(own: &[u8], extra: &[u8], offset: u64) -> Option<Content> {
    let flags = Fields::new(own).number()?;
    let mut quick_open = None;
    for (kind, record) in Records::new(extra) {
        let mut fields = Fields::new(record);
        // The locator: places count from the start of the main header, 0 says that there is none.
        if kind == 1 && fields.number()? & 1 != 0 {
            let place = fields.number()?;
            quick_open = (place > 0).then(|| offset.saturating_add(place));
        }
    }
    Some(Content::Main { solid: flags & 4 != 0, volume: flags & 1 != 0, encrypted: false, quick_open })
}

fn member(service: bool, block_flags: u64, own: &[u8], extra: &[u8], header: Span, data: Span) -> Option<Content> {
    let mut fields = Fields::new(own);
    let flags = fields.number()?;
    let size = fields.number()?;
    let attributes = fields.number()?;
    if flags & 2 != 0 {
        fields.word()?;
    }
    let crc = if flags & 4 != 0 { Some(fields.word()?) } else { None };
    let packing = fields.number()?;
    let system = fields.number()?;
    let length = fields.number()?;
    let mut name = fields.bytes(length)?.to_vec();
    let mut encrypted = false;
    let mut kind = if flags & 1 != 0 { Kind::Folder } else { Kind::File };
    let mut stream = Vec::new();
    for (record, bytes) in Records::new(extra) {
        match record {
            1 => encrypted = true,
            // An older version of the file, unpacked under a name of its own: flags, then the number.
            4 => {
                let mut fields = Fields::new(bytes);
                let version = fields.number().and(fields.number())?;
                name.extend_from_slice(format!(";{version}").as_bytes());
            }
            5 => kind = link(bytes)?,
            7 => stream = bytes.to_vec(),
            _ => {}
        }
    }
    if service {
        kind = match name.as_slice() {
            b"QO" if !encrypted => return Some(Content::QuickOpen),
            b"QO" | b"RR" | b"ACL" => return Some(Content::Other),
            b"STM" => Kind::Stream(stream),
            _ => Kind::Service,
        };
    }
    Some(Content::Member(Box::new(Entry {
        name,
        other_name: None,
        header,
        data,
        size: (flags & 8 == 0).then_some(size),
        crc,
        coding: coding(packing),
        solid: packing & 0x40 != 0,
        encrypted,
        from_before: block_flags & 8 != 0,
        goes_on: block_flags & 0x10 != 0,
        kind,
        special: system == 1 && is_special(attributes),
    })))
}

/// The record of a link.
fn link(bytes: &[u8]) -> Option<Kind> {
    let mut fields = Fields::new(bytes);
    let (kind, _flags, length) = (fields.number()?, fields.number()?, fields.number()?);
    let target = fields.bytes(length)?.to_vec();
    let (what, from_root) = match kind {
        1 => ("a symbolic link", false),
        2 => ("a Windows symbolic link", false),
        3 => ("a junction", false),
        4 => ("a hard link", true),
        _ => ("a copy of a file", true),
    };
    Some(Kind::Link { what, target, from_root })
}

/// How a member is packed, out of the compression information.
fn coding(packing: u64) -> Coding {
    let (version, method) = ((packing & 0x3f) as u8, (packing >> 7 & 7) as u8);
    let (power, fraction) = (packing >> 10 & 0x1f, packing >> 15 & 0x1f);
    match (method, version) {
        (0, _) => Coding::Stored,
        (1..=5, 0) if power <= 15 => Coding::Rar50 { version, dictionary: 0x2_0000 << power },
        (1..=5, 1) => Coding::Rar50 { version, dictionary: (32 + fraction) << (power + 12) },
        _ => Coding::Unknown { version, method },
    }
}

/// Records of an extra area: a type and its bytes. Ends where one does not fit.
struct Records<'a> {
    fields: Fields<'a>,
}

impl<'a> Records<'a> {
    fn new(extra: &'a [u8]) -> Self {
        Self { fields: Fields::new(extra) }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = self.fields.number()?;
        let mut record = Fields::new(self.fields.bytes(length)?);
        let kind = record.number()?;
        Some((kind, record.rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_where_the_bytes_do() {
        assert_eq!(Fields::new(b"\x80\x01").number(), Some(128));
        assert_eq!(Fields::new(b"\x80").number(), None);
        assert_eq!(Fields::new(&[0xff; 12]).number(), None);
        let most = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(Fields::new(&most).number(), Some(u64::MAX));
    }

    #[test]
    fn dictionaries_are_what_the_note_says() {
        assert_eq!(coding(3 << 7), Coding::Rar50 { version: 0, dictionary: 128 << 10 });
        assert_eq!(coding(1 | 3 << 7 | 5 << 10 | 1 << 15), Coding::Rar50 { version: 1, dictionary: 33 << 17 });
        assert_eq!(coding(1 | 5 << 7 | 31 << 10 | 31 << 15), Coding::Rar50 { version: 1, dictionary: 63 << 43 });
        assert_eq!(coding(3 << 7 | 16 << 10), Coding::Unknown { version: 0, method: 3 });
        assert_eq!(coding(2 | 7 << 7), Coding::Unknown { version: 2, method: 7 });
    }
}
