//! The arguments of what is beside the scan: metadata, and results that are kept.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::PluginArgs;

/// Show what is known of models: format, framework, architecture, parameters, element types, licence, producer, operators
#[derive(Debug, Args)]
#[command(
    after_help = "Nothing is loaded for it, and nothing is said of whether to trust the files: that is what scan is for.

Exit code: 0; 2 if a path could not be read"
)]
pub struct MetadataArgs {
    /// Files and folders; `-` is standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// How it is written
    #[arg(short, long, value_enum, default_value_t)]
    pub format: MetadataFormat,

    /// Write to this file, at once and only when it is complete
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Show only what says which code is in the model or is asked for by it, who made it and on which terms, and the findings
    #[arg(long)]
    pub security_only: bool,

    /// Name each tensor, with its element type and shape
    #[arg(long, conflicts_with = "security_only")]
    pub tensors: bool,

    #[command(flatten)]
    pub plugins: PluginArgs,
}

/// A way to write metadata.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum MetadataFormat {
    /// For reading
    #[default]
    Table,
    /// For programs
    Json,
    /// For both
    Yaml,
}

/// Show or remove the results that earlier scans kept
#[derive(Debug, Args)]
pub struct CacheArgs {
    #[command(subcommand)]
    pub command: CacheCommand,

    /// The folder, if not the user's cache folder
    #[arg(long, value_name = "DIR", global = true)]
    pub cache_dir: Option<PathBuf>,

    /// Write JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do with the cache.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum CacheCommand {
    /// How much is kept, and where
    Stats,
    /// Remove everything
    Clear,
    /// Remove what was kept longer ago
    Cleanup {
        /// Remove what was kept more than this many days ago
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        max_age: u32,
    },
}
