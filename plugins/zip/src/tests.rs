use std::collections::BTreeSet;
use std::path::PathBuf;

use modelaudit_plugin::testing::{Memory, Report, conformance, scan_artifact};
use modelaudit_plugin::{Severity, testing};

use super::*;

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn scan(path: &str) -> Report {
    let bytes = std::fs::read(fixtures().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let (report, _) = scan_artifact::<Zip>(Memory::new(path, &bytes), "zip");
    testing::check_report(&Zip::describe(), bytes.len() as u64, &report).unwrap_or_else(|e| panic!("{path}: {e}"));
    report
}

fn verdict(report: &Report) -> &'static str {
    match report.worst() {
        Some(Severity::Critical) => "critical",
        Some(Severity::Warning) => "warning",
        _ if !report.incomplete.is_empty() => "incomplete",
        Some(Severity::Info) => "info",
        _ => "clean",
    }
}

#[test]
fn fixtures_have_their_labels() {
    let labels = std::fs::read_to_string(fixtures().join("zip/labels.csv")).unwrap();
    let mut wrong = Vec::new();
    for line in labels.lines().skip(1) {
        let [file, _, expected, rules] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let report = scan(&format!("zip/{file}"));
        let found: BTreeSet<&str> = report.findings.iter().map(|f| f.rule).collect();
        if verdict(&report) != expected || found != rules.split_whitespace().collect() {
            let messages: Vec<_> = report.findings.iter().map(|f| (f.rule, f.severity, &f.message)).collect();
            wrong.push(format!("{line}: {} {messages:?} {:?}", verdict(&report), report.incomplete));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn conformance_on_good_and_bad() {
    for file in [
        "plain.zip",
        "wide_descriptor.zip",
        "torch_alignment.pt",
        "methods.zip",
        "nested_streamed.zip",
        "archive_in_comment.zip",
        "two_directories.zip",
        "names_differ.zip",
        "link_parent.zip",
        "same_bytes_many_names.zip",
        "encrypted_deflated.zip",
        "no_directory.zip",
    ] {
        let bytes = std::fs::read(fixtures().join("zip").join(file)).unwrap();
        conformance::<Zip>(file, &bytes, "zip");
    }
    conformance::<Zip>("nothing", b"", "zip");
}

#[test]
fn the_corpus_is_judged_and_handed_over() {
    let labels = std::fs::read_to_string(fixtures().join("corpus/labels.csv")).unwrap();
    let mut seen = 0;
    for line in labels.lines().skip(1) {
        let (path, rest) = line.split_once(',').unwrap();
        let b = std::fs::read(fixtures().join("corpus").join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        if !(b.starts_with(b"PK\x03\x04")) {
            continue;
        }
        seen += 1;
        let report = scan(&format!("corpus/{path}"));
        let file = path.rsplit('/').next().unwrap();
        if rest.starts_with("benign") {
            assert_eq!(verdict(&report), "clean", "{path}: {:?}", report.findings);
        }
        if CRITICAL.contains(&file) {
            assert_eq!(verdict(&report), "critical", "{path}");
        }
        if WARNING.contains(&file) {
            assert_eq!(verdict(&report), "warning", "{path}");
        }
        // What they contain is the business of other plugins, so it must reach them.
        let bare = CRITICAL.contains(&file) || file == "zip_many_entries.zip";
        assert!(bare || report.children.iter().any(|child| !child.bytes.is_empty()), "{path}");
    }
    assert!(seen > 5);
}

/// Files of the corpus that are bad as archives, whatever their members contain.
const CRITICAL: &[&str] = &["slip_mid.zip", "symlink.zip"];
const WARNING: &[&str] = &[
    "concat_two_zips.zip",
    "dup_names.zip",
    "encrypted_flag.zip",
    "no_eocd.zip",
    "zip_lying_size.zip",
    "zip_many_entries.zip",
];

#[test]
#[ignore = "takes minutes"]
fn conformance_on_all() {
    for entry in std::fs::read_dir(fixtures().join("zip")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if bytes.len() < 10_000 {
            conformance::<Zip>(&path.display().to_string(), &bytes, "zip");
        }
    }
}

#[test]
#[ignore = "shows what the files of the environment variable ZIPS give"]
fn show() {
    for path in std::env::var("ZIPS").unwrap_or_default().split_whitespace() {
        let bytes = std::fs::read(path).unwrap();
        if !bytes.starts_with(b"PK") {
            continue;
        }
        let (report, served) = scan_artifact::<Zip>(Memory::new(path, &bytes), "zip");
        println!("== {path} {} served {served} children {}", bytes.len(), report.children.len());
        for f in report.findings.iter().take(8) {
            println!("   {:?} {} {} {:?}", f.severity, f.rule, f.message, f.details);
        }
        for reason in &report.incomplete {
            println!("   incomplete {reason}");
        }
    }
}
