//! Runs a plugin over its folder of fixtures/ and compares with labels.csv. Shared by the tensor plugins' tests.
//!
//! A label is the verdict of the whole tool. Here one plugin looks at one file, so children and other plugins' rules are left
//! out: of the expected rules those that the plugin declares must fire, and nothing that the label does not allow may.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use modelaudit_plugin::testing::{Memory, Report, check_report, scan_artifact};
use modelaudit_plugin::{Plugin, Severity};

/// The folder of all fixtures.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

/// The rows of a labels.csv as lists of fields; fields hold no commas.
pub fn rows(folder: &Path) -> Vec<Vec<String>> {
    let labels = std::fs::read_to_string(folder.join("labels.csv")).expect("labels.csv");
    labels.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// Scans one file.
pub fn scan_file<P: Plugin>(path: &Path, format: &str) -> Report {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (report, _) = scan_artifact::<P>(Memory::new(&name, &bytes), format);
    check_report(&P::describe(), bytes.len() as u64, &report).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    report
}

/// Checks every row of fixtures/<folder>; panics with a list of all that differ.
pub fn check<P: Plugin>(folder: &str) {
    let manifest = P::describe();
    let folder = fixtures().join(folder);
    let mut wrong = Vec::new();
    for row in rows(&folder) {
        let [file, format, verdict, rules] = row.as_slice() else { panic!("row {row:?}") };
        if !manifest.formats.iter().any(|f| f.id == format) {
            continue;
        }
        let report = scan_file::<P>(&folder.join(file), format);
        let expected: BTreeSet<&str> =
            rules.split(' ').filter(|rule| manifest.rules.iter().any(|known| known.id == *rule)).collect();
        let fired: BTreeSet<&str> = report.findings.iter().map(|f| f.rule).collect();
        let worst = match (report.worst(), report.incomplete.is_empty()) {
            (Some(Severity::Critical), _) => "critical",
            (Some(Severity::Warning), _) => "warning",
            (_, false) => "incomplete",
            (Some(Severity::Info), _) => "info",
            _ => "clean",
        };
        // A payload that another plugin finds in a child leaves this one's part at anything milder.
        let own_verdict =
            worst == verdict || (expected.len() < rules.split_whitespace().count() && verdict == "critical");
        if fired != expected || !own_verdict {
            wrong.push(format!(
                "{file}: expected {verdict} {expected:?}, is {worst} {fired:?} {:?} {:?}",
                report.findings, report.incomplete
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
