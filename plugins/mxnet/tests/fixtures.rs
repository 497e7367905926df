//! The plugin on fixtures/mxnet and on its part of the corpus.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::testing::conformance;
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_mxnet::Mxnet;

#[test]
fn labels_hold() {
    labels::check::<Mxnet>("mxnet");
}

#[test]
fn the_corpus_is_judged() {
    let path = labels::fixtures().join("corpus/other/mxnet-symbol.json");
    let report = labels::scan_file::<Mxnet>(&path, "mxnet-symbol");
    assert_eq!((report.worst(), report.findings.len()), (Some(Severity::Warning), 1), "{report:?}");
    assert!(report.findings[0].message.contains("libevil.so"), "{report:?}");
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(Mxnet::probe(&bytes, bytes.len() as u64), ["mxnet-symbol"]);
}

#[test]
fn graphs_are_told_by_their_head() {
    let bytes = std::fs::read(labels::fixtures().join("mxnet/model-symbol.json")).unwrap();
    assert_eq!(Mxnet::probe(&bytes, bytes.len() as u64), ["mxnet-symbol"]);
    assert!(Mxnet::probe(b"{\"nodes\": [1, 2]}", 17).is_empty());
    assert!(Mxnet::probe(b"{\"learner\": {}}", 17).is_empty());
}

#[test]
fn arrays_get_their_names() {
    let path = labels::fixtures().join("mxnet/model-0000.params");
    let report = labels::scan_file::<Mxnet>(&path, "mxnet-params");
    let names: Vec<_> = report.tensors.iter().map(|t| (t.name.as_str(), t.dtype.as_str(), t.at.length)).collect();
    assert_eq!(names, [("arg:fc_weight", "f32", 24), ("aux:bn", "f16", 8)]);
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("mxnet");
    for (file, format) in [
        ("subgraph-symbol.json", "mxnet-symbol"),
        ("bad_library-symbol.json", "mxnet-symbol"),
        ("model-0000.params", "mxnet-params"),
        ("sparse.params", "mxnet-params"),
    ] {
        conformance::<Mxnet>(file, &std::fs::read(folder.join(file)).unwrap(), format);
    }
}
