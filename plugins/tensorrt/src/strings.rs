//! Strings of an engine: which libraries it names, and whether one is a command.
//!
//! An engine of gigabytes is weights for the most part, so the host looks for what such strings hold, and only the text around it
//! is read. Words alone (`exec`, `import`, `/tmp/build`) count for nothing: a string must have the form of a command or of code.

use std::collections::BTreeSet;

use modelaudit_metadata_text::libraries::{Place, library};
use modelaudit_metadata_text::{finding, judge, label};
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, quote};
use modelaudit_rules::deployment::S1109;

use crate::embedded::Programs;

/// What is searched for. The last ones are in UTF-16, as Windows has paths and commands.
const ANCHORS: &[&[u8]] = &[
    b".so",
    b".dll",
    b".dylib",
    b"/bin/sh",
    b"/bin/bash",
    b"bash -",
    b"sh -c",
    b"cmd.exe",
    b"cmd /c",
    b"powershell",
    b"curl ",
    b"wget ",
    b"chmod +x",
    b"rm -rf",
    b"base64 -d",
    b"/dev/tcp/",
    b"os.system",
    b"os.popen",
    b"subprocess.",
    b"__import__",
    b"import os",
    b"exec(",
    b"eval(",
    b"getattr(",
    b"pickle.loads",
    b"socket.socket",
    b"urllib.request",
    b"${jndi:",
    b"://",
    b".\0d\0l\0l\0",
    b"p\0o\0w\0e\0r\0s\0h\0e\0l\0l\0",
    b"c\0m\0d\0.\0e\0x\0e\0",
];
/// The first anchor in UTF-16.
const WIDE: u32 = ANCHORS.len() as u32 - 3;
/// Text that is read before and behind an anchor.
const BEFORE: u64 = 1 << 10;
const BEHIND: u64 = 3 << 10;
/// Hits asked for at a time, and places that are looked at in all.
const AT_A_TIME: u32 = 4096;
const MOST_PLACES: u64 = 200_000;
/// Shorter strings are chance.
const SHORTEST: usize = 8;
/// Findings of one kind, and names in the facts.
const MOST_FINDINGS: usize = 20;
const MOST_NAMES: usize = 100;

/// Beginnings of libraries that every engine may name: TensorRT's and CUDA's, and those of the system.
const EVERYDAY: &[&str] = &[
    "libnv",
    "nvinfer",
    "nvonnx",
    "libcu",
    "cudart",
    "cublas",
    "cudnn",
    "nvrtc",
    "libc.",
    "libm.",
    "libdl.",
    "librt.",
    "libpthread.",
    "libstdc++",
    "libgcc",
    "ld-linux",
    "kernel32",
    "msvc",
    "vcruntime",
    "ucrt",
    "api-ms",
];

/// Looks at the strings outside of programs.
pub fn scan(artifact: &dyn Artifact, engine: Span, programs: &Programs, sink: &mut dyn Sink) {
    let mut found = Found::default();
    let (mut from, mut covered, mut places) = (engine.offset, [engine.offset; 2], 0u64);
    'search: loop {
        let hits = artifact.find(ANCHORS, Span::new(from, engine.end() - from), AT_A_TIME);
        let full = hits.len() as u64 >= u64::from(AT_A_TIME);
        for hit in hits {
            from = hit.offset + 1;
            let wide = hit.anchor >= WIDE;
            let covered = &mut covered[usize::from(wide)];
            if hit.offset < *covered || programs.contain(hit.offset) {
                continue;
            }
            places += 1;
            if places > MOST_PLACES {
                sink.incomplete(&format!(
                    "more than {MOST_PLACES} strings: those from offset {} on were not looked at",
                    hit.offset
                ));
                break 'search;
            }
            let run = run(artifact, engine, hit.offset, wide);
            *covered = run.at.end();
            found.judge(&run, sink);
        }
        if !full {
            break;
        }
    }
    found.report(sink);
}

/// A string of an engine.
struct Run {
    text: String,
    at: Span,
}

/// The printable text around an offset, in ASCII or UTF-16.
fn run(artifact: &dyn Artifact, engine: Span, offset: u64, wide: bool) -> Run {
    let width = if wide { 2 } else { 1 };
    // Units of UTF-16 are counted from the anchor.
    let before = (offset - engine.offset).min(BEFORE) / width * width;
    let window = Span::new(offset - before, before + BEHIND).within(engine.end());
    let bytes = artifact.read_span(window, BEFORE + BEHIND).unwrap_or_default();
    let units: Vec<Option<char>> = bytes
        .chunks_exact(width as usize)
        .map(|unit| {
            let printable = |byte: u8| (matches!(byte, b' '..=b'~') || byte == b'\t').then_some(byte as char);
            match unit {
                [byte] | [byte, 0] => printable(*byte),
                _ => None,
            }
        })
        .collect();
    let middle = ((before / width) as usize).min(units.len());
    let (head, tail) = units.split_at(middle);
    let start = head.iter().rposition(Option::is_none).map_or(0, |at| at + 1);
    let end = middle + tail.iter().position(Option::is_none).unwrap_or(tail.len());
    let text = units.get(start..end).unwrap_or_default().iter().flatten().collect();
    let at = Span::new(window.offset + start as u64 * width, (end.saturating_sub(start)) as u64 * width);
    Run { text, at }
}

/// What was found.
#[derive(Default)]
struct Found {
    names: BTreeSet<String>,
    others: BTreeSet<String>,
    first_other: Option<Span>,
    reported: BTreeSet<String>,
    commands: usize,
}

impl Found {
    fn judge(&mut self, run: &Run, sink: &mut dyn Sink) {
        if run.text.len() < SHORTEST {
            return;
        }
        if let Some(found) = library(&run.text) {
            self.library(found.path, found.place, run.at, sink);
        }
        if let Some(found) = judge(&run.text)
            && self.commands < MOST_FINDINGS
        {
            self.commands += 1;
            sink.finding(finding("a string of the engine", &found).at(run.at.offset, run.at.length));
        }
    }

    fn library(&mut self, path: &str, place: Place, at: Span, sink: &mut dyn Sink) {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
        let everyday = EVERYDAY.iter().any(|known| name.starts_with(known));
        match place {
            Place::Writable | Place::Outside => {
                if self.reported.len() < MOST_FINDINGS && self.reported.insert(path.to_owned()) {
                    let message = format!("the engine names the library {}, which {}", quote(path), place.reason());
                    sink.finding(Finding::new(&S1109, message).at(at.offset, at.length).element(label(path)));
                }
            }
            // Random bytes look like a short name once in a gigabyte.
            Place::Name if !name.starts_with("lib") && !everyday && name.len() < 10 => {}
            Place::Name | Place::Folder => {
                let list = if everyday { &mut self.names } else { &mut self.others };
                if list.len() < MOST_NAMES {
                    list.insert(label(path));
                }
                if !everyday && self.first_other.is_none() {
                    self.first_other = Some(at);
                }
            }
        }
    }

    fn report(&self, sink: &mut dyn Sink) {
        let names: Vec<&String> = self.names.iter().chain(&self.others).collect();
        sink.fact_list("libraries", &names);
        let (Some(at), Some(first)) = (self.first_other, self.others.iter().next()) else { return };
        let more = match self.others.len() {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        let message = format!("the engine names the library {}{more}, which must be there to load it", quote(first));
        let finding = Finding::new(&S1109, message).severity(Severity::Info).at(at.offset, at.length);
        let others: Vec<&str> = self.others.iter().map(String::as_str).collect();
        sink.finding(finding.element(first.clone()).detail("libraries", others.join(", ")));
    }
}
