//! Ollama's Modelfile: where a model's weights and adapters come from.

use modelaudit_paths::classify;
use modelaudit_plugin::{Artifact, Finding, Sink, clip, escape, quote};
use modelaudit_rules::configuration::S1033;

/// Bytes read; templates and licences make the longest some hundred kilobytes.
const LONGEST: u64 = 4 << 20;

/// Instructions that no Dockerfile has. Ollama takes them in lower case, too: such a file is told by its name.
const OWN: &[&str] = &["PARAMETER ", "TEMPLATE ", "SYSTEM ", "ADAPTER ", "MESSAGE ", "LICENSE "];

/// Registries that serve models to everybody.
const HUBS: &[&str] =
    &["registry.ollama.ai", "ollama.com", "ollama.ai", "hf.co", "huggingface.co", "modelscope.cn", "www.modelscope.cn"];

/// Whether the first bytes are a Modelfile: `FROM` before anything else, and an instruction of its own.
pub(crate) fn looks_like_modelfile(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().is_some_and(|line| line.starts_with("FROM "))
        && lines.any(|line| OWN.iter().any(|word| line.starts_with(word)))
}

/// Scans a Modelfile.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let Some((text, cut)) = crate::text(artifact, LONGEST) else {
        return Err("the Modelfile is not UTF-8 text".to_owned());
    };
    let (mut offset, mut quoted, mut found) = (0u64, false, 0);
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len() as u64;
        // Texts of many lines stand between three quotes.
        let marks = line.matches("\"\"\"").count();
        let inside = quoted;
        quoted ^= marks % 2 == 1;
        if inside {
            continue;
        }
        let line = line.trim();
        let Some((word, value)) = line.split_once(char::is_whitespace) else { continue };
        let value = value.trim().trim_matches('"');
        let word = word.to_ascii_uppercase();
        if !matches!(word.as_str(), "FROM" | "ADAPTER") {
            continue;
        }
        if word == "FROM" {
            sink.fact_text("base_model", &clip(&escape(value), 300));
        }
        let Some(reason) = judge(value) else { continue };
        found += 1;
        if found <= 16 {
            let message = format!("{word} takes {reason}: {}", quote(crate::redaction::redacted(value).as_ref()));
            sink.finding(Finding::new(&S1033, message).at(start, line.len() as u64).element(word));
        }
    }
    if cut { Err(format!("only the first {LONGEST} bytes of the Modelfile were read")) } else { Ok(()) }
}

/// What is odd about the place of a model; None if nothing. What `ollama show --modelfile` writes is an absolute path to its own blobs.
fn judge(value: &str) -> Option<&'static str> {
    if value.starts_with("http://") {
        return Some("a model over plain HTTP");
    }
    let value = value.strip_prefix("https://").unwrap_or(value);
    let first = value.split('/').next().unwrap_or(value);
    let host = first.split(':').next().unwrap_or(first).to_ascii_lowercase();
    let path = value.starts_with(['.', '/', '~', '\\']) || value.get(1..3).is_some_and(|drive| drive == ":\\");
    if path {
        return classify(value.as_bytes())
            .escapes()
            .then_some("a file outside of its folder")
            .filter(|_| value.contains(".."));
    }
    let is_host = value.contains('/') && host.contains('.') && !host.ends_with(".gguf");
    (is_host && !HUBS.contains(&host.as_str())).then_some("a model from a registry of its own")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_judged() {
        for odd in [
            "http://evil.example/x",
            "evil.example/library/llama3",
            "registry.evil.example:5000/a/b",
            "../../../etc/x.gguf",
        ] {
            assert!(judge(odd).is_some(), "{odd}");
        }
        for usual in [
            "llama3.2",
            "llama3:8b",
            "library/llama3",
            "./model.gguf",
            "hf.co/a/b:Q4",
            "model.gguf",
            "/usr/share/ollama/blobs/sha256-1",
            "models/x.gguf",
        ] {
            assert_eq!(judge(usual), None, "{usual}");
        }
    }
}
