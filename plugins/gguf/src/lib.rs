//! Scans GGUF files and the ggml formats before them.
//!
//! GGUF is what local chat programs download, and they parse it in C++ without a sandbox. It runs no code by itself, so attacks go two
//! ways: headers that break the parser (counts, lengths and sizes that overflow: `metadata`, `tensors`) and chat templates,
//! programs which consumers render, some of them without a sandbox (handed on as children). Weights are not read: a file of any size
//! costs its header. Layout: docs/gguf.md of ggml and gguf-py; versions 1 to 3 and both byte orders.

mod cursor;
mod legacy;
mod legacy_tensors;
mod metadata;
mod tensors;
mod types;

use modelaudit_plugin::{Artifact, Finding, Format, Magic, Manifest, Plugin, Sink, quote};
use modelaudit_rules::frameworks::S1110;
use modelaudit_rules::structure::{S902, S904, S905, S910, S911};

use cursor::{Cursor, Stop, at_offset};

/// Records announced that no real file has: beyond it, a count that does not fit the file was made up and not cut off.
const MOST_RECORDS: u64 = 1 << 17;
/// The newest version there is.
const NEWEST: u32 = 3;

/// The plugin.
pub struct Gguf;

impl Plugin for Gguf {
    fn describe() -> Manifest {
        let mut ggml = Format::new("ggml", "GGML (before GGUF)").extensions(&["ggml", "ggmf", "ggjt", "ggla"]);
        for kind in legacy::KINDS {
            ggml = ggml.magic(Magic::at(0, kind.magic));
        }
        Manifest {
            name: "gguf",
            version: env!("CARGO_PKG_VERSION"),
            summary: "GGUF and GGML models: header, metadata, templates, tensor layout",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![Format::new("gguf", "GGUF").extensions(&["gguf"]).magic(Magic::at(0, b"GGUF")), ggml],
            anchors: vec![],
            rules: vec![S902, S904, S905, S910, S911, S1110],
        }
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        if format == "ggml" {
            return legacy::scan(artifact, sink);
        }
        match walk(artifact, sink) {
            Ok(()) => Ok(()),
            Err(Stop::Ends(reason)) => Err(reason),
            Err(Stop::Lies(at, message)) => {
                let size = artifact.size();
                sink.finding(Finding::new(&S1110, message.clone()).at(at.min(size), 0));
                Err(format!("the rest of the file was not read: {message}{}", at_offset(at)))
            }
        }
    }
}

modelaudit_plugin::export!(Gguf);

fn walk(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), Stop> {
    let mut cursor = Cursor::new(artifact);
    let magic = cursor.reader.array::<4>()?;
    if &magic != b"GGUF" {
        return Err(Stop::Ends(format!("the file begins with {} in place of 'GGUF'", quote(magic))));
    }
    let mut version = cursor.u32()?;
    if version & 0xffff == 0 && version != 0 {
        cursor.big_endian = true;
        version = version.swap_bytes();
    }
    cursor.narrow = version == 1;
    if !(1..=NEWEST).contains(&version) {
        return Err(Stop::Lies(
            4,
            format!("the file says it is GGUF version {version}, the newest there is is {NEWEST}"),
        ));
    }
    metadata::old_version(version, sink);
    sink.fact_text("framework", "gguf");
    sink.fact_number("format_version", u64::from(version));
    sink.fact_text("byte_order", if cursor.big_endian { "big" } else { "little" });
    let counts_at = cursor.position();
    let tensor_count = cursor.count()?;
    let pair_count = cursor.count()?;
    let width = cursor.count_size();
    fits("metadata keys", pair_count, width + 4 + 1, counts_at + width, &cursor)?;
    fits("tensors", tensor_count, width + 4 + 4 + 8, counts_at, &cursor)?;
    sink.fact_number("metadata_keys", pair_count);

    let metadata = metadata::read(&mut cursor, pair_count, sink)?;
    let infos = tensors::read(&mut cursor, tensor_count, metadata.alignment, sink)?;
    tensors::place(artifact, infos, cursor.position(), metadata.alignment, sink);
    Ok(())
}

/// Compares a count with what is left, each record taking at least `smallest` bytes.
fn fits(what: &str, count: u64, smallest: u64, at: u64, cursor: &Cursor<'_>) -> Result<(), Stop> {
    let left = cursor.reader.remaining();
    if count > MOST_RECORDS && count.checked_mul(smallest).is_none_or(|bytes| bytes > left) {
        return Err(Stop::Lies(at, format!("the header announces {count} {what}, {left} bytes are left in the file")));
    }
    Ok(())
}
