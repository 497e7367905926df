//! The text around places: windows that are read once, however many places stand in one.

use modelaudit_plugin::{Artifact, Span};

/// Bytes before a place that are read with it.
const BEFORE: u64 = 256;
/// Bytes from a place on.
const AFTER: u64 = 1024;
/// Bytes read in all.
const MOST: u64 = 8 << 20;
/// Bytes of one window.
const LONGEST: u64 = 256 << 10;

/// Merges the surroundings of places, which are in order.
pub(crate) fn around(places: &[u64], size: u64) -> Vec<Span> {
    let mut windows: Vec<Span> = Vec::new();
    let mut total = 0;
    for place in places {
        let start = place.saturating_sub(BEFORE);
        let end = place.saturating_add(AFTER).min(size);
        match windows.last_mut() {
            Some(last) if start <= last.end() && end.saturating_sub(last.offset) <= LONGEST => {
                let longer = end.saturating_sub(last.end());
                total += longer;
                last.length += longer;
            }
            last => {
                // A window that was full: the next begins where it ends, so that nothing is told twice.
                let start = last.map_or(start, |l| start.max(l.end()));
                if start >= end {
                    continue;
                }
                total += end - start;
                windows.push(Span::new(start, end - start));
            }
        }
        if total > MOST {
            break;
        }
    }
    windows
}

/// The parts of a window that are UTF-8, with their offsets in the artifact.
pub(crate) fn texts(artifact: &dyn Artifact, window: Span) -> Vec<(u64, String)> {
    let Some(bytes) = artifact.read_span(window, LONGEST) else { return Vec::new() };
    let mut offset = window.offset;
    let mut texts = Vec::new();
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_empty() {
            texts.push((offset, chunk.valid().to_owned()));
        }
        offset += (chunk.valid().len() + chunk.invalid().len()) as u64;
    }
    texts
}
