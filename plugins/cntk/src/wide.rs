//! Texts of two-byte characters (UTF-16LE), as version 1 writes all of its names.

use modelaudit_metadata_text::{finding, judge};
use modelaudit_plugin::{Artifact, Reader, Sink, Span};

/// Shorter runs are chance: a command takes more.
const SHORTEST: usize = 8;
/// Characters kept of a run.
const LONGEST: usize = 64 << 10;
/// Findings of one scan.
const MOST: usize = 20;

/// Judges every run of printable two-byte characters in a range, at even and odd offsets. Reads the range once.
pub(crate) fn scan_runs(artifact: &dyn Artifact, span: Span, found: &mut usize, sink: &mut dyn Sink) {
    let mut reader = Reader::over(artifact, span);
    // A run is a row of pairs (character, 0); a byte that breaks the row may be the first of the next.
    let (mut run, mut start, mut pending) = (String::new(), span.offset, None);
    loop {
        let at = reader.position();
        let block = reader.buffered();
        if block.is_empty() {
            break;
        }
        let length = block.len() as u64;
        for (index, byte) in block.iter().enumerate() {
            let at = at + index as u64;
            match (pending.take(), *byte) {
                (Some(first), 0) => {
                    if run.len() < LONGEST {
                        run.push(char::from(first));
                    }
                }
                (_, byte @ (b' '..=b'~' | b'\t' | b'\n' | b'\r')) => {
                    // Two characters without a zero between them: the first was no part of a run.
                    if run.is_empty() || run.len() as u64 * 2 + start != at {
                        judge_run(&run, start, found, sink);
                        run.clear();
                        start = at;
                    }
                    pending = Some(byte);
                }
                _ => {
                    judge_run(&run, start, found, sink);
                    run.clear();
                }
            }
        }
        if reader.skip(length).is_err() {
            break;
        }
    }
    judge_run(&run, start, found, sink);
}

fn judge_run(run: &str, start: u64, found: &mut usize, sink: &mut dyn Sink) {
    if run.len() < SHORTEST {
        return;
    }
    if let Some(hit) = judge(run) {
        *found += 1;
        if *found <= MOST {
            sink.finding(finding("the model", &hit).at(start, run.len() as u64 * 2));
        }
    }
}

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::{Memory, run};

    use super::*;

    #[test]
    fn runs_are_found_at_any_offset() {
        for shift in 0..4 {
            let mut bytes = vec![0xfe; shift];
            bytes.extend("names\0".encode_utf16().flat_map(u16::to_le_bytes));
            let at = bytes.len() as u64;
            bytes.extend("os.system('id')\0".encode_utf16().flat_map(u16::to_le_bytes));
            bytes.extend([b'x'; 40]);
            let (report, _) = run(&Memory::new("x", &bytes), |a, s| {
                scan_runs(a, Span::new(0, a.size()), &mut 0, s);
                Ok(())
            });
            assert_eq!(report.findings.len(), 1, "{shift}: {report:?}");
            assert_eq!(report.findings[0].at, Some(Span::new(at, 30)));
        }
    }
}
