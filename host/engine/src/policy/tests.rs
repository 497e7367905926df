//! The policy laid over a report made by hand.

use super::*;
use crate::model::{ArtifactReport, FileReport, Ruling, Span, Verdict};

const RULES: [(&str, Severity); 4] =
    [("S201", Severity::Critical), ("S216", Severity::Info), ("S902", Severity::Warning), ("S1009", Severity::Info)];

fn rules() -> Vec<Rule> {
    let rule = |(id, severity): &(&str, Severity)| Rule {
        id: (*id).to_owned(),
        title: String::new(),
        severity: *severity,
        why: String::new(),
        remedy: String::new(),
        references: vec![],
    };
    RULES.iter().map(rule).collect()
}

/// Two files, `models/a.pkl` and `models/tests/b.pkl`, with one finding of each rule.
fn report() -> ScanReport {
    let file = |path: &str| {
        let mut artifact = ArtifactReport::at(path);
        artifact.formats = vec!["pickle".to_owned()];
        artifact.sha256 = Some([7; 32]);
        artifact.findings = RULES
            .iter()
            .enumerate()
            .map(|(rule, (id, severity))| Finding {
                rule,
                message: String::new(),
                severity: *severity,
                at: Some(Span { offset: rule as u64, length: 1 }),
                element: None,
                details: vec![("spdx_id".to_owned(), "AGPL-3.0-only".to_owned())],
                plugin: 0,
                fingerprint: format!("{path} {id}"),
                ruling: Ruling::default(),
            })
            .collect();
        FileReport { path: path.to_owned(), named: false, size: 1, artifacts: vec![artifact], duplicate_of: None }
    };
    let files = vec![file("models/a.pkl"), file("models/tests/b.pkl")];
    ScanReport { files, rules: rules(), ..ScanReport::default() }
}

fn options() -> PolicyOptions {
    PolicyOptions::default()
}

fn stated(texts: &[&str]) -> Vec<Stated> {
    texts.iter().map(|t| Stated::new(*t, "--option")).collect()
}

/// What becomes of each finding: `critical`, `info was critical`, `critical accepted`; of both files.
fn ruled(options: PolicyOptions) -> (Vec<String>, Vec<String>, ScanReport) {
    let mut report = report();
    let below = report.files.iter().map(|f| (f.path.clone(), f.path["models/".len()..].to_owned())).collect();
    Ruleset::new(options, &rules(), &["pickle".to_owned()]).unwrap().apply(&mut report, &below, vec![]);
    let of = |file: &FileReport| {
        let mut findings: Vec<&Finding> = file.artifacts[0].findings.iter().collect();
        findings.sort_by_key(|f| f.rule);
        let say = |f: &&Finding| {
            let was = f.ruling.original_severity.map_or_else(String::new, |s| format!(" was {}", s.word()));
            let accepted = if f.counts() { "" } else { " accepted" };
            format!("{}{was}{accepted}", f.severity.word())
        };
        findings.iter().map(say).collect()
    };
    (of(&report.files[0]), of(&report.files[1]), report)
}

#[test]
fn without_a_policy_nothing_changes() {
    let (a, b, report) = ruled(options());
    assert_eq!(a, ["critical", "info", "warning", "info"]);
    assert_eq!(a, b);
    assert_eq!(report.exit_code(), 1);
    assert_eq!(report.policy, Policy::default());
}

#[test]
fn suppressed_findings_stay_and_do_not_count() {
    let suppress = stated(&["S201", "s900-s999@tests"]);
    let (a, b, report) = ruled(PolicyOptions { suppress, ..options() });
    assert_eq!(a, ["critical accepted", "info", "warning", "info"]);
    assert_eq!(b, ["critical accepted", "info", "warning accepted", "info"]);
    assert_eq!((report.files[0].verdict(), report.files[1].verdict()), (Verdict::Warning, Verdict::Accepted));
    assert_eq!(report.policy.suppress, ["S201", "s900-s999@tests"]);
    let Some(Acceptance::Suppression { pattern, origin }) = &report.files[0].artifacts[0].findings[0].ruling.accepted
    else {
        panic!("the trace is missing")
    };
    assert_eq!((pattern.as_str(), origin.as_str()), ("S201", "--option"));
}

#[test]
fn severities_change_and_the_narrowest_pattern_wins() {
    let severity = stated(&["S201=info", "S200-S299=debug", "S902=CRITICAL", "S902=high", "S902=low"]);
    let (a, _, report) = ruled(PolicyOptions { severity, ..options() });
    assert_eq!(a, ["info was critical", "debug was info", "info was warning", "info"]);
    assert_eq!(report.exit_code(), 0);
    let severities: Vec<_> = report.files[0].artifacts[0].findings.iter().map(|f| f.severity).collect();
    assert!(severities.is_sorted_by(|a, b| a >= b), "worst first");
}

#[test]
fn strictness_raises_facts_and_the_user_has_the_last_word() {
    let (a, _, _) = ruled(PolicyOptions { strict: true, ..options() });
    assert_eq!(a, ["critical", "warning was info", "warning", "info"]);
    let (a, _, _) = ruled(PolicyOptions { strict_license: true, ..options() });
    assert_eq!(a, ["critical", "info", "warning", "warning was info"]);
    let licences = stated(&["agpl-3.0-only=critical"]);
    let (a, _, _) = ruled(PolicyOptions { strict_license: true, licences: licences.clone(), ..options() });
    assert_eq!(a[3], "critical was info");
    let (a, _, _) = ruled(PolicyOptions { licences, ..options() });
    assert_eq!(a[3], "info", "the table is for --strict-license");
    let severity = stated(&["S216=debug"]);
    let (a, _, _) = ruled(PolicyOptions { strict: true, severity, ..options() });
    assert_eq!(a[1], "debug was info");
}

#[test]
fn the_exit_code_follows_fail_on() {
    let code = |fail_on, severity: &[&str]| {
        let severity = stated(severity);
        ruled(PolicyOptions { fail_on, severity, ..options() }).2.exit_code()
    };
    let no_critical = ["S201=info"];
    assert_eq!(code(Severity::Critical, &[]), 1);
    assert_eq!(code(Severity::Critical, &no_critical), 0);
    assert_eq!(code(Severity::Warning, &no_critical), 1);
    assert_eq!(code(Severity::Warning, &["S201=info", "S902=info"]), 0);
    assert_eq!(code(Severity::Info, &["S201=info", "S902=info"]), 1);
}

#[test]
fn a_baseline_accepts_what_it_knows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known.json");
    let mut before = report();
    before.files.truncate(1);
    std::fs::write(&path, serde_json::to_string(&baseline::of(&before)).unwrap()).unwrap();
    let (a, b, report) = ruled(PolicyOptions { baseline: Some(path.clone()), ..options() });
    assert_eq!(a, ["critical accepted", "info", "warning accepted", "info"]);
    assert_eq!(b, ["critical", "info", "warning", "info"]);
    let state = |file: usize| {
        report.files[file].artifacts[0].findings.iter().find(|f| f.rule == 0).and_then(|f| f.ruling.baseline)
    };
    assert_eq!((state(0), state(1)), (Some(BaselineState::Unchanged), Some(BaselineState::New)));
    // Written anew it holds both files, the same way each time, and nothing that is suppressed.
    assert_eq!(baseline::of(&report).len(), 4);
    let write = |report: &ScanReport| serde_json::to_string(&baseline::of(report)).unwrap();
    assert_eq!(write(&report), write(&report));
    // Nothing is known of a file without a hash: its fingerprints could be those of any other.
    let mut unread = report.clone();
    unread.files.iter_mut().for_each(|f| f.artifacts[0].sha256 = None);
    assert!(baseline::of(&unread).is_empty());
    unread.files.iter_mut().flat_map(|f| &mut f.artifacts[0].findings).for_each(|f| f.ruling = Ruling::default());
    let policy = PolicyOptions { baseline: Some(path.clone()), ..options() };
    Ruleset::new(policy, &rules(), &[]).unwrap().apply(&mut unread, &HashMap::new(), vec![]);
    assert!(unread.files.iter().flat_map(FileReport::findings).all(|(_, f)| f.counts()));
    let suppress = stated(&["S201"]);
    let (_, _, report) = ruled(PolicyOptions { baseline: Some(path), suppress, ..options() });
    assert_eq!(baseline::of(&report).len(), 2);
}

#[test]
fn what_means_nothing_is_an_error_in_one_line() {
    let error = |options: PolicyOptions| {
        let error = Ruleset::new(options, &rules(), &["pickle".to_owned()]).err().expect("it was taken").to_string();
        assert!(!error.contains('\n'), "{error}");
        error
    };
    let suppress = |text: &str| error(PolicyOptions { suppress: stated(&[text]), ..options() });
    assert_eq!(suppress("S20"), "--option: S20: there is no rule S20; did you mean S201, S216, S902?");
    assert!(suppress("ALL").contains("ALL@GLOB"));
    assert!(suppress("S201@").contains("a pattern of paths is missing"));
    assert!(suppress("S201@[").contains("is no pattern of paths"));
    let severity = |text: &str| error(PolicyOptions { severity: stated(&[text]), ..options() });
    assert!(severity("S201").contains("write RULE=LEVEL"));
    assert!(severity("S201=bad").contains("critical, warning, info or debug"));
    assert!(severity("S201=warn").contains("did you mean warning?"));
    assert!(error(PolicyOptions { only: stated(&["pikle"]), ..options() }).contains("did you mean pickle?"));
    assert!(error(PolicyOptions { exclude: stated(&[""]), ..options() }).contains("missing"));
    assert!(error(PolicyOptions { baseline: Some("/nosuch".into()), ..options() }).contains("no such file"));
}
