//! The one place that configures wasmtime: for compiling ahead of time, running and testing.

use wasmtime::{Config, Engine, ModuleVersionStrategy, OptLevel};

/// The version of wasmtime that this build links, for `doctor` and for the key of compiled code.
pub const WASMTIME_VERSION: &str = env!("WASMTIME_VERSION");

/// Raised whenever a setting below changes: compiled code of another revision is not loaded.
pub const SETTINGS_REVISION: u32 = 1;

/// What code is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target<'a> {
    /// The processor we run on, with all it has.
    Host,
    /// The baseline of a processor family, so that the binary runs on every member of it.
    Baseline(&'a str),
}

fn config(target: Target<'_>) -> wasmtime::Result<Config> {
    let mut config = Config::new();
    if let Target::Baseline(triple) = target {
        config.target(triple)?;
    }
    config.wasm_component_model(true);
    // Fuel, not epochs: the same overhead, and equal work burns equal fuel on every machine, so that a verdict does not
    // depend on the load.
    config.consume_fuel(true);
    // Worker threads have a larger native stack (see engine's scheduler): a deep recursion must end in a trap, not in a crash.
    config.max_wasm_stack(1 << 20);
    config.cranelift_opt_level(OptLevel::Speed);
    // simd128 makes the guest's memchr four times faster. Its relaxed form gives other results on other processors.
    config.wasm_simd(true);
    config.wasm_relaxed_simd(false);
    config.wasm_multi_memory(false);
    config.wasm_memory64(false);
    config.wasm_tail_call(false);
    // No one debugs plugins through the release binary: less code to load.
    config.generate_address_map(false);
    config.native_unwind_info(false);
    config.wasm_backtrace_max_frames(None);
    // Deserializing checks wasmtime's major version only. The full version and our settings go into the artefact.
    config
        .module_version(ModuleVersionStrategy::Custom(format!("{WASMTIME_VERSION}+modelaudit.{SETTINGS_REVISION}")))?;
    Ok(config)
}

/// The engine that runs plugins on this machine.
///
/// # Errors
/// wasmtime does not support this machine.
pub fn engine() -> wasmtime::Result<Engine> {
    Engine::new(&config(Target::Host)?)
}

/// Compiles a component ahead of time for the baseline processor of a target triple.
///
/// # Errors
/// The target is not supported, or the component is not valid.
pub fn precompile(component: &[u8], triple: &str) -> wasmtime::Result<Vec<u8>> {
    Engine::new(&config(Target::Baseline(triple))?)?.precompile_component(component)
}
