//! Names that are safe only when called the way picklers call them.
//!
//! `numpy._reconstruct`, `copyreg._reconstructor`, `getattr` and others stand in most real models; each can be bent when its
//! arguments are free. The policy names the check by a tag (`data/safe.txt`), here is what it means.

use modelaudit_plugin::Severity;

use super::analysis::Analysis;
use super::payload;
use crate::globals::Global;
use crate::value::{Kind, Value};
use crate::view::{Call, View};

/// Why a call is not the one that picklers write.
pub(crate) struct Failure {
    /// How bad that is.
    pub(crate) severity: Severity,
    /// Half a sentence: "with a computed name".
    pub(crate) reason: &'static str,
}

const fn critical(reason: &'static str) -> Failure {
    Failure { severity: Severity::Critical, reason }
}

const fn odd(reason: &'static str) -> Failure {
    Failure { severity: Severity::Warning, reason }
}

/// The mere import of it is worth a warning.
fn is_worse_than_a_fact(global: &Global) -> bool {
    global.danger().is_none_or(|entry| entry.imported > Severity::Info)
}

/// Whether the call passes the check of this tag. Something dangerous among the arguments fails every check; a tag that is
/// not known here asks for no more.
///
/// # Errors
/// How the call differs from what picklers write.
pub(crate) fn check(
    tag: &str,
    analysis: &mut Analysis,
    view: &View<'_, '_>,
    event: &Call<'_>,
    inner: &[u32],
) -> Result<(), Failure> {
    let arguments = event.arguments;
    let first = arguments.first().copied().unwrap_or(Value::UNKNOWN);
    let second = arguments.get(1).copied();
    // What was not kept, or is unknown after a load error, proves nothing.
    if !event.complete || arguments.iter().any(|v| v.kind() == Kind::Unknown) {
        return Ok(());
    }
    let class = matches!(first.kind(), Kind::Global | Kind::Result | Kind::Partial);
    let danger = arguments.iter().any(|v| view.danger(*v).is_some());
    match tag {
        // `ndarray.__new__(class, shape, dtype)` runs, never the constructor of the class itself (numpy's
        // `array_reconstruct`): one that real models name, `numpy.memmap`, is no more than an import here.
        "ndarray-reconstruct" if !arguments.iter().filter_map(|v| view.danger(*v)).any(is_worse_than_a_fact) => {
            if class || arguments.is_empty() { Ok(()) } else { Err(odd("on something that is no class")) }
        }
        "ndarray-reconstruct" | "reconstructor" if danger => Err(critical("on a dangerous class")),
        "reconstructor" if !class && !arguments.is_empty() => Err(odd("on something that is no class")),
        "reconstructor" => Ok(()),
        "codecs-encode" => match second.map(|v| v.is_text()) {
            None | Some(true) => Ok(()),
            Some(false) => Err(odd("with a computed encoding")),
        },
        "numpy-scalar" | "dtype" | "ufunc-reconstruct" if danger => Err(critical("with a dangerous function")),
        "ufunc-reconstruct" => {
            let module = view.text(first, 256).unwrap_or_default();
            let known = ["numpy", "scipy"].iter().any(|p| module == *p || module.starts_with(&format!("{p}.")));
            let numbers = module.is_empty() && first.is_text();
            if known || numbers { Ok(()) } else { Err(critical("which imports a module of the file's choice")) }
        }
        // Fetching and calling by name or position: the field's universal gadgets.
        "getattr-enum"
        | "attrgetter-constant"
        | "itemgetter-constant"
        | "getitem-typing"
        | "type-of-singleton"
        | "iter-one"
        | "partial"
            if !inner.is_empty() =>
        {
            Err(critical("on what a dangerous call returned"))
        }
        "getattr-enum" | "attrgetter-constant" => {
            let name = if tag == "getattr-enum" { second } else { Some(first) };
            let Some(name) = name.and_then(|v| view.text(v, 1024)) else {
                return Err(critical("with a computed name"));
            };
            if name.split('.').any(|part| part.starts_with("__")) {
                return Err(critical("to get at the inside of an object"));
            }
            let module = tag == "getattr-enum" && view.global(first).is_some_and(|g| g.module_object);
            if danger || module || view.danger(event.result).is_some() {
                return Err(critical("to reach into a module"));
            }
            Ok(())
        }
        "itemgetter-constant" => {
            let constant = arguments.iter().all(|v| v.is_constant());
            let dunder = arguments.iter().any(|v| view.text(*v, 256).is_some_and(|t| t.starts_with("__")));
            if !constant || dunder { Err(critical("to get at the inside of a module")) } else { Ok(()) }
        }
        "getitem-typing" => {
            let generic = view.global(first).is_some_and(|g| !g.module_object && !g.resolved.name.contains("__"));
            if generic && !danger { Ok(()) } else { Err(critical("on an object that is no generic type")) }
        }
        "type-of-singleton" if arguments.len() != 1 => Err(critical("to make a class")),
        "iter-one" if arguments.len() != 1 => Err(critical("to call a function")),
        "partial" if !class && first.kind() != Kind::Method => Err(odd("on something that can not be called")),
        "rebuild-from-type" | "torch-rebuild-state" if danger => Err(critical("with a dangerous function")),
        "nested-torch" => {
            if first.is_text() || arguments.is_empty() {
                Ok(())
            } else {
                Err(critical("on data that is computed"))
            }
        }
        "nested-pickle" => payload::nested_arguments(analysis, view, arguments)
            .map_or(Ok(()), |severity| Err(Failure { severity, reason: "with a pickle that runs code" })),
        _ => Ok(()),
    }
}
