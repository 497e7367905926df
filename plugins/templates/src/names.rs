//! Names that a chat template has no use for: the policy as tables, each with its source.

use modelaudit_plugin::Severity;

/// Attributes without double underscores that lead out of the sandbox.
///
/// Source: `jinja2.sandbox` (UNSAFE_FUNCTION_ATTRIBUTES, UNSAFE_METHOD_ATTRIBUTES, UNSAFE_GENERATOR_ATTRIBUTES,
/// UNSAFE_COROUTINE_ATTRIBUTES, UNSAFE_ASYNC_GENERATOR_ATTRIBUTES), and CVE-2024-34359's published payloads (`_module`,
/// `_TemplateReference__context`, `_wrap_close`).
const UNSAFE_ATTRIBUTES: &[&str] = &[
    "_TemplateReference__context",
    "_io",
    "_module",
    "_wrap_close",
    "ag_code",
    "ag_frame",
    "co_consts",
    "cr_code",
    "cr_frame",
    "cr_origin",
    "f_back",
    "f_builtins",
    "f_code",
    "f_globals",
    "f_locals",
    "func_closure",
    "func_code",
    "func_defaults",
    "func_globals",
    "gi_code",
    "gi_frame",
    "gi_yieldfrom",
    "im_class",
    "im_func",
    "im_self",
    "tb_frame",
    "tb_next",
];

/// Words that only the middle of a special name is made of; in a name that is partly unknown they tell the rest.
const SPECIAL_WORDS: &[&str] = &[
    "subclasses",
    "globals",
    "builtins",
    "getattribute",
    "getitem",
    "import",
    "popen",
    "mro",
    "class",
    "base",
    "init",
    "reduce",
    "code",
    "dict",
    "module",
];

/// Methods that nothing in a chat has and that run commands or code when called (reference B3; the payloads of CVE-2024-34359).
const RUNNING_METHODS: &[&str] = &[
    "Popen",
    "check_call",
    "check_output",
    "execve",
    "execvp",
    "exec_module",
    "find_spec",
    "getoutput",
    "getstatusoutput",
    "import_module",
    "load_module",
    "popen",
    "posix_spawn",
    "spawnv",
    "spawnlp",
    "system",
];

/// Globals of an application that a template has no reason to call, with the severity of calling them.
const RUNNING_FUNCTIONS: &[(&str, Severity)] = &[
    ("__import__", Severity::Critical),
    ("eval", Severity::Critical),
    ("exec", Severity::Critical),
    ("compile", Severity::Warning),
    ("execfile", Severity::Critical),
    ("getattr", Severity::Warning),
    ("open", Severity::Warning),
];

/// Ways from a global object to the application around the engine (Flask's and Jinja's own globals; SSTI collections).
const GLOBAL_WALKS: &[(&str, &[&str], Severity)] = &[
    ("request", &["application", "environ", "server"], Severity::Critical),
    ("request", &["args", "cookies", "headers", "values", "form", "json", "data"], Severity::Warning),
    ("config", &["from_pyfile", "from_object", "from_envvar", "root_path", "SECRET_KEY"], Severity::Critical),
    ("session", &["SECRET_KEY"], Severity::Warning),
    ("g", &["pop", "get"], Severity::Warning),
    ("url_for", &["func_globals"], Severity::Critical),
];

/// Methods of `str` whose name, handed to `|attr`, gets round the sandbox's check of format strings (CVE-2024-56326, CVE-2025-27516).
const INDIRECT_METHODS: &[&str] = &["format", "format_map"];

/// How an attribute is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// `x.name`.
    Dot,
    /// `x['name']`: an item of a dictionary first, an attribute second.
    Subscript,
    /// `x|attr('name')`, `map(attribute='name')`.
    Filter,
}

/// What asking for an attribute of this name means; None if nothing.
pub(crate) fn attribute(name: &str, access: Access) -> Option<Severity> {
    let listed = UNSAFE_ATTRIBUTES.binary_search(&name).is_ok();
    let special = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
    let mangled = name.starts_with('_') && name.get(1..).is_some_and(|rest| rest.contains("__"));
    if listed || special || mangled || name == "mro" && access != Access::Subscript {
        return Some(Severity::Critical);
    }
    match access {
        Access::Filter if INDIRECT_METHODS.contains(&name) => Some(Severity::Critical),
        Access::Filter | Access::Dot if name.starts_with('_') && name.len() > 1 => Some(Severity::Warning),
        _ => None,
    }
}

/// What the known pieces of a name tell: it is a special name, or can't be judged.
pub(crate) fn pieces(known: &str, access: Access) -> Option<Severity> {
    let lower = known.to_ascii_lowercase();
    if known.contains("__")
        || SPECIAL_WORDS.iter().any(|w| lower == *w)
        || UNSAFE_ATTRIBUTES.binary_search(&known).is_ok()
    {
        return Some(Severity::Critical);
    }
    (access == Access::Filter).then_some(Severity::Warning)
}

/// Whether calling a method of this name runs something.
pub(crate) fn runs(method: &str) -> bool {
    RUNNING_METHODS.contains(&method)
}

/// What calling this global means.
pub(crate) fn function(name: &str) -> Option<Severity> {
    RUNNING_FUNCTIONS.iter().find(|row| row.0 == name).map(|row| row.1)
}

/// What walking from a global to the attribute means.
pub(crate) fn walk(global: &str, attribute: &str) -> Option<Severity> {
    GLOBAL_WALKS.iter().find(|row| row.0 == global && row.1.contains(&attribute)).map(|row| row.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_say_what_they_should() {
        assert!(UNSAFE_ATTRIBUTES.is_sorted());
        assert_eq!(attribute("__class__", Access::Subscript), Some(Severity::Critical));
        assert_eq!(attribute("role", Access::Dot), None);
        assert_eq!(attribute("_id", Access::Subscript), None);
        assert_eq!(attribute("format", Access::Filter), Some(Severity::Critical));
        assert_eq!(attribute("format", Access::Dot), None);
        assert_eq!(pieces("class", Access::Subscript), Some(Severity::Critical));
        assert_eq!(pieces("content_", Access::Subscript), None);
    }
}
