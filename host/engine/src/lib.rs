//! The scan of one artifact or a tree: identify, sandbox, collect. The host moves and searches bytes and understands
//! none of them; every parser runs in the [`sandbox`].
//!
//! The way of a file: `targets` finds it, `scanner` keeps the jobs of `file_jobs` going on the threads of `schedule`, `identify` says who
//! can read it, `search` hashes it and finds the plugins' anchors, [`sandbox`] lets them scan, `file_scan` takes the
//! parts they found into the next wave, `collect` makes the report of [`model`], `policy` lays the user's rules over it.

mod bytes;
mod collect;
mod families;
mod file_jobs;
mod file_scan;
mod fingerprint;
mod identify;
mod known_bad;
pub mod limits;
pub mod model;
pub mod nearest;
mod plan;
mod plugin_info;
pub mod policy;
mod private_folder;
mod redaction;
pub mod result_cache;
mod reuse;
mod rules;
pub mod sandbox;
mod scanner;
mod schedule;
mod search;
mod siblings;
mod spool;
mod targets;
mod text;
mod weights;

pub use known_bad::KnownBad;
pub use limits::Limits;
pub use plan::{Plan, PlannedFile};
pub use plugin_info::{Builtin, Format, LoadFailure, Magic, Manifest, PluginInfo};
pub use scanner::{EngineError, Options, Progress, Quiet, Scanner};
pub use targets::Target;

/// The sandbox in words, for `doctor` and `--version`.
pub fn sandbox_version() -> String {
    format!("wasmtime {}, contract {}", sandbox::WASMTIME_VERSION, sandbox::CONTRACT_VERSION)
}
