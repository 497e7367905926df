//! The labelled corpus (malicious, benign, undecided) and the real models, as far as they are plain pickles.
//!
//! Compressed files, archives and other containers reach this plugin as children; they are tested end to end.

use std::path::{Path, PathBuf};

use modelaudit_plugin::testing::{Memory, Report, scan_artifact};
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_pickle::Pickle;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

/// None if the plugin does not claim the file.
fn scan(path: &Path, name: &str) -> Option<Report> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let head = &bytes[..bytes.len().min(4096)];
    if Pickle::probe(head, bytes.len() as u64).is_empty() {
        return None;
    }
    Some(scan_artifact::<Pickle>(Memory::new(name, &bytes), "pickle").0)
}

#[test]
fn corpus_labels_hold() {
    let root = folder("corpus");
    let labels = std::fs::read_to_string(root.join("labels.csv")).unwrap();
    let (mut seen, mut wrong) = (0, Vec::new());
    for line in labels.lines().skip(1) {
        // path,label,technique,format,category,severity,sha256,note: only the first six matter, none of them with a comma
        // in the rows of these formats.
        let fields: Vec<&str> = line.split(',').collect();
        let [path, label, _, format, _, severity, ..] = fields[..] else { continue };
        // What hides behind the network and secret rows is another plugin's.
        if !matches!(format, "pickle" | "pickle_renamed" | "joblib") {
            continue;
        }
        let Some(report) = scan(&root.join(path), path) else { continue };
        seen += 1;
        let worst = report.worst();
        let fine = match label {
            "malicious" if severity == "critical" => worst == Some(Severity::Critical),
            "malicious" => worst >= Some(Severity::Warning),
            "benign" => worst <= Some(Severity::Info) && report.incomplete.is_empty(),
            _ => worst <= Some(Severity::Warning),
        };
        let criticals = report.findings.iter().filter(|f| f.severity == Severity::Critical).count();
        if !fine || criticals > 1 {
            wrong.push(format!("{path} ({label} {severity}): {:?} {:?}", report.findings, report.incomplete));
        }
    }
    assert!(seen > 100, "only {seen} files of the corpus are there");
    assert!(wrong.is_empty(), "{} of {seen} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn real_models_are_silent() {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder("real")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(report) = scan(&path, &name) else { continue };
        seen += 1;
        assert!(report.worst() <= Some(Severity::Info), "{name}: {:?}", report.findings);
        assert!(report.incomplete.is_empty(), "{name}: {:?}", report.incomplete);
    }
    assert!(seen >= 6, "only {seen} of the real models are pickles");
}
