//! The plugin on fixtures/torch7.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::testing::{Memory, conformance, scan, scan_artifact};
use modelaudit_plugin_torch7::Torch7;

#[test]
fn labels_hold() {
    labels::check::<Torch7>("torch7");
}

#[test]
fn the_command_is_shown() {
    let report = labels::scan_file::<Torch7>(&labels::fixtures().join("torch7/function_execute.t7"), "torch7");
    assert!(report.findings[0].details.iter().any(|(k, v)| *k == "commands" && v.contains("echo pwned")), "{report:?}");
}

#[test]
fn small_files_hold_the_contract() {
    for file in ["model.t7", "model_ascii.t7", "function_execute.t7", "function_ascii.t7", "bad_type.t7"] {
        conformance::<Torch7>(file, &std::fs::read(labels::fixtures().join("torch7").join(file)).unwrap(), "torch7");
    }
}

#[test]
fn storages_are_not_read() {
    let mut bytes = Vec::new();
    for part in [4i32, 1, 3] {
        bytes.extend(part.to_le_bytes());
    }
    bytes.extend(b"V 1\x13\0\0\0torch.DoubleStorage");
    bytes.extend((1u64 << 20).to_le_bytes());
    bytes.resize(bytes.len() + (8 << 20), 1);
    let (report, served) = scan_artifact::<Torch7>(Memory::new("x.t7", &bytes), "torch7");
    assert!(report.incomplete.is_empty() && report.findings.is_empty(), "{report:?}");
    assert!(served < 1 << 20, "{served}");
}

#[test]
fn deep_nesting_needs_no_stack() {
    let mut bytes = Vec::new();
    for index in 1..1_100_000i32 {
        for part in [3, index, 1] {
            bytes.extend(part.to_le_bytes());
        }
    }
    assert_eq!(scan::<Torch7>(&bytes, "torch7").incomplete.len(), 1);
}

#[test]
fn other_data_is_left_alone() {
    let report = scan::<Torch7>(b"\x03\0\0\0\x01\0\0\0\x05\0\0\0\x02\0\0\0\x09\0\0\0\xff\xff\xff\xff", "torch7");
    assert!(report.incomplete.is_empty() && report.findings.is_empty(), "{report:?}");
}
