//! Goes along the row of headers.

use modelaudit_plugin::{Artifact, Finding, Reader, Sink, Span, quote};
use modelaudit_rules::files::S410;
use modelaudit_rules::structure::S911;

use crate::defects::Defect;
use crate::header::{BLOCK, Header, parse};
use crate::member::{Extended, Judge, Member};
use crate::{pax, sparse};

/// Headers that are looked at.
const MOST: u64 = 1_000_000;

/// More members than this make tools that list them slow; see the same limit for zip.
const MANY: u64 = 50_000;

/// Longest extended header that is read; names and attributes take a few kilobytes.
const EXTENDED: u64 = 1 << 20;

/// Larger than any file system's files (2^53): not a cut download, but a number to overflow with.
const ABSURD: u64 = 1 << 53;

/// Stretches of bytes outside of members that are handed over.
const MOST_JUNK: u64 = 100;

/// The state of one pass.
pub(crate) struct Walk<'a> {
    artifact: &'a dyn Artifact,
    at: u64,
    headers: u64,
    behind_end: bool,
    extended: Extended,
    /// The first of the extended headers that wait for their member: where it is and what it is called.
    waiting: Option<(u64, Vec<u8>)>,
    judge: Judge<'a>,
    junk: u64,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(artifact: &'a dyn Artifact) -> Self {
        Self {
            artifact,
            at: 0,
            headers: 0,
            behind_end: false,
            extended: Extended::default(),
            waiting: None,
            judge: Judge::new(artifact),
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
        if self.junk > MOST_JUNK {
            if self.junk == MOST_JUNK + 1 {
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
        if !header.sum_fits {
            self.judge.add(Defect::Checksum, &header.name, here, &[]);
        }
        if header.size.is_none_or(|size| size >= ABSURD) {
            self.judge.add(Defect::Size, &header.name, here, &[("size", header.size.unwrap_or(0).to_string())]);
        }
        if matches!(header.kind, b'L' | b'K' | b'x' | b'X' | b'g') {
            self.extension(header, Span::new(here.end(), header.size.unwrap_or(0)), sink);
            return;
        }
        self.waiting = None;
        let extended = std::mem::take(&mut self.extended);
        let name = self.judge.name(header, &extended, here);
        let data = Span::new(here.end(), self.size_of(header, &extended, &name));
        let map = match (&extended.pax.sparse, header.kind) {
            (Some(keys), _) => Some(sparse::pax(self.artifact, keys, data.within(self.artifact.size()))),
            (None, b'S') => Some(sparse::old_gnu(self.artifact, block, here.end())),
            _ => None,
        };
        // Blocks of an old GNU map stand before the data and are not counted in the size.
        let blocks = map.iter().flatten().map(|map| map.blocks).sum::<u64>();
        let wanted = Span::new(data.offset.saturating_add(blocks), data.length);
        let data = wanted.within(self.artifact.size());
        if data.length < wanted.length {
            let end = self.artifact.size();
            sink.incomplete(&format!("member {} goes on beyond the end of the file at offset {end}", quote(&name)));
        }
        // Python goes on right behind a header without data, others behind the data; nobody unpacks them.
        let ambiguous = header.is_without_data() && data.length > 0 && self.header_at(data.offset);
        if ambiguous {
            self.judge.add(Defect::DataOrHeader, &name, Span::new(data.offset, BLOCK), &[]);
        }
        let data = if ambiguous { Span::new(data.offset, 0) } else { data };
        let behind_end = self.behind_end;
        self.judge.member(&Member { header, name: &name, extended: &extended, at: here, data, map, behind_end }, sink);
        self.at = data.offset.saturating_add(padded(data.length)).min(self.artifact.size());
    }

    /// The size that readers with PAX go by. Above 8 GiB the header has no room for it; below, both must say the same
    /// (CVE-2025-62518).
    fn size_of(&mut self, header: &Header, extended: &Extended, name: &[u8]) -> u64 {
        let stated = header.size.unwrap_or(0);
        let Some(size) = extended.pax.size.filter(|size| *size != stated) else { return stated };
        if size < 8 << 30 && !header.is_without_data() {
            let details = [("pax_size", size.to_string()), ("header_size", stated.to_string())];
            self.judge.add(Defect::TwoSizes, name, Span::new(self.at, BLOCK), &details);
        }
        size
    }

    /// A header that says something about the next member.
    fn extension(&mut self, header: &Header, data: Span, sink: &mut dyn Sink) {
        let here = Span::new(self.at, BLOCK);
        self.waiting.get_or_insert_with(|| (self.at, header.name.clone()));
        self.at = data.offset.saturating_add(padded(data.length)).min(self.artifact.size());
        let Some(bytes) = self.artifact.read_span(data, EXTENDED) else {
            if data.length > EXTENDED && data.end() <= self.artifact.size() {
                self.judge.add(Defect::Pax, &header.name, here, &[("size", data.length.to_string())]);
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
                    self.judge.add(Defect::Pax, &header.name, here, &[]);
                }
                if kind != b'g' {
                    self.extended.pax = pax;
                } else if pax.path.is_some() || pax.link.is_some() || pax.size.is_some() {
                    self.judge.add(Defect::GlobalPax, &header.name, here, &[]);
                    self.extended.pax = pax;
                }
            }
        }
    }

    fn finish(mut self, sink: &mut dyn Sink) {
        if let Some((at, name)) = self.waiting {
            self.judge.add(Defect::Orphan, &name, Span::new(at, BLOCK), &[]);
        }
        let members = self.judge.members();
        sink.fact_number("tar_members", members);
        if members > MANY {
            let message = format!("the archive has {members} members");
            sink.finding(Finding::new(&S410, message).detail("members", members.to_string()));
        }
        self.judge.finish(sink);
    }
}

/// Length of data with the padding of their last block.
fn padded(length: u64) -> u64 {
    length.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX)
}
