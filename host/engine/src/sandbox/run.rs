//! Runs a plugin: a fresh store and instance for each call, and a typed end for each way that it can end.

use std::sync::Arc;

use wasmtime::component::{Instance, Lift, Lower, Resource, TypedFunc};
use wasmtime::{Store, Trap};

use super::contract::{ArtifactHandle, CONTRACT_VERSION, Manifest, SCANNER_EXPORT_PREFIX};
use super::load::Loaded;
use super::state::{Outcome, State, Stop, Task};
use crate::limits::Limits;
use crate::plugin_info;
use crate::text::name;

/// `scan` of the contract.
type ScanFunction<'a> = TypedFunc<(Resource<ArtifactHandle>, &'a str), (Result<(), String>,)>;

fn store(loaded: &Loaded, state: State) -> wasmtime::Result<Store<State>> {
    let fuel = state.fuelled;
    let mut store = Store::new(loaded.pre.engine(), state);
    store.limiter(|state| state);
    store.set_fuel(fuel)?;
    // What a plugin may hand over in one call, and how many handles it may hold.
    store.set_hostcall_fuel(8 << 20);
    store.set_max_component_handles(10_000);
    Ok(store)
}

fn export<P, R>(store: &mut Store<State>, instance: &Instance, function: &str) -> wasmtime::Result<TypedFunc<P, R>>
where
    P: wasmtime::component::ComponentNamedList + Lower,
    R: wasmtime::component::ComponentNamedList + Lift,
{
    let interface = format!("{SCANNER_EXPORT_PREFIX}{CONTRACT_VERSION}");
    let missing = || wasmtime::Error::msg(format!("export {interface} has no function {function}"));
    let interface = instance.get_export_index(&mut *store, None, &interface).ok_or_else(missing)?;
    let function = instance.get_export_index(&mut *store, Some(&interface), function).ok_or_else(missing)?;
    instance.get_typed_func(store, function)
}

/// Asks for the manifest.
pub(super) fn describe(loaded: &Loaded, limits: &Limits) -> Result<plugin_info::Manifest, String> {
    let call = || -> wasmtime::Result<plugin_info::Manifest> {
        let mut store = store(loaded, State::without_artifact(limits))?;
        let instance = loaded.pre.instantiate(&mut store)?;
        // All three are looked up, so that a component which lacks one is refused when it is loaded and not when it is needed.
        let _: TypedFunc<(&[u8], u64), (Vec<String>,)> = export(&mut store, &instance, "probe")?;
        let _: ScanFunction<'_> = export(&mut store, &instance, "scan")?;
        let describe: TypedFunc<(), (Manifest,)> = export(&mut store, &instance, "describe")?;
        Ok(describe.call(&mut store, ())?.0.into())
    };
    call().map_err(|e| ended(&e, limits, None))
}

/// Asks which of the plugin's formats a head fits. A plugin that fails here claims nothing; the reason is returned.
///
/// # Errors
/// How the call ended instead.
pub fn probe(loaded: &Loaded, limits: &Limits, head: &[u8], size: u64) -> Result<Vec<String>, String> {
    let call = || -> wasmtime::Result<Vec<String>> {
        let mut store = store(loaded, State::without_artifact(limits))?;
        let instance = loaded.pre.instantiate(&mut store)?;
        let probe: TypedFunc<(&[u8], u64), (Vec<String>,)> = export(&mut store, &instance, "probe")?;
        Ok(probe.call(&mut store, (head, size))?.0)
    };
    call().map_err(|e| ended(&e, limits, None))
}

/// Scans one artifact. Whatever happens, what was reported until then stands; every end but the regular one is a reason in
/// `incomplete`.
pub fn scan(loaded: &Loaded, manifest: &Arc<plugin_info::Manifest>, task: Task, format: &str) -> Outcome {
    let limits = Arc::clone(&task.limits);
    let mut store = match store(loaded, State::for_scan(task, Arc::clone(manifest))) {
        Ok(store) => store,
        Err(error) => return Outcome { incomplete: vec![ended(&error, &limits, None)], ..Outcome::default() },
    };
    let call = |store: &mut Store<State>| -> wasmtime::Result<Result<(), String>> {
        let instance = loaded.pre.instantiate(&mut *store)?;
        let scan: ScanFunction<'_> = export(store, &instance, "scan")?;
        Ok(scan.call(&mut *store, (Resource::new_own(0), format))?.0)
    };
    let result = call(&mut store);
    let left = store.get_fuel().unwrap_or(0);
    let mut state = store.into_data();
    state.finish_children();
    let fuel = state.fuelled.saturating_sub(left);
    let reason = match result {
        Ok(Ok(())) => None,
        Ok(Err(reason)) => Some(name(&reason)),
        Err(error) => Some(ended(&error, &limits, state.outcome.log.last())),
    };
    if let Some(reason) = reason
        && !state.outcome.incomplete.contains(&reason)
    {
        state.outcome.incomplete.push(reason);
    }
    Outcome { fuel, ..state.outcome }
}

/// Says in one line how a call ended that did not return.
fn ended(error: &wasmtime::Error, limits: &Limits, last_log: Option<&String>) -> String {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return format!("the plugin was stopped: {stop}");
    }
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return match trap {
            Trap::OutOfFuel => "the plugin was stopped: it computes without reading on (out of fuel)".to_owned(),
            Trap::StackOverflow => {
                format!("the plugin was stopped: it recurses deeper than {} KiB of stack", limits.wasm_stack >> 10)
            }
            Trap::MemoryOutOfBounds => "the plugin crashed: it leaves its memory (a deep recursion does)".to_owned(),
            // Rust aborts through `unreachable`; the SDK's panic hook has logged why.
            Trap::UnreachableCodeReached => match last_log.and_then(|l| l.strip_prefix("panic: ")) {
                Some(panic) => format!("the plugin panicked: {}", name(panic)),
                None => "the plugin gave up (unreachable code)".to_owned(),
            },
            other => format!("the plugin crashed: {other}"),
        };
    }
    format!("the plugin crashed: {}", name(&error.root_cause().to_string()))
}
