//! What a dotted name in a configuration can do when a framework imports and calls it.
//!
//! Hydra, OmegaConf, NeMo (CVE-2025-23304), LightningCLI, torchtune and latent diffusion all have keys whose value is such a name. What a
//! name can do is the pickle policy's to say, for the danger is the same; what differs is how names are found in modules, and which of
//! the policy's names are everyday here. [`dangerous`] is the one judgement; the configuration plugin reports it, the nemo plugin asks
//! it so that it says nothing twice.

use modelaudit_pickle_policy::{Entry, Judgement, judge, resolve};
use modelaudit_plugin::Severity;

/// Names that everyday configurations call although a pickle must not: they load data that the configuration itself names.
/// Last component and severity at most.
const EVERYDAY: &[(&str, Severity)] = &[
    ("from_pretrained", Severity::Info),
    ("load_dataset", Severity::Info),
    ("load_from_disk", Severity::Info),
    ("read_csv", Severity::Info),
    ("get_class", Severity::Warning),
    ("get_method", Severity::Warning),
    ("get_object", Severity::Warning),
    ("get_static_method", Severity::Warning),
    ("instantiate", Severity::Warning),
    ("print", Severity::Info),
];

/// Functions that return the object named by their argument `path` (hydra/utils.py): what they name is as good as called, for the
/// configuration goes on to hand it to whoever calls it.
const LOOKUPS: &[&str] = &["get_class", "get_method", "get_object", "get_static_method", "_locate"];

/// What a dotted name can do at worst, with the severity of calling it and the object it stands for.
///
/// The loaders try every border between module and attribute, so every one is judged.
pub fn dangerous(path: &str) -> Option<(&'static Entry, Severity, String)> {
    let mut worst: Option<(&'static Entry, Severity, String)> = None;
    for (dot, _) in path.match_indices('.').take(16) {
        let (Some(module), Some(name)) = (path.get(..dot), path.get(dot + 1..)) else { continue };
        let resolved = resolve(module, name, 4);
        if let Judgement::Dangerous(entry) = judge(&resolved) {
            let last = path.rsplit('.').next().unwrap_or(path);
            // A name that only sounds dangerous is a reason to look, no more.
            let guess = matches!(entry.module, "?" | "*");
            let mut severity = if guess { entry.called.min(Severity::Warning) } else { entry.called };
            if let Some((_, most)) = EVERYDAY.iter().find(|row| row.0 == last) {
                severity = severity.min(*most);
            }
            if worst.as_ref().is_none_or(|(_, s, _)| severity > *s) {
                worst = Some((entry, severity, resolved.object));
            }
        }
    }
    worst
}

/// Whether calling the name returns the object that its argument `path` names.
pub fn is_lookup(path: &str) -> bool {
    path.strip_prefix("hydra.").and_then(|rest| rest.rsplit_once('.')).is_some_and(|(_, last)| LOOKUPS.contains(&last))
}

/// `a.b.c` of identifiers.
pub fn is_dotted(text: &str) -> bool {
    text.len() <= 512
        && text.contains('.')
        && text.split('.').all(|part| {
            !part.is_empty()
                && !part.starts_with(|c: char| c.is_ascii_digit())
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_border_counts() {
        let severity = |name| dangerous(name).map(|(_, severity, _)| severity);
        assert_eq!(severity("random._os.system"), Some(Severity::Critical));
        assert_eq!(severity("hydra.utils.get_method"), Some(Severity::Warning));
        assert_eq!(severity("transformers.AutoModel.from_pretrained"), Some(Severity::Info));
        assert_eq!(severity("torch.nn.Linear"), None);
        assert_eq!(severity("os"), None);
    }

    #[test]
    fn lookups_and_dotted_names() {
        assert!(is_lookup("hydra.utils.get_method") && is_lookup("hydra._internal.utils._locate"));
        assert!(!is_lookup("hydra.utils.instantiate") && !is_lookup("mypkg.get_method"));
        assert!(is_dotted("a.b") && !is_dotted("a") && !is_dotted("1.5") && !is_dotted("a..b"));
    }
}
