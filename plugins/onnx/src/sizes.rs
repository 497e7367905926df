//! Operators that make large tensors of small numbers.
//!
//! `ConstantOfShape`, `Expand`, `Tile`, `Resize` and `Range` take the size of their output from an input. If that is a constant, a file
//! of a few bytes tells how much memory the runtime will ask for: terabytes bring down the server that runs it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use modelaudit_plugin::{Finding, Sink, Span, clip, quote};
use modelaudit_protobuf::{Malformed, Message, Walker};
use modelaudit_rules::structure::S904;

/// Elements that no operator of a real model makes out of nothing.
const MOST: u128 = 1 << 36;
/// Numbers of a shape; kernels take 8 dimensions.
const MAX_RANK: usize = 64;
/// Constants and operators that are remembered for a graph.
const MAX_KEPT: usize = 100_000;
/// Bytes of a name that are read.
const NAME: u32 = 1024;
/// Findings for one graph.
const MAX_FINDINGS: usize = 10;

/// Operators whose output is as large as an input says, and which input that is.
const MAKERS: &[(&str, usize)] = &[("ConstantOfShape", 0), ("Expand", 1), ("Tile", 1), ("Resize", 3), ("Range", 1)];

struct Maker {
    op: String,
    node: String,
    at: u64,
    input: String,
}

/// What is known of one graph.
#[derive(Default)]
pub struct Sizes {
    numbers: BTreeMap<String, Vec<i64>>,
    makers: Vec<Maker>,
    names: BTreeSet<u64>,
}

impl Sizes {
    /// Remembers an initializer if it is a short list of numbers; true if the graph has one of that name already.
    pub fn initializer(&mut self, walker: &mut Walker<'_>, name: &str, span: Span) -> Result<bool, Malformed> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let repeated = !name.is_empty() && self.names.len() < MAX_KEPT && !self.names.insert(hasher.finish());
        if self.numbers.len() < MAX_KEPT
            && let Some(numbers) = integers(walker, span)?
        {
            self.numbers.insert(name.to_owned(), numbers);
        }
        Ok(repeated)
    }

    /// Remembers a node: the numbers of a `Constant`, or an operator that makes a tensor.
    pub fn node(
        &mut self,
        walker: &mut Walker<'_>,
        (op, node, at): (&str, &str, u64),
        inputs: &[Span],
        output: Option<Span>,
        value: Option<Span>,
    ) -> Result<(), Malformed> {
        if op == "Constant" {
            if let (Some(output), Some(value)) = (output, value)
                && self.numbers.len() < MAX_KEPT
                && let Some(numbers) = integers(walker, value)?
            {
                self.numbers.insert(walker.text(output, NAME), numbers);
            }
            return Ok(());
        }
        let Some((_, index)) = MAKERS.iter().find(|(maker, _)| *maker == op) else { return Ok(()) };
        if let Some(input) = inputs.get(*index).filter(|_| self.makers.len() < MAX_KEPT) {
            let input = walker.text(*input, NAME);
            self.makers.push(Maker { op: op.to_owned(), node: node.to_owned(), at, input });
        }
        Ok(())
    }

    /// Reports operators whose output no memory holds.
    pub fn report(&self, size: u64, sink: &mut dyn Sink) {
        let huge = self.makers.iter().filter_map(|maker| {
            let numbers = self.numbers.get(&maker.input)?;
            let elements = numbers
                .iter()
                .try_fold(1u128, |n, d| u128::try_from(*d).ok().map(|d| n.saturating_mul(d)))
                .filter(|elements| *elements > MOST)?;
            Some((maker, elements))
        });
        for (maker, elements) in huge.take(MAX_FINDINGS) {
            let message = format!("operator {} makes a tensor of {elements} elements", quote(&maker.op));
            let name = if maker.node.is_empty() { &maker.op } else { &maker.node };
            let finding = Finding::new(&S904, message).at(maker.at.min(size), 0).element(clip(name, 120));
            sink.finding(finding.detail("elements", elements.to_string()));
        }
    }
}

/// The numbers of a small `TensorProto` of 64-bit integers; None for any other.
fn integers(walker: &mut Walker<'_>, span: Span) -> Result<Option<Vec<i64>>, Malformed> {
    // One with more numbers is no shape; most tensors leave here.
    if span.length > 1024 {
        return Ok(None);
    }
    let (mut numbers, mut is_integer) = (Vec::new(), false);
    let mut message = Message::over(span);
    while let Some(field) = walker.next(&mut message)? {
        match field.number {
            2 => is_integer = field.varint() == Some(7),
            7 => walker.varints(&field, MAX_RANK, &mut numbers)?,
            9 => {
                let raw = walker.read(field.span(), 8 * MAX_RANK as u32);
                numbers.extend(raw.chunks_exact(8).filter_map(|b| b.try_into().ok()).map(u64::from_le_bytes));
            }
            _ => {}
        }
    }
    Ok((is_integer && !numbers.is_empty()).then(|| numbers.into_iter().map(|n| n as i64).collect()))
}
