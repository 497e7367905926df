//! What a plugin says of itself.

/// How bad a finding is. `Warning` and `Critical` make a scan fail, `Info` and `Debug` do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Shown with `--verbose` only.
    Debug,
    /// A fact worth knowing that real, harmless models show, too.
    Info,
    /// A capability or defect that a careful person would look at before loading.
    Warning,
    /// Loading or using the artifact runs code, writes files or talks to the network, and the evidence is in the file.
    Critical,
}

/// A kind of finding; the manifest lists every rule that the plugin may report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable id: ASCII letters, digits and `-`. Built-ins use the field's S-codes, others a prefix of their own.
    pub id: &'static str,
    /// A few words, no full stop.
    pub title: &'static str,
    /// The usual severity; a finding may set its own.
    pub severity: Severity,
    /// Why it matters: what fires the rule, and what does not.
    pub why: &'static str,
    /// What to do about it, one sentence.
    pub remedy: &'static str,
    /// CVE ids, CWE ids, URLs.
    pub references: &'static [&'static str],
}

/// Bytes at a fixed offset in every file of a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Magic {
    /// Offset from the start of the file.
    pub offset: u64,
    /// 2 to 64 bytes.
    pub bytes: Vec<u8>,
    /// Empty, or as long as `bytes`: only these bits are compared.
    pub mask: Vec<u8>,
}

impl Magic {
    /// `bytes` stand at `offset`.
    pub fn at(offset: u64, bytes: &[u8]) -> Self {
        Self { offset, bytes: bytes.to_vec(), mask: Vec::new() }
    }

    /// `bytes` stand at `offset` where `mask` has bits set.
    pub fn masked(offset: u64, bytes: &[u8], mask: &[u8]) -> Self {
        Self { offset, bytes: bytes.to_vec(), mask: mask.to_vec() }
    }
}

/// A file format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// Stable lower-case id, what `scan` is called with.
    pub id: &'static str,
    /// The name people use.
    pub title: &'static str,
    /// Lower-case extensions without the dot.
    pub extensions: Vec<&'static str>,
    /// Whole lower-case file names.
    pub file_names: Vec<&'static str>,
    /// Any of them makes an artifact a candidate; a format without any is asked for through `probe`.
    pub magics: Vec<Magic>,
    /// Bytes that the files of a format without a magic can begin with; empty for any. `probe` is called only for those.
    pub first_bytes: Vec<u8>,
}

impl Format {
    /// A format without extensions and magics yet.
    pub fn new(id: &'static str, title: &'static str) -> Self {
        Self { id, title, extensions: Vec::new(), file_names: Vec::new(), magics: Vec::new(), first_bytes: Vec::new() }
    }

    /// Adds extensions.
    pub fn extensions(mut self, extensions: &[&'static str]) -> Self {
        self.extensions.extend_from_slice(extensions);
        self
    }

    /// Adds whole file names.
    pub fn file_names(mut self, names: &[&'static str]) -> Self {
        self.file_names.extend_from_slice(names);
        self
    }

    /// Adds bytes that a file of a format without a magic can begin with: it is probed for only where one of them stands.
    pub fn first_bytes(mut self, bytes: impl IntoIterator<Item = u8>) -> Self {
        self.first_bytes.extend(bytes);
        self
    }

    /// Says that a file begins with one of these characters, perhaps behind a byte order mark and white space.
    pub fn first_characters(self, characters: &[u8]) -> Self {
        self.first_bytes(characters.iter().copied().chain(*b" \t\r\n\xef"))
    }

    /// Says that a file begins with printable ASCII, white space or a byte order mark: any text may.
    pub fn begins_as_text(self) -> Self {
        self.first_bytes((b' '..=b'~').chain(*b"\t\r\n\xef"))
    }

    /// Adds a magic.
    pub fn magic(mut self, magic: Magic) -> Self {
        self.magics.push(magic);
        self
    }
}

/// What a plugin is, understands and may report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Lower-case name, unique among the plugins of a run.
    pub name: &'static str,
    /// Semantic version.
    pub version: &'static str,
    /// One line.
    pub summary: &'static str,
    /// URL, may be empty.
    pub homepage: &'static str,
    /// Formats of a scanner; empty for an analyser.
    pub formats: Vec<Format>,
    /// Literals of 2 to 64 bytes which the host finds natively. An analyser with anchors is started only where one stands.
    pub anchors: Vec<Vec<u8>>,
    /// Every rule that it may report.
    pub rules: Vec<Rule>,
}
