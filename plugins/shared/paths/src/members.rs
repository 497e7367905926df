//! What the members of an archive are called, and where that would put them: names for the host, findings for the reader.
//!
//! Unpackers write a member where its name says and a link where its target says (CWE-22, CWE-59); which of them clean the path
//! first differs from tool to tool and from version to version, so the name is judged as it stands.
//!
//! [`Names`] tells children of one name apart, [`Places`] judges where members and links would be put, [`Tally`] makes one
//! finding of each other defect, however many members have it.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use modelaudit_plugin::{Finding, Rule, Severity, Sink, Span, clip, escape, quote};
use modelaudit_rules::files::{S405, S406, S408};

use crate::{Disguise, PathClass, Root, classify};

/// Longest name that is handed to the host, in characters.
const LONGEST: usize = 1000;

/// Findings about names and links; more are counted in one.
const MOST: u64 = 100;

/// A name as text that can be shown.
pub fn printable(name: &[u8]) -> String {
    let head = name.get(..name.len().min(4 * (LONGEST + 1))).unwrap_or(name);
    match clip(&escape(&String::from_utf8_lossy(head)), LONGEST) {
        name if name.is_empty() => "(unnamed)".to_owned(),
        name => name,
    }
}

/// How often a name came, and what the caller knows of the first one's content.
#[derive(Clone, Copy)]
struct Seen<C> {
    count: u32,
    content: C,
}

/// Counts names, so that children of one name can be told apart. `C` is what the caller knows of a member's content.
pub struct Names<C> {
    seen: HashMap<u64, Seen<C>>,
}

impl<C> Default for Names<C> {
    fn default() -> Self {
        Self { seen: HashMap::new() }
    }
}

impl<C: Copy> Names<C> {
    /// The name for a child: the second of a name gets ` (2)` and so on; and for all but the first, the content of the first.
    pub fn take(&mut self, name: &[u8], content: C) -> (String, Option<C>) {
        let seen = self.seen.entry(hash(name)).or_insert(Seen { count: 0, content });
        seen.count = seen.count.saturating_add(1);
        match seen.count {
            1 => (printable(name), None),
            count => (format!("{} ({count})", printable(name)), Some(seen.content)),
        }
    }
}

/// How two names that differ are one on some file systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Twin {
    /// In the case of letters: Windows and macOS ignore it.
    Case,
    /// In spaces or full stops at the end of a part: Windows drops them.
    Padding,
}

/// Finds names that some file systems take for one, so that one member replaces the other there.
#[derive(Default)]
pub struct Twins {
    /// Of each name as Windows has it: hashes of the name itself, and of it in lower case.
    seen: HashMap<u64, (u64, u64)>,
}

impl Twins {
    /// How the name and an earlier one are one, if they are.
    pub fn find(&mut self, name: &[u8]) -> Option<Twin> {
        // `./a` and `a` are one name everywhere.
        let text = String::from_utf8_lossy(name);
        let name = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/");
        let lower = name.to_lowercase();
        let dropped: Vec<&str> = lower.split('/').map(|part| part.trim_end_matches([' ', '.'])).collect();
        let (exact, lower) = (hash(name.as_bytes()), hash(lower.as_bytes()));
        let (first, first_lower) = *self.seen.entry(hash(dropped.join("/").as_bytes())).or_insert((exact, lower));
        match first == exact {
            true => None,
            false if first_lower == lower => Some(Twin::Case),
            false => Some(Twin::Padding),
        }
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// Judges names and link targets; one finding each, up to a limit.
#[derive(Default)]
pub struct Places {
    reported: u64,
    first_beyond: Option<String>,
}

impl Places {
    /// A member's name, as an unpacker would follow it.
    pub fn name(&mut self, name: &[u8], class: &PathClass, at: Span, sink: &mut dyn Sink) {
        // `http://x` is unpacked as the folder `http:`.
        if !class.escapes() || class.root == Root::Url {
            return;
        }
        let severity = match class {
            PathClass { disguise: Some(_), .. } | PathClass { root: Root::DriveRelative, .. } => Severity::Warning,
            _ => Severity::Critical,
        };
        let disguise = match class.disguise {
            Some(Disguise::Percent) => " once it is percent-decoded",
            Some(Disguise::Unicode) => " once its Unicode is normalised",
            Some(Disguise::Overlong) => " where over-long UTF-8 is decoded",
            None => "",
        };
        let message = format!("the member name {} {}{disguise}", quote(name), class.reason());
        self.emit(Finding::new(&S405, message).severity(severity), name, class.system_folder, at, sink);
    }

    /// A link (`kind` says which: `a symbolic link`) whose target leaves the archive; the caller has found that out.
    pub fn leaving_link(&mut self, name: &[u8], kind: &str, target: &[u8], at: Span, sink: &mut dyn Sink) {
        let class = classify(target);
        let rule = if class.system_folder.is_some() { &S408 } else { &S406 };
        let why = match class.reason() {
            "" => "leaves the archive",
            reason => reason,
        };
        let message = format!("the member {} is {kind} to {}, which {why}", quote(name), quote(target));
        self.emit(Finding::new(rule, message).detail("target", quote(target)), name, class.system_folder, at, sink);
    }

    /// A member whose path goes through an earlier link that leaves the archive.
    pub fn through_link(&mut self, name: &[u8], at: Span, sink: &mut dyn Sink) {
        let message = format!("the member {} is written through a link that leaves the archive", quote(name));
        self.emit(Finding::new(&S406, message), name, None, at, sink);
    }

    fn emit(&mut self, finding: Finding, name: &[u8], folder: Option<&str>, at: Span, sink: &mut dyn Sink) {
        self.reported += 1;
        if self.reported > MOST {
            self.first_beyond.get_or_insert_with(|| finding.message.clone());
            return;
        }
        let mut finding = finding.at(at.offset, at.length).element(printable(name));
        if let Some(folder) = folder {
            finding = finding.detail("system_folder", folder);
        }
        sink.finding(finding);
    }

    /// One finding for those beyond the limit.
    pub fn finish(self, sink: &mut dyn Sink) {
        if let Some(first) = self.first_beyond {
            let more = self.reported - MOST;
            sink.finding(Finding::new(
                &S405,
                format!("{more} more names and links leave the archive; the next: {first}"),
            ));
        }
    }
}

/// A kind of defect that members can have.
pub trait Defect: Copy + Ord {
    /// The rule, the severity where it is not the rule's, and what is wrong: a clause that `(member 'x')` follows.
    fn judgement(self) -> (&'static Rule, Option<Severity>, &'static str);

    /// It keeps the content, or a part of it, from being seen, so the archive is incomplete.
    fn hides_content(self) -> bool {
        false
    }
}

/// Names that are listed as evidence.
const LISTED: usize = 5;

/// The members with one defect: how many, and what is known of the first.
struct Group {
    count: u64,
    at: Span,
    names: Vec<String>,
    details: Vec<(&'static str, String)>,
}

/// Counts defects, so that each is reported once for the archive.
pub struct Tally<D> {
    groups: BTreeMap<D, Group>,
}

impl<D: Ord> Default for Tally<D> {
    fn default() -> Self {
        Self { groups: BTreeMap::new() }
    }
}

impl<D: Defect> Tally<D> {
    /// Counts a defect of the member `name`; place and details of the first one are kept.
    pub fn add(&mut self, defect: D, name: &[u8], at: Span, details: &[(&'static str, String)]) {
        let make = || Group { count: 0, at, names: Vec::new(), details: details.to_vec() };
        let group = self.groups.entry(defect).or_insert_with(make);
        group.count += 1;
        if group.names.len() < LISTED {
            group.names.push(quote(name));
        }
    }

    /// How many members have it.
    pub fn count(&self, defect: D) -> u64 {
        self.groups.get(&defect).map_or(0, |group| group.count)
    }

    /// Drops a defect that something else explains.
    pub fn forget(&mut self, defect: D) {
        self.groups.remove(&defect);
    }

    /// One finding for each defect, and a reason for each that hides content. `size` is the artifact's.
    pub fn report(self, size: u64, sink: &mut dyn Sink) {
        for (defect, group) in self.groups {
            let (rule, severity, what) = defect.judgement();
            let first = group.names.first().map_or("", String::as_str);
            let place = match group.count {
                1 => format!("member {first}"),
                count => format!("{count} members, the first is {first}"),
            };
            let at = group.at.within(size);
            if defect.hides_content() {
                sink.incomplete(&format!("{what} ({place}, at offset {})", at.offset));
            }
            let mut finding = Finding::new(rule, format!("{what} ({place})"))
                .severity(severity.unwrap_or(rule.severity))
                .at(at.offset, at.length)
                .element(first.trim_matches('\''));
            finding.details = group.details;
            if group.count > 1 {
                finding =
                    finding.detail("members", group.count.to_string()).detail("first_members", group.names.join(", "));
            }
            sink.finding(finding);
        }
    }
}
