//! Goes through the members: hands over every reading of each and notes what is wrong with it.

use std::collections::HashSet;

use modelaudit_paths::members::{Names, Places, Tally, Twin, Twins, printable};
use modelaudit_paths::{classify, resolve_link};
use modelaudit_plugin::{Artifact, Finding, Sink, Span, quote};
use modelaudit_rules::files::S410;
use modelaudit_zip_directory::{
    AES, Central, DEFLATE64, Difference, Entry, Outcome, PPMD, Reading, STORED, Unpacked, is_supported, unpack,
    unpack_all,
};

use crate::defects::Defect;

/// A member that unpacks to more than this ...
const BOMB_SIZE: u64 = 16 << 20;
/// ... and to more than this many times its stored size is a bomb. Weights reach 10; deflate can do 1,032.
const BOMB_RATIO: u64 = 100;

/// Longest path of a link (PATH_MAX).
const LINK: usize = 4096;

/// A flagged member that unpacks to this much without an error is not encrypted.
const PROBE: u64 = 4 << 20;

/// What is unpacked in all to find out whether flagged members are encrypted.
const PROBES: u64 = 256 << 20;

/// Comments shorter than this hold no payload.
const COMMENT: u64 = 8;

/// Methods that APPNOTE 4.4.5 names and that are not unpacked here.
const NAMED: [u16; 16] = [1, 2, 3, 4, 5, 6, DEFLATE64, 10, 16, 18, 19, 20, 94, 96, 97, PPMD];

/// One reading of an entry on its way to the host.
#[derive(Clone, Copy)]
struct Part<'p> {
    entry: &'p Entry,
    reading: &'p Reading,
    child: &'p str,
    encrypted: bool,
}

/// The state of one pass over the members.
pub(crate) struct Members<'a> {
    artifact: &'a dyn Artifact,
    names: Names<u64>,
    twins: Twins,
    places: Places,
    tally: Tally<Defect>,
    /// Readings that were handed over: offset, and length with the method in its upper bits.
    handed: HashSet<(u64, u64)>,
    bomb: Option<Bomb>,
    bombs: u64,
    /// The host takes no more unpacked bytes, and has noted that.
    spent: bool,
    probed: u64,
    comments: u64,
}

struct Bomb {
    name: Vec<u8>,
    at: Span,
    size: u64,
    refused: bool,
}

impl<'a> Members<'a> {
    pub(crate) fn new(artifact: &'a dyn Artifact) -> Self {
        Self {
            artifact,
            names: Names::default(),
            twins: Twins::default(),
            places: Places::default(),
            tally: Tally::default(),
            handed: HashSet::new(),
            bomb: None,
            bombs: 0,
            spent: false,
            probed: 0,
            comments: 0,
        }
    }

    /// Looks at an entry and hands its content over.
    pub(crate) fn visit(&mut self, entry: &Entry, sink: &mut dyn Sink) {
        let at = entry.at();
        let name = entry.name();
        if entry.index.is_multiple_of(256) {
            sink.progress(at.offset);
        }
        let names = entry.names();
        for name in &names {
            let class = classify(name);
            self.places.name(name, &class, at, sink);
            if class.nul {
                self.tally.add(Defect::NulInName, name, at, &[]);
            }
            if class.bidi {
                self.tally.add(Defect::BidiInName, name, at, &[]);
            }
        }
        for difference in entry.differences() {
            let details = difference_details(entry, difference);
            self.tally.add(Defect::Differs(difference), name, at, &details);
        }
        if let Some(central) = &entry.central {
            self.comment(name, central.comment, sink);
        }
        let Some(reading) = entry.reading() else { return };
        let encrypted = self.is_encrypted(entry, &reading);
        let content = fingerprint(&reading);
        if !entry.is_folder() && entry.central.is_some() {
            match self.twins.find(name) {
                Some(Twin::Case) => self.tally.add(Defect::CaseTwin, name, at, &[]),
                Some(Twin::Padding) => self.tally.add(Defect::PaddingTwin, name, at, &[]),
                None => {}
            }
        }
        let (child, first) = self.names.take(name, content);
        if first.is_some_and(|first| first != content || content == UNKNOWN)
            && !entry.is_folder()
            && entry.central.is_some()
        {
            self.tally.add(Defect::Duplicate, name, at, &[]);
        }
        if entry.is_folder() && reading.size.unwrap_or(0) > 0 {
            self.tally.add(Defect::FolderWithContent, name, at, &[]);
        }
        // Python's and torch's readers know no links: to them it is a file, so its content is handed over, too.
        if entry.central.as_ref().is_some_and(Central::is_symlink)
            && let Some(target) = unpack_all(self.artifact, &reading, LINK)
            && resolve_link(name, &target).is_none()
        {
            self.places.leaving_link(name, "a symbolic link", &target, at, sink);
        }
        self.deliver(&Part { entry, reading: &reading, child: &child, encrypted }, sink);
        // A reader may go by the other name, and some scanners by its extension.
        for other in names.iter().skip(1).filter(|_| reading.method == STORED && reading.span.length > 0) {
            let (child, _) = self.names.take(other, content);
            sink.embed(&child, reading.span, "");
        }
        for other in entry.other_readings() {
            let child = format!("{child} (as its local header says)");
            self.deliver(&Part { entry, reading: &other, child: &child, encrypted }, sink);
        }
    }

    /// Whether nobody can read the content without a password. A flag alone says nothing: torch ignores it (CVE-2025-1945).
    fn is_encrypted(&mut self, entry: &Entry, reading: &Reading) -> bool {
        if !entry.flagged_encrypted() {
            return false;
        }
        let plain = match reading.method {
            // Encryption puts at least 12 bytes before the data.
            STORED => reading.size == Some(reading.span.length) || reading.span.length < 12,
            AES => false,
            // Then unpacking, which is budgeted, will tell.
            _ if self.probed > PROBES => true,
            _ => {
                let mut size = 0;
                let probe = unpack(self.artifact, reading, &mut |block| {
                    size += block.len() as u64;
                    size < PROBE
                });
                self.probed += probe.size;
                match probe.outcome {
                    Outcome::Complete => reading.size == Some(probe.size) || reading.crc == Some(probe.crc),
                    Outcome::Stopped => true,
                    Outcome::Broken(_) | Outcome::Unsupported => false,
                }
            }
        };
        let defect = if plain { Defect::PlainThoughFlagged } else { Defect::Encrypted };
        self.tally.add(defect, entry.name(), entry.at(), &[("flags", format!("{:#06x}", entry.flags()))]);
        !plain
    }

    fn deliver(&mut self, part: &Part<'_>, sink: &mut dyn Sink) {
        let Part { entry, reading, child, encrypted } = *part;
        if reading.cut {
            self.tally.add(Defect::BeyondEnd, entry.name(), entry.at(), &[]);
        }
        let key = (reading.span.offset, reading.span.length | u64::from(reading.method) << 48);
        if reading.span.length == 0 || !self.handed.insert(key) {
            return;
        }
        if reading.method == STORED {
            sink.embed(child, reading.span, "");
            if !encrypted && !reading.cut {
                let crc = self.artifact.digest("crc32", reading.span);
                let crc = crc.as_deref().and_then(<[u8]>::first_chunk).map(|crc| u32::from_be_bytes(*crc));
                self.check(entry, reading, reading.span.length, crc);
            }
        } else if encrypted || !is_supported(reading.method) {
            if !encrypted {
                let defect =
                    if NAMED.contains(&reading.method) { Defect::UnsupportedMethod } else { Defect::UnknownMethod };
                self.tally.add(defect, entry.name(), entry.at(), &[("method", reading.method.to_string())]);
            }
            // A reader that ignores flag and method sees the stored bytes.
            sink.embed(&format!("{child} (stored bytes)"), reading.span, "");
        } else if !self.spent {
            let mut writer = sink.child(child, "");
            let unpacked = unpack(self.artifact, reading, &mut |block| writer.write(block));
            writer.finish();
            self.judge(part, &unpacked, sink);
        }
    }

    /// What unpacking showed.
    fn judge(&mut self, part: &Part<'_>, unpacked: &Unpacked, sink: &mut dyn Sink) {
        let Part { entry, reading, child, .. } = *part;
        let (name, stored) = (entry.name(), reading.span.length);
        let bomb = unpacked.size > BOMB_SIZE && unpacked.size / BOMB_RATIO > stored;
        let refused = unpacked.outcome == Outcome::Stopped && unpacked.size / 10 > stored;
        if bomb || refused {
            self.bombs += 1;
            self.bomb.get_or_insert_with(|| Bomb {
                name: name.to_vec(),
                at: reading.span,
                size: unpacked.size,
                refused,
            });
        }
        self.spent |= unpacked.outcome == Outcome::Stopped;
        match &unpacked.outcome {
            Outcome::Complete => {
                self.check(entry, reading, unpacked.size, Some(unpacked.crc));
                if unpacked.used < stored {
                    let rest = Span::new(reading.span.offset + unpacked.used, stored - unpacked.used);
                    self.tally.add(Defect::BehindStream, name, rest, &[("bytes", rest.length.to_string())]);
                    sink.embed(&format!("{child} (behind the stream)"), rest, "");
                }
            }
            Outcome::Broken(reason) if !reading.cut => {
                let details = [("reason", reason.clone()), ("unpacked", unpacked.size.to_string())];
                self.tally.add(Defect::Broken, name, entry.at(), &details);
            }
            Outcome::Broken(_) | Outcome::Stopped | Outcome::Unsupported => {}
        }
    }

    /// Compares what came out with what was declared.
    fn check(&mut self, entry: &Entry, reading: &Reading, size: u64, crc: Option<u32>) {
        let (name, at) = (entry.name(), entry.at());
        let differs = |difference| entry.differences().contains(&difference);
        if let Some(declared) = reading.size.filter(|declared| *declared != size)
            && !differs(Difference::Size)
        {
            let details = [("declared", declared.to_string()), ("actual", size.to_string())];
            self.tally.add(Defect::WrongSize, name, at, &details);
        }
        if let (Some(declared), Some(actual)) = (reading.crc, crc)
            && declared != actual
        {
            let defect = if declared == 0 { Defect::NoCrc } else { Defect::WrongCrc };
            let details = [("declared", format!("{declared:08x}")), ("actual", format!("{actual:08x}"))];
            self.tally.add(defect, name, at, &details);
        }
    }

    /// A member's comment: text is shown by tools, anything else is a place to hide something.
    fn comment(&mut self, name: &[u8], at: Span, sink: &mut dyn Sink) {
        let at = at.within(self.artifact.size());
        if at.length < COMMENT {
            return;
        }
        self.comments += 1;
        if self.comments <= 100 {
            sink.embed(&format!("{} (comment)", printable(name)), at, "");
        }
        if !is_text(&self.artifact.read(at.offset, u32::try_from(at.length).unwrap_or(u32::MAX))) {
            self.tally.add(Defect::BinaryComment, name, at, &[("bytes", at.length.to_string())]);
        }
    }

    /// Reports what was found in all members. Without a directory, it goes without saying that none lists them, and that the
    /// data of the last one end with the file.
    pub(crate) fn finish(mut self, no_directory: bool, sink: &mut dyn Sink) {
        if no_directory {
            self.tally.forget(Defect::Differs(Difference::LocalOnly));
            self.tally.forget(Defect::BeyondEnd);
        }
        // The flag that only one header sets is the one that the data belie.
        if self.tally.count(Defect::PlainThoughFlagged) >= self.tally.count(Defect::Differs(Difference::Flags)) {
            self.tally.forget(Defect::Differs(Difference::Flags));
        }
        if let Some(bomb) = &self.bomb {
            let what = if bomb.refused { "more than the budget allows" } else { "far more than it is" };
            let message = format!(
                "member {} unpacks to {what}: {} bytes stored, {} unpacked",
                quote(&bomb.name),
                bomb.at.length,
                bomb.size
            );
            sink.finding(
                Finding::new(&S410, message)
                    .at(bomb.at.offset, bomb.at.length)
                    .element(printable(&bomb.name))
                    .detail("stored", bomb.at.length.to_string())
                    .detail("unpacked", bomb.size.to_string())
                    .detail("members", self.bombs.to_string()),
            );
        }
        self.places.finish(sink);
        self.tally.report(self.artifact.size(), sink);
    }
}

/// A [`fingerprint`] where nothing is declared.
const UNKNOWN: u64 = u64::MAX;

/// What is declared of a content, to tell whether two members of a name are the same.
fn fingerprint(reading: &Reading) -> u64 {
    reading.crc.zip(reading.size).map_or(UNKNOWN, |(crc, size)| u64::from(crc) << 32 | size & 0xffff_ffff)
}

/// Text in some encoding: no control characters but white space.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|b| *b >= 0x20 && *b != 0x7f || matches!(b, b'\t' | b'\n' | b'\r' | 0x0c))
}

/// What the two headers say.
fn difference_details(entry: &Entry, difference: Difference) -> Vec<(&'static str, String)> {
    let (Some(central), Some(local)) = (&entry.central, &entry.local) else { return Vec::new() };
    let (a, b) = match difference {
        Difference::Name => (quote(&central.name), quote(&local.name)),
        Difference::Method => (central.method.to_string(), local.method.to_string()),
        Difference::Flags | Difference::RefusedFlag => {
            (format!("{:#06x}", central.flags), format!("{:#06x}", local.flags))
        }
        Difference::Crc => (format!("{:08x}", central.crc), format!("{:08x}", local.crc)),
        Difference::Compressed => (central.compressed.to_string(), local.compressed.to_string()),
        Difference::Size => (central.size.to_string(), local.size.to_string()),
        Difference::Descriptor | Difference::UnicodeName | Difference::NoLocal | Difference::LocalOnly => {
            return Vec::new();
        }
    };
    vec![("central", a), ("local", b)]
}
