//! The bytes under scan, as a plugin sees them.

/// The most that one [`Artifact::read`] serves.
pub const READ_LIMIT: u32 = 1 << 20;

/// A range of bytes of the artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

impl Span {
    /// A range from its first byte and its length.
    pub const fn new(offset: u64, length: u64) -> Self {
        Self { offset, length }
    }

    /// The byte after the last, saturating.
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    /// The part of the range that lies in an artifact of `size` bytes.
    pub fn within(self, size: u64) -> Self {
        let offset = self.offset.min(size);
        Self { offset, length: self.length.min(size - offset) }
    }
}

/// A place where a literal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Offset of the literal's first byte.
    pub offset: u64,
    /// Index of the literal in the list that was searched for.
    pub anchor: u32,
}

/// A read-only window on the bytes under scan; nothing else of the machine is visible.
///
/// A read that fails in the host ends the scan as *incomplete*, so the methods have no error.
pub trait Artifact {
    /// Logical name with `/`, never a host path above the scanned root.
    fn name(&self) -> String;

    /// Names of the parents, outermost first; empty for a file on disk.
    fn lineage(&self) -> Vec<String>;

    /// Names that stand beside it, at most 10,000.
    fn siblings(&self) -> Vec<String>;

    /// Size in bytes.
    fn size(&self) -> u64;

    /// At most [`READ_LIMIT`] bytes from `offset`; shorter only at the end, empty beyond it.
    fn read(&self, offset: u64, length: u32) -> Vec<u8>;

    /// Where the manifest's anchors stand, from `start` on, in order, at most `limit` (and 65,536).
    fn hits(&self, start: u64, limit: u32) -> Vec<Hit>;

    /// Where any of 1 to 64 `literals` (1 to 256 bytes each) stands wholly inside `within`, in order, at most `limit` (and
    /// 65,536). Searched natively by the host: far faster than reading.
    fn find(&self, literals: &[&[u8]], within: Span, limit: u32) -> Vec<Hit>;

    /// Digest of a range, computed natively: `sha256` (32 bytes) or `crc32` (4 bytes, big-endian). None for others.
    fn digest(&self, algorithm: &str, within: Span) -> Option<Vec<u8>>;
}

impl dyn Artifact + '_ {
    /// Exactly `length` bytes (at most [`READ_LIMIT`]) from `offset`, or None where the artifact ends before that.
    pub fn read_exact(&self, offset: u64, length: u32) -> Option<Vec<u8>> {
        if length > READ_LIMIT || offset.checked_add(u64::from(length))? > self.size() {
            return None;
        }
        Some(self.read(offset, length))
    }

    /// Exactly `N` bytes from `offset`, or None where the artifact ends before that.
    pub fn array<const N: usize>(&self, offset: u64) -> Option<[u8; N]> {
        self.read_exact(offset, u32::try_from(N).ok()?)?.try_into().ok()
    }

    /// The whole artifact if it has at most `limit` bytes, for formats whose files are small (JSON, text).
    pub fn read_all(&self, limit: u64) -> Option<Vec<u8>> {
        self.read_span(Span::new(0, self.size()), limit)
    }

    /// A range of at most `limit` bytes, read in blocks; None if it is longer or leaves the artifact.
    pub fn read_span(&self, span: Span, limit: u64) -> Option<Vec<u8>> {
        if span.length > limit || span.offset.checked_add(span.length)? > self.size() {
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(span.length).ok()?);
        while (bytes.len() as u64) < span.length {
            let offset = span.offset + bytes.len() as u64;
            let block = self.read(offset, (span.end() - offset).min(u64::from(READ_LIMIT)) as u32);
            if block.is_empty() {
                return None;
            }
            bytes.extend_from_slice(&block);
        }
        Some(bytes)
    }
}
