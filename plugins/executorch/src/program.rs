//! The walk over a program: segments, constants, methods, delegates, named data.

use std::collections::BTreeSet;

use modelaudit_flatbuffer::{Defect, Flatbuffer, Table, Vector};
use modelaudit_plugin::{Artifact, Finding, Sink, Span, clip, escape};
use modelaudit_rules::deployment::S1172;
use modelaudit_rules::tensors::Tally;

use crate::delegates::Delegates;
use crate::front::Front;
use crate::plan::Plans;
use crate::schema::{self, named, program};
use crate::segments::{Layout, Segments};
use crate::tensors::Constants;

/// Limits far above real programs, which have some dozen methods and some hundred thousand values.
pub const MAX_LIST: u64 = 1_000_000;
/// Values, instructions, arguments and dimensions that are looked at.
const MAX_WORK: u64 = 8_000_000;
/// Parts handed on as files of their own.
const MAX_PARTS: usize = 50_000;
/// Names of a list that go into the facts.
pub const MAX_NAMES: usize = 500;

/// What all parts of the walk share.
pub struct Walk<'a, 's> {
    /// The file.
    pub file: Flatbuffer<'a>,
    /// Where findings go.
    pub sink: &'s mut dyn Sink,
    /// Indexes that name nothing.
    pub indexes: Tally,
    /// Set if the header asks for more bytes than are there: what leads outside is no attack then.
    pub cut: bool,
    work: u64,
}

impl<'a, 's> Walk<'a, 's> {
    /// A walk over an artifact.
    pub fn new(artifact: &'a dyn Artifact, sink: &'s mut dyn Sink) -> Self {
        Self { file: Flatbuffer::new(artifact), sink, indexes: Tally::default(), cut: false, work: 0 }
    }

    /// A vector whose elements are looked at one by one: the same table may be named many times by a small file, so work is counted.
    pub fn list(&mut self, table: &Table, slot: u64, width: u64) -> Result<Vector, Defect> {
        let vector = self.file.vector(table, slot, width)?.unwrap_or_default();
        self.work = self.work.saturating_add(vector.count).saturating_add(1);
        if self.work > MAX_WORK {
            return Err(Defect {
                at: vector.at,
                what: format!("more than {MAX_WORK} values, instructions and indexes"),
            });
        }
        Ok(vector)
    }

    /// A name out of the file, made fit for messages.
    pub fn name(&mut self, table: &Table, slot: u64) -> Result<String, Defect> {
        let span = self.file.string(table, slot)?;
        Ok(span.map_or_else(String::new, |span| clip(&escape(&self.file.text(span, 1024)), 256)))
    }

    /// Ends the walk: the error, if there was one, is a finding and leaves the file incomplete.
    pub fn finish(self, result: Result<(), Defect>) -> Result<(), String> {
        self.indexes.report(&S1172, None, "table", self.sink);
        let Err(defect) = result else { return Ok(()) };
        if self.cut {
            return Err(format!("the program was not read to its end: {defect}"));
        }
        let finding = Finding::new(&S1172, format!("the program is malformed: {}", defect.what));
        self.sink.finding(finding.at(defect.at.min(self.file.size()), 0));
        Err(format!("the program was not read to its end: {defect}"))
    }
}

/// Scans a program.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    let mut layout = Layout { flatbuffer: size, base: 0, data: 0 };
    let mut cut = false;
    // schema/extended_header.cpp: the third number came with release 0.7.
    match Layout::read(artifact, b"eh00", 24, 3) {
        Ok(Some(numbers)) => {
            let mut numbers = numbers.into_iter();
            layout.flatbuffer = numbers.next().unwrap_or(size);
            layout.base = numbers.next().unwrap_or(0);
            layout.data = numbers.next().unwrap_or(0);
            cut = layout.check(size, sink);
        }
        Ok(None) => {}
        Err(reason) if size < 32 => return Err(reason),
        Err(reason) => {
            sink.finding(Finding::new(&S1172, reason.clone()).at(8, 8));
            return Err(reason);
        }
    }
    let front = Front::new(artifact, layout.flatbuffer);
    let mut walk = Walk::new(&front, sink);
    walk.cut = cut;
    let result = parts(artifact, layout, &mut walk);
    walk.finish(result)
}

fn parts(artifact: &dyn Artifact, layout: Layout, walk: &mut Walk<'_, '_>) -> Result<(), Defect> {
    let root = walk.file.root()?;
    let version = walk.file.u32(&root, program::VERSION)?.unwrap_or(0);
    walk.sink.fact_number("format_version", u64::from(version));
    let segments = Segments::read(walk, artifact.size(), &root, program::SEGMENTS, layout)?;
    walk.sink.fact_number("segment_count", segments.count());
    if segments.cut {
        walk.sink.incomplete("the file ends early: segments lie behind its end");
    }
    let mut parts = Parts { used: vec![false; segments.spans.len()], handed: BTreeSet::new(), full: false };
    let constants = Constants::read(walk, &root, &segments, &mut parts)?;
    // What follows may break off; what is handed on and what is hidden is not to be lost by it.
    let named = named_data(walk, &root, &segments, &mut parts);
    let mut delegates = Delegates::new(walk, &root)?;
    let mut plans = Plans::new(constants);
    let walked = plans.walk(walk, &root, &segments, &mut delegates, &mut parts);
    plans.report(walk.sink);
    delegates.report(walk.sink);
    for (index, span) in segments.spans.iter().enumerate() {
        if let (Some(span), Some(false)) = (span, parts.used.get(index)) {
            parts.hand_on(&format!("segments/{index}"), *span, walk.sink);
        }
    }
    if parts.full {
        walk.sink.incomplete(&format!("more than {MAX_PARTS} segments: the rest was not handed on"));
    }
    segments.gaps(artifact, layout, walk.sink);
    named.and(walked)
}

/// What became of the segments.
pub struct Parts {
    used: Vec<bool>,
    handed: BTreeSet<Span>,
    full: bool,
}

impl Parts {
    /// Marks a segment as one that something of the program names.
    pub fn mark(&mut self, index: u64) {
        if let Some(used) = usize::try_from(index).ok().and_then(|index| self.used.get_mut(index)) {
            *used = true;
        }
    }

    /// Hands a part on, once.
    pub fn hand_on(&mut self, name: &str, span: Span, sink: &mut dyn Sink) {
        if span.length == 0 {
            return;
        }
        if self.handed.len() >= MAX_PARTS {
            self.full = true;
        } else if self.handed.insert(span) {
            sink.embed(name, span, "");
        }
    }
}

/// Blobs by name, which delegates ask for: weights, or a whole library.
fn named_data(walk: &mut Walk<'_, '_>, root: &Table, segments: &Segments, parts: &mut Parts) -> Result<(), Defect> {
    let list = walk.list(root, program::NAMED_DATA, 4)?;
    if list.count > MAX_LIST {
        return Err(Defect { at: list.at, what: format!("{} named blobs", list.count) });
    }
    let mut names = Vec::new();
    for index in 0..list.count {
        let entry = walk.file.element(&list, index)?;
        let key = walk.name(&entry, named::KEY)?;
        let segment = u64::from(walk.file.u32(&entry, named::SEGMENT)?.unwrap_or(0));
        parts.mark(segment);
        match segments.get(segment) {
            Some(span) => parts.hand_on(&format!("named_data/{key}"), span, walk.sink),
            None if segment >= segments.count() => {
                let at = Span::new(entry.at, 4);
                walk.indexes.add("NamedData", at, || format!("names segment {segment} of {}", segments.count()));
            }
            None => {}
        }
        if names.len() < MAX_NAMES {
            names.push(key);
        }
    }
    if list.count > 0 {
        walk.sink.fact_number("named_data_count", list.count);
        walk.sink.fact_list("named_data", &names);
    }
    Ok(())
}

/// The bytes of a table that holds nothing else (`Buffer`, `BackendDelegateInlineData`).
pub fn bytes_of(walk: &mut Walk<'_, '_>, list: &Vector, index: u64) -> Result<Span, Defect> {
    let table = walk.file.element(list, index)?;
    Ok(walk.file.vector(&table, schema::BYTES, 1)?.map_or(Span::default(), |vector| vector.span()))
}
