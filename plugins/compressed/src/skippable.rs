//! Skippable frames: LZ4 and Zstandard share them (RFC 8878, section 3.1.2). pzstd writes one in front, the seekable format a table behind;
//! a file that starts with one belongs to whichever codec follows.

use modelaudit_plugin::{Artifact, EndOfData, Reader};

use crate::lz4;

/// Skippable frames that are walked to find the first real one.
const WALK_LIMIT: usize = 1000;

/// Magic numbers 184D2A50 to 184D2A5F.
pub fn starts(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Skips one frame.
///
/// # Errors
/// The file ends inside it.
pub fn skip(reader: &mut Reader<'_>) -> Result<(), EndOfData> {
    let [_, _, _, _, length @ ..] = reader.array::<8>()?;
    reader.skip(u64::from(u32::from_le_bytes(length)))?;
    Ok(())
}

/// True if the first frame that is not skippable is LZ4's.
pub fn lead_to_lz4(artifact: &dyn Artifact) -> bool {
    let mut reader = Reader::new(artifact);
    for _ in 0..WALK_LIMIT {
        if !starts(reader.peek(4)) || skip(&mut reader).is_err() {
            break;
        }
    }
    reader.peek(4) == lz4::MAGIC
}
