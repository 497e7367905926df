//! Scans safetensors files and the indexes of their shards.
//!
//! Safetensors is the format that runs no code: eight bytes with the length of a JSON header, the header, the tensors. What
//! remains for an attacker is to lie: a header that is no JSON but a pickle, lengths and offsets that point outside or overlap
//! (native and hand-written readers trust them), bytes that no tensor claims (a place to carry a payload or a second format),
//! keys that stand twice (readers keep the first or the last), metadata that a web page or a script runs, and shard names
//! that leave the folder. The rules follow the format's own (README and `tensor.rs` of huggingface/safetensors), whose loader
//! refuses all of these; other readers do not. What the tensors' bytes look like is for the analysers to say.

mod dtype;
mod header;
mod index;
mod layout;
mod metadata;

use modelaudit_json::ErrorKind;
use modelaudit_plugin::{Artifact, Finding, Format, Magic, Manifest, Plugin, Sink, Span, quote};
use modelaudit_rules::files::S405;
use modelaudit_rules::structure::{S902, S904, S905, S910, S911};

use header::Header;

/// The longest header that the loader takes (`MAX_HEADER_SIZE` in tensor.rs).
const LOADER_LIMIT: u64 = 100_000_000;
/// Bytes before the header.
const PREFIX: u64 = 8;
/// White space that JSON allows before the object.
const WHITE: [u8; 4] = [b' ', b'\n', b'\r', b'\t'];

/// The plugin.
pub struct Safetensors;

impl Plugin for Safetensors {
    fn describe() -> Manifest {
        // The upper half of the length is zero in every file below 4 GiB of header, and an object follows. White space before
        // the object is legal JSON that the loader takes, and it hides the file from scanners that want the brace there.
        let mut format =
            Format::new("safetensors", "safetensors").extensions(&["safetensors"]).magic(Magic::at(4, b"\0\0\0\0{"));
        for first in WHITE {
            for second in WHITE.into_iter().chain([b'{']) {
                format = format.magic(Magic::at(4, &[0, 0, 0, 0, first, second]));
            }
        }
        Manifest {
            name: "safetensors",
            version: env!("CARGO_PKG_VERSION"),
            summary: "safetensors files and shard indexes: header, layout, metadata",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                format,
                Format::new("safetensors-index", "shard index")
                    .extensions(&["safetensors.index.json", "bin.index.json"])
                    .first_characters(b"{"),
            ],
            anchors: vec![],
            rules: vec![S405, S902, S904, S905, S910, S911],
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let object = start.iter().find(|b| !WHITE.contains(b)) == Some(&b'{');
        let index = object && memchr::memmem::find(start, b"\"weight_map\"").is_some();
        if index { vec!["safetensors-index".to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        match format {
            "safetensors-index" => index::scan(artifact, sink),
            _ => scan_file(artifact, sink),
        }
    }
}

modelaudit_plugin::export!(Safetensors);

fn scan_file(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    let Some(prefix) = artifact.array::<8>(0) else {
        return Err(format!("{size} bytes are too few for a safetensors header length, which takes 8"));
    };
    let length = u64::from_le_bytes(prefix);
    let head = artifact.read(0, 4096);
    let body = head.get(PREFIX as usize..).unwrap_or_default();
    let first = body.iter().copied().find(|b| !WHITE.contains(b));
    if first != Some(b'{') {
        return no_json(artifact, length, &head, sink);
    }

    let inside = length <= size - PREFIX;
    let span = Span::new(PREFIX, length.min(size - PREFIX));
    let data = PREFIX.saturating_add(span.length);
    let mut header = Header::read(artifact, span, data, sink);
    let named = artifact.name().to_ascii_lowercase().ends_with(".safetensors");
    if !named && !header.recognised && (header.error.is_some() || !inside) {
        // The magic is weak: another binary format may have these bytes, too.
        sink.log("the head is like that of a safetensors file, what follows is not");
        return Ok(());
    }
    if inside {
        if length > LOADER_LIMIT {
            let message = format!("the header takes {length} bytes, the loader stops at {LOADER_LIMIT}");
            sink.finding(Finding::new(&S904, message).at(0, PREFIX).detail("header_length", length.to_string()));
        }
        end_of_header(&header, span, sink);
        layout::check(artifact, &mut header, data, sink);
    } else {
        beyond_the_file(&header, length, size, sink);
    }
    header.report(sink);
    sink.fact_number("header_length", length);
    Ok(())
}

/// A header of which the whole is in the file: it must be one JSON object and nothing else.
fn end_of_header(header: &Header, span: Span, sink: &mut dyn Sink) {
    if let Some(error) = header.error {
        let at = error.offset.min(span.end());
        // Headers nest three levels; what nests deeper than a loader's stack allows is no large model but an attack on it.
        if !error.is_limit() || matches!(error.kind, ErrorKind::TooDeep(_)) {
            let finding = Finding::new(&S902, format!("the header is not valid JSON: {error}")).at(at, 0);
            sink.finding(finding.detail("header_length", span.length.to_string()));
        }
        sink.incomplete(&format!("the header was not read to its end: {error}"));
    }
    if let Some(offset) = header.trailing {
        let rest = Span::new(offset, span.end().saturating_sub(offset));
        let message = format!("{} bytes follow the JSON object inside the header", rest.length);
        sink.finding(Finding::new(&S911, message).at(rest.offset, rest.length));
        sink.embed("after the header's JSON", rest, "");
    }
}

/// A header that is longer than the file: a download that broke off, or a length that lies.
fn beyond_the_file(header: &Header, length: u64, size: u64, sink: &mut dyn Sink) {
    let complete = header.end.filter(|_| header.trailing.is_some());
    if length > LOADER_LIMIT || complete.is_some() {
        let message = match complete {
            Some(end) => format!(
                "the header length says {length} bytes, the JSON object ends at offset {end} and the file at {size}"
            ),
            None => format!(
                "the header length says {length} bytes, the loader's limit is {LOADER_LIMIT} and the file has {size}"
            ),
        };
        sink.finding(Finding::new(&S902, message).at(0, PREFIX).detail("header_length", length.to_string()));
    } else if let Some(error) = header.error.filter(|e| !e.is_end() && !e.is_limit()) {
        let message = format!("the header of {length} bytes leaves the file and is not valid JSON: {error}");
        sink.finding(Finding::new(&S902, message).at(error.offset.min(size), 0));
    }
    sink.incomplete(&format!("the file ends inside its header: {length} bytes announced, {} there", size - PREFIX));
}

/// No JSON object stands where the header should be.
fn no_json(artifact: &dyn Artifact, length: u64, head: &[u8], sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    let line = head.split(|b| *b == b'\n').next().unwrap_or_default();
    let text = std::str::from_utf8(head.get(..head.len().min(64)).unwrap_or_default());
    if text.is_ok_and(|t| t.chars().all(|c| !c.is_control() || c.is_whitespace())) {
        // A pointer of Git LFS or a web page in place of the model: no attack, and nothing to look at.
        return Err(format!(
            "no safetensors file but text that begins {}",
            quote(line.get(..line.len().min(60)).unwrap_or_default())
        ));
    }
    let body = head.get(PREFIX as usize..).unwrap_or_default();
    let mut finding = if length <= size - PREFIX {
        let span = Span::new(PREFIX, length);
        // A header of another format is handed on: the loader that reads it is not ours to guess.
        let pickle = matches!(body, [0x80, 0..=5, ..]);
        sink.embed("header", span, if pickle { "pickle" } else { "" });
        let rest = Span::new(span.end(), size - span.end());
        if rest.length > 0 {
            sink.embed("data", rest, "");
        }
        Finding::new(&S902, format!("the header of {length} bytes is not JSON")).at(span.offset, span.length)
    } else {
        Finding::new(&S902, format!("the header length says {length} bytes, the file has {size} and no JSON header"))
            .at(0, PREFIX)
    };
    finding = finding.detail("header_length", length.to_string());
    let shown: Vec<String> = body.iter().take(16).map(|b| format!("{b:02x}")).collect();
    sink.finding(finding.detail("first_bytes", shown.join(" ")));
    Err("there is no safetensors header".to_owned())
}
