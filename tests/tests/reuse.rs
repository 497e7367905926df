//! Results that serve again: the second scan says what the first said, and nothing that was not whole is kept.

use std::path::Path;

use modelaudit_engine::model::{ScanReport, Verdict};
use modelaudit_engine::{Options, Quiet, Scanner, Target, result_cache};
use modelaudit_tests::{root, scanner};

fn cached(folder: &Path) -> Scanner {
    scanner(Options { results: Some(folder.to_owned()), ..Options::default() })
}

fn scan(scanner: &Scanner, path: &Path) -> ScanReport {
    scanner.scan(&[Target::Path(path.to_owned())], &Quiet)
}

#[test]
fn a_second_scan_says_the_same_out_of_the_cache() {
    let cache = tempfile::tempdir().unwrap();
    let folder = root().join("fixtures/corpus/pytorch");
    let plain = scan(&scanner(Options::default()), &folder);
    let first = scan(&cached(cache.path()), &folder);
    let second = scan(&cached(cache.path()), &folder);
    assert_eq!(plain.files, first.files);
    assert_eq!(first.files, second.files);
    let whole = first.files.iter().filter(|f| f.gaps().next().is_none()).count() as u64;
    let partial = first.files.len() as u64 - whole;
    assert!(whole > 5 && partial > 0, "{whole} {partial}");
    // Equal bytes share an entry.
    let entries = result_cache::stats(cache.path()).unwrap().entries;
    assert!(entries > 0 && entries <= whole, "{entries} of {whole}: partial results are not kept");
}

#[test]
fn a_result_is_not_believed_for_other_bytes_names_or_options() {
    let (cache, tree) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let evil = std::fs::read(root().join("fixtures/corpus/pickle/os_system_p4.pkl")).unwrap();
    let clean = std::fs::read(root().join("fixtures/corpus/benign_pickle/plain_dict_p4.pkl"))
        .unwrap_or_else(|_| b"\x80\x04}\x94.".to_vec());
    let path = tree.path().join("model.pkl");
    std::fs::write(&path, clean).unwrap();
    let verdict = |scanner: &Scanner| scan(scanner, &path).files[0].verdict();
    assert_eq!(verdict(&cached(cache.path())), Verdict::Clean);
    std::fs::write(&path, evil).unwrap();
    assert_eq!(verdict(&cached(cache.path())), Verdict::Critical);
    assert_eq!(verdict(&cached(cache.path())), Verdict::Critical);
    let options =
        Options { results: Some(cache.path().to_owned()), blacklist: vec!["model".to_owned()], ..Options::default() };
    let with_list = scan(&scanner(options), &path);
    assert!(with_list.files[0].findings().any(|(_, f)| with_list.rules[f.rule].id == "S1001"));
}

#[test]
fn equal_files_are_told_as_such_and_say_the_same() {
    let tree = tempfile::tempdir().unwrap();
    let evil = std::fs::read(root().join("fixtures/corpus/pickle/os_system_p4.pkl")).unwrap();
    for name in ["a.pkl", "b.pkl", "c/a.pkl"] {
        std::fs::create_dir_all(tree.path().join("c")).unwrap();
        std::fs::write(tree.path().join(name), &evil).unwrap();
    }
    for jobs in [1, 4] {
        let report = scan(&scanner(Options { jobs, ..Options::default() }), tree.path());
        let first = report.files[0].path.clone();
        assert!(report.files[0].duplicate_of.is_none());
        assert!(report.files[1..].iter().all(|f| f.duplicate_of.as_ref() == Some(&first)));
        assert!(report.files.iter().all(|f| f.verdict() == Verdict::Critical && f.artifacts[0].path[0] == f.path));
        let fingerprints: std::collections::BTreeSet<_> =
            report.files.iter().flat_map(|f| f.findings()).map(|(_, f)| f.fingerprint.clone()).collect();
        assert_eq!(fingerprints.len(), report.files[0].findings().count(), "the same findings wherever the file lies");
    }
}

#[cfg(unix)]
#[test]
fn a_hugging_face_cache_is_told_by_the_names_people_know() {
    let tree = tempfile::tempdir().unwrap();
    let model = tree.path().join("models--org--name");
    std::fs::create_dir_all(model.join("blobs")).unwrap();
    std::fs::create_dir_all(model.join("snapshots/abc")).unwrap();
    std::fs::copy(root().join("fixtures/corpus/pickle/os_system_p4.pkl"), model.join("blobs/0123")).unwrap();
    std::os::unix::fs::symlink("../../blobs/0123", model.join("snapshots/abc/pytorch_model.bin")).unwrap();
    let report = scan(&scanner(Options::default()), tree.path());
    assert_eq!(report.files.len(), 1);
    assert!(report.files[0].path.ends_with("snapshots/abc/pytorch_model.bin"));
    assert_eq!(report.files[0].verdict(), Verdict::Critical);
    // Only the snapshot is named: its link leads out of the folder, and that is said.
    let report = scan(&scanner(Options::default()), &model.join("snapshots/abc"));
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
}

#[test]
fn a_missing_shard_makes_the_scan_incomplete() {
    let tree = tempfile::tempdir().unwrap();
    let shard = root().join("fixtures/real");
    let shard =
        std::fs::read_dir(shard).unwrap().flatten().find(|e| e.file_name().to_string_lossy().ends_with(".onnx"));
    for number in [1, 3] {
        std::fs::copy(shard.as_ref().unwrap().path(), tree.path().join(format!("m-{number:05}-of-00003.onnx")))
            .unwrap();
    }
    let report = scan(&scanner(Options::default()), tree.path());
    assert_eq!(report.families[0].missing.len(), 1);
    assert_eq!(report.exit_code(), 2);
    let reason = &report.files[0].gaps().next().expect("a gap").1.reason;
    assert!(reason.contains("m-00002-of-00003.onnx"), "{reason}");
}
