//! The report as a comment on a pull request: the verdict first, details folded away, never longer than a comment may be.
//!
//! Everything that comes out of a file stands in a code span, where nothing is a link, a mention or markup; what rules say is escaped.
//! Text is only ever added in whole pieces, so that a cut leaves no open markup.

mod escaping;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io::{self, Write};

use modelaudit_engine::model::{ArtifactReport, FileReport, Finding, Origin, ScanReport, Severity, Verdict};

use crate::amount::{count, duration, size};
use crate::traces::{ruling, traces};
use crate::{Summary, plugin_of, rule_of};
pub(crate) use escaping::{code, link, prose};

/// What is in the Markdown report.
#[derive(Clone, Copy, Debug)]
pub struct MarkdownOptions {
    /// Most bytes; a comment on GitHub takes 65,536 characters.
    pub limit: usize,
}

impl Default for MarkdownOptions {
    fn default() -> Self {
        Self { limit: 60_000 }
    }
}

/// Bytes kept for the note that says what was cut.
const NOTE: usize = 200;

/// Text that grows up to a limit.
struct Page {
    text: String,
    limit: usize,
    /// Pieces that did not fit.
    cut: usize,
}

impl Page {
    /// Adds a piece whole or not at all.
    fn add(&mut self, piece: &str) {
        // After the first cut nothing more is added: a report with holes in its middle misleads.
        if self.cut > 0 || self.text.len() + piece.len() > self.limit {
            self.cut += 1;
        } else {
            self.text.push_str(piece);
        }
    }

    /// Adds pieces that are folded away under a title; the fold is closed even if the pieces are cut.
    fn fold(&mut self, title: &str, pieces: impl IntoIterator<Item = String>) {
        const END: &str = "\n</details>\n\n";
        let mut pieces = pieces.into_iter();
        let Some(first) = pieces.next() else { return };
        let head = format!("<details><summary>{title}</summary>\n\n{first}");
        if self.cut > 0 || self.text.len() + head.len() + END.len() > self.limit {
            self.cut += 1 + pieces.count();
            return;
        }
        self.limit -= END.len();
        self.add(&head);
        pieces.for_each(|piece| self.add(&piece));
        self.limit += END.len();
        self.text.push_str(END);
    }
}

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ScanReport, options: &MarkdownOptions, out: &mut dyn Write) -> io::Result<()> {
    let summary = Summary::of(report);
    let mut page = Page { text: String::new(), limit: options.limit.saturating_sub(NOTE), cut: 0 };
    page.add(&head(report, &summary));
    findings(report, &mut page);
    rules(report, &mut page);
    let gaps = report.files.iter().flat_map(FileReport::gaps);
    let gaps = gaps.map(|(a, g)| format!("- {}: {}: {}\n", code(&a.location()), code(&g.plugin), code(&g.reason)));
    page.fold("Scanned only in part", gaps);
    let errors = report.errors.iter().map(|e| format!("- {}: {}\n", code(&e.path), code(&e.message)));
    page.fold("Not scanned", errors);
    let unknown = report.files.iter().filter(|f| f.verdict() == Verdict::Unrecognised);
    page.fold("Of no known format, so not understood", unknown.map(|f| format!("- {}\n", code(&f.path))));
    let traces = traces(report);
    page.fold(
        "Policy, and what was left out",
        traces.iter().map(|t| format!("- {}: {}\n", t.subject.id(), code(&t.text))),
    );
    let notes = all(report).filter(|(_, _, f)| f.counts() && f.severity == Severity::Info);
    page.fold("Notes", notes.map(|(file, artifact, finding)| item(report, file, artifact, finding)));
    let accepted = all(report).filter(|(_, _, f)| !f.counts());
    page.fold("Accepted findings", accepted.map(|(file, artifact, finding)| item(report, file, artifact, finding)));
    if page.cut > 0 {
        let entries = if page.cut == 1 { "entry" } else { "entries" };
        let note = format!(
            "**Cut here:** {} more {entries} would not fit into a comment; the other formats have all.\n\n",
            page.cut
        );
        page.text += &note;
    }
    page.text += &foot(report, &summary);
    out.write_all(page.text.as_bytes())
}

fn all(report: &ScanReport) -> impl Iterator<Item = (&FileReport, &ArtifactReport, &Finding)> {
    report.files.iter().flat_map(|file| file.findings().map(move |(artifact, finding)| (file, artifact, finding)))
}

fn head(report: &ScanReport, summary: &Summary) -> String {
    let mark = match summary.verdict() {
        Verdict::Critical => "⛔",
        Verdict::Warning | Verdict::Incomplete | Verdict::Unrecognised => "⚠️",
        Verdict::Accepted | Verdict::Clean => "✅",
    };
    let mut text = format!("## {mark} modelaudit: {}\n\n{}.\n\n", summary.verdict().word(), sentence(report, summary));
    let accepted = all(report).filter(|(_, _, f)| !f.counts()).count();
    text +=
        "| critical | warning | notes | accepted | files | seen in part | errors |\n|--:|--:|--:|--:|--:|--:|--:|\n";
    let findings = |severity| summary.findings(severity);
    text += &format!(
        "| {} | {} | {} | {accepted} | {} | {} | {} |\n\n",
        findings(Severity::Critical),
        findings(Severity::Warning),
        findings(Severity::Info),
        summary.files,
        summary.partial,
        summary.errors,
    );
    text
}

/// The headline of the text report. It holds the name of an only file.
fn sentence(report: &ScanReport, summary: &Summary) -> String {
    let whole = crate::text::verdict(report);
    let sentence = whole.split_once("  ").map_or(whole.as_str(), |(_, rest)| rest);
    if summary.only(report).is_some() { code(sentence) } else { prose(sentence) }
}

/// Findings that count at warning and above, the worst file first.
fn findings(report: &ScanReport, page: &mut Page) {
    let mut files: Vec<_> = report.files.iter().filter(|f| f.worst() >= Some(Severity::Warning)).collect();
    files.sort_by_key(|file| Reverse(file.worst()));
    for file in files {
        page.add(&format!("### {}\n\n", code(&file.path)));
        let mut findings: Vec<_> =
            file.findings().filter(|(_, f)| f.counts() && f.severity >= Severity::Warning).collect();
        findings.sort_by_key(|(_, f)| Reverse(f.severity));
        for (artifact, finding) in findings {
            page.add(&item(report, file, artifact, finding));
        }
        page.add("\n");
    }
}

fn item(report: &ScanReport, file: &FileReport, artifact: &ArtifactReport, finding: &Finding) -> String {
    let (rule, plugin) = (rule_of(report, finding), plugin_of(report, finding));
    let mut text = format!(
        "- **{}** {}\n  {} {}",
        finding.severity.word(),
        code(&finding.message),
        code(&rule.id),
        prose(&rule.title)
    );
    if finding.severity < Severity::Warning || !finding.counts() {
        text += &format!(", in {}", code(&file.path));
    }
    if let Some(at) = finding.at {
        text += &format!(", at byte {}", at.offset);
    }
    if artifact.path.len() > 1 {
        text += &format!(" of {}", code(&artifact.path[1..].join(":")));
    }
    if let Some(element) = &finding.element {
        text += &format!(", {}", code(element));
    }
    if plugin.origin != Origin::Builtin {
        text += &format!(", by the third-party plugin {}", code(&plugin.name));
    }
    let ruling = ruling(finding);
    if !ruling.is_empty() {
        text += &format!(" ({})", code(&ruling));
    }
    text + "\n"
}

/// What the rules of the findings above mean, each once.
fn rules(report: &ScanReport, page: &mut Page) {
    let counted = all(report).filter(|(_, _, f)| f.counts() && f.severity >= Severity::Warning);
    let used: BTreeSet<usize> = counted.map(|(_, _, f)| f.rule).collect();
    let explained = used.into_iter().map(|rule| {
        let rule = &report.rules[rule];
        let links: Vec<_> = rule.references.iter().map(|r| link(crate::reference::Reference::of(r), r)).collect();
        let see = if links.is_empty() { String::new() } else { format!("  See {}\n", links.join(", ")) };
        format!(
            "- **{}** {}: {}\n  **What to do:** {}\n{see}",
            prose(&rule.id),
            prose(&rule.title),
            prose(&rule.why),
            prose(&rule.remedy)
        )
    });
    page.fold("Why it matters and what to do", explained);
}

fn foot(report: &ScanReport, summary: &Summary) -> String {
    format!(
        "<sub>modelaudit {}: {}, {} in {}</sub>\n",
        crate::VERSION,
        count(summary.files, "file"),
        size(summary.bytes),
        duration(report.duration)
    )
}

#[cfg(test)]
mod tests;
