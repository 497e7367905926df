//! Heaps: names of old groups (local), texts of variable length (global), links and attributes of new groups (fractal).
//! Source: HDF5 File Format Specification 3.0, III.D to III.G.

use crate::btree;
use crate::file::{File, Trouble, bytes_for};

/// Objects of a global heap collection that are passed on the way to one.
const MAX_OBJECTS: usize = 1 << 20;
/// Levels of indirect blocks: a heap of 2^64 bytes has fewer.
const MAX_LEVELS: usize = 64;
/// Largest object of a fractal heap that is read: an attribute or link.
const MAX_OBJECT: u64 = 32 << 20;

/// A local heap's data: offset in the artifact and length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalHeap {
    start: u64,
    length: u64,
}

impl LocalHeap {
    pub(crate) fn read(file: &File<'_>, address: u64) -> Result<Self, Trouble> {
        let at = file.at(address)?;
        let head = file.signed(
            at,
            b"HEAP",
            8 + 2 * file.lengths as u64 + file.offsets as u64,
            "a local heap without its signature",
        )?;
        let mut cursor = file.cursor(&head, at);
        cursor.take(8)?;
        let length = cursor.length()?;
        cursor.length()?;
        let start = file.at(cursor.address()?)?;
        Ok(Self { start, length })
    }

    /// The text at an offset of the heap.
    pub(crate) fn text(&self, file: &File<'_>, offset: u64) -> Result<Vec<u8>, Trouble> {
        if offset >= self.length {
            return Err(Trouble::Broken(self.start, "a name beyond its heap"));
        }
        let start = self.start.saturating_add(offset);
        let mut bytes = file.up_to(start, (self.length - offset).min(256));
        if !bytes.contains(&0) {
            bytes = file.up_to(start, (self.length - offset).min(64 << 10));
        }
        let end = bytes.iter().position(|b| *b == 0).ok_or(Trouble::Broken(start, "a name without an end"))?;
        bytes.truncate(end);
        Ok(bytes)
    }
}

/// Where an object of a global heap collection is: offset in the artifact and length.
pub(crate) fn global(file: &File<'_>, address: u64, index: u32) -> Result<(u64, u64), Trouble> {
    let at = file.at(address)?;
    let head = file.signed(at, b"GCOL", 8 + file.lengths as u64, "a global heap without its signature")?;
    let mut cursor = file.cursor(&head, at);
    cursor.take(8)?;
    let end = at.checked_add(cursor.length()?).ok_or(Trouble::Broken(at, "a global heap beyond any file"))?;
    let mut here = at + head.len() as u64;
    for _ in 0..MAX_OBJECTS {
        let object = 8 + file.lengths as u64;
        if here.saturating_add(object) > end {
            break;
        }
        let head = file.bytes(here, object)?;
        let mut cursor = file.cursor(&head, here);
        let number = cursor.u16()?;
        cursor.take(6)?;
        let size = cursor.length()?;
        let start = here + object;
        if number == 0 {
            break;
        }
        let after = start.checked_add(size).ok_or(Trouble::Broken(here, "a global heap object beyond any file"))?;
        if after > end {
            return Err(Trouble::Broken(here, "a global heap object that is larger than its heap"));
        }
        if u32::from(number) == index {
            return if after > file.size() { Err(Trouble::Cut(here)) } else { Ok((start, size)) };
        }
        here = start.saturating_add(size.checked_next_multiple_of(8).unwrap_or(u64::MAX));
    }
    Err(Trouble::Broken(at, "a global heap without the object that is asked for"))
}

/// A fractal heap's header.
pub(crate) struct FractalHeap {
    at: u64,
    width: u64,
    start_size: u64,
    max_direct: u64,
    offset_bytes: usize,
    length_bytes: usize,
    root: u64,
    root_rows: u64,
    huge_tree: u64,
    filtered: bool,
}

impl FractalHeap {
    pub(crate) fn read(file: &File<'_>, address: u64) -> Result<Self, Trouble> {
        let at = file.at(address)?;
        let length = 22 + 12 * file.lengths as u64 + 3 * file.offsets as u64;
        let head = file.signed(at, b"FRHP", length, "a fractal heap without its signature")?;
        let mut cursor = file.cursor(&head, at);
        cursor.take(7)?;
        let filters = cursor.u16()?;
        cursor.u8()?;
        let max_managed = cursor.u32()?;
        cursor.length()?;
        let huge_tree = cursor.address()?;
        cursor.length()?;
        cursor.address()?;
        for _ in 0..8 {
            cursor.length()?;
        }
        let width = u64::from(cursor.u16()?);
        let start_size = cursor.length()?;
        let max_direct = cursor.length()?;
        let bits = cursor.u16()?;
        cursor.u16()?;
        let root = cursor.address()?;
        let root_rows = u64::from(cursor.u16()?);
        if width == 0
            || !start_size.is_power_of_two()
            || !max_direct.is_power_of_two()
            || max_direct < start_size
            || bits > 64
        {
            return Err(Trouble::Broken(at, "a fractal heap with impossible sizes"));
        }
        let offset_bytes = usize::from(bits).div_ceil(8);
        let length_bytes = bytes_for(max_direct).min(bytes_for(u64::from(max_managed)));
        let filtered = filters != 0;
        Ok(Self { at, width, start_size, max_direct, offset_bytes, length_bytes, root, root_rows, huge_tree, filtered })
    }

    /// The object of a heap id: its offset in the artifact (that of the id, if the id holds it) and its bytes.
    pub(crate) fn object(&self, file: &File<'_>, id: &[u8]) -> Result<(u64, Vec<u8>), Trouble> {
        let mut cursor = file.cursor(id, self.at);
        let flags = cursor.u8()?;
        let (start, length) = match flags >> 4 & 3 {
            0 => {
                let offset = cursor.number(self.offset_bytes)?;
                let length = cursor.number(self.length_bytes)?;
                (self.managed(file, offset)?, length)
            }
            1 => self.huge(file, cursor.rest())?,
            2 => {
                let length = usize::from(flags & 15) + 1;
                return Ok((self.at, cursor.take(length)?.to_vec()));
            }
            _ => return Err(Trouble::Broken(self.at, "a heap id of unknown type")),
        };
        if self.filtered {
            return Err(Trouble::Unsupported(self.at, "a fractal heap with filters"));
        }
        if length > MAX_OBJECT {
            return Err(Trouble::Unsupported(start, "a heap object of more than 32 MiB"));
        }
        Ok((start, file.bytes(start, length)?))
    }

    /// Where an offset of the heap's space is in the artifact: down the doubling table.
    fn managed(&self, file: &File<'_>, offset: u64) -> Result<u64, Trouble> {
        if self.filtered {
            return Err(Trouble::Unsupported(self.at, "a fractal heap with filters"));
        }
        let broken = Trouble::Broken(self.at, "a heap id beyond its heap");
        let (mut block, mut rows, mut offset) = (self.root, self.root_rows, offset);
        let direct_rows = u64::from((self.max_direct / self.start_size).trailing_zeros()) + 2;
        for _ in 0..MAX_LEVELS {
            if rows == 0 {
                return file.at(block)?.checked_add(offset).ok_or(broken);
            }
            // Row 0 and 1 have blocks of the starting size, each row behind them has blocks twice as large.
            let first = self.start_size.checked_mul(self.width).ok_or(broken.clone())?;
            let (row, row_start, size) = if offset < first {
                (0, 0, self.start_size)
            } else {
                let row = u64::from(63 - (offset / first).leading_zeros()) + 1;
                let shift = u32::try_from(row - 1).unwrap_or(64);
                let start = first.checked_shl(shift).ok_or(broken.clone())?;
                (row, start, self.start_size.checked_shl(shift).ok_or(broken.clone())?)
            };
            let column = (offset - row_start) / size.max(1);
            if row >= rows || column >= self.width {
                return Err(broken);
            }
            let at = file.at(block)?;
            file.signed(at, b"FHIB", 4, "an indirect block without its signature")?;
            let head = 5 + file.offsets as u64 + self.offset_bytes as u64;
            let index = row.saturating_mul(self.width) + column;
            let entry = at.saturating_add(head).saturating_add(index.saturating_mul(file.offsets as u64));
            let bytes = file.bytes(entry, file.offsets as u64)?;
            block = file.cursor(&bytes, entry).address()?;
            if file.is_undefined(block) {
                return Err(broken);
            }
            offset -= row_start + column * size;
            rows = if row < direct_rows {
                0
            } else {
                // A child that covers `size` bytes has as many rows as fill it.
                u64::from((size / first).max(1).trailing_zeros()) + 1
            };
        }
        Err(broken)
    }

    /// A huge object: by its number in a tree of its own.
    fn huge(&self, file: &File<'_>, id: &[u8]) -> Result<(u64, u64), Trouble> {
        let mut cursor = file.cursor(id, self.at);
        if id.len() >= file.offsets + file.lengths {
            // Where they fit, address and length are in the id.
            return Ok((file.at(cursor.address()?)?, cursor.length()?));
        }
        let wanted = cursor.number(id.len().min(file.lengths))?;
        let mut found = None;
        btree::records(file, self.huge_tree, &mut |record, at| {
            let mut cursor = file.cursor(record, at);
            let (address, length, number) = (cursor.address()?, cursor.length()?, cursor.length()?);
            if number == wanted {
                found = Some((file.at(address)?, length));
            }
            Ok(found.is_none())
        })?;
        found.ok_or(Trouble::Broken(self.at, "a huge object that its tree does not list"))
    }
}
