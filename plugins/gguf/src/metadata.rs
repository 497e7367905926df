//! The key-value pairs of a GGUF file.
//!
//! Native parsers were broken by each of them: lengths and counts that overflow (CVE-2024-21802, CVE-2024-23496), types that do not
//! exist, arrays in arrays. Chat templates are programs that many consumers render without a sandbox (CVE-2024-34359): they are
//! handed on as children. A key that stands twice shows one template to a reviewer and another to the loader.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use modelaudit_metadata_text::{finding, judge, label};
use modelaudit_plugin::{Finding, Severity, Sink, Span, clip, escape, quote};
use modelaudit_rules::frameworks::S1110;
use modelaudit_rules::structure::{S902, S904, S910};

use crate::cursor::{Cursor, Stop};

/// Keys that are remembered; real files have some fifty.
const MAX_KEYS: u64 = 100_000;
/// The longest key (docs/gguf.md of ggml).
const LONGEST_KEY: u64 = 65_535;
/// Bytes of a text that are judged.
const LONGEST_JUDGED: u64 = 64 << 10;
/// No string of a real file is as long: one that is and leaves the file was not cut off but made up.
const LONGEST_STRING: u64 = 16 << 20;
/// No array of a real file has as many items; vocabularies have a million at most.
const MOST_ITEMS: u64 = 1 << 24;
/// No real file has an array in an array; gguf-py can write it, llama.cpp refuses it.
const MAX_DEPTH: usize = 4;
/// What alignments are there for: 32 is the default, pages are 16 KiB at most.
const LARGEST_ALIGNMENT: u64 = 1 << 20;
/// The type numbers that the walk treats by themselves.
const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// Keys that become facts (docs/gguf.md, section "Standardized key-value pairs").
const FACTS: &[(&str, &str)] = &[
    ("general.architecture", "architecture"),
    ("general.name", "model_name"),
    ("general.author", "author"),
    ("general.organization", "organization"),
    ("general.license", "license"),
    ("general.license.name", "license_name"),
    ("general.license.link", "license_link"),
    ("general.version", "model_version"),
    ("general.basename", "base_name"),
    ("general.size_label", "size_label"),
    ("general.finetune", "finetune"),
    ("general.type", "model_type"),
    ("general.description", "description"),
    ("general.base_model.0.name", "base_model"),
    ("general.base_model.0.repo_url", "base_model_repository"),
    ("general.url", "url"),
    ("general.repo_url", "repository"),
    ("general.source.url", "source"),
    ("general.file_type", "file_type"),
    ("general.quantization_version", "quantization_version"),
    ("general.quantized_by", "quantized_by"),
    ("tokenizer.ggml.model", "tokenizer"),
    ("split.no", "shard"),
    ("split.count", "shard_count"),
];

/// Endings of keys that become facts, behind the architecture's name.
const FACT_ENDINGS: &[(&str, &str)] = &[
    (".context_length", "context_length"),
    (".embedding_length", "embedding_length"),
    (".block_count", "block_count"),
    (".expert_count", "expert_count"),
];

/// Ids of tokens: each is less than the number of tokens. Old converters write 2^32 - 1 for none.
const TOKEN_ID: &str = "_token_id";
const NO_TOKEN: u64 = 0xffff_ffff;

/// Arrays with an item for each token; llama.cpp reads as many as there are tokens without looking at their own length.
const PER_TOKEN: &[&str] = &["tokenizer.ggml.scores", "tokenizer.ggml.token_type"];

/// A value, as far as anything is done with it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Integer(u64),
    String(Span),
    Array { kind: u32, count: u64, at: Span },
    Other,
}

/// What the tensors' walk needs to know.
pub struct Metadata {
    /// Alignment of the tensor data.
    pub alignment: u64,
}

/// Walks `count` pairs.
pub fn read(cursor: &mut Cursor<'_>, count: u64, sink: &mut dyn Sink) -> Result<Metadata, Stop> {
    let mut metadata = Metadata { alignment: 32 };
    let mut seen = BTreeSet::new();
    let mut tokens: Option<u64> = None;
    let (mut per_token, mut ids, mut shards) = (Vec::new(), Vec::new(), (None, None));
    let mut repeated: Option<(u64, String, u64)> = None;
    for _ in 0..count {
        let at = cursor.position();
        let span = cursor.string(LONGEST_KEY, "a key")?;
        if span.length > LONGEST_KEY {
            return Err(Stop::Lies(
                at,
                format!("a key is {} bytes long, the format allows {LONGEST_KEY}", span.length),
            ));
        }
        let key = cursor.text(span, LONGEST_KEY)?;
        let kind = cursor.u32()?;
        let value = value(cursor, kind)?;
        if seen.len() as u64 >= MAX_KEYS {
            return Err(Stop::Ends(format!("more than {MAX_KEYS} keys, those from offset {at} on were not read")));
        }
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        if !seen.insert(hasher.finish()) {
            repeated = Some(match repeated {
                None => (at, escape(&String::from_utf8_lossy(&key)), 1),
                Some((first, name, n)) => (first, name, n + 1),
            });
        }
        let Ok(key) = std::str::from_utf8(&key) else { continue };
        fact(cursor, key, value, sink)?;
        templates(cursor, key, value, sink)?;
        judge_text(cursor, key, value, sink)?;
        match (key, value) {
            ("general.alignment", Value::Integer(n)) if matches!(kind, 4 | 10) => {
                alignment(n, span, &mut metadata, sink)
            }
            ("general.alignment", _) => {
                let message = format!("the alignment is of type {kind}, the format wants an unsigned integer");
                sink.finding(Finding::new(&S902, message).at(span.offset, span.length).element(key));
            }
            ("tokenizer.ggml.tokens", Value::Array { count, .. }) => {
                sink.fact_number("vocabulary", count);
                tokens = Some(count);
            }
            ("split.no", Value::Integer(n)) => shards.0 = Some((n, span)),
            ("split.count", Value::Integer(n)) => shards.1 = Some(n),
            (key, Value::Integer(n)) if key.starts_with("tokenizer.ggml.") && key.ends_with(TOKEN_ID) => {
                ids.push((key.to_owned(), n, span));
            }
            (key, Value::Array { count, at, .. }) if PER_TOKEN.contains(&key) => {
                per_token.push((key.to_owned(), count, at))
            }
            _ => {}
        }
    }
    if let Some((at, key, times)) = repeated {
        let more = if times > 1 { format!(" (and {} more)", times - 1) } else { String::new() };
        let message = format!("key {} stands twice{more}: one reader takes the first, another the last", quote(&key));
        sink.finding(
            Finding::new(&S910, message).at(at, 0).element(clip(&key, 120)).detail("repeated", times.to_string()),
        );
    }
    for (key, count, at) in per_token {
        if let Some(tokens) = tokens.filter(|tokens| count < *tokens) {
            let message = format!("'{key}' has {count} items for {tokens} tokens: llama.cpp reads beyond its end");
            let finding = Finding::new(&S1110, message).at(at.offset, at.length).element(key);
            sink.finding(finding.detail("items", count.to_string()).detail("tokens", tokens.to_string()));
        }
    }
    for (key, id, at) in ids {
        if let Some(tokens) = tokens.filter(|tokens| id >= *tokens && id != NO_TOKEN) {
            let message = format!(
                "{} is {id}, there are {tokens} tokens: readers that do not check look beyond them",
                quote(&key)
            );
            let finding = Finding::new(&S902, message).severity(Severity::Info).at(at.offset, at.length);
            sink.finding(finding.element(label(&key)));
        }
    }
    if let (Some((shard, at)), Some(count)) = shards
        && shard >= count
        && count > 0
    {
        let message = format!("the file says it is shard {shard} of {count}, and shards count from 0");
        sink.finding(Finding::new(&S902, message).at(at.offset, at.length).element("split.no"));
    }
    Ok(metadata)
}

/// Takes over the alignment of the data, which pads every tensor.
fn alignment(value: u64, key: Span, metadata: &mut Metadata, sink: &mut dyn Sink) {
    if !value.is_power_of_two() {
        let message = format!("the alignment of the data is {value}, which is no power of two");
        sink.finding(Finding::new(&S1110, message).at(key.offset, key.length).element("general.alignment"));
        return;
    }
    if value > LARGEST_ALIGNMENT {
        let message = format!("the alignment of the data is {value} bytes");
        sink.finding(Finding::new(&S904, message).at(key.offset, key.length).element("general.alignment"));
    }
    metadata.alignment = value;
}

/// Reads one value; arrays in arrays with a stack of their own.
fn value(cursor: &mut Cursor<'_>, kind: u32) -> Result<Value, Stop> {
    let at = cursor.position();
    if kind != ARRAY {
        return scalar(cursor, kind);
    }
    let mut open: Vec<(u32, u64)> = Vec::new();
    let (first_kind, first_count) = array_head(cursor)?;
    open.push((first_kind, first_count));
    while let Some((kind, left)) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left -= 1;
        match *kind {
            ARRAY => {
                if open.len() >= MAX_DEPTH {
                    let message = format!("arrays stand in arrays, more than {MAX_DEPTH} deep");
                    return Err(Stop::Lies(cursor.position(), message));
                }
                let head = array_head(cursor)?;
                open.push(head);
            }
            STRING => {
                cursor.string(LONGEST_STRING, "a string of an array")?;
            }
            other => {
                // Of a fixed size: array_head has compared the whole with what is left.
                let items = *left + 1;
                *left = 0;
                cursor.reader.skip(width(other, at)?.saturating_mul(items))?;
            }
        }
    }
    Ok(Value::Array { kind: first_kind, count: first_count, at: Span::new(at, cursor.position() - at) })
}

/// Type and number of the items, compared with what is left.
fn array_head(cursor: &mut Cursor<'_>) -> Result<(u32, u64), Stop> {
    let at = cursor.position();
    let kind = cursor.u32()?;
    let count = cursor.count()?;
    let smallest = match kind {
        STRING => cursor.count_size(),
        ARRAY => 4 + cursor.count_size(),
        other => width(other, at)?,
    };
    let left = cursor.reader.remaining();
    if count.checked_mul(smallest).is_none_or(|bytes| bytes > left) {
        let message = format!("an array of {count} items takes more than the {left} bytes that are left in the file");
        return Err(if count > MOST_ITEMS {
            Stop::Lies(at, message)
        } else {
            Stop::Ends(format!("{message} at offset {at}"))
        });
    }
    Ok((kind, count))
}

/// Bytes of a value of a fixed size.
fn width(kind: u32, at: u64) -> Result<u64, Stop> {
    Ok(match kind {
        0 | 1 | BOOL => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return Err(Stop::Lies(at, format!("a value is of type {kind}, the format has 0 to 12"))),
    })
}

fn scalar(cursor: &mut Cursor<'_>, kind: u32) -> Result<Value, Stop> {
    let at = cursor.position();
    Ok(match kind {
        0 => Value::Integer(u64::from(cursor.reader.u8().map_err(Stop::from)?)),
        2 => {
            let bytes = cursor.reader.array::<2>()?;
            let value = if cursor.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
            Value::Integer(u64::from(value))
        }
        4 => Value::Integer(u64::from(cursor.u32()?)),
        10 => Value::Integer(cursor.u64()?),
        STRING => Value::String(cursor.string(LONGEST_STRING, "a string")?),
        other => {
            cursor.reader.skip(width(other, at)?)?;
            Value::Other
        }
    })
}

fn fact(cursor: &mut Cursor<'_>, key: &str, value: Value, sink: &mut dyn Sink) -> Result<(), Stop> {
    let named = FACTS.iter().find(|(name, _)| *name == key);
    let Some((_, fact)) = named.or_else(|| FACT_ENDINGS.iter().find(|(ending, _)| key.ends_with(ending))) else {
        return Ok(());
    };
    match value {
        Value::Integer(n) => sink.fact_number(fact, n),
        Value::String(span) => {
            let text = cursor.text(span, 1024)?;
            sink.fact_text(fact, &clip(&escape(&String::from_utf8_lossy(&text)), 256));
        }
        Value::Array { .. } | Value::Other => {}
    }
    Ok(())
}

/// A text that is a command or code and no words: tools that print metadata into a shell or a page act on it. Templates are code by
/// nature and are judged as such.
fn judge_text(cursor: &mut Cursor<'_>, key: &str, value: Value, sink: &mut dyn Sink) -> Result<(), Stop> {
    if key.to_ascii_lowercase().contains("template") {
        return Ok(());
    }
    let Value::String(span) = value else { return Ok(()) };
    let text = cursor.text(span, LONGEST_JUDGED)?;
    // Whatever it is called, what is written like a template may be rendered as one.
    let has = |sign: &[u8]| text.windows(sign.len()).any(|window| window == sign);
    if has(b"{{") && has(b"}}") || has(b"{%") && has(b"%}") {
        sink.embed("template.jinja", span, "jinja");
    }
    if let Some(found) = judge(&String::from_utf8_lossy(&text)) {
        let place = format!("the metadata {}", quote(key));
        sink.finding(finding(&place, &found).at(span.offset, span.length).element(label(key)));
    }
    Ok(())
}

/// Hands on chat templates: `tokenizer.chat_template`, `tokenizer.chat_template.<name>` and whatever else calls itself a template,
/// every one of them, as often as the key stands there.
fn templates(cursor: &mut Cursor<'_>, key: &str, value: Value, sink: &mut dyn Sink) -> Result<(), Stop> {
    if !key.to_ascii_lowercase().contains("template") {
        return Ok(());
    }
    match value {
        Value::String(span) if span.length > 0 => sink.embed("chat_template.jinja", span, "jinja"),
        Value::Array { kind: STRING, count, at } if !key.ends_with("chat_templates") => {
            let behind = cursor.position();
            cursor.reader.seek_to(at.offset + 4 + cursor.count_size())?;
            for _ in 0..count.min(64) {
                let span = cursor.string(LONGEST_STRING, "a string of an array")?;
                if span.length > 0 {
                    sink.embed("chat_template.jinja", span, "jinja");
                }
            }
            cursor.reader.seek_to(behind)?;
            if count > 64 {
                sink.incomplete(&format!("array of {count} templates at offset {}: 64 were handed on", at.offset));
            }
        }
        _ => {}
    }
    Ok(())
}

/// A note about a version that is older than the tools in use.
pub fn old_version(version: u32, sink: &mut dyn Sink) {
    if version == 1 {
        let message = "GGUF version 1, which current readers refuse";
        sink.finding(Finding::new(&S902, message).severity(Severity::Info).at(4, 4));
    }
}
