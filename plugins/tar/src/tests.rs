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
    let (report, _) = scan_artifact::<Tar>(Memory::new(path, &bytes), "tar");
    testing::check_report(&Tar::describe(), bytes.len() as u64, &report).unwrap_or_else(|e| panic!("{path}: {e}"));
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
    let labels = std::fs::read_to_string(fixtures().join("tar/labels.csv")).unwrap();
    let mut wrong = Vec::new();
    for line in labels.lines().skip(1) {
        let [file, _, expected, rules] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let report = scan(&format!("tar/{file}"));
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
        "posix.tar",
        "v7.tar",
        "gnu_long_name.tar",
        "pax_path.tar",
        "sparse_gnu_extended.tar",
        "sparse_pax.tar",
        "link_through_link.tar",
        "pax_size_differs.tar",
        "folder_with_size.tar",
        "bytes_between.tar",
        "absurd_size.tar",
    ] {
        let bytes = std::fs::read(fixtures().join("tar").join(file)).unwrap();
        conformance::<Tar>(file, &bytes, "tar");
    }
    conformance::<Tar>("nothing", b"", "tar");
}

#[test]
fn the_corpus_is_judged_and_handed_over() {
    let labels = std::fs::read_to_string(fixtures().join("corpus/labels.csv")).unwrap();
    let mut seen = 0;
    for line in labels.lines().skip(1) {
        let (path, rest) = line.split_once(',').unwrap();
        let b = std::fs::read(fixtures().join("corpus").join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
        if b.get(257..262) != Some(b"ustar") {
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
const CRITICAL: &[&str] = &[
    "hardlink.tar",
    "pax_slip.tar",
    "slip_dotdot.tar",
    "slip_mid.tar",
    "symlink_abs.tar",
    "symlink_rel.tar",
    "symlink_then_write.tar",
];
const WARNING: &[&str] = &[];

#[test]
#[ignore = "takes minutes"]
fn conformance_on_all() {
    for entry in std::fs::read_dir(fixtures().join("tar")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if bytes.len() < 10_000 {
            conformance::<Tar>(&path.display().to_string(), &bytes, "tar");
        }
    }
}

#[test]
#[ignore = "shows what the files of the environment variable TARS give"]
fn show() {
    for path in std::env::var("TARS").unwrap_or_default().split_whitespace() {
        let bytes = std::fs::read(path).unwrap();
        let (report, served) = scan_artifact::<Tar>(Memory::new(path, &bytes), "tar");
        println!("== {path} {} served {served} children {}", bytes.len(), report.children.len());
        for f in report.findings.iter().take(8) {
            println!("   {:?} {} {} {:?}", f.severity, f.rule, f.message, f.details);
        }
        for reason in &report.incomplete {
            println!("   incomplete {reason}");
        }
    }
}

#[test]
fn sparse_members_are_laid_out() {
    let report = scan("tar/sparse_gnu.tar");
    let laid = report.child("s.bin (laid out)").unwrap();
    assert_eq!((laid.bytes.len(), laid.bytes[1023], laid.bytes[1024]), (2048, 0, b'a'));
    let report = scan("tar/sparse_gnu_extended.tar");
    let laid = report.child("s.bin (laid out)").unwrap();
    assert_eq!((laid.bytes.len(), laid.bytes[0], laid.bytes[512], laid.bytes[4096]), (8192, b'A', 0, b'E'));
    let report = scan("tar/sparse_pax.tar");
    let laid = report.child("s.bin (laid out)").unwrap();
    assert_eq!((laid.bytes.len(), laid.bytes[0], laid.bytes[1024]), (2048, 0, b'a'));
}

#[test]
fn the_masked_magic_knows_a_v7_header() {
    let magic = crate::header::v7_magic();
    assert!(magic.bytes.len() <= 64);
    let fits = |path: &str| {
        let bytes = std::fs::read(fixtures().join(path)).unwrap();
        let at = &bytes[magic.offset as usize..];
        magic.bytes.iter().zip(&magic.mask).zip(at).all(|((byte, mask), there)| there & mask == *byte)
    };
    assert!(fits("tar/v7.tar") && fits("tar/posix.tar") && !fits("tar/labels.csv"));
}
