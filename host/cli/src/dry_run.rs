//! `modelaudit scan --dry-run`: what would be scanned, by what, and how large it is.

use std::io::{self, Write};

use anyhow::{Result, bail};
use modelaudit_engine::{Plan, PlannedFile, Scanner, Target};
use modelaudit_report::amount::{count, size};
use modelaudit_report::place::{clipped, printable};
use modelaudit_report::{Format, json};
use serde::Serialize;

use crate::outputs::Outputs;

/// Characters of a list of names that are shown.
const NAMES: usize = 60;

#[derive(Serialize)]
struct Report<'a> {
    dry_run: bool,
    tool: Tool,
    file_count: usize,
    total_bytes: u64,
    #[serde(flatten)]
    plan: &'a Plan,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

/// Writes the plan. The exit code is 2 if something could not be scanned, otherwise 0: nothing was looked for.
pub fn run(scanner: &Scanner, targets: &[Target], outputs: &Outputs) -> Result<u8> {
    let Some((format @ (Format::Text | Format::Json), output)) = outputs.only() else {
        bail!("--dry-run writes one report, as text or json; leave the other formats away");
    };
    let plan = scanner.plan(targets);
    let total = plan.files.iter().map(|f| f.size).fold(0, u64::saturating_add);
    output.write(|out| match format {
        Format::Json => {
            let tool = Tool { name: "modelaudit", version: modelaudit_report::VERSION };
            let report = Report { dry_run: true, tool, file_count: plan.files.len(), total_bytes: total, plan: &plan };
            json::pretty(&report, out)
        }
        _ => text(&plan, total, out),
    })?;
    Ok(if plan.errors.is_empty() { 0 } else { 2 })
}

fn text(plan: &Plan, total: u64, out: &mut dyn Write) -> io::Result<()> {
    let stdin = if plan.standard_input { " and standard input" } else { "" };
    let files = count(plan.files.len() as u64, "file");
    writeln!(out, "DRY RUN  {files}{stdin} would be scanned, {}; nothing was", size(total))?;
    let rows: Vec<[String; 3]> = plan.files.iter().map(row).collect();
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or_default();
    let (sizes, scanners) = (width(0), width(1));
    if !rows.is_empty() {
        writeln!(out)?;
    }
    for [size, scanner, path] in &rows {
        writeln!(out, "  {size:>sizes$}  {scanner:<scanners$}  {path}")?;
    }
    for (title, names) in [("analysers of every file", &plan.analysers), ("switched off", &plan.not_run)] {
        if !names.is_empty() {
            writeln!(out, "\n{title}\n  {}", printable(&names.join(", ")))?;
        }
    }
    if !plan.excluded.is_empty() {
        writeln!(out, "\nleft out")?;
    }
    plan.excluded.iter().try_for_each(|name| writeln!(out, "  {}", printable(name)))?;
    if !plan.errors.is_empty() {
        writeln!(out, "\nerrors")?;
    }
    plan.errors.iter().try_for_each(|e| writeln!(out, "  {}: {}", printable(&e.path), printable(&e.message)))
}

/// Size, scanners and path of a file.
fn row(file: &PlannedFile) -> [String; 3] {
    let mut who = file.scanners.join(", ");
    if !file.switched_off.is_empty() {
        let off = format!("{} (off)", file.switched_off.join(", "));
        who = if who.is_empty() { off } else { format!("{who}, {off}") };
    }
    if who.is_empty() {
        who = "analysers only".to_owned();
    }
    if file.by_name {
        who += " (by name)";
    }
    [size(file.size), clipped(&who, NAMES).into_owned(), printable(&file.path).into_owned()]
}
