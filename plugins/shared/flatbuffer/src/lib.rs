//! Reads FlatBuffers without trusting an offset.
//!
//! A FlatBuffer is used in place: a table is a position, its fields are found through a vtable, everything else through 32-bit
//! offsets, and readers that skip the verifier follow them wherever they lead. TensorFlow Lite and ExecuTorch models are such files. The
//! reader here compares every offset, count and size with the file before it uses it, never follows one by itself, and reads a few
//! kilobytes at a time, so that weights stay unread. Layout: flatbuffers.dev/internals.
//!
//! Offsets of fields in a vtable ("slots") are 4 for the first field of a table, then 6, 8 ... in the order of the schema.
//!
//! ```
//! use modelaudit_flatbuffer::Flatbuffer;
//! use modelaudit_plugin::testing::Memory;
//!
//! // Root at 16; vtable at 8 of 6 bytes: object of 8 bytes, first field at 4.
//! let bytes = b"\x10\0\0\0TEST\x06\0\x08\0\x04\0\0\0\x08\0\0\0\x2a\0\0\0";
//! let artifact = Memory::new("x", bytes);
//! let mut buffer = Flatbuffer::new(&artifact);
//! let root = buffer.root().unwrap();
//! assert_eq!(buffer.u32(&root, 4), Ok(Some(42)));
//! assert_eq!(buffer.u32(&root, 6), Ok(None));
//! ```

use modelaudit_plugin::{Artifact, READ_LIMIT, Span};

/// What is read at once, and how many of these blocks are kept: tables, vtables and vectors stand far from each other, and a walk goes
/// back and forth between them.
const BLOCK: u64 = 4 << 10;
const BLOCKS: usize = 32;
/// Blocks overlap by this much, so that a number never stands in two of them.
const OVERLAP: u64 = 8;
/// The smallest vtable: its own size and the object's.
const SMALLEST_VTABLE: u64 = 4;

/// Something that no writer writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Where.
    pub at: u64,
    /// What, in half a sentence.
    pub what: String,
}

impl std::fmt::Display for Defect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at offset {}", self.what, self.at)
    }
}

impl std::error::Error for Defect {}

fn defect<T>(at: u64, what: impl Into<String>) -> Result<T, Defect> {
    Err(Defect { at, what: what.into() })
}

/// A table whose vtable was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Where it stands.
    pub at: u64,
    vtable: u64,
    vtable_size: u64,
    size: u64,
}

/// A vector whose elements lie inside the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Vector {
    /// Its first element.
    pub at: u64,
    /// Number of elements.
    pub count: u64,
    /// Bytes of an element.
    pub width: u64,
}

impl Vector {
    /// Its elements.
    pub const fn span(&self) -> Span {
        Span::new(self.at, self.count * self.width)
    }
}

/// The reader.
pub struct Flatbuffer<'a> {
    artifact: &'a dyn Artifact,
    size: u64,
    blocks: Vec<(u64, Vec<u8>)>,
    next: usize,
    reached: u64,
}

impl<'a> Flatbuffer<'a> {
    /// A reader over an artifact.
    pub fn new(artifact: &'a dyn Artifact) -> Self {
        Self { artifact, size: artifact.size(), blocks: Vec::new(), next: 0, reached: 0 }
    }

    /// Size of the artifact.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The byte after the last table, vtable, vector or string that was looked at: what follows may belong to nobody.
    pub fn reached(&self) -> u64 {
        self.reached
    }

    /// `N` (at most 8) bytes at an offset.
    ///
    /// # Errors
    /// They are not all in the file.
    pub fn bytes<const N: usize>(&mut self, at: u64) -> Result<[u8; N], Defect> {
        if at.checked_add(N as u64).is_none_or(|end| end > self.size) {
            return defect(at.min(self.size), format!("an offset leads to {at}, outside the file"));
        }
        let number = at / BLOCK;
        let slot = match self.blocks.iter().position(|(n, _)| *n == number) {
            Some(slot) => slot,
            None => {
                let block = (number, self.artifact.read(number * BLOCK, (BLOCK + OVERLAP) as u32));
                if self.blocks.len() < BLOCKS {
                    self.blocks.push(block);
                    self.blocks.len() - 1
                } else {
                    self.next = (self.next + 1) % BLOCKS;
                    if let Some(old) = self.blocks.get_mut(self.next) {
                        *old = block;
                    }
                    self.next
                }
            }
        };
        let inside = (at % BLOCK) as usize;
        match self.blocks.get(slot).and_then(|(_, block)| block.get(inside..)?.first_chunk::<N>()) {
            Some(bytes) => Ok(*bytes),
            None => defect(at, "the file ends here"),
        }
    }

    /// The little-endian number at an offset.
    ///
    /// # Errors
    /// It is not in the file.
    pub fn u32_at(&mut self, at: u64) -> Result<u32, Defect> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    /// The signed number at an offset.
    ///
    /// # Errors
    /// It is not in the file.
    pub fn i32_at(&mut self, at: u64) -> Result<i32, Defect> {
        self.bytes(at).map(i32::from_le_bytes)
    }

    /// The table that the first four bytes lead to.
    ///
    /// # Errors
    /// It is no table.
    pub fn root(&mut self) -> Result<Table, Defect> {
        let root = u64::from(self.u32_at(0)?);
        if root < 4 {
            return defect(0, format!("the root offset is {root}"));
        }
        self.table(root)
    }

    /// The table at an offset.
    ///
    /// # Errors
    /// Its vtable is not in the file, or the two do not fit each other.
    pub fn table(&mut self, at: u64) -> Result<Table, Defect> {
        let back = i64::from(self.i32_at(at)?);
        let vtable = i64::try_from(at).ok().and_then(|at| at.checked_sub(back)).and_then(|v| u64::try_from(v).ok());
        let Some(vtable) = vtable.filter(|v| v.checked_add(SMALLEST_VTABLE).is_some_and(|end| end <= self.size)) else {
            return defect(at, "a table's vtable lies outside the file");
        };
        let vtable_size = u64::from(u16::from_le_bytes(self.bytes(vtable)?));
        let size = u64::from(u16::from_le_bytes(self.bytes(vtable + 2)?));
        if vtable_size < SMALLEST_VTABLE || vtable_size % 2 != 0 || vtable + vtable_size > self.size {
            return defect(vtable, format!("a vtable says it is {vtable_size} bytes long"));
        }
        if size < 4 || at + size > self.size {
            return defect(vtable, format!("a table says it is {size} bytes long"));
        }
        self.reached = self.reached.max(at + size).max(vtable + vtable_size);
        Ok(Table { at, vtable, vtable_size, size })
    }

    /// Where a field of `width` bytes stands; None if the table leaves it out.
    ///
    /// # Errors
    /// The vtable leads outside the table.
    pub fn field(&mut self, table: &Table, slot: u64, width: u64) -> Result<Option<u64>, Defect> {
        if slot + 2 > table.vtable_size {
            return Ok(None);
        }
        let offset = u64::from(u16::from_le_bytes(self.bytes(table.vtable + slot)?));
        if offset == 0 {
            return Ok(None);
        }
        if offset < 4 || offset + width > table.size {
            return defect(table.vtable + slot, format!("a field leads to byte {offset} of a table of {}", table.size));
        }
        Ok(Some(table.at + offset))
    }

    /// A byte field.
    ///
    /// # Errors
    /// See [`Self::field`].
    pub fn u8(&mut self, table: &Table, slot: u64) -> Result<Option<u8>, Defect> {
        let Some(at) = self.field(table, slot, 1)? else { return Ok(None) };
        self.bytes::<1>(at).map(|[byte]| Some(byte))
    }

    /// A 32-bit field.
    ///
    /// # Errors
    /// See [`Self::field`].
    pub fn u32(&mut self, table: &Table, slot: u64) -> Result<Option<u32>, Defect> {
        let Some(at) = self.field(table, slot, 4)? else { return Ok(None) };
        self.u32_at(at).map(Some)
    }

    /// A 64-bit field.
    ///
    /// # Errors
    /// See [`Self::field`].
    pub fn u64(&mut self, table: &Table, slot: u64) -> Result<Option<u64>, Defect> {
        let Some(at) = self.field(table, slot, 8)? else { return Ok(None) };
        self.bytes(at).map(u64::from_le_bytes).map(Some)
    }

    /// Where the offset at `at` leads.
    ///
    /// # Errors
    /// Outside the file.
    pub fn follow(&mut self, at: u64) -> Result<u64, Defect> {
        let offset = u64::from(self.u32_at(at)?);
        let target = at + offset;
        if offset == 0 || target + 4 > self.size {
            return defect(at, format!("an offset leads to {target}, the file has {} bytes", self.size));
        }
        Ok(target)
    }

    /// A field that is a table.
    ///
    /// # Errors
    /// See [`Self::field`] and [`Self::table`].
    pub fn child(&mut self, table: &Table, slot: u64) -> Result<Option<Table>, Defect> {
        let Some(at) = self.field(table, slot, 4)? else { return Ok(None) };
        let target = self.follow(at)?;
        self.table(target).map(Some)
    }

    /// A field that is a vector of elements of `width` bytes (4 for tables and strings).
    ///
    /// # Errors
    /// See [`Self::field`]; or it is longer than the rest of the file.
    pub fn vector(&mut self, table: &Table, slot: u64, width: u64) -> Result<Option<Vector>, Defect> {
        let Some(at) = self.field(table, slot, 4)? else { return Ok(None) };
        let start = self.follow(at)?;
        let count = u64::from(self.u32_at(start)?);
        let left = self.size - start - 4;
        if count.saturating_mul(width) > left {
            return defect(
                start,
                format!("a vector of {count} elements takes more than the {left} bytes that are left"),
            );
        }
        self.reached = self.reached.max(start + 4 + count * width);
        Ok(Some(Vector { at: start + 4, count, width }))
    }

    /// The table that an element of a vector of tables leads to.
    ///
    /// # Errors
    /// See [`Self::follow`] and [`Self::table`].
    pub fn element(&mut self, vector: &Vector, index: u64) -> Result<Table, Defect> {
        let target = self.follow(vector.at + index * 4)?;
        self.table(target)
    }

    /// The bytes of a field that is a string.
    ///
    /// # Errors
    /// See [`Self::vector`].
    pub fn string(&mut self, table: &Table, slot: u64) -> Result<Option<Span>, Defect> {
        Ok(self.vector(table, slot, 1)?.map(|v| v.span()))
    }

    /// The first `limit` bytes of a range as text, with what is no UTF-8 replaced.
    pub fn text(&mut self, span: Span, limit: u32) -> String {
        let length = span.within(self.size).length.min(u64::from(limit.min(READ_LIMIT))) as u32;
        String::from_utf8_lossy(&self.artifact.read(span.offset, length)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::Memory;

    use super::*;

    /// Root at 16, vtable at 8, one field at 4 that is an offset to a vector at 24.
    const PLAIN: &[u8] = b"\x10\0\0\0TEST\x06\0\x08\0\x04\0\0\0\x08\0\0\0\x04\0\0\0\x02\0\0\0ab\0\0";

    fn with(at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut all = PLAIN.to_vec();
        all[at..at + bytes.len()].copy_from_slice(bytes);
        all
    }

    fn string(bytes: &[u8]) -> Result<Option<String>, Defect> {
        let artifact = Memory::new("x", bytes);
        let mut buffer = Flatbuffer::new(&artifact);
        let root = buffer.root()?;
        let span = buffer.string(&root, 4)?;
        Ok(span.map(|span| buffer.text(span, 100)))
    }

    #[test]
    fn a_field_is_found() {
        assert_eq!(string(PLAIN), Ok(Some("ab".to_owned())));
    }

    #[test]
    fn offsets_that_lead_out_are_told() {
        for (at, bytes) in [
            (0, b"\xff\xff\xff\xff".as_slice()), // root
            (0, b"\0\0\0\0"),
            (16, b"\xff\xff\xff\x7f"), // vtable before the file
            (16, b"\0\0\0\x80"),       // vtable behind it
            (8, b"\xff\xff"),          // vtable's size
            (8, b"\x05\0"),            // odd
            (10, b"\xff\xff"),         // table's size
            (12, b"\x07\0"),           // field outside the table
            (20, b"\xff\xff\xff\xff"), // vector
            (20, b"\0\0\0\0"),
            (24, b"\xff\xff\xff\xff"), // its length
        ] {
            assert!(string(&with(at, bytes)).is_err(), "{at} {bytes:?}");
        }
        for end in 0..PLAIN.len() - 2 {
            assert!(string(&PLAIN[..end]).is_err(), "{end}");
        }
    }
}
