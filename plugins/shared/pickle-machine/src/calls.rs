//! What a call calls in the end.
//!
//! `functools.partial(os.system, 'id')()`, `operator.methodcaller('system', 'id')(importlib.import_module('os'))` and
//! `getattr(getattr(...), 'system')('id')` all run `os.system('id')`; a scanner that names the wrapper misses the point
//! (pickle-family B38 to B40, B47, B53). Wrappers are followed as far as their operands are constants.

use crate::globals::Global;
use crate::machine::{Machine, NAME, view};
use crate::opcode as op;
use crate::special::Special;
use crate::store::Holds;
use crate::value::{Kind, Value};
use crate::view::Observer;

/// Wrappers inside wrappers that are followed.
const LAYERS: u32 = 12;

/// The end of the chain.
pub(crate) struct Target {
    /// What is called.
    pub(crate) callee: Value,
    /// With which arguments.
    pub(crate) arguments: Vec<Value>,
    /// These are all.
    pub(crate) complete: bool,
    /// What the call returns, if the machine can tell: a module, an attribute.
    pub(crate) value: Option<Value>,
    /// The wrappers on the way.
    pub(crate) through: Vec<Value>,
}

/// Follows a call to its end.
pub(crate) fn follow(
    machine: &mut Machine<'_>,
    callee: Value,
    arguments: Vec<Value>,
    complete: bool,
    observer: &mut dyn Observer,
) -> Target {
    let mut target = Target { callee, arguments, complete, value: None, through: Vec::new() };
    for _ in 0..LAYERS {
        let before = target.callee;
        if !step(machine, &mut target, observer) {
            break;
        }
        target.through.push(before);
    }
    target
}

/// One wrapper; false when there is none.
fn step(machine: &mut Machine<'_>, target: &mut Target, observer: &mut dyn Observer) -> bool {
    match target.callee.kind() {
        Kind::Partial => {
            let Some(parts) = view!(machine).parts(target.callee) else { return false };
            let (mut bound, complete) = machine.store.items(parts.arguments, 256);
            bound.append(&mut target.arguments);
            target.callee = parts.callee;
            target.arguments = bound;
            target.complete &= complete;
            true
        }
        Kind::Method => method(machine, target, observer),
        Kind::Global => {
            let Some(special) = view!(machine).global(target.callee).and_then(|g| g.special) else { return false };
            global(machine, target, special, observer)
        }
        _ => false,
    }
}

/// The objects that `attrgetter`, `methodcaller` and `itemgetter` make.
fn method(machine: &mut Machine<'_>, target: &mut Target, observer: &mut dyn Observer) -> bool {
    let Some(parts) = view!(machine).parts(target.callee) else { return false };
    let Some(maker) = view!(machine).global(parts.callee).and_then(|g| g.special) else { return false };
    let (bound, _) = machine.store.items(parts.arguments, 256);
    let (Some(&first), Some(&object)) = (bound.first(), target.arguments.first()) else { return false };
    match maker {
        Special::AttributeGetter => {
            target.value = attribute(machine, object, first, observer);
            false
        }
        Special::MethodCaller => {
            let Some(found) = attribute(machine, object, first, observer) else { return false };
            target.callee = found;
            target.arguments = bound.get(1..).unwrap_or_default().to_vec();
            true
        }
        _ => false,
    }
}

fn global(machine: &mut Machine<'_>, target: &mut Target, special: Special, observer: &mut dyn Observer) -> bool {
    let first = target.arguments.first().copied();
    let second = target.arguments.get(1).copied();
    match (special, first, second) {
        (Special::GetAttribute, Some(object), Some(name)) => {
            target.value = attribute(machine, object, name, observer);
            false
        }
        (Special::ImportModule, Some(name), _) => {
            target.value = module(machine, name, observer);
            false
        }
        (Special::ResolveName, Some(name), _) => {
            target.value = resolve(machine, name, observer);
            false
        }
        (Special::BuiltinType, Some(name), _) => {
            if let Some(name) = view!(machine).text(name, NAME as usize) {
                // Both picklers know the types of the types module by their names, and those of builtins (dill).
                let module = if name.starts_with(|c: char| c.is_ascii_lowercase()) { "builtins" } else { "types" };
                let protocol = std::mem::replace(&mut machine.protocol, 4);
                target.value = Some(machine.name(module, &name, op::REDUCE, observer));
                machine.protocol = protocol;
            }
            false
        }
        (Special::CallFirst, Some(function), _) if callable(function) => {
            target.callee = function;
            target.arguments.remove(0);
            true
        }
        (Special::ApplyFirst, Some(function), Some(sequence)) if callable(function) && worth(machine, function) => {
            let (items, complete) = machine.store.items(sequence, 256);
            target.callee = function;
            target.arguments = items;
            target.complete = complete;
            true
        }
        (Special::NewObject, Some(class), _) => {
            target.callee = class;
            target.arguments.remove(0);
            true
        }
        _ => false,
    }
}

fn callable(value: Value) -> bool {
    matches!(value.kind(), Kind::Global | Kind::Partial | Kind::Method | Kind::Result)
}

/// `map(chr, ...)` is better shown as it stands; `map(os.system, ...)` is a call of os.system.
fn worth(machine: &Machine<'_>, function: Value) -> bool {
    let view = view!(machine);
    view.global(function).is_none_or(|g| g.danger().is_some() || g.special.is_none())
}

/// `getattr(object, name)` with a constant name: an attribute of a module or class is a global of its own, one of a string
/// is a bound method.
fn attribute(machine: &mut Machine<'_>, object: Value, name: Value, observer: &mut dyn Observer) -> Option<Value> {
    let name_text = view!(machine).text(name, NAME as usize)?;
    let base = match object.kind() {
        Kind::Partial => {
            // A global that was fetched in a chain, which carries the chain's mark.
            let parts = view!(machine).parts(object)?;
            parts.callee
        }
        _ => object,
    };
    if let Some(global) = view!(machine).global(base) {
        let (module, name) = joined(global, &name_text);
        // Attributes of attributes are a walk, whatever the protocol of the stream.
        let protocol = std::mem::replace(&mut machine.protocol, 4);
        let value = machine.name(&module, &name, op::REDUCE, observer);
        machine.protocol = protocol;
        return Some(value);
    }
    if object.is_text() || matches!(object.kind(), Kind::Object | Kind::Result | Kind::Dict | Kind::List | Kind::Tuple)
    {
        let holds = Holds { weight: 1, ..view!(machine).holds(object) };
        return Some(machine.store.record(Kind::Method, object, name, machine.at, holds));
    }
    None
}

fn joined(global: &Global, attribute: &str) -> (String, String) {
    let module = global.resolved.module.clone();
    if global.resolved.name.is_empty() {
        (module, attribute.to_owned())
    } else {
        (module, format!("{}.{attribute}", global.resolved.name))
    }
}

/// `importlib.import_module(name)` with a constant name: the module object.
fn module(machine: &mut Machine<'_>, name: Value, observer: &mut dyn Observer) -> Option<Value> {
    let name = view!(machine).text(name, NAME as usize)?;
    Some(machine.name(&name, "", op::REDUCE, observer))
}

/// `pkgutil.resolve_name("os:system")`, `pydoc.locate("os.system")`.
fn resolve(machine: &mut Machine<'_>, name: Value, observer: &mut dyn Observer) -> Option<Value> {
    let text = view!(machine).text(name, NAME as usize)?;
    let (module, name) = text.split_once(':').or_else(|| text.rsplit_once('.')).unwrap_or((text.as_str(), ""));
    let protocol = std::mem::replace(&mut machine.protocol, 4);
    let value = machine.name(module, name, op::REDUCE, observer);
    machine.protocol = protocol;
    Some(value)
}
