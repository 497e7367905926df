//! What stands behind a model.
//!
//! A FlatBuffer does not say how long it is. Behind it a zip with labels may follow, written by the metadata library; anything else of
//! some size belongs to nobody. Tables that are not looked at (options of operators) may stand behind the last one that is, but they
//! are small.

use modelaudit_plugin::{Artifact, Finding, Sink, Span};
use modelaudit_rules::padding::is_zero;
use modelaudit_rules::structure::S911;

/// Bytes of tables that are not looked at.
const SLACK: u64 = 4 << 10;
/// The longest padding.
const LONGEST: u64 = 1 << 20;

/// Checks what follows `end`.
pub fn check(artifact: &dyn Artifact, end: u64, sink: &mut dyn Sink) {
    let tail = Span::new(end, artifact.size().saturating_sub(end));
    if tail.length <= SLACK {
        return;
    }
    let zip = artifact.find(&[b"PK\x03\x04"], tail, 1).first().map_or(artifact.size(), |hit| hit.offset);
    let stray = Span::new(end, zip.saturating_sub(end));
    if stray.length <= SLACK || is_zero(artifact, stray, LONGEST) {
        return;
    }
    let message = format!("{} bytes behind the model belong to no part of it", stray.length);
    sink.finding(Finding::new(&S911, message).at(stray.offset, stray.length));
    sink.embed("behind the model", stray, "");
}
