//! The flat format of torch before 1.6 (and of `_use_new_zipfile_serialization=False`).
//!
//! Five pickles, one behind the other: a magic number, the protocol version, facts on the writing machine, the object, the
//! list of storage keys. Then the storages in the order of the list: an i64 number of elements and the bytes. The pickle plugin
//! scans the pickles; here is where the storages are, so that the rest of the file is accounted for: what stands behind the
//! last storage belongs to nobody.
//!
//! Source: `_legacy_load` in `torch/serialization.py`, `THPStorage_readFileRaw` in `torch/csrc/serialization.cpp`.

use std::collections::HashMap;

use modelaudit_pickle_machine::{Call, Item, Observer, Persistent, Reading, Value, View, walk};
use modelaudit_plugin::{Artifact, Finding, Sink, Span, quote};
use modelaudit_rules::structure::S911;

use crate::tensors::{Collector, Record, Records, Summary};

/// The first pickle: protocol 2, LONG1 with the ten bytes of 0x1950a86a20f9469cfc6c, STOP. The file goes on with the next
/// pickle's protocol.
pub const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e";
/// Pickles before the storages.
const STREAMS: u32 = 5;
/// Keys that are kept.
const MAX_KEYS: usize = 300_000;
/// Zeros behind the last storage that are taken for padding.
const MAX_ZEROS: u64 = 64 << 10;

/// The tensors of the fourth pickle and the keys of the fifth.
#[derive(Default)]
struct Streams {
    object: Collector,
    keys: Option<Vec<String>>,
    little_endian: Option<bool>,
    /// Where the storages begin.
    end: Option<u64>,
}

impl Observer for Streams {
    fn stop(&mut self, view: &View<'_, '_>, value: Value, end: u64) {
        match view.stream {
            2 => {
                let order = view.lookup(value, "little_endian").and_then(|v| view.int(v));
                self.little_endian = order.map(|v| v != 0);
            }
            4 => {
                let (items, complete) = view.items(value, MAX_KEYS);
                let keys: Option<Vec<String>> = items
                    .into_iter()
                    .map(|v| view.text(v, 256).or_else(|| view.int(v).map(|n| n.to_string())))
                    .collect();
                self.keys = keys.filter(|_| complete);
                self.end = Some(end);
            }
            _ => {}
        }
    }

    fn persistent(&mut self, view: &View<'_, '_>, event: &Persistent) {
        if view.stream == 3 {
            self.object.persistent(view, event);
        }
    }

    fn call(&mut self, view: &View<'_, '_>, call: &Call<'_>) -> u32 {
        if view.stream == 3 { self.object.call(view, call) } else { 0 }
    }

    fn item(&mut self, view: &View<'_, '_>, item: &Item) {
        if view.stream == 3 {
            self.object.item(view, item);
        }
    }
}

/// Storages by their keys.
struct Area(HashMap<String, Record>);

impl Records for Area {
    fn find(&self, key: &str) -> Option<Record> {
        self.0.get(key).copied()
    }
}

/// Scans a flat torch file.
///
/// # Errors
/// Where the storages are could not be told.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    let mut streams = Streams::default();
    let outcome = walk(artifact, Span::new(0, size), Reading::USUAL, STREAMS, &mut streams);
    sink.fact_text("torch_format", "legacy");
    let (Some(keys), Some(start)) = (&streams.keys, streams.end) else {
        return Err(format!(
            "the five pickles of a flat torch file break off or are none, at offset {}",
            outcome.end.min(size)
        ));
    };
    let units: HashMap<&str, u64> =
        streams.object.storages.iter().filter_map(|s| Some((s.key.as_str(), s.dtype?.size))).collect();
    let mut area = HashMap::new();
    let mut position = start;
    let mut broken = None;
    for key in keys {
        let Some(count) = artifact.array::<8>(position).map(i64::from_le_bytes) else {
            broken = Some(format!("the file ends early: the storage {} is missing at offset {position}", quote(key)));
            break;
        };
        let data = position.saturating_add(8);
        let Some(unit) = units.get(key.as_str()) else {
            broken = Some(format!(
                "the size of the storage {} at offset {position} can't be told, what follows was not read",
                quote(key)
            ));
            break;
        };
        let Some(length) = u64::try_from(count).ok().and_then(|n| n.checked_mul(*unit)) else {
            broken = Some(format!(
                "the storage {} at offset {position} has {count} elements, what follows was not read",
                quote(key)
            ));
            area.insert(key.clone(), Record { at: None, size: 0, cut: false });
            break;
        };
        let available = size.saturating_sub(data);
        let record = Record { at: Some(Span::new(data, length.min(available))), size: length, cut: length > available };
        area.insert(key.clone(), record);
        if record.cut {
            let missing = length - available;
            broken = Some(format!(
                "the file ends early: {missing} bytes of the storage {} are missing at offset {size}",
                quote(key)
            ));
            break;
        }
        position = data.saturating_add(length);
    }
    let mut summary = Summary::default();
    let suffix = if streams.little_endian == Some(false) { "_be" } else { "" };
    let place = |offset: u64| Span::new(offset, 0).within(size);
    summary.add(artifact, &streams.object, &Area(area), &place, suffix, sink);
    summary.report(broken.is_none(), sink);
    sink.fact_number("storage_count", keys.len() as u64);
    if let Some(reason) = broken {
        return Err(reason);
    }
    trailing(artifact, Span::new(position, size.saturating_sub(position)), sink);
    Ok(())
}

/// Bytes behind the last storage. torch.save on an open file may append another file of its own; that is handed on.
fn trailing(artifact: &dyn Artifact, tail: Span, sink: &mut dyn Sink) {
    if tail.length == 0 || artifact.read_span(tail, MAX_ZEROS).is_some_and(|b| b.iter().all(|b| *b == 0)) {
        return;
    }
    if artifact.read(tail.offset, MAGIC.len() as u32) == MAGIC {
        sink.embed("appended model", tail, "pytorch-legacy");
        return;
    }
    sink.embed("trailing data", tail, "");
    let message = format!("{} bytes follow the last storage", tail.length);
    sink.finding(Finding::new(&S911, message).at(tail.offset, tail.length));
}
