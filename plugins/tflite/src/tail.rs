//! What stands behind a model.
//!
//! A FlatBuffer does not say how long it is. Behind it a zip with labels may follow, written by the metadata library; anything else of
//! some size belongs to nobody. Tables that are not looked at (options of operators) may stand behind the last one that is, but they
//! are small.

use modelaudit_plugin::{Artifact, Finding, Reader, Sink, Span};
use modelaudit_rules::structure::S911;

/// Bytes of tables that are not looked at.
const SLACK: u64 = 4 << 10;
/// What is read of a tail to tell zeros from a payload.
const LONGEST: u64 = 1 << 20;

/// Checks what follows `end`.
pub fn check(artifact: &dyn Artifact, end: u64, sink: &mut dyn Sink) {
    let tail = Span::new(end, artifact.size().saturating_sub(end));
    if tail.length <= SLACK {
        return;
    }
    let zip = artifact.find(&[b"PK\x03\x04"], tail, 1).first().map_or(artifact.size(), |hit| hit.offset);
    let stray = Span::new(end, zip.saturating_sub(end));
    if stray.length <= SLACK || zeros(artifact, stray) {
        return;
    }
    let message = format!("{} bytes behind the model belong to no part of it", stray.length);
    sink.finding(Finding::new(&S911, message).at(stray.offset, stray.length));
    sink.embed("behind the model", stray, "");
}

/// True if the range begins with zeros, as far as it is looked at, and they go on to its end.
fn zeros(artifact: &dyn Artifact, span: Span) -> bool {
    let mut reader = Reader::over(artifact, Span::new(span.offset, span.length.min(LONGEST)));
    loop {
        let block = reader.buffered();
        let length = block.len() as u64;
        if length == 0 {
            return span.length <= LONGEST;
        }
        if block.iter().any(|byte| *byte != 0) || reader.skip(length).is_err() {
            return false;
        }
    }
}
