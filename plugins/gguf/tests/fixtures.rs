//! The plugin on fixtures/gguf, on its part of the corpus, and on files that are too large to keep.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

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
    ] {
        conformance::<Gguf>(file, &std::fs::read(folder.join(file)).unwrap(), "gguf");
    }
    for file in ["legacy/plain.ggjt", "legacy/neox.ggjt", "legacy/whisper.ggml", "legacy/vocabulary.ggjt"] {
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
