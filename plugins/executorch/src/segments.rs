//! Ranges behind the FlatBuffer: where they are, whether they fit the file and each other, and what stands between them.

use modelaudit_flatbuffer::{Defect, Table};
use modelaudit_plugin::{Artifact, Finding, Sink, Span};
use modelaudit_rules::deployment::S1172;
use modelaudit_rules::structure::S911;
use modelaudit_rules::tensors::Tally;

use crate::program::Walk;
use crate::schema::segment;

/// Segments that are read; large language models have some thousand.
const MAX_SEGMENTS: u64 = 1_000_000;
/// Bytes that are looked at for what stands between segments. Alignment takes at most a page of 16 KiB before each.
const MAX_PADDING: u64 = 16 << 20;
/// What is looked at at once.
const BLOCK: u64 = 64 << 10;

/// What the header says of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of the FlatBuffer, with the header.
    pub flatbuffer: u64,
    /// Where segments begin; 0 if there are none.
    pub base: u64,
    /// Bytes of all segments; 0 if the header does not say.
    pub data: u64,
}

impl Layout {
    /// The header behind a FlatBuffer's identifier (schema/extended_header.cpp): `magic`, its length, then numbers of eight bytes. None
    /// if there is none; the error says why the runtime refuses it.
    pub fn read(
        artifact: &dyn Artifact,
        magic: &[u8],
        shortest: u32,
        numbers: u64,
    ) -> Result<Option<Vec<u64>>, String> {
        if artifact.read(8, 4) != magic {
            return Ok(None);
        }
        let Some(length) = artifact.array::<4>(12).map(u32::from_le_bytes) else {
            return Err("the file is cut off in its header".to_owned());
        };
        if length < shortest {
            return Err(format!("the header says it is {length} bytes long, it takes at least {shortest}"));
        }
        let known = numbers.min(u64::from(length - 8) / 8);
        let read = (0..known).map(|index| artifact.array::<8>(16 + 8 * index).map(u64::from_le_bytes));
        read.collect::<Option<Vec<u64>>>().map(Some).ok_or_else(|| "the file is cut off in its header".to_owned())
    }

    /// Whether the header asks for more bytes than the file has; numbers that fit nothing are reported, too.
    pub fn check(&self, size: u64, sink: &mut dyn Sink) -> bool {
        let end = self.base.checked_add(self.data);
        if self.base > 0 && self.base < self.flatbuffer {
            let message =
                format!("segments begin at {}, inside the {} bytes of the program", self.base, self.flatbuffer);
            sink.finding(Finding::new(&S1172, message).at(8, 24.min(size.saturating_sub(8))));
        }
        match end {
            None => {
                let message = format!("the segments of {} bytes from {} on end nowhere", self.data, self.base);
                sink.finding(Finding::new(&S1172, message).at(8, 24.min(size.saturating_sub(8))));
            }
            Some(end) if end.max(self.flatbuffer) > size => {
                let end = end.max(self.flatbuffer);
                sink.incomplete(&format!("the file ends early: its header asks for {end} bytes, {size} are there"));
                return true;
            }
            Some(_) => {}
        }
        false
    }
}

/// The segments of a file, by index; None for one that does not lie in it.
pub struct Segments {
    /// Where each is.
    pub spans: Vec<Option<Span>>,
    /// Set if one ends behind the file and the header allows it: the file was cut.
    pub cut: bool,
}

impl Segments {
    /// Reads the list of segments and checks it against the file of `size` bytes.
    ///
    /// # Errors
    /// A table leads outside.
    pub fn read(walk: &mut Walk<'_, '_>, size: u64, table: &Table, slot: u64, layout: Layout) -> Result<Self, Defect> {
        let mut segments = Self { spans: Vec::new(), cut: false };
        let list = walk.list(table, slot, 4)?;
        if list.count > MAX_SEGMENTS {
            return Err(Defect { at: list.at, what: format!("{} segments", list.count) });
        }
        let mut outside = Tally::default();
        for index in 0..list.count {
            let entry = walk.file.element(&list, index)?;
            let offset = walk.file.u64(&entry, segment::OFFSET)?.unwrap_or(0);
            let length = walk.file.u64(&entry, segment::SIZE)?.unwrap_or(0);
            let name = index.to_string();
            let at = Span::new(entry.at, 4);
            let start = layout.base.checked_add(offset);
            let end = start.and_then(|start| start.checked_add(length));
            let (Some(start), Some(end)) = (start, end) else {
                outside.add(&name, at, || format!("has {length} bytes from {offset} on, which end nowhere"));
                segments.spans.push(None);
                continue;
            };
            let limit = layout.base.saturating_add(layout.data);
            if length == 0 {
                segments.spans.push(Some(Span::new(start.min(size), 0)));
            } else if layout.base == 0 {
                outside.add(&name, at, || format!("has {length} bytes, but the file has no base for segments"));
                segments.spans.push(None);
            } else if layout.data > 0 && end > limit {
                outside.add(&name, at, || format!("ends at {end}, the segments end at {limit}"));
                segments.spans.push(None);
            } else if end > size {
                segments.cut = true;
                segments.spans.push(None);
            } else {
                segments.spans.push(Some(Span::new(start, length)));
            }
        }
        outside.report(&S1172, None, "segment", walk.sink);
        segments.overlaps(walk.sink);
        Ok(segments)
    }

    /// The segment of an index, if it lies in the file.
    pub fn get(&self, index: u64) -> Option<Span> {
        usize::try_from(index).ok().and_then(|index| self.spans.get(index)).copied().flatten()
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.spans.len() as u64
    }

    /// Those that lie in the file and are not empty, in order of their place.
    fn sorted(&self) -> Vec<(Span, usize)> {
        let spans = self.spans.iter().enumerate();
        let mut sorted: Vec<(Span, usize)> =
            spans.filter_map(|(index, span)| span.filter(|s| s.length > 0).map(|s| (s, index))).collect();
        sorted.sort_unstable();
        sorted
    }

    /// The writer gives each segment bytes of its own: what two of them share is one thing to one reader and another to the next.
    fn overlaps(&self, sink: &mut dyn Sink) {
        let mut shared = Tally::default();
        let sorted = self.sorted();
        let mut last: Option<(Span, usize)> = None;
        for (span, index) in sorted {
            if let Some((before, other)) = last.filter(|(before, _)| before.end() > span.offset) {
                let common = before.end().min(span.end()) - span.offset;
                shared.add(&index.to_string(), Span::new(span.offset, common), || {
                    format!("shares {common} bytes with segment {other}")
                });
            }
            if last.is_none_or(|(before, _)| before.end() < span.end()) {
                last = Some((span, index));
            }
        }
        shared.report(&S1172, None, "segment", sink);
    }

    /// Reports bytes behind the FlatBuffer that no segment claims and that are no padding, and hands them on. Where a segment is not in
    /// the file, which was reported, nobody knows whose the bytes are.
    pub fn gaps(&self, artifact: &dyn Artifact, layout: Layout, sink: &mut dyn Sink) {
        if self.spans.iter().any(Option::is_none) {
            return;
        }
        let size = artifact.size();
        let (mut from, mut budget) = (layout.flatbuffer.min(size), MAX_PADDING);
        let end = Span::new(size, 0);
        for (span, _) in self.sorted().into_iter().chain([(end, 0)]) {
            let gap = Span::new(from, span.offset.saturating_sub(from));
            from = from.max(span.end());
            if gap.length == 0 || is_zero(artifact, gap, &mut budget) {
                continue;
            }
            let place = if span == end { "behind the last part" } else { "between the parts" };
            let message = format!("{} bytes stand {place} of the file", gap.length);
            sink.finding(Finding::new(&S911, message).at(gap.offset, gap.length));
            sink.embed(&format!("bytes at {}", gap.offset), gap, "");
        }
    }
}

/// Whether a range holds zeros only, as padding does. What the budget does not reach is none.
fn is_zero(artifact: &dyn Artifact, span: Span, budget: &mut u64) -> bool {
    let mut at = span.offset;
    while at < span.end() {
        let block = artifact.read(at, (span.end() - at).min(BLOCK) as u32);
        if block.is_empty() || *budget < block.len() as u64 || block.iter().any(|b| *b != 0) {
            return false;
        }
        *budget -= block.len() as u64;
        at += block.len() as u64;
    }
    true
}
