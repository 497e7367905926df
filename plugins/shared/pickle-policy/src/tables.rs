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

/// `path` and its ancestors (`a.b.c`, `a.b`, `a`), longest first.
pub(crate) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |p| p.rfind('.').map(|end| &p[..end]))
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
    // A package of the library has submodules in the list, right behind itself.
    let package = format!("{first}.");
    let at = STDLIB.partition_point(|m| *m < package.as_str());
    !STDLIB.get(at).is_some_and(|m| m.starts_with(&package))
}

/// Whether a plain name is written like a class: the first letter, after underscores, is upper case.
pub(crate) fn is_class_like(name: &str) -> bool {
    name.trim_start_matches('_').starts_with(|c: char| c.is_ascii_uppercase())
}
