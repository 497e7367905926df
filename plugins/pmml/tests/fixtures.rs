//! The plugin on fixtures/pmml and on its part of the corpus.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::testing::conformance;
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_pmml::Pmml;

#[test]
fn labels_hold() {
    labels::check::<Pmml>("pmml");
}

#[test]
fn the_corpus_is_judged() {
    let corpus = labels::fixtures().join("corpus");
    for row in labels::rows(&corpus).iter().filter(|r| r[0].ends_with(".pmml")) {
        let report = labels::scan_file::<Pmml>(&corpus.join(&row[0]), "pmml");
        match row[1].as_str() {
            "benign" => assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{row:?} {report:?}"),
            _ => assert!(report.worst() >= Some(Severity::Warning), "{row:?} {report:?}"),
        }
    }
}

#[test]
fn small_files_hold_the_contract() {
    for file in ["extension.pmml", "utf16.pmml", "bad_xxe.pmml", "bad_laughs.pmml", "bad_extension_text.pmml"] {
        conformance::<Pmml>(file, &std::fs::read(labels::fixtures().join("pmml").join(file)).unwrap(), "pmml");
    }
}

#[test]
fn documents_are_told_by_their_root() {
    for file in ["tree.pmml", "utf16.pmml", "bad_laughs.pmml", "bad_parameter_entity.pmml"] {
        let bytes = std::fs::read(labels::fixtures().join("pmml").join(file)).unwrap();
        assert_eq!(Pmml::probe(&bytes[..bytes.len().min(4096)], bytes.len() as u64), ["pmml"], "{file}");
    }
    assert!(Pmml::probe(b"<html><PMML/></html>", 20).is_empty());
    assert!(Pmml::probe(b"", 0).is_empty());
}

#[test]
fn models_say_what_they_are() {
    let report = labels::scan_file::<Pmml>(&labels::fixtures().join("pmml/tree.pmml"), "pmml");
    for (key, value) in [("framework", "\"pmml\""), ("format_version", "\"4.4\""), ("architecture", "\"TreeModel\"")] {
        assert_eq!(report.fact(key), Some(value), "{key}: {report:#?}");
    }
}
