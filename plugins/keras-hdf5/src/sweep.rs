//! Pickles in the global heaps. PyTables keeps an array of Python objects as pickles of variable length: the array itself is a list of
//! numbers in chunks, packed or not, but the pickles stand in global heaps as they are, which have a signature to find them by.

use std::collections::HashSet;

use modelaudit_pickle_machine::is_pickle;
use modelaudit_plugin::{Sink, Span};

use crate::file::{File, Trouble};
use crate::sniff::HEAD_LENGTH;

/// Heaps that are looked at, pickles that are handed on, and bytes of both that are read.
const MAX_HEAPS: u32 = 65_536;
const MAX_PICKLES: usize = 10_000;
const MAX_BYTES: u64 = 256 << 20;

/// Hands on every object of a global heap that is a pickle, unless its place is in `handed`.
pub(crate) fn pickles(file: &File<'_>, handed: &mut HashSet<u64>, sink: &mut dyn Sink) {
    let heaps = file.find(b"GCOL", MAX_HEAPS);
    let (mut found, mut read) = (0usize, 0u64);
    let mut whole = heaps.len() < MAX_HEAPS as usize;
    for at in heaps {
        // What only looks like a heap ends without a word: the objects that matter are reached in one that is one.
        let _ = heap(file, at, &mut |start, size| {
            let length = size.min(HEAD_LENGTH);
            read = read.saturating_add(length);
            if found >= MAX_PICKLES || read > MAX_BYTES {
                whole = false;
                return false;
            }
            if is_pickle(&file.up_to(start, length), size) && handed.insert(start) {
                found += 1;
                sink.embed(&format!("object at {start}.pkl"), Span::new(start, size).within(file.size()), "pickle");
            }
            true
        });
    }
    if !whole {
        sink.incomplete("the file has arrays of Python objects that are too large to look at every one of them");
    }
}

/// Visits the objects of a heap, as offset in the artifact and length, until `visit` says no.
fn heap(file: &File<'_>, at: u64, visit: &mut dyn FnMut(u64, u64) -> bool) -> Result<(), Trouble> {
    let head = file.bytes(at, 8 + file.lengths as u64)?;
    let mut cursor = file.cursor(&head, at);
    cursor.take(8)?;
    let end = at.saturating_add(cursor.length()?).min(file.size());
    let object = 8 + file.lengths as u64;
    let mut here = at + head.len() as u64;
    while here.saturating_add(object) <= end {
        let head = file.bytes(here, object)?;
        let mut cursor = file.cursor(&head, here);
        let number = cursor.u16()?;
        cursor.take(6)?;
        let (size, start) = (cursor.length()?, here + object);
        // Number 0 is the room that is left.
        if number == 0 || start.saturating_add(size) > end || !visit(start, size) {
            return Ok(());
        }
        here = start.saturating_add(size.checked_next_multiple_of(8).unwrap_or(u64::MAX));
    }
    Ok(())
}
