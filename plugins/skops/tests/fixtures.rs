//! The plugin on fixtures/skops and on its part of the corpus.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::testing::conformance;
use modelaudit_plugin_skops::Skops;

#[test]
fn labels_hold() {
    labels::check::<Skops>("skops");
}

#[test]
fn the_corpus_is_judged() {
    let corpus = labels::fixtures().join("corpus");
    let report = labels::scan_file::<Skops>(&corpus.join("other/skops_methodnode.skops"), "skops");
    assert_eq!(report.findings.len(), 1, "{report:#?}");
    assert_eq!(report.findings[0].rule, "S817");
    // Their payload is in a member, or in its name.
    for file in ["skops_objarray_npy.skops", "skops_pickle_member.skops", "skops_slip.skops"] {
        let report = labels::scan_file::<Skops>(&corpus.join("other").join(file), "skops");
        assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{file}: {report:#?}");
    }
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("skops");
    for file in ["estimator.skops", "deflated.skops", "bad/method_module.skops", "bad/partial_eval.skops"] {
        conformance::<Skops>(file, &std::fs::read(folder.join(file)).unwrap(), "skops");
    }
}

#[test]
fn a_stored_node_has_its_place() {
    let path = labels::fixtures().join("skops/bad/function_system.skops");
    let bytes = std::fs::read(&path).unwrap();
    let report = labels::scan_file::<Skops>(&path, "skops");
    let at = report.findings[0].at.unwrap();
    let node = String::from_utf8_lossy(&bytes[at.offset as usize..at.end() as usize]).into_owned();
    assert!(node.starts_with('{') && node.ends_with('}') && node.contains("\"system\""), "{node}");
    assert!(report.fact("types").is_some_and(|t| t.contains("sklearn.linear_model._logistic.LogisticRegression")));
}
