use super::*;
use crate::place::is_unsafe;
use crate::samples;
use serde_json::Value;

fn text(report: &ScanReport, verbose: bool) -> String {
    let mut out = Vec::new();
    write(report, &JsonOptions { verbose }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn value(report: &ScanReport, verbose: bool) -> Value {
    serde_json::from_str(&text(report, verbose)).unwrap()
}

#[test]
fn golden_reports() {
    // Validated against the schema by tests/tests/schema.rs, where the validator is a dependency anyway.
    for (name, report, verbose) in [
        ("everything.json", samples::everything(), false),
        ("everything-verbose.json", samples::everything(), true),
        ("hostile.json", samples::report(vec![samples::hostile()], true), true),
        ("nothing.json", samples::report(vec![], false), false),
        ("clean.json", samples::report(vec![samples::clean()], false), false),
    ] {
        samples::assert_golden(name, text(&report, verbose).replace(crate::VERSION, "[VERSION]").as_bytes());
    }
}

#[test]
fn the_names_of_the_field() {
    let report = value(&samples::report(vec![samples::warning()], false), false);
    let issue = &report["issues"][0];
    assert_eq!(issue["location"], "models/a.zip:data.pkl (pos 45)");
    assert_eq!(issue["rule_code"], "ACME-001");
    assert_eq!(issue["type"], "acme_check");
    assert_eq!(issue["severity"], "warning");
    assert_eq!(issue["details"]["opcode"], "REDUCE");
    assert_eq!(issue["plugin"]["origin"]["path"], "plugins/acme.wasm");
    assert_eq!(report["assets"][0]["type"], "zip");
    assert_eq!(report["assets"][0]["contents"][0]["path"], "data.pkl");
    assert_eq!(report["file_metadata"]["models/a.zip"]["file_hashes"]["sha256"], "01".repeat(32));
    assert_eq!((&report["success"], &report["has_errors"]), (&Value::Bool(true), &Value::Bool(false)));
}

#[test]
fn a_missing_path_is_in_the_report() {
    let report = value(&samples::report(vec![], true), false);
    assert_eq!(report["errors"][0]["path"], "nosuch.pkl");
    assert_eq!((&report["success"], &report["has_errors"]), (&Value::Bool(false), &Value::Bool(true)));
    assert_eq!((&report["verdict"], &report["exit_code"]), (&"incomplete".into(), &2.into()));
}

#[test]
fn incomplete_coverage_is_no_success() {
    let report = value(&samples::report(vec![samples::gap(), samples::critical()], false), false);
    assert_eq!((&report["success"], &report["has_errors"]), (&Value::Bool(false), &Value::Bool(false)));
    assert_eq!(report["files"][0]["coverage"]["complete"], false);
    assert_eq!(report["files"][0]["coverage"]["gaps"][0]["reason"], "stream breaks off at offset 17");
    assert_eq!(report["file_metadata"]["models/trunc.pkl"]["scan_outcome"], "inconclusive");
}

#[test]
fn checks_add_up() {
    for verbose in [false, true] {
        let report = value(&samples::everything(), verbose);
        let number = |key: &str| report[key].as_u64().unwrap();
        assert_eq!(number("total_checks"), number("passed_checks") + number("failed_checks"));
        assert_eq!(number("failed_checks"), number_of(&report, "critical") + number_of(&report, "warning"));
        let listed = report["checks"].as_array().unwrap().iter().filter(|c| c["status"] == "passed").count() as u64;
        assert_eq!(listed, if verbose { number("passed_checks") } else { 0 });
    }
}

fn number_of(report: &Value, severity: &str) -> u64 {
    report["issue_counts"][severity].as_u64().unwrap()
}

#[test]
fn debug_issues_are_counted_and_shown_with_verbose() {
    let report = samples::report(vec![samples::info()], false);
    assert_eq!(value(&report, false)["issues"].as_array().unwrap().len(), 1);
    assert_eq!(value(&report, true)["issues"].as_array().unwrap().len(), 2);
    assert_eq!(number_of(&value(&report, false), "debug"), 1);
}

#[test]
fn repeated_details_are_all_kept() {
    let mut file = samples::critical();
    file.artifacts[0].findings[0].details = ["a", "b", "c"].map(|v| ("k".to_owned(), v.to_owned())).to_vec();
    let report = value(&samples::report(vec![file], false), false);
    assert_eq!(report["issues"][0]["details"]["k"], serde_json::json!(["a", "b", "c"]));
}

#[test]
fn hostile_names_are_exact_in_value_and_harmless_in_writing() {
    let report = samples::report(vec![samples::hostile()], false);
    let text = text(&report, true);
    assert!(!text.contains(|c| c != '\n' && is_unsafe(c)), "{text:?}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["files"][0]["path"], samples::HOSTILE);
    assert_eq!(report["issues"][0]["element"], samples::HOSTILE);
    let astral = "\u{e0041}x";
    let mut file = samples::clean();
    file.path = astral.to_owned();
    assert_eq!(value(&samples::report(vec![file], false), false)["files"][0]["path"], astral);
}

#[test]
fn the_content_hash_does_not_depend_on_order_or_copies() {
    let hash = |files| value(&samples::report(files, false), false)["content_hash"].clone();
    let (a, b) = (samples::clean(), samples::warning());
    let mut other = samples::clean();
    other.artifacts[0].sha256 = Some([9; 32]);
    assert_eq!(hash(vec![a.clone(), b]), hash(vec![a.clone()]));
    assert_eq!(hash(vec![a.clone(), other.clone()]), hash(vec![other.clone(), a.clone()]));
    assert_ne!(hash(vec![a.clone(), other]), hash(vec![a.clone()]));
    let mut unread = samples::clean();
    unread.artifacts[0].sha256 = None;
    assert_eq!(hash(vec![a, unread]), Value::Null);
    assert_eq!(hash(vec![]), Value::Null);
}
