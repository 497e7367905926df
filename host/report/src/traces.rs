//! What bent the verdict, said in words: the traces that the policy leaves, and what is missing beside the files.
//!
//! Every format shows them, so that nobody takes a bent verdict for a plain one.

use modelaudit_engine::model::{Acceptance, BaselineState, FileReport, Finding, ScanReport, Severity};

use crate::amount::count;

/// Names that are listed in one sentence; the rest is counted.
const LISTED: usize = 20;

/// What a trace is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The user's settings: `--strict`, severities, suppressions, a baseline.
    Policy,
    /// Something was left out of the scan on the user's word.
    LeftOut,
    /// Shards of a model that are not there.
    MissingShards,
    /// Files with the bytes of another.
    Duplicates,
}

impl Subject {
    /// Its stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::LeftOut => "left-out",
            Self::MissingShards => "missing-shards",
            Self::Duplicates => "duplicates",
        }
    }
}

/// One sentence. Paths and patterns in it are as they are, not escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What it is about.
    pub subject: Subject,
    /// Without a full stop, in lower case.
    pub text: String,
}

/// All traces: the policy first, then what was left out, then what is missing.
pub fn traces(report: &ScanReport) -> Vec<Trace> {
    let mut traces = policy(report);
    traces.extend(left_out(report));
    for family in report.families.iter().filter(|f| !f.missing.is_empty() || (f.present.len() as u64) < f.expected) {
        let missing = family.expected.saturating_sub(family.present.len() as u64).max(family.missing.len() as u64);
        let text = format!(
            "{}: {missing} of {} are missing: {}",
            family.name,
            count(family.expected, "shard"),
            listed(&family.missing, missing)
        );
        traces.push(Trace { subject: Subject::MissingShards, text: text.trim_end_matches([':', ' ']).to_owned() });
    }
    let copies: Vec<_> =
        report.files.iter().filter_map(|f| Some(format!("{} = {}", f.path, f.duplicate_of.as_ref()?))).collect();
    if !copies.is_empty() {
        let n = copies.len() as u64;
        let have = if n == 1 { "has" } else { "have" };
        let text = format!("{} {have} the bytes of another: {}", count(n, "file"), listed(&copies, n));
        traces.push(Trace { subject: Subject::Duplicates, text });
    }
    traces
}

fn findings(report: &ScanReport) -> impl Iterator<Item = &Finding> {
    report.files.iter().flat_map(FileReport::findings).map(|(_, finding)| finding)
}

fn policy(report: &ScanReport) -> Vec<Trace> {
    let policy = &report.policy;
    let number = |fits: &dyn Fn(&Finding) -> bool| findings(report).filter(|f| fits(f)).count() as u64;
    let mut texts = Vec::new();
    if let Some(path) = &policy.config {
        texts.push(format!("settings are from {path}"));
    }
    if policy.fail_on != Severity::Warning {
        texts.push(format!("the exit code is 1 from severity {} on", policy.fail_on.word()));
    }
    if policy.strict {
        texts.push("strict: code that nobody reviewed is a warning".to_owned());
    }
    if policy.strict_license {
        texts.push("strict licences: terms that forbid or restrict use are warnings".to_owned());
    }
    let changed = number(&|f| f.ruling.original_severity.is_some());
    if !policy.severity.is_empty() || changed > 0 {
        let set = if policy.severity.is_empty() {
            String::new()
        } else {
            format!(" by {}", listed(&policy.severity, policy.severity.len() as u64))
        };
        texts.push(format!("{} with another severity than the plugin gave{set}", count(changed, "finding")));
    }
    for pattern in &policy.suppress {
        let accepted =
            number(&|f| matches!(&f.ruling.accepted, Some(Acceptance::Suppression { pattern: p, .. }) if p == pattern));
        texts.push(format!("{} accepted by the suppression {pattern}", count(accepted, "finding")));
    }
    if let Some(path) = &policy.baseline {
        let accepted = number(&|f| matches!(f.ruling.accepted, Some(Acceptance::Baseline { .. })));
        let new = number(&|f| f.ruling.baseline == Some(BaselineState::New));
        texts.push(format!("{} accepted by the baseline {path}, {new} not in it", count(accepted, "finding")));
    }
    texts.into_iter().map(|text| Trace { subject: Subject::Policy, text }).collect()
}

fn left_out(report: &ScanReport) -> Vec<Trace> {
    let policy = &report.policy;
    let mut texts = Vec::new();
    if !policy.not_run.is_empty() {
        let n = policy.not_run.len() as u64;
        texts.push(format!("{} not run: {}", count(n, "plugin"), listed(&policy.not_run, n)));
    }
    if !policy.exclude.is_empty() || !policy.excluded.is_empty() {
        let n = policy.excluded.len() as u64;
        let by = if policy.exclude.is_empty() {
            String::new()
        } else {
            format!(" by {}", listed(&policy.exclude, policy.exclude.len() as u64))
        };
        let names = if n == 0 { String::new() } else { format!(": {}", listed(&policy.excluded, n)) };
        texts.push(format!("{} left out{by}{names}", count(n, "path")));
    }
    texts.into_iter().map(|text| Trace { subject: Subject::LeftOut, text }).collect()
}

/// The first names, and how many more there are.
fn listed(names: &[String], all: u64) -> String {
    let shown = names.len().min(LISTED);
    let rest = all.saturating_sub(shown as u64);
    let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    names[..shown].join(", ") + &more
}

/// Why a finding does not count, in words; None if it does.
pub fn acceptance(finding: &Finding) -> Option<String> {
    Some(match finding.ruling.accepted.as_ref()? {
        Acceptance::Suppression { pattern, origin } => format!("accepted by the suppression {pattern} ({origin})"),
        Acceptance::Baseline { path } => format!("accepted by the baseline {path}"),
    })
}

/// What the policy made of a finding, in words; empty if nothing.
pub fn ruling(finding: &Finding) -> String {
    let mut words: Vec<String> = Vec::new();
    if let Some(severity) = finding.ruling.original_severity {
        words.push(format!("{} before the policy", severity.word()));
    }
    words.extend(acceptance(finding));
    if finding.ruling.baseline == Some(BaselineState::New) {
        words.push("not in the baseline".to_owned());
    }
    words.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn a_plain_scan_has_no_traces() {
        assert_eq!(traces(&samples::report(vec![samples::critical(), samples::clean()], true)), []);
    }

    #[test]
    fn each_setting_is_told_once() {
        let told: Vec<_> = traces(&samples::everything()).into_iter().map(|t| (t.subject.id(), t.text)).collect();
        let expected = [
            ("policy", "settings are from modelaudit.toml"),
            ("policy", "strict: code that nobody reviewed is a warning"),
            ("policy", "1 finding with another severity than the plugin gave by ACME-001=warning"),
            ("policy", "1 finding accepted by the suppression S2*@models/old/*"),
            ("policy", "0 findings accepted by the suppression S999"),
            ("policy", "1 finding accepted by the baseline baseline.json, 5 not in it"),
            ("left-out", "1 plugin not run: network"),
            ("left-out", "2 paths left out by *.md: README.md, docs/a.md"),
            (
                "missing-shards",
                "models/big-*-of-00003.safetensors: 1 of 3 shards are missing: models/big-00002-of-00003.safetensors",
            ),
            ("duplicates", "1 file has the bytes of another: models/copy.pkl = models/clean.pkl"),
        ];
        assert_eq!(told, expected.map(|(subject, text)| (subject, text.to_owned())));
    }

    #[test]
    fn long_lists_are_counted() {
        let mut report = samples::report(vec![], false);
        report.policy.not_run = (0..50).map(|n| format!("p{n}")).collect();
        let text = &traces(&report)[0].text;
        assert!(text.starts_with("50 plugins not run: p0, p1,") && text.ends_with("p19 and 30 more"), "{text}");
    }
}
