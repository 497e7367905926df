//! The iteration: records of every directory in order, then what the directories do not list.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use modelaudit_plugin::{Artifact, Reader, Span};

use crate::entry::Entry;
use crate::gaps::{Gap, Piece, Place, Streams, is_signing_block, piece, without_zeros};
use crate::locate::{Directory, End};
use crate::record::{
    CENTRAL, CENTRAL_LENGTH, Central, Expected, FLAG_DESCRIPTOR, central, central_lengths, descriptor, local,
};
use crate::window::Window;

/// The most entries that are listed; more end the iteration with [`Summary::truncated`].
pub const MAX_ENTRIES: u64 = 1_000_000;

/// The most gaps that are kept; the rest is counted.
const MAX_GAPS: usize = 1000;

/// What a directory promised and what was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Declared number of records.
    pub declared: u64,
    /// Records that stand one behind the other.
    pub found: u64,
    /// The declared number of bytes ends where a record ends, and it is the last.
    pub length_fits: bool,
}

/// What is known once the iteration has ended.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Summary {
    /// Entries that were yielded.
    pub entries: u64,
    /// There were more than [`MAX_ENTRIES`], or more pieces than that between the members.
    pub truncated: bool,
    /// One for each directory.
    pub listings: Vec<Listing>,
    /// Entries whose bytes another entry or the directory uses, too.
    pub overlapping: u64,
    /// The first of them.
    pub first_overlap: Option<Span>,
    /// Bytes that nothing accounts for, at most 1,000.
    pub gaps: Vec<Gap>,
    /// How many there are beyond those.
    pub more_gaps: u64,
    /// The last local header's data go on beyond the artifact: it was cut off.
    pub cut: bool,
}

enum Stage {
    Directory(usize, u64, u64),
    Claims,
    Gap(usize, u64),
    Done,
}

/// Iterator of [`crate::Archive::entries`].
pub struct Entries<'a> {
    artifact: &'a dyn Artifact,
    directories: Vec<Directory>,
    window: Window<'a>,
    reader: Reader<'a>,
    stage: Stage,
    /// Ranges of entries, then, sorted, of everything known.
    claims: Vec<(u64, u64)>,
    structures: Vec<(u64, u64)>,
    gaps: Vec<(u64, u64)>,
    /// Records seen, where there are several directories.
    seen: HashSet<u64>,
    junk: Option<(u64, u64)>,
    listed_only: bool,
    streams: Streams,
    steps: u64,
    summary: Summary,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(artifact: &'a dyn Artifact, ends: &[End], directories: &[Directory], listed_only: bool) -> Self {
        let mut structures = Vec::new();
        for end in ends {
            structures.push((end.at.offset, end.at.end()));
            structures.extend(end.zip64.iter().map(|s| (s.offset, s.end())));
        }
        Self {
            artifact,
            directories: directories.to_vec(),
            window: Window::new(artifact),
            reader: Reader::new(artifact),
            stage: directories.first().map_or(Stage::Claims, |d| Stage::Directory(0, d.start, 0)),
            claims: Vec::new(),
            structures,
            gaps: Vec::new(),
            seen: HashSet::new(),
            junk: None,
            listed_only,
            streams: Streams::default(),
            steps: 0,
            summary: Summary::default(),
        }
    }

    /// What is known now; complete once the iterator has returned None.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The record at `at` of directory `index`, if it is one.
    fn record(&mut self, at: u64, limit: u64) -> Option<Central> {
        self.reader.seek_to(at).ok()?;
        let head = self.reader.peek(CENTRAL_LENGTH as usize);
        if !head.starts_with(CENTRAL) {
            return None;
        }
        let (name, extra, comment) = central_lengths(head)?;
        let length = CENTRAL_LENGTH as usize + name + extra + comment;
        if at.checked_add(length as u64)? > limit {
            return None;
        }
        central(self.reader.peek(length), at)
    }

    fn next_record(&mut self, index: usize, at: u64, count: u64) -> Option<Entry> {
        let directory = self.directories.get(index)?.clone();
        let Some(record) = self.record(at, directory.limit) else {
            self.end_directory(&directory, at, count);
            let next = self.directories.get(index + 1).map(|d| Stage::Directory(index + 1, d.start, 0));
            self.stage = next.unwrap_or(Stage::Claims);
            return None;
        };
        self.stage = Stage::Directory(index, record.at.end(), count + 1);
        if self.directories.len() > 1 {
            let mut hasher = DefaultHasher::new();
            let shifted = i128::from(record.local_offset) + i128::from(directory.shift);
            let Central { name, unicode_name, made_by, flags, method, crc, compressed, size, attributes, .. } = &record;
            (name, unicode_name, made_by, flags, method, crc, compressed, size, attributes, shifted).hash(&mut hasher);
            if !self.seen.insert(hasher.finish()) {
                return None;
            }
        }
        Some(self.entry(record, index, directory.shift))
    }

    fn end_directory(&mut self, directory: &Directory, at: u64, found: u64) {
        let counted = if directory.short_count && directory.count != found { found & 0xffff } else { found };
        let declared = if counted == directory.count { found } else { directory.count };
        let length_fits = at - directory.start == directory.length;
        self.summary.listings.push(Listing { declared, found, length_fits });
        self.structures.push((directory.start, at));
    }

    fn entry(&mut self, record: Central, directory: usize, shift: i64) -> Entry {
        let shifted = u64::try_from(i128::from(record.local_offset) + i128::from(shift)).ok();
        let header = shifted.and_then(|at| local(&mut self.window, at));
        // Some self-extracting archives count from the file's start, whatever the directory's offset counts from.
        let header = header.or_else(|| if shift == 0 { None } else { local(&mut self.window, record.local_offset) });
        let size = self.artifact.size();
        let mut entry = Entry {
            index: self.summary.entries,
            directory: Some(directory),
            central: Some(record),
            local: header,
            artifact_size: size,
            ..Entry::default()
        };
        if let (Some(central), Some(local)) = (&entry.central, &entry.local) {
            let start = local.at.end();
            let streamed = (central.flags | local.flags) & FLAG_DESCRIPTOR != 0;
            // The shorter claim leaves what only one of them covers to be looked at as a gap.
            let length = if !streamed && local.compressed != 0 {
                local.compressed.min(central.compressed)
            } else {
                central.compressed
            };
            let mut end = start.saturating_add(length).min(size);
            if streamed {
                entry.descriptor = descriptor(&mut self.window, end, Expected::of(central));
                end = entry.descriptor.map_or(end, |d| d.at.end()).min(size);
            }
            // Data that go on beyond the artifact can not but run into the directory; that is said as it is.
            let cut = start.saturating_add(central.compressed) > size;
            let claims = if cut { &mut self.structures } else { &mut self.claims };
            claims.push((local.at.offset, end));
        }
        entry
    }

    /// Sorts the claims, counts overlaps, and lists what lies between.
    fn settle(&mut self) {
        let size = self.artifact.size();
        self.claims.sort_unstable();
        if self.directories.len() > 1 {
            // Two directories may well list the same member.
            self.claims.dedup();
        }
        let directories: Vec<(u64, u64)> =
            self.directories.iter().zip(&self.summary.listings).map(|(d, _)| (d.start, d.limit)).collect();
        let mut reached = 0;
        for (start, end) in &self.claims {
            let other = *start < reached || directories.iter().any(|(a, b)| start < b && a < end && a < b);
            if other {
                self.summary.overlapping += 1;
                self.summary.first_overlap.get_or_insert(Span::new(*start, end - start));
            }
            reached = reached.max(*end);
        }
        let mut all = std::mem::take(&mut self.claims);
        all.append(&mut self.structures);
        all.sort_unstable();
        let mut reached = 0;
        for (start, end) in all.iter().chain(&[(size, size)]) {
            if *start > reached {
                self.gaps.push((reached, *start));
            }
            reached = reached.max(*end);
        }
    }

    fn next_piece(&mut self, index: usize, at: u64) -> Option<Entry> {
        let Some((start, end)) = self.gaps.get(index).copied() else {
            self.stage = Stage::Done;
            return None;
        };
        let at = at.max(start);
        if at >= end {
            self.end_junk();
            self.stage = Stage::Gap(index + 1, 0);
            return None;
        }
        self.steps += 1;
        match piece(self.artifact, &mut self.window, at, end) {
            Piece::Junk(length) => {
                let from = self.junk.map_or(at, |(from, _)| from);
                self.junk = Some((from, at + length));
                self.stage = Stage::Gap(index, at + length);
                None
            }
            Piece::Record(length) => {
                self.end_junk();
                self.stage = Stage::Gap(index, at + length);
                None
            }
            Piece::Local(header) => {
                self.end_junk();
                let size = self.artifact.size();
                let start = header.at.end();
                let mut entry = Entry {
                    index: self.summary.entries,
                    local: Some(header.clone()),
                    artifact_size: size,
                    ..Entry::default()
                };
                let mut next = start.saturating_add(header.compressed);
                if header.flags & FLAG_DESCRIPTOR != 0 && header.compressed == 0 {
                    let (data_end, certain) = self.streams.end(self.artifact, &mut self.window, start, end.max(start));
                    entry.streamed = Some((data_end, certain));
                    let expected = Expected { crc: None, compressed: data_end - start, size: None };
                    entry.descriptor = descriptor(&mut self.window, data_end, expected).filter(|_| certain);
                    next = entry.descriptor.map_or(data_end, |d| d.at.end());
                    self.summary.cut |= !certain && data_end >= size;
                } else if header.flags & FLAG_DESCRIPTOR != 0
                    && let Some(found) = descriptor(&mut self.window, next, Expected::of_local(&header))
                {
                    entry.descriptor = Some(found);
                    next = found.at.end();
                }
                self.summary.cut |= next > size;
                self.stage = Stage::Gap(index, next.max(start));
                Some(entry)
            }
        }
    }

    /// Keeps the bytes that nothing accounts for, if they are not padding.
    fn end_junk(&mut self) {
        let Some((start, end)) = self.junk.take() else { return };
        let span = Span::new(start, end - start);
        let Some(at) = without_zeros(self.artifact, span) else { return };
        if is_signing_block(&mut self.window, span) {
            return;
        }
        let place = match (start, end) {
            (0, _) => Place::Start,
            (_, end) if end == self.artifact.size() => Place::End,
            _ => Place::Between,
        };
        if self.summary.gaps.len() < MAX_GAPS {
            self.summary.gaps.push(Gap { at, place });
        } else {
            self.summary.more_gaps += 1;
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            if self.summary.entries >= MAX_ENTRIES || self.steps >= MAX_ENTRIES {
                self.summary.truncated = !matches!(self.stage, Stage::Done);
                return None;
            }
            let entry = match self.stage {
                Stage::Directory(index, at, count) => self.next_record(index, at, count),
                Stage::Claims if self.listed_only => {
                    self.stage = Stage::Done;
                    None
                }
                Stage::Claims => {
                    self.settle();
                    self.stage = Stage::Gap(0, 0);
                    None
                }
                Stage::Gap(index, at) => self.next_piece(index, at),
                Stage::Done => return None,
            };
            if entry.is_some() {
                self.summary.entries += 1;
                return entry;
            }
        }
    }
}
