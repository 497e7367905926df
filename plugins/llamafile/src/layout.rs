//! What stands where: the program, and the archive behind it.

use modelaudit_executable_headers::identify_at;
use modelaudit_plugin::{Artifact, Span};
use modelaudit_zip_directory::{Archive, Entry, STORED};

use crate::APE;

/// Members that are kept; a llamafile has some hundred (time zones and web pages).
const MOST_MEMBERS: usize = 4096;
/// How much of the program is searched for its name.
const SEARCHED: u64 = 256 << 20;
/// How the program names itself and its release (`llamafile v0.9.3`).
const NAMED: &[u8] = b"llamafile v";
/// Names of the project that stand in every build of it.
const MARKERS: &[&[u8]] = &[b"llamafile", b"whisperfile"];

/// A program with an archive at its end.
pub(crate) struct Layout {
    /// What kind of executable, for messages.
    pub(crate) kind: String,
    /// The bytes before the archive.
    pub(crate) runtime: Span,
    /// The archive has its end record.
    pub(crate) whole: bool,
    /// The release that the program says it is.
    pub(crate) version: Option<String>,
    /// Weights.
    pub(crate) models: Vec<Entry>,
    /// Default arguments: one, in a regular file.
    pub(crate) arguments: Vec<Entry>,
    /// All other members.
    pub(crate) others: Vec<Entry>,
    /// There are more members than were kept.
    pub(crate) more: bool,
    marked: bool,
}

impl Layout {
    /// Looks at an executable; None if it is none.
    pub(crate) fn find(artifact: &dyn Artifact) -> Option<Self> {
        let head = artifact.read(0, 8);
        let kind = match identify_at(artifact, 0) {
            Some(found) if found.kind.is_native() => found.kind.title(),
            // The magics of APE that are no DOS header.
            _ if APE.contains(&head.as_slice()) => "Actually Portable Executable (APE)".to_owned(),
            _ => return None,
        };
        let mut layout = Self {
            kind,
            runtime: Span::new(0, artifact.size()),
            whole: false,
            version: None,
            models: Vec::new(),
            arguments: Vec::new(),
            others: Vec::new(),
            more: false,
            marked: false,
        };
        let archive = Archive::open(artifact);
        layout.whole = archive.listed().next().is_some();
        if layout.whole {
            archive.listed().for_each(|entry| layout.add(artifact, entry));
        } else {
            // The program itself is full of code for zip archives: only members that a llamafile has count.
            let known = |entry: &Entry| is_arguments(entry) || is_weights(artifact, entry);
            archive.entries().filter(known).for_each(|entry| layout.add(artifact, entry));
        }
        if let Some(start) =
            layout.members().filter_map(|entry| entry.local.as_ref()).map(|local| local.at.offset).min()
        {
            layout.runtime = Span::new(0, start);
        }
        layout.name(artifact);
        Some(layout)
    }

    /// Whether it is a llamafile at all: weights, or the project's own program with arguments or an archive.
    pub(crate) fn is_llamafile(&self) -> bool {
        !self.models.is_empty() || self.marked
    }

    /// What there is of an archive without an end.
    pub(crate) fn rest(&self, size: u64) -> Option<Span> {
        let start = self.runtime.length;
        (start < size).then(|| Span::new(start, size - start))
    }

    fn members(&self) -> impl Iterator<Item = &Entry> {
        self.models.iter().chain(&self.arguments).chain(&self.others)
    }

    fn add(&mut self, artifact: &dyn Artifact, entry: Entry) {
        if self.models.len() + self.arguments.len() + self.others.len() >= MOST_MEMBERS {
            self.more = true;
        } else if is_arguments(&entry) {
            self.arguments.push(entry);
        } else if is_weights(artifact, &entry) {
            self.models.push(entry);
        } else {
            self.others.push(entry);
        }
    }

    /// Finds the project's name and release in the program.
    fn name(&mut self, artifact: &dyn Artifact) {
        let searched = Span::new(0, self.runtime.length.min(SEARCHED));
        self.marked = !artifact.find(MARKERS, searched, 1).is_empty();
        for hit in artifact.find(&[NAMED], searched, 16) {
            let text = artifact.read(hit.offset + NAMED.len() as u64, 24);
            let digits: String =
                text.iter().map(|b| char::from(*b)).take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            if digits.contains('.') {
                self.version = Some(digits.trim_end_matches('.').to_owned());
                return;
            }
        }
    }
}

/// The runtime reads `/zip/.args`, which is this member alone.
fn is_arguments(entry: &Entry) -> bool {
    entry.names().contains(&&b".args"[..])
}

/// Weights: by name, or by what a stored member begins with, for the runtime takes any name.
fn is_weights(artifact: &dyn Artifact, entry: &Entry) -> bool {
    let named = entry.names().iter().any(|name| name.len() > 5 && name.to_ascii_lowercase().ends_with(b".gguf"));
    let stored = entry.reading().filter(|reading| reading.method == STORED && reading.span.length > 32);
    named || stored.is_some_and(|reading| matches!(&artifact.read(reading.span.offset, 4)[..], b"GGUF" | b"lmgg"))
}
