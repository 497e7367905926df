//! The parameters: a list of arrays, then a list of their names (`NDArray::Save` in ndarray.cc).

use std::collections::BTreeSet;

use modelaudit_plugin::{Artifact, EndOfData, Finding, Reader, Sink, Span, Tensor};
use modelaudit_rules::structure::{S902, S911};

/// Magics of the versions of an array; before there were any, its number of dimensions stands there.
const V1: u32 = 0xf993_fac8;
const V2: u32 = 0xf993_fac9;
const V3: u32 = 0xf993_faca;
/// Dimensions; MXNet itself has at most 32.
const MOST_DIMENSIONS: u32 = 32;
/// Arrays that get their names; others are counted.
const MOST_NAMED: usize = 200_000;
/// Bytes of a name.
const LONGEST_NAME: u64 = 4096;

/// Why the file could not be read on.
enum Stop {
    End(EndOfData),
    Bad(u64, String),
}

impl From<EndOfData> for Stop {
    fn from(end: EndOfData) -> Self {
        Self::End(end)
    }
}

/// Name and size of an element type (mshadow's TypeFlag).
fn element(code: u32) -> Option<(&'static str, u64)> {
    const TYPES: [(&str, u64); 13] = [
        ("f32", 4),
        ("f64", 8),
        ("f16", 2),
        ("u8", 1),
        ("i32", 4),
        ("i8", 1),
        ("i64", 8),
        ("bool", 1),
        ("i16", 2),
        ("u16", 2),
        ("u32", 4),
        ("u64", 8),
        ("bf16", 2),
    ];
    TYPES.get(usize::try_from(code).ok()?).copied()
}

/// Scans parameters.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let mut reader = Reader::new(artifact);
    match list(&mut reader, sink) {
        Ok(count) => {
            sink.fact_text("framework", "mxnet");
            sink.fact_number("tensor_count", count);
            let rest = Span::new(reader.position(), reader.remaining());
            if rest.length > 0 {
                sink.finding(
                    Finding::new(&S911, format!("{} bytes follow the parameters", rest.length))
                        .at(rest.offset, rest.length),
                );
                sink.embed("after the parameters", rest, "");
            }
        }
        Err(Stop::End(end)) => sink.incomplete(&format!("the parameters are cut off: {end}")),
        Err(Stop::Bad(at, what)) => {
            sink.finding(
                Finding::new(&S902, format!("the parameters are malformed: {what}")).at(at.min(artifact.size()), 0),
            );
            sink.incomplete(&format!("the parameters were read to offset {at}: {what}"));
        }
    }
    Ok(())
}

fn list(reader: &mut Reader<'_>, sink: &mut dyn Sink) -> Result<u64, Stop> {
    reader.skip(16)?;
    let count = reader.u64_le()?;
    let mut tensors = Vec::new();
    let (mut parameters, mut dtypes) = (0u64, BTreeSet::new());
    for _ in 0..count {
        // Every array takes bytes, so a count that lies ends with the file.
        let tensor = array(reader)?;
        if let Some(tensor) = &tensor {
            let elements = tensor.shape.iter().fold(1u64, |product, d| product.saturating_mul(*d));
            parameters = parameters.saturating_add(elements);
            dtypes.insert(tensor.dtype.clone());
        }
        if let Some(tensor) = tensor
            && tensors.len() < MOST_NAMED
        {
            tensors.push(tensor);
        }
        sink.progress(reader.position());
    }
    sink.fact_number("parameters", parameters);
    sink.fact_list("dtypes", &dtypes.into_iter().collect::<Vec<_>>());
    let at = reader.position();
    let names = reader.u64_le()?;
    if names != 0 && names != count {
        return Err(Stop::Bad(at, format!("{names} names for {count} arrays")));
    }
    let all_there = tensors.len() as u64 == count;
    let mut tensors = tensors.into_iter();
    for _ in 0..names {
        let at = reader.position();
        let length = reader.u64_le()?;
        if length > LONGEST_NAME {
            return Err(Stop::Bad(at, format!("a name of {length} bytes")));
        }
        let name = String::from_utf8_lossy(&reader.read_vec(length)?).into_owned();
        if all_there && let Some(tensor) = tensors.next() {
            sink.tensor(Tensor { name: modelaudit_plugin::escape(&name), ..tensor });
        }
    }
    tensors.enumerate().for_each(|(index, tensor)| sink.tensor(Tensor { name: format!("array.{index}"), ..tensor }));
    Ok(count)
}

/// A shape: a number of dimensions, and each; None if it is not known.
fn shape(reader: &mut Reader<'_>, dimensions: u32, wide: bool) -> Result<Vec<u64>, Stop> {
    let at = reader.position();
    if dimensions > MOST_DIMENSIONS {
        return Err(Stop::Bad(at, format!("an array of {dimensions} dimensions")));
    }
    (0..dimensions).map(|_| Ok(if wide { reader.u64_le()? } else { u64::from(reader.u32_le()?) })).collect()
}

/// Passes over the bytes of an array.
fn data(reader: &mut Reader<'_>, shape: &[u64], size: u64) -> Result<Span, Stop> {
    let at = reader.position();
    let bytes = shape.iter().try_fold(size, |product, d| product.checked_mul(*d));
    let Some(bytes) = bytes else {
        return Err(Stop::Bad(at, format!("an array of shape {shape:?}, which no file can hold")));
    };
    reader.skip(bytes)?;
    Ok(Span::new(at, bytes))
}

/// An array; None for one that was never given a shape.
fn array(reader: &mut Reader<'_>) -> Result<Option<Tensor>, Stop> {
    let at = reader.position();
    let magic = reader.u32_le()?;
    let (mut parts, mut stored) = (0, Vec::new());
    let dims = match magic {
        V2 | V3 => {
            // Storage: dense, row-sparse (one list of indexes), CSR (two).
            parts = match reader.u32_le()? {
                0 => 0,
                1 => 1,
                2 => 2,
                other => return Err(Stop::Bad(at, format!("storage type {other}"))),
            };
            if parts > 0 {
                let dimensions = reader.u32_le()?;
                stored = shape(reader, dimensions, true)?;
            }
            let dimensions = reader.u32_le()?;
            // -1 is a shape that is not known, 0 was one before version 3.
            if dimensions == u32::MAX || dimensions == 0 && magic == V2 {
                return Ok(None);
            }
            shape(reader, dimensions, true)?
        }
        V1 => {
            let dimensions = reader.u32_le()?;
            shape(reader, dimensions, true)?
        }
        dimensions => shape(reader, dimensions, false)?,
    };
    if dims.is_empty() && magic != V3 {
        return Ok(None);
    }
    // The device it was on.
    reader.skip(8)?;
    let code = reader.u32_le()?;
    let Some((dtype, size)) = element(code) else { return Err(Stop::Bad(at, format!("element type {code}"))) };
    let mut lists = Vec::new();
    for _ in 0..parts {
        let code = reader.u32_le()?;
        let Some((_, size)) = element(code) else {
            return Err(Stop::Bad(at, format!("element type {code} of indexes")));
        };
        let dimensions = reader.u32_le()?;
        lists.push((shape(reader, dimensions, true)?, size));
    }
    let span = data(reader, if parts > 0 { &stored } else { &dims }, size)?;
    for (shape, size) in lists {
        data(reader, &shape, size)?;
    }
    Ok(Some(Tensor { name: String::new(), dtype: dtype.to_owned(), shape: dims, at: span }))
}
