//! The report for reading: the verdict first, each finding once, then what was not scanned.
//!
//! A scan that finds nothing is one line. A rule's explanation is printed with its first finding only, findings that repeat within a
//! file are counted after the fifth, and notes of severity info are counted, not shown: thousands of alerts about one tokenizer
//! are how people stop reading reports. `--verbose` shows all of it.

mod findings;
mod page;
mod table;

use std::io::{self, Write};

use modelaudit_engine::model::{FileReport, Rule, ScanReport, Severity, Verdict};

use crate::amount::{count, duration, size};
use crate::place::{clipped, printable};
use crate::summary::Summary;
use crate::traces::{Subject, traces};
use page::{Page, Tone};

/// Longest name that is shown whole; in characters.
const NAME: usize = 300;
/// Gaps of one file and unrecognised files that are listed one by one without `verbose`.
const LISTED: usize = 5;

/// How the text report looks.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    /// With ANSI colours. Nothing is said by colour alone.
    pub color: bool,
    /// Everything: notes, evidence, a line a file, logs.
    pub verbose: bool,
    /// Nothing if the exit code is 0, otherwise no explanations.
    pub quiet: bool,
    /// Columns that paragraphs are wrapped at. Paths are never broken, so that they can be copied.
    pub width: usize,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { color: false, verbose: false, quiet: false, width: 100 }
    }
}

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ScanReport, options: &TextOptions, out: &mut dyn Write) -> io::Result<()> {
    if options.quiet && report.exit_code() == 0 {
        return Ok(());
    }
    let summary = Summary::of(report);
    let mut page = Page::new(out, options.color, options.width);
    headline(report, &summary, &mut page)?;
    findings::write(report, options, &mut page)?;
    gaps(report, options, &mut page)?;
    unrecognised(report, &summary, options, &mut page)?;
    errors(report, &mut page)?;
    policy(report, &mut page)?;
    if options.verbose {
        files(report, &mut page)?;
    }
    if !options.quiet {
        table::write(report, &mut page)?;
    }
    footer(&summary, report, options, &mut page)
}

/// The first line of the report, without colour: what a person wants to know if it is all they read.
pub fn verdict(report: &ScanReport) -> String {
    let summary = Summary::of(report);
    format!("{}  {}", summary.verdict().word().to_uppercase(), sentence(report, &summary))
}

/// Writes one rule in full, with the plugins that report it.
///
/// # Errors
/// Those of `out`.
pub fn explain(rule: &Rule, plugins: &[String], color: bool, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(out, color, width);
    let id = page.paint(Tone::Name, &printable(&rule.id));
    page.line(&format!("{id}  {}", printable(&rule.title)))?;
    let severity = page.paint(Tone::of(rule.severity), rule.severity.word());
    page.line(&format!("  usually {severity}, reported by {}", printable(&plugins.join(", "))))?;
    for (key, text) in [("why", &rule.why), ("do", &rule.remedy), ("see", &rule.references.join(", "))] {
        page.keyed(2, key, text)?;
    }
    Ok(())
}

fn headline(report: &ScanReport, summary: &Summary, page: &mut Page) -> io::Result<()> {
    let verdict = summary.verdict();
    let label = page.paint(Tone::of(verdict), &verdict.word().to_uppercase());
    page.line(&format!("{label}  {}", sentence(report, summary)))
}

fn sentence(report: &ScanReport, summary: &Summary) -> String {
    let only = summary
        .only(report)
        .map(|file| if file.path == "-" { "standard input".into() } else { clipped(&file.path, NAME) });
    let of = |n: u64, one: &str, many: &str| match (&only, n) {
        (Some(name), _) => format!("{name} {one}"),
        (None, 1) => format!("1 of {} {one}", count(summary.files, "file")),
        (None, n) => format!("{n} of {} {many}", count(summary.files, "file")),
    };
    let (critical, warning) = (summary.verdicts(Verdict::Critical), summary.verdicts(Verdict::Warning));
    let mut text = match summary.verdict() {
        Verdict::Critical => of(critical, "should not be loaded", "should not be loaded"),
        Verdict::Warning => of(warning, "needs a look before it is loaded", "need a look before they are loaded"),
        Verdict::Incomplete if summary.partial > 0 => {
            of(summary.partial, "could only be scanned in part", "could only be scanned in part")
                + "; nothing was found in that part"
        }
        Verdict::Incomplete if summary.files == 0 => "nothing was scanned".to_owned(),
        Verdict::Incomplete => format!("nothing was found in {}", count(summary.files, "file")),
        Verdict::Unrecognised if summary.files == 0 => "no file was found".to_owned(),
        Verdict::Unrecognised => {
            let n = summary.verdicts(Verdict::Unrecognised);
            of(n, "is of no known format", "are of no known format") + ", so not understood"
        }
        Verdict::Accepted => {
            let n = summary.verdicts(Verdict::Accepted);
            of(n, "has only findings that the policy accepts", "have only findings that the policy accepts")
        }
        Verdict::Clean => {
            let what = only.as_ref().map_or_else(|| count(summary.files, "file"), |name| name.to_string());
            format!("{what}, {} in {}", size(summary.bytes), duration(report.duration))
        }
    };
    if summary.verdict() == Verdict::Critical && warning > 0 {
        text += &format!(", {warning} more {} a look before loading", if warning == 1 { "needs" } else { "need" });
    }
    if summary.verdict() >= Verdict::Warning && summary.partial > 0 {
        let which = only.as_ref().map_or_else(|| summary.partial.to_string(), |_| "and".to_owned());
        text += &format!(", {which} could only be scanned in part");
    }
    if summary.errors > 0 {
        text += &format!("; {}", count(summary.errors, "error"));
    }
    if summary.verdict() == Verdict::Clean && summary.verdicts(Verdict::Unrecognised) > 0 {
        let unknown = summary.verdicts(Verdict::Unrecognised);
        let are = if unknown == 1 { "is" } else { "are" };
        text += &format!("; {unknown} of them {are} of no known format, so not understood");
    }
    text
}

fn gaps(report: &ScanReport, options: &TextOptions, page: &mut Page) -> io::Result<()> {
    let mut heading = Some("scanned only in part");
    for file in report.files.iter().filter(|f| f.gaps().next().is_some()) {
        page.heading(&mut heading)?;
        let shown = if options.verbose { usize::MAX } else { LISTED };
        for (artifact, gap) in file.gaps().take(shown) {
            page.line(&format!("  {}", clipped(&artifact.location(), NAME)))?;
            page.paragraph(
                4,
                4,
                &format!("{}: {}", clipped(&gap.plugin, NAME), clipped(&gap.reason, findings::MESSAGE)),
            )?;
        }
        more(file.gaps().count(), shown, "in this file", page)?;
    }
    Ok(())
}

/// Names the files of no known format that the user named, for they are why the exit code is not 0; with `verbose` all.
fn unrecognised(report: &ScanReport, summary: &Summary, options: &TextOptions, page: &mut Page) -> io::Result<()> {
    if summary.only(report).is_some() {
        return Ok(()); // the headline names it
    }
    let listed = |f: &&FileReport| f.verdict() == Verdict::Unrecognised && (f.named || options.verbose);
    let files: Vec<_> = report.files.iter().filter(listed).collect();
    let shown = if options.verbose { usize::MAX } else { LISTED };
    let mut heading = Some("of no known format");
    for file in files.iter().take(shown) {
        page.heading(&mut heading)?;
        page.line(&format!("  {}", clipped(&file.path, NAME)))?;
    }
    more(files.len(), shown, "", page)
}

fn errors(report: &ScanReport, page: &mut Page) -> io::Result<()> {
    let mut heading = Some("errors");
    for error in &report.errors {
        page.heading(&mut heading)?;
        page.paragraph(
            2,
            4,
            &format!("{}: {}", clipped(&error.path, NAME), clipped(&error.message, findings::MESSAGE)),
        )?;
    }
    Ok(())
}

/// What bent the verdict, and what is missing beside the files.
fn policy(report: &ScanReport, page: &mut Page) -> io::Result<()> {
    let mut last = None;
    for trace in traces(report) {
        let heading = match trace.subject {
            Subject::Policy | Subject::LeftOut => "policy",
            Subject::MissingShards => "missing shards",
            Subject::Duplicates => "copies",
        };
        page.heading(&mut Some(heading).filter(|heading| last.replace(*heading) != Some(heading)))?;
        page.paragraph(2, 4, &clipped(&trace.text, findings::MESSAGE))?;
    }
    Ok(())
}

/// A line a file with what looked at it, for `--verbose`.
fn files(report: &ScanReport, page: &mut Page) -> io::Result<()> {
    let mut heading = Some("files");
    for file in &report.files {
        page.heading(&mut heading)?;
        file_lines(file, page)?;
    }
    Ok(())
}

fn file_lines(file: &FileReport, page: &mut Page) -> io::Result<()> {
    let verdict = file.verdict();
    let label = page.paint(Tone::of(verdict), &format!("{:<12}", verdict.word()));
    page.line(&format!("  {label}  {}", clipped(&file.path, NAME)))?;
    for artifact in &file.artifacts {
        let formats =
            if artifact.formats.is_empty() { "no known format".to_owned() } else { artifact.formats.join(", ") };
        let member =
            artifact.path.get(1..).filter(|p| !p.is_empty()).map_or_else(String::new, |p| format!("{}: ", p.join(":")));
        let by = if artifact.scanners.is_empty() { "nothing".to_owned() } else { artifact.scanners.join(", ") };
        let text = format!("{}{formats}, {}, seen by {by}", clipped(&member, NAME), size(artifact.size));
        page.paragraph(4, 6, &printable(&text))?;
        if let Some(sha256) = &artifact.sha256 {
            page.line(&format!("      sha256: {}", crate::hex(sha256)))?;
        }
        let (read, fuel) = (size(artifact.bytes_read), artifact.fuel);
        page.line(&format!("      plugins read {read} and burnt {fuel} of fuel"))?;
        for (key, value) in &artifact.facts {
            page.line(&format!("      {}: {}", clipped(key, NAME), clipped(&value.to_string(), NAME)))?;
        }
        for (plugin, message) in &artifact.log {
            page.line(&format!("      log of {}: {}", clipped(plugin, NAME), clipped(message, findings::MESSAGE)))?;
        }
    }
    Ok(())
}

/// Says how many of `all` were not shown.
fn more(all: usize, shown: usize, what: &str, page: &mut Page) -> io::Result<()> {
    match all.saturating_sub(shown) {
        0 => Ok(()),
        rest => page.line(format!("  ... and {rest} more {what}").trim_end()),
    }
}

fn footer(summary: &Summary, report: &ScanReport, options: &TextOptions, page: &mut Page) -> io::Result<()> {
    let mut parts = Vec::new();
    if summary.verdict() != Verdict::Clean && summary.files > 0 {
        parts.push(format!(
            "{}, {} in {}",
            count(summary.files, "file"),
            size(summary.bytes),
            duration(report.duration)
        ));
    }
    let unknown = summary.verdicts(Verdict::Unrecognised);
    // The other two headlines have said so.
    if unknown > 0 && !matches!(summary.verdict(), Verdict::Clean | Verdict::Unrecognised) {
        parts.push(format!("{unknown} of no known format"));
    }
    let notes = summary.findings(Severity::Info);
    if notes > 0 && !options.verbose {
        let shown_by = format!("{}: --verbose shows {}", count(notes, "note"), if notes == 1 { "it" } else { "them" });
        parts.push(shown_by);
    }
    if summary.accepted > 0 && !options.verbose {
        let them = if summary.accepted == 1 { "it" } else { "them" };
        parts.push(format!("{}: --verbose shows {them}", count(summary.accepted, "accepted finding")));
    }
    if parts.is_empty() || options.quiet {
        return Ok(());
    }
    if summary.verdict() != Verdict::Clean {
        page.line("")?;
    }
    let text = page.paint(Tone::Dim, &parts.join("; "));
    page.line(&text)
}

#[cfg(test)]
mod tests;
