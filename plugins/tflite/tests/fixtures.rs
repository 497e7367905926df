//! The plugin on fixtures/tflite, on its part of the corpus and the real files.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};
use modelaudit_plugin_tflite::Tflite;

#[test]
fn labels_hold() {
    labels::check::<Tflite>("tflite");
}

#[test]
fn the_corpus_is_judged() {
    let corpus = labels::fixtures().join("corpus");
    for row in labels::rows(&corpus) {
        let (path, label) = (row[0].as_str(), row[1].as_str());
        let severity = row.iter().find(|f| matches!(f.as_str(), "critical" | "warning")).map(String::as_str);
        if !path.ends_with(".tflite") || path.starts_with("renamed/") {
            continue;
        }
        let report = labels::scan_file::<Tflite>(&corpus.join(path), "tflite");
        match (label, severity) {
            ("benign", _) => assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{path}: {report:#?}"),
            // Programs in buffers are for the analyser of executables.
            _ if path.contains("elf_") => assert_eq!(report.incomplete, [""; 0], "{path}"),
            (_, Some("critical")) => assert_eq!(report.worst(), Some(Severity::Critical), "{path}: {report:#?}"),
            _ => assert!(report.worst() >= Some(Severity::Warning), "{path}: {report:#?}"),
        }
    }
}

#[test]
fn real_files_are_clean() {
    for entry in std::fs::read_dir(labels::fixtures().join("real")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("tflite__") {
            continue;
        }
        let report = labels::scan_file::<Tflite>(&path, "tflite");
        assert!(report.worst() <= Some(Severity::Info) && report.incomplete.is_empty(), "{name}: {report:#?}");
        assert!(!report.tensors.is_empty());
        conformance::<Tflite>(&name, &std::fs::read(&path).unwrap(), "tflite");
    }
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("tflite");
    for row in labels::rows(&folder) {
        let name = row[0].rsplit('/').next().unwrap_or_default();
        conformance::<Tflite>(name, &std::fs::read(folder.join(&row[0])).unwrap(), "tflite");
    }
}

#[test]
fn weights_are_not_read() {
    // The length of the only vector of weights grows with the file.
    let mut bytes = std::fs::read(labels::fixtures().join("tflite/plain.tflite")).unwrap();
    let weights = bytes.windows(8).position(|w| w == [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]).unwrap();
    bytes[weights - 4..weights].copy_from_slice(&(64u32 << 20).to_le_bytes());
    bytes.resize(weights + (64 << 20), 1);
    let (report, served) = scan_artifact::<Tflite>(Memory::new("m.tflite", &bytes), "tflite");
    assert_eq!((report.findings.len(), report.incomplete.len()), (0, 0), "{report:#?}");
    assert!(served < 64 << 10, "{served} bytes read");
}
