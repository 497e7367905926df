//! From what people write to an identifier and its class.

use crate::class::Class;
use crate::tables::{CLASSES, NAMED};
use crate::words::phrase;

/// Bytes of a name that are looked at.
const LONGEST: usize = 200;

/// A licence that the tables know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// SPDX identifier; `LicenseRef-` and the hub's name for licences that SPDX does not list.
    pub id: String,
    /// Its class.
    pub class: Class,
    /// SPDX keeps the identifier only for old documents.
    pub deprecated: bool,
    /// Full name.
    pub title: &'static str,
}

/// A licence of SPDX's list by its identifier, whatever the case.
pub fn by_id(name: &str) -> Option<Known> {
    let name = name.strip_prefix("LicenseRef-").unwrap_or(name);
    if name.len() > LONGEST {
        return None;
    }
    // The list is sorted by bytes, which ignores no case; the exact name is found at once, the others are looked through.
    let license = spdx::license_id(name)
        .filter(|id| id.name == name)
        .map(|id| id.index)
        .or_else(|| spdx::identifiers::LICENSES.iter().position(|l| l.name.eq_ignore_ascii_case(name)))
        .and_then(|index| spdx::identifiers::LICENSES.get(index));
    if let Some(license) = license {
        let deprecated = spdx::license_id(license.name).is_some_and(|id| id.name == license.name && id.is_deprecated());
        let class = CLASSES.get(license.index).copied().unwrap_or(Class::Unknown);
        // `GPL-2.0+` has an entry of its own.
        let deprecated = deprecated || license.name.ends_with('+');
        return Some(Known { id: license.name.to_owned(), class, deprecated, title: license.full_name });
    }
    NAMED.iter().find(|n| n.class.is_some() && n.id.eq_ignore_ascii_case(name)).map(named)
}

/// A licence by an identifier or another spelling: `apache 2.0`, `The MIT License`, `Llama-2`.
pub fn by_name(name: &str) -> Option<Known> {
    let name = name.trim();
    if name.is_empty() || name.len() > LONGEST {
        return None;
    }
    if let Some(known) = by_id(name) {
        return Some(known);
    }
    let words = phrase(name);
    by_words(&words).or_else(|| {
        // "The ..." and "... License" are ornament.
        let ornament = |word: &str| phrase(word).first().copied();
        let rest = if words.first().copied() == ornament("the") { words.get(1..)? } else { &words };
        let rest = if rest.last().copied() == ornament("license") { rest.get(..rest.len() - 1)? } else { rest };
        (rest.len() < words.len()).then(|| by_words(rest)).flatten()
    })
}

/// A licence whose spelling, identifier or full name has exactly these words.
pub fn by_words(words: &[u32]) -> Option<Known> {
    if words.is_empty() || words.len() > 16 {
        return None;
    }
    if let Some(known) = NAMED.iter().find(|n| n.spellings.contains(&words)) {
        return Some(named(known));
    }
    // Without case and punctuation; one word may be a chance ("ISC" is an identifier, "TCL" a language): those go by `by_id` only.
    if words.len() < 2 {
        return None;
    }
    let same = |text: &str| phrase(text) == words;
    spdx::identifiers::LICENSES.iter().find(|l| same(l.name) || same(l.full_name)).and_then(|l| by_id(l.name))
}

/// What a row of the table stands for.
pub fn named(named: &crate::tables::Named) -> Known {
    match named.class {
        None => by_id(named.id).unwrap_or_else(|| unknown(named.id)),
        Some(class) => Known {
            id: format!("LicenseRef-{}", named.id.replace("++", "-plus-plus")),
            class,
            deprecated: false,
            title: named.title,
        },
    }
}

/// A licence that no table knows, under the name that it was given.
pub fn unknown(name: &str) -> Known {
    let clean: String =
        name.chars().take(64).map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let clean = clean.trim_matches('-');
    let clean = clean.strip_prefix("LicenseRef-").unwrap_or(clean);
    let id = format!("LicenseRef-{}", if clean.is_empty() { "unknown" } else { clean });
    Known { id, class: Class::Unknown, deprecated: false, title: "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_people_write_them() {
        for (name, id, class) in [
            ("apache-2.0", "Apache-2.0", Class::Permissive),
            ("Apache License, Version 2.0", "Apache-2.0", Class::Permissive),
            ("The MIT License", "MIT", Class::Permissive),
            ("mit", "MIT", Class::Permissive),
            ("ISC", "ISC", Class::Permissive),
            ("BSD 3-Clause License", "BSD-3-Clause", Class::Permissive),
            ("cc-by-nc-4.0", "CC-BY-NC-4.0", Class::NonCommercial),
            ("CC BY-NC-SA 4.0", "CC-BY-NC-SA-4.0", Class::NonCommercial),
            ("cc-by-sa-4.0", "CC-BY-SA-4.0", Class::StrongCopyleft),
            ("Creative Commons Attribution Non Commercial 4.0 International", "CC-BY-NC-4.0", Class::NonCommercial),
            ("agpl-3.0", "AGPL-3.0", Class::NetworkCopyleft),
            ("GPLv3", "GPL-3.0-only", Class::StrongCopyleft),
            ("lgpl-2.1", "LGPL-2.1", Class::WeakCopyleft),
            ("mpl-2.0", "MPL-2.0", Class::WeakCopyleft),
            ("llama2", "LicenseRef-llama2", Class::UseRestricted),
            ("Llama 3.1 Community License", "LicenseRef-llama3.1", Class::UseRestricted),
            ("gemma", "LicenseRef-gemma", Class::UseRestricted),
            ("openrail++", "LicenseRef-openrail-plus-plus", Class::UseRestricted),
            ("creativeml-openrail-m", "LicenseRef-creativeml-openrail-m", Class::UseRestricted),
            ("deepseek-license", "LicenseRef-deepseek", Class::UseRestricted),
            ("qwen-research", "LicenseRef-qwen-research", Class::NonCommercial),
            ("bigscience-bloom-rail-1.0", "LicenseRef-bigscience-bloom-rail-1.0", Class::UseRestricted),
            ("BUSL-1.1", "BUSL-1.1", Class::UseRestricted),
            ("unlicense", "Unlicense", Class::Permissive),
        ] {
            let known = by_name(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((known.id.as_str(), known.class), (id, class), "{name}");
        }
        assert!(by_id("AGPL-3.0").unwrap().deprecated && by_id("GPL-2.0+").unwrap().deprecated);
        assert!(!by_id("GPL-2.0-or-later").unwrap().deprecated);
        for name in ["", "other", "model", "my own licence", "see LICENSE", &"x".repeat(5000)] {
            assert_eq!(by_name(name), None, "{name:.40}");
        }
    }
}
