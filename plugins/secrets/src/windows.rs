//! Walks over the places where anchors stand, and shows a small piece of the artifact around each.
//!
//! The host has found the literals natively; what is left is to look at a few hundred bytes beside each. Neighbouring places
//! are served from one read, for a file full of anchors must not cost a call each, and what a place sees never depends on
//! its neighbours, so that the verdict does not either. Work and memory per place are bounded; none is skipped.

use modelaudit_plugin::{Artifact, Hit, READ_LIMIT, Span};

/// Places asked for at a time.
const HITS: u32 = 4096;

/// The most that is read for a group of places.
const BLOCK: u64 = 64 << 10;

/// The bytes around an anchor.
#[derive(Clone, Copy)]
pub struct Window<'a> {
    /// From up to `back` bytes before the anchor to `ahead` bytes behind its first byte.
    pub bytes: &'a [u8],
    /// Where the anchor starts in `bytes`.
    pub at: usize,
    /// Offset of `bytes` in the artifact.
    pub offset: u64,
    /// Index of the anchor in the manifest.
    pub anchor: u32,
}

impl Window<'_> {
    /// The byte `index` of the window; None outside.
    pub fn get(&self, index: usize) -> Option<u8> {
        self.bytes.get(index).copied()
    }

    /// The bytes from `index` on; empty behind the end.
    pub fn from(&self, index: usize) -> &[u8] {
        self.bytes.get(index..).unwrap_or_default()
    }

    /// The bytes before `index`.
    pub fn before(&self, index: usize) -> &[u8] {
        self.bytes.get(..index).unwrap_or_default()
    }

    /// The bytes of a range; empty where it leaves the window.
    pub fn slice(&self, start: usize, end: usize) -> &[u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// A range of the window as a range of the artifact.
    pub fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.offset + start as u64, end.saturating_sub(start) as u64)
    }
}

/// Shows the window of each hit, in order of offset.
pub fn each(artifact: &dyn Artifact, back: u64, ahead: u64, mut look: impl FnMut(&Window)) {
    let size = artifact.size();
    let mut start = 0;
    loop {
        let mut hits = artifact.hits(start, HITS);
        let more = hits.len() as u64 >= u64::from(HITS);
        if let (true, Some(last)) = (more, hits.last().map(|hit| hit.offset)) {
            // Several anchors may stand at one offset, and the list may end between them: leave the last offset for the
            // next round, unless it is the only one.
            if hits.first().is_some_and(|first| first.offset < last) {
                hits.retain(|hit| hit.offset < last);
                start = last;
            } else {
                start = last + 1;
            }
        }
        let (mut block, mut block_offset) = (Vec::new(), 0);
        for (index, hit) in hits.iter().enumerate() {
            let span = around(hit, back, ahead, size);
            let buffered = Span::new(block_offset, block.len() as u64);
            if span.offset < buffered.offset || span.end() > buffered.end() {
                let group = group(&hits, index, back, ahead, size, span);
                block = read(artifact, group);
                block_offset = group.offset;
            }
            let (from, to) = ((span.offset - block_offset) as usize, (span.end() - block_offset) as usize);
            let Some(bytes) = block.get(from..to.min(block.len())) else { continue };
            let at = (hit.offset - span.offset) as usize;
            look(&Window { bytes, at, offset: span.offset, anchor: hit.anchor });
        }
        if !more {
            return;
        }
    }
}

/// What the place of one hit sees.
fn around(hit: &Hit, back: u64, ahead: u64, size: u64) -> Span {
    let offset = hit.offset.saturating_sub(back);
    Span::new(offset, hit.offset.saturating_add(ahead).min(size).saturating_sub(offset))
}

/// The range of one read: the hit's own, and those of its followers as long as they overlap and the block lasts.
fn group(hits: &[Hit], index: usize, back: u64, ahead: u64, size: u64, first: Span) -> Span {
    let mut end = first.end();
    for hit in hits.iter().skip(index + 1) {
        let next = around(hit, back, ahead, size);
        if next.offset > end || next.end() - first.offset > BLOCK {
            break;
        }
        end = end.max(next.end());
    }
    Span::new(first.offset, end - first.offset)
}

fn read(artifact: &dyn Artifact, span: Span) -> Vec<u8> {
    artifact.read_span(span, u64::from(READ_LIMIT)).unwrap_or_default()
}
