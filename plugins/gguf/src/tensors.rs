//! The tensor infos of a GGUF file and the layout of its data.
//!
//! A tensor's size is computed by the reader, from dimensions and type; the file only gives an offset. Readers that multiply without
//! a check wrap around (CVE-2025-53630, CVE-2026-27940) or read what the file does not hold (CVE-2026-7482). Writers put one tensor
//! behind the other, padded; llama.cpp refuses anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, Tensor, clip, escape, quote};
use modelaudit_rules::frameworks::S1110;
use modelaudit_rules::padding::is_zero;
use modelaudit_rules::structure::{S902, S910, S911};
use modelaudit_rules::tensors::Tally;

use crate::cursor::{Cursor, Stop};
use crate::types;

/// Tensors that are kept; the largest real models have some ten thousand.
const MAX_TENSORS: u64 = 200_000;
/// ggml's own limit is 63, stable-diffusion.cpp raises it to 127.
const LONGEST_NAME: u64 = 255;
/// `GGML_MAX_DIMS` is 4; video models are stored with five by other tools.
const MAX_DIMENSIONS: u32 = 5;
/// No real model is as large: one that leaves the file and says so was not cut off.
const LARGEST_MODEL: u64 = 16 << 40;
/// Bytes of padding that are looked at, to tell zeros from a payload.
const MAX_PADDING: u64 = 16 << 20;
/// Padding with less room than this holds no payload; some writers leave a few bytes of what was in memory there.
const SMALLEST_PAYLOAD: u64 = 32;
/// Alignments up to this leave no room for a payload between tensors.
const SMALL_ALIGNMENT: u64 = 64;
/// Ranges handed on as children.
const MAX_EMBEDDED: u64 = 16;

/// A tensor's place, relative to the data; `size` is None for a type that is not known.
struct Extent {
    begin: u64,
    size: Option<u64>,
    name: Span,
}

/// What the infos say, before the place of the data is known.
pub struct Infos {
    extents: Vec<Extent>,
    tensors: Vec<Tensor>,
    /// Something is wrong with them already: the layout is not worth more findings.
    broken: bool,
}

/// Walks `count` infos.
pub fn read(cursor: &mut Cursor<'_>, count: u64, alignment: u64, sink: &mut dyn Sink) -> Result<Infos, Stop> {
    let mut infos = Infos { extents: Vec::new(), tensors: Vec::new(), broken: false };
    let mut seen = BTreeSet::new();
    let mut dtypes = BTreeMap::new();
    let (mut parameters, mut unknown) = (0u64, Tally::default());
    let (mut repeated, mut unaligned, mut lies, mut blocks) =
        (Tally::default(), Tally::default(), Tally::default(), Tally::default());
    // llama.cpp adds the padded sizes up; the sum that wraps makes it allocate too little (CVE-2025-53630, CVE-2026-27940).
    let (mut sum, mut wraps) = (Some(0u64), Tally::default());
    for index in 0..count {
        if index >= MAX_TENSORS {
            sink.incomplete(&format!(
                "more than {MAX_TENSORS} tensors: those from offset {} on were not read",
                cursor.position()
            ));
            infos.broken = true;
            break;
        }
        let at = cursor.position();
        let span = cursor.string(LONGEST_NAME, "the name of a tensor")?;
        if span.length > LONGEST_NAME {
            let message = format!("the name of a tensor is {} bytes long, ggml has room for 64", span.length);
            return Err(Stop::Lies(at, message));
        }
        let bytes = cursor.text(span, LONGEST_NAME)?;
        let name = escape(&String::from_utf8_lossy(&bytes));
        let rank = cursor.u32()?;
        if rank > MAX_DIMENSIONS {
            let message = format!("tensor {} has {rank} dimensions, ggml has room for 4", quote(&name));
            return Err(Stop::Lies(span.end(), message));
        }
        let mut shape = Vec::new();
        for _ in 0..rank {
            shape.push(cursor.count()?);
        }
        let kind = cursor.u32()?;
        let begin = cursor.u64()?;
        let info = Span::new(at, cursor.position() - at);

        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        if !seen.insert(hasher.finish()) {
            infos.broken = true;
            repeated.add(&name, info, || "stands twice: one reader takes the first, another the last".to_owned());
        }
        if begin % alignment != 0 {
            infos.broken = true;
            unaligned
                .add(&name, info, || format!("starts at {begin}, which is no multiple of the alignment {alignment}"));
        }
        let elements =
            shape.iter().try_fold(1u64, |product, n| product.checked_mul(*n)).filter(|n| i64::try_from(*n).is_ok());
        let known = types::get(kind);
        let mut size = None;
        match (elements, known) {
            (None, _) => {
                infos.broken = true;
                lies.add(&name, info, || "has dimensions whose product overflows 64 bits".to_owned());
            }
            (Some(_), None) if kind > types::LARGEST_PLAUSIBLE => {
                infos.broken = true;
                lies.add(&name, info, || format!("is of type {kind}, which no version of ggml has"));
            }
            (Some(_), None) => unknown.add(&name, info, || format!("is of type {kind}, which is not known")),
            (Some(n), Some(known)) => {
                if shape.first().is_some_and(|row| row % known.block != 0) {
                    infos.broken = true;
                    blocks.add(&name, info, || {
                        format!("has rows that are no multiple of the {} elements of a block", known.block)
                    });
                }
                size = n.div_ceil(known.block).checked_mul(known.bytes);
                if known.bytes == 0 {
                    size = None;
                } else if size
                    .and_then(|size| begin.checked_add(size)?.checked_add(alignment))
                    .is_none_or(|end| i64::try_from(end).is_err())
                {
                    infos.broken = true;
                    lies.add(&name, info, || "has a size and an offset whose sum overflows 64 bits".to_owned());
                    size = None;
                }
                parameters = parameters.saturating_add(n);
                let padded = size.map_or(Some(0), |size| size.checked_next_multiple_of(alignment));
                let after = sum.zip(padded).and_then(|(sum, size)| sum.checked_add(size));
                let after = after.filter(|sum| i64::try_from(*sum).is_ok());
                if sum.is_some() && after.is_none() && size.is_some() {
                    infos.broken = true;
                    wraps.add(&name, info, || "makes the sum of all sizes overflow 64 bits".to_owned());
                }
                sum = after;
            }
        }
        let dtype = known.map_or_else(|| format!("ggml-{kind}"), |t| t.name.to_owned());
        *dtypes.entry(dtype.clone()).or_insert(0u64) += 1;
        infos.extents.push(Extent { begin, size, name: span });
        infos.tensors.push(Tensor { name: clip(&name, 256), dtype, shape, at: Span::new(begin, size.unwrap_or(0)) });
    }
    lies.report(&S1110, None, "tensor", sink);
    wraps.report(&S1110, None, "tensor", sink);
    blocks.report(&S1110, None, "tensor", sink);
    repeated.report(&S910, None, "tensor", sink);
    unaligned.report(&S902, None, "tensor", sink);
    unknown.report(&S1110, Some(Severity::Info), "tensor", sink);
    sink.fact_number("tensor_count", count);
    sink.fact_number("parameters", parameters);
    let names: Vec<&String> = dtypes.keys().collect();
    sink.fact_list("dtypes", &names);
    Ok(infos)
}

/// Places the tensors behind the header that ends at `header` and checks that they tile what follows.
pub fn place(artifact: &dyn Artifact, infos: Infos, header: u64, alignment: u64, sink: &mut dyn Sink) {
    let size = artifact.size();
    let data = header.checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
    let Infos { mut extents, tensors, broken } = infos;
    let mut begins: Vec<u64> = extents.iter().map(|e| e.begin).collect();
    begins.sort_unstable();
    for (mut tensor, extent) in tensors.into_iter().zip(&extents) {
        if extent.size.is_none() {
            // Its size is not known, so it goes on to the next one: whoever looks into tensors looks into all of it.
            let next = begins.get(begins.partition_point(|begin| *begin <= extent.begin));
            let end = next.map_or(size, |next| data.saturating_add(*next)).min(size);
            tensor.at.length = end.saturating_sub(data.saturating_add(extent.begin));
        }
        tensor.at.offset = tensor.at.offset.saturating_add(data);
        if tensor.at.offset.checked_add(tensor.at.length).is_some_and(|end| end <= size) {
            sink.tensor(tensor);
        }
    }
    let mut paddings = vec![Span::new(header, data.saturating_sub(header))];
    if extents.is_empty() || broken {
        padding(artifact, &paddings, sink);
    }
    if extents.is_empty() {
        // A vocabulary alone: nothing follows but zeros.
        let tail = Span::new(data.min(size), size.saturating_sub(data));
        if tail.length > 0 && !is_zero(artifact, tail, MAX_PADDING) {
            sink.embed("trailing data", tail, "");
            let message = format!("{} bytes follow the header of a file without tensors", tail.length);
            sink.finding(Finding::new(&S911, message).at(tail.offset, tail.length));
        }
        return;
    }
    if broken {
        return;
    }
    extents.sort_by_key(|e| (e.begin, e.size));
    // Where the next tensor must start; None behind one whose size is not known.
    let mut expected = Some(0u64);
    let (mut gaps, mut overlaps, mut embedded) = (Tally::default(), Tally::default(), 0u64);
    let (mut contradicts, mut gap_rule) = (false, &S911);
    for extent in &extents {
        let at = data.saturating_add(extent.begin);
        if let Some(expected) = expected {
            if extent.begin < expected && extent.size != Some(0) {
                contradicts = true;
                overlaps.add(&name_of(artifact, extent.name), extent.name, || {
                    "starts inside the tensor before it".to_owned()
                });
            } else if extent.begin > expected {
                let hole = Span::new(data.saturating_add(expected), extent.begin - expected);
                let outside = hole.end() > size;
                if outside || !is_zero(artifact, hole, MAX_PADDING) {
                    contradicts = true;
                    if outside {
                        gap_rule = &S902;
                    }
                    gaps.add(&name_of(artifact, extent.name), hole.within(size), || {
                        let what =
                            if outside { "and begins after the end of the file" } else { "that belong to no tensor" };
                        format!("stands behind {} bytes {what}", hole.length)
                    });
                    if !outside && embedded < MAX_EMBEDDED {
                        embedded += 1;
                        sink.embed(&format!("gap at offset {}", hole.offset), hole, "");
                    }
                }
            }
        }
        let end = extent
            .size
            .map(|size| extent.begin.saturating_add(size).checked_next_multiple_of(alignment).unwrap_or(u64::MAX));
        if let (Some(length), Some(end)) = (extent.size, end)
            && alignment > SMALL_ALIGNMENT
        {
            let behind = extent.begin.saturating_add(length);
            paddings.push(Span::new(data.saturating_add(behind), end.saturating_sub(behind)));
        }
        expected = match (expected, end) {
            (Some(before), Some(end)) => Some(before.max(end)),
            (_, end) => end,
        };
        if at > size {
            break;
        }
    }
    padding(artifact, &paddings, sink);
    gaps.report(gap_rule, None, "tensor", sink);
    overlaps.report(&S902, None, "tensor", sink);
    end_of_file(artifact, &extents, data, alignment, contradicts, sink);
}

/// Padding holds zeros; if there is some that has room for a payload and does not, it is told.
fn padding(artifact: &dyn Artifact, spans: &[Span], sink: &mut dyn Sink) {
    let size = artifact.size();
    let spans: BTreeSet<Span> = spans.iter().map(|span| span.within(size)).collect();
    let stray = spans.iter().filter(|s| s.length >= SMALLEST_PAYLOAD && !is_zero(artifact, **s, MAX_PADDING));
    let (mut first, mut count) = (None, 0u64);
    for span in stray {
        count += 1;
        first.get_or_insert(*span);
        if count <= MAX_EMBEDDED {
            sink.embed(&format!("padding at offset {}", span.offset), *span, "");
        }
    }
    if let Some(first) = first {
        let more = if count > 1 { format!(" (and {} more places)", count - 1) } else { String::new() };
        let message = format!("{} bytes of padding are not zero{more}", first.length);
        sink.finding(Finding::new(&S911, message).at(first.offset, first.length));
    }
}

/// Compares the end of the last tensor with the end of the file.
fn end_of_file(
    artifact: &dyn Artifact,
    extents: &[Extent],
    data: u64,
    alignment: u64,
    contradicts: bool,
    sink: &mut dyn Sink,
) {
    let size = artifact.size();
    let last = extents.iter().filter_map(|e| Some((e.begin.saturating_add(e.size?), e))).max_by_key(|(end, _)| *end);
    let Some((end, extent)) = last else { return };
    let end = data.saturating_add(end);
    if end > size {
        if !contradicts && end > LARGEST_MODEL {
            let name = name_of(artifact, extent.name);
            let message = format!("tensor {} ends {} bytes after the end of the file", quote(&name), end - size);
            sink.finding(
                Finding::new(&S1110, message).element(clip(&name, 120)).at(extent.name.offset, extent.name.length),
            );
        }
        sink.incomplete(&format!(
            "the file ends early: {} bytes of tensor data are missing at offset {size}",
            end - size
        ));
        return;
    }
    if extents.iter().any(|e| e.size.is_none()) {
        return;
    }
    let padded = end.checked_next_multiple_of(alignment).unwrap_or(u64::MAX);
    let tail = Span::new(end, size - end);
    if size > padded && !is_zero(artifact, tail, MAX_PADDING) {
        sink.embed("trailing data", tail, "");
        let message = format!("{} bytes after the last tensor belong to no tensor", tail.length);
        sink.finding(Finding::new(&S911, message).at(tail.offset, tail.length));
    }
}

/// The name again; it was too much to keep them all.
fn name_of(artifact: &dyn Artifact, span: Span) -> String {
    let bytes = artifact.read(span.offset, span.length.min(LONGEST_NAME) as u32);
    escape(&String::from_utf8_lossy(&bytes))
}
