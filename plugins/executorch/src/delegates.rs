//! Delegates: which backends get which bytes, with which options.

use std::collections::{BTreeMap, BTreeSet};

use modelaudit_flatbuffer::{Defect, Table, Vector};
use modelaudit_metadata_text::libraries::{Place, library};
use modelaudit_metadata_text::{finding, judge};
use modelaudit_plugin::{Finding, Severity, Sink, Span, quote};
use modelaudit_rules::deployment::S1170;

use crate::known::{self, Backend};
use crate::program::{MAX_NAMES, Parts, Walk, bytes_of};
use crate::schema::{delegate, program};
use crate::segments::Segments;

/// Bytes of an option that are looked at, and of all options.
const MAX_OPTION: u32 = 64 << 10;
const MAX_OPTIONS: u64 = 16 << 20;
/// Shorter runs of text are chance.
const SHORTEST_TEXT: usize = 8;
/// Findings on options.
const MAX_FINDINGS: usize = 20;

/// The delegates of all methods.
pub struct Delegates {
    inline: Vector,
    backends: BTreeMap<String, (u64, Span)>,
    count: u64,
    texts: BTreeSet<String>,
    options: u64,
    findings: Vec<Finding>,
}

impl Delegates {
    /// Reads where their data stand in the FlatBuffer.
    pub fn new(walk: &mut Walk<'_, '_>, root: &Table) -> Result<Self, Defect> {
        Ok(Self {
            inline: walk.file.vector(root, program::DELEGATE_DATA, 4)?.unwrap_or_default(),
            backends: BTreeMap::new(),
            count: 0,
            texts: BTreeSet::new(),
            options: 0,
            findings: Vec::new(),
        })
    }

    /// Reads one delegate and hands its data on.
    pub fn read(
        &mut self,
        walk: &mut Walk<'_, '_>,
        table: &Table,
        segments: &Segments,
        parts: &mut Parts,
    ) -> Result<(), Defect> {
        let id = walk.name(table, delegate::ID)?;
        let number = self.count;
        self.count += 1;
        if self.backends.len() < MAX_NAMES || self.backends.contains_key(&id) {
            let (uses, _) = self.backends.entry(id.clone()).or_insert((0, Span::new(table.at, 4)));
            *uses += 1;
        }
        if let Some(place) = walk.file.child(table, delegate::PROCESSED)? {
            let segment = walk.file.u8(&place, delegate::LOCATION)?.unwrap_or(0) != 0;
            let index = u64::from(walk.file.u32(&place, delegate::INDEX)?.unwrap_or(0));
            let (count, what) = if segment { (segments.count(), "segment") } else { (self.inline.count, "data") };
            let mut data = None;
            if index >= count {
                let at = Span::new(place.at, 4);
                walk.indexes.add("BackendDelegate", at, || format!("names {what} {index} of {count}"));
            } else if segment {
                parts.mark(index);
                data = segments.get(index);
            } else {
                let inline = self.inline;
                data = Some(bytes_of(walk, &inline, index)?);
            }
            if let Some(data) = data {
                parts.hand_on(&format!("delegates/{number}-{id}"), data, walk.sink);
            }
        }
        let specs = walk.list(table, delegate::SPECS, 4)?;
        for index in 0..specs.count {
            let spec = walk.file.element(&specs, index)?;
            let key = walk.name(&spec, delegate::KEY)?;
            if let Some(value) = walk.file.string(&spec, delegate::VALUE)? {
                self.option(walk, &id, &key, value);
            }
        }
        Ok(())
    }

    /// An option is bytes that the backend understands: numbers, texts, JSON, FlatBuffers. Qualcomm's names the library that is loaded.
    fn option(&mut self, walk: &mut Walk<'_, '_>, id: &str, key: &str, value: Span) {
        if self.options >= MAX_OPTIONS || self.findings.len() >= MAX_FINDINGS {
            return;
        }
        self.options += value.length.min(u64::from(MAX_OPTION));
        let text = walk.file.text(value, MAX_OPTION);
        let printable = |c: char| !c.is_control() && c != char::REPLACEMENT_CHARACTER || matches!(c, '\n' | '\t');
        for run in text.split(|c| !printable(c)).filter(|run| run.len() >= SHORTEST_TEXT) {
            if self.texts.contains(run) {
                continue;
            }
            let place = format!("the option {} of delegate {}", quote(key), quote(id));
            let found = library(run).filter(|found| matches!(found.place, Place::Writable | Place::Outside));
            if let Some(found) = found {
                let message =
                    format!("{place} names the library {}, which {}", quote(found.path), found.place.reason());
                let finding = Finding::new(&S1170, message).at(value.offset, value.length).element(id.to_owned());
                self.findings.push(finding.detail("library", modelaudit_metadata_text::label(found.path)));
            } else if let Some(found) = judge(run) {
                self.findings.push(finding(&place, &found).at(value.offset, value.length).element(id.to_owned()));
            } else {
                continue;
            }
            self.texts.insert(run.to_owned());
        }
    }

    /// Reports each backend once.
    pub fn report(self, sink: &mut dyn Sink) {
        let names: Vec<&String> = self.backends.keys().collect();
        sink.fact_list("delegates", &names);
        sink.fact_number("delegate_count", self.count);
        for (id, (uses, at)) in &self.backends {
            let (severity, what) = match known::backend(id) {
                Backend::Known => (Severity::Info, "is handed bytes of the file"),
                Backend::LoadsLibrary => (Severity::Warning, "loads a native library that comes with the program"),
                Backend::Unknown => {
                    (Severity::Warning, "is of no backend that is known, and is handed bytes of the file")
                }
            };
            let finding = Finding::new(&S1170, format!("delegate {} {what}", quote(id))).severity(severity);
            sink.finding(finding.at(at.offset, at.length).element(id.clone()).detail("uses", uses.to_string()));
        }
        for finding in self.findings {
            sink.finding(finding);
        }
    }
}
