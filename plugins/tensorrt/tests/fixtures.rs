//! The plugin on fixtures/tensorrt and on its part of the corpus.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Memory, Report, conformance, scan_artifact};
use modelaudit_plugin_tensorrt::TensorRt;

fn scan(file: &str) -> Report {
    labels::scan_file::<TensorRt>(&labels::fixtures().join(file), "tensorrt")
}

#[test]
fn labels_hold() {
    labels::check::<TensorRt>("tensorrt");
}

#[test]
fn the_corpus_is_judged() {
    let report = scan("corpus/other/tensorrt.engine");
    assert_eq!(report.worst(), Some(Severity::Warning), "{report:?}");
    assert_eq!(report.of("S1109").len(), 1, "{report:?}");
    assert_eq!(report.of("S1109")[0].element.as_deref(), Some("/tmp/libevil_plugin.so"));
    assert!(report.incomplete.is_empty(), "{report:?}");
}

#[test]
fn facts_are_there() {
    let report = scan("tensorrt/libraries.plan");
    assert_eq!(report.fact("tensorrt_version"), Some("\"10.3.0.26\""));
    assert!(report.fact("libraries").unwrap().contains("libnvinfer_plugin.so.8"), "{report:?}");
    let report = scan("tensorrt/ultralytics.engine");
    assert_eq!(report.fact("task"), Some("\"detect\""));
    assert_eq!(report.fact("tensorrt_version"), Some("\"10.3.0.26\""));
    let child = report.child("metadata.json").unwrap();
    assert_eq!(
        (child.hint.as_str(), child.bytes.first(), child.bytes.last()),
        ("json-config", Some(&b'{'), Some(&b'}'))
    );
    assert_eq!(scan("tensorrt/kernels.engine").fact("gpu_programs"), Some("1"));
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("tensorrt");
    for file in [
        "plain.engine",
        "ultralytics.engine",
        "kernels.engine",
        "bad/plugin_inside.engine",
        "bad/wide_library.engine",
        "bad/empty.engine",
    ] {
        conformance::<TensorRt>(file, &std::fs::read(folder.join(file)).unwrap(), "tensorrt");
    }
    let corpus = std::fs::read(labels::fixtures().join("corpus/other/tensorrt.engine")).unwrap();
    conformance::<TensorRt>("tensorrt.engine", &corpus, "tensorrt");
}

#[test]
fn weights_are_not_read() {
    let mut bytes = std::fs::read(labels::fixtures().join("tensorrt/libraries.plan")).unwrap();
    bytes.resize(4 << 20, 0x5a);
    let (report, served) = scan_artifact::<TensorRt>(Memory::new("m.engine", &bytes), "tensorrt");
    assert_eq!(report.worst(), Some(Severity::Info), "{report:?}");
    assert!(served < 256 << 10, "{served} bytes read");
}
