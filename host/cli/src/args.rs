//! What can be typed. The help text is written here and in the modules below, and nowhere else: docs/usage.md is made of it.

mod commands;
mod first_word;
mod models;
mod plugins;
#[cfg(test)]
mod reference;
mod scan;

use clap::{Parser, Subcommand};

pub use commands::{CompletionsArgs, ConfigArgs, ConfigCommand, DebugArgs, DoctorArgs, ListFormat, ManArgs, RulesArgs};
pub use first_word::with_command;
pub use models::{CacheArgs, CacheCommand, MetadataArgs, MetadataFormat};
pub use plugins::{PluginArgs, default_results};
pub use scan::{ConfigurationArgs, Destination, ReportArgs, ScanArgs};

/// Finds code, exploits and traps in machine-learning model files, without loading them.
///
/// `modelaudit PATH` is short for `modelaudit scan PATH`.
#[derive(Debug, Parser)]
#[command(name = "modelaudit", version, arg_required_else_help = true, max_term_width = 100)]
#[command(override_usage = "modelaudit [scan] [OPTIONS] PATH...\n       modelaudit COMMAND [OPTIONS]")]
#[command(after_help = "modelaudit COMMAND --help shows the options of a command")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Scan(Box<ScanArgs>),
    Rules(RulesArgs),
    Doctor(DoctorArgs),
    Metadata(MetadataArgs),
    Config(ConfigArgs),
    Cache(CacheArgs),
    Debug(DebugArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_table_of_arguments_is_sound() {
        Cli::command().debug_assert();
    }
}
