//! The sandbox: plugins as WebAssembly components that can do nothing but read their artifact and report.
//!
//! Every scan of an artifact by a plugin is an instance of its own with memory, fuel, stack and time of its own, so a
//! parser that was captured can lie about its own file and do nothing else.

mod cache;
mod check;
mod config;
mod contract;
mod load;
mod native;
mod run;
mod state;

pub use cache::CodeCache;
pub use check::Refusal;
pub use config::{SETTINGS_REVISION, WASMTIME_VERSION, engine, precompile};
pub use contract::CONTRACT_VERSION;
pub use load::{Loaded, Plugin, Source, describe, digest};
pub use run::{probe, scan};
pub use state::{Child, ChildBytes, Outcome, RawFinding, Task};
