//! Finds Python code in the strings of binary files.
//!
//! Loaders that `eval` a metadata field, and droppers that cut a text out of weights, need it in the clear. The host finds the words
//! that payloads are made of (`ANCHORS`); around each the run of printable characters is cut out and parsed. Only what parses as
//! Python *and* does what an attack does is reported, so vocabularies, names of operators and documentation are silent.
//!
//! Texts as such are left alone: source code has the plugin `code`, and a text that is no source code is documentation. So are files
//! whose own plugin judges their texts or their code (pickles, archives, HDF5, GGUF, JSON, templates).

mod elsewhere;
mod run;

use modelaudit_command_lines::{POWERSHELL, REVERSE_SHELLS, worst};
use modelaudit_plugin::{Artifact, Finding, Manifest, Plugin, Rule, Severity, Sink, clip, escape};
use modelaudit_python_source::{Mode, Role, analyse_source};
use modelaudit_rules::python::S122;

/// Words of payloads. None is shorter than five bytes, and each has a mark that base64 lacks: in 1 GiB of random bytes less than one
/// stands by chance.
const ANCHORS: &[&[u8]] = &[
    b"exec(",
    b"eval(",
    b"__import__(",
    b"os.system(",
    b"os.popen(",
    b"subprocess.",
    b"b64decode(",
    b"socket.socket(",
    b"pty.spawn(",
    b"marshal.loads(",
    b"getattr(",
    b"urlopen(",
];

const RULES: &[Rule] = &[S122];

/// Hits asked for at a time.
const HITS_AT_A_TIME: u32 = 4096;
/// Places that are looked at in one artifact.
const MOST_PLACES: usize = 20_000;
/// Bytes that are parsed in one artifact, all attempts together.
const MOST_PARSED: usize = 64 << 20;
/// Findings of one artifact; a file with more is told by them.
const MOST_FINDINGS: usize = 20;

/// The analyser.
pub struct EmbeddedCode;

impl Plugin for EmbeddedCode {
    fn describe() -> Manifest {
        Manifest {
            name: "embedded-code",
            version: env!("CARGO_PKG_VERSION"),
            summary: "finds Python code that acts on the machine in the strings of binary files",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: Vec::new(),
            anchors: ANCHORS.iter().map(|anchor| anchor.to_vec()).collect(),
            rules: RULES.to_vec(),
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let Some(from) = elsewhere::first_byte(artifact) else { return Ok(()) };
        let (mut next, mut covered, mut places, mut parsed, mut found) = (from, from, 0, 0, 0);
        loop {
            let hits = artifact.hits(next, HITS_AT_A_TIME);
            let full = hits.len() == HITS_AT_A_TIME as usize;
            for hit in hits {
                next = hit.offset + 1;
                if hit.offset < covered {
                    continue;
                }
                places += 1;
                if places > MOST_PLACES || parsed > MOST_PARSED {
                    sink.incomplete(&format!(
                        "more places than are looked at hold words of Python code; the strings from offset {} on were not parsed",
                        hit.offset
                    ));
                    return Ok(());
                }
                let run = run::around(artifact, hit.offset);
                covered = run.end();
                if let Some(finding) = judge(&run, &mut parsed) {
                    sink.finding(finding);
                    found += 1;
                    if found >= MOST_FINDINGS {
                        sink.log("more strings hold Python code; the first ones are reported");
                        return Ok(());
                    }
                }
            }
            if !full {
                return Ok(());
            }
        }
    }
}

modelaudit_plugin::export!(EmbeddedCode);

/// The worst that the code in a run of text does, if it is code and alarming.
fn judge(run: &run::Run, parsed: &mut usize) -> Option<Finding> {
    // The analyser of executables reports complete shell commands, whoever would run them.
    if worst(&run.text, &[REVERSE_SHELLS, POWERSHELL]).is_some() {
        return None;
    }
    for candidate in run.candidates() {
        *parsed += candidate.len();
        let Ok(report) = analyse_source(&candidate, Role::Plain, Mode::Module) else { continue };
        if report.error.is_some() {
            continue;
        }
        let worst = report.evidence.into_iter().max_by_key(|e| (e.severity(Role::Plain), e.weight));
        let Some(evidence) = worst.filter(|e| e.severity(Role::Plain) >= Severity::Warning) else { continue };
        let message =
            format!("Python code among the data at offset {}: {} {}", run.start, evidence.call, evidence.what);
        let finding = Finding::new(&S122, clip(&escape(&message), 700)).at(run.start, run.text.len() as u64);
        return Some(finding.detail("code", clip(&escape(&candidate), 400)));
    }
    None
}
