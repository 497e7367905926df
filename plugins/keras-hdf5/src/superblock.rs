//! The superblock: where it is, how wide fields are, where the root group is. Source: HDF5 File Format Specification 3.0, II.

use modelaudit_plugin::Artifact;

use crate::file::{File, Trouble};

/// First bytes of a superblock.
pub(crate) const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// What the superblock says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Superblock {
    /// Its version: 0 to 3.
    pub version: u8,
    /// Address of the root group's object header.
    pub root: u64,
    /// Bytes of the file, counted from the superblock.
    pub end: u64,
}

/// Where a superblock is: at 0, 512, and every doubling of it.
pub(crate) fn find(artifact: &dyn Artifact) -> Option<u64> {
    let mut offset = 0u64;
    while offset < artifact.size() {
        if artifact.read(offset, 8) == SIGNATURE {
            return Some(offset);
        }
        offset = if offset == 0 { 512 } else { offset.checked_mul(2)? };
    }
    None
}

/// Reads it and sets the widths of the file's fields.
pub(crate) fn read(file: &mut File<'_>) -> Result<Superblock, Trouble> {
    let at = file.base;
    let head = file.up_to(at, 128);
    let mut cursor = file.cursor(&head, at);
    cursor.take(8)?;
    let cut = |_| Trouble::Cut(at);
    let version = cursor.u8().map_err(cut)?;
    let (sizes, skip) = match version {
        0 | 1 => {
            cursor.take(4).map_err(cut)?;
            let sizes = (cursor.u8().map_err(cut)?, cursor.u8().map_err(cut)?);
            // Reserved, leaf and internal K, flags, and in version 1 the K of chunks.
            (sizes, if version == 0 { 9 } else { 13 })
        }
        2 | 3 => ((cursor.u8().map_err(cut)?, cursor.u8().map_err(cut)?), 1),
        _ => return Err(Trouble::Broken(at + 8, "a superblock of unknown version")),
    };
    for size in [sizes.0, sizes.1] {
        if !matches!(size, 2 | 4 | 8) {
            return Err(Trouble::Broken(at, "a superblock with fields of impossible width"));
        }
    }
    (file.offsets, file.lengths) = (usize::from(sizes.0), usize::from(sizes.1));
    let mut fields = file.cursor(cursor.rest(), cursor.offset());
    let mut read = || {
        fields.take(skip)?;
        let base = fields.address()?;
        // Free space, or the extension.
        fields.address()?;
        let end = fields.address()?;
        if version < 2 {
            fields.address()?;
            fields.address()?;
        }
        Ok::<_, Trouble>((base, end, fields.address()?))
    };
    let (base, end, root) = read().map_err(|_| Trouble::Cut(at))?;
    // The library moves the end along with a base that is not where the superblock is.
    Ok(Superblock { version, root, end: end.saturating_sub(base) })
}

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::Memory;

    use super::*;

    #[test]
    fn it_is_found_at_doublings_only() {
        for (offset, found) in [(0usize, true), (512, true), (1024, true), (65_536, true), (256, false), (1536, false)]
        {
            let mut bytes = vec![0; offset];
            bytes.extend_from_slice(SIGNATURE);
            assert_eq!(find(&Memory::new("x", &bytes)), found.then_some(offset as u64), "{offset}");
        }
        assert_eq!(find(&Memory::new("x", b"")), None);
    }

    #[test]
    fn impossible_superblocks_are_named() {
        let head = |version: u8, width: u8| [SIGNATURE, &[version, width, 8, 0], &[0; 60]].concat();
        for (bytes, broken) in
            [(head(9, 8), true), (head(2, 3), true), (head(2, 8), false), (SIGNATURE.to_vec(), false)]
        {
            let artifact = Memory::new("x", &bytes);
            let result = read(&mut File::new(&artifact, 0));
            assert_eq!(matches!(result, Err(Trouble::Broken(..))), broken, "{bytes:?}");
        }
    }
}
