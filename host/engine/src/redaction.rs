//! What a plugin found to be a secret is shown by nobody: not by the finding of another plugin that quotes the same text (the argument of a
//! pickle's call, a command in a configuration), not in facts, gaps or logs.
//!
//! The analyser of secrets says where they stand (rules S701 to S799), so the host reads those bytes while it has them and takes them out of every text
//! of the file's report. What is left is the first four characters and the start of the SHA-256, by which the owner can tell which it is.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::model::{ArtifactReport, Span};

/// Shorter ones would be found in innocent text; the analyser reports none.
const SHORTEST: usize = 8;
/// Longer evidence is read as far as this.
const LONGEST: u64 = 8 << 10;
/// Secrets of a file that are remembered.
const MOST: usize = 1000;
/// So many characters of a secret at the end of a text that was cut are a part of it and no chance.
const BEGUN: usize = 12;

/// The secrets of a file.
#[derive(Default)]
pub struct Secrets(BTreeSet<String>);

/// True for the rules whose findings' evidence is a secret.
pub fn is_secret(rule: &str) -> bool {
    rule.len() == 4 && rule.starts_with("S7")
}

/// The part of a finding's evidence to read.
pub fn evidence(at: Span) -> Option<(u64, usize)> {
    (at.length >= SHORTEST as u64).then(|| (at.offset, at.length.min(LONGEST) as usize))
}

impl Secrets {
    /// Remembers a secret. A private key is shown by its lines, too, so each long one counts.
    pub fn add(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().map(str::trim).filter(|line| line.len() >= 2 * SHORTEST && !line.starts_with("-----"));
        for part in std::iter::once(text.trim()).chain(lines) {
            if part.len() >= SHORTEST && self.0.len() < MOST {
                self.0.insert(part.to_owned());
            }
        }
    }

    /// Takes the secrets out of every text of a file's report but the secrets' own places.
    pub fn hide(&self, artifacts: &mut [ArtifactReport]) {
        if self.0.is_empty() {
            return;
        }
        for artifact in artifacts {
            for finding in &mut artifact.findings {
                self.text(&mut finding.message);
                finding.element.iter_mut().for_each(|element| self.text(element));
                finding.details.iter_mut().for_each(|(_, value)| self.text(value));
            }
            artifact.gaps.iter_mut().for_each(|gap| self.text(&mut gap.reason));
            artifact.log.iter_mut().for_each(|(_, line)| self.text(line));
            artifact.facts.values_mut().for_each(|value| self.value(value));
        }
    }

    fn value(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => self.text(text),
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            serde_json::Value::Object(members) => members.values_mut().for_each(|item| self.value(item)),
            _ => {}
        }
    }

    fn text(&self, text: &mut String) {
        // Longer ones first: a token inside a URL must not leave the URL's rest behind.
        let mut secrets: Vec<&String> = self.0.iter().collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        for secret in secrets {
            if text.contains(secret.as_str()) {
                *text = text.replace(secret.as_str(), &shown(secret));
            }
            let body = text.trim_end_matches(['.', '\'', '"', ')', ' ']);
            // The first line of a key is the same for all.
            let frame = if secret.starts_with("-----") { secret.find('\n').unwrap_or(secret.len()) } else { 0 };
            let begun = (frame + BEGUN..secret.len()).rev().filter(|end| secret.is_char_boundary(*end));
            if let Some(end) = begun.into_iter().find(|end| body.ends_with(&secret[..*end])) {
                let at = body.len() - end;
                text.replace_range(at..at + end, &shown(secret));
            }
        }
    }
}

/// The first four characters and eight digits of the SHA-256.
fn shown(secret: &str) -> String {
    let head: String = secret.chars().take(4).collect();
    let hash = Sha256::digest(secret.as_bytes());
    format!("{head}...({:02x}{:02x}{:02x}{:02x})", hash[0], hash[1], hash[2], hash[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(secrets: &Secrets, text: &str) -> String {
        let mut text = text.to_owned();
        secrets.text(&mut text);
        text
    }

    #[test]
    fn a_secret_is_hidden_wherever_it_is_quoted_and_cut() {
        let secret = format!("ghp_{}", "x1Y2".repeat(9));
        let mut secrets = Secrets::default();
        secrets.add(secret.as_bytes());
        let out = hidden(&secrets, &format!("calls os.system('curl -H {secret} example.com')"));
        assert!(out.starts_with("calls os.system('curl -H ghp_...(") && !out.contains("x1Y2"), "{out}");
        let cut = hidden(&secrets, &format!("calls f('{}...'", &secret[..20]));
        assert!(!cut.contains("x1Y2"), "{cut}");
        assert_eq!(hidden(&secrets, "ghp_ is GitHub's prefix"), "ghp_ is GitHub's prefix");
    }

    #[test]
    fn a_key_is_hidden_line_by_line_and_its_frame_is_not() {
        let mut secrets = Secrets::default();
        secrets.add(b"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----\n");
        assert!(!hidden(&secrets, "the value is 'AQEFAASCBKcwggSjAgEAAoIB'").contains("SCBK"));
        assert_eq!(hidden(&secrets, "-----BEGIN PRIVATE KEY-----"), "-----BEGIN PRIVATE KEY-----");
        secrets.add(b"short");
        assert_eq!(hidden(&secrets, "short"), "short");
    }
}
