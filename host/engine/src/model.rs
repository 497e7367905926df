//! What a scan says: the one model of findings from which every report is written.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How bad a finding is. `Warning` and `Critical` make a scan fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Shown with `--verbose` only.
    Debug,
    /// A fact that harmless models show, too.
    Info,
    /// A capability or defect to look at before loading.
    Warning,
    /// Loading runs code, writes files or talks to the network, and the evidence is in the file.
    Critical,
}

impl Severity {
    /// The lower-case word of the JSON report.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Debug, Self::Info, Self::Warning, Self::Critical].into_iter().find(|s| s.word() == word)
    }
}

/// A kind of finding, out of a plugin's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Stable id (`S201`).
    pub id: String,
    /// A few words.
    pub title: String,
    /// The usual severity.
    pub severity: Severity,
    /// Why it matters.
    pub why: String,
    /// What to do.
    pub remedy: String,
    /// CVE ids, CWE ids, URLs.
    pub references: Vec<String>,
}

/// A range of bytes of an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

impl Span {
    /// The byte after the last, saturating.
    pub const fn end(self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}

/// Where plugins come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind", content = "path")]
pub enum Origin {
    /// Compiled into the binary.
    Builtin,
    /// A file the user named.
    File(String),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Builtin => f.write_str("built in"),
            Self::File(path) => f.write_str(path),
        }
    }
}

/// Something wrong with an artifact. Every text is printable: the sandbox escaped what was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Index of the rule in [`ScanReport::rules`].
    pub rule: usize,
    /// What was found, one sentence.
    pub message: String,
    /// Its severity.
    pub severity: Severity,
    /// The evidence, as a range of the artifact.
    pub at: Option<Span>,
    /// The named part: a tensor, an operator, a key, a member.
    pub element: Option<String>,
    /// Evidence as key and value.
    pub details: Vec<(String, String)>,
    /// Index of the plugin in [`ScanReport::plugins`].
    pub plugin: usize,
    /// 32 hexadecimal digits that stay the same when the file is moved or renamed and when a later version words the message anew.
    pub fingerprint: String,
    /// What the policy made of it; not part of a kept result.
    #[serde(skip)]
    pub ruling: Ruling,
}

impl Finding {
    /// True if it counts: for verdicts, for the exit code, for the numbers of a report.
    pub const fn counts(&self) -> bool {
        self.ruling.accepted.is_none()
    }
}

/// What the policy (options, configuration file, baseline) made of a finding. Nothing is removed by it: every report shows the trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// The severity before `--severity`, `--strict` or the configuration changed it.
    pub original_severity: Option<Severity>,
    /// Why it does not count.
    pub accepted: Option<Acceptance>,
    /// Whether the baseline knows it; None if there is no baseline.
    pub baseline: Option<BaselineState>,
}

/// Why a finding does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "by")]
pub enum Acceptance {
    /// A pattern of the user names its rule.
    Suppression {
        /// `S201`, `S200-S299` or `S201@models/*.pkl`, as it was written.
        pattern: String,
        /// `--suppress`, or the path of the configuration file.
        origin: String,
    },
    /// It stands in the baseline.
    Baseline {
        /// Path of the baseline file.
        path: String,
    },
}

/// What a baseline knows of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BaselineState {
    /// It is not in it.
    New,
    /// It is in it.
    Unchanged,
}

/// Why a part of a file was not wholly looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// Name of the plugin, or `engine` for a limit of the host.
    pub plugin: String,
    /// What was not looked at, and why.
    pub reason: String,
}

/// A tensor that a format named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Element type, lower case.
    pub dtype: String,
    /// Length of each dimension.
    pub shape: Vec<u64>,
    /// Its bytes in the artifact.
    pub at: Span,
}

/// One artifact: a file, or a part of one, at any depth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactReport {
    /// Names from the file down to this artifact: one element for the file itself, then a member name a level.
    pub path: Vec<String>,
    /// Ids of the formats that claimed it; empty if it was not recognised.
    pub formats: Vec<String>,
    /// Names of the plugins that looked at it, analysers included.
    pub scanners: Vec<String>,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes; None if they could not be read to the end.
    pub sha256: Option<[u8; 32]>,
    /// Range in the parent if it is a view on the parent's bytes.
    pub view: Option<Span>,
    /// Findings, worst first, then by place.
    pub findings: Vec<Finding>,
    /// What was not looked at.
    pub gaps: Vec<Gap>,
    /// Metadata: key and JSON value.
    pub facts: BTreeMap<String, serde_json::Value>,
    /// Tensors in the order the plugins named them.
    pub tensors: Vec<Tensor>,
    /// Lines that plugins logged.
    pub log: Vec<(String, String)>,
    /// Bytes that plugins asked for (the host's own pass over the bytes not counted).
    pub bytes_read: u64,
    /// Fuel that plugins burnt: equal work costs equal fuel on every machine.
    pub fuel: u64,
}

impl ArtifactReport {
    /// A file at this path of which nothing is known yet.
    pub fn at(path: &str) -> Self {
        Self {
            path: vec![path.to_owned()],
            formats: Vec::new(),
            scanners: Vec::new(),
            size: 0,
            sha256: None,
            view: None,
            findings: Vec::new(),
            gaps: Vec::new(),
            facts: BTreeMap::new(),
            tensors: Vec::new(),
            log: Vec::new(),
            bytes_read: 0,
            fuel: 0,
        }
    }

    /// The path as people read it: `model.zip:inner/data.pkl`.
    pub fn location(&self) -> String {
        self.path.join(":")
    }
}

/// How the scan of a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every byte that should be looked at was, and nothing at warning or above was found.
    Clean,
    /// As clean, but for findings at warning or above that the policy accepts.
    Accepted,
    /// No format claims it: only the analysers looked.
    Unrecognised,
    /// Not wholly looked at, and nothing at warning or above was found in the rest.
    Incomplete,
    /// A finding of warning severity.
    Warning,
    /// A finding of critical severity.
    Critical,
}

impl Verdict {
    /// The lower-case word of the JSON report.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Accepted => "accepted",
            Self::Unrecognised => "unrecognised",
            Self::Incomplete => "incomplete",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One file of the scan with all artifacts inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// Path as the user would type it.
    pub path: String,
    /// True if the user named this very file, not a folder above it.
    pub named: bool,
    /// Size in bytes.
    pub size: u64,
    /// The file itself first, then what it holds, depth first in order of appearance.
    pub artifacts: Vec<ArtifactReport>,
    /// Path of an earlier file of the report with the same bytes.
    pub duplicate_of: Option<String>,
}

impl FileReport {
    /// The worst severity of the findings that count, if there are any.
    pub fn worst(&self) -> Option<Severity> {
        self.findings().filter(|(_, f)| f.counts()).map(|(_, f)| f.severity).max()
    }

    /// All findings with the artifact they are in.
    pub fn findings(&self) -> impl Iterator<Item = (&ArtifactReport, &Finding)> {
        self.artifacts.iter().flat_map(|a| a.findings.iter().map(move |f| (a, f)))
    }

    /// All gaps with the artifact they are in.
    pub fn gaps(&self) -> impl Iterator<Item = (&ArtifactReport, &Gap)> {
        self.artifacts.iter().flat_map(|a| a.gaps.iter().map(move |g| (a, g)))
    }

    /// How it ended. Findings win over gaps.
    pub fn verdict(&self) -> Verdict {
        match self.worst() {
            Some(Severity::Critical) => Verdict::Critical,
            Some(Severity::Warning) => Verdict::Warning,
            _ if self.gaps().next().is_some() => Verdict::Incomplete,
            _ if self.findings().any(|(_, f)| !f.counts() && f.severity >= Severity::Warning) => Verdict::Accepted,
            _ if self.artifacts.first().is_none_or(|a| a.formats.is_empty()) => Verdict::Unrecognised,
            _ => Verdict::Clean,
        }
    }
}

/// Something that kept a path from being scanned: it does not exist, can not be read, is over a size limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScanError {
    /// The path as the user would type it.
    pub path: String,
    /// What is wrong and what to do, one line.
    pub message: String,
}

/// A plugin as the report shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PluginReport {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// The shards of one model, by their numbered names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Family {
    /// Path of the family with `*` for the number: `models/model-*-of-00003.safetensors`.
    pub name: String,
    /// How many shards the names promise.
    pub expected: u64,
    /// Paths of the shards that were scanned, in order.
    pub present: Vec<String>,
    /// Names of the shards that are not there, at most 100.
    pub missing: Vec<String>,
}

/// What the user asked for that bends the verdict. A report names it, so that nobody takes a bent verdict for a plain one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Findings of this severity and above make the exit code 1.
    pub fail_on: Severity,
    /// `--strict`.
    pub strict: bool,
    /// `--strict-license`.
    pub strict_license: bool,
    /// Patterns of accepted rules, as they were written.
    pub suppress: Vec<String>,
    /// Changed severities as `RULE=LEVEL`.
    pub severity: Vec<String>,
    /// Plugins that were switched off.
    pub not_run: Vec<String>,
    /// Patterns of paths that were left out, as they were written.
    pub exclude: Vec<String>,
    /// Paths that these patterns left out.
    pub excluded: Vec<String>,
    /// Path of the baseline.
    pub baseline: Option<String>,
    /// Path of the configuration file.
    pub config: Option<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            fail_on: Severity::Warning,
            strict: false,
            strict_license: false,
            suppress: Vec::new(),
            severity: Vec::new(),
            not_run: Vec::new(),
            exclude: Vec::new(),
            excluded: Vec::new(),
            baseline: None,
            config: None,
        }
    }
}

/// A whole scan.
#[derive(Clone, Debug, Default)]
pub struct ScanReport {
    /// Files in order of their paths.
    pub files: Vec<FileReport>,
    /// What could not be scanned.
    pub errors: Vec<ScanError>,
    /// Every rule of every plugin that ran.
    pub rules: Vec<Rule>,
    /// Every plugin that was loaded.
    pub plugins: Vec<PluginReport>,
    /// Models in shards.
    pub families: Vec<Family>,
    /// What bent the verdict.
    pub policy: Policy,
    /// When it started, seconds since 1970.
    pub started: f64,
    /// How long it took.
    pub duration: Duration,
}

impl ScanReport {
    /// The process exit code: 1 if anything at the severity of [`Policy::fail_on`] or above was found; else 2 if something could not be
    /// scanned wholly, a named file was not recognised, or nothing was scanned; else 0.
    pub fn exit_code(&self) -> u8 {
        let verdicts = || self.files.iter().map(FileReport::verdict);
        if self.files.iter().any(|f| f.worst() >= Some(self.policy.fail_on)) {
            return 1;
        }
        let unseen = self.files.iter().any(|f| match f.verdict() {
            Verdict::Unrecognised => f.named,
            _ => f.gaps().next().is_some(),
        });
        let understood = |v| matches!(v, Verdict::Clean | Verdict::Accepted | Verdict::Warning | Verdict::Critical);
        let nothing = !verdicts().any(understood);
        if unseen || nothing || !self.errors.is_empty() { 2 } else { 0 }
    }

    /// How many findings that count have that severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.files.iter().flat_map(FileReport::findings).filter(|(_, f)| f.counts() && f.severity == severity).count()
    }
}
