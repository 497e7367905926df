//! What both archives do with a member: where it would be put, what it is, its content handed on.

use std::collections::BTreeSet;

use modelaudit_paths::members::{Defect as Row, Names, Places, Tally, printable};
use modelaudit_paths::{Root, classify};
use modelaudit_plugin::{Artifact, Rule, Severity, Sink, Span, quote};
use modelaudit_rules::files::S411;
use modelaudit_rules::structure::{S902, S905, S910};

/// Kinds of a file in its mode (POSIX `sys/stat.h`).
pub(crate) const KIND: u64 = 0o170_000;
pub(crate) const LINK: u64 = 0o120_000;
const REGULAR: u64 = 0o100_000;
const BLOCK_DEVICE: u64 = 0o060_000;
const CHARACTER_DEVICE: u64 = 0o020_000;
const FIFO: u64 = 0o010_000;

/// Links that are remembered.
const MOST_LINKS: usize = 10_000;

/// Something wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Defect {
    /// The header is no header.
    Header,
    /// A device node.
    Device,
    /// A named pipe.
    Fifo,
    /// A program that runs with its owner's or its group's rights.
    SetId,
    /// Another member has the name, and other content.
    Duplicate,
    /// Bidirectional control characters in the name.
    BidiInName,
    /// A NUL byte inside the name.
    NulInName,
}

impl Row for Defect {
    fn judgement(self) -> (&'static Rule, Option<Severity>, &'static str) {
        let (rule, what) = match self {
            Self::Header => (&S902, "the header makes no sense"),
            Self::Device => (&S411, "a device node"),
            Self::Fifo => (&S411, "a named pipe"),
            Self::SetId => (&S411, "a program that runs with the rights of its owner or group"),
            Self::Duplicate => (&S910, "another member has the same name and other content"),
            Self::BidiInName => (&S905, "the name holds characters that show it in another order"),
            Self::NulInName => (&S910, "the name holds a NUL byte, and some readers end it there"),
        };
        (rule, None, what)
    }

    fn hides_content(self) -> bool {
        self == Self::Header
    }
}

/// What is known of the members so far.
pub(crate) struct Members<'a> {
    artifact: &'a dyn Artifact,
    names: Names<Span>,
    places: Places,
    tally: Tally<Defect>,
    /// Two members of one name are a defect. Libraries are full of them, and the linker takes both.
    unique: bool,
    /// Links that leave the archive: what is written below them leaves it, too.
    leaving: BTreeSet<Vec<u8>>,
    count: u64,
}

impl<'a> Members<'a> {
    pub(crate) fn new(artifact: &'a dyn Artifact) -> Self {
        let (names, places, tally) = (Names::default(), Places::default(), Tally::default());
        Self { artifact, names, places, tally, unique: true, leaving: BTreeSet::new(), count: 0 }
    }

    /// Lets members share a name.
    pub(crate) fn allow_equal_names(&mut self) {
        self.unique = false;
    }

    pub(crate) fn add(&mut self, defect: Defect, name: &[u8], at: Span) {
        self.tally.add(defect, name, at, &[]);
    }

    /// Judges a member with a name, a mode (0 if the format has none) and its content, and hands the content on.
    pub(crate) fn member(&mut self, name: &[u8], mode: u64, at: Span, data: Span, sink: &mut dyn Sink) {
        self.count += 1;
        if self.count.is_multiple_of(256) {
            sink.progress(at.offset);
        }
        let class = classify(name);
        self.places.name(name, &class, at, sink);
        if class.bidi {
            self.add(Defect::BidiInName, name, at);
        }
        if name.contains(&0) {
            self.add(Defect::NulInName, name, at);
        }
        if !class.escapes() && self.is_below_leaving(name) {
            self.places.through_link(name, at, sink);
        }
        match mode & KIND {
            BLOCK_DEVICE | CHARACTER_DEVICE => self.add(Defect::Device, name, at),
            FIFO => self.add(Defect::Fifo, name, at),
            REGULAR if mode & 0o6000 != 0 && mode & 0o111 != 0 => self.add(Defect::SetId, name, at),
            LINK => return self.link(name, at, data, sink),
            _ => {}
        }
        if data.length == 0 {
            return;
        }
        let (child, first) = self.names.take(name, data);
        if self.unique && first.is_some_and(|first| self.differ(first, data)) {
            self.add(Defect::Duplicate, name, at);
        }
        sink.embed(&child, data, "");
    }

    /// A symbolic link: its content is the target.
    fn link(&mut self, name: &[u8], at: Span, data: Span, sink: &mut dyn Sink) {
        let target = self.artifact.read(data.offset, u32::try_from(data.length.min(4096)).unwrap_or(4096));
        if leaves(name, &target) {
            self.places.leaving_link(name, "a symbolic link", &target, at, sink);
            if self.leaving.len() < MOST_LINKS {
                self.leaving.insert(name.to_vec());
            }
        }
    }

    fn is_below_leaving(&self, name: &[u8]) -> bool {
        let ends = name.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
        !self.leaving.is_empty() && ends.filter_map(|at| name.get(..at)).any(|folder| self.leaving.contains(folder))
    }

    /// Whether two ranges hold different bytes; asked until one pair does.
    fn differ(&self, a: Span, b: Span) -> bool {
        self.tally.count(Defect::Duplicate) > 0
            || a.length != b.length
            || self.artifact.digest("crc32", a) != self.artifact.digest("crc32", b)
    }

    /// Reports what was found in all members.
    pub(crate) fn finish(self, fact: &str, sink: &mut dyn Sink) {
        sink.fact_number(fact, self.count);
        self.places.finish(sink);
        self.tally.report(self.artifact.size(), sink);
    }
}

/// Whether a link called `name` leads out of the archive.
fn leaves(name: &[u8], target: &[u8]) -> bool {
    if classify(target).root != Root::Relative {
        return true;
    }
    let parts = |path: &[u8]| -> Vec<Vec<u8>> {
        path.split(|b| *b == b'/').filter(|p| !p.is_empty() && *p != b".").map(<[u8]>::to_vec).collect()
    };
    let mut depth = parts(name).len().saturating_sub(1);
    for part in parts(target) {
        if part != b".." {
            depth += 1;
        } else if depth == 0 {
            return true;
        } else {
            depth -= 1;
        }
    }
    false
}

/// A name for messages.
pub(crate) fn shown(name: &[u8]) -> String {
    quote(printable(name))
}
