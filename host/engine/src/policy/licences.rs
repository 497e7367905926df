//! Which licences `--strict-license` warns of: a table from SPDX ids, classes and rules to severities, that the user may change.

use std::collections::HashMap;

use super::{PolicyError, Stated, level_of};
use crate::model::Severity;
use crate::nearest::hint;

/// The rules about licences, and what becomes of them: they contradict each other, copyleft, non-commercial, limited use, an old name,
/// unknown or missing.
const RULES: [(&str, Severity); 6] = [
    ("S1008", Severity::Warning),
    ("S1009", Severity::Warning),
    ("S1020", Severity::Warning),
    ("S1021", Severity::Warning),
    ("S1022", Severity::Warning),
    ("S1023", Severity::Warning),
];

/// The classes that the plugin `licences` tells apart.
const CLASSES: [&str; 8] = [
    "permissive",
    "weak-copyleft",
    "strong-copyleft",
    "network-copyleft",
    "use-restricted",
    "non-commercial",
    "unknown",
    "missing",
];

/// The table.
pub struct Licences {
    levels: HashMap<String, Severity>,
}

impl Licences {
    /// The table with the user's entries, `ID=LEVEL`, in it.
    ///
    /// # Errors
    /// An entry that has another form, or a key that can be none of the three.
    pub fn new(entries: &[Stated]) -> Result<Self, PolicyError> {
        let mut levels: HashMap<String, Severity> =
            RULES.iter().map(|(id, level)| (id.to_lowercase(), *level)).collect();
        for stated in entries {
            let (id, level) = stated.text.split_once('=').ok_or_else(|| stated.error("write ID=LEVEL"))?;
            let id = id.trim().to_lowercase();
            if !is_key(&id) {
                let known = CLASSES.into_iter().chain(RULES.map(|(id, _)| id));
                let hint = hint(&id, known, "write an SPDX id, a class or a licence rule");
                return Err(stated.error(format!("'{id}' is no licence{hint}")));
            }
            levels.insert(id, level_of(level).map_err(|e| stated.error(e))?);
        }
        Ok(Self { levels })
    }

    /// What becomes of a finding of that rule with these details; None if the rule is not about licences. The licence's own entry wins
    /// over its class, and that over the rule.
    pub fn level(&self, rule: &str, details: &[(String, String)]) -> Option<Severity> {
        RULES.iter().any(|(id, _)| *id == rule).then_some(())?;
        let of = |key: &str| {
            let values = details.iter().filter(|(k, _)| k == key);
            values.filter_map(|(_, value)| self.levels.get(&value.to_lowercase())).max().copied()
        };
        of("spdx_id").or_else(|| of("class")).or_else(|| self.levels.get(&rule.to_lowercase()).copied())
    }
}

/// A class, a rule, or something that can be an SPDX id: those hold a digit or a hyphen, or are names in capitals (MIT, ISC), which
/// [`Licences::new`] has put in lower case; a lone word of small letters that is none of ours would never fit.
fn is_key(id: &str) -> bool {
    CLASSES.contains(&id)
        || RULES.iter().any(|(rule, _)| rule.eq_ignore_ascii_case(id))
        || (id.contains(|c: char| c.is_ascii_digit() || c == '-') || id.len() <= 8)
            && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+'))
            && !id.is_empty()
            && !is_slip(id)
}

/// Nearly a class or a rule, so that it is a slip and not a licence.
fn is_slip(id: &str) -> bool {
    let near = |known: &str| strsim::damerau_levenshtein(id, &known.to_lowercase()) <= 2;
    CLASSES.into_iter().any(near) || (id.starts_with("s1") && RULES.iter().any(|(rule, _)| near(rule)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[&str]) -> Result<Licences, PolicyError> {
        Licences::new(&entries.iter().map(|e| Stated::new(*e, "x.toml")).collect::<Vec<_>>())
    }

    #[test]
    fn the_licence_wins_over_its_class_and_that_over_the_rule() {
        let table = table(&["AGPL-3.0-only=critical", "strong-copyleft=info", "S1022=debug"]).unwrap();
        let level = |rule: &str, id: &str, class: &str| {
            table.level(rule, &[("spdx_id".to_owned(), id.to_owned()), ("class".to_owned(), class.to_owned())])
        };
        assert_eq!(level("S1009", "agpl-3.0-only", "network-copyleft"), Some(Severity::Critical));
        assert_eq!(level("S1009", "GPL-3.0-only", "strong-copyleft"), Some(Severity::Info));
        assert_eq!(level("S1020", "CC-BY-NC-4.0", "non-commercial"), Some(Severity::Warning));
        assert_eq!(level("S1022", "GPL-3.0", "x"), Some(Severity::Debug));
        assert_eq!(level("S201", "AGPL-3.0-only", "x"), None);
    }

    #[test]
    fn slips_are_told() {
        for wrong in ["non-comercial=info", "S1029=info", "permisive=warning", "MIT", "MIT=bad", "=info", "a b=info"] {
            assert!(table(&[wrong]).is_err(), "{wrong}");
        }
        for right in ["MIT=warning", "Apache-2.0=info", "missing=critical", "LGPL-2.1-or-later=info", "s1008=info"] {
            assert!(table(&[right]).is_ok(), "{right}");
        }
    }
}
