//! The formats before GGUF: one magic for each, no keys, headers that differ by architecture.
//!
//! The magics are 32-bit constants, so on disk they stand backwards (`tjgg` is "ggjt"). `lmgg` is used by many programs (whisper.cpp,
//! CLIP, RWKV) with headers of their own; only llama.cpp's `fmgg` and `tjgg` can be followed further. All loaders size vectors by
//! counts that they do not check, which is what is looked for.

use modelaudit_plugin::{Artifact, Finding, Sink, quote};
use modelaudit_rules::frameworks::S1110;

use crate::cursor::{Cursor, Stop, at_offset};

/// A magic, as it stands on disk.
pub struct Kind {
    /// The four bytes.
    pub magic: &'static [u8; 4],
    name: &'static str,
    versioned: bool,
    scored: bool,
}

/// Source: `llama.h` and `convert.py` of llama.cpp before August 2023.
pub const KINDS: &[Kind] = &[
    Kind { magic: b"lmgg", name: "ggml", versioned: false, scored: false },
    Kind { magic: b"fmgg", name: "ggmf", versioned: true, scored: true },
    Kind { magic: b"tjgg", name: "ggjt", versioned: true, scored: true },
    Kind { magic: b"algg", name: "ggla", versioned: true, scored: false },
    Kind { magic: b"nsgg", name: "ggsn", versioned: true, scored: false },
];

/// No vocabulary is as large, by an order of magnitude.
const MOST_TOKENS: u32 = 1 << 24;
/// No token is as long.
const LONGEST_TOKEN: u32 = 64 << 10;
/// `GGML_MAX_DIMS`.
const MAX_DIMENSIONS: u32 = 4;
/// Tensor names are short.
const LONGEST_NAME: u32 = 4096;
/// Integers of the header, first llama.cpp's seven, then those of other architectures in the same container (GPT-NeoX has eight ...).
/// A file is accused only if it fits none.
const HEADERS: [u64; 7] = [7, 8, 6, 9, 5, 10, 4];
/// The newest version of the two containers.
const NEWEST: u32 = 3;

/// Scans a file with one of the magics.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let magic = artifact.read(0, 4);
    let Some(kind) = KINDS.iter().find(|k| k.magic.as_slice() == magic) else {
        return Err(format!("the file begins with {}, which is no magic of ggml", quote(&magic)));
    };
    sink.fact_text("container", kind.name);
    let mut cursor = Cursor::new(artifact);
    cursor.narrow = true;
    match walk(&mut cursor, kind, sink) {
        Ok(()) => Ok(()),
        Err(Stop::Ends(reason)) => Err(reason),
        Err(Stop::Lies(at, message)) => {
            sink.finding(Finding::new(&S1110, message.clone()).at(at, 0));
            Err(message + &at_offset(at))
        }
    }
}

fn walk(cursor: &mut Cursor<'_>, kind: &Kind, sink: &mut dyn Sink) -> Result<(), Stop> {
    cursor.reader.skip(4)?;
    let version = if kind.versioned { cursor.u32()? } else { 0 };
    if kind.versioned {
        sink.fact_number("format_version", u64::from(version));
    }
    match kind.magic {
        // A LoRA adapter: rank and alpha, then tensors.
        b"algg" => {
            cursor.reader.skip(8)?;
            tensor(cursor)
        }
        // A session: hyperparameters and a memory image, nothing to follow.
        b"nsgg" => Ok(()),
        _ => {
            let at = cursor.position();
            let tokens = cursor.u32()?;
            if tokens > MOST_TOKENS {
                return Err(Stop::Lies(at, format!("the header announces {tokens} tokens")));
            }
            sink.fact_number("vocabulary", u64::from(tokens));
            // RWKV writes `fmgg` with versions from 100 on and a layout of its own.
            if !kind.scored || version > NEWEST {
                return Ok(());
            }
            let first = cursor.position();
            let mut outcome = Ok(());
            for integers in HEADERS {
                cursor.reader.seek_to(first)?;
                outcome = cursor
                    .reader
                    .skip(4 * (integers - 1))
                    .map_err(Stop::from)
                    .and_then(|()| vocabulary(cursor, tokens));
                match outcome {
                    // A vocabulary that fits to its end tells which header it is.
                    Ok(()) => return tensor(cursor),
                    Err(Stop::Ends(_)) => return outcome,
                    Err(Stop::Lies(..)) => {}
                }
            }
            outcome
        }
    }
}

/// Follows the vocabulary.
fn vocabulary(cursor: &mut Cursor<'_>, tokens: u32) -> Result<(), Stop> {
    for index in 0..tokens {
        let at = cursor.position();
        let length = cursor.u32()?;
        if length > LONGEST_TOKEN {
            return Err(Stop::Lies(at, format!("token {index} is {length} bytes long")));
        }
        cursor.reader.skip(u64::from(length) + 4)?;
    }
    Ok(())
}

fn tensor(cursor: &mut Cursor<'_>) -> Result<(), Stop> {
    if cursor.reader.remaining() == 0 {
        return Ok(());
    }
    let at = cursor.position();
    let rank = cursor.u32()?;
    let name = cursor.u32()?;
    if rank > MAX_DIMENSIONS || name > LONGEST_NAME {
        let message = format!("the first tensor has {rank} dimensions and a name of {name} bytes");
        return Err(Stop::Lies(at, message));
    }
    Ok(())
}
