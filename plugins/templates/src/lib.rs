//! Scans Jinja templates: chat templates of tokenizers, processors and GGUF files, and template files.
//!
//! A chat template is a program that the application renders for every prompt. llama-cpp-python rendered it without a sandbox
//! (CVE-2024-34359, "Llama Drama"), SGLang did again (CVE-2026-5760), and Jinja2's own sandbox was left three times through `format`
//! and `attr` (CVE-2024-56326, CVE-2025-27516, CVE-2019-10906). So nothing is rendered here: the template is read with Jinja2's grammar
//! (`lexer`, `expression`, `statements`), constants are folded (`value`, `fold`), and what is asked of objects is held against
//! tables (`names`). What could not be read is incomplete, never clean.

mod content;
mod context;
mod expression;
mod fold;
mod lexer;
mod names;
mod report;
mod statements;
mod value;

use modelaudit_plugin::{Artifact, Format, Manifest, Plugin, Sink};
use modelaudit_rules::configuration::S1034;
use modelaudit_rules::policy::{S1011, S1016};
use modelaudit_rules::structure::S904;

/// Bytes of a template that are read. The longest in use have 30 KB.
const LONGEST: u64 = 1 << 20;

/// The plugin.
pub struct Templates;

impl Plugin for Templates {
    fn describe() -> Manifest {
        Manifest {
            name: "templates",
            version: env!("CARGO_PKG_VERSION"),
            summary: "Jinja chat templates: escapes from the sandbox, files taken in",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("jinja", "Jinja template").extensions(&["jinja", "jinja2", "j2"]).begins_as_text(),
            ],
            anchors: vec![],
            rules: vec![S904, S1011, S1016, S1034],
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        if looks_like_a_template(head) { vec!["jinja".to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let mut bytes = Vec::new();
        let wanted = artifact.size().min(LONGEST);
        while (bytes.len() as u64) < wanted {
            let block = artifact.read(bytes.len() as u64, (wanted - bytes.len() as u64) as u32);
            if block.is_empty() {
                break;
            }
            bytes.extend_from_slice(&block);
        }
        let source = String::from_utf8_lossy(&bytes);
        let outcome = statements::read(&source);
        report::findings(&outcome, &source, artifact.size(), sink);
        // Web pages are made of templates, too; what a chat's must not hold is their daily bread.
        let name = artifact.name().to_lowercase();
        if name.contains("chat_template") || (source.contains("messages") && source.contains("role")) {
            content::findings(&source, artifact.size(), sink);
        }
        if artifact.size() > LONGEST {
            return Err(format!("only the first {LONGEST} bytes of the template were read"));
        }
        if let Some((what, offset)) = outcome.problem {
            return Err(format!("the template was not understood: {what} at offset {offset}"));
        }
        if source.contains('\u{fffd}') && std::str::from_utf8(&bytes).is_err() {
            return Err("the template is not UTF-8".to_owned());
        }
        Ok(())
    }
}

modelaudit_plugin::export!(Templates);

/// Whether a file starts like a Jinja template. Go's templates (Ollama) have the same braces, but ask for `.Name` in them.
fn looks_like_a_template(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let start = head.trim_ascii_start();
    let opens = start.starts_with(b"{%") || start.starts_with(b"{{") || start.starts_with(b"{#");
    let text = std::str::from_utf8(start.get(..start.len().saturating_sub(4)).unwrap_or_default());
    opens
        && match text {
            Ok(text) => !text.contains('\0') && !is_go_template(text),
            Err(_) => false,
        }
}

/// Whether a template is one of Go's: a field or variable follows the braces or a keyword of its own.
fn is_go_template(text: &str) -> bool {
    text.split("{{").skip(1).any(|code| {
        let code = code.strip_prefix('-').unwrap_or(code).trim_start();
        let mut words = code.split_whitespace();
        let first = words.next().unwrap_or_default();
        first.starts_with(['.', '$'])
            || matches!(first, "if" | "range" | "with" | "end" | "else" | "template" | "block" | "define")
            || words.next().is_some_and(|w| w.starts_with("$."))
    })
}
