use super::*;
use crate::place::is_unsafe;
use crate::samples;

fn text(report: &ScanReport, verbose: bool) -> String {
    let mut out = Vec::new();
    write(report, &JunitOptions { verbose }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn parsed(report: &ScanReport) -> Report {
    Report::deserialize_from_str(&text(report, false)).unwrap()
}

#[test]
fn golden_reports() {
    for (name, report) in
        [("junit.xml", samples::everything()), ("hostile.xml", samples::report(vec![samples::hostile()], true))]
    {
        samples::assert_golden(name, text(&report, true).replace(crate::VERSION, "[VERSION]").as_bytes());
    }
}

#[test]
fn failures_make_the_exit_code_1_and_errors_make_it_2() {
    let kinds = [
        samples::clean(),
        samples::unrecognised(true),
        samples::gap(),
        samples::info(),
        samples::accepted(),
        samples::warning(),
        samples::critical(),
    ];
    for fail_on in [Severity::Info, Severity::Warning, Severity::Critical] {
        for mask in 0..1_u32 << kinds.len() {
            for errors in [false, true] {
                let files = (0..kinds.len()).filter(|i| mask >> i & 1 == 1).map(|i| kinds[i].clone()).collect();
                let mut report = samples::report(files, errors);
                report.policy.fail_on = fail_on;
                let junit = parsed(&report);
                let expected = match (junit.failures, junit.errors) {
                    (0, 0) => 0,
                    (0, _) => 2,
                    _ => 1,
                };
                assert_eq!(report.exit_code(), expected, "{fail_on:?} {mask:b} {errors}");
            }
        }
    }
}

#[test]
fn what_is_accepted_is_skipped_with_its_reason() {
    let text = text(&samples::report(vec![samples::accepted()], false), false);
    assert!(text.contains("<skipped message=\"accepted by the suppression S2*@models/old/* (--suppress)\""), "{text}");
    assert_eq!(parsed(&samples::report(vec![samples::accepted()], false)).failures, 0);
}

#[test]
fn hostile_names_stay_text() {
    let mut report = samples::report(vec![samples::hostile()], true);
    report.errors[0].path = samples::HOSTILE.repeat(300);
    let text = text(&report, true);
    assert!(!text.contains(|c| c != '\n' && is_unsafe(c)), "{text:?}");
    assert!(!text.contains("<script"), "{text}");
    let junit = Report::deserialize_from_str(&text).unwrap();
    assert_eq!(junit.test_suites.len(), 2);
}
