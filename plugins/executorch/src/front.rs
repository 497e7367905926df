//! The part of a file that its FlatBuffer is.

use modelaudit_plugin::{Artifact, Hit, Span};

/// The first bytes of an artifact. The runtime loads the FlatBuffer alone, so an offset that leads into the segments behind it leads out
/// of memory.
pub struct Front<'a> {
    artifact: &'a dyn Artifact,
    size: u64,
}

impl<'a> Front<'a> {
    /// The first `size` bytes, or all if there are fewer.
    pub fn new(artifact: &'a dyn Artifact, size: u64) -> Self {
        Self { artifact, size: size.min(artifact.size()) }
    }
}

impl Artifact for Front<'_> {
    fn name(&self) -> String {
        self.artifact.name()
    }
    fn lineage(&self) -> Vec<String> {
        self.artifact.lineage()
    }
    fn siblings(&self) -> Vec<String> {
        self.artifact.siblings()
    }
    fn size(&self) -> u64 {
        self.size
    }
    fn read(&self, offset: u64, length: u32) -> Vec<u8> {
        let span = Span::new(offset, u64::from(length)).within(self.size);
        self.artifact.read(span.offset, span.length as u32)
    }
    fn hits(&self, start: u64, limit: u32) -> Vec<Hit> {
        let hits = self.artifact.hits(start, limit);
        hits.into_iter().filter(|hit| hit.offset < self.size).collect()
    }
    fn find(&self, literals: &[&[u8]], within: Span, limit: u32) -> Vec<Hit> {
        self.artifact.find(literals, within.within(self.size), limit)
    }
    fn digest(&self, algorithm: &str, within: Span) -> Option<Vec<u8>> {
        self.artifact.digest(algorithm, within.within(self.size))
    }
}
