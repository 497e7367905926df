//! Names a finding so that it is known again: in a baseline, in code scanning's alerts.
//!
//! It is made of what was found and in which bytes: the rule, the artifact's SHA-256, the names inside the file, the named part, and
//! the number among findings that agree in all of these. Not of the file's path (files are moved), of the message or the exact place (a
//! later version words and points better). Other bytes are another finding: what was accepted in a file is not accepted in its successor.

use std::collections::HashMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::model::Finding;

/// Digits of a fingerprint: 128 bits.
const DIGITS: usize = 32;

/// Gives each finding of an artifact its fingerprint. `path` is the artifact's, the file itself first; findings are in their final order.
pub fn assign(findings: &mut [Finding], path: &[String], sha256: Option<[u8; 32]>, rule_id: &dyn Fn(usize) -> String) {
    let mut seen: HashMap<(usize, Option<String>), u64> = HashMap::new();
    for finding in findings {
        let number = seen.entry((finding.rule, finding.element.clone())).or_insert(0);
        let mut hasher = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        field(b"modelaudit finding 1");
        field(rule_id(finding.rule).as_bytes());
        field(sha256.as_ref().map_or(&[], |hash| hash.as_slice()));
        field(finding.element.as_deref().unwrap_or_default().as_bytes());
        field(&number.to_le_bytes());
        path.iter().skip(1).for_each(|name| field(name.as_bytes()));
        *number += 1;
        let digest = hasher.finalize();
        finding.fingerprint = digest.iter().take(DIGITS / 2).fold(String::with_capacity(DIGITS), |mut text, byte| {
            let _ = write!(text, "{byte:02x}"); // a String takes everything
            text
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Ruling, Severity, Span};

    fn finding(rule: usize, offset: u64, message: &str) -> Finding {
        Finding {
            rule,
            message: message.to_owned(),
            severity: Severity::Warning,
            at: Some(Span { offset, length: 1 }),
            element: None,
            details: vec![],
            plugin: 0,
            fingerprint: String::new(),
            ruling: Ruling::default(),
        }
    }

    fn fingerprints(mut findings: Vec<Finding>, path: &[&str], content: u8) -> Vec<String> {
        let path: Vec<String> = path.iter().map(|&p| p.to_owned()).collect();
        assign(&mut findings, &path, Some([content; 32]), &|rule| format!("S{rule}"));
        findings.into_iter().map(|f| f.fingerprint).collect()
    }

    #[test]
    fn it_survives_moving_the_file_and_wording_the_message_anew() {
        let before = fingerprints(vec![finding(1, 4, "calls os.system")], &["models/a.zip", "data.pkl"], 7);
        let after = fingerprints(vec![finding(1, 5, "os.system is called")], &["b.zip", "data.pkl"], 7);
        assert_eq!(before, after);
        assert_eq!(before[0].len(), DIGITS);
    }

    #[test]
    fn other_bytes_rules_members_and_repetitions_are_other_findings() {
        let twice = vec![finding(1, 4, "x"), finding(1, 9, "x"), finding(2, 9, "x")];
        let mut all = fingerprints(twice.clone(), &["a", "b"], 7);
        all.extend(fingerprints(twice.clone(), &["a", "c"], 7));
        all.extend(fingerprints(twice, &["a", "b"], 8));
        let unique: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(unique.len(), all.len());
    }
}
