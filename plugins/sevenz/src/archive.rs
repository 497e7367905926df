//! Opens the archive: start header, header (unpacked as often as it is packed), and the bytes that no stream accounts for.

use modelaudit_plugin::{Artifact, Finding, Reader, Sink, Span};
use modelaudit_rules::structure::{S901, S902, S910, S911, S912};

use crate::cursor::Malformed;
use crate::header::{Header, Streams, parse};
use crate::members::Members;

/// The signature.
pub const SIGNATURE: &[u8; 6] = b"7z\xbc\xaf\x27\x1c";

/// Size of the start header; packed streams count from its end.
const START: u64 = 32;

/// Longest header, packed or not, that is read: 100,000 members with names of 100 letters take 20 MB.
const HEADER_LIMIT: u64 = 32 << 20;

/// How often a header may be packed. 7-Zip packs it once.
const PACKING_LIMIT: usize = 4;

/// Gaps between streams that are shown.
const GAP_LIMIT: usize = 16;

/// Extensions that promise a model which no loader reads out of a 7z archive. Such a file is unpacked by hand, past every
/// scanner that goes by the name (nullifAI). Sources: the loaders' own defaults (torch.save and Lightning, pickle, joblib, Keras,
/// ONNX, safetensors, GGUF, NumPy, TensorFlow, TorchServe).
const MODEL_EXTENSIONS: &[&str] = &[
    "bin",
    "ckpt",
    "gguf",
    "h5",
    "hdf5",
    "joblib",
    "keras",
    "mar",
    "model",
    "npy",
    "npz",
    "onnx",
    "pb",
    "pickle",
    "pkl",
    "pt",
    "pt2",
    "pth",
    "safetensors",
    "tflite",
];

/// Scans the archive.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let Some(start) = artifact.array::<32>(0) else {
        return Err(format!("the file ends inside the start header, at offset {}", artifact.size()));
    };
    if !start.starts_with(SIGNATURE) {
        return Err("the file does not start with the 7z signature".to_owned());
    }
    mismatched_name(artifact, sink);
    let mut accounted = vec![Span::new(0, START)];
    let header = place(&start, artifact.size(), sink)?;
    accounted.push(header);
    if header.length == 0 {
        sink.fact_number("sevenz_members", 0);
        unaccounted(artifact, accounted, sink);
        return Ok(());
    }
    let limit = |length| format!("the header of {length} bytes is longer than the limit of {HEADER_LIMIT}");
    let mut bytes = artifact.read_span(header, HEADER_LIMIT).ok_or_else(|| limit(header.length))?;
    if start.last_chunk().map(|crc| u32::from_le_bytes(*crc)) != Some(crc32fast::hash(&bytes)) {
        let message = format!("the header at offset {} has another CRC-32 than the start header says", header.offset);
        sink.finding(Finding::new(&S910, message).at(header.offset, header.length));
    }
    for layer in 1..=PACKING_LIMIT {
        match parse(&bytes).map_err(|error| malformed(&error, header, sink))? {
            Header::Plain { streams, files } => {
                accounted.extend(spans(&streams));
                sink.fact_number("sevenz_members", files.len() as u64);
                let mut members = Members::new(artifact);
                members.visit(&streams, &files, START, sink);
                members.finish(sink);
                unaccounted(artifact, accounted, sink);
                return Ok(());
            }
            Header::Encoded(streams) => {
                accounted.extend(spans(&streams));
                bytes = unpack(artifact, &streams, layer, header, sink)?;
            }
        }
    }
    Err(format!("the header at offset {} is packed more than {PACKING_LIMIT} times", header.offset))
}

/// Where the header stands, checked.
fn place(start: &[u8; 32], size: u64, sink: &mut dyn Sink) -> Result<Span, String> {
    let (_, fields) = start.split_at(12);
    let word = |at: usize| fields.get(at..).and_then(|f| f.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let (offset, length) = (word(0), word(8));
    let stored = start.get(8..).and_then(|f| f.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes));
    if stored != crc32fast::hash(fields) {
        let message = "the start header has another CRC-32 than it says: 7-Zip looks for the real header elsewhere";
        sink.finding(Finding::new(&S910, message).at(8, 4));
    }
    let end = START.checked_add(offset).and_then(|offset| Some((offset, offset.checked_add(length)?)));
    match end {
        Some((offset, end)) if end <= size => Ok(Span::new(offset, length)),
        // A download that was cut looks like this; so does a lie, but there is nothing behind it to be found.
        Some((offset, end)) if end < 1 << 62 => Err(format!(
            "the archive is not complete: its header stands at {offset} to {end}, the file has {size} bytes"
        )),
        _ => {
            let message = "the start header places the header beyond any file";
            sink.finding(Finding::new(&S902, message).at(12, 16));
            Err(message.to_owned())
        }
    }
}

/// Unpacks one layer of a packed header.
fn unpack(
    artifact: &dyn Artifact,
    streams: &Streams,
    layer: usize,
    at: Span,
    sink: &mut dyn Sink,
) -> Result<Vec<u8>, String> {
    let Some(folder) = streams.folders.first() else {
        return Err(format!("the packed header at offset {} has no folder", at.offset));
    };
    if folder.is_encrypted() {
        let message =
            format!("the header is encrypted ({}), so not even the members' names can be read", folder.methods());
        sink.finding(Finding::new(&S912, message.clone()).at(at.offset, at.length).detail("methods", folder.methods()));
        return Err(message);
    }
    let size = folder.size();
    if size > HEADER_LIMIT {
        return Err(format!("the header unpacks to {size} bytes, more than the limit of {HEADER_LIMIT}"));
    }
    let broken = |reason: String| format!("the header at offset {} can't be unpacked: {reason}", at.offset);
    let spans: Vec<Span> = spans(streams).take(folder.packed.len()).collect();
    let mut reader = folder.open(artifact, &spans).map_err(broken)?;
    let mut bytes = Vec::new();
    let mut block = vec![0; 64 << 10];
    while (bytes.len() as u64) < size {
        let want = block.len().min(size as usize - bytes.len());
        let room = block.get_mut(..want).unwrap_or_default();
        match reader.read(room) {
            Ok(0) => return Err(damaged(broken("the data end early".to_owned()), at, sink)),
            Ok(length) => bytes.extend_from_slice(room.get(..length).unwrap_or_default()),
            Err(error) => return Err(damaged(broken(error.to_string()), at, sink)),
        }
    }
    if folder.crc.is_some_and(|crc| crc != crc32fast::hash(&bytes)) {
        let message =
            format!("layer {layer} of the packed header at offset {} has another CRC-32 than it says", at.offset);
        sink.finding(Finding::new(&S910, message).at(at.offset, at.length));
    }
    Ok(bytes)
}

fn malformed(error: &Malformed, at: Span, sink: &mut dyn Sink) -> String {
    let message = format!("the header at offset {} is malformed at byte {}: {}", at.offset, error.offset, error.reason);
    damaged(message, at, sink)
}

fn damaged(message: String, at: Span, sink: &mut dyn Sink) -> String {
    sink.finding(Finding::new(&S902, message.clone()).at(at.offset, at.length));
    message
}

/// Places of the packed streams.
fn spans(streams: &Streams) -> impl Iterator<Item = Span> {
    let mut offset = START.saturating_add(streams.start);
    streams.packed.iter().map(move |size| {
        let span = Span::new(offset, *size);
        offset = span.end();
        span
    })
}

fn mismatched_name(artifact: &dyn Artifact, sink: &mut dyn Sink) {
    let name = artifact.name().to_ascii_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if MODEL_EXTENSIONS.contains(&extension) {
        let message = format!(
            "the file is called '.{extension}' and is a 7z archive: no loader reads it, it is made to be unpacked by hand"
        );
        sink.finding(Finding::new(&S901, message).at(0, SIGNATURE.len() as u64));
    }
}

/// Shows bytes that neither the headers nor a packed stream account for.
fn unaccounted(artifact: &dyn Artifact, mut accounted: Vec<Span>, sink: &mut dyn Sink) {
    accounted.sort_unstable();
    accounted.push(Span::new(artifact.size(), 0));
    let mut end = 0u64;
    let mut gaps = Vec::new();
    for span in accounted {
        if span.offset > end && gaps.len() < GAP_LIMIT {
            gaps.extend(without_zeros(artifact, Span::new(end, span.offset - end).within(artifact.size())));
        }
        end = end.max(span.end());
    }
    let (Some(first), total) = (gaps.first(), gaps.iter().map(|gap| gap.length).sum::<u64>()) else { return };
    let message = format!("{total} bytes belong to no header and no stream, the first at offset {}", first.offset);
    sink.finding(Finding::new(&S911, message).at(first.offset, first.length).detail("gaps", gaps.len().to_string()));
    for gap in &gaps {
        sink.embed(&format!("bytes at {}", gap.offset), *gap, "");
    }
}

/// The gap from its first byte that is not zero; None if all are.
fn without_zeros(artifact: &dyn Artifact, gap: Span) -> Option<Span> {
    let mut reader = Reader::over(artifact, gap);
    loop {
        let block = reader.buffered();
        let (length, zeros) = (block.len(), block.iter().take_while(|byte| **byte == 0).count());
        reader.skip(zeros as u64).ok()?;
        if zeros < length {
            return Some(Span::new(reader.position(), reader.remaining()));
        }
        if length == 0 {
            return None;
        }
    }
}
