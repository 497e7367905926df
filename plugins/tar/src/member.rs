//! Judges the members: where they would be put, what they are, and hands their content over.

use modelaudit_paths::classify;
use modelaudit_paths::members::{Names, Places, Tally, Twin, Twins, printable};
use modelaudit_plugin::{Artifact, Sink, Span, quote};

use crate::defects::Defect;
use crate::header::{Header, text};
use crate::links::Links;
use crate::pax::Pax;
use crate::sparse::{self, Map, Refused};

/// A sparse member is a bomb if it is longer than this ...
const SPARSE_BOMB: u64 = 1 << 30;
/// ... and than this many times its data.
const SPARSE_RATIO: u64 = 1000;

/// What extended headers say of the next member.
#[derive(Default)]
pub(crate) struct Extended {
    /// GNU long name.
    pub(crate) name: Option<Vec<u8>>,
    /// GNU long link target.
    pub(crate) link: Option<Vec<u8>>,
    pub(crate) pax: Pax,
}

/// A member on the row.
pub(crate) struct Member<'m> {
    pub(crate) header: &'m Header,
    /// The name that unpackers use.
    pub(crate) name: &'m [u8],
    pub(crate) extended: &'m Extended,
    /// The header block.
    pub(crate) at: Span,
    /// The data, as far as they are there.
    pub(crate) data: Span,
    /// The map of a sparse member; the inner None is a broken one.
    pub(crate) map: Option<Option<Map>>,
    pub(crate) behind_end: bool,
}

/// What is known of the members so far.
pub(crate) struct Judge<'a> {
    artifact: &'a dyn Artifact,
    count: u64,
    names: Names<Span>,
    twins: Twins,
    places: Places,
    links: Links,
    tally: Tally<Defect>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(artifact: &'a dyn Artifact) -> Self {
        Self {
            artifact,
            count: 0,
            names: Names::default(),
            twins: Twins::default(),
            places: Places::default(),
            links: Links::default(),
            tally: Tally::default(),
        }
    }

    /// Members so far.
    pub(crate) fn members(&self) -> u64 {
        self.count
    }

    /// Notes a defect.
    pub(crate) fn add(&mut self, defect: Defect, name: &[u8], at: Span, details: &[(&'static str, String)]) {
        self.tally.add(defect, name, at, details);
    }

    /// The name that unpackers use.
    pub(crate) fn name(&mut self, header: &Header, extended: &Extended, at: Span) -> Vec<u8> {
        let Extended { name: long, pax, .. } = extended;
        if let (Some(a), Some(b)) = (long, &pax.path)
            && text(a) != b.as_slice()
        {
            self.add(Defect::TwoNames, b, at, &[("gnu", quote(a)), ("pax", quote(b))]);
        }
        let name = pax.path.as_ref().or(long.as_ref()).unwrap_or(&header.name);
        if name.contains(&0) {
            self.add(Defect::NulInName, name, at, &[]);
        }
        name.clone()
    }

    /// Judges a member and hands its content over.
    pub(crate) fn member(&mut self, member: &Member<'_>, sink: &mut dyn Sink) {
        let Member { header, name, at, .. } = *member;
        self.count += 1;
        if self.count.is_multiple_of(256) {
            sink.progress(at.offset);
        }
        if member.behind_end {
            self.add(Defect::BehindEnd, name, at, &[]);
        }
        self.place(member, sink);
        match header.kind {
            b'3' => self.add(Defect::Device, name, at, &[("kind", "character device".to_owned())]),
            b'4' => self.add(Defect::Device, name, at, &[("kind", "block device".to_owned())]),
            b'6' => self.add(Defect::Fifo, name, at, &[]),
            _ if header.is_file() && header.mode & 0o6000 != 0 && header.mode & 0o111 != 0 => {
                self.add(Defect::SetId, name, at, &[("mode", format!("{:o}", header.mode & 0o7777))]);
            }
            _ => {}
        }
        self.hand_over(member, sink);
    }

    /// Where name and link target lead.
    fn place(&mut self, member: &Member<'_>, sink: &mut dyn Sink) {
        let Member { header, name, extended, at, .. } = *member;
        let class = classify(name);
        self.places.name(name, &class, at, sink);
        if class.bidi {
            self.add(Defect::BidiInName, name, at, &[]);
        }
        let target = extended.pax.link.as_ref().or(extended.link.as_ref()).unwrap_or(&header.link);
        if header.kind == b'1' && !self.links.hard(target) {
            self.places.leaving_link(name, "a hard link", target, at, sink);
        }
        let inside = header.kind != b'2' || self.links.symbolic(name, target);
        if class.escapes() {
            return;
        }
        // A reader that knows no extended headers, or one kind of two, unpacks to another name.
        self.places.name(&header.name, &classify(&header.name), at, sink);
        if let Some(long) = extended.name.as_ref().map(|long| text(long)).filter(|long| *long != name) {
            self.places.name(long, &classify(long), at, sink);
        }
        if !inside {
            self.places.leaving_link(name, "a symbolic link", target, at, sink);
        } else if header.kind != b'2' && !self.links.stays_inside(name) {
            self.places.through_link(name, at, sink);
        }
    }

    fn hand_over(&mut self, member: &Member<'_>, sink: &mut dyn Sink) {
        let Member { header, name, at, data, .. } = *member;
        if data.length > 0 {
            let (child, first) = self.names.take(name, data);
            if header.is_file() {
                match self.twins.find(name) {
                    Some(Twin::Case) => self.add(Defect::CaseTwin, name, at, &[]),
                    Some(Twin::Padding) => self.add(Defect::PaddingTwin, name, at, &[]),
                    None => {}
                }
            }
            if first.is_some_and(|first| header.is_file() && self.differ(first, data)) {
                self.add(Defect::Duplicate, name, at, &[]);
            }
            sink.embed(&child, data, "");
        }
        let map = match &member.map {
            None => return,
            Some(None) => return self.add(Defect::SparseMap, name, at, &[]),
            Some(Some(map)) => map,
        };
        if map.size > SPARSE_BOMB && map.size / SPARSE_RATIO > data.length {
            let details = [("content", map.size.to_string()), ("data", data.length.to_string())];
            self.add(Defect::SparseBomb, name, at, &details);
            return;
        }
        if map.is_solid(data.length) {
            return; // The content is what was handed over.
        }
        match sparse::lay_out(self.artifact, map, data, &format!("{} (laid out)", printable(name)), sink) {
            Ok(()) => {}
            Err(Refused::Broken) => self.add(Defect::SparseMap, name, at, &[("content", map.size.to_string())]),
            Err(Refused::TooLong) => {
                let size = map.size;
                sink.incomplete(&format!("the sparse member {} was not laid out: it has {size} bytes", quote(name)));
            }
        }
    }

    /// Whether two ranges hold different bytes. Asked until one pair does, so that it costs no more than reading them once.
    fn differ(&self, a: Span, b: Span) -> bool {
        self.tally.count(Defect::Duplicate) > 0
            || a.length != b.length
            || self.artifact.digest("crc32", a) != self.artifact.digest("crc32", b)
    }

    /// Reports what was found in all members.
    pub(crate) fn finish(self, sink: &mut dyn Sink) {
        if self.links.full {
            sink.incomplete("the archive has too many links to follow all of them");
        }
        self.places.finish(sink);
        self.tally.report(self.artifact.size(), sink);
    }
}
