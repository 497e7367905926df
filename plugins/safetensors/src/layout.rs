//! The data section: tensors must tile it exactly.
//!
//! The format says so in order that no file is two things at once ("can't contain holes", README of huggingface/safetensors);
//! its loader refuses a file with a gap, an overlap or a tail, others read it. The bytes of a gap or tail are handed on as
//! children, so that every other plugin looks at what they are.

use modelaudit_json::{Event, Parser};
use modelaudit_plugin::{Artifact, Finding, Sink, Span, clip, escape, quote};
use modelaudit_rules::structure::{S902, S911};

use crate::header::{Extent, Header};

/// Ranges handed on as children.
const MAX_EMBEDDED: u64 = 16;

/// Checks the tiling of the data section from `data` to the end of the file.
pub fn check(artifact: &dyn Artifact, header: &mut Header, data: u64, sink: &mut dyn Sink) {
    let size = artifact.size();
    let available = size.saturating_sub(data);
    let mut extents = std::mem::take(&mut header.extents);
    extents.sort_unstable();
    let (mut gaps, mut gap_bytes, mut first_gap) = (0u64, 0u64, None);
    let (mut overlaps, mut first_overlap) = (0u64, None);
    let mut expected = 0u64;
    let mut previous: Option<Extent> = None;
    for extent in &extents {
        if extent.begin > expected {
            let hole = Span::new(data.saturating_add(expected), extent.begin - expected);
            gaps += 1;
            gap_bytes = gap_bytes.saturating_add(hole.length);
            first_gap.get_or_insert((hole, *extent));
            if gaps <= MAX_EMBEDDED && hole.end() <= size {
                sink.embed(&format!("gap at offset {}", hole.offset), hole, "");
            }
        } else if extent.begin < expected && extent.end > extent.begin {
            overlaps += 1;
            first_overlap.get_or_insert((*extent, previous));
        }
        if extent.end >= expected {
            expected = extent.end;
            previous = Some(*extent);
        }
    }
    if let (Some((hole, before)), false) = (first_gap, header.unplaced) {
        let name = name_of(artifact, before.key);
        let more = if gaps > 1 { format!(" (and {} more gaps)", gaps - 1) } else { String::new() };
        let message = format!("{} bytes before tensor {} belong to no tensor{more}", hole.length, quote(&name));
        let finding = Finding::new(&S911, message).element(clip(&escape(&name), 120)).detail("gaps", gaps.to_string());
        let at = hole.within(size);
        sink.finding(finding.detail("bytes", gap_bytes.to_string()).at(at.offset, at.length));
    }
    if let (Some((extent, previous)), false) = (first_overlap, header.duplicates) {
        let name = name_of(artifact, extent.key);
        let other = previous.map(|p| format!(" {}", quote(name_of(artifact, p.key)))).unwrap_or_default();
        let more = if overlaps > 1 { format!(" (and {} more overlaps)", overlaps - 1) } else { String::new() };
        let message = format!("tensor {} shares bytes with tensor{other}{more}", quote(&name));
        let at = Span::new(data.saturating_add(extent.begin), extent.end - extent.begin).within(size);
        let finding = Finding::new(&S902, message).element(clip(&escape(&name), 120)).at(at.offset, at.length);
        sink.finding(finding.detail("overlaps", overlaps.to_string()));
    }
    if expected > available {
        let missing = expected - available;
        // A download that broke off ends inside tensors that are in order. One that points outside otherwise was made so.
        if gaps > 0 || overlaps > 0 || expected > u64::MAX / 4 {
            let last = previous.map(|p| (name_of(artifact, p.key), p.key)).unwrap_or_default();
            let message = format!("tensor {} ends {missing} bytes after the end of the file", quote(&last.0));
            sink.finding(Finding::new(&S902, message).element(clip(&escape(&last.0), 120)).at(last.1.min(size), 0));
        }
        sink.incomplete(&format!("the file ends early: {missing} bytes of tensor data are missing at offset {size}"));
    } else if expected < available && (header.error.is_none() || !extents.is_empty()) {
        let tail = Span::new(data.saturating_add(expected), available - expected);
        sink.embed("trailing data", tail, "");
        if header.unplaced {
            return;
        }
        let message = format!("{} bytes after the last tensor belong to no tensor", tail.length);
        sink.finding(Finding::new(&S911, message).at(tail.offset, tail.length));
    }
}

/// The name of the tensor whose key stands at this offset.
fn name_of(artifact: &dyn Artifact, key: u64) -> String {
    // A key is valid JSON by itself, so it can be read again as a document of one string.
    let mut parser = Parser::new(artifact, Span::new(key, 64 << 10));
    match parser.event() {
        Ok(Some(Event::String(text))) => clip(text.value, 1024),
        _ => String::new(),
    }
}
