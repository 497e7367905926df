//! From the name in the file to the object that the loader gets.
//!
//! Answers bypasses by spelling: Python 2 names (B51), private C twins and re-exports (B38, B49), walks through an allowed
//! module into another one (B48, B56), modules as values (B47). What a module's attributes are is a fact of CPython,
//! taken from its interpreters (`data/make-stdlib.py`), not from the machine that scans.

use crate::tables::{
    self, LONGEST_PATH, MODULE_ALIASES, OBJECT_ALIASES, PYTHON2_MODULES, PYTHON2_NAMES, WALKS, ancestors, find,
};

/// A name as written in the pickle, resolved the way a loader would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Canonical module.
    pub module: String,
    /// Canonical name inside the module, dotted for a walk through attributes.
    pub name: String,
    /// `module.name` as in the file.
    pub written: String,
    /// The name walks attributes: it has dots and the protocol in force is at least 4 (below, CPython looks for one
    /// attribute with dots in its name, and fails).
    pub dotted: bool,
    /// Why the canonical name differs from the written one; None if it does not.
    pub renamed: Option<&'static str>,
    /// Canonical path of the object: `module.name`, or the module itself where the name ends at one (`random` + `_os`: `os`).
    pub object: String,
    /// The object is a module.
    pub module_object: bool,
}

/// Modules that are recognised as the end of a walk through any package. Other standard names (`array`, `copy`, `select`)
/// are functions of packages more often than modules.
const UNMISTAKABLE: &[&str] = &[
    "builtins",
    "code",
    "codeop",
    "ctypes",
    "importlib",
    "io",
    "marshal",
    "multiprocessing",
    "nt",
    "os",
    "pdb",
    "pickle",
    "pkgutil",
    "posix",
    "pty",
    "runpy",
    "shutil",
    "socket",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "urllib",
    "webbrowser",
];

/// How often an alias may lead to another one; the tables hold chains of two.
const ALIAS_STEPS: usize = 4;

/// Resolves a global. `protocol` is the one in force when it is resolved: the last PROTO seen, 0 before any.
///
/// Below protocol 3 CPython applies `_compat_pickle` (with `fix_imports`, the default). A Python 2 name at a later protocol
/// only loads under Python 2 or beside a compatibility package; it is resolved the same way, for what it does there.
pub fn resolve(module: &str, name: &str, protocol: u8) -> Resolved {
    let written = format!("{module}.{name}");
    let dotted = protocol >= 4 && name.contains('.');
    let mut renamed = None;
    let (mut module, mut name) = (module.to_owned(), name.to_owned());
    if written.len() <= LONGEST_PATH {
        if let Some((_, to_module, to_name)) = find(PYTHON2_NAMES, &written, |row| row.0) {
            (module, name) = ((*to_module).to_owned(), (*to_name).to_owned());
            renamed = Some(PYTHON2);
        } else if let Some((_, to)) = find(PYTHON2_MODULES, &module, |row| row.0) {
            module = (*to).to_owned();
            renamed = Some(PYTHON2);
        }
        canonical_module(&mut module, &mut renamed);
    }
    let mut resolved = if written.len() <= LONGEST_PATH {
        walk(&module, &name, renamed)
    } else {
        let object = written.clone();
        Resolved { module, name, written: String::new(), dotted, renamed: None, object, module_object: false }
    };
    resolved.dotted = dotted;
    if resolved.renamed.is_some()
        && format!("{}.{}", resolved.module, resolved.name) == written
        && !resolved.module_object
    {
        resolved.renamed = None;
    }
    resolved.written = written;
    resolved
}

/// Reason of a Python 2 rename.
const PYTHON2: &str = "a Python 2 name, which Python 3 renames when it loads";

/// Reason of a walk that left the module.
const WALKED: &str = "reached through another module";

/// Replaces the module by its canonical name, following aliases of it and of its packages.
fn canonical_module(module: &mut String, renamed: &mut Option<&'static str>) {
    for _ in 0..ALIAS_STEPS {
        let found = ancestors(module).find_map(|p| find(MODULE_ALIASES, p, |row| row.0).map(|row| (p.len(), row)));
        let Some((length, (_, to, reason))) = found else { return };
        *module = format!("{to}{}", module.get(length..).unwrap_or_default());
        renamed.get_or_insert(reason);
    }
}

/// Walks the dotted name from the module on, through modules as far as it goes, then through attributes.
fn walk(module: &str, name: &str, mut renamed: Option<&'static str>) -> Resolved {
    let mut here = module.to_owned();
    let mut parts = name.split('.').peekable();
    let mut attributes = String::new();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let path = format!("{here}.{part}");
        if let Some((_, to_module, to_name, reason)) = find(OBJECT_ALIASES, &path, |row| row.0) {
            here = (*to_module).to_owned();
            attributes = (*to_name).to_owned();
            renamed.get_or_insert(reason);
        } else if let Some(next) = module_at(&here, part, &path, last) {
            if next != path {
                renamed.get_or_insert(WALKED);
            }
            here = next;
            continue;
        } else {
            attributes = part.to_owned();
        }
        for rest in parts.by_ref() {
            attributes.push('.');
            attributes.push_str(rest);
        }
    }
    if attributes.is_empty() {
        // It ended at a module: the names stay as they are, the object says which one.
        return Resolved {
            module: module.to_owned(),
            name: name.to_owned(),
            written: String::new(),
            dotted: false,
            renamed,
            object: here,
            module_object: true,
        };
    }
    // An alias may have led to yet another one (numpy._core.multiarray.fromfile, numpy.core..., numpy.fromfile).
    if let Some((_, to_module, to_name, _)) = find(OBJECT_ALIASES, &format!("{here}.{attributes}"), |row| row.0) {
        here = (*to_module).to_owned();
        attributes = (*to_name).to_owned();
    }
    let object = format!("{here}.{attributes}");
    Resolved {
        module: here,
        name: attributes,
        written: String::new(),
        dotted: false,
        renamed,
        object,
        module_object: false,
    }
}

/// The canonical module that attribute `part` of module `here` is (`path` is both joined), if it is one.
fn module_at(here: &str, part: &str, path: &str, last: bool) -> Option<String> {
    let canonical = |module: &str| {
        let mut module = module.to_owned();
        canonical_module(&mut module, &mut None);
        Some(module)
    };
    if part.is_empty() {
        return None;
    }
    if let Some((_, target)) = find(WALKS, path, |row| row.0) {
        return if *target == "-" { None } else { canonical(target) };
    }
    // A name that the tables judge by itself is an object, even where a module has the same path.
    if find(tables::SAFE, path, |row| row.0).is_some() {
        return None;
    }
    if tables::is_known_module(path) {
        return match tables::dangerous(path) {
            Some((key, entry)) if key == path && entry.name != "*" => None,
            _ => canonical(path),
        };
    }
    // `random._os`, `logging.sys`: the standard library imports its modules under their own names, at most with an underscore.
    let plain = if tables::is_known_module(part) { part } else { part.trim_start_matches('_') };
    if !tables::contains(tables::STDLIB, plain) {
        return None;
    }
    let from_stdlib = tables::is_stdlib(here) && !tables::is_shadowed(here);
    (from_stdlib || !last || UNMISTAKABLE.contains(&plain)).then(|| canonical(plain)).flatten()
}

/// Whether the global is a module object: a submodule reached as an attribute (`collections` + `abc`), or another module
/// that the first one imported (`random` + `_os`).
pub fn is_module(resolved: &Resolved) -> bool {
    resolved.module_object
}
