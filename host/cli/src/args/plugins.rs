//! Which plugins are used: the options that all commands share which look at plugins.

use std::path::PathBuf;

use clap::Args;
use modelaudit_engine::Options;

/// Which plugins are used.
#[derive(Debug, Args)]
#[command(next_help_heading = "Plugins")]
pub struct PluginArgs {
    /// Use this plugin, too: a WebAssembly component. It runs in the sandbox and can only read the file under scan
    #[arg(long, value_name = "FILE")]
    pub plugin: Vec<PathBuf>,

    /// Use all plugins (*.wasm) of this folder, too
    #[arg(long, value_name = "DIR")]
    pub plugin_dir: Vec<PathBuf>,

    /// Do not use the plugins that come with the tool
    #[arg(long)]
    pub no_builtin: bool,
}

impl PluginArgs {
    /// What the engine is told.
    pub fn options(&self) -> Options {
        Options {
            plugin_files: self.plugin.clone(),
            plugin_dirs: self.plugin_dir.clone(),
            builtin: !self.no_builtin,
            cache: cache_folder(),
            ..Options::default()
        }
    }
}

/// Our part of the user's cache folder; None if the system knows no such thing.
fn user_cache() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("modelaudit"))
}

/// Where compiled plugins of third parties are kept.
fn cache_folder() -> Option<PathBuf> {
    Some(user_cache()?.join("plugins"))
}

/// Where results of scans are kept.
pub fn default_results() -> Option<PathBuf> {
    Some(user_cache()?.join("scans"))
}
