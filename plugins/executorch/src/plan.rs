//! The walk over methods: values, operators, instructions.

use std::collections::BTreeMap;

use modelaudit_flatbuffer::{Defect, Table, Vector};
use modelaudit_metadata_text::{finding, judge};
use modelaudit_plugin::{Finding, Sink, Span, quote};
use modelaudit_rules::deployment::{S1171, S1172};
use modelaudit_rules::frameworks::tensorflow_ops::suspicious;
use modelaudit_rules::structure::S904;
use modelaudit_rules::tensors::Tally;

use crate::delegates::Delegates;
use crate::known;
use crate::program::{MAX_LIST, MAX_NAMES, Parts, Walk};
use crate::schema::{CHAIN_INSTRUCTIONS, instruction, operator, plan, program, union, value};
use crate::segments::Segments;
use crate::tensors::Constants;

/// Memory that a method may plan: a TiB is more than any machine has that runs such programs.
const MOST_MEMORY: i64 = 1 << 40;
/// Bytes of a text among the values that are looked at.
const MAX_TEXT: u32 = 64 << 10;
/// Findings on texts.
const MAX_TEXTS: usize = 20;

/// The methods of a program.
pub struct Plans {
    constants: Constants,
    names: Vec<String>,
    operators: BTreeMap<String, (u64, Span)>,
    operator_count: u64,
    /// The list of operators is full of foreign ones.
    crowded: bool,
    bad: Tally,
    memory: Vec<Finding>,
    texts: Vec<Finding>,
}

impl Plans {
    /// No method yet.
    pub fn new(constants: Constants) -> Self {
        Self {
            constants,
            names: Vec::new(),
            operators: BTreeMap::new(),
            operator_count: 0,
            crowded: false,
            bad: Tally::default(),
            memory: Vec::new(),
            texts: Vec::new(),
        }
    }

    /// Walks all methods.
    pub fn walk(
        &mut self,
        walk: &mut Walk<'_, '_>,
        root: &Table,
        segments: &Segments,
        delegates: &mut Delegates,
        parts: &mut Parts,
    ) -> Result<(), Defect> {
        let plans = walk.list(root, program::PLANS, 4)?;
        if plans.count > MAX_LIST {
            return Err(Defect { at: plans.at, what: format!("{} methods", plans.count) });
        }
        for index in 0..plans.count {
            let table = walk.file.element(&plans, index)?;
            let name = walk.name(&table, plan::NAME)?;
            if self.names.len() < MAX_NAMES {
                self.names.push(name.clone());
            }
            let list = walk.list(&table, plan::DELEGATES, 4)?;
            for position in 0..list.count {
                let entry = walk.file.element(&list, position)?;
                delegates.read(walk, &entry, segments, parts)?;
            }
            let operators = walk.list(&table, plan::OPERATORS, 4)?;
            for position in 0..operators.count {
                self.operator(walk, &operators, position)?;
            }
            let memory = self.memory(walk, &table, &name)?;
            let values = walk.list(&table, plan::VALUES, 4)?;
            for position in 0..values.count {
                self.value(walk, &values, position, &name, &memory)?;
            }
            for slot in [plan::INPUTS, plan::OUTPUTS] {
                indexes(walk, &table, slot, 4, 0, values.count, "ExecutionPlan")?;
            }
            let chains = walk.list(&table, plan::CHAINS, 4)?;
            for position in 0..chains.count {
                let chain = walk.file.element(&chains, position)?;
                self.instructions(walk, &chain, [operators.count, list.count, values.count])?;
            }
        }
        Ok(())
    }

    fn operator(&mut self, walk: &mut Walk<'_, '_>, list: &Vector, index: u64) -> Result<(), Defect> {
        let table = walk.file.element(list, index)?;
        let name = walk.name(&table, operator::NAME)?;
        let overload = walk.name(&table, operator::OVERLOAD)?;
        let full = if overload.is_empty() { name } else { format!("{name}.{overload}") };
        self.operator_count += 1;
        if self.operators.len() < MAX_NAMES || self.operators.contains_key(&full) {
            self.operators.entry(full).or_insert((0, Span::new(table.at, 4))).0 += 1;
        } else if !self.crowded && !known::operator(&full) {
            // The list is full of names of ExecuTorch's: room for one that is not.
            let known = self.operators.keys().find(|name| known::operator(name)).cloned();
            match known {
                Some(known) => {
                    self.operators.remove(&known);
                    self.operators.insert(full, (1, Span::new(table.at, 4)));
                }
                None => self.crowded = true,
            }
        }
        Ok(())
    }

    /// Sizes of the memories that a method plans.
    fn memory(&mut self, walk: &mut Walk<'_, '_>, table: &Table, method: &str) -> Result<Vec<i64>, Defect> {
        let list = walk.list(table, plan::MEMORY, 8)?;
        if list.count > MAX_LIST {
            return Err(Defect { at: list.at, what: format!("{} memories", list.count) });
        }
        let mut sizes = Vec::new();
        for index in 0..list.count {
            let at = Span::new(list.at + 8 * index, 8);
            let size = i64::from_le_bytes(walk.file.bytes(at.offset)?);
            if size < 0 {
                self.bad.add(method, at, || format!("plans a memory of {size} bytes"));
            } else if size > MOST_MEMORY && self.memory.is_empty() {
                let message = format!("method {} asks for {size} bytes of memory", quote(method));
                self.memory.push(Finding::new(&S904, message).at(at.offset, at.length).element(method.to_owned()));
            }
            sizes.push(size);
        }
        Ok(sizes)
    }

    fn value(
        &mut self,
        walk: &mut Walk<'_, '_>,
        list: &Vector,
        index: u64,
        method: &str,
        memory: &[i64],
    ) -> Result<(), Defect> {
        let entry = walk.file.element(list, index)?;
        let kind = walk.file.u8(&entry, union::KIND)?.unwrap_or(0);
        let Some(table) = walk.file.child(&entry, union::TABLE)? else {
            let at = Span::new(entry.at, 4);
            self.bad.add(method, at, || format!("has the value {index} of kind {kind} without content"));
            return Ok(());
        };
        match kind {
            value::TENSOR => {
                let name = format!("{method}/{index}");
                self.constants.tensor(walk, &table, &name, memory)?;
            }
            value::STRING => {
                if let Some(span) = walk.file.string(&table, 4)?
                    && self.texts.len() < MAX_TEXTS
                {
                    let text = walk.file.text(span, MAX_TEXT);
                    if let Some(found) = judge(&text) {
                        let place = format!("a text of method {}", quote(method));
                        self.texts.push(finding(&place, &found).at(span.offset, span.length));
                    }
                }
            }
            value::INT_LIST => indexes(walk, &table, 4, 8, 0, list.count, "IntList")?,
            value::TENSOR_LIST => indexes(walk, &table, 4, 4, 0, list.count, "TensorList")?,
            value::OPTIONAL_TENSOR_LIST => indexes(walk, &table, 4, 4, -1, list.count, "OptionalTensorList")?,
            kind if kind > value::OPTIONAL_TENSOR_LIST || kind == 0 => {
                self.bad.add(method, Span::new(entry.at, 4), || format!("has a value of the unknown kind {kind}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// Instructions of a chain; `counts` are those of operators, delegates and values.
    fn instructions(&mut self, walk: &mut Walk<'_, '_>, chain: &Table, counts: [u64; 3]) -> Result<(), Defect> {
        let [operators, delegates, values] = counts;
        let list = walk.list(chain, CHAIN_INSTRUCTIONS, 4)?;
        for index in 0..list.count {
            let entry = walk.file.element(&list, index)?;
            let at = Span::new(entry.at, 4);
            let kind = walk.file.u8(&entry, union::KIND)?.unwrap_or(0);
            let Some(table) = walk.file.child(&entry, union::TABLE)? else {
                walk.indexes.add("Instruction", at, || format!("of kind {kind} has no arguments"));
                continue;
            };
            let first = walk.file.u32(&table, instruction::FIRST)?.unwrap_or(0) as i32;
            let (count, what) = match kind {
                instruction::KERNEL => (operators, "operator"),
                instruction::DELEGATE => (delegates, "delegate"),
                instruction::MOVE | instruction::JUMP | instruction::FREE => (values, "value"),
                _ => {
                    walk.indexes.add("Instruction", at, || format!("is of the unknown kind {kind}"));
                    continue;
                }
            };
            if !within(first, 0, count) {
                walk.indexes.add("Instruction", at, || format!("names {what} {first} of {count}"));
            }
            match kind {
                instruction::KERNEL | instruction::DELEGATE => {
                    indexes(walk, &table, instruction::SECOND, 4, 0, values, "Instruction")?;
                }
                instruction::MOVE | instruction::JUMP => {
                    let second = walk.file.u32(&table, instruction::SECOND)?.unwrap_or(0) as i32;
                    // A jump behind the last instruction ends the chain.
                    let (count, what) =
                        if kind == instruction::MOVE { (values, "value") } else { (list.count + 1, "instruction") };
                    if !within(second, 0, count) {
                        walk.indexes.add("Instruction", at, || format!("names {what} {second} of {count}"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reports what was found.
    pub fn report(&self, sink: &mut dyn Sink) {
        sink.fact_list("methods", &self.names);
        let names: Vec<&String> = self.operators.keys().collect();
        sink.fact_list("operators", &names);
        sink.fact_number("operator_count", self.operator_count);
        for (name, (uses, at)) in self.operators.iter().filter(|(name, _)| !known::operator(name)) {
            let what = if suspicious(name) {
                "has a name that promises a process"
            } else {
                "is no operator of PyTorch or ExecuTorch"
            };
            let finding = Finding::new(&S1171, format!("operator {} {what}", quote(name)));
            sink.finding(finding.at(at.offset, at.length).element(name.clone()).detail("uses", uses.to_string()));
        }
        self.bad.report(&S1172, None, "method", sink);
        self.constants.report(sink);
        for finding in self.memory.iter().chain(&self.texts) {
            sink.finding(finding.clone());
        }
    }
}

fn within(value: i32, least: i32, count: u64) -> bool {
    value >= least && i64::from(value) < i64::try_from(count).unwrap_or(i64::MAX)
}

/// Indexes of values, of `width` bytes each.
fn indexes(
    walk: &mut Walk<'_, '_>,
    table: &Table,
    slot: u64,
    width: u64,
    least: i32,
    count: u64,
    what: &str,
) -> Result<(), Defect> {
    let list = walk.list(table, slot, width)?;
    for index in 0..list.count {
        let at = list.at + width * index;
        let wide = if width == 8 { i64::from_le_bytes(walk.file.bytes(at)?) } else { i64::from(walk.file.i32_at(at)?) };
        if !i32::try_from(wide).is_ok_and(|value| within(value, least, count)) {
            walk.indexes.add(what, Span::new(at, width), || format!("names value {wide} of {count}"));
        }
    }
    Ok(())
}
