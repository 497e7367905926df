//! The plugin on fixtures/rknn and on its part of the corpus.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::conformance;
use modelaudit_plugin_rknn::Rknn;

#[test]
fn labels_hold() {
    labels::check::<Rknn>("rknn");
}

#[test]
fn the_corpus_is_judged() {
    let report = labels::scan_file::<Rknn>(&labels::fixtures().join("corpus/other/rknn.rknn"), "rknn");
    assert_eq!(report.worst(), Some(Severity::Warning), "{report:?}");
    assert_eq!(report.of("S905").len(), 1, "{report:?}");
}

#[test]
fn small_files_hold_the_contract() {
    for file in ["model.rknn", "bad_text.rknn", "bad_tail.rknn", "encrypted.rknn"] {
        conformance::<Rknn>(file, &std::fs::read(labels::fixtures().join("rknn").join(file)).unwrap(), "rknn");
    }
}

#[test]
fn models_say_what_they_are() {
    let report = labels::scan_file::<Rknn>(&labels::fixtures().join("rknn/described.rknn"), "rknn");
    for (key, value) in [
        ("framework", "\"rknn\""),
        ("format_version", "6"),
        ("model_name", "\"resnet\""),
        ("target_platform", "[\"rk3588\"]"),
        ("operator_count", "2"),
        ("operators", "[\"Conv\",\"Relu\"]"),
    ] {
        assert_eq!(report.fact(key), Some(value), "{key}: {report:#?}");
    }
}
