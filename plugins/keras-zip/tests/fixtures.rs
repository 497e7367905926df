//! The plugin on fixtures/keras-zip and on its part of the corpus.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::conformance;
use modelaudit_plugin_keras_zip::KerasZip;

#[test]
fn labels_hold() {
    labels::check::<KerasZip>("keras-zip");
}

#[test]
fn the_corpus_is_judged() {
    let corpus = labels::fixtures().join("corpus");
    for row in labels::rows(&corpus) {
        let (path, severity) = (row[0].as_str(), row[5].as_str());
        if !path.starts_with("keras_zip/") {
            continue;
        }
        let report = labels::scan_file::<KerasZip>(&corpus.join(path), "keras");
        // The name of the member that leaves its folder is the zip plugin's.
        let wanted = match severity {
            _ if path.ends_with("/slip.keras") => Severity::Warning,
            "critical" => Severity::Critical,
            _ => Severity::Warning,
        };
        assert!(report.worst() >= Some(wanted) && report.incomplete.is_empty(), "{path}: {report:#?}");
        assert_eq!(report.findings.len(), 1, "{path}: {report:#?}");
    }
}

#[test]
fn other_zips_are_left_alone() {
    let corpus = labels::fixtures().join("corpus");
    for row in labels::rows(&corpus).iter().filter(|row| row[0].ends_with(".zip") || row[0].ends_with(".pt")) {
        let report = labels::scan_file::<KerasZip>(&corpus.join(&row[0]), "keras");
        assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{}: {report:#?}", row[0]);
    }
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("keras-zip");
    for file in ["sequential.keras", "bad/lambda_system.keras", "bad/get_file.keras", "bad/vocabulary.keras"] {
        conformance::<KerasZip>(file, &std::fs::read(folder.join(file)).unwrap(), "keras");
    }
}
