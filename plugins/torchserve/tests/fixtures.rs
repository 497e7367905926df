//! The plugin on fixtures/torchserve and on its part of the corpus.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_torchserve::Torchserve;

#[test]
fn labels_hold() {
    labels::check::<Torchserve>("torchserve");
}

#[test]
fn the_corpus_is_judged() {
    let path = labels::fixtures().join("corpus/pytorch/torchserve_traversal.mar");
    let report = labels::scan_file::<Torchserve>(&path, "torchserve");
    assert_eq!(report.worst(), Some(Severity::Critical));
    assert_eq!(report.of("S405").len(), 2, "{report:#?}");
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("torchserve");
    for file in ["plain.mar", "requirements.mar", "bad/traversal.mar", "bad/git.mar", "bad/two_manifests.mar"] {
        conformance::<Torchserve>(file, &std::fs::read(folder.join(file)).unwrap(), "torchserve");
    }
}

#[test]
fn manifests_outside_of_a_zip_are_told_by_their_keys() {
    let bytes = std::fs::read(labels::fixtures().join("torchserve/MAR-INF/MANIFEST.json")).unwrap();
    assert_eq!(Torchserve::probe(&bytes, bytes.len() as u64), ["torchserve-manifest"]);
    assert!(Torchserve::probe(b"{\"modelName\": \"x\"}", 18).is_empty());
    // In a zip, the archive's own scan has judged it.
    let bad = std::fs::read(labels::fixtures().join("torchserve/bad/MAR-INF/MANIFEST.json")).unwrap();
    for (parent, findings) in [("x.mar", 0), ("x.tar", 1)] {
        let artifact = Memory::new("MANIFEST.json", &bad).lineage(&[parent]);
        let (report, _) = scan_artifact::<Torchserve>(artifact, "torchserve-manifest");
        assert_eq!(report.findings.len(), findings, "{parent}: {report:#?}");
    }
}
