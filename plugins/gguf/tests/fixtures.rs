//! The plugin on fixtures/gguf, on its part of the corpus, and on files that are too large to keep.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;
#[path = "../../safetensors/tests/sparse/mod.rs"]
mod sparse;

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};
use modelaudit_plugin_gguf::Gguf;

#[test]
fn labels_hold() {
    labels::check::<Gguf>("gguf");
}

#[test]
fn the_corpus_is_judged() {
    let corpus = labels::fixtures().join("corpus");
    for row in labels::rows(&corpus) {
        let (path, label) = (row[0].as_str(), row[1].as_str());
        let bytes = std::fs::read(corpus.join(path)).unwrap();
        let format = match bytes.get(..4) {
            Some(b"GGUF") => "gguf",
            Some(b"tjgg") => "ggml",
            _ => continue,
        };
        let report = labels::scan_file::<Gguf>(&corpus.join(path), format);
        // What a template, a secret or a command in a string is, others say.
        let others = path.contains("ssti") || path.contains("shell_in_meta") || path.starts_with("secrets/");
        match label {
            "benign" => assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{path}: {report:#?}"),
            "malicious" if !others => assert!(report.worst() >= Some(Severity::Warning), "{path}: {report:#?}"),
            "malicious" if path.contains("ssti") => assert!(report.child("chat_template.jinja").is_some(), "{path}"),
            "malicious" => {}
            _ => assert!(!report.incomplete.is_empty(), "{path}: {report:#?}"),
        }
    }
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("gguf");
    for file in [
        "plain.gguf",
        "v1.gguf",
        "big_endian.gguf",
        "template.gguf",
        "all_types.gguf",
        "bad/two_templates.gguf",
        "bad/tensor_overlap.gguf",
        "bad/tail.gguf",
        "facts.gguf",
        "bad/vocabulary_tail.gguf",
        "bad/tensor_wrap.gguf",
        "bad/shard_beyond.gguf",
    ] {
        conformance::<Gguf>(file, &std::fs::read(folder.join(file)).unwrap(), "gguf");
    }
    for file in [
        "legacy/plain.ggjt",
        "legacy/neox.ggjt",
        "legacy/whisper.ggml",
        "legacy/vocabulary.ggjt",
        "legacy/quantised.ggjt",
        "legacy/gpt2.ggml",
        "legacy/whisper_tensors.ggml",
        "legacy/adapter.ggla",
    ] {
        conformance::<Gguf>(file, &std::fs::read(folder.join(file)).unwrap(), "ggml");
    }
}

#[test]
fn every_template_is_handed_on() {
    let folder = labels::fixtures().join("gguf");
    let report = labels::scan_file::<Gguf>(&folder.join("bad/two_templates.gguf"), "gguf");
    let texts: Vec<&[u8]> = report.children.iter().map(|c| c.bytes.as_slice()).collect();
    assert_eq!(texts, [b"{{ messages }}".as_slice(), b"{{ tools }}"]);
    assert!(report.children.iter().all(|c| c.hint == "jinja" && c.name == "chat_template.jinja"));
    let report = labels::scan_file::<Gguf>(&folder.join("template.gguf"), "gguf");
    assert_eq!(report.children.len(), 2);
}

#[test]
fn tensors_and_facts_are_named() {
    let path = labels::fixtures().join("gguf/big_endian.gguf");
    let report = labels::scan_file::<Gguf>(&path, "gguf");
    assert_eq!(report.fact("architecture"), Some("\"llama\""));
    assert_eq!(report.fact("context_length"), Some("128"));
    assert_eq!(report.fact("byte_order"), Some("\"big\""));
    let tensor = &report.tensors[0];
    assert_eq!(
        (tensor.name.as_str(), tensor.dtype.as_str(), tensor.shape.as_slice()),
        ("token_embd.weight", "f32", [8, 4].as_slice())
    );
    assert_eq!((tensor.at.end(), tensor.at.length), (std::fs::metadata(&path).unwrap().len(), 128));
}

#[test]
fn weights_are_not_read() {
    let mut bytes = std::fs::read(labels::fixtures().join("gguf/plain.gguf")).unwrap();
    let dims = bytes.windows(16).position(|w| w == [8, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    bytes[dims..dims + 8].copy_from_slice(&(1u64 << 22).to_le_bytes());
    bytes.resize(bytes.len() - 128 + (64 << 20), 1);
    let (report, served) = scan_artifact::<Gguf>(Memory::new("m.gguf", &bytes), "gguf");
    assert_eq!((report.findings.len(), report.incomplete.len()), (0, 0), "{report:#?}");
    assert!(served < 100_000, "{served} bytes read");
}

#[test]
fn a_gigabyte_is_read_in_headers_only() {
    let mut bytes = std::fs::read(labels::fixtures().join("gguf/plain.gguf")).unwrap();
    let dims = bytes.windows(16).position(|w| w == [8, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    bytes[dims..dims + 8].copy_from_slice(&(sparse::GIGABYTE / 16).to_le_bytes());
    let header = bytes.len() as u64 - 128;
    let file = sparse::Sparse::new("m.gguf", header + sparse::GIGABYTE).put(0, &bytes);
    let outcome = sparse::is_clean_and_read_up_to::<Gguf>(&file, "gguf", 64 << 10);
    assert_eq!(outcome.tensors, [("token_embd.weight".to_owned(), sparse::GIGABYTE)]);

    let mut bytes = std::fs::read(labels::fixtures().join("gguf/legacy/plain.ggjt")).unwrap();
    let dims = bytes.windows(8).position(|w| w == [8, 0, 0, 0, 4, 0, 0, 0]).unwrap();
    bytes[dims..dims + 4].copy_from_slice(&((sparse::GIGABYTE / 16) as u32).to_le_bytes());
    let header = bytes.len() as u64 - 128;
    let file = sparse::Sparse::new("m.ggjt", header + sparse::GIGABYTE).put(0, &bytes);
    let outcome = sparse::is_clean_and_read_up_to::<Gguf>(&file, "ggml", 64 << 10);
    assert_eq!(outcome.tensors, [("norm".to_owned(), sparse::GIGABYTE)]);
}

#[test]
fn tensors_of_older_formats_are_named() {
    let names = |file: &str| {
        let report = labels::scan_file::<Gguf>(&labels::fixtures().join("gguf/legacy").join(file), "ggml");
        report.tensors.iter().map(|t| format!("{} {} {}", t.name, t.dtype, t.at.length)).collect::<Vec<_>>()
    };
    assert_eq!(names("quantised.ggjt"), ["norm f32 32", "w q4_0 36", "h f16 16"]);
    assert_eq!(names("old_quantised.ggjt"), ["w q4_0 40", "norm f32 32"]);
    assert_eq!(names("first_llama.ggml"), ["norm f32 32", "w q4_1 20"]);
    assert_eq!(names("gpt2.ggml"), ["wte f32 128"]);
    assert_eq!(names("whisper_tensors.ggml"), ["encoder.conv1.bias f32 32"]);
    assert_eq!(names("adapter.ggla"), ["layers.0.attention.wq.weight.loraA f32 32"]);
}

#[test]
fn a_tensor_of_unknown_size_goes_on_to_the_next() {
    let report = labels::scan_file::<Gguf>(&labels::fixtures().join("gguf/newer_type.gguf"), "gguf");
    assert_eq!((report.tensors[0].dtype.as_str(), report.tensors[0].at.length), ("ggml-144", 128));
    let report = labels::scan_file::<Gguf>(&labels::fixtures().join("gguf/facts.gguf"), "gguf");
    for (key, value) in
        [("framework", "\"gguf\""), ("license", "\"mit\""), ("model_version", "\"1.1\""), ("vocabulary", "4")]
    {
        assert_eq!(report.fact(key), Some(value), "{key}");
    }
}

#[test]
fn templates_under_other_keys_are_handed_on() {
    let report = labels::scan_file::<Gguf>(&labels::fixtures().join("gguf/jinja_elsewhere.gguf"), "gguf");
    assert_eq!(report.children.iter().map(|c| c.hint.as_str()).collect::<Vec<_>>(), ["jinja"]);
}
