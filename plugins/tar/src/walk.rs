//! Goes along the row of headers.

use modelaudit_paths::classify;
use modelaudit_paths::members::{Names, Places, printable};
use modelaudit_plugin::{Artifact, Finding, Reader, Sink, Span, quote};
use modelaudit_rules::files::S410;
use modelaudit_rules::structure::S911;

use crate::header::{BLOCK, Header, parse, text};
use crate::links::Links;
use crate::pax::{self, Pax};
use crate::sparse;
use crate::tally::{Defect, Tally};

/// Headers that are looked at.
const MOST: u64 = 1_000_000;

/// More members than this make tools that list them slow; see the same limit for zip.
const MANY: u64 = 50_000;

/// Longest extended header that is read; names and attributes take a few kilobytes.
const EXTENDED: u64 = 1 << 20;

/// Larger than any file system's files (2^53): not a cut download, but a number to overflow with.
const ABSURD: u64 = 1 << 53;

/// A sparse member is a bomb if it is longer than this and this many times its data.
const SPARSE_BOMB: (u64, u64) = (1 << 30, 1000);

/// What extended headers say of the next member.
#[derive(Default)]
struct Extended {
    /// GNU long name and link target.
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Pax,
    /// Where the first of them is.
    at: Option<u64>,
}

/// The state of one pass.
pub(crate) struct Walk<'a> {
    artifact: &'a dyn Artifact,
    at: u64,
    members: u64,
    headers: u64,
    behind_end: bool,
    extended: Extended,
    names: Names<Span>,
    places: Places,
    links: Links,
    tally: Tally,
    junk: u64,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(artifact: &'a dyn Artifact) -> Self {
        Self {
            artifact,
            at: 0,
            members: 0,
            headers: 0,
            behind_end: false,
            extended: Extended::default(),
            names: Names::default(),
            places: Places::default(),
            links: Links::default(),
            tally: Tally::default(),
            junk: 0,
        }
    }

    pub(crate) fn run(mut self, sink: &mut dyn Sink) -> Result<(), String> {
        let size = self.artifact.size();
        while self.at < size {
            self.headers += 1;
            if self.headers > MOST {
                sink.incomplete(&format!("only the first {MOST} headers were looked at, up to offset {}", self.at));
                break;
            }
            let block: Option<[u8; BLOCK as usize]> = self.artifact.array(self.at);
            match block.as_ref().and_then(parse) {
                Some(header) => self.header(&header, block.as_ref().unwrap_or(&[0; BLOCK as usize]), sink),
                // Text made of digits fits the magic of a v7 tar; it is none, and nothing is wrong with it.
                None if self.at == 0 && block.is_some_and(|b| b.get(257..262) != Some(b"ustar")) => return Ok(()),
                None if self.at == 0 => return Err(format!("a tar header takes {BLOCK} bytes, the file has {size}")),
                None => self.gap(sink),
            }
        }
        self.finish(sink);
        Ok(())
    }

    /// Whatever is no header: the end mark, what follows it, or a place where the row breaks.
    fn gap(&mut self, sink: &mut dyn Sink) {
        let (size, start) = (self.artifact.size(), self.at);
        let zeros = self.zeros_from(start);
        let first = start + zeros;
        if first >= size {
            self.at = size;
            return;
        }
        // Two zero blocks end an archive; what stands behind them is padding, another archive, or something hidden.
        self.behind_end |= zeros >= BLOCK;
        let boundary = start + zeros / BLOCK * BLOCK;
        if boundary > start {
            self.at = boundary;
            if self.header_at(boundary) {
                return;
            }
        }
        let next = self.next_header(boundary).unwrap_or(size);
        if size - boundary < BLOCK && !self.behind_end {
            sink.incomplete(&format!("the archive breaks off inside a header at offset {boundary}"));
        } else {
            self.unaccounted(Span::new(first, next - first), sink);
        }
        self.at = next;
    }

    /// How many zero bytes stand at `start`.
    fn zeros_from(&self, start: u64) -> u64 {
        let mut reader = Reader::over(self.artifact, Span::new(start, u64::MAX - start));
        loop {
            let block = reader.buffered();
            if block.is_empty() {
                return reader.position() - start;
            }
            match block.iter().position(|b| *b != 0) {
                Some(at) => return reader.position() + at as u64 - start,
                None => {
                    let length = block.len() as u64;
                    if reader.skip(length).is_err() {
                        return reader.position() - start;
                    }
                }
            }
        }
    }

    /// The next place from `from` on, in steps of blocks, where a header with magic and checksum stands.
    fn next_header(&mut self, from: u64) -> Option<u64> {
        let mut search = from;
        while self.headers <= MOST {
            let hit = *self.artifact.find(&[b"ustar"], Span::new(search, u64::MAX - search), 1).first()?;
            let at = hit.offset.checked_sub(257).filter(|at| *at >= from && (at - from).is_multiple_of(BLOCK));
            if let Some(at) = at.filter(|at| self.header_at(*at)) {
                return Some(at);
            }
            search = hit.offset + 1;
            self.headers += 1;
        }
        None
    }

    fn header_at(&self, at: u64) -> bool {
        let block: Option<[u8; BLOCK as usize]> = self.artifact.array(at);
        block.as_ref().and_then(parse).is_some_and(|header| header.sum_fits)
    }

    /// Bytes that belong to no member.
    fn unaccounted(&mut self, span: Span, sink: &mut dyn Sink) {
        self.junk += 1;
        if self.junk > 100 {
            if self.junk == 101 {
                sink.incomplete(&format!(
                    "too many stretches of bytes between the members, from offset {} on",
                    span.offset
                ));
            }
            return;
        }
        sink.embed(&format!("(bytes at {})", span.offset), span, "");
        let place = if self.behind_end { "behind the end mark" } else { "where a header should be" };
        let message = format!("{} bytes {place} belong to no member", span.length);
        sink.finding(Finding::new(&S911, message).at(span.offset, span.length));
    }

    fn header(&mut self, header: &Header, block: &[u8; BLOCK as usize], sink: &mut dyn Sink) {
        let here = Span::new(self.at, BLOCK);
        let left = self.artifact.size().saturating_sub(here.end());
        if !header.sum_fits {
            self.tally.add(Defect::Checksum, &header.name, here, &[]);
        }
        let stated = header.size.unwrap_or(0);
        if header.size.is_none_or(|size| size >= ABSURD) {
            self.tally.add(Defect::Size, &header.name, here, &[("size", format!("{:?}", header.size))]);
        }
        if matches!(header.kind, b'L' | b'K' | b'x' | b'X' | b'g') {
            self.extension(header, Span::new(here.end(), stated), sink);
            return;
        }
        let extended = std::mem::take(&mut self.extended);
        let name = self.name_of(header, &extended, here);
        // Above 8 GiB the header has no room for the size; below, both must say the same (CVE-2025-62518).
        let size = extended.pax.size.unwrap_or(stated);
        if size != stated && size < 8 << 30 && !header.is_without_data() {
            let details = [("pax_size", size.to_string()), ("header_size", stated.to_string())];
            self.tally.add(Defect::TwoSizes, &name, here, &details);
        }
        let data = Span::new(here.end(), size);
        if size > left {
            sink.incomplete(&format!(
                "member {} goes on beyond the end of the file at offset {}",
                quote(&name),
                here.end() + left
            ));
        }
        let shown = data.within(self.artifact.size());
        self.member(header, block, &name, &extended, here, shown, sink);
        self.at = self.after(header, &name, shown);
    }

    /// Where the next header is.
    fn after(&mut self, header: &Header, name: &[u8], data: Span) -> u64 {
        let size = self.artifact.size();
        if header.is_without_data() && data.length > 0 && self.header_at(data.offset) {
            // Python goes on right behind the header, others behind the data; their bytes were handed over.
            self.tally.add(Defect::DataOrHeader, name, Span::new(data.offset, BLOCK).within(size), &[]);
            return data.offset;
        }
        data.offset.saturating_add(data.length.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX)).min(size)
    }

    /// A header that says something about the next member.
    fn extension(&mut self, header: &Header, data: Span, sink: &mut dyn Sink) {
        let here = Span::new(self.at, BLOCK);
        self.extended.at.get_or_insert(self.at);
        self.at = data.offset.saturating_add(data.length.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX));
        self.at = self.at.min(self.artifact.size());
        let Some(bytes) = self.artifact.read_span(data, EXTENDED) else {
            if data.length > EXTENDED && data.end() <= self.artifact.size() {
                self.tally.add(Defect::Pax, &header.name, here, &[("size", data.length.to_string())]);
            }
            sink.incomplete(&format!(
                "the extended header at offset {} is cut off or too long: {} bytes",
                here.offset, data.length
            ));
            return;
        };
        let trimmed = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
        match header.kind {
            b'L' => self.extended.name = Some(trimmed.to_vec()),
            b'K' => self.extended.link = Some(trimmed.to_vec()),
            kind => {
                let pax = pax::parse(&bytes);
                if pax.broken {
                    self.tally.add(Defect::Pax, &header.name, here, &[]);
                }
                if kind != b'g' {
                    self.extended.pax = pax;
                } else if pax.path.is_some() || pax.link.is_some() || pax.size.is_some() {
                    self.tally.add(Defect::GlobalPax, &header.name, here, &[]);
                    self.extended.pax = pax;
                }
            }
        }
    }

    /// The name that unpackers use; what another one says is judged here.
    fn name_of(&mut self, header: &Header, extended: &Extended, at: Span) -> Vec<u8> {
        let Extended { name: long, pax, .. } = extended;
        if let (Some(a), Some(b)) = (long, &pax.path)
            && text(a) != b.as_slice()
        {
            self.tally.add(Defect::TwoNames, b, at, &[("gnu", quote(a)), ("pax", quote(b))]);
        }
        let name = pax.path.as_ref().or(long.as_ref()).unwrap_or(&header.name);
        if name.contains(&0) {
            self.tally.add(Defect::NulInName, name, at, &[]);
        }
        name.clone()
    }

    #[allow(clippy::too_many_arguments)]
    fn member(
        &mut self,
        header: &Header,
        block: &[u8; BLOCK as usize],
        name: &[u8],
        extended: &Extended,
        at: Span,
        data: Span,
        sink: &mut dyn Sink,
    ) {
        self.members += 1;
        if self.members.is_multiple_of(256) {
            sink.progress(at.offset);
        }
        let class = classify(name);
        let short = classify(&header.name);
        self.places.name(name, &class, at, sink);
        if !class.escapes() {
            // A reader that knows no extended headers unpacks to the short name; so do those that know one kind of two.
            self.places.name(&header.name, &short, at, sink);
            if let Some(long) = extended.name.as_ref().filter(|long| text(long) != name) {
                self.places.name(text(long), &classify(text(long)), at, sink);
            }
        }
        if class.bidi {
            self.tally.add(Defect::BidiInName, name, at, &[]);
        }
        if self.behind_end {
            self.tally.add(Defect::BehindEnd, name, at, &[]);
        }
        let target = extended.pax.link.as_ref().or(extended.link.as_ref()).unwrap_or(&header.link);
        match header.kind {
            b'2' if !self.links.symbolic(name, target) => {
                // A name that leaves was reported, and so was the link it goes through.
                if !class.escapes() {
                    self.places.leaving_link(name, "a symbolic link", target, at, sink);
                }
            }
            b'1' if !self.links.hard(target) => self.places.leaving_link(name, "a hard link", target, at, sink),
            b'1' | b'2' => {}
            _ if !class.escapes() && !self.links.stays_inside(name) => self.places.through_link(name, at, sink),
            _ => {}
        }
        match header.kind {
            b'3' | b'4' => self.tally.add(Defect::Device, name, at, &[("kind", device(header.kind).to_owned())]),
            b'6' => self.tally.add(Defect::Fifo, name, at, &[]),
            _ if header.is_file() && header.mode & 0o6000 != 0 && header.mode & 0o111 != 0 => {
                self.tally.add(Defect::SetId, name, at, &[("mode", format!("{:o}", header.mode & 0o7777))]);
            }
            _ => {}
        }
        self.hand_over(header, block, name, extended, at, data, sink);
    }

    #[allow(clippy::too_many_arguments)]
    fn hand_over(
        &mut self,
        header: &Header,
        block: &[u8; BLOCK as usize],
        name: &[u8],
        extended: &Extended,
        at: Span,
        data: Span,
        sink: &mut dyn Sink,
    ) {
        let map = match (&extended.pax.sparse, header.kind) {
            (Some(keys), _) => Some(sparse::pax(self.artifact, keys, data)),
            (None, b'S') => Some(sparse::old_gnu(self.artifact, block, at.end())),
            _ => None,
        };
        if data.length > 0 {
            let (child, first) = self.names.take(name, data);
            if first.is_some_and(|first| header.is_file() && self.digest(first) != self.digest(data)) {
                self.tally.add(Defect::Duplicate, name, at, &[]);
            }
            sink.embed(&child, data, "");
        }
        match map {
            Some(Some(map)) => {
                let stored: u64 = map.parts.iter().fold(0, |sum, (_, length)| sum.saturating_add(*length));
                let holes = map.size > stored || map.parts.len() > 1 || map.ahead > 0;
                if map.size > SPARSE_BOMB.0 && map.size / SPARSE_BOMB.1 > data.length {
                    let details = [("content", map.size.to_string()), ("data", data.length.to_string())];
                    self.tally.add(Defect::SparseBomb, name, at, &details);
                } else if holes
                    && !sparse::lay_out(self.artifact, &map, data, &format!("{} (laid out)", printable(name)), sink)
                {
                    self.tally.add(Defect::SparseMap, name, at, &[("content", map.size.to_string())]);
                }
            }
            Some(None) => self.tally.add(Defect::SparseMap, name, at, &[]),
            None => {}
        }
    }

    fn digest(&self, span: Span) -> Option<Vec<u8>> {
        self.artifact.digest("crc32", span)
    }

    fn finish(mut self, sink: &mut dyn Sink) {
        if let Some(at) = self.extended.at {
            self.tally.add(Defect::Orphan, b"", Span::new(at, BLOCK), &[]);
        }
        if self.links.full {
            sink.incomplete("the archive has too many links to follow all of them");
        }
        sink.fact_number("tar_members", self.members);
        if self.members > MANY {
            let message = format!("the archive has {} members", self.members);
            sink.finding(Finding::new(&S410, message).detail("members", self.members.to_string()));
        }
        self.places.finish(sink);
        self.tally.report(self.artifact.size(), sink);
    }
}

fn device(kind: u8) -> &'static str {
    if kind == b'3' { "character device" } else { "block device" }
}
