//! The plugin on fixtures/tensorflow, on its part of the corpus and the real files.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_tensorflow::Tensorflow;

fn probe(bytes: &[u8]) -> Vec<String> {
    Tensorflow::probe(&bytes[..bytes.len().min(4096)], bytes.len() as u64)
}

#[test]
fn labels_hold() {
    labels::check::<Tensorflow>("tensorflow");
}

#[test]
fn the_corpus_is_judged() {
    let corpus = labels::fixtures().join("corpus");
    for row in labels::rows(&corpus) {
        let (path, label) = (row[0].as_str(), row[1].as_str());
        let severity = row.iter().find(|f| matches!(f.as_str(), "critical" | "warning")).map(String::as_str);
        let formats = probe(&std::fs::read(corpus.join(path)).unwrap());
        if !path.ends_with(".pb") {
            assert!(formats.is_empty(), "{path} is taken for {formats:?}");
            continue;
        }
        let expected = if path.ends_with("saved_model.pb") { "tf-savedmodel" } else { "tf-graphdef" };
        assert_eq!(formats, [expected], "{path}");
        let report = labels::scan_file::<Tensorflow>(&corpus.join(path), expected);
        assert_eq!(report.incomplete, [""; 0], "{path}");
        match (label, severity) {
            ("benign", _) => assert_eq!(report.findings, [], "{path}"),
            (_, Some("critical")) => assert_eq!(report.worst(), Some(Severity::Critical), "{path}: {report:#?}"),
            _ => assert_eq!(report.worst(), Some(Severity::Warning), "{path}: {report:#?}"),
        }
    }
}

#[test]
fn real_files_are_clean_and_others_are_left_alone() {
    for entry in std::fs::read_dir(labels::fixtures().join("real")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let formats = probe(&std::fs::read(&path).unwrap());
        if !name.starts_with("savedmodel__") {
            assert!(formats.is_empty(), "{name} is taken for {formats:?}");
            continue;
        }
        assert_eq!(formats, ["tf-savedmodel"], "{name}");
        let report = labels::scan_file::<Tensorflow>(&path, "tf-savedmodel");
        assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{name}: {report:#?}");
        assert!(report.fact("operators").is_some_and(|o| o.contains("MatMul")));
    }
}

#[test]
fn fixtures_are_told_by_their_content() {
    let folder = labels::fixtures().join("tensorflow");
    for row in labels::rows(&folder) {
        let bytes = std::fs::read(folder.join(&row[0])).unwrap();
        let none = ["bad/cut/", "bad/text", "bad/empty", "bad/malformed", "bad/unknown_field"]
            .iter()
            .any(|n| row[0].starts_with(n));
        if !none {
            assert_eq!(probe(&bytes), [row[1].clone()], "{}", row[0]);
        }
    }
}

#[test]
fn payloads_are_one_finding_with_their_target() {
    let report = labels::scan_file::<Tensorflow>(
        &labels::fixtures().join("tensorflow/bad/write_in_function/saved_model.pb"),
        "tf-savedmodel",
    );
    assert_eq!(report.findings.len(), 1);
    let details = &report.findings[0].details;
    assert!(
        details.contains(&("target", "/tmp/dropped".to_owned())) && details.contains(&("function", "fn".to_owned()))
    );
    let report =
        labels::scan_file::<Tensorflow>(&labels::fixtures().join("tensorflow/bad/rpc/saved_model.pb"), "tf-savedmodel");
    assert_eq!(report.findings.len(), 1, "{report:#?}");
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("tensorflow");
    for row in labels::rows(&folder) {
        let wanted = [
            "plain/",
            "frozen",
            "stripped",
            "bad/joined",
            "bad/nested_twice",
            "bad/lambda",
            "bad/debug_grpc",
            "bad/unknown_field",
        ];
        if wanted.iter().any(|w| row[0].starts_with(w)) {
            let name = row[0].rsplit('/').next().unwrap_or_default();
            conformance::<Tensorflow>(name, &std::fs::read(folder.join(&row[0])).unwrap(), &row[1]);
        }
    }
}

#[test]
fn weights_are_not_read() {
    let field = |number: u8, bytes: &[u8]| {
        let mut out = vec![number << 3 | 2];
        let mut length = bytes.len();
        while length > 127 {
            out.push(length as u8 | 128);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend_from_slice(bytes);
        out
    };
    let weights = vec![1u8; 1 << 20];
    let mut graph = Vec::new();
    for _ in 0..32 {
        let tensor = [vec![0x08, 1], field(4, &weights)].concat();
        let attribute = [field(1, b"value"), field(2, &field(8, &tensor))].concat();
        graph.extend(field(1, &[field(1, b"w"), field(2, b"Const"), field(5, &attribute)].concat()));
    }
    assert_eq!(probe(&graph), ["tf-graphdef"]);
    let (report, served) = scan_artifact::<Tensorflow>(Memory::new("m.pb", &graph), "tf-graphdef");
    assert_eq!((report.findings.len(), report.incomplete.len()), (0, 0), "{report:#?}");
    assert_eq!((report.tensors.len(), report.fact("parameters")), (32, Some("8388608")));
    assert!(served < 40 * 4096, "{served} bytes read");
}
