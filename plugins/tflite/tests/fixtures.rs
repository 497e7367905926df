//! The plugin on fixtures/tflite, on its part of the corpus and the real files.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;
#[path = "../../safetensors/tests/sparse/mod.rs"]
mod sparse;

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

#[test]
fn a_gigabyte_is_read_in_headers_only() {
    let mut bytes = std::fs::read(labels::fixtures().join("tflite/plain.tflite")).unwrap();
    let weights = bytes.windows(8).position(|w| w == [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]).unwrap();
    bytes[weights - 4..weights].copy_from_slice(&(sparse::GIGABYTE as u32).to_le_bytes());
    let file = sparse::Sparse::new("m.tflite", weights as u64 + sparse::GIGABYTE).put(0, &bytes);
    let outcome = sparse::is_clean_and_read_up_to::<Tflite>(&file, "tflite", 128 << 10);
    assert_eq!(outcome.tensors, [("w".to_owned(), sparse::GIGABYTE)]);
}

#[test]
fn what_runs_is_told_with_its_target() {
    let folder = labels::fixtures().join("tflite/bad");
    let report = labels::scan_file::<Tflite>(&folder.join("flex_disguised.tflite"), "tflite");
    let finding = &report.of("S1102")[0];
    assert!(finding.details.contains(&("runs", "WriteFile".to_owned())), "{finding:?}");
    assert!(finding.details.contains(&("target", "/tmp/dropped".to_owned())), "{finding:?}");
    let report = labels::scan_file::<Tflite>(&folder.join("flex_target.tflite"), "tflite");
    assert!(report.of("S1112")[0].details.contains(&("target", "/etc/passwd".to_owned())));
}

#[test]
fn facts_and_all_buffers_are_named() {
    let folder = labels::fixtures().join("tflite");
    let report = labels::scan_file::<Tflite>(&folder.join("described.tflite"), "tflite");
    for (key, value) in [
        ("framework", "\"tflite\""),
        ("format_version", "3"),
        ("license", "\"Apache-2.0\""),
        ("author", "\"A. Author\""),
        ("model_name", "\"Cats\""),
        ("operators", "[\"ADD\"]"),
        ("tensor_count", "2"),
    ] {
        assert_eq!(report.fact(key), Some(value), "{key}");
    }
    let report = labels::scan_file::<Tflite>(&folder.join("orphan_buffer.tflite"), "tflite");
    assert_eq!(report.tensors.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["w", "buffer 2"]);
}
