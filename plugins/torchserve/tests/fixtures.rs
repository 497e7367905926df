//! The plugin on fixtures/torchserve and on its part of the corpus.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::conformance;
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
