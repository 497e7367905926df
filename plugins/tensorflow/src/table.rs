//! `variables.index` and the `.index` of a checkpoint: which tensor stands where in the data files.
//!
//! The file is a LevelDB table (leveldb, doc/table_format.md): blocks of sorted keys with shared beginnings, a block that lists the
//! blocks, and a footer. Values are `BundleEntryProto` (tensorflow/core/protobuf/tensor_bundle.proto); the empty key holds the header.
//! The weights stand in files beside it, which have no structure of their own: what a reader believes of them is what is written here.
//! So shards, ranges and sizes are compared with each other; the weights themselves are another artifact.

use std::collections::{BTreeMap, BTreeSet};

use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, clip, escape, quote};
use modelaudit_protobuf::{Malformed, Message, Walker};
use modelaudit_rules::structure::S902;
use modelaudit_rules::tensors::Tally;

use crate::node::data_type;

/// Bytes of the footer: two handles, padding and the magic.
const FOOTER: u64 = 48;
const MAGIC: [u8; 8] = 0xdb47_7524_8b80_fb57u64.to_le_bytes();
/// The largest block that is read; TensorFlow writes 256 KiB.
const LARGEST_BLOCK: u64 = 32 << 20;
/// Blocks and entries that are read, far above those of real checkpoints.
const MAX_BLOCKS: usize = 100_000;
const MAX_ENTRIES: u64 = 2_000_000;
/// The longest key; names of variables take some hundred bytes.
const LONGEST_KEY: usize = 64 << 10;
/// Shards of the largest models are some thousands.
const MAX_SHARDS: u64 = 1 << 20;
/// Bytes behind a block: its compression and a checksum.
const TRAILER: u64 = 5;

/// True if the first block begins with the empty key and a header with shards and a version.
pub fn fits(head: &[u8]) -> bool {
    let [0, 0, length @ 2..=64, rest @ ..] = head else { return false };
    let Some(header) = rest.get(..usize::from(*length)) else { return false };
    let fields = modelaudit_protobuf::head::fields(header, u64::from(*length)).unwrap_or_default();
    let number = |n: u32| fields.iter().find(|f| f.number == n);
    number(1).is_some_and(|f| f.length == 0 && f.varint > 0)
        && number(3).is_some_and(|f| f.length > 0)
        && fields.iter().all(|f| f.number <= 3)
}

/// Why the walk stopped.
enum Stop {
    /// The bytes say what can't be.
    Lies(u64, String),
    /// A limit was reached, or the content can't be read.
    Limit(String),
}

impl From<Malformed> for Stop {
    fn from(error: Malformed) -> Self {
        Self::Lies(error.at, error.what)
    }
}

/// Scans an index.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    let footer = size.checked_sub(FOOTER).and_then(|at| artifact.read_exact(at, FOOTER as u32));
    let Some(footer) = footer.filter(|footer| footer.ends_with(&MAGIC)) else {
        return Err(format!("the checkpoint index of {size} bytes does not end in the footer of a table"));
    };
    let mut index = Index {
        artifact,
        walker: Walker::new(artifact),
        sink,
        shards: None,
        entries: 0,
        parameters: 0,
        dtypes: BTreeSet::new(),
        extents: Vec::new(),
        names: BTreeMap::new(),
        wrong: Tally::default(),
    };
    let result = index.walk(&footer);
    index.report();
    match result {
        Ok(()) => Ok(()),
        Err(Stop::Limit(reason)) => Err(reason),
        Err(Stop::Lies(at, what)) => {
            let finding = Finding::new(&S902, format!("the checkpoint index is malformed: {what}"));
            index.sink.finding(finding.at(at.min(size), 0));
            Err(format!("the checkpoint index was not read to its end: {what} at offset {at}"))
        }
    }
}

/// A range of a shard that an entry claims.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Extent {
    shard: u64,
    begin: u64,
    end: u64,
    value: u64,
}

struct Index<'a, 's> {
    artifact: &'a dyn Artifact,
    walker: Walker<'a>,
    sink: &'s mut dyn Sink,
    shards: Option<u64>,
    entries: u64,
    parameters: u64,
    dtypes: BTreeSet<String>,
    extents: Vec<Extent>,
    names: BTreeMap<u64, String>,
    wrong: Tally,
}

impl Index<'_, '_> {
    fn walk(&mut self, footer: &[u8]) -> Result<(), Stop> {
        let at = self.artifact.size() - FOOTER;
        let mut numbers = Numbers { bytes: footer, at: 0 };
        let mut handle = || -> Option<Span> { Some(Span::new(numbers.next()?, numbers.next()?)) };
        let (Some(_meta), Some(index)) = (handle(), handle()) else {
            return Err(Stop::Lies(at, "the footer holds no two places".to_owned()));
        };
        let block = self.block(index, at)?;
        let mut handles = Vec::new();
        entries(&block, index.offset, |_, value, at| {
            let mut numbers = Numbers { bytes: value, at: 0 };
            let (Some(offset), Some(length)) = (numbers.next(), numbers.next()) else {
                return Err(Stop::Lies(at, "a block has no place".to_owned()));
            };
            if handles.len() >= MAX_BLOCKS {
                return Err(Stop::Limit(format!(
                    "more than {MAX_BLOCKS} blocks: those from offset {at} on were not read"
                )));
            }
            handles.push((Span::new(offset, length), at));
            Ok(())
        })?;
        let mut seen = BTreeSet::new();
        for (span, at) in handles {
            if !seen.insert(span) {
                return Err(Stop::Lies(at, "a block stands twice in the list".to_owned()));
            }
            let block = self.block(span, at)?;
            entries(&block, span.offset, |key, value, at| self.entry(key, Span::new(at, value.len() as u64)))?;
        }
        Ok(())
    }

    /// The bytes of a block whose place stands at `named`.
    fn block(&self, span: Span, named: u64) -> Result<Vec<u8>, Stop> {
        let end = span.offset.checked_add(span.length).and_then(|end| end.checked_add(TRAILER));
        if end.is_none_or(|end| end > self.artifact.size()) {
            let what = format!("a block of {} bytes at {} leaves the file", span.length, span.offset);
            return Err(Stop::Lies(named, what));
        }
        if self.artifact.read(span.end(), 1) != [0] {
            return Err(Stop::Limit(format!("the block at offset {} is compressed and was not read", span.offset)));
        }
        let bytes = self.artifact.read_span(span, LARGEST_BLOCK);
        bytes.ok_or_else(|| Stop::Limit(format!("a block of {} bytes at offset {}", span.length, span.offset)))
    }

    fn entry(&mut self, key: &[u8], value: Span) -> Result<(), Stop> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(Stop::Limit(format!("more than {MAX_ENTRIES} entries: those from offset {} on", value.offset)));
        }
        if key.is_empty() {
            return self.header(value);
        }
        let (mut dtype, mut dims, mut shard, mut begin, mut length, mut sliced) = (0, Some(1u64), 0, 0, 0, false);
        let mut message = Message::over(value);
        while let Some(field) = self.walker.next(&mut message)? {
            match (field.number, field.bytes()) {
                (1, None) => dtype = field.varint().unwrap_or(0),
                (2, Some(span)) => dims = self.elements(Message::over(span))?,
                (3, None) => shard = field.varint().unwrap_or(0),
                (4, None) => begin = field.varint().unwrap_or(0),
                (5, None) => length = field.varint().unwrap_or(0),
                (7, Some(_)) => sliced = true,
                _ => {}
            }
        }
        let name = String::from_utf8_lossy(key.get(..key.len().min(256)).unwrap_or_default()).into_owned();
        let known = data_type(dtype);
        if self.dtypes.len() < 64 && dtype != 0 {
            self.dtypes.insert(known.map_or_else(|| format!("tf-{dtype}"), |(name, _)| name.to_owned()));
        }
        let end = begin.checked_add(length).filter(|end| i64::try_from(*end).is_ok());
        let Some(end) = end else {
            self.wrong.add(&name, value, || format!("stands at {begin} with {length} bytes, beyond any file"));
            return Ok(());
        };
        if self.shards.is_some_and(|shards| shard >= shards) {
            let shards = self.shards.unwrap_or_default();
            self.wrong.add(&name, value, || format!("stands in shard {shard} of {shards}"));
        }
        // A variable in slices is a list of them; each slice is an entry with bytes.
        if !sliced {
            self.parameters = self.parameters.saturating_add(dims.unwrap_or(0));
            if let Some((_, width)) = known.filter(|(_, width)| *width > 0)
                && dims.and_then(|n| n.checked_mul(width)) != Some(length)
            {
                let needed = dims.and_then(|n| n.checked_mul(width));
                let needed = needed.map_or_else(|| "more than any memory holds".to_owned(), |n| n.to_string());
                self.wrong.add(&name, value, || format!("has {length} bytes, its shape and type need {needed}"));
            }
        }
        if length > 0 {
            self.extents.push(Extent { shard, begin, end, value: value.offset });
            if self.names.len() < 10_000 {
                self.names.insert(value.offset, name);
            }
        }
        Ok(())
    }

    /// Number of elements of a `TensorShapeProto`; None if it overflows or is not known.
    fn elements(&mut self, mut message: Message) -> Result<Option<u64>, Stop> {
        let mut elements = Some(1u64);
        while let Some(field) = self.walker.next(&mut message)? {
            let (2, Some(span)) = (field.number, field.bytes()) else { continue };
            let (mut dim, mut size) = (Message::over(span), 0);
            while let Some(part) = self.walker.next(&mut dim)? {
                if part.number == 1 {
                    size = part.varint().unwrap_or(0);
                }
            }
            elements = elements.filter(|_| i64::try_from(size).is_ok()).and_then(|n| n.checked_mul(size));
        }
        Ok(elements)
    }

    /// `BundleHeaderProto`: num_shards 1, endianness 2, version 3.
    fn header(&mut self, value: Span) -> Result<(), Stop> {
        let (mut shards, mut big) = (0, false);
        let mut message = Message::over(value);
        while let Some(field) = self.walker.next(&mut message)? {
            match field.number {
                1 => shards = field.varint().unwrap_or(0),
                2 => big = field.varint() == Some(1),
                _ => {}
            }
        }
        if shards == 0 || shards > MAX_SHARDS {
            return Err(Stop::Lies(value.offset, format!("the header announces {shards} shards")));
        }
        self.shards = Some(shards);
        self.sink.fact_number("shard_count", shards);
        self.sink.fact_text("byte_order", if big { "big" } else { "little" });
        Ok(())
    }

    fn report(&mut self) {
        self.extents.sort_unstable();
        let mut before: Option<Extent> = None;
        let mut shared = Tally::default();
        for extent in &self.extents {
            if let Some(before) = before.filter(|b| b.shard == extent.shard && extent.begin < b.end) {
                let name = self.names.get(&extent.value).map_or("", String::as_str);
                let other = self.names.get(&before.value).map_or("", String::as_str);
                shared.add(name, Span::new(extent.value, 0), || format!("shares bytes with {}", quote(other)));
            }
            before = before.filter(|b| b.shard == extent.shard && b.end > extent.end).or(Some(*extent));
        }
        self.wrong.report(&S902, None, "variable", self.sink);
        shared.report(&S902, None, "variable", self.sink);
        self.missing();
        self.sink.fact_text("framework", "tensorflow");
        self.sink.fact_number("tensor_count", self.entries.saturating_sub(1));
        self.sink.fact_number("parameters", self.parameters);
        let dtypes: Vec<&String> = self.dtypes.iter().collect();
        self.sink.fact_list("dtypes", &dtypes);
    }

    /// Says which data files are not beside the index. Somebody may have fetched the index alone: a fact, no alarm.
    fn missing(&mut self) {
        let siblings = self.artifact.siblings();
        let name = self.artifact.name();
        let base = name.rsplit('/').next().unwrap_or_default();
        let (Some(stem), Some(shards)) = (base.strip_suffix(".index"), self.shards) else { return };
        let beside = |name: &str| siblings.iter().any(|s| s.rsplit('/').next() == Some(name));
        let wanted = (0..shards.min(10_000)).map(|shard| format!("{stem}.data-{shard:05}-of-{shards:05}"));
        let missing: Vec<String> = wanted.filter(|name| !beside(name)).collect();
        if let Some(first) = missing.first().filter(|_| !siblings.is_empty()) {
            let message = format!(
                "{} of {shards} data files are not beside the index, the first is {}",
                missing.len(),
                quote(first)
            );
            let names: Vec<String> = missing.iter().take(10).map(|m| clip(&escape(m), 120)).collect();
            let finding = Finding::new(&S902, message).severity(Severity::Info);
            self.sink.finding(finding.detail("missing", names.join(", ")));
        }
    }
}

/// Goes over the entries of a block at `offset`: key, value and the value's place in the file.
fn entries(block: &[u8], offset: u64, mut each: impl FnMut(&[u8], &[u8], u64) -> Result<(), Stop>) -> Result<(), Stop> {
    let lies = |at: usize, what: &str| Err(Stop::Lies(offset.saturating_add(at as u64), what.to_owned()));
    // Places where a key stands whole, four bytes each, and their number close the block.
    let restarts = block.last_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes) as usize);
    let end = restarts.and_then(|n| n.checked_mul(4)?.checked_add(4)).and_then(|tail| block.len().checked_sub(tail));
    let Some(end) = end else { return lies(0, "a block is shorter than its list of restarts") };
    let body = block.get(..end).unwrap_or_default();
    let mut numbers = Numbers { bytes: body, at: 0 };
    let mut key = Vec::new();
    while numbers.at < end {
        let at = numbers.at;
        let (Some(shared), Some(own), Some(length)) = (numbers.next(), numbers.next(), numbers.next()) else {
            return lies(at, "an entry is cut off");
        };
        let range = |start: usize, length: u64| start.checked_add(usize::try_from(length).ok()?).filter(|e| *e <= end);
        let Some(behind) = range(numbers.at, own) else { return lies(at, "a key leaves its block") };
        let Some(next) = range(behind, length) else { return lies(at, "a value leaves its block") };
        if shared > key.len() as u64 || own > LONGEST_KEY as u64 || shared + own > LONGEST_KEY as u64 {
            return lies(at, "a key shares more with the one before than that has");
        }
        key.truncate(shared as usize);
        key.extend_from_slice(body.get(numbers.at..behind).unwrap_or_default());
        let value = body.get(behind..next).unwrap_or_default();
        each(&key, value, offset.saturating_add(behind as u64))?;
        numbers.at = next;
    }
    Ok(())
}

/// Reads varints.
struct Numbers<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Numbers<'_> {
    fn next(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for index in 0..10u32 {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f).checked_shl(7 * index).unwrap_or(0);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}
