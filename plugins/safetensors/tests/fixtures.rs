//! The plugin on fixtures/safetensors, on its part of the corpus, and on files that are too large to keep.

mod labels;
mod sparse;

use std::fmt::Write as _;

use modelaudit_plugin::testing::{Memory, conformance, scan, scan_artifact};
use modelaudit_plugin::{Plugin, Severity, Span};
use modelaudit_plugin_safetensors::Safetensors;

#[test]
fn labels_hold() {
    labels::check::<Safetensors>("safetensors");
}

#[test]
fn the_corpus_is_judged() {
    let corpus = labels::fixtures().join("corpus");
    for row in labels::rows(&corpus) {
        let (path, label) = (row[0].as_str(), row[1].as_str());
        if !path.ends_with(".safetensors") {
            continue;
        }
        let report = labels::scan_file::<Safetensors>(&corpus.join(path), "safetensors");
        let loud = report.worst() >= Some(Severity::Warning);
        // Strings that another analyser judges, and pickles that another plugin finds.
        let others = path.starts_with("secrets/")
            || path.starts_with("c2/")
            || path.contains("pickle")
            || path.starts_with("renamed/");
        match label {
            "benign" => assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{path}: {report:#?}"),
            _ if others => {}
            _ => assert!(loud, "{path}: {report:#?}"),
        }
    }
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("safetensors");
    for file in [
        "plain.safetensors",
        "all_dtypes.safetensors",
        "kohya.safetensors",
        "bad/gap.safetensors",
        "bad/overlap.safetensors",
        "bad/meta_not_text.safetensors",
        "bad/json_deep.safetensors",
    ] {
        conformance::<Safetensors>(file, &std::fs::read(folder.join(file)).unwrap(), "safetensors");
    }
    for file in ["index/plain.safetensors.index.json", "index/traversal.safetensors.index.json"] {
        conformance::<Safetensors>(file, &std::fs::read(folder.join(file)).unwrap(), "safetensors-index");
    }
}

fn many(count: usize) -> Vec<u8> {
    let mut header = String::from("{\"__metadata__\":{\"format\":\"pt\"}");
    for n in 0..count {
        let _ = write!(
            header,
            ",\"model.layers.{n}.self_attn.q_proj.weight\":{{\"dtype\":\"BF16\",\"shape\":[2,1],\"data_offsets\":[{},{}]}}",
            4 * n,
            4 * n + 4
        );
    }
    header.push('}');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.bytes());
    file.resize(file.len() + 4 * count, 0x3c);
    file
}

#[test]
fn a_large_header_is_read_once() {
    let file = many(200_000);
    let (report, served) = scan_artifact::<Safetensors>(Memory::new("m.safetensors", &file), "safetensors");
    assert_eq!(report.findings, []);
    assert_eq!(report.incomplete, [""; 0]);
    assert_eq!(report.tensors.len(), 200_000);
    assert_eq!(report.fact("parameters"), Some("400000"));
    assert_eq!(report.fact("dtypes"), Some("[\"bf16\"]"));
    let header = file.len() as u64 - 800_000;
    assert!(served < header + (1 << 20), "{served} of {header}");
}

#[test]
fn tensors_are_named_with_their_bytes() {
    let file = many(3);
    let report = scan::<Safetensors>(&file, "safetensors");
    let tensor = &report.tensors[2];
    assert_eq!(tensor.name, "model.layers.2.self_attn.q_proj.weight");
    assert_eq!((tensor.dtype.as_str(), tensor.shape.as_slice()), ("bf16", [2, 1].as_slice()));
    assert_eq!(tensor.at, Span::new(file.len() as u64 - 4, 4));
}

#[test]
fn hidden_bytes_are_handed_on() {
    let folder = labels::fixtures().join("safetensors/bad");
    let report = labels::scan_file::<Safetensors>(&folder.join("tail.safetensors"), "safetensors");
    assert_eq!(report.child("trailing data").unwrap().bytes, b"hidden tail");
    let report = labels::scan_file::<Safetensors>(&folder.join("gap.safetensors"), "safetensors");
    assert_eq!(report.children[0].bytes.len(), 32);
    let report = labels::scan_file::<Safetensors>(&folder.join("header_is_pickle.safetensors"), "safetensors");
    assert_eq!(report.child("header").unwrap().hint, "pickle");
    assert!(report.child("header").unwrap().bytes.starts_with(b"\x80\x02"));
}

#[test]
fn other_formats_with_the_same_first_bytes_are_left_alone() {
    let mut bytes = 100_000u64.to_le_bytes().to_vec();
    bytes.extend(b"{\x00\x01\x02 binary");
    bytes.resize(4096, 7);
    let (report, _) = scan_artifact::<Safetensors>(Memory::new("x.bin", &bytes), "safetensors");
    assert_eq!((report.findings.len(), report.incomplete.len()), (0, 0));
    let (report, _) = scan_artifact::<Safetensors>(Memory::new("x.safetensors", &bytes), "safetensors");
    assert_eq!(report.worst(), Some(Severity::Warning));
}

#[test]
fn shards_that_are_missing_are_a_fact() {
    let bytes = std::fs::read(labels::fixtures().join("safetensors/index/plain.safetensors.index.json")).unwrap();
    let beside = |names: &[&str]| {
        let artifact = Memory::new("m/model.safetensors.index.json", &bytes).siblings(names);
        scan_artifact::<Safetensors>(artifact, "safetensors-index").0
    };
    assert_eq!(beside(&["config.json"]).findings, []);
    assert_eq!(beside(&["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]).findings, []);
    let report = beside(&["model-00001-of-00002.safetensors"]);
    assert_eq!(report.worst(), Some(Severity::Info));
    assert_eq!(report.fact("shard_count"), Some("2"));
}

#[test]
fn indexes_are_told_by_their_content() {
    assert_eq!(Safetensors::probe(b"{\"metadata\": {}, \"weight_map\": {", 40), ["safetensors-index"]);
    assert!(Safetensors::probe(b"{\"metadata\": {}", 40).is_empty());
    assert!(Safetensors::probe(b"the \"weight_map\"", 40).is_empty());
    assert!(Safetensors::probe(b"", 0).is_empty());
}

#[test]
fn a_gigabyte_is_read_in_headers_only() {
    let bytes = sparse::GIGABYTE;
    let header = format!(
        "{{\"__metadata__\":{{\"format\":\"pt\"}},\"w\":{{\"dtype\":\"U8\",\"shape\":[{bytes}],\"data_offsets\":[0,{bytes}]}}}}"
    );
    let mut head = (header.len() as u64).to_le_bytes().to_vec();
    head.extend(header.bytes());
    let file = sparse::Sparse::new("m.safetensors", head.len() as u64 + bytes).put(0, &head);
    let outcome = sparse::is_clean_and_read_up_to::<Safetensors>(&file, "safetensors", 64 << 10);
    assert_eq!(outcome.tensors, [("w".to_owned(), bytes)]);
}

#[test]
fn whose_tensors_they_are_is_a_fact() {
    assert_eq!(scan::<Safetensors>(&many(1), "safetensors").fact("framework"), Some("\"pytorch\""));
}
