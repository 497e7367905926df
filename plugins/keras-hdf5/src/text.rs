//! Texts of attributes and datasets, wherever HDF5 keeps them.

use crate::file::{File, Trouble};
use crate::heap;
use crate::message::{DataType, Space, Type};

/// Texts of one attribute that are read.
const MAX_TEXTS: u64 = 4096;

/// A text and where it stands in the artifact.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub bytes: Vec<u8>,
    pub at: u64,
}

/// The texts of elements whose data stand at `at`. None if they are no texts.
///
/// At most [`MAX_TEXTS`] of them are read, and `limit` bytes: elements may all point to one large text.
pub(crate) fn texts(
    file: &File<'_>,
    kind: &DataType,
    space: &Space,
    data: &[u8],
    at: u64,
    limit: u64,
) -> Result<Option<Vec<Text>>, Trouble> {
    let count = space.count().unwrap_or(u64::MAX).min(MAX_TEXTS);
    let mut found = Vec::new();
    match kind.kind {
        Type::Text => {
            let size = usize::try_from(kind.size).unwrap_or(usize::MAX);
            if size == 0 {
                return Ok(Some(found));
            }
            for (index, element) in data.chunks(size).enumerate().take(usize::try_from(count).unwrap_or(usize::MAX)) {
                let end = element.iter().position(|b| *b == 0).unwrap_or(element.len());
                let bytes = element.get(..end).unwrap_or_default().to_vec();
                found.push(Text { bytes, at: at.saturating_add((index as u64).saturating_mul(kind.size)) });
            }
        }
        Type::LongText | Type::Sequence => {
            let mut cursor = file.cursor(data, at);
            let mut total = 0u64;
            for _ in 0..count {
                let Ok(length) = cursor.u32() else { break };
                let (address, index) = (cursor.address()?, cursor.u32()?);
                if index == 0 || address == 0 || file.is_undefined(address) {
                    continue;
                }
                let (start, size) = heap::global(file, address, index)?;
                // The length counts elements, which are bytes for texts; the object may be longer.
                let wanted = if kind.kind == Type::LongText { size.min(u64::from(length)) } else { size };
                if wanted > limit {
                    return Err(Trouble::Unsupported(start, "a text that is larger than what is read"));
                }
                total = total.saturating_add(wanted);
                if total > limit {
                    break;
                }
                found.push(Text { bytes: file.bytes(start, wanted)?, at: start });
            }
        }
        _ => return Ok(None),
    }
    Ok(Some(found))
}
