//! The walk over a model's tables.

use std::collections::BTreeSet;

use modelaudit_call_graph::cycle;
use modelaudit_flatbuffer::{Defect, Flatbuffer, Table, Vector};
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, Tensor, clip, escape};
use modelaudit_rules::frameworks::S1119;
use modelaudit_rules::tensors::Tally;

use crate::operators::Custom;
use crate::schema::{self, buffer, code, metadata, model, operator, subgraph, tensor};
use crate::{builtin, tail};

/// Limits far above real models, which have some thousand operators and tensors and some hundred subgraphs.
const MAX_CODES: u64 = 65_536;
const MAX_BUFFERS: u64 = 1_000_000;
const MAX_SUBGRAPHS: u64 = 10_000;
const MAX_ELEMENTS: u64 = 1_000_000;
/// Tensors handed to the host.
const MAX_NAMED: u64 = 100_000;
/// Dimensions that are read; kernels take 8.
const MAX_RANK: u64 = 64;
/// A FlatBuffer's offsets reach 2 GiB: bytes that lie further out were never there.
const REACH: u64 = 1 << 31;

/// An operator code.
struct Code {
    builtin: i32,
    custom: Option<usize>,
}

/// A walk under way.
pub struct Scan<'a, 's> {
    /// The bytes.
    pub artifact: &'a dyn Artifact,
    /// Goes over the tables.
    pub file: Flatbuffer<'a>,
    /// Takes what is found.
    pub sink: &'s mut dyn Sink,
    /// Size of the artifact.
    pub size: u64,
    /// Custom operators by their place in the list of operator codes.
    pub customs: Vec<Custom>,
    /// Bytes of each buffer; None where they lie outside the file.
    pub buffers: Vec<Option<Span>>,
    /// For each tensor of the subgraph that is being walked, its buffer and its type.
    pub tensors: Vec<(u32, u8)>,
    /// Bytes of options that were read.
    pub options: u64,
    /// Options were left out.
    pub options_cut: bool,
    /// The description of the model was read.
    pub described: bool,
    codes: Vec<Code>,
    /// Builtin operators that are used.
    builtins: BTreeSet<i32>,
    /// Whether a tensor or an entry of the metadata names the buffer.
    claimed: Vec<bool>,
    tensor_count: u64,
    dtypes: BTreeSet<String>,
    /// The end of what stands behind the FlatBuffer by offset and size.
    beyond: u64,
    subgraphs: u64,
    calls: Vec<(u64, u64)>,
    elements: u64,
    named: u64,
    operators: u64,
    parameters: u64,
    bad_tensors: Tally,
    bad_indexes: Tally,
    missing: Option<(u64, u64)>,
}

impl<'a, 's> Scan<'a, 's> {
    /// A walk over an artifact.
    pub fn new(artifact: &'a dyn Artifact, sink: &'s mut dyn Sink) -> Self {
        Self {
            artifact,
            tensors: Vec::new(),
            builtins: BTreeSet::new(),
            options: 0,
            options_cut: false,
            described: false,
            claimed: Vec::new(),
            tensor_count: 0,
            dtypes: BTreeSet::new(),
            beyond: 0,
            file: Flatbuffer::new(artifact),
            sink,
            size: artifact.size(),
            codes: Vec::new(),
            customs: Vec::new(),
            buffers: Vec::new(),
            subgraphs: 0,
            calls: Vec::new(),
            elements: 0,
            named: 0,
            operators: 0,
            parameters: 0,
            bad_tensors: Tally::default(),
            bad_indexes: Tally::default(),
            missing: None,
        }
    }

    /// Walks the model; what was learned before a defect is reported all the same.
    pub fn run(&mut self) -> Result<(), String> {
        let result = self.model();
        self.report();
        if let Err(defect) = result {
            let finding = Finding::new(&S1119, format!("the model is malformed: {}", defect.what));
            self.sink.finding(finding.at(defect.at.min(self.size), 0));
            return Err(format!("the model was not read to its end: {defect}"));
        }
        tail::check(self.artifact, self.file.reached().max(self.beyond), self.sink);
        if let Some((count, at)) = self.missing {
            return Err(format!(
                "the file ends early: {count} buffers lie behind its end, the first is named at offset {at}"
            ));
        }
        Ok(())
    }

    fn model(&mut self) -> Result<(), Defect> {
        let root = self.file.root()?;
        self.sink.fact_text("framework", "tflite");
        if let Some(version) = self.file.u32(&root, model::VERSION)? {
            self.sink.fact_number("format_version", u64::from(version));
        }
        if let Some(span) = self.file.string(&root, model::DESCRIPTION)? {
            let text = self.name(span);
            self.sink.fact_text("description", &text);
        }
        if let Some(codes) = self.file.vector(&root, model::OPERATOR_CODES, 4)? {
            limit("operator codes", codes, MAX_CODES)?;
            for index in 0..codes.count {
                self.code(&codes, index)?;
            }
        }
        if let Some(buffers) = self.file.vector(&root, model::BUFFERS, 4)? {
            limit("buffers", buffers, MAX_BUFFERS)?;
            for index in 0..buffers.count {
                self.buffer(&buffers, index)?;
            }
            self.claimed = vec![false; self.buffers.len()];
        }
        if let Some(subgraphs) = self.file.vector(&root, model::SUBGRAPHS, 4)? {
            limit("subgraphs", subgraphs, MAX_SUBGRAPHS)?;
            self.subgraphs = subgraphs.count;
            for index in 0..subgraphs.count {
                let table = self.file.element(&subgraphs, index)?;
                self.subgraph(&table, index)?;
            }
        }
        self.signatures(&root)?;
        self.metadata(&root)?;
        self.unclaimed();
        Ok(())
    }

    /// Entry points; only looked at so that their place is known.
    fn signatures(&mut self, root: &Table) -> Result<(), Defect> {
        let Some(signatures) = self.file.vector(root, model::SIGNATURES, 4)? else { return Ok(()) };
        self.spend(signatures)?;
        for index in 0..signatures.count {
            let table = self.file.element(&signatures, index)?;
            for slot in [4, 6] {
                let maps = self.file.vector(&table, slot, 4)?.unwrap_or_default();
                self.spend(maps)?;
                for index in 0..maps.count {
                    let map = self.file.element(&maps, index)?;
                    self.file.string(&map, 4)?;
                }
            }
            self.file.string(&table, 8)?;
        }
        Ok(())
    }

    /// Names the buffers that no tensor and no metadata speaks of: whoever looks into tensors looks into them, too.
    fn unclaimed(&mut self) {
        for (index, span) in self.buffers.iter().enumerate() {
            let Some(span) = span.filter(|span| span.length > 0) else { continue };
            if self.claimed.get(index) != Some(&true) && self.named < MAX_NAMED {
                self.named += 1;
                let (name, dtype) = (format!("buffer {index}"), "u8".to_owned());
                self.sink.tensor(Tensor { name, dtype, shape: vec![span.length], at: span });
            }
        }
    }

    fn code(&mut self, codes: &Vector, index: u64) -> Result<(), Defect> {
        let table = self.file.element(codes, index)?;
        let old = self.file.u8(&table, code::DEPRECATED)?.map_or(0, |b| i32::from(b as i8));
        let new = self.file.u32(&table, code::BUILTIN)?.map_or(0, |n| n as i32);
        let builtin = old.max(new);
        let name = self.file.string(&table, code::CUSTOM)?;
        // A name counts only with the number; but readers differ in which of the two numbers they look at.
        let custom = if old == schema::CUSTOM || new == schema::CUSTOM {
            let at = name.unwrap_or(Span::new(table.at, 0));
            let name = self.name(at);
            self.customs.push(Custom::new(name, at));
            Some(self.customs.len() - 1)
        } else {
            None
        };
        self.codes.push(Code { builtin, custom });
        Ok(())
    }

    fn buffer(&mut self, buffers: &Vector, index: u64) -> Result<(), Defect> {
        let table = self.file.element(buffers, index)?;
        let field = self.file.field(&table, buffer::DATA, 4)?;
        let offset = self.file.u64(&table, buffer::OFFSET)?.unwrap_or(0);
        let size = self.file.u64(&table, buffer::SIZE)?.unwrap_or(0);
        let span = match field {
            Some(at) => {
                // The data come last in a file, so a download that breaks off loses them first.
                let start = at + u64::from(self.file.u32_at(at)?);
                let Ok(length) = self.file.u32_at(start) else {
                    return self.outside(start, at);
                };
                let span = Span::new(start + 4, u64::from(length));
                self.beyond = self.beyond.max(span.end().min(self.size));
                span
            }
            // 0 and 1 are placeholders of the writer.
            None if offset > 1 && size > 1 => {
                self.beyond = self.beyond.max(offset.saturating_add(size));
                Span::new(offset, size)
            }
            None => Span::default(),
        };
        if span.offset.checked_add(span.length).is_none_or(|end| end > self.size) {
            return self.outside(span.end(), table.at);
        }
        self.buffers.push(Some(span));
        Ok(())
    }

    /// A buffer that ends at `end`, outside the file.
    fn outside(&mut self, end: u64, at: u64) -> Result<(), Defect> {
        if end > self.size.saturating_add(REACH) {
            return Err(Defect { at, what: format!("a buffer ends at {end}, the file has {} bytes", self.size) });
        }
        let (count, first) = self.missing.unwrap_or((0, at));
        self.missing = Some((count + 1, first));
        self.buffers.push(None);
        Ok(())
    }

    fn subgraph(&mut self, table: &Table, index: u64) -> Result<(), Defect> {
        let tensors = self.file.vector(table, subgraph::TENSORS, 4)?.unwrap_or_default();
        self.spend(tensors)?;
        self.tensors.clear();
        self.tensor_count += tensors.count;
        for index in 0..tensors.count {
            let table = self.file.element(&tensors, index)?;
            self.tensor(&table)?;
        }
        for slot in [subgraph::INPUTS, subgraph::OUTPUTS] {
            self.indexes(table, slot, tensors.count, "SubGraph")?;
        }
        let operators = self.file.vector(table, subgraph::OPERATORS, 4)?.unwrap_or_default();
        self.spend(operators)?;
        for position in 0..operators.count {
            let table = self.file.element(&operators, position)?;
            self.operator(&table, index, tensors.count)?;
        }
        self.operators += operators.count;
        Ok(())
    }

    /// The same table may be named many times by a small file, so work is counted.
    fn spend(&mut self, vector: Vector) -> Result<(), Defect> {
        self.elements = self.elements.saturating_add(vector.count);
        if self.elements > MAX_ELEMENTS {
            let what = format!("more than {MAX_ELEMENTS} tensors, operators and indexes");
            return Err(Defect { at: vector.at, what });
        }
        Ok(())
    }

    /// Indexes of tensors: -1 stands for an optional input.
    fn indexes(&mut self, table: &Table, slot: u64, tensors: u64, what: &str) -> Result<(), Defect> {
        let Some(vector) = self.file.vector(table, slot, 4)? else { return Ok(()) };
        self.spend(vector)?;
        for index in 0..vector.count {
            let at = vector.at + index * 4;
            let value = i64::from(self.file.i32_at(at)?);
            if value < -1 || value >= tensors as i64 {
                self.bad_indexes.add(what, Span::new(at, 4), || format!("names tensor {value} of {tensors}"));
            }
        }
        Ok(())
    }

    fn tensor(&mut self, table: &Table) -> Result<(), Defect> {
        let name = match self.file.string(table, tensor::NAME)? {
            Some(span) => self.name(span),
            None => String::new(),
        };
        let number = self.file.u8(table, tensor::TYPE)?.unwrap_or(0);
        let index = self.file.u32(table, tensor::BUFFER)?.unwrap_or(0);
        self.tensors.push((index, number));
        let sparse = self.file.child(table, tensor::SPARSITY)?.is_some();
        self.file.vector(table, tensor::SHAPE_SIGNATURE, 4)?;
        if let Some(quantization) = self.file.child(table, tensor::QUANTIZATION)? {
            for (slot, width) in [(4, 4), (6, 4), (8, 4), (10, 8)] {
                self.file.vector(&quantization, slot, width)?;
            }
        }
        let at = Span::new(table.at, 4);
        let (mut shape, mut dynamic, mut elements) = (Vec::new(), false, Some(1u64));
        if let Some(dims) = self.file.vector(table, tensor::SHAPE, 4)? {
            for index in 0..dims.count.min(MAX_RANK) {
                let dim = self.file.i32_at(dims.at + index * 4)?;
                dynamic |= dim == -1;
                if dim < -1 {
                    self.bad_tensors.add(&name, at, || format!("has the dimension {dim}"));
                }
                let dim = u64::try_from(dim).unwrap_or(0);
                elements = elements.and_then(|n| n.checked_mul(dim));
                shape.push(dim);
            }
            if dims.count > MAX_RANK {
                self.bad_tensors.add(&name, at, || format!("has {} dimensions", dims.count));
            }
        }
        let known = schema::data_type(number);
        let Some(place) = self.buffers.get(index as usize) else {
            let count = self.buffers.len();
            self.bad_tensors.add(&name, at, || format!("names buffer {index} of {count}"));
            return Ok(());
        };
        let dtype = known.map_or_else(|| format!("tflite-{number}"), |(name, _)| name.to_owned());
        if self.dtypes.len() < 64 && !self.dtypes.contains(&dtype) {
            self.dtypes.insert(dtype.clone());
        }
        let Some(place) = place.filter(|place| place.length > 0) else { return Ok(()) };
        if let Some(claimed) = self.claimed.get_mut(index as usize) {
            *claimed = true;
        }
        let bits = known.map_or(0, |(_, bits)| bits);
        let needed = elements.and_then(|n| n.checked_mul(bits)).map(|bits| bits.div_ceil(8));
        let fits = needed.is_some_and(|needed| needed <= place.length);
        if bits > 0 && !fits && !dynamic && !sparse {
            let needed = needed.map_or_else(|| "more bytes than any memory holds".to_owned(), |n| format!("{n} bytes"));
            self.bad_tensors.add(&name, at, || format!("needs {needed}, its buffer has {}", place.length));
        }
        self.parameters = self.parameters.saturating_add(elements.filter(|_| fits).unwrap_or(0));
        if self.named < MAX_NAMED {
            self.named += 1;
            self.sink.tensor(Tensor { name, dtype, shape, at: place });
        }
        Ok(())
    }

    fn operator(&mut self, table: &Table, subgraph: u64, tensors: u64) -> Result<(), Defect> {
        let index = self.file.u32(table, operator::OPCODE)?.unwrap_or(0);
        for slot in [operator::INPUTS, operator::OUTPUTS] {
            self.indexes(table, slot, tensors, "Operator")?;
        }
        let Some(code) = self.codes.get(index as usize) else {
            let count = self.codes.len();
            self.bad_indexes
                .add("Operator", Span::new(table.at, 4), || format!("names operator code {index} of {count}"));
            return Ok(());
        };
        let (builtin, custom) = (code.builtin, code.custom);
        if let Some(custom) = custom {
            self.beyond = self.beyond.max(self.custom_operator(table, custom)?);
        } else {
            self.builtins.insert(builtin);
        }
        let options = self.file.child(table, operator::OPTIONS)?;
        let newer = self.file.child(table, operator::OPTIONS_2)?;
        let called = schema::CALLS.iter().find(|(number, _)| *number == builtin);
        let (options, slots) = match (called, options, newer) {
            (Some((_, count)), Some(options), _) => (options, (0..*count).map(|n| 4 + 2 * n).collect()),
            (None, _, Some(options)) if builtin == schema::COMPOSITE.0 => (options, vec![schema::COMPOSITE.1]),
            _ => return Ok(()),
        };
        for slot in slots {
            let at = options.at;
            let callee = self.file.u32(&options, slot)?.unwrap_or(0) as i32;
            match u64::try_from(callee) {
                Ok(callee) if callee < self.subgraphs => self.calls.push((subgraph, callee)),
                _ => {
                    let count = self.subgraphs;
                    self.bad_indexes
                        .add("Operator", Span::new(at, 4), || format!("calls subgraph {callee} of {count}"));
                }
            }
        }
        Ok(())
    }

    fn metadata(&mut self, root: &Table) -> Result<(), Defect> {
        let Some(entries) = self.file.vector(root, model::METADATA, 4)? else { return Ok(()) };
        self.spend(entries)?;
        let mut names = Vec::new();
        for index in 0..entries.count {
            let table = self.file.element(&entries, index)?;
            let Some(span) = self.file.string(&table, metadata::NAME)? else { continue };
            let name = self.name(span);
            let buffer = self.file.u32(&table, metadata::BUFFER)?.unwrap_or(0);
            match self.buffers.get(buffer as usize).copied() {
                Some(Some(place)) if place.length > 0 => {
                    if let Some(claimed) = self.claimed.get_mut(buffer as usize) {
                        *claimed = true;
                    }
                    self.entry(&name, place);
                }
                Some(_) => {}
                None => {
                    let count = self.buffers.len();
                    self.bad_indexes.add("Metadata", span, || format!("names buffer {buffer} of {count}"));
                }
            }
            if names.len() < 64 {
                names.push(name);
            }
        }
        self.sink.fact_list("metadata", &names);
        Ok(())
    }

    /// A short text out of the model, fit for a message.
    pub fn name(&mut self, span: Span) -> String {
        clip(&escape(&self.file.text(span, 1024)), 256)
    }

    fn report(&mut self) {
        let mut names = self.report_customs();
        self.bad_tensors.report(&S1119, None, "tensor", self.sink);
        self.bad_indexes.report(&S1119, None, "table", self.sink);
        if let Some(subgraph) = cycle(&self.calls) {
            let message = format!("subgraph {subgraph} calls itself: an interpreter that follows it never ends");
            self.sink
                .finding(Finding::new(&S1119, message).severity(Severity::Warning).detail("cve", "CVE-2021-29591"));
        }
        names.extend(self.builtins.iter().map(|number| match builtin::name(*number) {
            Some(name) => name.to_owned(),
            None => format!("builtin-{number}"),
        }));
        names.sort();
        names.truncate(256);
        self.sink.fact_list("operators", &names);
        self.sink.fact_number("operator_count", self.operators);
        self.sink.fact_number("tensor_count", self.tensor_count);
        let dtypes: Vec<&String> = self.dtypes.iter().collect();
        self.sink.fact_list("dtypes", &dtypes);
        self.sink.fact_number("subgraph_count", self.subgraphs);
        self.sink.fact_number("parameters", self.parameters);
    }
}

fn limit(what: &str, vector: Vector, most: u64) -> Result<(), Defect> {
    if vector.count > most {
        return Err(Defect { at: vector.at, what: format!("{} {what}", vector.count) });
    }
    Ok(())
}
