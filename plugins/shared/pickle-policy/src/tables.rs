//! The reviewed tables, compiled by the build script from `data/`, and the searches in them.

use modelaudit_plugin::Severity;

use crate::{Entry, Group, Role};

include!(concat!(env!("OUT_DIR"), "/tables.rs"));

/// The row whose key is `key`, in an array sorted by key.
pub(crate) fn find<'t, T>(table: &'t [T], key: &str, key_of: impl Fn(&T) -> &str) -> Option<&'t T> {
    table.binary_search_by(|row| key_of(row).cmp(key)).ok().and_then(|index| table.get(index))
}

/// Whether the sorted list holds the name.
pub(crate) fn contains(list: &[&str], name: &str) -> bool {
    list.binary_search(&name).is_ok()
}

/// Longest path that is looked at. Python has no limit, but nothing real comes near it, and no table holds a longer key:
/// of a longer one only the beginning can match.
pub(crate) const LONGEST_PATH: usize = 4096;

/// `path` and its ancestors (`a.b.c`, `a.b`, `a`), longest first.
pub(crate) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let start = if path.len() <= LONGEST_PATH {
        Some(path)
    } else {
        let end = (0..=LONGEST_PATH).rev().find(|end| path.is_char_boundary(*end)).unwrap_or(0);
        path.get(..end).and_then(|head| head.rfind('.').map(|dot| &head[..dot]))
    };
    std::iter::successors(start, |p| p.rfind('.').map(|end| &p[..end]))
}

/// The most specific dangerous entry at or above `path`, with the path that it stands at.
pub(crate) fn dangerous(path: &str) -> Option<(&'static str, &'static Entry)> {
    ancestors(path).find_map(|p| find(DANGEROUS, p, |row| row.0)).map(|(key, entry)| (*key, entry))
}

/// The first component of a dotted path.
pub(crate) fn top(path: &str) -> &str {
    path.split_once('.').map_or(path, |(top, _)| top)
}

/// Whether the module is known as a module, of the standard library or of a package that the tables name.
pub(crate) fn is_known_module(module: &str) -> bool {
    contains(STDLIB, module) || contains(OTHER_MODULES, module)
}

/// Whether the top-level module belongs to the standard library.
pub(crate) fn is_stdlib(module: &str) -> bool {
    contains(STDLIB, top(module))
}

/// Whether a file of the user's own stands behind the name of a standard module: `code.models` can't be the standard
/// library, whose `code` is a plain module; it is found in a project folder of that name.
pub(crate) fn is_shadowed(module: &str) -> bool {
    let Some((first, _)) = module.split_once('.') else { return false };
    if !contains(STDLIB, first) || contains(STDLIB, module) {
        return false;
    }
    // A package has submodules in a list, right behind itself.
    let package = format!("{first}.");
    !STDLIB
        .get(STDLIB.partition_point(|m| *m < package.as_str()))
        .into_iter()
        .chain(OTHER_MODULES.get(OTHER_MODULES.partition_point(|m| *m < package.as_str())))
        .any(|m| m.starts_with(&package))
}

/// Whether a plain name is written like a class: the first letter, after underscores, is upper case.
pub(crate) fn is_class_like(name: &str) -> bool {
    name.trim_start_matches('_').starts_with(|c: char| c.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Judgement, judge, resolve};

    /// Binary search needs arrays that are sorted and hold no key twice.
    fn assert_sorted<T>(table: &[T], key_of: impl Fn(&T) -> &str) {
        for pair in table.windows(2) {
            assert!(key_of(&pair[0]) < key_of(&pair[1]), "{} before {}", key_of(&pair[0]), key_of(&pair[1]));
        }
        assert!(!table.is_empty());
    }

    #[test]
    fn every_table_is_sorted_and_unique() {
        for table in [DANGEROUS, COMPONENTS, LAST_COMPONENTS] {
            assert_sorted(table, |row| row.0);
        }
        assert_sorted(SAFE, |row| row.0);
        assert_sorted(SAFE_MODULES, |row| row.0);
        assert_sorted(MODULE_ALIASES, |row| row.0);
        assert_sorted(OBJECT_ALIASES, |row| row.0);
        assert_sorted(PYTHON2_NAMES, |row| row.0);
        assert_sorted(PYTHON2_MODULES, |row| row.0);
        assert_sorted(WALKS, |row| row.0);
        for list in [STDLIB, OTHER_MODULES, PACKAGES, WEIGHTS_ONLY, CLASS_PACKAGES] {
            assert_sorted(list, |name| name);
        }
    }

    #[test]
    fn every_entry_says_where_it_comes_from_and_what_it_does() {
        for (key, entry) in DANGEROUS.iter().chain(COMPONENTS).chain(LAST_COMPONENTS) {
            assert!(!entry.source.is_empty() && entry.why.len() > 8, "{key}");
            assert!(entry.why.starts_with(|c: char| c.is_ascii_lowercase()) && !entry.why.ends_with('.'), "{key}");
            assert!(entry.imported <= entry.called, "{key}: an import is no worse than a call");
        }
    }

    #[test]
    fn nothing_is_both_safe_and_dangerous() {
        for (key, role) in SAFE {
            let entry = find(DANGEROUS, key, |row| row.0);
            assert!(entry.is_none() || matches!(role, Role::Checked(_)), "{key}");
        }
    }

    /// A row that an alias or another row hides would look like protection and be none.
    #[test]
    fn every_dangerous_entry_is_in_force() {
        let mut dead = Vec::new();
        for (key, entry) in DANGEROUS {
            let name = if entry.name == "*" { "some_function" } else { entry.name };
            let held = match judge(&resolve(entry.module, name, 4)) {
                Judgement::Dangerous(found) => found.called >= entry.called,
                Judgement::Safe(role) => matches!(role, Role::Checked(_)),
                _ => false,
            };
            if !held {
                dead.push(*key);
            }
        }
        assert!(dead.is_empty(), "not in force: {dead:?}");
    }

    #[test]
    fn every_safe_entry_is_in_force() {
        let mut dead = Vec::new();
        for (key, _) in SAFE {
            let module = ancestors(key).skip(1).find(|m| is_known_module(m)).unwrap_or_default();
            let name = &key[module.len() + 1..];
            let resolved = resolve(module, name, 4);
            if !matches!(judge(&resolved), Judgement::Safe(_)) || resolved.object != *key {
                dead.push(format!("{key} ({})", resolved.object));
            }
        }
        assert!(dead.is_empty(), "not in force: {dead:?}");
    }

    #[test]
    fn the_python_2_tables_are_whole() {
        // The sizes of `_compat_pickle.NAME_MAPPING` and of `IMPORT_MAPPING` (54 or 55, by version).
        assert_eq!(PYTHON2_NAMES.len(), 88);
        assert!(PYTHON2_MODULES.len() >= 54, "{}", PYTHON2_MODULES.len());
    }

    #[test]
    fn aliases_end_and_lead_to_modules_that_are_no_aliases() {
        let written: BTreeSet<&str> = MODULE_ALIASES.iter().map(|row| row.0).collect();
        for (from, to, _) in MODULE_ALIASES {
            let steps = std::iter::successors(Some(*to), |t| find(MODULE_ALIASES, t, |row| row.0).map(|row| row.1));
            assert!(steps.take(4).count() < 4, "{from} runs in circles");
            assert!(!written.contains(to) || find(MODULE_ALIASES, to, |row| row.0).is_some());
        }
    }
}
