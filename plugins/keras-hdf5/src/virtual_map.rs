//! The list of a virtual dataset: which part of it stands in which dataset of which file. Source: HDF5 File Format Specification 3.0,
//! IV.A.2.i (virtual storage) and VII.D (selections); version 1 of the list as HDF5 2.0 writes it.

use crate::file::{Cursor, File, Trouble};
use crate::heap;

/// Entries of one list that are looked at, and bytes of it.
const MAX_ENTRIES: u64 = 100_000;
const MAX_BYTES: u64 = 8 << 20;

/// Flags of an entry of version 1: the name is that of an earlier entry, or the file is this one.
const SHARED_FILE: u8 = 1;
const SHARED_DATASET: u8 = 2;
const SAME_FILE: u8 = 4;

/// The first file that the list at `address` and `index` names and that is not this one. None if there is none.
pub(crate) fn other_source(file: &File<'_>, address: u64, index: u32) -> Result<Option<Vec<u8>>, Trouble> {
    let (start, length) = heap::global(file, address, index)?;
    let bytes = file.up_to(start, length.min(MAX_BYTES));
    let mut cursor = file.cursor(&bytes, start);
    let version = cursor.u8()?;
    if version > 1 {
        return Err(Trouble::Unsupported(start, "a list of virtual sources of unknown version"));
    }
    let entries = cursor.length()?;
    for _ in 0..entries.min(MAX_ENTRIES) {
        let flags = if version == 1 { cursor.u8()? } else { 0 };
        if flags & SHARED_FILE != 0 {
            cursor.length()?;
        } else if flags & SAME_FILE == 0 {
            let name = cursor.text()?;
            // A full stop stands for this very file.
            if name != b"." {
                return Ok(Some(name.to_vec()));
            }
        }
        if flags & SHARED_DATASET != 0 {
            cursor.length()?;
        } else {
            cursor.text()?;
        }
        selection(&mut cursor)?;
        selection(&mut cursor)?;
    }
    if entries > MAX_ENTRIES {
        return Err(Trouble::Unsupported(start, "a virtual dataset of more than 100,000 sources"));
    }
    Ok(None)
}

/// Passes over a selection.
fn selection(cursor: &mut Cursor<'_>) -> Result<(), Trouble> {
    let at = cursor.offset();
    let (kind, version) = (cursor.u32()?, cursor.u32()?);
    let beyond = Trouble::Broken(at, "a selection that is larger than its list");
    let size = |value: u64| usize::try_from(value).map_err(|_| beyond.clone());
    match (kind, version) {
        // None and all: a reserved word and a length of zero.
        (0 | 3, 1) => cursor.take(8).map(drop),
        // Points and blocks with their length.
        (1 | 2, 1) => {
            cursor.take(4)?;
            let length = cursor.u32()?;
            cursor.take(size(u64::from(length))?).map(drop)
        }
        (2, 2) => {
            cursor.take(1)?;
            let length = cursor.u32()?;
            cursor.take(size(u64::from(length))?).map(drop)
        }
        // Points and blocks with the width of their numbers.
        (1, 2) | (2, 3) => {
            let regular = kind == 2 && cursor.u8()? & 1 != 0;
            let width = u64::from(cursor.u8()?);
            let rank = u64::from(cursor.u32()?);
            let each = match kind {
                1 => rank,
                _ if regular => 4 * rank,
                _ => 2 * rank,
            };
            let count = if regular { 1 } else { cursor.number(size(width)?)? };
            let total = count.checked_mul(each).and_then(|n| n.checked_mul(width)).ok_or(beyond.clone())?;
            cursor.take(size(total)?).map(drop)
        }
        _ => Err(Trouble::Unsupported(at, "a selection of unknown kind")),
    }
}

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::Memory;

    use super::*;

    /// A global heap with one object.
    fn heap_of(list: &[u8]) -> Vec<u8> {
        let size = (16 + 16 + list.len().next_multiple_of(8)) as u64;
        let mut out = b"GCOL\x01\0\0\0".to_vec();
        out.extend(size.to_le_bytes());
        out.extend([1, 0, 1, 0, 0, 0, 0, 0]);
        out.extend((list.len() as u64).to_le_bytes());
        out.extend(list);
        out.resize(size as usize, 0);
        out
    }

    fn other(list: &[u8]) -> Result<Option<Vec<u8>>, Trouble> {
        let bytes = heap_of(list);
        let artifact = Memory::new("x", &bytes);
        other_source(&File::new(&artifact, 0), 0, 1)
    }

    const ALL: &[u8] = &[3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const BLOCKS: &[u8] = &[2, 0, 0, 0, 3, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 2, 3];

    fn list(version: u8, names: &[&[u8]]) -> Vec<u8> {
        let mut out = vec![version];
        out.extend((names.len() as u64).to_le_bytes());
        for name in names {
            out.extend(*name);
            out.extend(b"x\0");
            out.extend(ALL);
            out.extend(BLOCKS);
        }
        out
    }

    #[test]
    fn every_source_is_looked_at() {
        assert_eq!(other(&list(0, &[b".\0", b".\0"])), Ok(None));
        assert_eq!(other(&list(0, &[b".\0", b".\0", b"/etc/x\0"])), Ok(Some(b"/etc/x".to_vec())));
        assert_eq!(other(&list(1, &[b"\x04", b"\x04"])), Ok(None));
        assert_eq!(other(&list(1, &[b"\x04", b"\0other.h5\0"])), Ok(Some(b"other.h5".to_vec())));
    }

    #[test]
    fn lists_that_do_not_end_are_broken() {
        let mut cut = list(0, &[b".\0", b".\0"]);
        cut.truncate(cut.len() - 3);
        assert!(other(&cut).is_err());
        let mut huge = list(0, &[b".\0"]);
        huge.splice(11..27, [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        assert!(other(&huge).is_err());
        assert!(other(&list(2, &[b".\0"])).is_err());
    }
}
