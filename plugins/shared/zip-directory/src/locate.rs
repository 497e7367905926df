//! Where readers find the central directory.
//!
//! The end record stands at the end, behind it a comment of up to 64 KiB; so readers search backwards, and stop at different
//! places: Python's zipfile and miniz (torch) take the last signature, Java and Go want the comment to reach the end of the
//! file. Then Python counts the directory's start back from the end record (and so copes with bytes before the archive), miniz
//! goes to the offset that the record gives. A zip64 record may overrule all of it. Every answer is kept.

use modelaudit_plugin::{Artifact, Span};

use crate::record::{CENTRAL, END, END64, LOCATOR64};
use crate::window::{Window, u16_at, u32_at, u64_at};

/// Length of an end record without its comment.
pub(crate) const END_LENGTH: u64 = 22;
/// Length of a zip64 end record, its extensible data left out.
const END64_LENGTH: u64 = 56;
/// Length of the zip64 locator.
const LOCATOR64_LENGTH: u64 = 20;
/// An end record with the longest comment.
const TAIL: u64 = END_LENGTH + 0xffff;
/// End records that are looked at, the last ones.
const MAX_ENDS: usize = 16;

/// An end record (and its zip64 records) that some reader takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The end record with the part of its comment that is there.
    pub at: Span,
    /// The comment.
    pub comment: Span,
    /// The zip64 records before it, both or none.
    pub zip64: Vec<Span>,
    /// Number of this disk; more than 0 in the last part of a split archive.
    pub disk: u16,
}

/// A central directory that some reader reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Where the first record is.
    pub start: u64,
    /// Where the records must end: the end record, or the zip64 one.
    pub limit: u64,
    /// Declared length in bytes.
    pub length: u64,
    /// Declared number of records.
    pub count: u64,
    /// The count is of 16 bits: more records wrap around.
    pub short_count: bool,
    /// What is added to the offsets of local headers: the length of what was put before the archive, negative if the artifact
    /// begins inside it.
    pub shift: i64,
    /// Index of the end record in the list of [`crate::Archive::ends`].
    pub end: usize,
}

/// All end records that a reader could take, with a directory that is really there; and the directories.
pub(crate) fn locate(artifact: &dyn Artifact) -> (Vec<End>, Vec<Directory>) {
    let size = artifact.size();
    let tail = Span::new(size.saturating_sub(TAIL), size.min(TAIL));
    let mut hits: Vec<u64> = artifact.find(&[END], tail, u32::MAX).iter().map(|h| h.offset).collect();
    hits.retain(|at| at + END_LENGTH <= size);
    let mut window = Window::new(artifact);
    let comment_end = |window: &mut Window<'_>, at: u64| {
        at + END_LENGTH + u64::from(u16_at(window.get(at, END_LENGTH as usize), 20).unwrap_or(0))
    };
    let last = hits.last().copied();
    let exact = hits.iter().rev().copied().find(|at| comment_end(&mut window, *at) == size);
    let fitting = hits.iter().rev().copied().find(|at| comment_end(&mut window, *at) <= size);
    let mut candidates = Vec::new();
    for at in [exact, last, fitting].into_iter().flatten() {
        if !candidates.contains(&at) {
            candidates.push(at);
        }
    }
    let (ends, directories) = read_all(&mut window, &candidates, size);
    if !directories.is_empty() || hits.is_empty() {
        return (ends, directories);
    }
    // None of the three is one: a decoy behind the real record. Take the last that is.
    for at in hits.iter().rev().take(MAX_ENDS) {
        let found = read_all(&mut window, &[*at], size);
        if !found.1.is_empty() {
            return found;
        }
    }
    (Vec::new(), Vec::new())
}

fn read_all(window: &mut Window<'_>, candidates: &[u64], size: u64) -> (Vec<End>, Vec<Directory>) {
    let (mut ends, mut directories) = (Vec::new(), Vec::new());
    for at in candidates {
        if let Some((end, found)) = read_end(window, *at, size, ends.len()) {
            for directory in found {
                let known = |d: &Directory| d.start == directory.start && d.shift == directory.shift;
                if !directories.iter().any(known) {
                    directories.push(directory);
                }
            }
            ends.push(end);
        }
    }
    (ends, directories)
}

/// Reads the end record at `at`; None if no directory belongs to it.
fn read_end(window: &mut Window<'_>, at: u64, size: u64, index: usize) -> Option<(End, Vec<Directory>)> {
    let head = window.get(at, END_LENGTH as usize).to_vec();
    let comment_length = u64::from(u16_at(&head, 20)?);
    let comment = Span::new(at + END_LENGTH, comment_length).within(size);
    let mut end =
        End { at: Span::new(at, END_LENGTH + comment.length), comment, zip64: Vec::new(), disk: u16_at(&head, 4)? };
    let mut short = Declared {
        count: u64::from(u16_at(&head, 10)?),
        length: u64::from(u32_at(&head, 12)?),
        offset: u64::from(u32_at(&head, 16)?),
    };
    let mut directories = Vec::new();
    for end64 in zip64_records(window, at) {
        let bytes = window.get(end64.offset, END64_LENGTH as usize);
        let (Some(count), Some(length), Some(offset)) = (u64_at(bytes, 32), u64_at(bytes, 40), u64_at(bytes, 48))
        else {
            continue;
        };
        // A saturated short field stands for the wide one.
        for (value, most, wide) in [
            (&mut short.count, u64::from(u16::MAX), count),
            (&mut short.length, u64::from(u32::MAX), length),
            (&mut short.offset, u64::from(u32::MAX), offset),
        ] {
            if *value == most {
                *value = wide;
            }
        }
        let found = Declared { count, length, offset }.directories(window, end64.offset, size, false, index);
        if !found.is_empty() {
            end.zip64 = vec![end64, Span::new(at - LOCATOR64_LENGTH, LOCATOR64_LENGTH)];
            directories.extend(found);
        }
    }
    // A reader without zip64, or one that looks there for saturated fields only (Go, Java), believes the short fields.
    let limit = end.zip64.first().map_or(at, |end64| end64.offset);
    for directory in short.directories(window, limit, size, true, index) {
        if !directories.iter().any(|d: &Directory| d.start == directory.start && d.shift == directory.shift) {
            directories.push(directory);
        }
    }
    (!directories.is_empty()).then_some((end, directories))
}

/// The zip64 end records of the end record at `at`: where the locator points (miniz, Go), and right before the locator
/// (Python).
fn zip64_records(window: &mut Window<'_>, at: u64) -> Vec<Span> {
    let mut found = Vec::new();
    let Some(locator) = at.checked_sub(LOCATOR64_LENGTH) else { return found };
    let bytes = window.get(locator, LOCATOR64_LENGTH as usize);
    let pointed = if bytes.starts_with(LOCATOR64) { u64_at(bytes, 8) } else { return found };
    for offset in [locator.checked_sub(END64_LENGTH), pointed].into_iter().flatten() {
        let bytes = window.get(offset, END64_LENGTH as usize);
        if bytes.starts_with(END64) && bytes.len() as u64 == END64_LENGTH && offset < locator {
            // Its own length counts from behind the length field.
            let length = u64_at(bytes, 4).unwrap_or(0).saturating_add(12).clamp(END64_LENGTH, locator - offset);
            let span = Span::new(offset, length);
            if !found.contains(&span) {
                found.push(span);
            }
        }
    }
    found
}

/// What an end record says of the directory.
struct Declared {
    count: u64,
    length: u64,
    offset: u64,
}

impl Declared {
    /// The directories that these values lead to: counted back from `limit` and at the declared offset. One that holds a
    /// record must start with its signature; an empty one need not be anywhere.
    fn directories(&self, window: &mut Window<'_>, limit: u64, size: u64, short: bool, end: usize) -> Vec<Directory> {
        let mut found: Vec<Directory> = Vec::new();
        let make = |start: u64, shift: i64| Directory {
            start,
            limit,
            length: self.length,
            count: self.count,
            short_count: short,
            shift,
            end,
        };
        if self.count == 0 && self.length == 0 {
            let shift =
                i64::try_from(limit).unwrap_or(0).saturating_sub(i64::try_from(self.offset).unwrap_or(i64::MAX));
            return vec![make(limit, if self.offset <= limit { shift } else { 0 })];
        }
        if let Some(start) = limit.checked_sub(self.length)
            && window.get(start, 4) == CENTRAL
            && let (Ok(actual), Ok(declared)) = (i64::try_from(start), i64::try_from(self.offset))
        {
            found.push(make(start, actual.saturating_sub(declared)));
        }
        if self.offset < limit.min(size)
            && window.get(self.offset, 4) == CENTRAL
            && found.iter().all(|d| d.start != self.offset)
        {
            found.push(make(self.offset, 0));
        }
        found
    }
}
