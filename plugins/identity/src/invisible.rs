//! Invisible characters in texts: runs that carry a text, and controls that reorder a line.

use modelaudit_deceptive_unicode::{Hidden, hidden, is_bidi_control, is_bidi_override, is_right_to_left, visible};
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, clip, escape};
use modelaudit_rules::encodings::S605;
use modelaudit_rules::identity::S915;

use crate::windows::{around, texts};

/// Findings of a kind in one artifact.
const MOST: usize = 20;

/// Source code, where a reordered line hides what is run (CVE-2021-42574).
const SOURCE: &[&str] = &[
    "py", "pyi", "pyx", "ipynb", "js", "mjs", "cjs", "ts", "tsx", "c", "cc", "cpp", "h", "hpp", "cu", "java", "go",
    "rs", "rb", "php", "sh", "bash", "ps1", "lua", "r", "jl", "cs", "swift", "kt", "jinja", "jinja2", "j2", "toml",
    "cfg", "ini",
];

/// Tables of tokens hold every character there is.
pub(crate) fn is_vocabulary(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or_default().to_lowercase();
    [
        "vocab",
        "merges",
        "tokenizer.json",
        "added_tokens",
        "special_tokens",
        "tokenizer_config",
        "sentencepiece",
        "spm",
        ".model",
        ".tiktoken",
        "unigram",
        "emoji",
    ]
    .iter()
    .any(|part| base.contains(part))
}

/// Looks at the surroundings of each place.
pub(crate) fn scan(artifact: &dyn Artifact, places: &[u64], sink: &mut dyn Sink) {
    let name = artifact.name();
    let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
    let is_source = SOURCE.contains(&extension.as_str());
    // Archives hold names, which their members bear; weights hold anything.
    let lines_count = !is_vocabulary(&name) && is_text(artifact);
    let (mut runs, mut lines) = (0, 0);
    for window in around(places, artifact.size()) {
        for (offset, text) in texts(artifact, window) {
            for run in hidden(&text) {
                if runs < MOST {
                    report(&run, offset + run.start as u64, None, sink);
                }
                runs += 1;
            }
            if !lines_count {
                continue;
            }
            let mut at = offset;
            for line in text.split_inclusive('\n') {
                if lines < MOST && reorders(line, is_source) {
                    let first = line.char_indices().find(|(_, c)| is_bidi_control(*c)).map_or(0, |(i, _)| i as u64);
                    // In prose it is a jest or a defect; code and configurations are acted upon.
                    let severity = if is_source { Severity::Warning } else { Severity::Info };
                    reordered(line, at + first, severity, sink);
                    lines += 1;
                }
                at += line.len() as u64;
            }
        }
    }
    if runs > MOST {
        sink.log(&format!("{runs} runs of invisible characters; {MOST} of them are reported"));
    }
}

/// True if the artifact begins as text.
fn is_text(artifact: &dyn Artifact) -> bool {
    let head = artifact.read(0, 512);
    !head.iter().any(|b| *b < 9 || (14..27).contains(b))
}

/// Reports a run; `key` says under which key of a document it stands.
pub(crate) fn report(run: &Hidden, offset: u64, key: Option<&str>, sink: &mut dyn Sink) {
    let carrier = run.carrier.describe();
    let message = match &run.text {
        Some(text) => format!("{} {carrier} in a row spell '{}'", run.count, escape(&visible(&clip(text, 200)))),
        None => format!("{} {carrier} in a row carry data", run.count),
    };
    let mut finding =
        Finding::new(&S915, message).detail("carrier", carrier).detail("characters", run.count.to_string());
    // In a document the place is that of the whole string.
    finding = finding.at(offset, if key.is_some() { 0 } else { (run.end - run.start) as u64 });
    if let Some(text) = &run.text {
        finding = finding.detail("text", escape(&visible(&clip(text, 1000))));
    }
    sink.finding(match key {
        Some(key) => finding.element(escape(&visible(key))),
        None => finding,
    });
}

fn reordered(line: &str, offset: u64, severity: Severity, sink: &mut dyn Sink) {
    let shown = escape(&visible(&clip(line.trim(), 120)));
    let message = format!("bidirectional controls reorder what a person sees of the line '{shown}'");
    let finding = Finding::new(&S605, message).severity(severity).at(offset, 3);
    sink.finding(finding.detail("kind", "bidirectional-control"));
}

/// True if a line holds controls without right-to-left text that they could be for. In prose only an override counts: programs put
/// isolates around what they insert.
pub(crate) fn reorders(line: &str, is_source: bool) -> bool {
    let counts = |c: char| {
        is_bidi_override(c) || is_source && is_bidi_control(c) && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}')
    };
    if !line.chars().any(counts) || line.chars().any(is_right_to_left) {
        return false;
    }
    // Letters that are moved: a control alone between quotes is one that a program speaks of. Binary data has no words.
    let letters = line.bytes().filter(u8::is_ascii_alphabetic).count();
    let plain = line.chars().filter(|c| !c.is_control()).count();
    let behind = line.char_indices().any(|(at, c)| {
        counts(c)
            && line
                .get(at + c.len_utf8()..)
                .is_some_and(|rest| rest.chars().next().is_some_and(|n| n.is_alphanumeric() || n == ' '))
    });
    letters >= 8 && behind && plain + 4 >= line.trim_end().chars().count()
}
