//! The configuration file: what may stand in it, where it is found, and when it is believed.

pub mod command;
mod file;
mod find;
mod template;

pub use file::Config;
#[cfg(test)]
pub use file::known_keys;
pub use find::{find, places};

/// The name of the file.
pub const NAME: &str = "modelaudit.toml";
/// The JSON Schema of the file. Its properties are the keys that are known.
pub const SCHEMA: &str = include_str!("../schema/config-v1.json");
/// Where editors find the schema.
pub const SCHEMA_URL: &str =
    "https://raw.githubusercontent.com/modelaudit/modelaudit/main/host/cli/schema/config-v1.json";
