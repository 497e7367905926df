//! Texts in binary data, as `strings` finds them.

use modelaudit_plugin::{Artifact, Reader, Sink, Span};

use crate::{finding, judge};

/// Shorter runs are chance: a command takes more.
const SHORTEST: usize = 8;
/// What is kept of a run.
const LONGEST: usize = 1 << 20;
/// Findings of one scan; a file full of them is told by the first.
const MOST: usize = 20;

/// Judges every run of printable ASCII in a range; `place` names the range in messages. Reads the range once, keeps one run.
pub fn scan_runs(artifact: &dyn Artifact, span: Span, place: &str, sink: &mut dyn Sink) {
    let mut reader = Reader::over(artifact, span);
    let (mut run, mut start, mut found) = (Vec::new(), span.offset, 0usize);
    loop {
        let at = reader.position();
        let block = reader.buffered();
        let ended = block.is_empty();
        let length = block.len() as u64;
        for (index, byte) in block.iter().enumerate() {
            if matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r') {
                if run.is_empty() {
                    start = at + index as u64;
                }
                if run.len() < LONGEST {
                    run.push(*byte);
                }
            } else if !run.is_empty() {
                found += judge_run(&run, start, place, found, sink);
                run.clear();
            }
        }
        if ended {
            found += judge_run(&run, start, place, found, sink);
            if found > MOST {
                sink.log(&format!("{} more texts of that kind in {place}", found - MOST));
            }
            return;
        }
        if reader.skip(length).is_err() {
            return;
        }
        sink.progress(reader.position());
    }
}

/// One if the run is more than words.
fn judge_run(run: &[u8], start: u64, place: &str, before: usize, sink: &mut dyn Sink) -> usize {
    if run.len() < SHORTEST {
        return 0;
    }
    let text = String::from_utf8_lossy(run);
    // A JSON object is often preceded by bytes of a length that are printable by chance.
    let json = text.find(['{', '[']).filter(|at| *at > 0 && *at < 8).and_then(|at| text.get(at..)).and_then(judge);
    let Some(hit) = judge(&text).or(json) else { return 0 };
    if before < MOST {
        sink.finding(finding(place, &hit).at(start, run.len() as u64));
    }
    1
}

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::{Memory, run};

    use super::*;

    #[test]
    fn a_command_among_bytes_is_found_once() {
        let mut bytes = vec![0x80; 70_000];
        bytes.extend(b"\0\x01os.system('id')\0");
        bytes.resize(400_000, 0x41);
        let artifact = Memory::new("x", &bytes);
        let (report, served) = run(&artifact, |a, s| {
            scan_runs(a, Span::new(0, a.size()), "the core", s);
            Ok(())
        });
        assert_eq!(report.findings.len(), 1, "{report:?}");
        assert_eq!(report.findings[0].at, Some(Span::new(70_002, 15)));
        assert_eq!(served, 400_000);
    }
}
