//! The plugin on fixtures/onnx, on its part of the corpus and the real files, and on files that are too large to keep.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;
#[path = "../../safetensors/tests/sparse/mod.rs"]
mod sparse;

use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_onnx::Onnx;

fn probe(bytes: &[u8]) -> Vec<String> {
    Onnx::probe(&bytes[..bytes.len().min(4096)], bytes.len() as u64)
}

#[test]
fn labels_hold() {
    labels::check::<Onnx>("onnx");
}

#[test]
fn the_corpus_is_judged() {
    let corpus = labels::fixtures().join("corpus");
    for row in labels::rows(&corpus) {
        let (path, label) = (row[0].as_str(), row[1].as_str());
        let severity = row.iter().find(|f| matches!(f.as_str(), "critical" | "warning")).map(String::as_str);
        let bytes = std::fs::read(corpus.join(path)).unwrap();
        let formats = probe(&bytes);
        if !path.ends_with(".onnx") || path.starts_with("renamed/") {
            assert!(formats.is_empty(), "{path} is taken for {formats:?}");
            continue;
        }
        assert_eq!(formats, ["onnx"], "{path}");
        let report = labels::scan_file::<Onnx>(&corpus.join(path), "onnx");
        assert_eq!(report.incomplete, [""; 0], "{path}");
        match (label, severity) {
            ("benign", _) => assert!(report.worst() <= Some(Severity::Info), "{path}: {report:#?}"),
            // Programs in tensors are for the analyser of executables.
            _ if path.contains("elf_") || path.contains("pe_in") => {}
            (_, Some("critical")) => assert_eq!(report.worst(), Some(Severity::Critical), "{path}: {report:#?}"),
            _ => assert!(report.worst() >= Some(Severity::Warning), "{path}: {report:#?}"),
        }
    }
}

#[test]
fn real_files_are_clean_and_others_are_left_alone() {
    for entry in std::fs::read_dir(labels::fixtures().join("real")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let formats = probe(&std::fs::read(&path).unwrap());
        let expected = match name.split("__").next() {
            Some("onnx") => vec!["onnx"],
            Some("onnx_tensorproto") => vec!["onnx-tensor"],
            _ => vec![],
        };
        assert_eq!(formats, expected, "{name}");
        for format in formats {
            let report = labels::scan_file::<Onnx>(&path, &format);
            assert!(report.worst() <= Some(Severity::Info) && report.incomplete.is_empty(), "{name}: {report:#?}");
            assert!(report.fact("tensor_count").is_some());
        }
    }
}

#[test]
fn fixtures_are_told_by_their_content() {
    let folder = labels::fixtures().join("onnx");
    for row in labels::rows(&folder) {
        let bytes = std::fs::read(folder.join(&row[0])).unwrap();
        let none = ["bad/cut.onnx", "bad/text.onnx", "bad/no_graph.onnx", "bad/empty.onnx"].contains(&row[0].as_str());
        assert_eq!(probe(&bytes), if none { vec![] } else { vec![row[1].clone()] }, "{}", row[0]);
    }
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("onnx");
    for file in [
        "plain.onnx",
        "all_types.onnx",
        "subgraph.onnx",
        "function.onnx",
        "engine.onnx",
        "bad/python_op.onnx",
        "bad/external_middle.onnx",
        "bad/second_graph.onnx",
        "bad/unknown_field.onnx",
        "bad/tail.onnx",
        "facts.onnx",
        "bad/huge_tile.onnx",
        "bad/recursion.onnx",
        "bad/cloud.onnx",
    ] {
        conformance::<Onnx>(file, &std::fs::read(folder.join(file)).unwrap(), "onnx");
    }
    conformance::<Onnx>("tensor.pb", &std::fs::read(folder.join("tensor.pb")).unwrap(), "onnx-tensor");
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
    let mut graph = field(1, &field(4, b"Relu"));
    for _ in 0..32 {
        let mut tensor = vec![0x08, 0x80, 0x80, 0x40, 0x10, 2];
        tensor.extend(field(9, &weights));
        graph.extend(field(5, &tensor));
    }
    let mut model = vec![0x08, 8];
    model.extend(field(7, &graph));
    model.extend(field(8, &[0x10, 17]));
    assert_eq!(probe(&model), ["onnx"]);
    let (report, served) = scan_artifact::<Onnx>(Memory::new("m.onnx", &model), "onnx");
    assert_eq!((report.findings.len(), report.incomplete.len()), (0, 0), "{report:#?}");
    assert_eq!((report.tensors.len(), report.fact("parameters")), (32, Some("33554432")));
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
    let raw = [vec![0x4a], length(sparse::GIGABYTE)].concat();
    let tensor = [b"\x08\x80\x80\x80\x80\x01\x10\x01\x42\x01w".as_slice(), &raw].concat();
    let inside = tensor.len() as u64 + sparse::GIGABYTE;
    let node = b"\x0a\x06\x22\x04Relu";
    let graph = [node.as_slice(), b"\x2a", &length(inside), &tensor].concat();
    let model = [b"\x08\x08\x3a".as_slice(), &length(graph.len() as u64 + sparse::GIGABYTE), &graph].concat();
    let end = model.len() as u64 + sparse::GIGABYTE;
    let opset = b"\x42\x02\x10\x11";
    let file = sparse::Sparse::new("m.onnx", end + opset.len() as u64).put(0, &model).put(end, opset);
    let outcome = sparse::is_clean_and_read_up_to::<Onnx>(&file, "onnx", 64 << 10);
    assert_eq!(outcome.tensors, [("w".to_owned(), sparse::GIGABYTE)]);
}

#[test]
fn facts_are_named_as_in_other_formats() {
    let report = labels::scan_file::<Onnx>(&labels::fixtures().join("onnx/facts.onnx"), "onnx");
    for (key, value) in [
        ("framework", "\"onnx\""),
        ("format_version", "8"),
        ("producer", "\"pytorch\""),
        ("license", "\"mit\""),
        ("author", "\"A. Author\""),
        ("description", "\"Finds cats.\""),
        ("model_name", "\"g\""),
    ] {
        assert_eq!(report.fact(key), Some(value), "{key}");
    }
}

#[test]
fn missing_external_data_is_a_note() {
    let bytes = std::fs::read(labels::fixtures().join("onnx/external.onnx")).unwrap();
    let scan = |siblings: &[&str]| {
        scan_artifact::<Onnx>(Memory::new("external.onnx", &bytes).siblings(siblings), "onnx").0.findings
    };
    assert_eq!(scan(&[]), []);
    assert_eq!(scan(&["external.onnx", "model.onnx_data"]), []);
    let findings = scan(&["external.onnx"]);
    assert_eq!(findings.iter().map(|f| (f.rule, f.severity)).collect::<Vec<_>>(), [("S1116", Severity::Info)]);
}
