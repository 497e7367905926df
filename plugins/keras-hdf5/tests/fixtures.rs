//! The plugin on fixtures/keras-hdf5 and on its part of the corpus.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

#[path = "../../mxnet/tests/gigabyte/mod.rs"]
mod gigabyte;

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};
use modelaudit_plugin_keras_hdf5::KerasHdf5;

#[test]
fn labels_hold() {
    labels::check::<KerasHdf5>("keras-hdf5");
}

#[test]
fn the_corpus_is_judged() {
    let corpus = labels::fixtures().join("corpus");
    for row in labels::rows(&corpus) {
        let (path, label, severity) = (row[0].as_str(), row[1].as_str(), row[5].as_str());
        if !path.starts_with("keras_h5/") && path != "benign_keras/plain_dataset.h5" {
            continue;
        }
        let report = labels::scan_file::<KerasHdf5>(&corpus.join(path), "keras-hdf5");
        assert!(report.incomplete.is_empty(), "{path}: {report:#?}");
        if label == "benign" {
            assert!(report.findings.is_empty(), "{path}: {report:#?}");
            continue;
        }
        let wanted = if severity == "critical" { Severity::Critical } else { Severity::Warning };
        assert!(report.worst() >= Some(wanted), "{path}: {report:#?}");
        assert_eq!(report.findings.len(), 1, "{path}: {report:#?}");
    }
}

#[test]
fn real_files_are_clean() {
    let path = labels::fixtures().join("real/hdf5__h5py__compound-dtype-complex.h5");
    let report = labels::scan_file::<KerasHdf5>(&path, "keras-hdf5");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:#?}");
}

#[test]
fn evidence_has_its_place() {
    let path = labels::fixtures().join("corpus/keras_h5/lambda_system.h5");
    let bytes = std::fs::read(&path).unwrap();
    let report = labels::scan_file::<KerasHdf5>(&path, "keras-hdf5");
    let at = report.findings[0].at.unwrap();
    let text = String::from_utf8_lossy(&bytes[at.offset as usize..at.end() as usize]).into_owned();
    assert!(text.starts_with("\"4wEAAAA") && text.ends_with('"'), "{text}");
    assert_eq!(report.findings[0].element.as_deref(), Some("lambda"));
}

#[test]
fn elements_are_not_read() {
    // A dataset of 48 MB in one piece: only headers are read.
    let path = labels::fixtures().join("keras-hdf5/large_head.bin");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.resize(bytes.len() + (48 << 20), 0);
    let (report, served) = scan_artifact::<KerasHdf5>(Memory::new("large.h5", &bytes), "keras-hdf5");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:#?}");
    assert_eq!(report.tensors.len(), 1);
    assert!(served < 64 << 10, "{served}");
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("keras-hdf5");
    for file in ["weights.h5", "latest.h5", "bad/external_link.h5", "bad/lambda.h5", "bad/virtual.h5"] {
        conformance::<KerasHdf5>(file, &std::fs::read(folder.join(file)).unwrap(), "keras-hdf5");
    }
}

#[test]
fn pickles_of_pytables_are_handed_on() {
    let folder = labels::fixtures().join("keras-hdf5");
    let children = |file: &str| -> Vec<(String, String)> {
        let report = labels::scan_file::<KerasHdf5>(&folder.join(file), "keras-hdf5");
        assert!(report.incomplete.is_empty(), "{report:#?}");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        report.children.iter().map(|c| (c.hint.clone(), text(&c.bytes))).collect()
    };
    let quiet = ("pickle".to_owned(), "(lp0\nI1\naI2\na.".to_owned());
    let evil = ("pickle".to_owned(), "cos\nsystem\n(S'echo fixture'\ntR.".to_owned());
    // A list of numbers in an attribute, then the elements of the array, which stands packed in chunks.
    assert_eq!(children("objects.h5"), [quiet.clone(), quiet.clone(), quiet.clone()]);
    assert_eq!(children("bad/objects.h5"), [quiet.clone(), quiet, evil.clone()]);
    assert_eq!(children("bad/pickled_attribute.h5"), [evil]);
}

#[test]
fn models_say_what_they_are() {
    let report = labels::scan_file::<KerasHdf5>(&labels::fixtures().join("keras-hdf5/model.h5"), "keras-hdf5");
    for (key, value) in [
        ("framework", "\"keras\""),
        ("producer", "\"Keras 2.13.1\""),
        ("architecture", "\"Sequential\""),
        ("parameters", "36"),
        ("tensor_count", "2"),
        ("dtypes", "[\"f32\"]"),
    ] {
        assert_eq!(report.fact(key), Some(value), "{key}: {report:#?}");
    }
}

#[test]
fn datasets_of_a_gigabyte_are_not_read() {
    let head = std::fs::read(labels::fixtures().join("keras-hdf5/gigabyte_head.bin")).unwrap();
    let said = gigabyte::Gigabyte::new(head, 1 << 30, Vec::new()).scan::<KerasHdf5>("keras-hdf5");
    assert!(said.findings.is_empty() && said.incomplete.is_empty(), "{said:?}");
    assert_eq!((said.tensors.len(), said.tensors[0].at.length), (1, 1 << 30));
    assert!(said.served < 1 << 20, "{}", said.served);
}

#[test]
fn what_many_objects_do_is_told_in_short() {
    let folder = labels::fixtures().join("keras-hdf5");
    let links = labels::scan_file::<KerasHdf5>(&folder.join("bad/many_links.h5"), "keras-hdf5");
    // 50 of 120 links have a finding of their own; the one that leaves the folder is not lost among the rest.
    assert_eq!(links.findings.len(), 51, "{links:#?}");
    assert!(links.findings.iter().any(|f| f.severity == Severity::Critical && f.message.contains("../../x.h5")));
    let filters = labels::scan_file::<KerasHdf5>(&folder.join("filters.h5"), "keras-hdf5");
    assert_eq!(filters.findings.len(), 1, "{filters:#?}");
    assert!(filters.findings[0].message.contains("and 3 more need the native filter plugin 32000"), "{filters:#?}");
}
