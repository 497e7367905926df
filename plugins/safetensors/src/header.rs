//! The JSON header, read as a stream: entries, metadata, and everything in them that no writer produces.
//!
//! The loader (`SafeTensors::read_metadata` in huggingface/safetensors) deserialises the header with serde_json into a map of
//! `{dtype, shape, data_offsets}` and a map of strings, then checks sizes and tiling. It is the strictest reader; others
//! (C++, JavaScript, mlx, candle, hand-written Python) check less, so every rule it has is checked here.

use modelaudit_json::{DefectKind, Error, Event, Limits, Parser};
use modelaudit_plugin::{Artifact, Finding, Reader, Severity, Sink, Span, Tensor, clip, escape, quote};
use modelaudit_rules::structure::{S902, S905, S910};
use modelaudit_rules::tensors::Tally;

use crate::dtype::{self, Dtype};
use crate::metadata;

/// Tensors whose ranges are kept; the largest real models have some 100,000. Each takes 24 bytes.
const MAX_TENSORS: usize = 2_000_000;
/// Dimensions of one shape; torch and numpy stop at 64.
const MAX_DIMENSIONS: usize = 4096;
/// Metadata strings longer than this are looked at to here. Thumbnails have some 100 KB.
const METADATA_TEXT: usize = 16 << 20;
/// Names that a tensor of any framework has; longer ones are cut in what is handed on.
const NAME_SHOWN: usize = 1024;
/// Metadata findings of one file.
const MAX_METADATA_FINDINGS: u64 = 20;

/// Metadata keys that become facts. Source: the modelspec (Stability AI), kohya's and diffusers' writers.
const FACTS: &[(&str, &str)] = &[
    ("format", "metadata_format"),
    ("modelspec.architecture", "architecture"),
    ("modelspec.title", "title"),
    ("modelspec.author", "author"),
    ("modelspec.license", "license"),
    ("modelspec.description", "description"),
    ("modelspec.implementation", "implementation"),
    ("author", "author"),
    ("description", "description"),
    ("ss_base_model_version", "base_model"),
    ("license", "license"),
    ("producer", "producer"),
];

/// Values of the key `format`, which tells readers whose tensors these are (safetensors' own writers).
const FRAMEWORKS: &[(&str, &str)] =
    &[("pt", "pytorch"), ("tf", "tensorflow"), ("flax", "flax"), ("np", "numpy"), ("mlx", "mlx"), ("paddle", "paddle")];

/// Where the bytes of one tensor lie, relative to the data section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extent {
    /// First byte.
    pub begin: u64,
    /// The byte after the last.
    pub end: u64,
    /// Offset of the entry's key in the file, to name it.
    pub key: u64,
}

/// What the header says.
#[derive(Default)]
pub struct Header {
    /// The ranges of all well-formed entries.
    pub extents: Vec<Extent>,
    /// Entries in all.
    pub tensors: u64,
    /// Elements of all tensors.
    pub parameters: u64,
    /// True if a tensor's key stands twice; then overlaps are no news.
    pub duplicates: bool,
    /// True if an entry does not say where its bytes are; then bytes that no tensor claims are no news.
    pub unplaced: bool,
    /// Where the document ends, if it is complete.
    pub end: Option<u64>,
    /// Offset of what follows the document inside the header, if it is not white space.
    pub trailing: Option<u64>,
    /// Why it could not be read to its end.
    pub error: Option<Error>,
    /// True if it looked like a safetensors header at all: an object with a metadata map or a tensor entry.
    pub recognised: bool,
    dtypes: Vec<String>,
    metadata_keys: Vec<String>,
    metadata_findings: u64,
    facts: Vec<(&'static str, String)>,
    entries: Tally,
    sizes: Tally,
    reversed: Tally,
    unknown_dtypes: Tally,
    newer_dtypes: Tally,
    extra_keys: Tally,
    names: Tally,
    not_text: Tally,
}

/// One tensor entry as it is read.
#[derive(Default)]
struct Entry {
    dtype: Option<String>,
    shape: Option<Vec<u64>>,
    offsets: Option<(u64, u64)>,
    wrong: Option<String>,
}

impl Header {
    /// Reads the header from `span`; tensors are named to the sink with ranges from `data` on.
    pub fn read(artifact: &dyn Artifact, span: Span, data: u64, sink: &mut dyn Sink) -> Self {
        let mut header = Self::default();
        let limits = Limits { text: METADATA_TEXT, keys: 1 << 21, ..Limits::default() };
        let mut parser = Parser::with_limits(Reader::over(artifact, span), limits);
        match header.document(&mut parser, artifact.size(), data, sink) {
            Ok(()) => {
                header.end = Some(parser.position());
                header.trailing = parser.rest();
            }
            Err(error) => header.error = Some(error),
        }
        header.defects(&parser, sink);
        header
    }

    fn document(&mut self, parser: &mut Parser<'_>, size: u64, data: u64, sink: &mut dyn Sink) -> Result<(), Error> {
        match parser.event()? {
            Some(Event::BeginObject(_)) => {}
            _ => return Ok(()),
        }
        loop {
            let (name, at) = match parser.event()? {
                Some(Event::Key(key)) => (clip(key.value, NAME_SHOWN), key.at),
                _ => return Ok(()),
            };
            if name == "__metadata__" {
                self.metadata(parser, at, sink)?;
            } else {
                let entry = self.entry(parser, &name)?;
                self.tensor(&name, at, entry, size, data, sink);
            }
        }
    }

    /// Reads the value of `__metadata__`: a map of strings, or null.
    fn metadata(&mut self, parser: &mut Parser<'_>, at: Span, sink: &mut dyn Sink) -> Result<(), Error> {
        let depth = parser.depth();
        match parser.event()? {
            Some(Event::BeginObject(_)) => self.recognised = true,
            Some(Event::Null(_)) => return Ok(()),
            Some(Event::BeginArray(_)) => {
                self.not_text.add("__metadata__", at, || "is a list, the format demands a map of strings".to_owned());
                return leave(parser, depth);
            }
            _ => {
                self.not_text.add("__metadata__", at, || "is not a map of strings".to_owned());
                return Ok(());
            }
        }
        while let Some(Event::Key(key)) = parser.event()? {
            let (name, at) = (clip(key.value, NAME_SHOWN), key.at);
            self.metadata_sign(&name, key.value, at, sink);
            if self.metadata_keys.len() < 200 {
                self.metadata_keys.push(clip(&escape(&name), 120));
            }
            let inner = parser.depth();
            let wrong = match parser.event()? {
                Some(Event::String(text)) => {
                    self.metadata_sign(&name, text.value, text.at, sink);
                    if let Some((_, framework)) =
                        FRAMEWORKS.iter().find(|(known, _)| name == "format" && *known == text.value)
                        && !self.facts.iter().any(|(known, _)| *known == "framework")
                    {
                        self.facts.push(("framework", (*framework).to_owned()));
                    }
                    if let Some((_, fact)) = FACTS.iter().find(|(known, _)| *known == name)
                        && !self.facts.iter().any(|(known, _)| known == fact)
                    {
                        self.facts.push((fact, clip(&escape(text.value), 500)));
                    }
                    if text.truncated {
                        sink.log(&format!(
                            "metadata {} is looked at for its first {METADATA_TEXT} bytes",
                            quote(&name)
                        ));
                    }
                    continue;
                }
                Some(Event::BeginObject(_)) => "is a map, metadata values are strings",
                Some(Event::BeginArray(_)) => "is a list, metadata values are strings",
                Some(Event::Number(_)) => "is a number, metadata values are strings",
                _ => "is not a string, as metadata values are",
            };
            self.not_text.add(&name, at, || wrong.to_owned());
            leave(parser, inner)?;
        }
        Ok(())
    }

    fn metadata_sign(&mut self, key: &str, text: &str, at: Span, sink: &mut dyn Sink) {
        let Some(sign) = metadata::inspect(text) else { return };
        self.metadata_findings += 1;
        if self.metadata_findings > MAX_METADATA_FINDINGS {
            return;
        }
        let around = text.get(floor(text, sign.offset.saturating_sub(20))..).unwrap_or_default();
        let message = format!("metadata {} holds {} ({}): {}", quote(key), sign.kind.title(), sign.name, quote(around));
        let finding = Finding::new(&S905, message)
            .at(at.offset, at.length)
            .element(clip(&escape(key), 120))
            .detail("pattern", sign.name)
            .detail("excerpt", clip(&escape(around), 300));
        sink.finding(finding);
    }

    /// Reads one entry's value; what is wrong with it is said in the entry.
    fn entry(&mut self, parser: &mut Parser<'_>, name: &str) -> Result<Entry, Error> {
        let mut entry = Entry::default();
        let depth = parser.depth();
        match parser.event()? {
            Some(Event::BeginObject(_)) => {}
            _ => {
                entry.wrong = Some("is not a map of dtype, shape and data_offsets".to_owned());
                leave(parser, depth)?;
                return Ok(entry);
            }
        }
        let inner = parser.depth();
        while let Some(Event::Key(key)) = parser.event()? {
            let wrong = match key.value {
                "dtype" => match parser.event()? {
                    Some(Event::String(text)) => {
                        entry.dtype = Some(clip(text.value, 64));
                        None
                    }
                    _ => Some("has a dtype that is not a string"),
                },
                "shape" => {
                    entry.shape = integers(parser, MAX_DIMENSIONS)?;
                    if entry.shape.is_none() {
                        Some("has a shape that is not a list of non-negative integers")
                    } else {
                        None
                    }
                }
                "data_offsets" => {
                    entry.offsets = match integers(parser, 3)?.as_deref() {
                        Some([begin, end]) => Some((*begin, *end)),
                        _ => None,
                    };
                    if entry.offsets.is_none() {
                        Some("has data_offsets that are not two non-negative integers")
                    } else {
                        None
                    }
                }
                other => {
                    let (shown, at) = (quote(other), key.at);
                    self.extra_keys.add(name, at, || format!("has the key {shown}, which the format does not know"));
                    parser.event()?;
                    None
                }
            };
            leave(parser, inner)?;
            if let Some(wrong) = wrong {
                entry.wrong.get_or_insert_with(|| wrong.to_owned());
            }
        }
        Ok(entry)
    }

    fn tensor(&mut self, name: &str, at: Span, entry: Entry, size: u64, data: u64, sink: &mut dyn Sink) {
        self.tensors += 1;
        if let Some(sign) = suspicious_name(name) {
            self.names.add(name, at, || sign.to_owned());
        }
        let (Some(dtype), Some(shape), Some((begin, end)), None) =
            (&entry.dtype, &entry.shape, entry.offsets, &entry.wrong)
        else {
            let wrong = entry.wrong.as_deref().unwrap_or("lacks dtype, shape or data_offsets");
            self.entries.add(name, at, || wrong.to_owned());
            match entry.offsets.filter(|(begin, end)| begin <= end) {
                Some((begin, end)) => self.place(begin, end, at.offset),
                None => self.unplaced = true,
            }
            return;
        };
        self.recognised = true;
        self.parameters = self.parameters.saturating_add(dtype::elements(shape).unwrap_or(0));
        let kind = Dtype::of(dtype);
        if self.dtypes.len() < 64 && !self.dtypes.iter().any(|d| d.eq_ignore_ascii_case(dtype)) {
            self.dtypes.push(clip(&escape(&dtype.to_ascii_lowercase()), 32));
        }
        if end < begin {
            self.reversed.add(name, at, || format!("ends at {end} before it begins at {begin}"));
            self.unplaced = true;
            return;
        }
        let wanted = kind.bits().and_then(|bits| dtype::size(shape, bits));
        match (kind, wanted) {
            (Dtype::Unknown, _) => {
                self.unknown_dtypes.add(name, at, || format!("has the dtype {}, which does not exist", quote(dtype)))
            }
            (_, Some(wanted)) if wanted == end - begin => {
                if matches!(kind, Dtype::Plausible(_)) {
                    self.newer_dtypes
                        .add(name, at, || format!("has the dtype {}, which this version does not know", quote(dtype)));
                }
            }
            (Dtype::Plausible(_), _) => {
                self.unknown_dtypes
                    .add(name, at, || format!("has the dtype {}, which does not fit its size", quote(dtype)));
            }
            (_, Some(wanted)) => self.sizes.add(name, at, || {
                format!(
                    "takes {} bytes in the file, its dtype {dtype} and shape {} say {wanted}",
                    end - begin,
                    shown(shape)
                )
            }),
            (_, None) => self.sizes.add(name, at, || {
                format!("has a shape {} whose size in bytes of dtype {dtype} can't be computed", shown(shape))
            }),
        }
        self.place(begin, end, at.offset);
        let range = data.checked_add(begin).map(|offset| Span::new(offset, end - begin));
        if let Some(range) = range.filter(|r| r.offset.checked_add(r.length).is_some_and(|e| e <= size)) {
            sink.tensor(Tensor {
                name: escape(name),
                dtype: escape(&dtype.to_ascii_lowercase()),
                shape: shape.clone(),
                at: range,
            });
        }
    }

    fn place(&mut self, begin: u64, end: u64, key: u64) {
        if self.extents.len() < MAX_TENSORS {
            self.extents.push(Extent { begin, end, key });
        }
    }

    /// Reports where the JSON left the standard: the loader refuses or readers differ.
    fn defects(&mut self, parser: &Parser<'_>, sink: &mut dyn Sink) {
        let mut kinds: Vec<(&'static str, u64, u64, String)> = Vec::new();
        for defect in parser.defects() {
            let kind = match defect.kind {
                DefectKind::DuplicateKey(_) => {
                    self.duplicates = true;
                    "duplicate_key"
                }
                DefectKind::InvalidUtf8 => "invalid_utf8",
                DefectKind::LoneSurrogate => "lone_surrogate",
                DefectKind::ControlCharacter => "control_character",
                DefectKind::NotFinite => "not_finite",
                DefectKind::ByteOrderMark => "byte_order_mark",
            };
            match kinds.iter_mut().find(|k| k.0 == kind) {
                Some(known) => known.1 += 1,
                None => kinds.push((kind, 1, defect.offset, defect.to_string())),
            }
        }
        for (kind, count, offset, text) in kinds {
            let rule = if kind == "duplicate_key" { &S910 } else { &S902 };
            let why = if kind == "duplicate_key" {
                "readers keep the first or the last"
            } else {
                "loaders refuse or replace it"
            };
            let finding = Finding::new(rule, format!("in the header, {text}: {why}")).at(offset, 1);
            sink.finding(finding.detail("defect", kind).detail("count", count.to_string()));
        }
    }

    /// Reports what was tallied, and the facts.
    pub fn report(&self, sink: &mut dyn Sink) {
        self.entries.report(&S902, None, "tensor", sink);
        self.sizes.report(&S902, None, "tensor", sink);
        self.reversed.report(&S902, None, "tensor", sink);
        self.unknown_dtypes.report(&S902, None, "tensor", sink);
        self.newer_dtypes.report(&S902, Some(Severity::Info), "tensor", sink);
        self.extra_keys.report(&S902, Some(Severity::Info), "tensor", sink);
        self.names.report(&S905, None, "tensor name", sink);
        self.not_text.report(&S902, None, "metadata", sink);
        if self.tensors > MAX_TENSORS as u64 {
            sink.incomplete(&format!("more than {MAX_TENSORS} tensors: the layout of the others was not checked"));
        }
        if self.metadata_findings > MAX_METADATA_FINDINGS {
            sink.log(&format!("{} more suspicious metadata values", self.metadata_findings - MAX_METADATA_FINDINGS));
        }
        sink.fact_number("tensor_count", self.tensors);
        sink.fact_number("parameters", self.parameters);
        sink.fact_list("dtypes", &self.dtypes);
        if !self.metadata_keys.is_empty() {
            sink.fact_list("metadata_keys", &self.metadata_keys);
        }
        for (key, value) in &self.facts {
            sink.fact_text(key, value);
        }
    }
}

/// Goes on until the parser is back at `depth`: over the rest of a value that began.
fn leave(parser: &mut Parser<'_>, depth: usize) -> Result<(), Error> {
    while parser.depth() > depth {
        if parser.event()?.is_none() {
            break;
        }
    }
    Ok(())
}

/// A list of at most `limit` non-negative integers; None for anything else, which is gone over.
fn integers(parser: &mut Parser<'_>, limit: usize) -> Result<Option<Vec<u64>>, Error> {
    let depth = parser.depth();
    if !matches!(parser.event()?, Some(Event::BeginArray(_))) {
        leave(parser, depth)?;
        return Ok(None);
    }
    let mut values = Vec::new();
    loop {
        let value = match parser.event()? {
            Some(Event::Number(number)) => number.as_u64(),
            Some(Event::EndArray(_)) => return Ok(Some(values)),
            _ => None,
        };
        match value {
            Some(value) if values.len() < limit => values.push(value),
            _ => {
                leave(parser, depth)?;
                return Ok(None);
            }
        }
    }
}

/// What is wrong with a name: tools that write one file a tensor join it to a path. `/` alone is normal (Keras, JAX, ONNX).
fn suspicious_name(name: &str) -> Option<&'static str> {
    if name.split(['/', '\\']).any(|part| part == "..") {
        return Some("holds '..' as a path component");
    }
    if name.chars().any(|c| (c as u32) < 0x20) {
        return Some("holds control characters");
    }
    metadata::inspect(name).map(|_| "holds code or markup")
}

fn shown(shape: &[u64]) -> String {
    let mut text: Vec<String> = shape.iter().take(8).map(u64::to_string).collect();
    if shape.len() > 8 {
        text.push("...".to_owned());
    }
    format!("[{}]", text.join(", "))
}

/// The greatest character boundary that is at most `index`.
fn floor(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}
