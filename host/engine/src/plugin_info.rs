//! What the host knows of a plugin: its manifest, checked, and where it came from.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Origin, Rule};

/// Bytes that stand at a fixed offset in every file of a format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Magic {
    /// Offset from the start of the file.
    pub offset: u64,
    /// 2 to 64 bytes.
    pub bytes: Vec<u8>,
    /// Empty, or as long as `bytes`: only these bits are compared.
    pub mask: Vec<u8>,
}

/// A file format that a plugin understands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// Stable lower-case id.
    pub id: String,
    /// The name people use.
    pub title: String,
    /// Lower-case extensions without the dot.
    pub extensions: Vec<String>,
    /// Whole lower-case file names.
    pub file_names: Vec<String>,
    /// Any of them makes an artifact a candidate; a format without any is probed for.
    pub magics: Vec<Magic>,
    /// What a file that is probed for can begin with; empty for anything.
    pub first_bytes: Vec<u8>,
}

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Unique lower-case name.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// One line.
    pub summary: String,
    /// URL, may be empty.
    pub homepage: String,
    /// Formats of a scanner; empty for an analyser.
    pub formats: Vec<Format>,
    /// Literals that the host finds for it.
    pub anchors: Vec<Vec<u8>>,
    /// Every rule that it may report.
    pub rules: Vec<Rule>,
}

/// A plugin as `doctor` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct PluginInfo {
    /// What it says of itself.
    #[serde(flatten)]
    pub manifest: Manifest,
    /// Where it comes from.
    pub origin: Origin,
    /// Version of the contract that it was built against.
    pub contract: String,
    /// Size of the WebAssembly component in bytes.
    pub size: u64,
    /// Time to load it, compiled code and all.
    pub load_time: Duration,
    /// How its machine code came about: `ahead of time`, `cache` or `compiled`.
    pub code: &'static str,
}

/// A plugin that was refused or could not be loaded.
#[derive(Clone, Debug, Serialize)]
pub struct LoadFailure {
    /// The file, or the name of a built-in.
    pub plugin: String,
    /// What is wrong with it and what to do, one line.
    pub reason: String,
}

/// A plugin that was compiled into the binary.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// The component.
    pub wasm: &'static [u8],
    /// SHA-256 of the component.
    pub sha256: [u8; 32],
    /// The same, compiled ahead of time for a baseline processor; empty if this target can't be compiled for.
    pub native: &'static [u8],
    /// Its [`Manifest`] as JSON, asked for at build time.
    pub manifest: &'static str,
}
