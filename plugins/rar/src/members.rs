//! Judges each member and hands its content over.

use std::collections::HashSet;

use modelaudit_paths::members::{Names, Places, Tally, printable};
use modelaudit_paths::{classify, normalise, resolve_link};
use modelaudit_plugin::{Artifact, ChildWriter, Finding, Reader, Severity, Sink, Span, quote};
use modelaudit_rules::files::S410;

use crate::decoder::{Decoder, Failure};
use crate::defects::Defect;
use crate::entry::{Coding, Entry, Kind};
use crate::overlaps::Overlaps;

/// Longest target of a link (PATH_MAX).
const LINK: u64 = 4096;

/// Links that leave the archive and are remembered, to see what is written through them.
const LINKS: usize = 10_000;

/// Output below this is never called a bomb ...
const BOMB_SIZE: u64 = 32 << 20;
/// ... and above only at this many times the packed size: weights reach 10, sparse ones 100.
const BOMB_RATIO: u64 = 200;

/// Members that are listed as a fact.
const LISTED: usize = 200;

/// The state of one pass over the members.
pub struct Members<'a> {
    artifact: &'a dyn Artifact,
    names: Names<(Option<u64>, Option<u32>)>,
    places: Places,
    tally: Tally<Defect>,
    overlaps: Overlaps,
    leaving: HashSet<Vec<u8>>,
    decoder: Decoder,
    /// Members may depend on those before them, the archive's header says.
    pub solid: bool,
    owner: Vec<u8>,
    count: u64,
    listed: Vec<String>,
    unpacked: u64,
    packed: u64,
    refused: bool,
}

impl<'a> Members<'a> {
    /// Nothing seen yet.
    pub fn new(artifact: &'a dyn Artifact) -> Self {
        Self {
            artifact,
            names: Names::default(),
            places: Places::default(),
            tally: Tally::default(),
            overlaps: Overlaps::default(),
            leaving: HashSet::new(),
            decoder: Decoder::new(),
            solid: false,
            owner: Vec::new(),
            count: 0,
            listed: Vec::new(),
            unpacked: 0,
            packed: 0,
            refused: false,
        }
    }

    /// A header with a wrong checksum.
    pub fn wrong_checksum(&mut self, name: &[u8], at: Span) {
        self.tally.add(Defect::HeaderChecksum, name, at, &[]);
    }

    /// Judges a member and hands it over.
    pub fn visit(&mut self, entry: &Entry, sink: &mut dyn Sink) {
        if !matches!(entry.kind, Kind::Stream(_) | Kind::Service) {
            self.count += 1;
            self.owner.clone_from(&entry.name);
        }
        if self.listed.len() < LISTED {
            self.listed.push(describe(entry));
        }
        self.judge(entry, sink);
        if !entry.has_content() {
            return;
        }
        let raw = self.child_name(entry);
        let content = (entry.size, entry.crc);
        let (name, first) = self.names.take(&raw, content);
        // A comment of each member, a stream of each: those have one name by design.
        let is_member = !matches!(entry.kind, Kind::Stream(_) | Kind::Service);
        if is_member && first.is_some_and(|first| first != content) {
            self.tally.add(Defect::Duplicate, &entry.name, entry.header, &[]);
        }
        if !self.refused {
            self.content(entry, &name, sink);
        }
    }

    /// What the name, the attributes and a link's target say.
    fn judge(&mut self, entry: &Entry, sink: &mut dyn Sink) {
        let (name, at) = (entry.name.as_slice(), entry.header);
        match &entry.kind {
            Kind::Service => return,
            // The stream's name is joined to the member's; WinRAR before 7.13 followed `..` in it (CVE-2025-8088).
            Kind::Stream(stream) => {
                let stream = stream.strip_prefix(b":").unwrap_or(stream);
                return self.places.name(stream, &classify(stream), at, sink);
            }
            Kind::Link { what, target, from_root } => self.link(entry, what, target, *from_root, sink),
            Kind::File | Kind::Folder | Kind::LinkInContent => {}
        }
        let class = classify(name);
        self.places.name(name, &class, at, sink);
        if let Some(other) = &entry.other_name {
            self.tally.add(Defect::TwoNames, name, at, &[("other_name", quote(other))]);
            self.places.name(other, &classify(other), at, sink);
        }
        let defects =
            [(class.nul, Defect::NulInName), (class.bidi, Defect::BidiInName), (entry.special, Defect::Special)];
        for (_, defect) in defects.iter().filter(|(has, _)| *has) {
            self.tally.add(*defect, name, at, &[]);
        }
        if !self.leaving.is_empty() && self.is_below_leaving_link(name) {
            self.places.through_link(name, at, sink);
        }
        // What a link leads to is judged as a link.
        if matches!(entry.kind, Kind::File | Kind::Folder) {
            self.overlaps.add(name, entry.kind == Kind::Folder, at);
        }
    }

    fn is_below_leaving_link(&self, name: &[u8]) -> bool {
        let Some(path) = normalise(name) else { return false };
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        slashes.into_iter().any(|(at, _)| path.get(..at).is_some_and(|folder| self.leaving.contains(folder)))
    }

    fn link(&mut self, entry: &Entry, what: &str, target: &[u8], from_root: bool, sink: &mut dyn Sink) {
        // A Windows target in its native form: `\??\C:\x`.
        let plain = target.strip_prefix(br"\??\").or(target.strip_prefix(b"/??/")).unwrap_or(target);
        let inside = if from_root { normalise(plain) } else { resolve_link(&entry.name, plain) };
        if inside.is_none() {
            self.places.leaving_link(&entry.name, what, plain, entry.header, sink);
            if let Some(path) = normalise(&entry.name).filter(|_| self.leaving.len() < LINKS) {
                self.leaving.insert(path);
            }
        }
    }

    fn child_name(&self, entry: &Entry) -> Vec<u8> {
        match &entry.kind {
            Kind::Stream(stream) => [self.owner.as_slice(), stream].concat(),
            Kind::Service => [b"(".as_slice(), &entry.name, b")"].concat(),
            // The content of a link is the path it leads to: scanned like any member, but not as what its name promises.
            Kind::LinkInContent => [entry.name.as_slice(), b" (link target)"].concat(),
            _ => entry.name.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect(),
        }
    }

    fn content(&mut self, entry: &Entry, name: &str, sink: &mut dyn Sink) {
        let data = entry.data.within(self.artifact.size());
        self.packed = self.packed.saturating_add(data.length);
        let stored = entry.coding == Coding::Stored;
        let in_line = entry.kind != Kind::Service;
        let details = [("packing", entry.coding.name())];
        if entry.encrypted {
            self.tally.add(Defect::Encrypted, &entry.name, data, &details);
            if in_line && !stored {
                self.decoder.passed_over();
            }
            return;
        }
        if entry.from_before || entry.goes_on {
            self.tally.add(Defect::Volume, &entry.name, data, &details);
        }
        if data.length < entry.data.length {
            self.tally.add(Defect::Beyond, &entry.name, data, &details);
        }
        // What is there of a member that is cut is handed over as far as it goes.
        let whole = !entry.from_before && !entry.goes_on && data.length == entry.data.length;
        if stored {
            return self.stored(entry, name, data, whole, sink);
        }
        if entry.from_before {
            self.decoder.passed_over();
            return;
        }
        let Some(size) = entry.size else {
            self.decoder.passed_over();
            return self.tally.add(
                Defect::Unsupported,
                &entry.name,
                data,
                &[("reason", "its size is open".to_owned())],
            );
        };
        self.unpack(entry, name, (data, size), whole, sink);
    }

    /// A member that is not packed: a view.
    fn stored(&mut self, entry: &Entry, name: &str, data: Span, whole: bool, sink: &mut dyn Sink) {
        let size = entry.size.filter(|_| whole).unwrap_or(data.length);
        let at = Span::new(data.offset, data.length.min(size));
        if at.length < size {
            let reason = format!("{} bytes are stored, the header says {size}", at.length);
            self.tally.add(Defect::Broken, &entry.name, at, &[("reason", reason)]);
        } else if let Some(crc) = entry.crc.filter(|_| whole) {
            let found = self.artifact.digest("crc32", at).and_then(|crc| crc.first_chunk().copied());
            if let Some(found) = found.map(u32::from_be_bytes) {
                self.check(entry, crc, found);
            }
        }
        if entry.kind == Kind::LinkInContent && at.length <= LINK {
            self.link(entry, "a symbolic link", &self.artifact.read(at.offset, at.length as u32), false, sink);
        }
        sink.embed(name, at, "");
        let rest = Span::new(at.end(), data.end().saturating_sub(at.end()));
        if rest.length > 0 {
            self.tally.add(Defect::Longer, &entry.name, rest, &[]);
            sink.embed(&format!("{name} (behind its end)"), rest, "");
        }
    }

    /// A packed member: a child.
    fn unpack(&mut self, entry: &Entry, name: &str, (data, size): (Span, u64), whole: bool, sink: &mut dyn Sink) {
        // Services are not part of the line in which members depend on each other.
        let mut own = Decoder::new();
        let in_line = entry.kind != Kind::Service;
        // Before RAR 2.0 only the archive says whether members depend on each other.
        let solid = in_line && if entry.coding == Coding::Rar15 { self.solid && self.count > 1 } else { entry.solid };
        let decoder = if in_line { &mut self.decoder } else { &mut own };
        let mut input = Reader::over(self.artifact, data);
        let mut child: Option<Box<dyn ChildWriter>> = None;
        let mut crc = crc32fast::Hasher::new();
        let mut target = Vec::new();
        let (mut given, mut refused) = (0u64, false);
        let mut take = |bytes: &[u8]| {
            crc.update(bytes);
            if target.len() as u64 + bytes.len() as u64 <= LINK {
                target.extend_from_slice(bytes);
            }
            given = given.saturating_add(bytes.len() as u64);
            refused = !child.get_or_insert_with(|| sink.child(name, "")).write(bytes);
            !refused
        };
        let result = decoder.member(entry.coding, solid, (&mut input, data.length), size, &mut take);
        self.unpacked = self.unpacked.saturating_add(given);
        if let Some(child) = child {
            child.finish();
        }
        let defect = match &result {
            Ok(()) => None,
            Err(Failure::Refused) if refused => {
                self.refused = true;
                return;
            }
            // What a cut does to the packed data is said already.
            Err(Failure::Broken(_) | Failure::Refused) if !whole => return,
            Err(Failure::Refused) => Some((Defect::Broken, "the data can't be read".to_owned())),
            Err(Failure::Broken(reason)) => Some((Defect::Broken, reason.clone())),
            Err(Failure::Memory(reason)) => Some((Defect::Memory, reason.clone())),
            Err(Failure::Unsupported(reason)) => Some((Defect::Unsupported, reason.clone())),
        };
        match defect {
            Some((defect, reason)) => self.tally.add(defect, &entry.name, data, &[("reason", reason)]),
            None => {
                if let Some(stored) = entry.crc.filter(|_| whole) {
                    self.check(entry, stored, crc.finalize());
                }
                if entry.kind == Kind::LinkInContent && target.len() as u64 == size {
                    self.link(entry, "a symbolic link", &target, false, sink);
                }
            }
        }
    }

    fn check(&mut self, entry: &Entry, stored: u32, found: u32) {
        if stored != found {
            let details = [("stored_crc32", format!("{stored:08x}")), ("found_crc32", format!("{found:08x}"))];
            self.tally.add(Defect::WrongCrc, &entry.name, entry.data.within(self.artifact.size()), &details);
        }
    }

    /// Reports what was found in all members.
    pub fn finish(self, sink: &mut dyn Sink) {
        sink.fact_number("rar_members", self.count);
        if !self.listed.is_empty() {
            sink.fact_list("rar_member_list", &self.listed);
        }
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
        self.overlaps.finish(self.artifact.size(), sink);
        self.places.finish(sink);
        self.tally.report(self.artifact.size(), sink);
    }
}

/// A member in one line: name, size, packing, flags.
fn describe(entry: &Entry) -> String {
    let size = entry.size.map_or_else(|| "size open".to_owned(), |size| format!("{size} bytes"));
    let kind = match &entry.kind {
        Kind::File | Kind::Service => String::new(),
        Kind::Folder => ", folder".to_owned(),
        Kind::Link { what, target, .. } => format!(", {what} to {}", quote(target)),
        Kind::LinkInContent => ", a symbolic link".to_owned(),
        Kind::Stream(stream) => format!(", stream {}", quote(stream)),
    };
    let flags = [
        (entry.solid, ", solid"),
        (entry.encrypted, ", encrypted"),
        (entry.from_before, ", from the volume before"),
        (entry.goes_on, ", goes on in the next volume"),
    ];
    let flags: String = flags.iter().filter(|(set, _)| *set).map(|(_, text)| *text).collect();
    format!("{}: {size}, {}{kind}{flags}", printable(&entry.name), entry.coding.name())
}
