//! Tensors in a file of their own (`.ptd`): segments by name, with type and shape for those that are tensors.

use modelaudit_flatbuffer::Defect;
use modelaudit_plugin::{Artifact, Finding, Sink, Span, Tensor};
use modelaudit_rules::deployment::S1172;
use modelaudit_rules::tensors::Tally;

use crate::front::Front;
use crate::program::{MAX_LIST, Walk};
use crate::schema::{self, flat_tensor, named};
use crate::segments::{Layout, Segments};
use crate::tensors::{Shape, shape};

/// Blobs handed on, and tensors named.
const MAX_PARTS: u64 = 50_000;

/// Scans a file of tensors.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    // extension/flat_tensor/serialize/flat_tensor_header.cpp: the FlatBuffer's offset and size without the header before it, the base of
    // the segments and their size.
    let numbers = match Layout::read(artifact, b"FH01", 40, 4) {
        Ok(Some(numbers)) => numbers,
        Ok(None) => return Err("the header 'FH01' of the segments is missing".to_owned()),
        Err(reason) => {
            if size >= 48 {
                sink.finding(Finding::new(&S1172, reason.clone()).at(8, 8));
            }
            return Err(reason);
        }
    };
    let number = |index: usize| numbers.get(index).copied().unwrap_or(0);
    let layout = Layout { flatbuffer: number(0).saturating_add(number(1)), base: number(2), data: number(3) };
    let cut = layout.check(size, sink);
    let front = Front::new(artifact, layout.flatbuffer);
    let mut walk = Walk::new(&front, sink);
    walk.cut = cut;
    let result = parts(artifact, layout, &mut walk);
    walk.finish(result)
}

fn parts(artifact: &dyn Artifact, layout: Layout, walk: &mut Walk<'_, '_>) -> Result<(), Defect> {
    let root = walk.file.root()?;
    let version = walk.file.u32(&root, flat_tensor::VERSION)?.unwrap_or(0);
    walk.sink.fact_number("format_version", u64::from(version));
    let segments = Segments::read(walk, artifact.size(), &root, flat_tensor::SEGMENTS, layout)?;
    walk.sink.fact_number("segment_count", segments.count());
    if segments.cut {
        walk.sink.incomplete("the file ends early: segments lie behind its end");
    }
    let mut bad = Tally::default();
    let result = blobs(walk, &root, &segments, &mut bad);
    bad.report(&S1172, None, "tensor", walk.sink);
    segments.gaps(artifact, layout, walk.sink);
    result
}

fn blobs(
    walk: &mut Walk<'_, '_>,
    root: &modelaudit_flatbuffer::Table,
    segments: &Segments,
    bad: &mut Tally,
) -> Result<(), Defect> {
    let list = walk.list(root, flat_tensor::NAMED_DATA, 4)?;
    if list.count > MAX_LIST {
        return Err(Defect { at: list.at, what: format!("{} named blobs", list.count) });
    }
    let (mut used, mut tensors, mut parameters, mut handed) = (vec![false; segments.spans.len()], 0u64, 0u64, 0u64);
    for index in 0..list.count {
        let entry = walk.file.element(&list, index)?;
        let key = walk.name(&entry, named::KEY)?;
        let segment = u64::from(walk.file.u32(&entry, named::SEGMENT)?.unwrap_or(0));
        let at = Span::new(entry.at, 4);
        if segment >= segments.count() {
            bad.add(&key, at, || format!("names segment {segment} of {}", segments.count()));
            continue;
        }
        let first = used.get_mut(segment as usize).is_some_and(|used| !std::mem::replace(used, true));
        let Some(span) = segments.get(segment) else { continue };
        let layout = walk.file.child(&entry, named::LAYOUT)?;
        let Some(layout) = layout else {
            // Nobody but a delegate knows what it is: a weight, or a whole library.
            if first && span.length > 0 && handed < MAX_PARTS {
                handed += 1;
                walk.sink.embed(&format!("named_data/{key}"), span, "");
            }
            continue;
        };
        let number = walk.file.u8(&layout, named::LAYOUT_TYPE)?.unwrap_or(0);
        let (shape, elements) = match shape(walk, &layout, named::LAYOUT_SIZES, named::LAYOUT_ORDER)? {
            Shape::Fits(shape, elements) => (shape, elements),
            Shape::Wrong(what) => {
                bad.add(&key, at, || what);
                continue;
            }
        };
        let Some((dtype, width)) = schema::data_type(number) else {
            bad.add(&key, at, || format!("is of the unknown type {number}"));
            continue;
        };
        match elements.checked_mul(width) {
            Some(needed) if needed <= span.length => {
                tensors += 1;
                parameters = parameters.saturating_add(elements);
                if tensors <= MAX_PARTS {
                    let at = Span::new(span.offset, needed);
                    walk.sink.tensor(Tensor { name: key, dtype: dtype.to_owned(), shape, at });
                }
            }
            Some(needed) => bad.add(&key, at, || format!("needs {needed} bytes, its segment has {}", span.length)),
            None => bad.add(&key, at, || "has more bytes than any memory holds".to_owned()),
        }
    }
    for (index, span) in segments.spans.iter().enumerate() {
        if let (Some(span), Some(false)) = (span.filter(|span| span.length > 0), used.get(index))
            && handed < MAX_PARTS
        {
            handed += 1;
            walk.sink.embed(&format!("segments/{index}"), span, "");
        }
    }
    if handed >= MAX_PARTS {
        walk.sink.incomplete(&format!("more than {MAX_PARTS} blobs: the rest was not handed on"));
    }
    walk.sink.fact_number("tensor_count", tensors);
    walk.sink.fact_number("parameters", parameters);
    Ok(())
}
