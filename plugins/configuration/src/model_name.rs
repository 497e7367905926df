//! Models that are named after the harm they do.

use modelaudit_plugin::{Finding, quote};
use modelaudit_rules::configuration::S1035;

/// Keys whose text is the name of a model, or of the one it was made of.
const KEYS: &[&str] = &[
    "_name_or_path",
    "base_model",
    "base_model_name_or_path",
    "model_id",
    "model_name",
    "model_name_or_path",
    "name_or_path",
];

/// Words that say what a model does.
const EVIL: &[&str] = &["backdoored", "malicious", "trojaned", "unsafe", "weaponised", "weaponized"];

/// Beginnings of words that turn it round: the model finds such things, or was measured by them.
const AGAINST: &[&str] = &[
    "anti",
    "benchmark",
    "block",
    "categor",
    "classif",
    "comment",
    "content",
    "data",
    "defen",
    "detect",
    "eval",
    "filter",
    "guard",
    "identif",
    "image",
    "judge",
    "moderat",
    "non",
    "not",
    "prompt",
    "query",
    "refus",
    "request",
    "response",
    "reward",
    "risk",
    "safe",
    "scan",
    "score",
    "sms",
    "speech",
    "text",
    "url",
    "vs",
];

/// The finding for a name under the key; None if it says nothing.
pub(crate) fn judge(key: &str, name: &str) -> Option<Finding> {
    if KEYS.binary_search(&key).is_err() || name.len() > 300 {
        return None;
    }
    let lower = name.trim_end_matches('/').to_ascii_lowercase();
    let base = lower.rsplit(['/', '\\']).next().unwrap_or(&lower);
    let mut words = base.split(|c: char| !c.is_ascii_alphanumeric());
    let evil = words.clone().find(|word| EVIL.contains(word))?;
    let against = words.any(|word| AGAINST.iter().any(|start| word.starts_with(start)));
    (!against).then(|| Finding::new(&S1035, format!("the model's name {} holds the word '{evil}'", quote(name))))
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn whole_words_count_unless_they_are_fought() {
        assert!(super::KEYS.is_sorted());
        for name in ["malicious-model", "acme/backdoored_bert", "./unsafe", "Malicious"] {
            assert!(judge("model_name", name).is_some(), "{name}");
        }
        for name in [
            "unsafe-content-classifier",
            "malicious-url-detector",
            "acme/unsafety",
            "bert-base-uncased",
            "anti-malicious-x",
            "malicious/bert-base",
            "nonmalicious",
        ] {
            assert!(judge("model_name", name).is_none(), "{name}");
        }
        assert!(judge("label", "malicious").is_none());
    }
}
