//! The torch archive: a zip that torch's own reader (miniz, `PyTorchStreamReader`) reads by its own rules.
//!
//! A record's name is looked up without regard to case, the first match counts, and the archive's root folder is whatever
//! stands before the first `/` of the first entry of the central directory. Flags and checksums are not looked at. Every member
//! is handed on by the zip plugin; here is what makes a torch archive of them.

use std::collections::HashMap;

use modelaudit_pickle_machine::{Reading, Slice, walk};
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, clip, escape, quote};
use modelaudit_rules::structure::S902;
use modelaudit_rules::tensors::{S812, S813, S814, S815};
use modelaudit_zip_directory::{Archive, Entry, Reading as Bytes, STORED, unpack_all};

use crate::tensors::{Collector, Record, Records, Summary};
use crate::torchscript::{self, Kind};

/// Members whose names are kept; the largest real checkpoints have some 100,000.
const MAX_MEMBERS: usize = 300_000;
/// A source file of TorchScript; large traced models have some megabytes.
const MAX_SOURCE: usize = 16 << 20;
/// Sources that are read.
const MAX_SOURCES: usize = 20_000;
/// A data.pkl that is compressed, which torch itself never writes, is read to here.
const MAX_PICKLE: usize = 64 << 20;
/// Findings on sources.
const MAX_FINDINGS: usize = 100;

/// Extensions that promise a torch checkpoint. `bin` and `zip` mean too many other things.
const EXTENSIONS: &[&str] = &["pt", "pth", "ckpt", "ptl"];

/// Records that torch reads as pickles, by the name behind the root. Source: `torch/serialization.py`, `torch/csrc/jit/serialization`.
const PICKLES: &[&str] = &["data.pkl", "constants.pkl", "bytecode.pkl", "attributes.pkl", "mobile_debug_handles.pkl"];

/// A member, as far as it matters here.
struct Member {
    name: String,
    bytes: Option<Bytes>,
    at: Span,
}

/// The members of a zip.
#[derive(Default)]
struct Members {
    list: Vec<Member>,
    more: bool,
    /// The root folder with its slash, as torch finds it.
    root: String,
    /// True if a central directory lists them: the file did not end early.
    whole: bool,
    /// The first member of each name, in lower case.
    first: HashMap<String, usize>,
}

impl Members {
    fn read(archive: &Archive<'_>) -> Self {
        let mut members = Self { whole: !archive.directories().is_empty(), ..Self::default() };
        for entry in archive.entries() {
            if members.list.len() >= MAX_MEMBERS {
                members.more = true;
                break;
            }
            members.add(&entry);
        }
        members
    }

    fn add(&mut self, entry: &Entry) {
        let name = String::from_utf8_lossy(entry.name()).into_owned();
        if self.list.is_empty()
            && let Some((root, _)) = name.split_once('/')
        {
            self.root = format!("{root}/");
        }
        self.first.entry(name.to_ascii_lowercase()).or_insert(self.list.len());
        self.list.push(Member { name, bytes: entry.reading(), at: entry.at() });
    }

    /// The record that torch finds under a name behind the root.
    fn record(&self, name: &str) -> Option<&Member> {
        self.member(&format!("{}{name}", self.root))
    }

    fn member(&self, name: &str) -> Option<&Member> {
        self.first.get(&name.to_ascii_lowercase()).and_then(|i| self.list.get(*i))
    }

    /// Members whose name ends so, in any case.
    fn ending<'m>(&'m self, end: &'m str) -> impl Iterator<Item = &'m Member> {
        self.list.iter().filter(move |m| ends_with(&m.name, end))
    }
}

fn ends_with(name: &str, end: &str) -> bool {
    name.len().checked_sub(end.len()).and_then(|at| name.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// Storages of one pickle are records of one folder.
struct Folder<'m> {
    members: &'m Members,
    folder: String,
}

impl Records for Folder<'_> {
    fn find(&self, key: &str) -> Option<Record> {
        // torch.package keeps the storages of all its pickles in one place.
        let packed = || self.members.record(&format!(".data/{key}.storage"));
        let member = self.members.member(&format!("{}{key}", self.folder)).or_else(packed)?;
        let bytes = member.bytes.as_ref()?;
        let stored = bytes.method == STORED;
        let size = if stored { bytes.span.length } else { bytes.size? };
        Some(Record { at: stored.then_some(bytes.span), size, cut: bytes.cut })
    }
}

/// Scans a zip as a torch archive; says nothing if it is none.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) {
    let archive = Archive::open(artifact);
    let members = Members::read(&archive);
    let is_torch = PICKLES.iter().any(|p| members.record(p).is_some())
        || members.ending("/data.pkl").next().is_some()
        || members.ending(".data/extern_modules").next().is_some();
    if !is_torch {
        no_model(artifact, &members, sink);
        return;
    }
    if members.more {
        sink.incomplete(&format!("more than {MAX_MEMBERS} members: torch records among the others were not looked at"));
    }
    facts(artifact, &members, sink);
    sources(artifact, &members, sink);
    let mut summary = Summary::default();
    pickles(artifact, &members, &mut summary, sink);
    // Without a directory records may be missing because the file was cut.
    summary.report(!archive.directories().is_empty() && !members.more, sink);
}

/// The file has a torch name and is a zip, but torch.load finds no pickle in it.
fn no_model(artifact: &dyn Artifact, members: &Members, sink: &mut dyn Sink) {
    let name = artifact.name().to_ascii_lowercase();
    let promised = name.rsplit_once('.').is_some_and(|(_, e)| EXTENSIONS.contains(&e));
    // A torch.export archive (.pt2) keeps its graph as JSON.
    let exported = members.ending("archive_format").next().is_some()
        || members.ending("serialized_exported_program.json").next().is_some();
    if promised && !exported && !members.more && members.ending(".pkl").next().is_none() {
        let count = members.list.len();
        let finding =
            Finding::new(&S815, format!("none of the {count} members is a data.pkl, torch.load can't read the file"));
        sink.finding(finding.detail("members", count.to_string()));
    }
}

/// What kind of archive it is.
fn facts(artifact: &dyn Artifact, members: &Members, sink: &mut dyn Sink) {
    let has = |name: &str| members.record(name).is_some();
    let package = members.ending(".data/extern_modules").next().is_some();
    let script = has("constants.pkl") || members.list.iter().any(|m| is_script(&members.root, &m.name));
    let kind = match () {
        () if package => "torch.package",
        () if has("bytecode.pkl") => "torchscript-mobile",
        () if script => "torchscript",
        () => "torch.save",
    };
    sink.fact_text("torch_format", kind);
    for (record, fact) in
        [("version", "torch_archive_version"), ("byteorder", "byteorder"), (".format_version", "torch_format_version")]
    {
        if let Some(text) = members.record(record).and_then(|m| short_text(artifact, m)) {
            sink.fact_text(fact, &text);
        }
    }
    let read: Vec<&str> = PICKLES.iter().filter_map(|p| members.record(p)).map(|m| m.name.as_str()).collect();
    let read: Vec<String> = read.iter().map(|n| clip(&escape(n), 200)).collect();
    sink.fact_list("torch_records", &read);
}

/// A member of a few bytes as text.
fn short_text(artifact: &dyn Artifact, member: &Member) -> Option<String> {
    let bytes = unpack_all(artifact, member.bytes.as_ref()?, 64)?;
    Some(escape(String::from_utf8_lossy(&bytes).trim()))
}

/// True for the sources of TorchScript.
fn is_script(root: &str, name: &str) -> bool {
    let inside = name.get(..root.len()).filter(|r| r.eq_ignore_ascii_case(root)).and_then(|_| name.get(root.len()..));
    inside.and_then(|n| n.get(..5)).is_some_and(|folder| folder.eq_ignore_ascii_case("code/")) && ends_with(name, ".py")
}

/// Looks at the sources: TorchScript under `code/`, Python elsewhere.
fn sources(artifact: &dyn Artifact, members: &Members, sink: &mut dyn Sink) {
    let mut operators: Vec<String> = Vec::new();
    let mut python: Vec<&Member> = Vec::new();
    let mut reported = 0;
    let mut read = 0;
    for member in members.ending(".py") {
        read += 1;
        if read > MAX_SOURCES {
            sink.incomplete(&format!("more than {MAX_SOURCES} sources: the others were not read"));
            break;
        }
        let script = is_script(&members.root, &member.name);
        let Some(bytes) = member.bytes.as_ref().and_then(|b| unpack_all(artifact, b, MAX_SOURCE)) else {
            sink.incomplete(&format!(
                "the source {} could not be unpacked or is larger than {MAX_SOURCE} bytes",
                quote(&member.name)
            ));
            continue;
        };
        if !script {
            python.push(member);
        }
        for sign in torchscript::inspect(&String::from_utf8_lossy(&bytes)) {
            if sign.kind == Kind::CustomOperator {
                if operators.len() < 100 && !operators.contains(&sign.name) {
                    operators.push(sign.name);
                }
                continue;
            }
            // In Python proper, imports and attributes are everyday; processes and evaluated text are not.
            if !script
                && (sign.kind != Kind::Call
                    || sign.severity != Severity::Critical
                    || sign.name == "open"
                    || sign.name == "compile")
            {
                continue;
            }
            reported += 1;
            if reported <= MAX_FINDINGS {
                sink.finding(source_finding(member, &sign, script));
            }
        }
    }
    if let Some(first) = python.first() {
        let message = format!("{} Python sources outside code/, the first is {}", python.len(), quote(&first.name));
        let names: Vec<String> = python.iter().take(20).map(|m| clip(&escape(&m.name), 200)).collect();
        let at = first.at;
        sink.finding(Finding::new(&S814, message).at(at.offset, at.length).detail("members", names.join(", ")));
    }
    if !operators.is_empty() {
        sink.fact_list("custom_operators", &operators);
    }
}

fn source_finding(member: &Member, sign: &torchscript::Sign, script: bool) -> Finding {
    let name = quote(&sign.name);
    let what = match sign.kind {
        Kind::Import => format!("imports {name}"),
        Kind::Call => format!("calls {name}"),
        Kind::Internals => format!("reaches into Python through {name}"),
        Kind::FileOperator => format!("uses the operator {name}, which opens a file"),
        Kind::CustomOperator | Kind::PythonOperator => format!("uses the operator {name}, which no saved archive has"),
    };
    let rule = match (script, sign.kind) {
        (false, _) => &S814,
        (true, Kind::FileOperator | Kind::PythonOperator) => &S813,
        (true, _) => &S812,
    };
    let place = if script { "the TorchScript source" } else { "the Python source" };
    let message = format!("{place} {} {what} in line {}: {}", quote(&member.name), sign.line, quote(&sign.text));
    let severity = if script { sign.severity } else { Severity::Warning };
    Finding::new(rule, message)
        .severity(severity)
        .at(member.at.offset, member.at.length)
        .element(clip(&escape(&member.name), 500))
        .detail("line", sign.line.to_string())
        .detail("code", sign.text.clone())
        .detail("count", sign.count.to_string())
}

/// Reads the tensors of data.pkl and constants.pkl.
fn pickles(artifact: &dyn Artifact, members: &Members, summary: &mut Summary, sink: &mut dyn Sink) {
    let big = members.record("byteorder").and_then(|m| short_text(artifact, m)).is_some_and(|order| order == "big");
    let suffix = if big { "_be" } else { "" };
    for (record, folder) in [("data.pkl", "data/"), ("constants.pkl", "constants/")] {
        let Some(member) = members.record(record) else { continue };
        let Some(bytes) = member.bytes.as_ref() else { continue };
        let folder = Folder { members, folder: format!("{}{folder}", members.root) };
        let mut found = Collector::default();
        // Offsets of a stored record are the archive's.
        let mut start = 0;
        if bytes.method == STORED {
            start = bytes.span.offset;
            walk(artifact, bytes.span, Reading::USUAL, 1, &mut found);
            summary.add(
                artifact,
                &found,
                &folder,
                &|offset| Span::new(offset, 0).within(artifact.size()),
                suffix,
                sink,
            );
        } else if let Some(unpacked) = unpack_all(artifact, bytes, MAX_PICKLE) {
            walk(&Slice(&unpacked), Span::new(0, unpacked.len() as u64), Reading::USUAL, 1, &mut found);
            let at = member.at;
            summary.add(artifact, &found, &folder, &|_| at, suffix, sink);
        } else {
            sink.log(&format!("{} could not be unpacked: its tensors are not named", quote(&member.name)));
        }
        // A download that broke off has no directory at its end; here somebody made it so (nullifAI).
        if let Some((offset, reason)) = found.broken.filter(|_| members.whole) {
            let (name, offset) = (quote(&member.name), offset.saturating_sub(start));
            let message =
                format!("{name} breaks off at its offset {offset} ({reason}), though the archive around it is whole");
            sink.finding(
                Finding::new(&S902, message).at(member.at.offset, member.at.length).element(escape(&member.name)),
            );
        }
    }
}
