//! Tensors: where their data are, and whether shape, constants and planned memory fit each other.

use std::collections::BTreeSet;

use modelaudit_flatbuffer::{Defect, Table, Vector};
use modelaudit_plugin::{Sink, Span, Tensor};
use modelaudit_rules::deployment::S1172;
use modelaudit_rules::tensors::Tally;

use crate::program::{MAX_LIST, MAX_NAMES, Parts, Walk};
use crate::schema::{self, program, subsegment, tensor};
use crate::segments::Segments;

/// Dimensions that are read; the runtime takes 16 (`kTensorDimensionLimit`).
const MAX_RANK: u64 = 64;
/// Tensors handed to the host.
const MAX_NAMED: u64 = 100_000;
/// `TensorDataLocation.EXTERNAL`.
const EXTERNAL: u8 = 1;

/// Bytes of a shape, or why there is none.
pub enum Shape {
    /// Dimensions and the number of elements.
    Fits(Vec<u64>, u64),
    /// What is wrong, in half a sentence.
    Wrong(String),
}

/// Reads dimensions and their order.
pub fn shape(walk: &mut Walk<'_, '_>, table: &Table, sizes: u64, order: u64) -> Result<Shape, Defect> {
    let sizes = walk.list(table, sizes, 4)?;
    let order = walk.list(table, order, 1)?;
    if sizes.count > MAX_RANK {
        return Ok(Shape::Wrong(format!("has {} dimensions", sizes.count)));
    }
    let (mut shape, mut elements) = (Vec::new(), Some(1u64));
    for index in 0..sizes.count {
        let size = walk.file.i32_at(sizes.at + 4 * index)?;
        let Ok(size) = u64::try_from(size) else { return Ok(Shape::Wrong(format!("has the dimension {size}"))) };
        elements = elements.and_then(|n| n.checked_mul(size));
        shape.push(size);
    }
    if order.count != sizes.count {
        return Ok(Shape::Wrong(format!("has {} dimensions and an order of {}", sizes.count, order.count)));
    }
    let mut seen = 0u64;
    for index in 0..order.count {
        let [dimension] = walk.file.bytes::<1>(order.at + index)?;
        let bit = 1u64.checked_shl(u32::from(dimension)).unwrap_or(0);
        if u64::from(dimension) >= sizes.count || seen & bit != 0 {
            return Ok(Shape::Wrong(format!("has the dimension {dimension} of {} in its order", sizes.count)));
        }
        seen |= bit;
    }
    Ok(match elements {
        Some(elements) => Shape::Fits(shape, elements),
        None => Shape::Wrong("has more elements than any memory holds".to_owned()),
    })
}

/// A list of offsets into a segment.
#[derive(Clone, Copy)]
struct Offsets {
    segment: Option<Span>,
    list: Vector,
}

/// Where the constants and first values of a program stand.
pub struct Constants {
    inline: Vector,
    constants: Option<Offsets>,
    mutable: Vec<Offsets>,
    bad: Tally,
    named: u64,
    seen: BTreeSet<Span>,
    external: BTreeSet<String>,
    external_count: u64,
    count: u64,
    parameters: u64,
}

impl Constants {
    /// Reads the lists.
    pub fn read(walk: &mut Walk<'_, '_>, root: &Table, segments: &Segments, parts: &mut Parts) -> Result<Self, Defect> {
        let inline = walk.file.vector(root, program::CONSTANT_BUFFER, 4)?.unwrap_or_default();
        let mut found = Self {
            inline,
            constants: None,
            mutable: Vec::new(),
            bad: Tally::default(),
            named: 0,
            seen: BTreeSet::new(),
            external: BTreeSet::new(),
            external_count: 0,
            count: 0,
            parameters: 0,
        };
        if let Some(table) = walk.file.child(root, program::CONSTANT_SEGMENT)? {
            found.constants = Some(offsets(walk, &table, segments, parts, "constant_segment")?);
        }
        let lists = walk.list(root, program::MUTABLE_SEGMENTS, 4)?;
        if lists.count > MAX_LIST {
            return Err(Defect { at: lists.at, what: format!("{} lists of first values", lists.count) });
        }
        for index in 0..lists.count {
            let table = walk.file.element(&lists, index)?;
            found.mutable.push(offsets(walk, &table, segments, parts, "mutable_data_segments")?);
        }
        // runtime/executor/program.cpp refuses both at once; the first entry of the list stands for none.
        if inline.count > 0 && found.constants.is_some_and(|offsets| offsets.list.count > 1) {
            walk.indexes.add("Program", Span::new(root.at, 4), || "has its constants in two places".to_owned());
        }
        Ok(found)
    }

    /// Reads one tensor of a method, whose planned memory is given.
    pub fn tensor(
        &mut self,
        walk: &mut Walk<'_, '_>,
        table: &Table,
        default_name: &str,
        memory: &[i64],
    ) -> Result<(), Defect> {
        let at = Span::new(table.at, 4);
        self.count += 1;
        let number = walk.file.u8(table, tensor::TYPE)?.unwrap_or(0);
        let buffer = u64::from(walk.file.u32(table, tensor::BUFFER)?.unwrap_or(0));
        let allocation = walk.file.child(table, tensor::ALLOCATION)?;
        let (mut name, mut external, mut list) = (String::new(), false, 0);
        if let Some(extra) = walk.file.child(table, tensor::EXTRA)? {
            name = walk.name(&extra, tensor::EXTRA_NAME)?;
            external = walk.file.u8(&extra, tensor::EXTRA_LOCATION)?.unwrap_or(0) == EXTERNAL;
            list = walk.file.u64(&extra, tensor::EXTRA_MUTABLE)?.unwrap_or(0);
        }
        if external {
            self.external_count += 1;
            if name.is_empty() {
                self.bad.add(default_name, at, || "has its data in another file, under no name".to_owned());
            } else if self.external.len() < MAX_NAMES {
                self.external.insert(name.clone());
            }
        }
        if name.is_empty() {
            default_name.clone_into(&mut name);
        }
        let offset = walk.file.u32(table, tensor::STORAGE_OFFSET)?.unwrap_or(0) as i32;
        if offset != 0 {
            self.bad.add(&name, at, || format!("begins at element {offset} of its storage, the runtime takes 0 only"));
        }
        let (shape, elements) = match shape(walk, table, tensor::SIZES, tensor::ORDER)? {
            Shape::Fits(shape, elements) => (shape, elements),
            Shape::Wrong(what) => {
                self.bad.add(&name, at, || what);
                return Ok(());
            }
        };
        let Some((dtype, width)) = schema::data_type(number) else {
            self.bad.add(&name, at, || format!("is of the unknown type {number}"));
            return Ok(());
        };
        let Some(needed) = elements.checked_mul(width) else {
            self.bad.add(&name, at, || "has more bytes than any memory holds".to_owned());
            return Ok(());
        };
        if let Some(allocation) = &allocation {
            self.planned(walk, allocation, &name, needed, memory)?;
        }
        if external || buffer == 0 {
            return Ok(());
        }
        let Some(place) = self.place(walk, &name, at, buffer, allocation.is_some().then_some(list))? else {
            return Ok(());
        };
        if needed > place.length {
            self.bad.add(&name, at, || format!("needs {needed} bytes, {} are there", place.length));
            return Ok(());
        }
        let place = Span::new(place.offset, needed);
        if self.named < MAX_NAMED && self.seen.insert(place) {
            self.named += 1;
            self.parameters = self.parameters.saturating_add(elements);
            walk.sink.tensor(Tensor { name, dtype: dtype.to_owned(), shape, at: place });
        }
        Ok(())
    }

    /// The bytes that are left from the start of a constant, or of first value list `list`, on. None if that is not known, which was
    /// reported.
    fn place(
        &mut self,
        walk: &mut Walk<'_, '_>,
        name: &str,
        at: Span,
        buffer: u64,
        list: Option<u64>,
    ) -> Result<Option<Span>, Defect> {
        let offsets = match list {
            Some(list) => {
                let found = usize::try_from(list).ok().and_then(|list| self.mutable.get(list)).copied();
                if found.is_none() {
                    let count = self.mutable.len();
                    self.bad.add(name, at, || format!("has its first value in list {list} of {count}"));
                    return Ok(None);
                }
                found
            }
            None => self.constants.filter(|offsets| offsets.list.count > 1 || self.inline.count == 0),
        };
        let count = offsets.map_or(self.inline.count, |offsets| offsets.list.count);
        if buffer >= count {
            self.bad.add(name, at, || format!("names constant {buffer} of {count}"));
            return Ok(None);
        }
        let Some(offsets) = offsets else {
            let inline = self.inline;
            return crate::program::bytes_of(walk, &inline, buffer).map(Some);
        };
        let offset = u64::from_le_bytes(walk.file.bytes(offsets.list.at + 8 * buffer)?);
        let Some(segment) = offsets.segment else { return Ok(None) };
        if offset > segment.length {
            self.bad.add(name, at, || format!("begins at {offset} of a segment of {} bytes", segment.length));
            return Ok(None);
        }
        Ok(Some(Span::new(segment.offset + offset, segment.length - offset)))
    }

    /// Whether the memory that was planned for it is there.
    fn planned(
        &mut self,
        walk: &mut Walk<'_, '_>,
        allocation: &Table,
        name: &str,
        needed: u64,
        memory: &[i64],
    ) -> Result<(), Defect> {
        let id = walk.file.u32(allocation, tensor::MEMORY_ID)?.unwrap_or(0);
        let low = walk.file.u32(allocation, tensor::OFFSET_LOW)?.unwrap_or(0);
        let high = walk.file.u32(allocation, tensor::OFFSET_HIGH)?.unwrap_or(0);
        let offset = u64::from(high) << 32 | u64::from(low);
        let at = Span::new(allocation.at, 4);
        let Some(size) = memory.get(id as usize).filter(|_| id > 0) else {
            self.bad.add(name, at, || format!("is planned in memory {id} of {}", memory.len()));
            return Ok(());
        };
        let size = u64::try_from(*size).unwrap_or(0);
        if offset.checked_add(needed).is_none_or(|end| end > size) {
            self.bad
                .add(name, at, || format!("is planned from {offset} on with {needed} bytes, its memory has {size}"));
        }
        Ok(())
    }

    /// Reports what was found.
    pub fn report(&self, sink: &mut dyn Sink) {
        self.bad.report(&S1172, None, "tensor", sink);
        sink.fact_number("tensor_count", self.count);
        sink.fact_number("parameters", self.parameters);
        if self.external_count > 0 {
            let names: Vec<&String> = self.external.iter().collect();
            sink.fact_list("external_data", &names);
        }
    }
}

/// A list of offsets and its segment.
fn offsets(
    walk: &mut Walk<'_, '_>,
    table: &Table,
    segments: &Segments,
    parts: &mut Parts,
    what: &str,
) -> Result<Offsets, Defect> {
    let index = u64::from(walk.file.u32(table, subsegment::SEGMENT)?.unwrap_or(0));
    let list = walk.file.vector(table, subsegment::OFFSETS, 8)?.unwrap_or_default();
    parts.mark(index);
    // A program without constants may have a list of one entry and no segment.
    if index >= segments.count() && list.count > 1 {
        let at = Span::new(table.at, 4);
        walk.indexes.add(what, at, || format!("names segment {index} of {}", segments.count()));
    }
    Ok(Offsets { segment: segments.get(index), list })
}
