//! `.pdiparams`: tensors one after the other, as `SerializeToStream` of lod_tensor.cc and tensor_util.cc writes them.

use std::collections::BTreeSet;

use modelaudit_plugin::{Artifact, EndOfData, Finding, Reader, Sink, Span, Tensor};
use modelaudit_protobuf::{Message, Walker};
use modelaudit_rules::structure::S902;

/// Levels of detail and dimensions of a tensor; real ones have three and nine at most.
const MOST_LEVELS: u64 = 64;
const MOST_DIMENSIONS: usize = 64;
/// Bytes of a description: a type and dimensions.
const LARGEST_DESCRIPTION: u64 = 1024;

/// Name and size of a type (framework.proto, VarType.Type).
fn element(code: u64) -> Option<(&'static str, u64)> {
    Some(match code {
        0 => ("bool", 1),
        1 => ("i16", 2),
        2 => ("i32", 4),
        3 => ("i64", 8),
        4 => ("f16", 2),
        5 => ("f32", 4),
        6 => ("f64", 8),
        20 => ("u8", 1),
        21 => ("i8", 1),
        22 => ("bf16", 2),
        23 => ("complex64", 8),
        24 => ("complex128", 16),
        32 => ("f8_e4m3fn", 1),
        33 => ("f8_e5m2", 1),
        _ => return None,
    })
}

/// Why the row ends before the file.
enum Stop {
    End(EndOfData),
    Bad(u64, String),
    Unknown(u64, u64),
}

impl From<EndOfData> for Stop {
    fn from(end: EndOfData) -> Self {
        Self::End(end)
    }
}

/// Scans parameters.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let mut reader = Reader::new(artifact);
    let (mut count, mut parameters, mut dtypes) = (0u64, 0u64, BTreeSet::new());
    if reader.remaining() == 0 {
        return Err("the file is empty".to_owned());
    }
    while reader.remaining() > 0 {
        match tensor(artifact, &mut reader, count) {
            Ok(tensor) => {
                let elements = tensor.shape.iter().fold(1u64, |product, d| product.saturating_mul(*d));
                parameters = parameters.saturating_add(elements);
                dtypes.insert(tensor.dtype.clone());
                sink.tensor(tensor);
            }
            Err(stop) => {
                // Zeros and a small number are a weak magic: data of another format may begin like that.
                if count == 0 && !artifact.name().to_ascii_lowercase().ends_with(".pdiparams") {
                    sink.log("the head is like that of Paddle parameters, what follows is not");
                    return Ok(());
                }
                report(artifact, stop, count, sink);
                break;
            }
        }
        count += 1;
        sink.progress(reader.position());
    }
    sink.fact_text("framework", "paddle");
    sink.fact_number("tensor_count", count);
    sink.fact_number("parameters", parameters);
    sink.fact_list("dtypes", &dtypes.into_iter().collect::<Vec<_>>());
    Ok(())
}

fn report(artifact: &dyn Artifact, stop: Stop, count: u64, sink: &mut dyn Sink) {
    match stop {
        Stop::End(end) => sink.incomplete(&format!("the parameters are cut off in tensor {count}: {end}")),
        Stop::Unknown(at, code) => {
            sink.incomplete(&format!("tensor {count} at offset {at} has the element type {code}, which is not known"))
        }
        Stop::Bad(at, what) => {
            let finding =
                Finding::new(&S902, format!("tensor {count} is malformed: {what}")).at(at.min(artifact.size()), 0);
            sink.finding(finding.element(format!("tensor.{count}")));
            sink.incomplete(&format!("the parameters were read to tensor {count} at offset {at}: {what}"));
        }
    }
}

fn tensor(artifact: &dyn Artifact, reader: &mut Reader<'_>, index: u64) -> Result<Tensor, Stop> {
    let at = reader.position();
    let version = reader.u32_le()?;
    if version != 0 {
        return Err(Stop::Bad(at, format!("version {version} where only 0 exists")));
    }
    let levels = reader.u64_le()?;
    if levels > MOST_LEVELS {
        return Err(Stop::Bad(at, format!("{levels} levels of detail")));
    }
    for _ in 0..levels {
        let length = reader.u64_le()?;
        reader.skip(length)?;
    }
    let version = reader.u32_le()?;
    if version != 0 {
        return Err(Stop::Bad(at, format!("tensor version {version} where only 0 exists")));
    }
    let length = u64::from(reader.u32_le()?);
    if length > LARGEST_DESCRIPTION {
        return Err(Stop::Bad(at, format!("a description of {length} bytes")));
    }
    let description = Span::new(reader.position(), length);
    reader.skip(length)?;
    let bad = |error: modelaudit_protobuf::Malformed| Stop::Bad(error.at, error.what);
    let mut walker = Walker::new(artifact);
    let mut message = Message::over(description);
    let (mut code, mut shape) = (None, Vec::new());
    while let Some(field) = walker.next(&mut message).map_err(bad)? {
        match field.number {
            1 => code = field.varint(),
            2 => walker.varints(&field, MOST_DIMENSIONS, &mut shape).map_err(bad)?,
            _ => {}
        }
    }
    let Some(code) = code else { return Err(Stop::Bad(at, "no element type".to_owned())) };
    let Some((dtype, size)) = element(code) else { return Err(Stop::Unknown(at, code)) };
    let bytes = shape.iter().try_fold(size, |product, d| product.checked_mul(*d));
    let Some(bytes) = bytes else { return Err(Stop::Bad(at, format!("dimensions {shape:?}, which no file can hold"))) };
    let data = Span::new(reader.position(), bytes);
    reader.skip(bytes)?;
    Ok(Tensor { name: format!("tensor.{index}"), dtype: dtype.to_owned(), shape, at: data })
}
