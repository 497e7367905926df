//! The plugin on fixtures/executorch, where `exported` holds programs that ExecuTorch wrote.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};
use modelaudit_plugin::{Severity, Span};
use modelaudit_plugin_executorch::ExecuTorch;

fn scan(file: &str, format: &str) -> modelaudit_plugin::testing::Report {
    labels::scan_file::<ExecuTorch>(&labels::fixtures().join("executorch").join(file), format)
}

#[test]
fn labels_hold() {
    labels::check::<ExecuTorch>("executorch");
}

#[test]
fn exported_programs_are_understood() {
    let report = scan("exported/linear.pte", "executorch");
    assert_eq!(report.fact("methods"), Some("[\"forward\"]"));
    assert_eq!(report.fact("operators"), Some("[\"aten::addmm.out\",\"aten::permute_copy.out\",\"aten::relu.out\"]"));
    assert_eq!(report.fact("parameters"), Some("15"), "{report:?}");
    let weights: Vec<&[u64]> = report.tensors.iter().map(|t| t.shape.as_slice()).collect();
    assert_eq!(weights, [&[3, 4][..], &[3]]);

    let report = scan("exported/mutable.pte", "executorch");
    assert!(report.tensors.iter().any(|t| t.shape == [3] && t.dtype == "f32"), "{report:?}");

    let report = scan("exported/external.pte", "executorch");
    assert_eq!(report.fact("external_data"), Some("[\"fc.bias\",\"fc.weight\"]"));
    let report = scan("exported/external.ptd", "executorch-tensors");
    assert_eq!(report.fact("tensor_count"), Some("2"), "{report:?}");
    assert!(report.tensors.iter().any(|t| t.name == "fc.weight" && t.shape == [3, 4]));

    let report = scan("exported/xnnpack.pte", "executorch");
    assert_eq!(report.fact("delegates"), Some("[\"XnnpackBackend\"]"));
    assert_eq!(report.worst(), Some(Severity::Info));
    // The delegate's graph, and its two weights by their hashes.
    let parts: Vec<u64> = report.children.iter().map(|c| c.at.unwrap().length).collect();
    assert_eq!(parts, [48, 12, 752], "{report:?}");
    assert!(report.child("delegates/0-XnnpackBackend").is_some());

    let report = scan("exported/bundle.bpte", "executorch-bundle");
    assert_eq!(report.children[0].hint, "executorch");
    assert!(report.children[0].bytes[4..].starts_with(b"ET12"));
    let report = scan("exported/methods.pte", "executorch");
    assert!(report.fact("methods").unwrap().contains("vocab"), "{report:?}");
}

#[test]
fn what_nobody_names_is_handed_on() {
    let report = scan("bad/hidden_bytes.pte", "executorch");
    assert_eq!(report.children.last().unwrap().bytes, b"bytes that no part of the program names");
    let report = scan("bad/aoti.pte", "executorch");
    assert_eq!(report.child("named_data/forward_so_blob").unwrap().bytes, b"a shared object would stand here");
    assert_eq!(report.of("S1170").len(), 1);
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("executorch");
    for row in labels::rows(&folder) {
        let name = row[0].rsplit('/').next().unwrap_or_default();
        conformance::<ExecuTorch>(name, &std::fs::read(folder.join(&row[0])).unwrap(), &row[1]);
    }
}

#[test]
fn weights_are_not_read() {
    // The last segment and the size of all segments grow with the file.
    let mut bytes = std::fs::read(labels::fixtures().join("executorch/constant.pte")).unwrap();
    let long = (64u64 << 20).to_le_bytes();
    let segment = bytes.windows(8).rposition(|w| w == 16u64.to_le_bytes()).unwrap();
    bytes[segment..segment + 8].copy_from_slice(&long);
    bytes[32..40].copy_from_slice(&long);
    let start = bytes.len() - 16;
    bytes.resize(start + (64 << 20), 1);
    let (report, served) = scan_artifact::<ExecuTorch>(Memory::new("m.pte", &bytes), "executorch");
    assert_eq!((report.findings.len(), report.incomplete.len()), (0, 0), "{report:#?}");
    assert_eq!(report.tensors[0].at, Span::new(start as u64, 16));
    assert!(served < 64 << 10, "{served} bytes read");
}
