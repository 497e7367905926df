//! Loads machine code that we compiled ourselves: the only unsafe code of the project.
#![allow(unsafe_code, reason = "wasmtime can't check that compiled code is what its compiler made; see SAFETY")]

use wasmtime::Engine;
use wasmtime::component::Component;

/// Loads compiled code of a component.
///
/// wasmtime checks that the code was made by the same version with the same settings (see `module_version` in config.rs) for
/// features that this processor has, and says no otherwise; the caller then compiles the WebAssembly instead.
///
/// # Errors
/// The code was made by another version, with other settings or for another processor.
pub(super) fn load(engine: &Engine, code: &TrustedCode<'_>) -> wasmtime::Result<Component> {
    // SAFETY: `deserialize` runs whatever machine code it is given, so the bytes must come from `precompile_component`
    // and be unmodified. `TrustedCode` is made in two places only: from what our own build script compiled into the
    // binary, which is as trusted as the binary itself; and from the code cache, whose folder and files belong to the user
    // alone (0700, owner checked on every use) and whose entries carry a SHA-256 over the code and its key. A user's
    // plugin file never gets here: precompiled code given with --plugin is refused by its first bytes.
    unsafe { Component::deserialize(engine, code.0) }
}

/// Machine code whose origin is known; see `load` for who may make one.
pub(super) struct TrustedCode<'a>(&'a [u8]);

impl<'a> TrustedCode<'a> {
    /// Code that the build script compiled into this binary.
    pub(super) fn built_in(code: &'static [u8]) -> Self {
        Self(code)
    }

    /// Code out of the user's cache, after the checks of `CodeCache::load`.
    pub(super) fn cached(code: &'a super::cache::VerifiedCode) -> Self {
        Self(code.bytes())
    }
}
