//! Every fixture of fixtures/embedded-pickle gets the verdict and the rules that its label says.

use std::path::Path;

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};
use modelaudit_plugin_embedded_pickle::EmbeddedPickle;

#[test]
fn labels_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/embedded-pickle");
    let labels = std::fs::read_to_string(root.join("labels.csv")).unwrap();
    let mut wrong = Vec::new();
    for line in labels.lines().skip(1) {
        let [file, _, verdict, rules] = line.split(',').collect::<Vec<_>>()[..] else { panic!("label: {line}") };
        let bytes = std::fs::read(root.join(file)).unwrap();
        let (report, _) = scan_artifact::<EmbeddedPickle>(Memory::new(file, &bytes), "");
        let outcome = match report.worst() {
            Some(Severity::Critical) => "critical",
            Some(Severity::Warning) => "warning",
            None if report.incomplete.is_empty() => "clean",
            _ => "something else",
        };
        let missing = rules.split_whitespace().any(|r| report.of(r).is_empty());
        if outcome != verdict || missing {
            wrong.push(format!("{file}: {outcome} instead of {verdict}: {report:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} fixtures are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn conforms() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/embedded-pickle");
    for file in ["behind_image.png", "text_base64.json", "behind_a_pickle.pkl", "two.bin", "behind_many_constants.bin"]
    {
        let bytes = std::fs::read(root.join(file)).unwrap();
        conformance::<EmbeddedPickle>(file, &bytes, "");
    }
}
