//! Goes through the folders, cuts their output into members and hands each over.

use std::io::Read;

use modelaudit_paths::members::{Names, Places, Tally};
use modelaudit_paths::{classify, resolve_link};
use modelaudit_plugin::{Artifact, ChildWriter, Finding, Severity, Sink, Span};
use modelaudit_rules::files::S410;

use crate::coders::WINDOW_LIMIT;
use crate::defects::Defect;
use crate::header::{File, Folder, Part, Streams};

/// Bytes that are unpacked at a time. No read crosses the end of a member, so a member in front of a break is whole.
const BLOCK: usize = 64 << 10;

/// Longest target of a link (PATH_MAX).
const LINK: usize = 4096;

/// Output below this is never called a bomb ...
const BOMB_SIZE: u64 = 32 << 20;
/// ... and above only at this many times the packed size: weights reach 10, sparse ones 100.
const BOMB_RATIO: u64 = 200;

/// The state of one pass over the members.
pub struct Members<'a> {
    artifact: &'a dyn Artifact,
    names: Names<(u64, Option<u32>)>,
    places: Places,
    tally: Tally<Defect>,
    buffer: Vec<u8>,
    unpacked: u64,
    packed: u64,
    refused: bool,
}

/// A member with its content on the way to the host.
struct Item<'f> {
    file: Option<&'f File>,
    name: String,
    part: Part,
    at: Span,
}

impl<'a> Members<'a> {
    /// Nothing seen yet.
    pub fn new(artifact: &'a dyn Artifact) -> Self {
        Self {
            artifact,
            names: Names::default(),
            places: Places::default(),
            tally: Tally::default(),
            buffer: vec![0; BLOCK],
            unpacked: 0,
            packed: 0,
            refused: false,
        }
    }

    /// Goes through all members. `base` is the offset that packed streams count from.
    pub fn visit(&mut self, streams: &Streams, files: &[File], base: u64, sink: &mut dyn Sink) {
        for file in files {
            self.judge(file, sink);
        }
        let mut with_content = files.iter().filter(|file| !file.empty);
        let mut packed = streams.packed.iter();
        let mut offset = base.saturating_add(streams.start);
        for folder in &streams.folders {
            let mut spans = Vec::new();
            for size in packed.by_ref().take(folder.packed.len()) {
                spans.push(Span::new(offset, *size));
                offset = offset.saturating_add(*size);
            }
            let mut items: Vec<Item<'_>> =
                folder.members.iter().map(|part| self.item(with_content.next(), *part, &spans)).collect();
            // A folder without members still has an output.
            if items.is_empty() && folder.size() > 0 {
                items.push(self.item(None, Part { size: folder.size(), crc: folder.crc }, &spans));
            }
            if !self.refused {
                self.folder(folder, &spans, &items, sink);
            }
        }
        for file in with_content {
            self.tally.add(Defect::Missing, file.name.as_bytes(), Span::new(0, 0), &[]);
        }
    }

    /// What a member's name and attributes say, with or without content.
    fn judge(&mut self, file: &File, sink: &mut dyn Sink) {
        let name = file.name.as_bytes();
        let at = Span::new(0, 0);
        let class = classify(name);
        self.places.name(name, &class, at, sink);
        let defects = [
            (class.nul, Defect::NulInName),
            (class.bidi, Defect::BidiInName),
            (file.is_special(), Defect::Special),
            (file.anti, Defect::Anti),
        ];
        for (_, defect) in defects.iter().filter(|(has, _)| *has) {
            self.tally.add(*defect, name, at, &[]);
        }
    }

    fn item<'f>(&mut self, file: Option<&'f File>, part: Part, spans: &[Span]) -> Item<'f> {
        let at = spans.first().copied().unwrap_or_default().within(self.artifact.size());
        let Some(file) = file else {
            self.tally.add(Defect::Nameless, b"", at, &[]);
            return Item { file, name: self.names.take(b"nameless", (0, None)).0, part, at };
        };
        let content = (part.size, part.crc);
        let (name, first) = self.names.take(file.name.as_bytes(), content);
        if first.is_some_and(|first| first != content) {
            self.tally.add(Defect::Duplicate, file.name.as_bytes(), at, &[]);
        }
        Item { file: Some(file), name, part, at }
    }

    /// Unpacks a folder.
    fn folder(&mut self, folder: &Folder, spans: &[Span], items: &[Item<'_>], sink: &mut dyn Sink) {
        let whole = spans.iter().all(|span| span.end() <= self.artifact.size());
        self.packed = spans.iter().fold(self.packed, |sum, span| sum.saturating_add(span.length));
        let methods = [("methods", folder.methods())];
        let blame = |defect: Defect, tally: &mut Tally<Defect>, details: &[(&'static str, String)]| {
            items.iter().for_each(|item| tally.add(defect, item.raw(), item.at, details));
        };
        if folder.is_encrypted() {
            return blame(Defect::Encrypted, &mut self.tally, &methods);
        }
        if !whole {
            // What is there is unpacked all the same.
            blame(Defect::Beyond, &mut self.tally, &methods);
        }
        if folder.is_stored() && whole {
            return self.stored(spans, items, sink);
        }
        let mut reader = match folder.open(self.artifact, spans) {
            Ok(reader) => reader,
            Err(reason) => return blame(Defect::Unsupported, &mut self.tally, &[("reason", reason)]),
        };
        let window = folder.window();
        let mut given = 0u64;
        for (index, item) in items.iter().enumerate() {
            let limit = if window > WINDOW_LIMIT { WINDOW_LIMIT.saturating_sub(given + (1 << 20)) } else { u64::MAX };
            let outcome = self.member(item, &mut *reader, limit, sink);
            given = given.saturating_add(item.part.size);
            let defect = match outcome {
                Outcome::Whole => continue,
                Outcome::Refused => {
                    self.refused = true;
                    return;
                }
                Outcome::Window => Defect::Window,
                Outcome::Broken(_) if !whole => return,
                Outcome::Broken(_) => Defect::Broken,
            };
            let reason = match outcome {
                Outcome::Broken(reason) => reason,
                _ => format!("{window} bytes of history"),
            };
            for item in items.iter().skip(index) {
                self.tally.add(defect, item.raw(), item.at, &[("reason", reason.clone())]);
            }
            return;
        }
        if let (Ok(1..), Some(item)) = (reader.read(&mut [0]), items.last()) {
            self.tally.add(Defect::Longer, item.raw(), item.at, &methods);
        }
    }

    /// Members of a folder that is not compressed: views.
    fn stored(&mut self, spans: &[Span], items: &[Item<'_>], sink: &mut dyn Sink) {
        let Some(folder) = spans.first().copied() else { return };
        let mut offset = folder.offset;
        for item in items {
            let at = Span::new(offset, item.part.size.min(folder.end() - offset));
            offset = at.end();
            if at.length < item.part.size {
                self.tally.add(Defect::Broken, item.raw(), at, &[]);
            } else if let Some(crc) = item.part.crc {
                let found = self.artifact.digest("crc32", at).and_then(|crc| crc.first_chunk().copied());
                if let Some(found) = found.map(u32::from_be_bytes) {
                    self.check(item, crc, found);
                }
            }
            if item.is_link() && at.length <= LINK as u64 {
                self.link(item, &self.artifact.read(at.offset, at.length as u32), sink);
            }
            sink.embed(&item.child_name(), at, "");
        }
        let rest = Span::new(offset, folder.end().saturating_sub(offset));
        if let Some(item) = items.last().filter(|_| rest.length > 0) {
            self.tally.add(Defect::Longer, item.raw(), rest, &[]);
            sink.embed("behind the last member", rest, "");
        }
    }

    /// Unpacks a member, at most `limit` bytes of it.
    fn member(&mut self, item: &Item<'_>, reader: &mut dyn Read, limit: u64, sink: &mut dyn Sink) -> Outcome {
        let mut child: Option<Box<dyn ChildWriter>> = None;
        let mut crc = crc32fast::Hasher::new();
        let mut target = Vec::new();
        let mut left = item.part.size;
        while left > 0 {
            if item.part.size - left >= limit {
                return Outcome::Window;
            }
            let want = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let block = self.buffer.get_mut(..want).unwrap_or_default();
            let length = match reader.read(block) {
                Ok(0) => return Outcome::Broken("the data end before the member does".to_owned()),
                Ok(length) => length,
                Err(error) => return Outcome::Broken(error.to_string()),
            };
            let bytes = block.get(..length).unwrap_or_default();
            crc.update(bytes);
            if target.len() + length <= LINK {
                target.extend_from_slice(bytes);
            }
            if !child.get_or_insert_with(|| sink.child(&item.child_name(), "")).write(bytes) {
                return Outcome::Refused;
            }
            self.unpacked = self.unpacked.saturating_add(length as u64);
            left -= length as u64;
        }
        if let Some(child) = child {
            child.finish();
        }
        if let Some(stored) = item.part.crc {
            self.check(item, stored, crc.finalize());
        }
        if item.is_link() && target.len() as u64 == item.part.size {
            self.link(item, &target, sink);
        }
        Outcome::Whole
    }

    fn check(&mut self, item: &Item<'_>, stored: u32, found: u32) {
        if stored != found {
            let details = [("stored_crc32", format!("{stored:08x}")), ("found_crc32", format!("{found:08x}"))];
            self.tally.add(Defect::WrongCrc, item.raw(), item.at, &details);
        }
    }

    fn link(&mut self, item: &Item<'_>, target: &[u8], sink: &mut dyn Sink) {
        if resolve_link(item.raw(), target).is_none() {
            self.places.leaving_link(item.raw(), "a symbolic link", target, item.at, sink);
        }
    }

    /// Reports what was found in all members.
    pub fn finish(self, sink: &mut dyn Sink) {
        let ratio = self.unpacked / self.packed.max(1);
        if self.refused || self.unpacked > BOMB_SIZE && ratio > BOMB_RATIO {
            // A budget that ran out at an ordinary ratio says that the archive is large, not that it is hostile.
            let severity = if ratio > BOMB_RATIO / 2 { Severity::Warning } else { Severity::Info };
            let more = if self.refused { " and would go on: the budget for unpacked bytes is spent" } else { "" };
            let message =
                format!("{} packed bytes unpack to {} bytes, {ratio} times as much{more}", self.packed, self.unpacked);
            let finding = Finding::new(&S410, message)
                .severity(severity)
                .detail("unpacked_bytes", self.unpacked.to_string())
                .detail("packed_bytes", self.packed.to_string());
            sink.finding(finding);
        }
        self.places.finish(sink);
        self.tally.report(self.artifact.size(), sink);
    }
}

impl Item<'_> {
    /// The name as it stands in the archive.
    fn raw(&self) -> &[u8] {
        self.file.map_or(b"", |file| file.name.as_bytes())
    }

    /// The content of a link is the path it leads to: scanned like any member, but not as what its name promises.
    fn child_name(&self) -> String {
        if self.is_link() { format!("{} (link target)", self.name) } else { self.name.to_string() }
    }

    fn is_link(&self) -> bool {
        self.file.is_some_and(File::is_link)
    }
}

/// How a member ended.
enum Outcome {
    Whole,
    Refused,
    Window,
    Broken(String),
}
