//! The quick open record of RAR5: copies of headers, so that a reader need not go through the whole archive.
//!
//! WinRAR lists an archive by these copies. Where they differ from the headers that an unpacker meets, it shows something else than
//! what is unpacked.

use modelaudit_plugin::{Artifact, Finding, Sink, Span};
use modelaudit_rules::structure::S910;

use crate::rar5::Fields;

/// Longest record that is compared.
const LIMIT: u64 = 16 << 20;

/// Compares the copies in `data`, the content of the block with this header, with the headers themselves.
pub fn check(artifact: &dyn Artifact, header: Span, data: Span, sink: &mut dyn Sink) {
    let Some(bytes) = artifact.read_span(data, LIMIT) else {
        if data.length > LIMIT {
            sink.incomplete(&format!("the quick open record of {} bytes is longer than {LIMIT}", data.length));
        }
        return;
    };
    let mut rest = Fields::new(&bytes);
    while rest.left() > 0 {
        let place = data.offset + bytes.len() as u64 - rest.left();
        let Some((stored, copy)) = copy(&mut rest) else {
            // The record ends in zeros.
            if bytes.iter().rev().take((data.end() - place) as usize).any(|byte| *byte != 0) {
                let message = format!("the quick open record is malformed at offset {place}");
                sink.finding(Finding::new(&S910, message).at(place, data.end() - place));
            }
            return;
        };
        let Some((back, header_copy)) = parts(copy) else {
            let message = format!("a copy of a header in the quick open record at offset {place} is malformed");
            sink.finding(Finding::new(&S910, message).at(place, 4));
            return;
        };
        let at = header.offset.checked_sub(back).map(|offset| Span::new(offset, header_copy.len() as u64));
        let same = at.and_then(|at| artifact.read_span(at, LIMIT)).is_some_and(|real| real == header_copy);
        // A copy with a wrong checksum is not used.
        if !same && stored == crc32fast::hash(copy) {
            let at = at.unwrap_or(header).within(artifact.size());
            let message = format!(
                "the quick open record holds another header than the one at offset {}: WinRAR shows one, unpackers write the other",
                at.offset
            );
            sink.finding(Finding::new(&S910, message).at(place, data.end() - place));
            return;
        }
    }
}

/// One copy: its checksum, and the bytes that it covers (from the size on).
fn copy<'a>(fields: &mut Fields<'a>) -> Option<(u32, &'a [u8])> {
    let stored = fields.word()?;
    let covered = fields.rest();
    let before = fields.left();
    let size = fields.number()?;
    let width = before - fields.left();
    if size == 0 {
        return None;
    }
    fields.bytes(size)?;
    Some((stored, covered.get(..usize::try_from(width + size).ok()?)?))
}

/// How far before the record the header stands, and the copied bytes.
fn parts(copy: &[u8]) -> Option<(u64, &[u8])> {
    let mut fields = Fields::new(copy);
    let (_size, _flags, back, length) = (fields.number()?, fields.number()?, fields.number()?, fields.number()?);
    Some((back, fields.bytes(length)?))
}
