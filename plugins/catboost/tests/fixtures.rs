//! The plugin on fixtures/catboost, on its part of the corpus, and on a real model.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::conformance;
use modelaudit_plugin_catboost::CatBoost;

#[test]
fn labels_hold() {
    labels::check::<CatBoost>("catboost");
}

#[test]
fn the_corpus_is_judged() {
    let report = labels::scan_file::<CatBoost>(&labels::fixtures().join("corpus/other/catboost.cbm"), "catboost");
    assert_eq!(report.worst(), Some(Severity::Warning), "{report:?}");
    assert_eq!(report.of("S905").len(), 1, "{report:?}");
}

#[test]
fn a_real_model_is_silent() {
    let path = labels::fixtures().join("real/catboost_cbm__catboost-rs__simple.cbm");
    let report = labels::scan_file::<CatBoost>(&path, "catboost");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:?}");
    assert_eq!(report.fact("trees"), Some("20"), "{report:?}");
    assert!(report.fact("info").unwrap().contains("model_guid"), "{report:?}");
}

#[test]
fn small_files_hold_the_contract() {
    for file in ["model.cbm", "bad_params.cbm", "long_size.cbm"] {
        conformance::<CatBoost>(
            file,
            &std::fs::read(labels::fixtures().join("catboost").join(file)).unwrap(),
            "catboost",
        );
    }
}

#[test]
fn models_say_what_they_are() {
    let report = labels::scan_file::<CatBoost>(&labels::fixtures().join("catboost/model.cbm"), "catboost");
    for (key, value) in [
        ("framework", "\"catboost\""),
        ("producer", "\"v1.2.10\""),
        ("date_saved", "\"2026-01-01T00:00:00Z\""),
        ("architecture", "\"oblivious trees\""),
        ("trees", "2"),
        ("parameters", "6"),
    ] {
        assert_eq!(report.fact(key), Some(value), "{key}: {report:#?}");
    }
}
