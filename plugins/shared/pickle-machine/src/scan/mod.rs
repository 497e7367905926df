//! Findings out of the machine's events: the scan that every plugin with pickles inside uses.
//!
//! A finding says what runs, with which arguments, where, and when. Grades follow the reference (section 7, point 5): a
//! dangerous callable that is called is critical; one that is only named is a warning; a class that nobody reviewed is a
//! fact worth knowing. One payload is one finding, however many opcodes it takes.

mod alert;
mod analysis;
mod checks;
mod code;
mod grade;
mod handed;
mod names;
mod payload;
mod report;

use modelaudit_plugin::{Artifact, Severity, Sink, Span};

use crate::machine::Reading;
use crate::streams::{self, Outcome};
use analysis::Analysis;

pub use payload::{Hidden, hidden_in_encoding, hidden_pickle, runs_code};

/// What a scan may assume.
#[derive(Clone, Debug, Default)]
pub struct ScanOptions {
    /// Named part of the artifact that the pickle is (a tensor, a member), for the findings.
    pub element: Option<String>,
    /// The plugin checks persistent ids itself (torch archives).
    pub persistent_ids_are_known: bool,
    /// Bytes after the last stream belong to the format (legacy torch) and are no news.
    pub tail_is_known: bool,
}

/// What a scan came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The walk in the usual reading.
    pub outcome: Outcome,
    /// The worst finding.
    pub worst: Option<Severity>,
    /// The first stream was read to its `STOP`.
    pub is_pickle: bool,
}

/// Streams of one file that are run; a log of a million pickles is still a file.
const STREAMS: u32 = 1 << 24;

/// Scans the pickle streams of a range and reports what they do: findings S201 to S219, facts (`pickle_protocol`,
/// `pickle_streams`, `pickle_globals`), children (payloads of `torch.load` and the like), *incomplete* where the bytes could not be understood.
pub fn scan_pickle(artifact: &dyn Artifact, span: Span, sink: &mut dyn Sink, options: &ScanOptions) -> Summary {
    let mut analysis = Analysis::new(0);
    let outcome = read_every_way(artifact, span, &mut analysis);
    let worst = report::report(artifact, span, &analysis, &outcome, sink, options);
    Summary { outcome, worst, is_pickle: analysis.first_stream_stopped }
}

/// The usual reading, and then each other reading that a loader in use would give the same bytes.
pub(crate) fn read_every_way(artifact: &dyn Artifact, span: Span, analysis: &mut Analysis) -> Outcome {
    let outcome = streams::walk(artifact, span, Reading::USUAL, STREAMS, analysis);
    // joblib skips its arrays, pickle.load reads them as opcodes: to the first error, which comes at once in real arrays.
    if outcome.arrays > 0 {
        analysis.begin_other_reading("pickle.load reads the bytes of joblib's arrays as opcodes");
        streams::walk(artifact, span, Reading { arrays: false, frames: false, strict: true }, STREAMS, analysis);
        analysis.end_other_reading();
    }
    if outcome.frame_crossed {
        analysis.begin_other_reading("CPython's C loader drops the rest of a frame that an argument crosses");
        streams::walk(artifact, span, Reading { arrays: true, frames: true, strict: true }, STREAMS, analysis);
        analysis.end_other_reading();
    }
    outcome
}
