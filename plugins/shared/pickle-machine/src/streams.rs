//! All streams of a range, one after the other.
//!
//! `pickle.load` is called again and again on the same file by legacy torch (five streams), by log-like dumps, and by
//! attackers who put a harmless stream first (B27, B28). After a `STOP` padding is skipped and, if what follows looks like a
//! pickle, it is run, too.

use modelaudit_plugin::{Artifact, Span};

use crate::machine::{End, Machine, Reading};
use crate::probe;
use crate::view::Observer;

/// What a walk came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Offset after the last stream (after its `STOP`, or where it broke).
    pub end: u64,
    /// Offset after the first stream.
    pub first_end: u64,
    /// Streams that were begun.
    pub streams: u32,
    /// The last stream ended with `STOP`.
    pub stopped: bool,
    /// There are more streams than were asked for.
    pub more: bool,
    /// An argument crossed the end of its frame: CPython's C loader reads other bytes ([`Reading::frames`]).
    pub frame_crossed: bool,
    /// joblib arrays were skipped: `pickle.load` would read them as opcodes ([`Reading::arrays`]).
    pub arrays: u64,
    /// Offset of a joblib array whose layout was not understood.
    pub array_unknown: Option<u64>,
    /// More globals, memo entries or folded bytes than are kept; what is beyond was not understood.
    pub overflow: Option<&'static str>,
}

/// Runs the pickle streams of a range, at most `streams` of them, and tells the observer what happens.
///
/// Memory is bounded, whatever the range holds; time is linear in the bytes of the streams. The range is cut where the
/// artifact ends.
pub fn walk(
    artifact: &dyn Artifact,
    span: Span,
    reading: Reading,
    streams: u32,
    observer: &mut dyn Observer,
) -> Outcome {
    // On the heap: nested pickles run machines inside an observer of another one, and a wasm stack is small.
    let mut machine = Box::new(Machine::new(artifact, span, reading));
    let mut outcome = Outcome { end: span.offset, ..Outcome::default() };
    loop {
        let end = machine.run(observer);
        outcome.streams += 1;
        outcome.end = machine.input.position();
        if outcome.streams == 1 {
            outcome.first_end = outcome.end;
        }
        outcome.stopped = end == End::Stop;
        if machine.memo.overflowed() {
            outcome.overflow = Some("memo entries");
        }
        if end != End::Stop || !next_stream(&mut machine) {
            break;
        }
        if outcome.streams >= streams {
            outcome.more = true;
            break;
        }
        machine.reset();
        machine.stream += 1;
    }
    outcome.frame_crossed = machine.frame_crossed();
    outcome.arrays = machine.arrays_skipped;
    outcome.array_unknown = machine.array_unknown;
    if machine.globals.full() {
        outcome.overflow = Some("globals");
    } else if machine.stack_lost {
        outcome.overflow = Some("values on the stack");
    } else if machine.folded.spent() {
        outcome.overflow = Some("computed constants");
    }
    outcome
}

/// Skips padding and looks whether another stream begins; the position is there if so, and after the last stream if not.
fn next_stream(machine: &mut Machine<'_>) -> bool {
    let end = machine.input.position();
    if machine.reading.frames && machine.frame_end != u64::MAX && machine.frame_end > end {
        // Nobody writes a frame beyond STOP by accident, and this reading ends at the first error: no need for a likeness.
        machine.input.seek(machine.frame_end);
        return machine.input.remaining() > 0;
    }
    loop {
        let head = machine.input.peek(4096);
        if head.is_empty() {
            break;
        }
        // NUL and white space as in files written in blocks, 0xff as in erased flash and joblib's alignment.
        let padding = head.iter().take_while(|b| matches!(b, 0 | b' ' | b'\t' | b'\r' | b'\n' | 0xff)).count();
        let whole = padding == head.len();
        let offset = machine.input.position() + padding as u64;
        machine.input.seek(offset);
        if !whole {
            break;
        }
    }
    let remaining = machine.input.remaining();
    if remaining > 0 && probe::is_pickle(machine.input.peek(4096), remaining) {
        return true;
    }
    machine.input.seek(end);
    false
}
