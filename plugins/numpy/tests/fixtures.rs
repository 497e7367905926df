//! The plugin on fixtures/numpy, on its part of the corpus and on real arrays.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};
use modelaudit_plugin::{Severity, Span};
use modelaudit_plugin_numpy::Numpy;

#[test]
fn labels_hold() {
    labels::check::<Numpy>("numpy");
}

#[test]
fn the_corpus_is_judged() {
    let corpus = labels::fixtures().join("corpus");
    for row in labels::rows(&corpus) {
        let (path, label) = (row[0].as_str(), row[1].as_str());
        if !path.ends_with(".npy") {
            continue;
        }
        let report = labels::scan_file::<Numpy>(&corpus.join(path), "numpy");
        match label {
            "benign" => assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{path}: {report:#?}"),
            // A pickle under another name: no array.
            _ if path.starts_with("renamed/") => assert_eq!(report.incomplete.len(), 1),
            _ if path.contains("/obj_") => {
                assert!(report.children.iter().any(|c| c.hint == "pickle"), "{path}: {report:#?}")
            }
            _ => assert_eq!(report.worst(), Some(Severity::Warning), "{path}: {report:#?}"),
        }
    }
}

#[test]
fn real_arrays_are_clean() {
    let report =
        labels::scan_file::<Numpy>(&labels::fixtures().join("real/npy_object__numpy__py3-objarr.npy"), "numpy");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:#?}");
    assert_eq!(report.children.len(), 1);
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("numpy");
    for file in [
        "float.npy",
        "nested.npy",
        "appended.npy",
        "objects_in_field.npy",
        "version3.npy",
        "bad/expression.npy",
        "bad/overflow.npy",
        "bad/tail.npy",
    ] {
        conformance::<Numpy>(file, &std::fs::read(folder.join(file)).unwrap(), "numpy");
    }
}

#[test]
fn arrays_are_named_with_their_bytes() {
    let bytes = std::fs::read(labels::fixtures().join("numpy/appended.npy")).unwrap();
    let (report, _) = scan_artifact::<Numpy>(Memory::new("a/weights.npy", &bytes), "numpy");
    let names: Vec<&str> = report.tensors.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["weights", "weights [2]", "weights [3]"]);
    assert_eq!(report.tensors[0].at, Span::new(128, 16));
    assert_eq!(report.tensors[1].dtype, "u8");
    assert_eq!(report.tensors[2].at.end(), bytes.len() as u64);
    assert_eq!(report.fact("array_count"), Some("3"));
}

#[test]
fn a_large_array_is_not_read() {
    let mut bytes = std::fs::read(labels::fixtures().join("numpy/float.npy")).unwrap();
    let header = String::from_utf8_lossy(&bytes[10..128]).replace("(4,), }       ", "(8000000,), } ");
    bytes.splice(10..128, header.bytes());
    bytes.resize(128 + 32_000_000, 1);
    let (report, served) = scan_artifact::<Numpy>(Memory::new("x.npy", &bytes), "numpy");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:?}");
    assert_eq!(report.tensors[0].shape, [8_000_000]);
    assert!(served < 4096, "{served}");
}
