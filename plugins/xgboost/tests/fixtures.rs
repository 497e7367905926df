//! The plugin on fixtures/xgboost, on its part of the corpus, and on a real model.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::Plugin;
use modelaudit_plugin::testing::{conformance, scan};
use modelaudit_plugin_xgboost::XgBoost;

const REAL: [&str; 3] = [
    "real/xgboost_json__timber-compiler__xgb_breast_cancer.json",
    "corpus/benign_boost/xgb_attrs.json",
    "corpus/benign_boost/xgb_model.json",
];

#[test]
fn labels_hold() {
    labels::check::<XgBoost>("xgboost");
}

#[test]
fn real_models_are_silent() {
    for file in REAL {
        let path = labels::fixtures().join(file);
        let report = labels::scan_file::<XgBoost>(&path, "xgboost-json");
        assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{file}: {report:?}");
        let bytes = std::fs::read(path).unwrap();
        let head = &bytes[..bytes.len().min(4096)];
        assert_eq!(XgBoost::probe(head, bytes.len() as u64), ["xgboost-json"], "{file}");
    }
    assert!(XgBoost::probe(b"{\"nodes\": []}", 13).is_empty());
}

#[test]
fn both_encodings_say_the_same() {
    let folder = labels::fixtures().join("xgboost");
    for name in
        ["bad_child", "bad_attribute", "bad_feature", "bad_lengths", "bad_loop", "bad_category_start", "bad_output"]
    {
        let json = labels::scan_file::<XgBoost>(&folder.join(format!("{name}.json")), "xgboost-json");
        let ubj = labels::scan_file::<XgBoost>(&folder.join(format!("{name}.ubj")), "xgboost-ubj");
        assert_eq!(json.findings[0].message, ubj.findings[0].message);
    }
}

#[test]
fn models_say_what_they_are() {
    for (file, format) in [("model.json", "xgboost-json"), ("model.ubj", "xgboost-ubj")] {
        let report = labels::scan_file::<XgBoost>(&labels::fixtures().join("xgboost").join(file), format);
        for (key, value) in [
            ("framework", "\"xgboost\""),
            ("format_version", "\"2.0.3\""),
            ("booster", "\"gbtree\""),
            ("objective", "\"binary:logistic\""),
            ("feature_count", "5"),
            ("trees", "2"),
        ] {
            assert_eq!(report.fact(key), Some(value), "{file}, {key}: {report:#?}");
        }
    }
}

#[test]
fn counts_of_nothing_cost_nothing() {
    let mut bytes = b"{L\0\0\0\0\0\0\0\x07learner[$T#L\x7f\xff\xff\xff\xff\xff\xff\xff}".to_vec();
    assert!(scan::<XgBoost>(&bytes, "xgboost-ubj").incomplete.is_empty());
    bytes[19] = b'S';
    assert!(!scan::<XgBoost>(&bytes, "xgboost-ubj").incomplete.is_empty());
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("xgboost");
    for (file, format) in [
        ("model.json", "xgboost-json"),
        ("bad_attribute_json.json", "xgboost-json"),
        ("model.ubj", "xgboost-ubj"),
        ("bad_child.ubj", "xgboost-ubj"),
    ] {
        conformance::<XgBoost>(file, &std::fs::read(folder.join(file)).unwrap(), format);
    }
}
