//! The file: addresses, sizes of fields, and reads through a small cache, for HDF5's structures are scattered all over it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

use modelaudit_plugin::{Artifact, READ_LIMIT, Span};

/// Bytes of one page of the cache.
const PAGE: u64 = 4096;
/// Pages that are kept: 16 MiB, more than the structures of most files take.
const PAGES: usize = 4096;

/// Why a structure could not be read. Offsets are those of the artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The file ends before the structure does.
    Cut(u64),
    /// The bytes contradict the format.
    Broken(u64, &'static str),
    /// The format allows it, nothing here reads it.
    Unsupported(u64, &'static str),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(offset) => write!(f, "the file ends inside the structure at offset {offset}"),
            Self::Broken(offset, what) => write!(f, "{what} at offset {offset}"),
            Self::Unsupported(offset, what) => write!(f, "{what} at offset {offset}, which is not read here"),
        }
    }
}

/// An HDF5 file inside an artifact.
pub(crate) struct File<'a> {
    artifact: &'a dyn Artifact,
    /// Where the superblock is: addresses count from there, whatever its own field says (so does the library).
    pub base: u64,
    /// Bytes of an address.
    pub offsets: usize,
    /// Bytes of a length.
    pub lengths: usize,
    cache: RefCell<HashMap<u64, Vec<u8>>>,
}

impl<'a> File<'a> {
    pub(crate) fn new(artifact: &'a dyn Artifact, base: u64) -> Self {
        Self { artifact, base, offsets: 8, lengths: 8, cache: RefCell::new(HashMap::new()) }
    }

    pub(crate) fn size(&self) -> u64 {
        self.artifact.size()
    }

    /// The offset in the artifact of an address of the file.
    pub(crate) fn at(&self, address: u64) -> Result<u64, Trouble> {
        let offset = self.base.checked_add(address).ok_or(Trouble::Broken(self.base, "an address beyond any file"))?;
        if offset >= self.size() { Err(Trouble::Cut(offset)) } else { Ok(offset) }
    }

    /// Whether an address is the undefined one: all bits set.
    pub(crate) fn is_undefined(&self, address: u64) -> bool {
        let bits = u32::try_from(self.offsets).unwrap_or(8).saturating_mul(8);
        address == u64::MAX.checked_shr(64u32.saturating_sub(bits)).unwrap_or(u64::MAX)
    }

    /// Exactly `length` bytes at an offset of the artifact.
    pub(crate) fn bytes(&self, offset: u64, length: u64) -> Result<Vec<u8>, Trouble> {
        let end = offset.checked_add(length).ok_or(Trouble::Broken(offset, "a length beyond any file"))?;
        if end > self.size() {
            return Err(Trouble::Cut(offset));
        }
        let capacity = usize::try_from(length).map_err(|_| Trouble::Unsupported(offset, "a structure of gigabytes"))?;
        let mut out = Vec::with_capacity(capacity);
        while (out.len() as u64) < length {
            let here = offset + out.len() as u64;
            let left = end - here;
            if left >= 4 * PAGE {
                let block = self.artifact.read(here, left.min(u64::from(READ_LIMIT)) as u32);
                if block.is_empty() {
                    return Err(Trouble::Cut(here));
                }
                out.extend_from_slice(&block);
                continue;
            }
            let mut cache = self.cache.borrow_mut();
            let page = here / PAGE * PAGE;
            if !cache.contains_key(&page) {
                let mut block = Vec::new();
                while (block.len() as u64) < PAGE.min(self.size() - page) {
                    let more = self.artifact.read(page + block.len() as u64, (PAGE - block.len() as u64) as u32);
                    if more.is_empty() {
                        return Err(Trouble::Cut(here));
                    }
                    block.extend_from_slice(&more);
                }
                if cache.len() >= PAGES {
                    cache.clear();
                }
                cache.insert(page, block);
            }
            let Some(block) = cache.get(&page) else { return Err(Trouble::Cut(here)) };
            let inside = usize::try_from(here - page).unwrap_or(usize::MAX);
            let rest = block.get(inside..).unwrap_or_default();
            let rest = rest.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(rest);
            if rest.is_empty() {
                return Err(Trouble::Cut(here));
            }
            out.extend_from_slice(rest);
        }
        out.truncate(capacity);
        Ok(out)
    }

    /// At most `length` bytes, fewer where the file ends.
    pub(crate) fn up_to(&self, offset: u64, length: u64) -> Vec<u8> {
        let length = length.min(self.size().saturating_sub(offset));
        self.bytes(offset, length).unwrap_or_default()
    }

    /// Bytes that must begin with a signature.
    pub(crate) fn signed(
        &self,
        offset: u64,
        signature: &[u8],
        length: u64,
        what: &'static str,
    ) -> Result<Vec<u8>, Trouble> {
        let bytes = self.bytes(offset, length)?;
        if bytes.starts_with(signature) { Ok(bytes) } else { Err(Trouble::Broken(offset, what)) }
    }

    /// Offsets at which a signature of four bytes stands, at most `limit`.
    pub(crate) fn find(&self, signature: &[u8; 4], limit: u32) -> Vec<u64> {
        let whole = Span::new(0, self.size());
        self.artifact.find(&[signature], whole, limit).into_iter().map(|hit| hit.offset).collect()
    }

    /// A cursor over bytes that stand at an offset, with this file's sizes of fields.
    pub(crate) fn cursor<'b>(&self, bytes: &'b [u8], offset: u64) -> Cursor<'b> {
        Cursor { bytes, position: 0, offset, offsets: self.offsets, lengths: self.lengths }
    }
}

/// Reads fields off a slice.
#[derive(Clone)]
pub(crate) struct Cursor<'b> {
    bytes: &'b [u8],
    position: usize,
    /// Where the slice stands in the artifact.
    offset: u64,
    offsets: usize,
    lengths: usize,
}

impl<'b> Cursor<'b> {
    /// Offset in the artifact of the next byte.
    pub(crate) fn offset(&self) -> u64 {
        self.offset.saturating_add(self.position as u64)
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'b [u8], Trouble> {
        let end = self.position.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.position..end));
        let taken = taken.ok_or(Trouble::Broken(self.offset(), "a field beyond the end of its structure"))?;
        self.position += length;
        Ok(taken)
    }

    pub(crate) fn rest(&self) -> &'b [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// Little-endian number of `width` bytes; at most 8 of them count.
    pub(crate) fn number(&mut self, width: usize) -> Result<u64, Trouble> {
        let bytes = self.take(width)?;
        Ok(bytes.iter().take(8).rev().fold(0u64, |n, b| n << 8 | u64::from(*b)))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Trouble> {
        Ok(self.number(1)? as u8)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Trouble> {
        Ok(self.number(2)? as u16)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Trouble> {
        Ok(self.number(4)? as u32)
    }

    pub(crate) fn address(&mut self) -> Result<u64, Trouble> {
        self.number(self.offsets)
    }

    pub(crate) fn length(&mut self) -> Result<u64, Trouble> {
        self.number(self.lengths)
    }

    /// Bytes up to the next NUL, which is skipped.
    pub(crate) fn text(&mut self) -> Result<&'b [u8], Trouble> {
        let end = self.rest().iter().position(|b| *b == 0);
        let end = end.ok_or(Trouble::Broken(self.offset(), "a text without an end"))?;
        let text = self.take(end)?;
        self.take(1)?;
        Ok(text)
    }
}

/// Bytes to write numbers up to `limit` in: the library's `H5VM_limit_enc_size`.
pub(crate) fn bytes_for(limit: u64) -> usize {
    (64 - (limit | 1).leading_zeros() as usize - 1) / 8 + 1
}

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::Memory;

    use super::*;

    #[test]
    fn widths_of_counters_are_the_librarys() {
        for (limit, bytes) in [(0, 1), (1, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 3), (u64::MAX, 8)] {
            assert_eq!(bytes_for(limit), bytes, "{limit}");
        }
    }

    #[test]
    fn reads_cross_pages_and_stop_at_the_end() {
        let data: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
        let artifact = Memory::new("x", &data);
        let file = File::new(&artifact, 0);
        for (offset, length) in [(0usize, 10usize), (4090, 20), (4096, 8192), (10, 50_000), (99_990, 10), (5, 0)] {
            assert_eq!(file.bytes(offset as u64, length as u64).unwrap(), data[offset..offset + length]);
        }
        assert_eq!(file.bytes(99_991, 10), Err(Trouble::Cut(99_991)));
        assert!(file.bytes(u64::MAX, 2).is_err());
        assert_eq!(file.up_to(99_998, 100).len(), 2);
        assert!(file.at(u64::MAX).is_err());
    }

    #[test]
    fn the_undefined_address_depends_on_the_width() {
        let artifact = Memory::new("x", b"");
        let mut file = File::new(&artifact, 0);
        assert!(file.is_undefined(u64::MAX));
        file.offsets = 4;
        assert!(file.is_undefined(0xffff_ffff) && !file.is_undefined(u64::MAX));
    }

    #[test]
    fn cursors_do_not_leave_their_slice() {
        let artifact = Memory::new("x", b"");
        let file = File::new(&artifact, 0);
        let mut cursor = file.cursor(b"\x01\x02ab\0c", 100);
        assert_eq!((cursor.u16(), cursor.offset()), (Ok(0x201), 102));
        assert_eq!(cursor.text(), Ok(&b"ab"[..]));
        assert!(cursor.text().is_err() && cursor.u32().is_err());
        assert_eq!((cursor.u8(), cursor.offset()), (Ok(b'c'), 106));
    }
}
