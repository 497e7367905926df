//! The plugin on fixtures/nemo. Half of what stands there is found by the configuration plugin, in the member that the tar plugin hands
//! over: of those files this plugin must say nothing.

#[path = "../../safetensors/tests/labels/mod.rs"]
#[allow(dead_code, reason = "labels are checked here with an eye on what other plugins say")]
mod labels;

use modelaudit_plugin::Plugin;
use modelaudit_plugin::testing::{Memory, Report, conformance, scan_artifact};
use modelaudit_plugin_nemo::Nemo;

fn scan(file: &str) -> Report {
    labels::scan_file::<Nemo>(&labels::fixtures().join("nemo").join(file), "nemo")
}

#[test]
fn labels_hold() {
    let rules = Nemo::describe().rules;
    for row in labels::rows(&labels::fixtures().join("nemo")) {
        let [file, format, verdict, expected] = row.as_slice() else { panic!("row {row:?}") };
        if format != "nemo" {
            continue;
        }
        let report = scan(file);
        let mut fired: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
        fired.dedup();
        let own: Vec<&str> = expected.split_whitespace().filter(|rule| rules.iter().any(|r| r.id == *rule)).collect();
        assert_eq!(fired, own, "{file}: {report:?}");
        let worst = report.worst().map_or("clean".to_owned(), |worst| format!("{worst:?}").to_lowercase());
        let others = expected.split_whitespace().any(|rule| !own.contains(&rule));
        match verdict.as_str() {
            "incomplete" => assert!(own.is_empty(), "{file}"),
            verdict => {
                assert!(worst == verdict || others, "{file}: {report:?}");
                assert!(report.incomplete.is_empty(), "{file}: {report:?}");
            }
        }
    }
}

#[test]
fn the_corpus_is_judged() {
    let report = labels::scan_file::<Nemo>(&labels::fixtures().join("corpus/benign_archive/nemo_ok.nemo"), "nemo");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:?}");
    assert_eq!(report.fact("nemo_target"), Some("\"nemo.collections.asr.models.EncDecCTCModel\""));
}

#[test]
fn a_model_is_known_by_its_content() {
    for file in ["model.nemo", "renamed.tar", "split.nemo", "sharded.nemo", "no_version.nemo"] {
        let report = scan(file);
        assert_eq!(report.fact("framework"), Some("\"nemo\""), "{file}");
        assert_eq!(report.fact("nemo_artifacts"), Some("2"), "{file}");
    }
    assert_eq!(scan("model.nemo").fact("nemo_version"), Some("\"1.23.0\""));
    assert_eq!(scan("other_archive.tar").facts, []);
    assert!(!scan("no_configuration.nemo").incomplete.is_empty() && !scan("no_archive.nemo").incomplete.is_empty());
    // What gzip held is called after the file.
    let bytes = std::fs::read(labels::fixtures().join("nemo/no_configuration.nemo")).unwrap();
    for (name, gaps) in [("x.nemo.unpacked", 1), ("x.tar", 0)] {
        assert_eq!(scan_artifact::<Nemo>(Memory::new(name, &bytes), "nemo").0.incomplete.len(), gaps, "{name}");
    }
}

#[test]
fn a_finding_names_the_bytes() {
    for (file, rule, text) in
        [("artifact_climbs.nemo", "S1183", "nemo:../../../etc/passwd"), ("function.nemo", "S1182", "mypkg.helpers.run")]
    {
        let bytes = std::fs::read(labels::fixtures().join("nemo").join(file)).unwrap();
        let report = scan(file);
        let at = report.of(rule)[0].at.unwrap();
        assert_eq!(&bytes[at.offset as usize..at.end() as usize], text.as_bytes(), "{file}");
    }
    assert_eq!(scan("function.nemo").of("S1182")[0].element.as_deref(), Some("loss._target_"));
}

#[test]
fn small_files_hold_the_contract() {
    let bytes = std::fs::read(labels::fixtures().join("nemo/two_configurations.nemo")).unwrap();
    conformance::<Nemo>("two_configurations.nemo", &bytes, "nemo");
}
