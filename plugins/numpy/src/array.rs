//! One array: its header, its size, what follows.
//!
//! Source: `numpy.lib.format` (the format's specification, versions 1.0, 2.0, 3.0, and the reader).

use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, Tensor, clip, escape, quote};
use modelaudit_rules::structure::{S902, S904, S910, S911};

use crate::dtype::{self, Dtype};
use crate::literal::{self, Literal};

/// What every array starts with.
pub const MAGIC: &[u8] = b"\x93NUMPY";
/// `numpy.load` refuses longer headers unless it is told otherwise (`_MAX_HEADER_SIZE`).
const LOADER_HEADER: u64 = 10_000;
/// Longer headers are not read.
const MAX_HEADER: u64 = 16 << 20;
/// Blanks at the end of a header that alignment (64) and room for growth (21) explain, with a margin.
const MAX_PADDING: usize = 512;
/// Zeros after the array that are taken for padding.
const MAX_ZEROS: u64 = 64 << 10;
/// Dimensions that numpy 2 supports (`NPY_MAXDIMS`).
const MAX_DIMENSIONS: usize = 64;
/// A shape that asks for this much and for 1,024 times what is there is no download that broke off.
const ABSURD: u64 = 1 << 30;

/// Scans the array at `offset`, the `number`th of the file; the offset of the next one, if another follows.
///
/// # Errors
/// Why the array could not be understood.
pub fn scan(artifact: &dyn Artifact, offset: u64, number: u64, sink: &mut dyn Sink) -> Result<Option<u64>, String> {
    let size = artifact.size();
    let head = artifact.read(offset, 12);
    if !head.starts_with(MAGIC) {
        return Err(match MAGIC.starts_with(&head) {
            true => format!("the file ends inside the magic at offset {size}"),
            false => format!("no numpy array at offset {offset}: the magic is missing"),
        });
    }
    let (Some(major), Some(minor)) = (head.get(6).copied(), head.get(7).copied()) else {
        return Err(format!("the file ends inside the version at offset {size}"));
    };
    let field = head.get(8..).unwrap_or_default();
    let (length, start) = match (major, field) {
        (1, [a, b, ..]) => (u64::from(u16::from_le_bytes([*a, *b])), offset.saturating_add(10)),
        (2 | 3, [a, b, c, d]) => (u64::from(u32::from_le_bytes([*a, *b, *c, *d])), offset.saturating_add(12)),
        (1..=3, _) => return Err(format!("the file ends inside the header length at offset {size}")),
        _ => {
            let message = format!("the header has version {major}.{minor}, the format has 1.0, 2.0 and 3.0");
            sink.finding(Finding::new(&S902, message).at(offset, 8));
            return Err(format!("a numpy array of version {major}.{minor} can't be read"));
        }
    };
    let body = start.saturating_add(length);
    if body > size {
        return Err(format!(
            "the file ends inside the header: {length} bytes announced, {} there",
            size.saturating_sub(start)
        ));
    }
    let Some(bytes) = artifact.read_span(Span::new(start, length), MAX_HEADER) else {
        let message = format!("the header takes {length} bytes, no dtype needs them");
        sink.finding(Finding::new(&S904, message).at(offset, 12));
        sink.embed("data", Span::new(body, size - body), "");
        return Err(format!("the header of {length} bytes was not read, the limit is {MAX_HEADER}"));
    };
    let header = Span::new(start, length);
    long_header(&bytes, header, sink);
    let parsed = match literal::parse(&decode(&bytes, major)) {
        Ok(literal) => literal,
        Err(failure) => {
            let at = start.saturating_add(failure.offset as u64).min(body);
            if !failure.limit {
                let message = format!("the header is not a Python literal: {} at offset {at}", failure.what);
                let text =
                    clip(&escape(&String::from_utf8_lossy(bytes.get(..bytes.len().min(400)).unwrap_or_default())), 300);
                sink.finding(Finding::new(&S902, message).at(header.offset, header.length).detail("header", text));
            }
            sink.embed("data", Span::new(body, size - body), "");
            return Err(format!("the header could not be read: {}", failure.what));
        }
    };
    let Some(fields) = fields(&parsed, header, sink) else {
        sink.embed("data", Span::new(body, size - body), "");
        return Err("the header does not say what the array is".to_owned());
    };
    report_facts(&fields, number, (major, minor), sink);
    contents(artifact, &fields, Span::new(body, size - body), number, sink)
}

/// The text of a header: Latin-1, from version 3 on UTF-8.
fn decode(bytes: &[u8], major: u8) -> String {
    if major >= 3 {
        String::from_utf8_lossy(bytes).into_owned()
    } else {
        bytes.iter().map(|b| char::from(*b)).collect()
    }
}

/// A header above the loader's limit: fields fill it in a wide table, blanks in one that is to be skipped by scanners.
fn long_header(bytes: &[u8], header: Span, sink: &mut dyn Sink) {
    if header.length <= LOADER_HEADER {
        return;
    }
    let blanks = bytes.iter().rev().take_while(|b| b.is_ascii_whitespace() || **b == 0).count();
    let padded = blanks > MAX_PADDING;
    let message = match padded {
        true => format!(
            "the header takes {} bytes, {blanks} of them blanks; numpy.load stops at {LOADER_HEADER}",
            header.length
        ),
        false => format!(
            "the header takes {} bytes; numpy.load stops at {LOADER_HEADER} unless told otherwise",
            header.length
        ),
    };
    let severity = if padded { Severity::Warning } else { Severity::Info };
    sink.finding(Finding::new(&S904, message).severity(severity).at(header.offset, header.length));
}

/// What the header says.
struct Fields {
    dtype: Dtype,
    fortran: bool,
    shape: Vec<u64>,
    header: Span,
}

/// Takes the three fields out of the header; what is wrong with them is reported.
fn fields(parsed: &Literal, header: Span, sink: &mut dyn Sink) -> Option<Fields> {
    let mut wrong = |message: String| {
        sink.finding(Finding::new(&S902, message).at(header.offset, header.length));
    };
    let Literal::Dict(members) = parsed else {
        wrong("the header is a literal, but not a dict".to_owned());
        return None;
    };
    let mut found: [Option<&Literal>; 3] = [None; 3];
    let mut twice = None;
    for (key, value) in members {
        let index = match key {
            Literal::Text(key) => ["descr", "fortran_order", "shape"].iter().position(|known| known == key),
            _ => None,
        };
        let Some(slot) = index.and_then(|i| found.get_mut(i)) else {
            let shown = match key {
                Literal::Text(key) => quote(key),
                _ => "that is not a string".to_owned(),
            };
            wrong(format!("the header has a key {shown}; numpy demands descr, fortran_order and shape and no other"));
            // Its value is no array field; the known ones are still read.
            continue;
        };
        if slot.replace(value).is_some() {
            twice = index;
        }
    }
    let [Some(descr), Some(fortran), Some(shape)] = found else {
        wrong("the header lacks descr, fortran_order or shape".to_owned());
        return None;
    };
    let fortran = match fortran {
        Literal::Bool(value) => *value,
        _ => {
            wrong("fortran_order is not True or False".to_owned());
            false
        }
    };
    // numpy demands a tuple; an int alone is what `(3)` means and is refused.
    let dimensions = match shape {
        Literal::Tuple(_) => dtype::dimensions(shape),
        _ => None,
    };
    let Some(shape) = dimensions else {
        wrong("the shape is not a tuple of non-negative integers that fit 64 bits".to_owned());
        return None;
    };
    if shape.len() > MAX_DIMENSIONS {
        wrong(format!("the shape has {} dimensions, numpy has at most {MAX_DIMENSIONS}", shape.len()));
    }
    let Some(dtype) = dtype::dtype(descr) else {
        let text = match descr {
            Literal::Text(text) => quote(text),
            _ => "a structure that numpy does not know".to_owned(),
        };
        wrong(format!("the dtype does not exist: {text}"));
        return None;
    };
    if twice.is_some() {
        let message = "a key stands twice in the header: Python takes the last, readers that search the text the first";
        sink.finding(Finding::new(&S910, message).at(header.offset, header.length));
    }
    Some(Fields { dtype, fortran, shape, header })
}

fn report_facts(fields: &Fields, number: u64, version: (u8, u8), sink: &mut dyn Sink) {
    if number > 1 {
        return;
    }
    let shape: Vec<String> = fields.shape.iter().take(MAX_DIMENSIONS).map(u64::to_string).collect();
    sink.fact_text("npy_version", &format!("{}.{}", version.0, version.1));
    sink.fact_text("dtype", &fields.dtype.name);
    sink.fact("shape", &format!("[{}]", shape.join(",")));
    sink.fact("fortran_order", if fields.fortran { "true" } else { "false" });
}

/// Looks at the array's bytes, which start where `rest` does; the offset of the next array, if one follows.
fn contents(
    artifact: &dyn Artifact,
    fields: &Fields,
    rest: Span,
    number: u64,
    sink: &mut dyn Sink,
) -> Result<Option<u64>, String> {
    let header = fields.header;
    if fields.dtype.object {
        if rest.length == 0 {
            return Err(format!("the file ends before the pickle of its object array, at offset {}", rest.offset));
        }
        // One pickle holds the whole array; where it ends is for the pickle's scanner to say.
        let name = if number == 1 { "objects.pkl".to_owned() } else { format!("objects {number}.pkl") };
        sink.embed(&name, rest, "pickle");
        return Ok(None);
    }
    if fields.dtype.opaque {
        return Err("the size of an element can't be told from its dtype".to_owned());
    }
    let elements = fields.shape.iter().try_fold(1u64, |product, n| product.checked_mul(*n));
    let Some(wanted) = elements.zip(fields.dtype.size).and_then(|(n, size)| n.checked_mul(size)) else {
        let message =
            format!("the size of an array of shape {} and dtype {} overflows", shown(&fields.shape), fields.dtype.name);
        sink.finding(Finding::new(&S902, message).at(header.offset, header.length));
        return Err("the array's size overflows".to_owned());
    };
    if wanted > rest.length {
        if wanted >= ABSURD && wanted / 1024 > rest.length {
            let message =
                format!("the shape {} asks for {wanted} bytes, the file holds {}", shown(&fields.shape), rest.length);
            sink.finding(
                Finding::new(&S904, message)
                    .at(header.offset, header.length)
                    .detail("declared_bytes", wanted.to_string()),
            );
        }
        return Err(format!(
            "the file ends early: {} bytes of the array are missing at offset {}",
            wanted - rest.length,
            rest.end()
        ));
    }
    let data = Span::new(rest.offset, wanted);
    let path = artifact.name();
    let file = path.rsplit('/').next().unwrap_or_default();
    let stem = file.strip_suffix(".npy").unwrap_or(file);
    let name = if number == 1 { escape(stem) } else { format!("{} [{number}]", escape(stem)) };
    if fields.shape.len() <= MAX_DIMENSIONS {
        sink.tensor(Tensor {
            name: clip(&name, 1024),
            dtype: fields.dtype.name.clone(),
            shape: fields.shape.clone(),
            at: data,
        });
    }
    sink.progress(data.end());
    let tail = Span::new(data.end(), rest.length - wanted);
    if tail.length == 0 {
        return Ok(None);
    }
    if artifact.read(tail.offset, 6) == MAGIC {
        return Ok(Some(tail.offset));
    }
    // Some writers fill the last block of a file system or an archive.
    if artifact.read_span(tail, MAX_ZEROS).is_some_and(|bytes| bytes.iter().all(|b| *b == 0)) {
        return Ok(None);
    }
    sink.embed("trailing data", tail, "");
    let message = format!("{} bytes follow the array", tail.length);
    sink.finding(Finding::new(&S911, message).at(tail.offset, tail.length).detail("array_bytes", wanted.to_string()));
    Ok(None)
}

fn shown(shape: &[u64]) -> String {
    let mut text: Vec<String> = shape.iter().take(8).map(u64::to_string).collect();
    if shape.len() > 8 {
        text.push("...".to_owned());
    }
    format!("({})", text.join(", "))
}
