//! What the user's rules make of a report: severities changed, findings accepted. Runs over the finished report, so that what was
//! found is the same whatever the policy, and every change leaves its trace in [`Ruling`](crate::model::Ruling).

use crate::model::{Finding, ScanReport, Severity};
use crate::rules::UNREVIEWED;

/// Makes warnings of notes that say "this needs code which nobody reviewed".
pub fn strict(report: &mut ScanReport) {
    report.policy.strict = true;
    let rules = &report.rules;
    for finding in report.files.iter_mut().flat_map(|f| &mut f.artifacts).flat_map(|a| &mut a.findings) {
        if finding.severity == Severity::Info && UNREVIEWED.contains(&rules[finding.rule].id.as_str()) {
            change(finding, Severity::Warning);
        }
    }
}

/// Changes a severity; the first one is remembered.
fn change(finding: &mut Finding, severity: Severity) {
    finding.ruling.original_severity.get_or_insert(finding.severity);
    finding.severity = severity;
}
