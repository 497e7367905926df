//! Bytes that were unpacked or folded inside a plugin, as an artifact.

use crate::{Artifact, Hit, READ_LIMIT, Span};

/// Bytes in memory as an artifact without a name: what was unpacked inside a plugin goes through the same parsers as files.
pub struct Slice<'a>(pub &'a [u8]);

impl Artifact for Slice<'_> {
    fn name(&self) -> String {
        String::new()
    }
    fn lineage(&self) -> Vec<String> {
        Vec::new()
    }
    fn siblings(&self) -> Vec<String> {
        Vec::new()
    }
    fn size(&self) -> u64 {
        self.0.len() as u64
    }
    fn read(&self, offset: u64, length: u32) -> Vec<u8> {
        let span = Span::new(offset, u64::from(length.min(READ_LIMIT))).within(self.size());
        self.0.get(span.offset as usize..span.end() as usize).unwrap_or_default().to_vec()
    }
    fn hits(&self, _start: u64, _limit: u32) -> Vec<Hit> {
        Vec::new()
    }
    fn find(&self, literals: &[&[u8]], within: Span, limit: u32) -> Vec<Hit> {
        let within = within.within(self.size());
        let window = self.0.get(within.offset as usize..within.end() as usize).unwrap_or_default();
        let mut hits: Vec<Hit> = Vec::new();
        for (anchor, literal) in literals.iter().enumerate() {
            let found = memchr::memmem::find_iter(window, literal).take(limit as usize);
            hits.extend(found.map(|at| Hit { offset: within.offset + at as u64, anchor: anchor as u32 }));
        }
        hits.sort_unstable();
        hits.truncate(limit as usize);
        hits
    }
    fn digest(&self, _algorithm: &str, _within: Span) -> Option<Vec<u8>> {
        None
    }
}
