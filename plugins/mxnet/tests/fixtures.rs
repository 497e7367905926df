//! The plugin on fixtures/mxnet and on its part of the corpus.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

mod gigabyte;

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

#[test]
fn arrays_of_a_gigabyte_are_not_read() {
    let numbers = |numbers: &[u64]| -> Vec<u8> { numbers.iter().flat_map(|n| n.to_le_bytes()).collect() };
    let mut head = numbers(&[0x112, 0, 1]);
    head.extend([0xc9, 0xfa, 0x93, 0xf9, 0, 0, 0, 0, 1, 0, 0, 0]);
    head.extend(numbers(&[1 << 28]));
    head.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let tail = [numbers(&[1, 3]), b"w_0".to_vec()].concat();
    let said = gigabyte::Gigabyte::new(head, 1 << 30, tail).scan::<Mxnet>("mxnet-params");
    assert!(said.findings.is_empty() && said.incomplete.is_empty(), "{said:?}");
    assert_eq!((said.tensors.len(), said.tensors[0].at.length), (1, 1 << 30));
    assert!(said.served < 1 << 20, "{}", said.served);
}

#[test]
fn models_say_what_they_are() {
    let folder = labels::fixtures().join("mxnet");
    let graph = labels::scan_file::<Mxnet>(&folder.join("model-symbol.json"), "mxnet-symbol");
    let facts = [
        ("framework", "\"mxnet\""),
        ("producer", "\"MXNet 1.9.0\""),
        ("operator_count", "2"),
        ("operators", "[\"FullyConnected\"]"),
    ];
    for (key, value) in facts {
        assert_eq!(graph.fact(key), Some(value), "{key}: {graph:#?}");
    }
    let parameters = labels::scan_file::<Mxnet>(&folder.join("model-0000.params"), "mxnet-params");
    for (key, value) in [("tensor_count", "2"), ("parameters", "10"), ("dtypes", "[\"f16\",\"f32\"]")] {
        assert_eq!(parameters.fact(key), Some(value), "{key}: {parameters:#?}");
    }
}
