//! From the resolved name to what is thought of it.
//!
//! Precedence, most specific first: an exact safe name; the nearest dangerous entry at or above the path; a dangerous
//! component that the name walks over; a safe module's direct name; a package whose classes are safe; the author's own
//! script; a last component that says what it does; unknown.

use modelaudit_plugin::Severity;

use crate::tables::{
    self, CLASS_PACKAGES, COMPONENTS, LAST_COMPONENTS, PACKAGES, SAFE, SAFE_MODULES, WEIGHTS_ONLY, ancestors, contains,
    find,
};
use crate::{Entry, Judgement, Resolved, Role};

/// Modules that stand for the script which wrote the pickle.
const MAIN: &[&str] = &["__main__", "__mp_main__"];

/// An attribute with double underscores that no other entry names.
static DUNDER: Entry = Entry {
    module: "*",
    name: "__*__",
    group: crate::Group::Reflection,
    called: Severity::Warning,
    imported: Severity::Info,
    dangerous_by_new: false,
    source: "reference 2.1, B48",
    why: "walks over a special attribute",
};

/// Judges a resolved global.
pub fn judge(resolved: &Resolved) -> Judgement<'static> {
    let object = resolved.object.as_str();
    let entry = listed(resolved);
    if resolved.module_object {
        return entry.map_or_else(|| unknown(object), |(_, entry)| Judgement::Dangerous(entry));
    }
    if let Some((_, role)) = find(SAFE, object, |row| row.0) {
        return Judgement::Safe(*role);
    }
    let depth = entry.map_or(0, |(key, _)| key.len());
    let component = dangerous_component(&resolved.name);
    let worst = match (entry, component) {
        (Some((_, e)), Some(c)) => Some(if c.called > e.called { c } else { e }),
        (Some((_, e)), None) => Some(e),
        (None, c) => c,
    };
    // A safe family counts where it is at least as specific as the dangerous one, and the walk meets nothing special.
    if component.is_none() && depth <= resolved.module.len() {
        if let Some((module, role, all)) = find(SAFE_MODULES, &resolved.module, |row| row.0)
            && depth <= module.len()
            && is_direct(&resolved.name, *all)
        {
            return Judgement::Safe(*role);
        }
        if let Some(package) = ancestors(&resolved.module).find(|p| contains(CLASS_PACKAGES, p))
            && depth < package.len()
        {
            return match telling_name(&resolved.name) {
                Some(entry) => Judgement::Dangerous(entry),
                None => Judgement::Safe(Role::Class),
            };
        }
    }
    if let Some(entry) = worst {
        return Judgement::Dangerous(entry);
    }
    if MAIN.contains(&tables::top(&resolved.module)) {
        return Judgement::Main;
    }
    telling_name(&resolved.name).map_or_else(|| unknown(&resolved.module), Judgement::Dangerous)
}

/// The entry that a name falls under if the check of its [`Role::Checked`] fails: what it can do with other arguments. None
/// for names that are harmless by themselves (their check is about the data).
pub fn entry_if_check_fails(resolved: &Resolved) -> Option<&'static Entry> {
    listed(resolved).map(|(_, entry)| entry)
}

/// The nearest dangerous entry at or above the object, with its path.
fn listed(resolved: &Resolved) -> Option<(&'static str, &'static Entry)> {
    if tables::is_shadowed(&resolved.module) {
        return None;
    }
    tables::dangerous(&resolved.object)
}

/// The worst component that the name itself walks over.
fn dangerous_component(name: &str) -> Option<&'static Entry> {
    let mut worst: Option<&'static Entry> = None;
    for part in name.split('.') {
        let found = match find(COMPONENTS, part, |row| row.0) {
            Some((_, entry)) => Some(entry),
            // Constants of modules (`__version__`) are plain data; behind a dot it is an attribute of some object.
            None if is_dunder(part) && name.contains('.') => Some(&DUNDER),
            None => None,
        };
        if let Some(entry) = found
            && worst.is_none_or(|w| entry.called > w.called)
        {
            worst = Some(entry);
        }
    }
    worst
}

/// `__name__`.
fn is_dunder(part: &str) -> bool {
    part.len() > 4 && part.starts_with("__") && part.ends_with("__")
}

/// The entry for a last component that says what it does.
fn telling_name(name: &str) -> Option<&'static Entry> {
    let (class, last) = name.rsplit_once('.').unwrap_or(("", name));
    // `Module.eval` switches a network to inference: the commonest method of all.
    if !class.is_empty() && last == "eval" {
        return None;
    }
    find(LAST_COMPONENTS, last.trim_start_matches('_'), |row| row.0).map(|(_, entry)| entry)
}

/// Whether a safe module's family covers the name: directly in it and public; written like a class unless `all`.
fn is_direct(name: &str, all: bool) -> bool {
    !name.contains('.') && if all { !name.starts_with('_') } else { tables::is_class_like(name) }
}

/// In no table.
fn unknown(module: &str) -> Judgement<'static> {
    let standard_library = tables::is_stdlib(module) && !tables::is_shadowed(module);
    let known_package = standard_library
        || contains(PACKAGES, tables::top(module))
        || ancestors(module).any(|p| contains(CLASS_PACKAGES, p));
    Judgement::Unknown { known_package, standard_library }
}

/// Attributes that the class runs as code while its state is set (`BUILD`), so that their text has to be judged like the
/// argument of `exec`: [`crate::suspicious_text`] is quiet on what the real classes write there. Empty for most.
///
/// Source: scipy's `_distn_infrastructure.py`: `rv_generic.__setstate__` ends in `exec(self._parse_arg_template, ns)`.
pub fn executed_state(resolved: &Resolved) -> &'static [&'static str] {
    match resolved.module.strip_prefix("scipy.stats") {
        Some(rest) if rest.is_empty() || rest.starts_with('.') => &["_parse_arg_template"],
        _ => &[],
    }
}

/// Whether torch's `weights_only=True` unpickler lets the global through by default, as written in the file. Python 2 names
/// are mapped first, as its unpickler does for protocol 2.
pub fn weights_only(module: &str, name: &str) -> bool {
    let module = if module == "__builtin__" { "builtins" } else { module };
    contains(WEIGHTS_ONLY, &format!("{module}.{name}"))
}
