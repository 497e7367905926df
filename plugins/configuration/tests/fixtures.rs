//! The plugin on fixtures/configuration and on the corpus.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use std::path::Path;

use modelaudit_plugin::testing::{Memory, Report, conformance, scan_artifact};
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_configuration::Configuration;

#[test]
fn labels_hold() {
    labels::check::<Configuration>("configuration");
}

/// The formats that the host would scan a file as: what the content says, or else the name.
fn formats(path: &Path, bytes: &[u8]) -> Vec<String> {
    let probed = Configuration::probe(&bytes[..bytes.len().min(4096)], bytes.len() as u64);
    if !probed.is_empty() {
        return probed;
    }
    let name = path.file_name().unwrap().to_string_lossy().to_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, e)| e);
    Configuration::describe()
        .formats
        .iter()
        .filter(|f| f.extensions.contains(&extension) || f.file_names.contains(&name.as_str()))
        .map(|f| f.id.to_owned())
        .collect()
}

fn reports(path: &Path) -> Vec<Report> {
    let bytes = std::fs::read(path).unwrap();
    formats(path, &bytes).iter().map(|format| labels::scan_file::<Configuration>(path, format)).collect()
}

#[test]
fn the_corpus_is_judged() {
    let corpus = labels::fixtures().join("corpus");
    for row in labels::rows(&corpus) {
        let (path, label, severity) = (row[0].as_str(), row[1].as_str(), row[5].as_str());
        let reports = reports(&corpus.join(path));
        if label == "benign" {
            for report in &reports {
                assert!(report.worst() <= Some(Severity::Info) && report.incomplete.is_empty(), "{path}: {report:#?}");
            }
        } else if path.starts_with("config/") {
            let worst = reports.iter().filter_map(Report::worst).max();
            let template = reports.iter().flat_map(|r| &r.children).any(|c| c.hint == "jinja");
            match severity {
                "critical" => assert!(worst == Some(Severity::Critical) || template, "{path}: {reports:#?}"),
                _ => assert!(worst >= Some(Severity::Warning), "{path}: {reports:#?}"),
            }
        }
    }
}

#[test]
fn real_files_are_silent() {
    for entry in std::fs::read_dir(labels::fixtures().join("real")).unwrap() {
        let path = entry.unwrap().path();
        for report in reports(&path) {
            assert!(report.worst() <= Some(Severity::Info), "{}: {report:#?}", path.display());
            assert!(report.incomplete.is_empty(), "{}: {:?}", path.display(), report.incomplete);
        }
    }
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("configuration");
    for (file, format) in [
        ("good/tokenizer_config.json", "json-config"),
        ("bad/auto_map/config.json", "json-config"),
        ("bad/tags/apply.yaml", "yaml-config"),
        ("bad/hydra/config.yaml", "yaml-config"),
        ("good/hydra.yaml", "yaml-config"),
        ("bad/requirements.txt", "requirements"),
        ("bad/evil.pth", "python-path"),
        ("bad/pip.conf", "ini-config"),
    ] {
        conformance::<Configuration>(file, &std::fs::read(folder.join(file)).unwrap(), format);
    }
}

#[test]
fn templates_are_handed_on() {
    let path = labels::fixtures().join("configuration/good/templates/tokenizer_config.json");
    let report = labels::scan_file::<Configuration>(&path, "json-config");
    let texts: Vec<&str> = report.children.iter().map(|c| std::str::from_utf8(&c.bytes).unwrap()).collect();
    assert_eq!(texts, ["{{ messages[0] }}", "{{ tools }}"]);
    assert!(report.children.iter().all(|c| c.name == "chat_template.jinja" && c.hint == "jinja"));
}

#[test]
fn a_large_document_is_streamed_once() {
    let mut text = String::from("{\"model\":{\"vocab\":{");
    for n in 0..400_000 {
        text.push_str(&format!("\"token{n}\":{n},"));
    }
    text.push_str("\"last\":0},\"merges\":[\"a b\"");
    for n in 0..400_000 {
        text.push_str(&format!(",\"to ken{n}\""));
    }
    text.push_str("]}}");
    let (report, served) =
        scan_artifact::<Configuration>(Memory::new("tokenizer.json", text.as_bytes()), "json-config");
    assert!(report.findings.is_empty() && report.incomplete.is_empty());
    assert!(served < text.len() as u64 + (1 << 20));
}

#[test]
fn a_finding_names_the_path_and_the_bytes() {
    let text = "model:\n  naïve: [ä, {_target_: os.system}]\n";
    let (report, _) = scan_artifact::<Configuration>(Memory::new("x.yaml", text.as_bytes()), "yaml-config");
    let [finding] = report.findings.as_slice() else { panic!("{report:#?}") };
    assert_eq!(finding.element.as_deref(), Some("model.naïve[1]._target_"));
    let at = finding.at.unwrap();
    assert_eq!(&text[at.offset as usize..at.end() as usize], "os.system");
    assert_eq!(finding.message, "'_target_' names 'os.system', which starts processes");
}
