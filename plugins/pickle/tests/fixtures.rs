//! Every fixture of fixtures/pickle gets the verdict and the rules that its label says.

use std::path::{Path, PathBuf};

use modelaudit_plugin::testing::{Memory, Report, conformance, scan_artifact};
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_pickle::Pickle;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

fn scan(path: &Path, name: &str) -> (Vec<u8>, Report) {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let report = scan_artifact::<Pickle>(Memory::new(name, &bytes), "pickle").0;
    (bytes, report)
}

/// The worst outcome in the words of labels.csv.
fn outcome(report: &Report) -> &'static str {
    match report.worst() {
        Some(Severity::Critical) => "critical",
        Some(Severity::Warning) => "warning",
        _ if !report.incomplete.is_empty() => "incomplete",
        Some(Severity::Info) => "info",
        _ => "clean",
    }
}

#[test]
fn labels_hold() {
    let root = folder("pickle");
    let labels = std::fs::read_to_string(root.join("labels.csv")).unwrap();
    let mut wrong = Vec::new();
    for line in labels.lines().skip(1) {
        let [file, format, verdict, rules] = line.split(',').collect::<Vec<_>>()[..] else { panic!("label: {line}") };
        let (bytes, report) = scan(&root.join(file), file);
        let head = &bytes[..bytes.len().min(4096)];
        let probed = Pickle::probe(head, bytes.len() as u64).join(" ");
        let missing: Vec<&str> = rules.split_whitespace().filter(|r| report.of(r).is_empty()).collect();
        let criticals = report.findings.iter().filter(|f| f.severity == Severity::Critical).count();
        if probed != format || outcome(&report) != verdict || !missing.is_empty() || criticals > 1 {
            let findings: Vec<String> =
                report.findings.iter().map(|f| format!("\n    {} {:?} {}", f.rule, f.severity, f.message)).collect();
            wrong.push(format!(
                "{file}: probed '{probed}', {} instead of {verdict}, missing {missing:?}{}\n    incomplete: {:?}",
                outcome(&report),
                findings.concat(),
                report.incomplete
            ));
        }
    }
    assert!(wrong.is_empty(), "{} fixtures are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn conforms() {
    let root = folder("pickle");
    for file in [
        "b09_computed_import.pkl",
        "b15_extension_registered.pkl",
        "b19_nul_in_put.pkl",
        "b22_frame_divergence.pkl",
        "b27_second_stream_behind_zeros.pkl",
        "b29_billion_laughs.pkl",
        "computed_eval_chr.pkl",
        "nested_five_layers.pkl",
        "nested_loads_b85_zlib.pkl",
        "inert_two_layers.pkl",
        "joblib/b78_object_array.joblib",
        "joblib/b77_array_is_opcodes.joblib",
        "benign/ndarray_protocol_2.pkl",
        "benign/protocol_0.pkl",
        "benign/cloudpickle_lambda.pkl",
        "benign/torch_state.pkl",
        "not_a_pickle.pkl",
    ] {
        let bytes = std::fs::read(root.join(file)).unwrap();
        conformance::<Pickle>(file, &bytes, "pickle");
    }
}
