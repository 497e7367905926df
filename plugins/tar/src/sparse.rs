//! Sparse members: the data leave the holes out, and a map says where they go. Unpackers fill the holes with zeros, so the
//! content that is loaded is not the content that stands there.

use modelaudit_plugin::{Artifact, Reader, Sink, Span};

use crate::header::{BLOCK, number};
use crate::pax::Sparse;

/// Stretches of data that are laid out.
const PARTS: usize = 1 << 15;

/// Longest content that is laid out.
const LONGEST: u64 = 256 << 20;

/// Where the data of a sparse member go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Map {
    /// Offset and length in the content, in the order of the data.
    pub(crate) parts: Vec<(u64, u64)>,
    /// Length of the content.
    pub(crate) size: u64,
    /// Bytes at the start of the data that hold the map (PAX 1.0).
    pub(crate) ahead: u64,
    /// Bytes between the header and the data that hold the map (old GNU).
    pub(crate) blocks: u64,
}

impl Map {
    /// There are no holes: the content is the data.
    pub(crate) fn is_solid(&self, data: u64) -> bool {
        self.ahead == 0 && self.size == data && matches!(self.parts[..], [(0, length)] if length == data)
    }
}

/// The map of an old GNU header (kind `S`): four parts in the header, 21 in each further block.
pub(crate) fn old_gnu(artifact: &dyn Artifact, header: &[u8; BLOCK as usize], after: u64) -> Option<Map> {
    let mut map = Map { size: number(header.get(483..495)?)?, ..Map::default() };
    take_parts(header.get(386..482)?, &mut map.parts)?;
    let mut more = *header.get(482)? != 0;
    while more && map.parts.len() < PARTS {
        let block: [u8; BLOCK as usize] = artifact.array(after.checked_add(map.blocks)?)?;
        take_parts(block.get(..504)?, &mut map.parts)?;
        more = *block.get(504)? != 0;
        map.blocks += BLOCK;
    }
    Some(map)
}

fn take_parts(entries: &[u8], parts: &mut Vec<(u64, u64)>) -> Option<()> {
    for entry in entries.chunks_exact(24) {
        let (offset, length) = (number(entry.get(..12)?)?, number(entry.get(12..)?)?);
        if length > 0 {
            parts.push((offset, length));
        }
    }
    Some(())
}

/// The map of PAX keys: in the keys (0.0, 0.1), or as decimal lines before the data (1.0).
pub(crate) fn pax(artifact: &dyn Artifact, sparse: &Sparse, data: Span) -> Option<Map> {
    let mut map = Map { size: sparse.real_size?, ..Map::default() };
    let mut numbers = sparse.map.clone();
    if sparse.map_in_data {
        let mut reader = Reader::over(artifact, data);
        let count = line(&mut reader)?.checked_mul(2)?;
        numbers.clear();
        while (numbers.len() as u64) < count && numbers.len() < 2 * PARTS {
            numbers.push(line(&mut reader)?);
        }
        map.ahead = (reader.position() - data.offset).next_multiple_of(BLOCK);
    }
    let pairs = numbers.chunks_exact(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?)));
    map.parts = pairs.filter(|(_, length)| *length > 0).collect();
    Some(map)
}

/// A decimal number on a line.
fn line(reader: &mut Reader<'_>) -> Option<u64> {
    let mut value = 0u64;
    for _ in 0..20 {
        match reader.u8().ok()? {
            b'\n' => return Some(value),
            digit @ b'0'..=b'9' => value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?,
            _ => return None,
        }
    }
    None
}

/// Why a sparse member was not laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The map contradicts itself.
    Broken,
    /// The content is longer than is laid out.
    TooLong,
}

/// Lays the content out as a child.
///
/// # Errors
/// Nothing was made.
pub(crate) fn lay_out(
    artifact: &dyn Artifact,
    map: &Map,
    data: Span,
    name: &str,
    sink: &mut dyn Sink,
) -> Result<(), Refused> {
    let mut end = 0;
    for (offset, length) in &map.parts {
        let fits = *offset >= end && offset.checked_add(*length).is_some_and(|part| part <= map.size);
        if !fits {
            return Err(Refused::Broken);
        }
        end = offset + length;
    }
    if map.size > LONGEST || map.parts.len() >= PARTS {
        return Err(Refused::TooLong);
    }
    let mut child = sink.child(name, "");
    let zeros = vec![0; 64 << 10];
    let mut written = 0;
    let mut from = Reader::over(artifact, data);
    let _ = from.skip(map.ahead.min(data.length));
    for (offset, length) in map.parts.iter().chain(&[(map.size, 0)]) {
        while written < *offset {
            let hole = usize::try_from(offset - written).unwrap_or(usize::MAX).min(zeros.len());
            if !child.write(zeros.get(..hole).unwrap_or_default()) {
                return Ok(());
            }
            written += hole as u64;
        }
        let mut left = *length;
        while left > 0 {
            let block = from.buffered();
            let take = block.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let Some(block) = block.get(..take).filter(|block| !block.is_empty()) else { break };
            if !child.write(block) {
                return Ok(());
            }
            left -= take as u64;
            written += take as u64;
            let _ = from.skip(take as u64);
        }
    }
    child.finish();
    Ok(())
}
