//! The plugin on its fixtures: pointers are incomplete with what to type, and nothing hides behind one.

use std::path::{Path, PathBuf};

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Memory, Report, conformance, scan_artifact};
use modelaudit_plugin_pointers::Pointers;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/pointers")
}

fn scan(file: &str, format: &str) -> Report {
    let bytes = std::fs::read(folder().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    scan_artifact::<Pointers>(Memory::new(file, &bytes), format).0
}

#[test]
fn own_fixtures() {
    let labels = std::fs::read_to_string(folder().join("labels.csv")).unwrap();
    let mut seen = 0;
    for line in labels.lines().skip(1) {
        let [file, format, expected, rules] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        if format.is_empty() {
            continue;
        }
        let report = scan(file, format);
        let verdict = if report.worst() == Some(Severity::Warning) { "warning" } else { "incomplete" };
        assert_eq!(verdict, expected, "{file}: {report:#?}");
        assert_eq!(report.incomplete.len(), 1, "{file}: nothing of the model was seen");
        let mut found: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
        found.sort_unstable();
        assert_eq!(found.join(" "), rules, "{file}: {report:#?}");
        seen += 1;
    }
    assert!(seen > 12, "{seen} fixtures");
}

#[test]
fn a_pointer_says_what_is_missing_and_how_to_get_it() {
    let report = scan("lfs.safetensors", "lfs-pointer");
    let oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
    let details = [("oid", oid), ("size", "4976698672"), ("command", "git lfs pull")];
    assert_eq!(report.findings[0].details, details.map(|(k, v)| (k, v.to_owned())));
    assert!(report.incomplete[0].contains("`git lfs pull`") && report.incomplete[0].contains(oid));
    let report = scan("annex.gguf", "annex-pointer");
    assert_eq!(report.fact("pointer_size"), Some("1024"));
    let report = scan("xet.bin", "xet-pointer");
    assert_eq!(report.fact("pointer_size"), Some("123456"));
}

#[test]
fn what_stands_behind_a_pointer_is_handed_on() {
    for file in ["bad/pickle_behind.pkl", "bad/far_behind.bin"] {
        let report = scan(file, "lfs-pointer");
        let child = report.child("behind-the-pointer").unwrap_or_else(|| panic!("{file}"));
        assert!(child.bytes.starts_with(b"cposix\nsystem") || child.bytes.starts_with(b"\n\n"), "{file}: {child:?}");
        assert_eq!(child.at.unwrap().end(), std::fs::metadata(folder().join(file)).unwrap().len());
    }
}

#[test]
fn conforms() {
    for (file, format) in
        [("lfs_extension.bin", "lfs-pointer"), ("xet.bin", "xet-pointer"), ("annex.gguf", "annex-pointer")]
    {
        conformance::<Pointers>(file, &std::fs::read(folder().join(file)).unwrap(), format);
    }
}
