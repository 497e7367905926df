//! The plugin on fixtures/templates and on the templates of the corpus.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::testing::{conformance, scan};
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_templates::Templates;

#[test]
fn labels_hold() {
    labels::check::<Templates>("templates");
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("templates");
    for file in ["good/chatml", "good/phi_vision", "bad/format_method", "bad/loop_built", "cut/crossed", "odd/extends"]
    {
        let file = format!("{file}.jinja");
        conformance::<Templates>(&file, &std::fs::read(folder.join(&file)).unwrap(), "jinja");
    }
}

#[test]
fn the_corpus_s_template_is_silent() {
    let path = labels::fixtures().join("corpus/benign_config/chat_template/chat_template.jinja");
    let report = labels::scan_file::<Templates>(&path, "jinja");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:#?}");
}

#[test]
fn an_escape_is_one_finding_with_its_evidence() {
    let text = "{{ messages }}\n{{ ''.__class__.__mro__ }}\n{{ ''|attr('__base__') }}{{ m._x }}";
    let report = scan::<Templates>(text.as_bytes(), "jinja");
    let [finding] = report.findings.as_slice() else { panic!("{report:#?}") };
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(finding.message, "the template leaves its sandbox through '__class__', '__mro__', '__base__'");
    let at = finding.at.unwrap();
    assert_eq!(&text[at.offset as usize..at.end() as usize], "{{ ''.__class__.__mro__ }}");
    let detail = |key| finding.details.iter().find(|(k, _)| *k == key).map(|(_, v)| v.as_str());
    assert_eq!((detail("line"), detail("expressions")), (Some("2"), Some("2")));
}

#[test]
fn the_content_tells_a_template() {
    let probe = |text: &str| !Templates::probe(text.as_bytes(), text.len() as u64).is_empty();
    assert!(probe("{% for m in messages %}{{ m.content }}{% endfor %}"));
    assert!(probe("\n{{- bos_token }}\n"));
    assert!(!probe("{{ if .System }}{{ .System }}{{ end }} and more"));
    assert!(!probe("{\"a\": 1}"));
    assert!(!probe("text {{ x }}"));
}

#[test]
fn a_large_template_is_read_to_its_limit() {
    let text = "{{ a }} text\n".repeat(100_000);
    let report = scan::<Templates>(text.as_bytes(), "jinja");
    assert!(report.findings.is_empty() && report.incomplete.len() == 1);
}
