//! The formats before GGUF: one magic for each, no keys, headers that differ by architecture.
//!
//! The magics are 32-bit constants, so on disk they stand backwards (`tjgg` is "ggjt"). `lmgg` is used by many programs with headers of
//! their own (llama.cpp, whisper.cpp, GPT-2, GPT-J, CLIP): which one it is, shows in what fits to the end of the vocabulary. All loaders
//! size vectors by counts that they do not check, which is what is looked for. Tensors follow one another, each behind its own header
//! (`legacy_tensors`).

use modelaudit_plugin::{Artifact, Finding, Sink, quote};
use modelaudit_rules::frameworks::S1110;

use crate::cursor::{Cursor, Stop, at_offset};
use crate::legacy_tensors;

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
/// Integers of the header, first llama.cpp's seven, then those of other architectures in the same container (GPT-NeoX has eight ...).
/// A file is accused only if it fits none.
const HEADERS: [u64; 7] = [7, 8, 6, 9, 5, 10, 4];
/// What stands between the magic of `lmgg` and its tensors. Sources: llama.cpp of March 2023, whisper.cpp (`whisper_model_load`), and
/// the examples gpt-2 and gpt-j of ggml.
const PLAIN: &[Layout] = &[
    Layout { integers: 11, filters: true, again: true },
    Layout { integers: 7, filters: false, again: false },
    Layout { integers: 6, filters: false, again: true },
    Layout { integers: 7, filters: false, again: true },
];
/// Numbers of a filter bank: 80 or 128 bands of 201 frequencies.
const MOST_FILTERS: u64 = 1 << 20;
/// The newest version of the two containers.
const NEWEST: u32 = 3;

/// A header without a version.
struct Layout {
    /// 32-bit integers, of which the first is the number of tokens.
    integers: u64,
    /// Mel filters follow: two counts and as many floats as their product.
    filters: bool,
    /// The number of tokens stands again before them.
    again: bool,
}

/// Scans a file with one of the magics.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let magic = artifact.read(0, 4);
    let Some(kind) = KINDS.iter().find(|k| k.magic.as_slice() == magic) else {
        return Err(format!("the file begins with {}, which is no magic of ggml", quote(&magic)));
    };
    sink.fact_text("framework", "ggml");
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
            legacy_tensors::walk(cursor, legacy_tensors::Packing { padded: true, old: false }, sink)
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
            if !kind.scored {
                return plain(cursor, at, tokens, sink);
            }
            // RWKV writes `fmgg` with versions from 100 on and a layout of its own.
            if version > NEWEST {
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
                    .and_then(|()| vocabulary(cursor, tokens, true));
                match outcome {
                    // A vocabulary that fits to its end tells which header it is.
                    Ok(()) => {
                        let padded = kind.magic == b"tjgg";
                        let old = version < NEWEST;
                        return legacy_tensors::walk(cursor, legacy_tensors::Packing { padded, old }, sink);
                    }
                    Err(Stop::Ends(_)) => return outcome,
                    Err(Stop::Lies(..)) => {}
                }
            }
            outcome
        }
    }
}

/// Follows a file without a version, if one of the layouts fits: the vocabulary to its end, and a tensor or the end of the file behind it.
/// A file that fits none is of a program that is not known here, and no reason to accuse.
fn plain(cursor: &mut Cursor<'_>, first: u64, tokens: u32, sink: &mut dyn Sink) -> Result<(), Stop> {
    for layout in PLAIN {
        cursor.reader.seek_to(first)?;
        if header(cursor, layout, tokens).is_ok() && legacy_tensors::is_tensor(cursor) {
            let padded = false;
            return legacy_tensors::walk(cursor, legacy_tensors::Packing { padded, old: false }, sink);
        }
    }
    sink.log("the layout behind the magic 'lmgg' is of no program that is known: tensors are not named");
    Ok(())
}

/// Goes to the end of the vocabulary.
fn header(cursor: &mut Cursor<'_>, layout: &Layout, tokens: u32) -> Result<(), Stop> {
    cursor.reader.skip(4 * layout.integers)?;
    let misfit = |cursor: &Cursor<'_>| Err(Stop::Lies(cursor.position(), "another layout".to_owned()));
    if layout.filters {
        let count = u64::from(cursor.u32()?).checked_mul(u64::from(cursor.u32()?));
        match count.filter(|count| *count <= MOST_FILTERS) {
            Some(count) => cursor.reader.skip(4 * count)?,
            None => return misfit(cursor),
        }
    }
    let mut listed = tokens;
    if layout.again {
        listed = cursor.u32()?;
        // whisper.cpp makes up names for the last tokens itself.
        if listed > tokens || (!layout.filters && listed != tokens) {
            return misfit(cursor);
        }
    }
    vocabulary(cursor, listed, false)
}

/// Follows the vocabulary; each token may have a score.
fn vocabulary(cursor: &mut Cursor<'_>, tokens: u32, scored: bool) -> Result<(), Stop> {
    for index in 0..tokens {
        let at = cursor.position();
        let length = cursor.u32()?;
        if length > LONGEST_TOKEN {
            return Err(Stop::Lies(at, format!("token {index} is {length} bytes long")));
        }
        cursor.reader.skip(u64::from(length) + if scored { 4 } else { 0 })?;
    }
    Ok(())
}
