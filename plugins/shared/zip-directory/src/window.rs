//! Small reads at many places, without a host call for each and without reading what nobody asked for.

use modelaudit_plugin::Artifact;

/// Headers of small members stand close together: a miss fetches this much.
const BLOCK: u32 = 2048;

/// The last block that was read.
pub(crate) struct Window<'a> {
    artifact: &'a dyn Artifact,
    offset: u64,
    block: Vec<u8>,
}

impl<'a> Window<'a> {
    pub(crate) fn new(artifact: &'a dyn Artifact) -> Self {
        Self { artifact, offset: 0, block: Vec::new() }
    }

    /// `length` bytes (at most 1 MiB) from `offset`; fewer only where the artifact ends.
    pub(crate) fn get(&mut self, offset: u64, length: usize) -> &[u8] {
        let there = offset.checked_sub(self.offset).and_then(|n| usize::try_from(n).ok());
        if there.and_then(|at| self.block.get(at..)?.get(..length)).is_none() {
            let wanted = u32::try_from(length).unwrap_or(u32::MAX).max(BLOCK);
            self.block = self.artifact.read(offset, wanted);
            self.offset = offset;
        }
        let at = usize::try_from(offset.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let rest = self.block.get(at..).unwrap_or_default();
        rest.get(..length).unwrap_or(rest)
    }
}

/// Little-endian u16 at `at`.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Little-endian u32 at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Little-endian u64 at `at`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
