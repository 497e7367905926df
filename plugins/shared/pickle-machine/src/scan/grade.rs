//! How bad a call is.

use modelaudit_pickle_policy::{self as policy, Entry, Judgement, Role};
use modelaudit_plugin::{Rule, Severity, escape, quote};
use modelaudit_rules::pickle::{S201, S202, S203, S204, S205, S217, S219};

use super::alert::Alert;
use super::analysis::Analysis;
use super::names::owner;
use super::{code, handed, payload};
use crate::globals::Global;
use crate::render;
use crate::special::Special;
use crate::value::{Kind, Value};
use crate::view::{Call, View};

/// Length of a call in a message.
const SHOWN: usize = 300;

/// Judges a call and gives its mark, 0 if there is nothing to say.
pub(crate) fn call(analysis: &mut Analysis, view: &View<'_, '_>, event: &Call<'_>) -> u32 {
    let mut inner = analysis.inner_marks(view, &[event.written, event.callee, event.written_arguments, event.keywords]);
    inner.extend(analysis.inner_marks(view, event.arguments));
    if let Some(global) = view.global(event.callee) {
        inner.extend(analysis.prepared(&global.path()));
    }
    let listed = view.global(event.callee).is_some_and(|g| g.danger().is_some());
    if listed {
        inner.extend(payload::blobs_behind(analysis, view, event.arguments));
    }
    inner.sort_unstable();
    inner.dedup();
    let Some(global) = view.global(event.callee) else {
        return computed(analysis, view, event, &inner);
    };
    if let Some(mark) = special(analysis, view, event, global, &inner) {
        return mark;
    }
    match global.judgement {
        Judgement::Dangerous(_) if inner.is_empty() && applies_harmless(view, event, global) => {
            analysis.use_global(view, event.callee);
            0
        }
        Judgement::Dangerous(entry) => dangerous(analysis, view, event, global, entry, &inner),
        // A wrapper that the policy lists keeps its own grade, even if what it wraps is harmless or unknown.
        _ => match wrapper(view, event) {
            // `map(int, ...)`: an iterator over harmless calls.
            Some((outer, _))
                if inner.is_empty()
                    && matches!(outer.special, Some(Special::ApplyFirst | Special::CallFirst))
                    && global.judgement == Judgement::Safe(Role::Callable) =>
            {
                analysis.use_global(view, event.written);
                store_arguments(analysis, view, event, &outer.path());
                0
            }
            Some((outer, entry)) => dangerous(analysis, view, event, outer, entry, &inner),
            None => harmless(analysis, view, event, global, &inner),
        },
    }
}

/// `map(str, ...)`, `filter(None, ...)`: how iterators of these types are pickled. What they apply is harmless with any
/// arguments, and so is the iterator. (Callees without an effect of their own are followed by the machine and never get here.)
fn applies_harmless(view: &View<'_, '_>, event: &Call<'_>, global: &Global) -> bool {
    global.special == Some(Special::ApplyFirst)
        && event.opcode == "REDUCE"
        && event.complete
        && event.arguments.iter().all(|v| view.danger(*v).is_none())
        && event.arguments.first().is_some_and(|function| match view.global(*function) {
            Some(function) => function.judgement == Judgement::Safe(Role::Callable),
            None => *function == Value::NONE,
        })
}

/// The rule of a call opcode.
fn rule(opcode: &str) -> &'static Rule {
    match opcode {
        "INST" => &S202,
        "OBJ" => &S203,
        "NEWOBJ" | "NEWOBJ_EX" => &S204,
        _ => &S201,
    }
}

fn is_new(event: &Call<'_>) -> bool {
    event.opcode.starts_with("NEWOBJ")
}

/// What stands on the stack is another global than the one that is called in the end, and a listed one.
fn wrapper<'v>(view: &'v View<'_, '_>, event: &Call<'_>) -> Option<(&'v Global, &'static Entry)> {
    if event.written == event.callee {
        return None;
    }
    let global = view.global(event.written)?;
    global.danger().map(|entry| (global, entry))
}

/// The call as Python source.
pub(crate) fn shown(view: &View<'_, '_>, event: &Call<'_>, path: &str) -> String {
    let mut arguments = event.arguments.to_vec();
    if event.keywords != Value::UNKNOWN && view.length(event.keywords) != Some(0) {
        arguments.push(event.keywords);
    }
    render::call(view, path, &arguments, event.complete, SHOWN)
}

/// An alert with the evidence that every call has.
pub(crate) fn alert(
    view: &View<'_, '_>,
    event: &Call<'_>,
    global: Option<&Global>,
    rule: &'static Rule,
    severity: Severity,
    message: String,
) -> Alert {
    let path = global.map_or_else(|| view.render(event.callee, 120), Global::path);
    let call = shown(view, event, &path);
    let mut details = Vec::new();
    if let Some(global) = global {
        details.push(("callable", escape(&path)));
        if global.resolved.written != path {
            details.push(("written_as", escape(&modelaudit_plugin::clip(&global.resolved.written, 300))));
        }
        if let Some(renamed) = global.resolved.renamed {
            details.push(("renamed", renamed.to_owned()));
        }
        if let Judgement::Dangerous(entry) = global.judgement {
            details.push(("group", entry.group.id().to_owned()));
        }
        details.push(("global_offset", global.offset.to_string()));
    }
    let through: Vec<String> =
        event.through.iter().filter_map(|v| view.global(*v)).map(|g| escape(&g.path())).take(8).collect();
    if !through.is_empty() {
        details.push(("through", through.join(", ")));
    }
    let arguments: Vec<String> = event.arguments.iter().take(8).map(|v| view.render(*v, SHOWN)).collect();
    if !arguments.is_empty() {
        details.push(("arguments", modelaudit_plugin::clip(&arguments.join(", "), 1000)));
    }
    details.push(("opcode", event.opcode.to_owned()));
    details.push(("stream", view.stream.to_string()));
    details.push(("runs", "while the file is loaded".to_owned()));
    if let Some(broken) = view.broken {
        details.push(("after_load_error_at", broken.to_string()));
    }
    Alert {
        rule,
        severity,
        message,
        at: Some((event.offset, 1)),
        details,
        phrase: format!("calls {call}"),
        link: call,
        chain: Vec::new(),
        parent: 0,
        stream: view.stream,
        count: 1,
    }
}

fn dangerous(
    analysis: &mut Analysis,
    view: &View<'_, '_>,
    event: &Call<'_>,
    global: &Global,
    entry: &Entry,
    inner: &[u32],
) -> u32 {
    if analysis.alerts.full() {
        // A flood of calls: each is counted, none is written out any more. Whatever is made of them is part of the first.
        return 1;
    }
    let path = global.path();
    let mut severity = entry.called;
    let mut message = format!("loading the file calls {}, which {}", shown(view, event, &path), entry.why);
    if is_new(event) && !entry.dangerous_by_new {
        // Only __new__ runs. With arguments, the file means the constructor; without, it is an odd object.
        let bare = event.arguments.is_empty() && event.complete && view.length(event.keywords).unwrap_or(0) == 0;
        // By-value classes of dill drag half a module along, import machinery included.
        let dragged = analysis.code.seen() && bare;
        severity = match (dragged, bare) {
            (true, _) => Severity::Info,
            (_, true) => entry.imported,
            _ => entry.called,
        };
        message = format!("loading the file makes an object {}, which {}", shown(view, event, &path), entry.why);
    }
    analysis.use_global(view, event.written);
    analysis.use_global(view, event.callee);
    analysis.use_global(view, event.result);
    for wrapper in event.through {
        analysis.use_global(view, *wrapper);
    }
    for argument in event.arguments {
        if view.danger(*argument).is_some() {
            analysis.use_global(view, *argument);
            severity = severity.max(Severity::Warning);
            analysis.use_inside(view, *argument);
        }
    }
    if severity < Severity::Warning && inner.is_empty() {
        return 0;
    }
    let alert = alert(view, event, Some(global), rule(event.opcode), severity, message);
    let mark = analysis.alerts.add(alert, inner);
    payload::after_call(analysis, view, event, global, mark);
    if global.special == Some(Special::AddExtension) {
        registered(analysis, view, event, mark);
    }
    mark
}

/// `copyreg.add_extension(module, name, code)`: a later call of this object is the same payload.
fn registered(analysis: &mut Analysis, view: &View<'_, '_>, event: &Call<'_>, mark: u32) {
    if let [module, name, ..] = *event.arguments
        && let (Some(module), Some(name)) = (view.text(module, 256), view.text(name, 256))
    {
        let resolved = policy::resolve(&module, &name, view.protocol);
        analysis.prepare(format!("{}.{}", resolved.module, resolved.name), mark);
    }
}

/// Calls whose effect the machine knows better than a list does. None: judge by the list.
fn special(
    analysis: &mut Analysis,
    view: &View<'_, '_>,
    event: &Call<'_>,
    global: &Global,
    inner: &[u32],
) -> Option<u32> {
    if code::is_builder(global) || code::decorates(view, event, global) {
        return code::built(analysis, view, event, global, inner);
    }
    let special = global.special?;
    match special {
        Special::GetAttribute => fetched(analysis, view, event, global, inner),
        Special::ImportModule | Special::ResolveName => imported(analysis, view, event, global, special, inner),
        Special::AttributeGetter | Special::MethodCaller => {
            // Made, not yet called: harmless as long as the name is a plain constant.
            let name = event.arguments.first().and_then(|v| view.text(*v, 1024))?;
            let plain = !name.split('.').any(|part| part.starts_with("__")) && inner.is_empty();
            if event.written == event.callee && plain {
                analysis.use_global(view, event.callee);
                return Some(0);
            }
            None
        }
        Special::EvaluatedRepr => {
            let name = event.arguments.first().and_then(|v| view.text(*v, 32))?;
            SINGLETONS.contains(&name.as_str()).then(|| {
                analysis.use_global(view, event.callee);
                0
            })
        }
        Special::ItemGetter => {
            let plain = event.arguments.iter().all(|v| v.is_constant()) && inner.is_empty();
            plain.then(|| {
                analysis.use_global(view, event.callee);
                0
            })
        }
        Special::Partial => {
            // What it wraps is judged when it is called, or by what it becomes a part of.
            if inner.is_empty() && event.arguments.first().is_some_and(|v| v.kind() == Kind::Global) {
                analysis.use_global(view, event.callee);
                store_arguments(analysis, view, event, "functools.partial");
                return Some(0);
            }
            None
        }
        Special::BuiltinType => {
            let name = view.global(event.result)?;
            match name.special {
                Some(Special::Code | Special::Function) => {
                    analysis.use_global(view, event.result);
                    analysis.use_global(view, event.callee);
                    Some(0)
                }
                _ => None,
            }
        }
        Special::Code | Special::Function => code::built(analysis, view, event, global, inner),
        Special::LoadPickle | Special::LoadModel => payload::load(analysis, view, event, global, inner),
        Special::ArrayFile => {
            if let Some(name) = event.arguments.first().and_then(|v| view.text(*v, 1024))
                && analysis.companions.len() < 64
            {
                analysis.companions.insert(name);
            }
            Some(0)
        }
        Special::Reconstructor => {
            // copyreg._reconstructor(class, base, state) is how protocol 0 and 1 say NEWOBJ.
            let class = *event.arguments.first()?;
            let listed = view.global(class).and_then(Global::danger);
            if listed.is_none() && inner.is_empty() {
                store_arguments(analysis, view, event, "copyreg._reconstructor");
                return Some(0);
            }
            let listed = listed?;
            let message = format!(
                "loading the file makes an object {}, which {}",
                shown(view, event, &global.path()),
                listed.why
            );
            analysis.use_global(view, class);
            // (class, object, None) runs object.__new__ only; another base is constructed with the state.
            let base = event.arguments.get(1).and_then(|v| view.global(*v)).map(Global::path);
            let bare = base.as_deref() == Some("builtins.object") && !listed.dangerous_by_new;
            let severity = if bare { listed.imported } else { listed.called };
            let alert = alert(view, event, Some(global), &S204, severity, message);
            Some(analysis.alerts.add(alert, inner))
        }
        _ => None,
    }
}

/// What dill stores as a text to evaluate. Source: `save_singleton` in dill's `_dill.py`.
const SINGLETONS: &[&str] = &["Ellipsis", "NotImplemented"];

/// Methods with double underscores that give no way into a namespace; by-value classes refer to those of their base.
/// Source: the data model of CPython.
const PLAIN_METHODS: &[&str] = &[
    "__eq__",
    "__format__",
    "__ge__",
    "__gt__",
    "__hash__",
    "__init__",
    "__le__",
    "__lt__",
    "__ne__",
    "__new__",
    "__repr__",
    "__str__",
];

/// `getattr` and its kin: what comes out decides.
fn fetched(
    analysis: &mut Analysis,
    view: &View<'_, '_>,
    event: &Call<'_>,
    global: &Global,
    inner: &[u32],
) -> Option<u32> {
    let name = event.arguments.get(1).and_then(|v| view.text(*v, 1024))?;
    let object = *event.arguments.first()?;
    let safe_class = view.global(object).is_some_and(|g| matches!(g.judgement, Judgement::Safe(_)));
    let dunder = name.split('.').any(|part| part.starts_with("__") && part.ends_with("__"))
        && !(safe_class && PLAIN_METHODS.contains(&name.as_str()));
    // dill fetches its own helpers by name, for the sake of older versions.
    if view.global(event.result).is_some_and(code::is_builder) && inner.is_empty() {
        analysis.use_global(view, event.callee);
        return Some(0);
    }
    if dunder || !inner.is_empty() || view.danger(object).is_some() {
        return None;
    }
    match view.global(event.result) {
        Some(_) if safe_class && PLAIN_METHODS.contains(&name.as_str()) => {
            analysis.use_global(view, event.callee);
            analysis.use_global(view, event.result);
            Some(0)
        }
        Some(found) => {
            if found.danger().is_some() || found.module_object || view.global(object).is_some_and(|g| g.module_object) {
                return None;
            }
            // An enum member, a class attribute, a method of a class: `getattr(Color, 'RED')`.
            analysis.use_global(view, event.callee);
            Some(0)
        }
        // A method of a constant (`''.join`) is judged by what is done with it.
        None if object.is_text() || event.result.kind() == Kind::Method => {
            let _ = global;
            analysis.use_global(view, event.callee);
            Some(0)
        }
        None => None,
    }
}

/// Imports by string.
fn imported(
    analysis: &mut Analysis,
    view: &View<'_, '_>,
    event: &Call<'_>,
    global: &Global,
    special: Special,
    inner: &[u32],
) -> Option<u32> {
    let found = view.global(event.result)?;
    let _ = found;
    // cloudpickle and dill store a function's reference to a module as this call. What is fetched from the module later is a
    // global like any other, and what the function's bytecode does with it is looked at there.
    analysis.use_global(view, event.result);
    if !code::is_pickler(global) || special != Special::ImportModule || !inner.is_empty() {
        return None;
    }
    analysis.use_global(view, event.callee);
    Some(0)
}

/// The callee is no global: the result of a call, an instance, an extension, something unknown.
fn computed(analysis: &mut Analysis, view: &View<'_, '_>, event: &Call<'_>, inner: &[u32]) -> u32 {
    let callee = event.callee;
    let maker = view.parts(callee).and_then(|p| view.global(p.callee));
    match callee.kind() {
        // An operand that a load error left behind, or an element that was not kept.
        Kind::Unknown => {
            if !inner.is_empty() {
                return merged(analysis, view, event, inner);
            }
            return 0;
        }
        Kind::Method if inner.is_empty() => {
            let parts = view.parts(callee);
            let receiver = parts.map_or(Value::UNKNOWN, |p| p.callee);
            if receiver.is_text() {
                return 0;
            }
        }
        _ => {}
    }
    if !inner.is_empty() {
        return merged(analysis, view, event, inner);
    }
    if is_new(event) {
        // Classes made by cloudpickle, dill and namedtuple are instantiated like any other.
        return 0;
    }
    let listed = maker.and_then(Global::danger).is_some();
    if maker.is_some_and(code::makes_functions) {
        let message = format!("loading the file runs bytecode that stands in it: {}", shown(view, event, "function"));
        let alert = alert(view, event, None, rule(event.opcode), Severity::Critical, message);
        return analysis.alerts.add(alert, inner);
    }
    // A class that cloudpickle or dill made of the file's own code.
    if maker.is_some_and(code::is_builder) {
        return 0;
    }
    // A partial or method whose making lies so far back that only this is known of it.
    if let Some(global) = view.danger(callee) {
        let path = global.path();
        let message =
            format!("loading the file calls something made of {}: {}", quote(&path), shown(view, event, "..."));
        let alert = alert(view, event, None, rule(event.opcode), Severity::Critical, message);
        analysis.use_inside(view, callee);
        return analysis.alerts.add(alert, inner);
    }
    // A class or function that a reviewed or unknown factory returned; texts that look like code make it a warning.
    let text = handed::suspicious(view, event.arguments);
    let danger = event.arguments.iter().any(|v| view.danger(*v).is_some());
    if callee.kind() == Kind::Extension || listed || danger || text.is_some() {
        let made = owner(view, callee);
        let what = match callee.kind() {
            Kind::Extension => "an object of the extension registry".to_owned(),
            Kind::Persistent => "an object that the loader supplies".to_owned(),
            _ => format!("what {made} returned"),
        };
        let severity = if danger { Severity::Critical } else { Severity::Warning };
        let message = format!("loading the file calls {what}: {}", shown(view, event, "..."));
        let alert = alert(view, event, None, &S217, severity, message);
        for argument in event.arguments {
            analysis.use_inside(view, *argument);
            analysis.use_global(view, *argument);
        }
        return analysis.alerts.add(alert, inner);
    }
    0
}

/// A call of, or with, the result of a reported call.
fn merged(analysis: &mut Analysis, view: &View<'_, '_>, event: &Call<'_>, inner: &[u32]) -> u32 {
    let from_callee = view.mark(event.callee) != 0 || view.mark(event.written) != 0;
    if !from_callee || is_new(event) && event.arguments.is_empty() {
        return 0;
    }
    let nameless = view.parts(event.callee).is_some_and(|p| p.callee == Value::UNKNOWN);
    let (rule, message) = if nameless {
        let call = shown(view, event, "...");
        (&S205, format!("loading the file calls a function whose name it computes: {call}"))
    } else {
        let call = shown(view, event, &view.render(event.callee, 160));
        (rule(event.opcode), format!("loading the file calls what a dangerous call returned: {call}"))
    };
    let alert = alert(view, event, None, rule, Severity::Critical, message);
    for argument in event.arguments {
        analysis.use_global(view, *argument);
        analysis.use_inside(view, *argument);
    }
    analysis.alerts.add(alert, inner)
}

/// A callee that the policy knows as safe, or not at all.
fn harmless(analysis: &mut Analysis, view: &View<'_, '_>, event: &Call<'_>, global: &Global, inner: &[u32]) -> u32 {
    let path = global.path();
    store_arguments(analysis, view, event, &path);
    match global.judgement {
        Judgement::Safe(Role::Callable) => 0,
        Judgement::Safe(Role::Class) if is_new(event) => 0,
        Judgement::Safe(Role::Checked(check)) => {
            let Err(failure) = super::checks::check(check, analysis, view, event, inner) else { return 0 };
            let call = shown(view, event, &path);
            let message = format!("loading the file calls {call} {}", failure.reason);
            analysis.use_global(view, event.result);
            for argument in event.arguments {
                analysis.use_global(view, *argument);
                analysis.use_inside(view, *argument);
            }
            let severity = policy::entry_if_check_fails(&global.resolved).map_or(failure.severity, |entry| {
                if failure.severity == Severity::Critical { entry.called } else { failure.severity }
            });
            analysis.use_global(view, event.callee);
            let alert = alert(view, event, Some(global), rule(event.opcode), severity, message);
            analysis.alerts.add(alert, inner)
        }
        Judgement::Unknown { known_package, standard_library } => {
            unknown(analysis, view, event, global, known_package, standard_library)
        }
        _ => unknown(analysis, view, event, global, true, false),
    }
}

/// A function or class that nobody reviewed.
fn unknown(
    analysis: &mut Analysis,
    view: &View<'_, '_>,
    event: &Call<'_>,
    global: &Global,
    known_package: bool,
    standard_library: bool,
) -> u32 {
    let path = global.path();
    if let Some(mark) = handed::function(analysis, view, event, global) {
        return mark;
    }
    let looks = handed::suspicious(view, event.arguments);
    let reason = match looks {
        Some(looks) => format!("with a text that looks like {looks}"),
        None if is_new(event) => return 0,
        None => {
            let has_text = event.arguments.iter().any(|v| v.is_text());
            let last = global.resolved.name.rsplit('.').next().unwrap_or_default();
            // Classes are written in capitals, reconstructors with an underscore: both are what real pickles call.
            let function = last.starts_with(|c: char| c.is_ascii_lowercase());
            match (known_package, standard_library) {
                (_, true) if has_text && function => {
                    "with a text; no model needs this function of the standard library".to_owned()
                }
                (false, false) if has_text && function && global.judgement != Judgement::Main => {
                    "with a text, and its package is not a known one".to_owned()
                }
                _ => return 0,
            }
        }
    };
    let message = format!("loading the file calls {} {reason}", shown(view, event, &path));
    let alert = alert(view, event, Some(global), &S217, Severity::Warning, message);
    analysis.alerts.add(alert, &[])
}

/// Dangerous globals among the arguments become part of what the call makes.
fn store_arguments(analysis: &mut Analysis, view: &View<'_, '_>, event: &Call<'_>, owner: &str) {
    for argument in event.arguments {
        if view.danger(*argument).is_some() {
            analysis.store_danger(view, *argument, owner, false);
        }
    }
}

/// The finding for arrays in files beside the pickle.
pub(crate) fn companions(analysis: &Analysis) -> Option<(&'static Rule, String)> {
    let first = analysis.companions.iter().next()?;
    let more = analysis.companions.len() - 1;
    let others = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some((&S219, format!("the pickle loads the array file {}{others} beside it", quote(first))))
}
