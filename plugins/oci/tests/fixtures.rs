//! The plugin on fixtures/oci.

// Its check is for one file at a time; documents are scanned with their siblings here.
#[allow(dead_code)]
#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use std::path::Path;

use modelaudit_plugin::testing::{Memory, Report, check_report, conformance, scan_artifact};
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_oci::Oci;

const EVIL: &[u8] = b"\x80\x02cposix\nsystem\nX\x04\0\0\0echo\x85R.";
const FORMAT: &str = "oci-manifest";

fn folder() -> std::path::PathBuf {
    labels::fixtures().join("oci")
}

/// Scans a file with the names of its folder beside it, as the host does.
fn scan(file: &Path) -> Report {
    let bytes = std::fs::read(file).unwrap();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let names = std::fs::read_dir(file.parent().unwrap()).unwrap();
    let names: Vec<String> = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (report, _) = scan_artifact::<Oci>(Memory::new(&name, &bytes).siblings(&names), FORMAT);
    check_report(&Oci::describe(), bytes.len() as u64, &report).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    report
}

#[test]
fn labels_hold() {
    let mut wrong = Vec::new();
    for row in labels::rows(&folder()) {
        let [file, _, verdict, rules] = row.as_slice() else { panic!("{row:?}") };
        let report = scan(&folder().join(file));
        // S201 and S1017 are other plugins'; of a document that only they find bad this one says nothing.
        let own: Vec<&str> = rules.split_whitespace().filter(|rule| !["S201", "S1017"].contains(rule)).collect();
        let verdict = if rules == "S1017" { "clean" } else { verdict.as_str() };
        let mut fired: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
        fired.sort_unstable();
        fired.dedup();
        let handed_over = report.children.iter().any(|child| child.bytes == EVIL);
        let is = match (report.worst(), report.incomplete.is_empty()) {
            (Some(Severity::Critical), _) => "critical",
            _ if handed_over => "critical",
            (Some(Severity::Warning), _) => "warning",
            (_, false) => "incomplete",
            (Some(Severity::Info), _) => "info",
            _ => "clean",
        };
        if fired != own || is != verdict {
            wrong.push(format!("{file}: expected {verdict} {own:?}, is {is}: {report:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn documents_are_told_from_other_json() {
    for row in labels::rows(&folder()) {
        let bytes = std::fs::read(folder().join(&row[0])).unwrap();
        let head = &bytes[..bytes.len().min(4096)];
        assert_eq!(Oci::probe(head, bytes.len() as u64), [FORMAT], "{}", row[0]);
    }
    for other in [
        &b"{}"[..],
        b"[]",
        br#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "layers": 32}"#,
        br#"{"metadata": {"total_size": 1}, "weight_map": {"a": "b.safetensors"}}"#,
        br#"{"config": {"vocab_size": 100}, "layers": [{"class_name": "Dense"}], "schemaVersion": 3}"#.split_at(60).0,
        br#"{"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "config": {}}]}}"#,
        br#"[{"Config": 1}]"#,
        b"not json",
        b"",
    ] {
        assert!(Oci::probe(other, other.len() as u64).is_empty(), "{}", String::from_utf8_lossy(other));
    }
}

#[test]
fn embedded_content_is_a_child() {
    let report = scan(&folder().join("embedded.json"));
    assert_eq!(report.children.len(), 1);
    assert_eq!(report.children[0].bytes, b"weights are not code; ".repeat(4));
    assert_eq!(report.fact("oci_document"), Some("\"manifest\""));
}

#[test]
fn many_findings_are_counted() {
    let report = scan(&folder().join("many.json"));
    assert_eq!(report.findings.len(), 201);
    assert!(report.findings[200].message.starts_with("100 more"), "{:?}", report.findings[200]);
}

#[test]
fn small_files_hold_the_contract() {
    for file in [
        "ollama",
        "docker_save.json",
        "embedded_differs.json",
        "foreign_url.json",
        "trailing_evil.json",
        "entry_shell.json",
    ] {
        conformance::<Oci>(file, &std::fs::read(folder().join(file)).unwrap(), FORMAT);
    }
}
