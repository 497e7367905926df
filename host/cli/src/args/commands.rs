//! The arguments of everything but the scan.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::PluginArgs;

/// Show the plugins, what could not be loaded and why, the sandbox and its limits
#[derive(Debug, Args)]
#[command(alias = "list-scanners", after_help = "Exit code: 0; with --show-failed 1 if a plugin could not be loaded")]
pub struct DoctorArgs {
    /// Show only what could not be loaded
    #[arg(long)]
    pub show_failed: bool,

    /// Write JSON
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub plugins: PluginArgs,
}

/// Explain the rules: all in a list, one in full, or those of a hundred or a range
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0; 1 if there is no such rule")]
pub struct RulesArgs {
    /// Id of a rule, as in a report, or a range of ids (S200-S299)
    #[arg(value_name = "ID")]
    pub id: Option<String>,

    /// List the rules of a hundred (200) or a range (S200-S299)
    #[arg(short, long, value_name = "HUNDRED", conflicts_with = "id")]
    pub category: Option<String>,

    /// How they are written
    #[arg(short, long, value_enum, default_value_t)]
    pub format: ListFormat,

    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,

    #[command(flatten)]
    pub plugins: PluginArgs,
}

/// A way to write a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For reading
    #[default]
    Table,
    /// For programs
    Json,
    /// The pages of docs/rules.md
    Markdown,
}

/// Write or check a configuration file
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub struct ConfigArgs {
    #[command(subcommand)]
    pub command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Write a configuration file with every key, each explained and commented out
    #[command(after_help = "Exit code: 0; 2 if the file exists or can't be written")]
    Init {
        /// Where to; `-` is standard output
        #[arg(value_name = "FILE", default_value = "modelaudit.toml")]
        file: PathBuf,
    },
    /// Check a configuration file: keys, values, rules, scanners, patterns, and that its baseline can be read
    #[command(after_help = "Exit code: 0 if a scan would take it, 2 if not, or if there is none")]
    Check {
        /// The file; without it the one that a scan would find
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,

        #[command(flatten)]
        plugins: PluginArgs,
    },
    /// Write the JSON Schema of the file, for editors
    Schema,
}

/// Show what a bug report needs: versions, system, processor, plugins, caches; no paths of yours, no values of variables
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0")]
pub struct DebugArgs {
    /// Write JSON
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub plugins: PluginArgs,
}

/// Write completions for a shell to standard output
#[derive(Debug, Args)]
#[command(
    after_help = "bash        modelaudit completions bash > ~/.local/share/bash-completion/completions/modelaudit
zsh         modelaudit completions zsh > DIR/_modelaudit, where DIR is in $fpath
fish        modelaudit completions fish > ~/.config/fish/completions/modelaudit.fish
powershell  modelaudit completions powershell >> $PROFILE"
)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Write the manual page to standard output: `modelaudit man | man -l -`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The page of this command
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}
