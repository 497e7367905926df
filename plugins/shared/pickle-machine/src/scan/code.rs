//! Functions that are stored as bytecode (dill, cloudpickle), see pickle-family 4.7.
//!
//! Building a function runs nothing, and notebooks are full of lambdas. What the bytecode names tells whether the function is
//! one to look at; a call within the stream is another matter (see `grade`).

use modelaudit_pickle_policy::{Entry, Group};
use modelaudit_plugin::{Severity, escape};
use modelaudit_rules::pickle::S218;

use super::analysis::Analysis;
use crate::globals::Global;
use crate::special::Special;
use crate::value::{Kind, Value};
use crate::view::{Call, View};

/// Names in bytecode that a model's function has no use for. `eval`, `open`, `compile` and `load` are missing on purpose:
/// `model.eval()` and `re.compile` are everywhere.
const RISKY: &[&str] = &[
    "Popen",
    "__builtins__",
    "__globals__",
    "__import__",
    "__subclasses__",
    "check_call",
    "check_output",
    "create_connection",
    "exec",
    "execl",
    "execv",
    "execve",
    "execvp",
    "fork_exec",
    "getoutput",
    "import_module",
    "load_dynamic",
    "marshal",
    "popen",
    "posix_spawn",
    "putenv",
    "rmtree",
    "spawnl",
    "spawnv",
    "startfile",
    "subprocess",
    "system",
    "unlink",
    "urlopen",
    "urlretrieve",
];

/// Bytecode seen in a file.
#[derive(Default)]
pub(crate) struct Found {
    /// Functions and code objects.
    pub(crate) count: u32,
    /// Names of functions, as far as they are told.
    pub(crate) names: Vec<String>,
    /// Risky names in them.
    pub(crate) risky: Vec<String>,
    /// Methods among them that loading an instance runs.
    pub(crate) hooks: Vec<String>,
    /// Offset of the first.
    pub(crate) offset: Option<u64>,
}

impl Found {
    /// The file builds functions or classes.
    pub(crate) fn seen(&self) -> bool {
        self.offset.is_some()
    }
}

/// Part of cloudpickle or dill, wherever a copy of them lives (`joblib.externals.cloudpickle`, `ray.cloudpickle`).
pub(crate) fn is_pickler(global: &Global) -> bool {
    global.resolved.module.split('.').any(|part| matches!(part, "cloudpickle" | "dill" | "_dill" | "cloudpickle_fast"))
}

/// A function of these picklers that builds functions, classes or cells, and runs nothing by itself.
pub(crate) fn is_builder(global: &Global) -> bool {
    let builds = |entry: &Entry| entry.group == Group::CodeEvaluation && entry.called < Severity::Critical;
    is_pickler(global) && global.danger().is_some_and(builds)
}

/// `setattr`, `classmethod`, `property` and the like on a function, class or cell that the file builds itself: no more than
/// what its bytecode can do anyway.
pub(crate) fn decorates(view: &View<'_, '_>, event: &Call<'_>, global: &Global) -> bool {
    let decorator = matches!(
        global.path().as_str(),
        "builtins.setattr"
            | "builtins.classmethod"
            | "builtins.staticmethod"
            | "builtins.property"
            | "dill._dill._setattr"
    );
    let built = |value: Value| {
        let maker = view.parts(value).and_then(|p| view.global(p.callee));
        maker.is_some_and(|g| is_builder(g) || g.special == Some(Special::Function))
    };
    // Names and documentation of a class: text on text.
    if let [_, name, value] = event.arguments
        && decorator
        && value.is_text()
        && view
            .text(*name, 32)
            .is_some_and(|n| matches!(n.as_str(), "__doc__" | "__module__" | "__name__" | "__qualname__"))
    {
        return true;
    }
    decorator
        && event.arguments.first().is_some_and(|v| built(*v))
        && event.arguments.iter().skip(1).all(|v| built(*v) || view.global(*v).is_none_or(|g| g.danger().is_none()))
}

/// What it returns is a function of the file's own bytecode.
pub(crate) fn makes_functions(global: &Global) -> bool {
    // Classes are called all the time (cloudpickle stores named tuples and enums of notebooks that way).
    let class =
        ["class", "type", "enum", "namedtuple", "typevar"].iter().any(|part| global.resolved.name.contains(part));
    global.special == Some(Special::Function) || (is_builder(global) && !class)
}

/// A code object or a function is built. None if it is no case for this module.
pub(crate) fn built(
    analysis: &mut Analysis,
    view: &View<'_, '_>,
    event: &Call<'_>,
    global: &Global,
    inner: &[u32],
) -> Option<u32> {
    if !inner.is_empty() {
        // Out of marshal.loads or the like: the list has its say.
        return None;
    }
    look_for_hooks(&mut analysis.code, view, event.arguments);
    analysis.use_global(view, event.callee);
    analysis.use_global(view, event.written);
    let found = &mut analysis.code;
    found.offset.get_or_insert(event.offset);
    if global.special == Some(Special::Code) {
        found.count = found.count.saturating_add(1);
        look_for_names(found, view, event.arguments);
    }
    Some(0)
}

/// Strings among the arguments and in tuples inside them are names and constants of the code object.
fn look_for_names(found: &mut Found, view: &View<'_, '_>, arguments: &[Value]) {
    for argument in arguments.iter().take(24) {
        let values = if argument.is_container() { view.items(*argument, 512).0 } else { vec![*argument] };
        for value in values {
            if value.kind() != Kind::Str {
                continue;
            }
            let Some(text) = view.text(value, 256) else { continue };
            if RISKY.binary_search(&text.as_str()).is_ok() && found.risky.len() < 16 && !found.risky.contains(&text) {
                found.risky.push(text);
            } else if !argument.is_container()
                && found.names.len() < 16
                && is_name(&text)
                && !found.names.contains(&text)
            {
                found.names.push(text);
            }
        }
    }
}

/// Methods that loading an instance calls, or dropping it.
const HOOKS: &[&str] = &["__del__", "__setstate__"];

/// A class made of the file's bytecode whose methods run when an instance of it is loaded.
fn look_for_hooks(found: &mut Found, view: &View<'_, '_>, arguments: &[Value]) {
    let inside = arguments.iter().flat_map(|v| if v.kind() == Kind::Tuple { view.items(*v, 4).0 } else { vec![*v] });
    for dict in inside.filter(|v| v.kind() == Kind::Dict) {
        for pair in view.items(dict, 256).0.chunks_exact(2) {
            let [key, value] = *pair else { continue };
            let built = value.kind() == Kind::Result && view.parts(value).and_then(|p| view.global(p.callee)).is_some();
            if built
                && let Some(name) = view.text(key, 32)
                && HOOKS.contains(&name.as_str())
                && !found.hooks.contains(&name)
            {
                found.hooks.push(name);
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains('/') && !text.contains('\\') && !text.ends_with(".py") && text.len() < 80
}

/// The finding, if there is bytecode.
pub(crate) fn finding(analysis: &Analysis) -> Option<modelaudit_plugin::Finding> {
    let found = &analysis.code;
    if found.count == 0 {
        return None;
    }
    let names = if found.names.is_empty() { String::new() } else { format!(" ({})", escape(&found.names.join(", "))) };
    let functions = if found.count == 1 { "one function".to_owned() } else { format!("{} functions", found.count) };
    let mut message = format!("{functions} in bytecode{names} stored in the file");
    let mut severity = Severity::Info;
    if !found.risky.is_empty() {
        severity = Severity::Warning;
        message = format!("{functions} in bytecode{names} use {}", escape(&found.risky.join(", ")));
    }
    if !found.hooks.is_empty() {
        severity = Severity::Warning;
        message =
            format!("{functions} in bytecode{names}; {} runs while an instance is loaded", found.hooks.join(", "));
    }
    let mut finding = modelaudit_plugin::Finding::new(&S218, message).severity(severity);
    if let Some(offset) = found.offset {
        finding = finding.at(offset, 1);
    }
    Some(finding.detail("runs", "when the object is used"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(RISKY.windows(2).all(|w| w[0] < w[1]));
    }
}
