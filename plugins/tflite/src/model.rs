//! The walk over a model's tables.

use std::collections::BTreeMap;

use modelaudit_flatbuffer::{Defect, Flatbuffer, Table, Vector};
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, Tensor, clip, escape, quote};
use modelaudit_rules::frameworks::S1119;
use modelaudit_rules::tensors::Tally;

use crate::operators;
use crate::schema::{self, buffer, code, metadata, model, operator, subgraph, tensor};

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

/// A custom operator.
struct Custom {
    name: String,
    at: Span,
    uses: u64,
}

/// A walk under way.
pub struct Scan<'a, 's> {
    file: Flatbuffer<'a>,
    sink: &'s mut dyn Sink,
    size: u64,
    codes: Vec<Code>,
    customs: Vec<Custom>,
    /// Bytes of each buffer; None where they lie outside the file.
    buffers: Vec<Option<Span>>,
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
        if let Some((count, at)) = self.missing {
            return Err(format!(
                "the file ends early: {count} buffers lie behind its end, the first is named at offset {at}"
            ));
        }
        Ok(())
    }

    fn model(&mut self) -> Result<(), Defect> {
        let root = self.file.root()?;
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
        }
        if let Some(subgraphs) = self.file.vector(&root, model::SUBGRAPHS, 4)? {
            limit("subgraphs", subgraphs, MAX_SUBGRAPHS)?;
            self.subgraphs = subgraphs.count;
            for index in 0..subgraphs.count {
                let table = self.file.element(&subgraphs, index)?;
                self.subgraph(&table, index)?;
            }
        }
        self.metadata(&root)
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
            self.customs.push(Custom { name, at, uses: 0 });
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
                Span::new(start + 4, u64::from(length))
            }
            // 0 and 1 are placeholders of the writer.
            None if offset > 1 && size > 1 => Span::new(offset, size),
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
        let sparse = self.file.field(table, tensor::SPARSITY, 4)?.is_some();
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
        let Some(place) = place.filter(|place| place.length > 0) else { return Ok(()) };
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
            let dtype = known.map_or_else(|| format!("tflite-{number}"), |(name, _)| name.to_owned());
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
        let builtin = code.builtin;
        if let Some(custom) = code.custom.and_then(|index| self.customs.get_mut(index)) {
            custom.uses += 1;
        }
        let Some((_, count)) = schema::CALLS.iter().find(|(number, _)| *number == builtin) else { return Ok(()) };
        let Some(options) = self.file.child(table, operator::OPTIONS)? else { return Ok(()) };
        for position in 0..*count {
            let at = options.at;
            let callee = self.file.u32(&options, 4 + 2 * position)?.unwrap_or(0) as i32;
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
            if self.buffers.get(buffer as usize).is_none() {
                let count = self.buffers.len();
                self.bad_indexes.add("Metadata", span, || format!("names buffer {buffer} of {count}"));
            }
            if names.len() < 64 {
                names.push(name);
            }
        }
        self.sink.fact_list("metadata", &names);
        Ok(())
    }

    fn name(&mut self, span: Span) -> String {
        clip(&escape(&self.file.text(span, 1024)), 256)
    }

    fn report(&mut self) {
        let mut customs: BTreeMap<String, Custom> = BTreeMap::new();
        for custom in std::mem::take(&mut self.customs) {
            let uses = custom.uses;
            customs.entry(custom.name.clone()).and_modify(|known| known.uses += uses).or_insert(custom);
        }
        for custom in customs.into_values() {
            let (rule, severity, what) = operators::classify(&custom.name);
            let message = format!("operator {} {what}", quote(&custom.name));
            let finding = Finding::new(rule, message).severity(severity).at(custom.at.offset, custom.at.length);
            self.sink.finding(finding.element(custom.name).detail("uses", custom.uses.to_string()));
        }
        self.bad_tensors.report(&S1119, None, "tensor", self.sink);
        self.bad_indexes.report(&S1119, None, "table", self.sink);
        if let Some(subgraph) = cycle(self.subgraphs, &self.calls) {
            let message = format!("subgraph {subgraph} calls itself: an interpreter that follows it never ends");
            self.sink
                .finding(Finding::new(&S1119, message).severity(Severity::Warning).detail("cve", "CVE-2021-29591"));
        }
        self.sink.fact_number("operator_count", self.operators);
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

/// A subgraph that calls itself, by others or directly, if there is one: what is left when those that call nobody are taken away.
fn cycle(subgraphs: u64, calls: &[(u64, u64)]) -> Option<u64> {
    let mut callers: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    let mut open: BTreeMap<u64, u64> = (0..subgraphs).map(|index| (index, 0)).collect();
    for (caller, callee) in calls {
        callers.entry(*callee).or_default().push(*caller);
        *open.entry(*caller).or_default() += 1;
    }
    let mut done: Vec<u64> = open.iter().filter(|(_, calls)| **calls == 0).map(|(index, _)| *index).collect();
    while let Some(index) = done.pop() {
        open.remove(&index);
        for caller in callers.remove(&index).unwrap_or_default() {
            if let Some(left) = open.get_mut(&caller) {
                *left -= 1;
                if *left == 0 {
                    done.push(caller);
                }
            }
        }
    }
    open.into_keys().next()
}

#[cfg(test)]
mod tests {
    use super::cycle;

    #[test]
    fn cycles_are_found() {
        assert_eq!(cycle(3, &[(0, 1), (0, 2), (1, 2)]), None);
        assert_eq!(cycle(3, &[(0, 1), (1, 2), (2, 1)]), Some(0));
        assert_eq!(cycle(1, &[(0, 0)]), Some(0));
    }
}
