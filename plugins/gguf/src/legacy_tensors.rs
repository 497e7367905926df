//! The tensors of the formats before GGUF: header, name, data, and then the next one.
//!
//! Where the data end is computed from dimensions and type, so one wrong number leads astray everything behind it. A product that
//! overflows is an attack; a header that makes no sense behind tensors of a quantisation whose size changed over time is not.

use modelaudit_plugin::{Sink, Span, Tensor, clip, escape, quote};

use crate::cursor::{Cursor, Stop, at_offset};
use crate::types;

/// `GGML_MAX_DIMS`.
const MAX_DIMENSIONS: u32 = 4;
/// Tensor names are short.
const LONGEST_NAME: u32 = 4096;
/// Tensors that are followed.
const MAX_TENSORS: u64 = 100_000;
/// Alignment of the data in `tjgg` and `algg`.
const ALIGNMENT: u64 = 32;

/// Blocks of the quantisations before May 2023 (ggjt versions 1 and 2): elements and bytes by number of the type. The scales were
/// 32-bit floats. Source: ggml.c of llama.cpp at that time.
const OLD: &[(u32, u64, u64)] =
    &[(2, 32, 20), (3, 32, 24), (4, 16, 10), (5, 16, 12), (6, 32, 22), (7, 32, 24), (8, 32, 36)];

/// How the data are packed.
#[derive(Clone, Copy)]
pub struct Packing {
    /// Data begin at a multiple of 32.
    pub padded: bool,
    /// Quantisations are those before May 2023.
    pub old: bool,
}

/// True if a tensor's header or the end of the file stands here. The position stays.
pub fn is_tensor(cursor: &mut Cursor<'_>) -> bool {
    if cursor.reader.remaining() == 0 {
        return true;
    }
    let back = cursor.position();
    let mut number = || cursor.u32().unwrap_or(u32::MAX);
    let (rank, name, kind) = (number(), number(), number());
    let fits = (1..=MAX_DIMENSIONS).contains(&rank) && (1..=LONGEST_NAME).contains(&name);
    cursor.reader.seek_to(back).is_ok() && fits && kind <= types::LARGEST_PLAUSIBLE
}

/// Goes from tensor to tensor and names them.
pub fn walk(cursor: &mut Cursor<'_>, packing: Packing, sink: &mut dyn Sink) -> Result<(), Stop> {
    let (mut count, mut parameters, mut changed) = (0u64, 0u64, false);
    let result = loop {
        if cursor.reader.remaining() == 0 {
            break Ok(());
        }
        if count >= MAX_TENSORS {
            break Err(Stop::Ends(format!("more than {MAX_TENSORS} tensors{}", at_offset(cursor.position()))));
        }
        match tensor(cursor, packing, count == 0, sink) {
            Ok(Some((elements, quantised))) => {
                count += 1;
                parameters = parameters.saturating_add(elements);
                changed |= quantised;
            }
            Ok(None) if changed && (packing.old || !packing.padded) => {
                sink.log("the sizes of the quantised tensors are those of another version: the others are not named");
                break Ok(());
            }
            Ok(None) => {
                let place = at_offset(cursor.position());
                break Err(Stop::Ends(format!("what follows the {count} tensors before it is no tensor{place}")));
            }
            Err(stop) => break Err(stop),
        }
    };
    sink.fact_number("tensor_count", count);
    sink.fact_number("parameters", parameters);
    result
}

/// Reads one tensor: its elements and whether its size depends on the version. None if there is no tensor here.
fn tensor(
    cursor: &mut Cursor<'_>,
    packing: Packing,
    first: bool,
    sink: &mut dyn Sink,
) -> Result<Option<(u64, bool)>, Stop> {
    let at = cursor.position();
    let (rank, length, kind) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
    if rank > MAX_DIMENSIONS || length > LONGEST_NAME {
        cursor.reader.seek_to(at)?;
        if first {
            let message = format!("the first tensor has {rank} dimensions and a name of {length} bytes");
            return Err(Stop::Lies(at, message));
        }
        return Ok(None);
    }
    let mut shape = Vec::new();
    for _ in 0..rank {
        shape.push(u64::from(cursor.u32()?));
    }
    let name = Span::new(cursor.position(), u64::from(length));
    cursor.reader.skip(name.length)?;
    let bytes = cursor.text(name, u64::from(LONGEST_NAME))?;
    let name = escape(&String::from_utf8_lossy(&bytes));
    let old = OLD.iter().find(|(id, ..)| packing.old && *id == kind).map(|(_, block, bytes)| (*block, *bytes));
    let known = types::get(kind);
    let Some((block, width)) = old.or(known.map(|t| (t.block, t.bytes))).filter(|(_, bytes)| *bytes > 0) else {
        if kind > types::LARGEST_PLAUSIBLE && first {
            return Err(Stop::Lies(at, format!("tensor {} is of type {kind}, which no ggml has", quote(&name))));
        }
        cursor.reader.seek_to(at)?;
        return Ok(None);
    };
    if packing.padded {
        let here = cursor.position();
        cursor.reader.skip(here.next_multiple_of(ALIGNMENT) - here)?;
    }
    let elements = shape.iter().try_fold(1u64, |n, d| n.checked_mul(*d)).filter(|n| i64::try_from(*n).is_ok());
    let size = elements.and_then(|n| n.div_ceil(block).checked_mul(width));
    let (Some(elements), Some(size)) = (elements, size) else {
        let message = format!("tensor {} has dimensions whose product overflows 64 bits", quote(&name));
        return Err(Stop::Lies(at, message));
    };
    let data = Span::new(cursor.position(), size);
    cursor.reader.skip(size)?;
    let dtype = known.map_or_else(|| format!("ggml-{kind}"), |t| t.name.to_owned());
    sink.tensor(Tensor { name: clip(&name, 256), dtype, shape, at: data });
    Ok(Some((elements, block > 1)))
}
