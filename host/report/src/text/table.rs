//! The table at the end of a report on many files: one line for each that needs a look, so that nobody has to scroll for them.

use std::cmp::Reverse;
use std::io;

use modelaudit_engine::model::{FileReport, ScanReport, Severity, Verdict};

use super::NAME;
use super::page::{Page, Tone};
use crate::amount::{count, size};
use crate::place::clipped;

/// With fewer files that need a look the report itself is short enough.
const MANY: usize = 4;
/// Rows; a table that does not fit a screen or two is none.
const ROWS: usize = 50;
/// Characters of a format's id.
const FORMAT: usize = 20;

/// Writes the table if there are many files to list.
pub fn write(report: &ScanReport, page: &mut Page) -> io::Result<()> {
    let mut files: Vec<&FileReport> = report.files.iter().filter(|f| needs_a_look(f)).collect();
    if files.len() < MANY {
        return Ok(());
    }
    files.sort_by_key(|f| Reverse(f.verdict()));
    page.heading(&mut Some("files that need a look"))?;
    let rows: Vec<[String; 4]> = files.iter().take(ROWS).map(|f| row(f)).collect();
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or_default();
    let (formats, sizes, findings) = (width(0), width(1), width(2));
    for (file, [format, bytes, found, path]) in files.iter().zip(&rows) {
        let verdict = file.verdict();
        let label = page.paint(Tone::of(verdict), &format!("{:<10}", verdict.word()));
        page.line(&format!("  {label}  {found:<findings$}  {format:<formats$}  {bytes:>sizes$}  {path}"))?;
    }
    match files.len().saturating_sub(ROWS) {
        0 => Ok(()),
        rest => page.line(&format!("  ... and {rest} more")),
    }
}

fn needs_a_look(file: &FileReport) -> bool {
    matches!(file.verdict(), Verdict::Critical | Verdict::Warning | Verdict::Incomplete)
}

/// Format, size, findings and path.
fn row(file: &FileReport) -> [String; 4] {
    // Of several formats that claim a file (all that are zip archives inside claim every zip) the one that its name ends in, else the
    // last: the plain container comes last in the order of names, and is never wrong.
    let formats = file.artifacts.first().map_or(&[][..], |a| &a.formats);
    let named = formats.iter().find(|f| file.path.rsplit('.').next().is_some_and(|end| end.eq_ignore_ascii_case(f)));
    let format = named.or(formats.last()).map_or("unknown", String::as_str);
    let number =
        |severity: Severity| file.findings().filter(|(_, f)| f.counts() && f.severity == severity).count() as u64;
    let mut found = Vec::new();
    match number(Severity::Critical) {
        0 => {}
        n => found.push(format!("{n} critical")),
    }
    match number(Severity::Warning) {
        0 => {}
        n => found.push(count(n, "warning")),
    }
    match file.gaps().count() as u64 {
        0 => {}
        n => found.push(count(n, "gap")),
    }
    [clipped(format, FORMAT).into_owned(), size(file.size), found.join(", "), clipped(&file.path, NAME).into_owned()]
}
