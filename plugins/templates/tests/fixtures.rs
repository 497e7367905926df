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

/// The chat templates of a corpus file: values of its JSON, or the text behind the key in a GGUF.
fn templates(bytes: &[u8]) -> Vec<Vec<u8>> {
    const KEY: &[u8] = b"tokenizer.chat_template";
    if let Some(at) = bytes.windows(KEY.len()).position(|w| w == KEY).filter(|_| bytes.starts_with(b"GGUF")) {
        let value = &bytes[at + KEY.len() + 4..];
        let length = u64::from_le_bytes(value[..8].try_into().unwrap()) as usize;
        return value.get(8..8 + length).map(<[u8]>::to_vec).into_iter().collect();
    }
    let document = modelaudit_json::Document::from_slice(bytes, modelaudit_json::TreeLimits::default());
    let template = document.ok().and_then(|d| d.root.get("chat_template")?.as_str().map(str::to_owned));
    template.map(String::into_bytes).into_iter().collect()
}

#[test]
fn the_corpus_is_judged() {
    let corpus = labels::fixtures().join("corpus");
    let (mut good, mut bad) = (0, 0);
    for row in labels::rows(&corpus) {
        let (path, label, technique) = (row[0].as_str(), row[1].as_str(), row[2].as_str());
        let bytes = std::fs::read(corpus.join(path)).unwrap();
        let all = if path.ends_with(".jinja") { vec![bytes] } else { templates(&bytes) };
        for template in all {
            let report = scan::<Templates>(&template, "jinja");
            if technique.contains("SSTI") {
                bad += 1;
                assert_eq!(report.worst(), Some(Severity::Critical), "{path}: {report:#?}");
            } else {
                good += 1;
                assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{path} {label}: {report:#?}");
            }
        }
    }
    assert!(good >= 10 && bad >= 12, "{good} {bad}");
}

/// An independent parser must take what the fixtures call good, so that they are templates, and ours must take what it takes.
#[test]
fn another_parser_agrees_on_the_good_ones() {
    let folder = labels::fixtures().join("templates");
    for row in labels::rows(&folder) {
        let text = std::fs::read(folder.join(&row[0])).unwrap();
        let Ok(text) = std::str::from_utf8(&text) else { continue };
        if row[0].starts_with("deep/") || text.len() > 10_000 {
            continue; // It recurses without a limit on some of these.
        }
        let plain = text.replace("{% generation %}", "").replace("{% endgeneration %}", "");
        let theirs = minijinja::machinery::parse(&plain, "template", Default::default());
        let ours = scan::<Templates>(text.as_bytes(), "jinja").incomplete;
        assert!(theirs.is_err() || ours.is_empty(), "{}: {ours:?}", row[0]);
        assert!(!row[0].starts_with("good/") || theirs.is_ok(), "{}: {:?}", row[0], theirs.err());
    }
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
