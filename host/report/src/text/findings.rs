//! The findings, file by file.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use modelaudit_engine::model::{ArtifactReport, FileReport, Finding, Origin, ScanReport, Severity};

use super::page::{KEY, Page, Tone};
use super::{NAME, TextOptions};
use crate::place::{clipped, location};
use crate::traces::ruling;
use crate::{plugin_of, rule_of};

/// Longest message shown; in characters.
pub const MESSAGE: usize = 600;
/// Findings of one rule and severity that are shown in one file without `verbose`.
const REPEATS: usize = 5;
/// Columns of the severity, with its indent.
const LABEL: usize = 12;
/// Columns up to a finding's paragraphs.
const TEXT: usize = LABEL + KEY;

/// Writes all findings that the options ask for, grouped by file, the worst file first.
pub fn write(report: &ScanReport, options: &TextOptions, page: &mut Page) -> io::Result<()> {
    let least = if options.verbose { Severity::Debug } else { Severity::Warning };
    let mut explained = BTreeSet::new();
    let mut files: Vec<_> = report.files.iter().collect();
    files.sort_by_key(|file| Reverse(file.worst()));
    for file in files {
        // What the policy accepts is no reason to worry; it is counted in the last line.
        let shown = |f: &Finding| f.severity >= least && (f.counts() || options.verbose);
        let mut findings: Vec<_> = file.findings().filter(|(_, f)| shown(f)).collect();
        // Worst first in the whole file; the order of the engine (by artifact, then place) holds within a severity.
        findings.sort_by_key(|(_, f)| Reverse(f.severity));
        if findings.is_empty() {
            continue;
        }
        let name = page.paint(Tone::Name, &clipped(&file.path, NAME));
        page.line(&format!("\n{name}"))?;
        let mut writer = Writer { report, options, page, explained: &mut explained };
        writer.file(file, &findings)?;
    }
    Ok(())
}

struct Writer<'a, 'p> {
    report: &'a ScanReport,
    options: &'a TextOptions,
    page: &'a mut Page<'p>,
    /// Rules whose explanation was printed.
    explained: &'a mut BTreeSet<usize>,
}

impl Writer<'_, '_> {
    fn file(&mut self, file: &FileReport, findings: &[(&ArtifactReport, &Finding)]) -> io::Result<()> {
        let mut seen: BTreeMap<(Severity, usize), usize> = BTreeMap::new();
        for (artifact, finding) in findings {
            let n = seen.entry((finding.severity, finding.rule)).or_default();
            *n += 1;
            if *n <= REPEATS || self.options.verbose {
                self.finding(file, artifact, finding)?;
            }
        }
        for ((severity, rule), n) in seen.into_iter().rev() {
            if n > REPEATS && !self.options.verbose {
                let label = self.label(severity);
                let rule = clipped(&self.report.rules[rule].id, NAME);
                self.page.line(&format!("{label}... and {} more of {rule} (--verbose shows them)", n - REPEATS))?;
            }
        }
        Ok(())
    }

    fn finding(&mut self, file: &FileReport, artifact: &ArtifactReport, finding: &Finding) -> io::Result<()> {
        let label = self.label(finding.severity);
        self.page.labelled(&label, LABEL, LABEL, &clipped(&finding.message, MESSAGE))?;
        // The line above the findings names the file: only say more if there is more to say.
        if artifact.path.len() > 1 || finding.at.is_some() {
            let mut place = clipped(&location(artifact, finding.at), 2 * NAME).into_owned();
            if let Some(element) = &finding.element {
                place += &format!(", in {}", clipped(element, NAME));
            }
            self.key_line("at", &place)?;
        } else if let Some(element) = &finding.element {
            self.key_line("at", &format!("{}, in {}", clipped(&file.path, NAME), clipped(element, NAME)))?;
        }
        let (rule, plugin) = (rule_of(self.report, finding), plugin_of(self.report, finding));
        self.key_line("rule", &format!("{} {}", clipped(&rule.id, NAME), clipped(&rule.title, NAME)))?;
        if self.options.verbose || plugin.origin != Origin::Builtin {
            let origin = match &plugin.origin {
                Origin::Builtin => "built in".to_owned(),
                Origin::File(path) => format!("third party, {}", clipped(path, NAME)),
            };
            self.key_line(
                "by",
                &format!("{} {} ({origin})", clipped(&plugin.name, NAME), clipped(&plugin.version, NAME)),
            )?;
        }
        let ruling = ruling(finding);
        if !ruling.is_empty() {
            self.key_line("ruled", &clipped(&ruling, 2 * NAME))?;
        }
        if self.options.verbose {
            for (key, value) in &finding.details {
                self.page.line(&format!("{:TEXT$}{}: {}", "", clipped(key, NAME), clipped(value, MESSAGE)))?;
            }
        }
        if !self.options.quiet && self.explained.insert(finding.rule) {
            self.page.keyed(LABEL, "why", &rule.why)?;
            self.page.keyed(LABEL, "do", &rule.remedy)?;
            self.page.keyed(LABEL, "see", &rule.references.join(", "))?;
        }
        Ok(())
    }

    fn label(&self, severity: Severity) -> String {
        let word = format!("{:<width$}", severity.word().to_uppercase(), width = LABEL - 2);
        format!("  {}", self.page.paint(Tone::of(severity), &word))
    }

    /// A short fact; not wrapped, so that it can be copied.
    fn key_line(&mut self, key: &str, text: &str) -> io::Result<()> {
        let key = self.page.key(LABEL, key);
        self.page.line(&format!("{key}{text}"))
    }
}
