//! The plugin on fixtures/r-serialization.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::testing::{conformance, scan};
use modelaudit_plugin_r_serialization::RSerialization;

#[test]
fn labels_hold() {
    labels::check::<RSerialization>("r-serialization");
}

#[test]
fn the_promise_is_named_with_its_command() {
    let folder = labels::fixtures().join("r-serialization");
    for file in
        ["promise.rds", "promise_ascii.rds", "promise_native.rds", "promise_namespaced.rds", "promise_do_call.rds"]
    {
        let report = labels::scan_file::<RSerialization>(&folder.join(file), "rds");
        assert!(report.findings[0].message.contains("'system'"), "{file}: {report:?}");
        assert!(report.findings[0].details.iter().any(|(_, v)| v.contains("echo pwned")), "{file}: {report:?}");
    }
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("r-serialization");
    for file in ["promise.rds", "promise_ascii.rds", "model.rds", "bytecode.rds", "calls_system.rds"] {
        conformance::<RSerialization>(file, &std::fs::read(folder.join(file)).unwrap(), "rds");
    }
    conformance::<RSerialization>("w.rda", &std::fs::read(folder.join("workspace.rda")).unwrap(), "rdata");
}

#[test]
fn deep_nesting_needs_no_stack() {
    let mut bytes = b"X\n\0\0\0\x02\0\x04\x03\x02\0\x02\x03\0".to_vec();
    for _ in 0..300_000 {
        bytes.extend([0, 0, 0, 19, 0, 0, 0, 1]);
    }
    let report = scan::<RSerialization>(&bytes, "rds");
    assert_eq!(report.incomplete.len(), 1);
}

#[test]
fn words_that_begin_like_a_stream_are_left_alone() {
    let report = scan::<RSerialization>(b"A\n2\nB\nC\n", "rds");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:?}");
}
