//! Runs the plugin on its fixtures and on the corpus.

use std::fs;
use std::path::Path;

use modelaudit_plugin::Plugin;
use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Memory, Report, check_report, conformance, scan_artifact};
use modelaudit_plugin_sevenz::SevenZ;

fn read(file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(file);
    fs::read(path).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn scan(file: &str) -> Report {
    let bytes = read(file);
    let (report, _) = scan_artifact::<SevenZ>(Memory::new(file, &bytes), "7z");
    check_report(&SevenZ::describe(), bytes.len() as u64, &report).unwrap_or_else(|error| panic!("{file}: {error}"));
    report
}

const EVIL: &[u8] = b"\x80\x02cposix\nsystem\nX\x04\0\0\0echo\x85R.";

#[test]
fn every_fixture_is_what_its_label_says() {
    let labels = String::from_utf8(read("sevenz/labels.csv")).unwrap();
    for line in labels.lines().skip(1) {
        let [file, "7z", verdict, rules] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let report = scan(&format!("sevenz/{file}"));
        for rule in rules.split_whitespace() {
            assert!(!report.of(rule).is_empty(), "{file} lacks {rule}: {report:?}");
        }
        let other: Vec<_> = report.findings.iter().filter(|f| !rules.contains(f.rule)).collect();
        match verdict {
            "clean" => assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{file}: {report:?}"),
            "warning" => assert_eq!(report.worst(), Some(Severity::Warning), "{file}: {report:?}"),
            "incomplete" => {
                assert!(
                    !report.incomplete.is_empty() && report.worst() < Some(Severity::Warning),
                    "{file}: {report:?}"
                );
            }
            "critical" => {
                let inside = report.children.iter().any(|child| child.bytes.starts_with(EVIL));
                assert!(inside || report.worst() == Some(Severity::Critical), "{file}: {report:?}");
            }
            verdict => panic!("{file}: {verdict}"),
        }
        assert!(other.is_empty() || verdict == "warning" && rules.is_empty(), "{file}: {other:?}");
    }
}

#[test]
fn members_come_out_whole() {
    let solid = scan("sevenz/solid.7z");
    let (weights, text) = (&solid.children[0], &solid.children[1]);
    assert_eq!((weights.name.as_str(), weights.bytes.len()), ("model/data.pkl", 458));
    assert_eq!(text.bytes, b"weights are not code; ".repeat(400));
    for name in [
        "bcj_py7zr",
        "delta_py7zr",
        "bzip2_py7zr",
        "deflate_py7zr",
        "zstd_py7zr",
        "solid_py7zr",
        "stored",
        "two_folders",
    ] {
        let report = scan(&format!("sevenz/{name}.7z"));
        let contents: Vec<&[u8]> = report.children.iter().map(|child| &child.bytes[..]).collect();
        assert_eq!(contents, [&weights.bytes[..], &text.bytes], "{name}");
    }
    for name in ["lzma", "bzip2", "deflate", "packed_header", "twice_packed_header", "no_crcs", "folders_and_empties"] {
        let report = scan(&format!("sevenz/{name}.7z"));
        assert_eq!(report.children.len(), 1, "{name}");
        assert_eq!(report.children[0].bytes, weights.bytes, "{name}");
    }
    for name in ["x86", "delta_x86", "bcj2"] {
        assert_eq!(scan(&format!("sevenz/{name}.7z")).children[0].bytes, text.bytes, "{name}");
    }
    assert!(scan("sevenz/stored.7z").children.iter().all(|child| child.at.is_some()), "stored members are views");
}

#[test]
fn names_stay_readable_when_the_content_is_not() {
    let report = scan("sevenz/encrypted.7z");
    let finding = report.of("S912")[0];
    assert!(
        finding.message.contains("model/data.pkl") || format!("{finding:?}").contains("model/data.pkl"),
        "{finding:?}"
    );
    assert!(!report.incomplete.is_empty());
    assert!(!scan("sevenz/encrypted_header.7z").incomplete.is_empty());
}

#[test]
fn the_corpus_is_unpacked() {
    for (file, rule, call) in
        [("archive/pickle_inside.7z", None, &b"posix"[..]), ("pytorch/packed_7z.pt", Some("S901"), b"system")]
    {
        let report = scan(&format!("corpus/{file}"));
        assert!(report.incomplete.is_empty(), "{file}: {report:?}");
        assert!(
            report.children.iter().any(|child| child.bytes.windows(call.len()).any(|window| window == call)),
            "{file}: {report:?}"
        );
        assert_eq!(report.findings.iter().map(|f| f.rule).collect::<Vec<_>>(), Vec::from_iter(rule), "{file}");
    }
}

#[test]
fn conforms() {
    for name in [
        "solid.7z",
        "packed_header.7z",
        "stored.7z",
        "delta_x86.7z",
        "bcj2.7z",
        "zstd_py7zr.7z",
        "bzip2.7z",
        "deflate.7z",
        "folders_and_empties.7z",
        "evil_before_break.7z",
        "link_outside.7z",
        "encrypted.7z",
        "evil_gap.7z",
    ] {
        conformance::<SevenZ>(name, &read(&format!("sevenz/{name}")), "7z");
    }
}
