//! What a dataset is: a tensor, a payload, or something that makes the library open another file or a native library.

use modelaudit_paths::classify;
use modelaudit_plugin::{Finding, Sink, Span, Tensor, clip, escape, quote};
use modelaudit_rules::keras::S1134;
use modelaudit_rules::structure::{S902, S904};

use crate::file::{File, Trouble};
use crate::header::{Message, kind, resolve};
use crate::heap::LocalHeap;
use crate::inventory::Totals;
use crate::message::{DataType, Layout, Space, Type, external_files, filters};
use crate::sniff::{HEAD_LENGTH, foreign};
use crate::text::{Text, texts};
use crate::virtual_map;

/// Elements that a dataset without any stored data may claim before it is a bomb, in bytes.
const BOMB: u64 = 64 << 30;
/// ... and how many times the size of the file. Deflate packs 1,032 to one.
const BOMB_RATIO: u64 = 2000;
/// Bytes of a text dataset that are read to look for a configuration.
const MAX_TEXT: u64 = 24 << 20;

/// Whether the messages are those of a dataset.
pub(crate) fn is_dataset(messages: &[Message]) -> bool {
    messages.iter().any(|m| m.kind == kind::LAYOUT)
}

/// Judges a dataset and names it as a tensor. Returns its texts if it holds any.
pub(crate) fn judge(
    file: &File<'_>,
    path: &str,
    messages: &[Message],
    totals: &mut Totals,
    troubles: &mut Vec<Trouble>,
    sink: &mut dyn Sink,
) -> Vec<Text> {
    let element = clip(path, 400);
    let result = parts(file, messages);
    external(file, &element, messages, totals, troubles, sink);
    let (space, data_type, layout, at) = match result {
        Ok(parts) => parts,
        Err(trouble) => {
            troubles.push(trouble);
            return Vec::new();
        }
    };
    let logical = space.count().and_then(|n| n.checked_mul(data_type.size));
    let bomb = match logical {
        None => true,
        Some(bytes) => bytes > BOMB && bytes / BOMB_RATIO > file.size(),
    };
    if bomb {
        let shape: Vec<String> = space.dimensions.iter().map(u64::to_string).collect();
        let message = format!(
            "the dataset {} claims the shape ({}) of elements of {} bytes, which the file can't hold",
            quote(path),
            shape.join(", "),
            data_type.size
        );
        let finding =
            Finding::new(&S904, message).at(at.offset, at.length).element(&element).detail("cve", "CVE-2026-0897");
        sink.finding(finding);
    }
    totals.count(&space, &data_type, bomb);
    let stored = match layout {
        Layout::Compact(start, length) => Some(Span::new(start, length)),
        Layout::Contiguous(address, _) if file.is_undefined(address) => None,
        Layout::Contiguous(address, length) => match (length.or(logical), file.base.checked_add(address)) {
            (Some(length), Some(start)) => Some(Span::new(start, length)),
            _ => None,
        },
        Layout::Chunked => None,
        Layout::Virtual(address, index) => {
            virtual_dataset(file, &element, (address, index), at, totals, troubles, sink);
            None
        }
    };
    let has_external = messages.iter().any(|m| m.kind == kind::EXTERNAL_FILES);
    let Some(stored) = stored.filter(|_| !has_external) else { return Vec::new() };
    if stored.end() > file.size() {
        troubles.push(Trouble::Cut(stored.offset.min(file.size())));
        return Vec::new();
    }
    if logical.is_some_and(|bytes| bytes > stored.length) && !bomb {
        let message = format!(
            "the dataset {} has {} bytes of elements by its shape and room for {}",
            quote(path),
            logical.unwrap_or(0),
            stored.length
        );
        sink.finding(Finding::new(&S902, message).at(at.offset, at.length).element(&element));
        return Vec::new();
    }
    let used = Span::new(stored.offset, logical.unwrap_or(stored.length).min(stored.length));
    match data_type.kind {
        Type::Number(dtype) => {
            if matches!(dtype, "u8" | "i8") {
                payload(file, path, &element, used, false, sink);
            }
            let (name, shape) = (clip(&escape(path), 1000), space.dimensions);
            sink.tensor(Tensor { name, dtype: dtype.to_owned(), shape, at: used });
            Vec::new()
        }
        Type::Opaque => {
            payload(file, path, &element, used, true, sink);
            Vec::new()
        }
        Type::Text | Type::LongText | Type::Sequence => {
            if data_type.kind == Type::Text {
                payload(file, path, &element, used, false, sink);
            }
            if used.length > MAX_TEXT {
                return Vec::new();
            }
            let data = file.bytes(used.offset, used.length);
            let found = data.and_then(|data| texts(file, &data_type, &space, &data, used.offset, MAX_TEXT));
            let found = found.unwrap_or_else(|trouble| {
                troubles.push(trouble);
                None
            });
            if data_type.kind == Type::Sequence {
                for text in found.unwrap_or_default() {
                    payload(file, path, &element, Span::new(text.at, text.bytes.len() as u64), true, sink);
                }
                return Vec::new();
            }
            found.unwrap_or_default()
        }
        Type::Other(_) => Vec::new(),
    }
}

/// Shape, type, layout, and the place of the shape.
fn parts(file: &File<'_>, messages: &[Message]) -> Result<(Space, DataType, Layout, Span), Trouble> {
    let get = |wanted: u16, missing: &'static str| {
        let message = messages.iter().find(|m| m.kind == wanted);
        let at = messages.first().map_or(file.base, |m| m.at);
        message.ok_or(Trouble::Broken(at, missing)).and_then(|m| resolve(file, m))
    };
    let space = get(kind::DATASPACE, "a dataset without a shape")?;
    let at = Span::new(space.at, space.body.len() as u64).within(file.size());
    let space = Space::parse(file, &space.body, space.at)?;
    let data_type = get(kind::DATATYPE, "a dataset without a type")?;
    let data_type = DataType::parse(file, &data_type.body, data_type.at)?;
    let layout = get(kind::LAYOUT, "a dataset without a layout")?;
    Ok((space, data_type, Layout::parse(file, &layout.body, layout.at)?, at))
}

/// A file in a dataset's bytes: reported, and handed on to be scanned. Bytes that are no numbers (`opaque`) need less to look like one.
fn payload(file: &File<'_>, path: &str, element: &str, at: Span, opaque: bool, sink: &mut dyn Sink) {
    let head = file.up_to(at.offset, at.length.min(HEAD_LENGTH));
    let Some(what) = foreign(&head, at.length, opaque) else { return };
    let message = format!("the dataset {} holds {what}", quote(path));
    sink.finding(Finding::new(&S1134, message).at(at.offset, at.length).element(element));
    sink.embed(&format!("{}.data", clip(&escape(path.trim_matches('/')), 200)), at, "");
}

/// External storage and filters.
fn external(
    file: &File<'_>,
    element: &str,
    messages: &[Message],
    totals: &mut Totals,
    troubles: &mut Vec<Trouble>,
    sink: &mut dyn Sink,
) {
    for message in messages {
        let at = Span::new(message.at, message.body.len() as u64);
        match message.kind {
            kind::EXTERNAL_FILES => {
                let names = external_files(file, message).and_then(|(heap, offsets)| {
                    let heap = LocalHeap::read(file, heap)?;
                    offsets.into_iter().map(|offset| heap.text(file, offset)).collect::<Result<Vec<_>, _>>()
                });
                let names = names.unwrap_or_else(|trouble| {
                    troubles.push(trouble);
                    Vec::new()
                });
                // Elements may be spread over several files: one that lies elsewhere says more than the first.
                let name = names.iter().find(|name| classify(name).escapes()).or(names.first());
                totals.other_file(element, "keeps its elements in", name.map_or(&b""[..], |n| n), at, sink);
            }
            kind::FILTERS => match filters(file, message) {
                Ok(ids) => ids.into_iter().for_each(|id| totals.filter(id, element, at)),
                Err(trouble) => troubles.push(trouble),
            },
            _ => {}
        }
    }
}

/// A dataset that is put together out of others: the first source file that is not this one.
fn virtual_dataset(
    file: &File<'_>,
    element: &str,
    (address, index): (u64, u32),
    at: Span,
    totals: &mut Totals,
    troubles: &mut Vec<Trouble>,
    sink: &mut dyn Sink,
) {
    if file.is_undefined(address) {
        return;
    }
    match virtual_map::other_source(file, address, index) {
        Ok(None) => {}
        Ok(Some(name)) => totals.other_file(element, "is a virtual dataset over", &name, at, sink),
        Err(trouble) => {
            totals.other_file(element, "is a virtual dataset over", b"", at, sink);
            troubles.push(trouble);
        }
    }
}
