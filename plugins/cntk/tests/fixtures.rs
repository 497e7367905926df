//! The plugin on fixtures/cntk.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::Plugin;
use modelaudit_plugin::testing::conformance;
use modelaudit_plugin_cntk::Cntk;

#[test]
fn labels_hold() {
    labels::check::<Cntk>("cntk");
}

/// Version 2 has no magic, so its files must be known by their content, and the files of other formats must not.
#[test]
fn dictionaries_are_known() {
    let folder = labels::fixtures().join("cntk");
    for row in labels::rows(&folder) {
        let [file, format, ..] = row.as_slice() else { panic!("row {row:?}") };
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let head = &bytes[..bytes.len().min(4096)];
        let expected = format == "cntk-v2" && file != "not_cntk.dnn";
        // An entry that goes on beyond the end of the file may be anything; those files are known by their names.
        if !file.starts_with("cut") {
            assert_eq!(!Cntk::probe(head, bytes.len() as u64).is_empty(), expected, "{file}");
        }
    }
    for folder in ["onnx", "tensorflow", "coreml", "paddle", "pickle", "safetensors", "corpus/other"] {
        for entry in std::fs::read_dir(labels::fixtures().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                let found = Cntk::probe(&bytes[..bytes.len().min(4096)], bytes.len() as u64);
                assert!(found.is_empty(), "{}", path.display());
            }
        }
    }
}

#[test]
fn arrays_and_facts_are_named() {
    let folder = labels::fixtures().join("cntk");
    let report = labels::scan_file::<Cntk>(&folder.join("model.dnn"), "cntk-v2");
    let tensors: Vec<(&str, &str, &[u64], u64)> =
        report.tensors.iter().map(|t| (t.name.as_str(), t.dtype.as_str(), t.shape.as_slice(), t.at.length)).collect();
    assert_eq!(tensors, [("W", "f32", &[2, 3][..], 24), ("b", "f64", &[2][..], 16)]);
    assert_eq!((report.fact("cntk_functions"), report.fact("cntk_root")), (Some("2"), Some("\"Plus5\"")));
    let report = labels::scan_file::<Cntk>(&folder.join("legacy.dnn"), "cntk");
    assert_eq!(report.tensors.len(), 1, "{report:?}");
    assert_eq!((report.tensors[0].shape.as_slice(), report.tensors[0].at.length), (&[2, 3][..], 24));
    assert_eq!((report.fact("cntk_version"), report.fact("cntk_nodes")), (Some("28"), Some("3")));
}

#[test]
fn small_files_hold_the_contract() {
    for (file, format) in [
        ("python_code.model", "cntk-v2"),
        ("native_share.model", "cntk-v2"),
        ("tail.model", "cntk-v2"),
        ("large.model", "cntk-large"),
        ("legacy.dnn", "cntk"),
        ("legacy_command.cmf", "cntk"),
    ] {
        conformance::<Cntk>(file, &std::fs::read(labels::fixtures().join("cntk").join(file)).unwrap(), format);
    }
}
