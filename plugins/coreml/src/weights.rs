//! `weight.bin`: the weights of an ML program.
//!
//! A header with the number of blobs and the version of the layout, then at multiples of 64 a header for each blob (a sentinel, its element type,
//! its size and where its bytes stand) and the bytes (apple/coremltools, mlmodel/src/MILBlob/Blob/StorageFormat.hpp). The framework
//! maps the file and believes the headers.

use modelaudit_plugin::{Artifact, Finding, Sink, Span, Tensor};
use modelaudit_rules::padding::is_zero;
use modelaudit_rules::structure::{S902, S911};

/// Bytes of the file's header and of each blob's; blobs stand at multiples of it.
const HEADER: u64 = 64;
/// The first four bytes of a blob's header.
pub const SENTINEL: [u8; 4] = 0xdead_beefu32.to_le_bytes();
/// Versions of the layout.
const VERSIONS: std::ops::RangeInclusive<u32> = 1..=2;
/// Blobs that are named; models have some thousand.
const MAX_BLOBS: u32 = 200_000;
/// The longest padding.
const LONGEST_TAIL: u64 = 1 << 20;

/// `BlobDataType`: name and bits of an element by number, from 1 on.
const TYPES: &[(&str, u64)] = &[
    ("f16", 16),
    ("f32", 32),
    ("u8", 8),
    ("i8", 8),
    ("bf16", 16),
    ("i16", 16),
    ("u16", 16),
    ("i4", 4),
    ("u1", 1),
    ("u2", 2),
    ("u4", 4),
    ("u3", 3),
    ("u6", 6),
    ("i32", 32),
    ("u32", 32),
    ("f8_e4m3fn", 8),
    ("f8_e5m2", 8),
];

/// Scans a file of weights.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    let (Some(count), Some(version)) = (number(artifact, 0), number(artifact, 4)) else {
        return Err(format!("the weights of {size} bytes are shorter than their header"));
    };
    if !VERSIONS.contains(&version) || count == 0 {
        return Err(format!("no weights of an ML program: the header announces {count} blobs and version {version}"));
    }
    sink.fact_text("framework", "coreml");
    sink.fact_number("format_version", u64::from(version));
    let (mut at, mut parameters, mut named) = (HEADER, 0u64, 0u32);
    let mut result = Ok(());
    for index in 0..count {
        if index >= MAX_BLOBS {
            result = Err(format!("more than {MAX_BLOBS} blobs: those from offset {at} on were not named"));
            break;
        }
        let Some(header) = artifact.read_exact(at, 24) else {
            result = Err(format!("the file ends early: blob {index} of {count} would stand at offset {at}"));
            break;
        };
        if !header.starts_with(&SENTINEL) {
            result = Err(format!("blob {index} of {count} is not where the one before ends, at offset {at}"));
            break;
        }
        let word = |from: usize| -> u64 {
            header.get(from..from + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
        };
        let (kind, span) = (word(4) as u32, Span::new(word(16), word(8)));
        let end = span.offset.checked_add(span.length).filter(|end| i64::try_from(*end).is_ok());
        let Some(end) = end.filter(|_| span.offset >= at + HEADER) else {
            let message = format!(
                "blob {index} has {} bytes at {}: outside any file, or in its own header",
                span.length, span.offset
            );
            sink.finding(Finding::new(&S902, message).at(at, HEADER.min(size - at)));
            result = Err(format!("what follows blob {index} at offset {at} was not read"));
            break;
        };
        if end > size {
            result = Err(format!("the file ends early: blob {index} ends at {end}, the file has {size} bytes"));
            break;
        }
        let known = usize::try_from(kind).ok().and_then(|kind| TYPES.get(kind.checked_sub(1)?));
        let elements = known.map(|(_, bits)| span.length.saturating_mul(8) / bits);
        parameters = parameters.saturating_add(elements.unwrap_or(0));
        named += 1;
        sink.tensor(Tensor {
            name: format!("blob {index} at offset {at}"),
            dtype: known.map_or_else(|| format!("coreml-{kind}"), |(name, _)| (*name).to_owned()),
            shape: elements.into_iter().collect(),
            at: span,
        });
        at = end.next_multiple_of(HEADER);
    }
    sink.fact_number("tensor_count", u64::from(named));
    sink.fact_number("parameters", parameters);
    if result.is_ok() && at < size && !is_zero(artifact, Span::new(at, size - at), LONGEST_TAIL) {
        let message = format!("{} bytes behind the last blob belong to no part of the model", size - at);
        sink.finding(Finding::new(&S911, message).at(at, size - at));
        sink.embed("behind the weights", Span::new(at, size - at), "");
    }
    result
}

fn number(artifact: &dyn Artifact, at: u64) -> Option<u32> {
    artifact.array(at).map(u32::from_le_bytes)
}
