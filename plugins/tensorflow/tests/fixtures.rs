//! The plugin on fixtures/tensorflow, on its part of the corpus and the real files.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;
#[path = "../../safetensors/tests/sparse/mod.rs"]
mod sparse;

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
        if path.ends_with(".index") || path.ends_with("/checkpoint") || path.ends_with(".pbtxt") {
            assert_eq!(formats.len(), 1, "{path}");
            let report = labels::scan_file::<Tensorflow>(&corpus.join(path), &formats[0]);
            let clean = report.findings.is_empty() && report.incomplete.is_empty();
            assert_eq!(clean, label == "benign", "{path}: {report:#?}");
            continue;
        }
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
        let none = ["bad/cut/", "bad/text", "bad/empty", "bad/malformed/", "bad/unknown_field", "dataset_spec"]
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
            "bad/in_parts",
            "bad/in_base64",
            "bad/reached",
            "bad/initialiser",
            "bad/python_function",
            "bad/climbs",
            "bad/escaped",
            "bad/write.pbtxt",
            "saved_model.pbtxt",
            "sliced.index",
            "two_shards.index",
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

#[test]
fn a_gigabyte_is_read_in_headers_only() {
    let length = |mut value: u64| {
        let mut out = Vec::new();
        while value > 127 {
            out.push(value as u8 | 128);
            value >>= 7;
        }
        out.push(value as u8);
        out
    };
    // From the inside out: content of the tensor, tensor, value, attribute, node; each has what follows in it.
    let mut bytes = [b"\x08\x01\x22".as_slice(), &length(sparse::GIGABYTE)].concat();
    for before in [b"\x42".as_slice(), b"\x0a\x05value\x12", b"\x0a\x01w\x12\x05Const\x2a", b"\x0a"] {
        bytes = [before, &length(bytes.len() as u64 + sparse::GIGABYTE), &bytes].concat();
    }
    let end = bytes.len() as u64 + sparse::GIGABYTE;
    let versions = b"\x22\x03\x08\xf3\x0b";
    let file = sparse::Sparse::new("m.pb", end + versions.len() as u64).put(0, &bytes).put(end, versions);
    let outcome = sparse::is_clean_and_read_up_to::<Tensorflow>(&file, "tf-graphdef", 64 << 10);
    assert_eq!(outcome.tensors, [("w".to_owned(), sparse::GIGABYTE)]);
}

#[test]
fn what_leads_to_an_operator_is_told() {
    for (file, by) in [
        ("reached", "signature serving_default"),
        ("unreached", "nothing that the model offers"),
        ("initialiser", "collection saved_model_main_op"),
        ("python_function", "a function of the saved objects"),
    ] {
        let path = labels::fixtures().join("tensorflow/bad").join(file).join("saved_model.pb");
        let report = labels::scan_file::<Tensorflow>(&path, "tf-savedmodel");
        let details = &report.of("S1102")[0].details;
        assert!(details.contains(&("reached_from", by.to_owned())), "{file}: {details:?}");
    }
}

#[test]
fn graphs_that_are_put_together_are_handed_on() {
    for file in ["in_parts", "in_base64", "compressed", "compressed_base64"] {
        let path = labels::fixtures().join("tensorflow/bad").join(file).join("saved_model.pb");
        let report = labels::scan_file::<Tensorflow>(&path, "tf-savedmodel");
        let [child] = report.children.as_slice() else { panic!("{file}: {report:#?}") };
        if file.starts_with("compressed") {
            assert_eq!((child.hint.as_str(), &child.bytes[..1]), ("", b"\x78".as_slice()));
            continue;
        }
        let inner = modelaudit_plugin::testing::scan::<Tensorflow>(&child.bytes, &child.hint);
        assert_eq!(inner.of("S1102").len(), 1, "{file}: {inner:#?}");
    }
}

#[test]
fn text_becomes_what_the_binary_form_is() {
    let folder = labels::fixtures().join("tensorflow");
    let scan = |file: &str| {
        let report = labels::scan_file::<Tensorflow>(&folder.join(file), "tf-text");
        let child = &report.children[0];
        assert_eq!(probe(&child.bytes), [child.hint.as_str()], "{file}");
        modelaudit_plugin::testing::scan::<Tensorflow>(&child.bytes, &child.hint)
    };
    for file in ["graph.pbtxt", "saved_model.pbtxt"] {
        let report = scan(file);
        assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{file}: {report:#?}");
        assert_eq!((report.tensors.len(), report.tensors[0].at.length), (1, 4), "{file}");
    }
    for file in ["bad/write.pbtxt", "bad/saved_model.pbtxt", "bad/malformed.pbtxt", "bad/cut.pbtxt"] {
        let report = scan(file);
        assert!(report.of("S1102")[0].details.contains(&("target", "/tmp/dropped".to_owned())), "{file}: {report:#?}");
    }
}

#[test]
fn other_texts_are_left_alone() {
    for text in [
        "item {\n  id: 1\n  name: 'cat'\n}\n",
        "node: {\n  calculator: \"PassThroughCalculator\"\n  input_stream: \"in\"\n}\n",
        "node-red flows",
        "libraries: {}",
        "name: \"net\"\nlayer { name: \"data\" type: \"Input\" }\n",
        "model_checkpoint",
        "graph TD; a-->b",
    ] {
        assert!(probe(text.as_bytes()).is_empty(), "{text}");
    }
}

#[test]
fn a_missing_data_file_is_a_note() {
    let bytes = std::fs::read(labels::fixtures().join("tensorflow/variables.index")).unwrap();
    let scan = |siblings: &[&str]| {
        let artifact = Memory::new("variables.index", &bytes).siblings(siblings);
        scan_artifact::<Tensorflow>(artifact, "tf-checkpoint-index").0.findings
    };
    assert_eq!((scan(&[]), scan(&["variables.data-00000-of-00001"])), (vec![], vec![]));
    let findings = scan(&["variables.index"]);
    assert_eq!(findings.iter().map(|f| (f.rule, f.severity)).collect::<Vec<_>>(), [("S902", Severity::Info)]);
}
