//! What can be typed. The help text is written here and nowhere else.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use modelaudit_engine::Options;
use modelaudit_engine::limits::Limits;

use crate::size::Size;

/// Finds code, exploits and traps in machine-learning model files, without loading them.
///
/// `modelaudit PATH` is short for `modelaudit scan PATH`.
#[derive(Debug, Parser)]
#[command(name = "modelaudit", version, arg_required_else_help = true, max_term_width = 100)]
#[command(
    override_usage = "modelaudit [scan] [OPTIONS] PATH...\n       modelaudit doctor|rules|metadata|cache [OPTIONS]"
)]
#[command(after_help = "modelaudit COMMAND --help shows the options of a command")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Scan(ScanArgs),
    Doctor(DoctorArgs),
    Rules(RulesArgs),
    Metadata(MetadataArgs),
    Cache(CacheArgs),
}

/// Scan files and folders
#[derive(Debug, Args)]
#[command(after_help = "Exit codes:
  0  everything was seen, and nothing at warning or above was found
  1  something at warning or above was found
  2  not everything was seen, and nothing was found in the rest: an error, a file that could only
     be scanned in part, one named here that is of no known format, nothing to scan at all")]
pub struct ScanArgs {
    /// Files and folders; `-` is standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// How the report is written
    #[arg(short, long, value_enum, default_value_t)]
    pub format: Format,

    /// Write the report to this file, at once and only when it is complete; standard output stays empty
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Show notes, the evidence of each finding, and a line for each file
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,

    /// Write no text if the exit code is 0, no explanations otherwise, and never a progress bar
    #[arg(short, long)]
    pub quiet: bool,

    /// Give up on a file after this many seconds
    #[arg(short, long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: u32,

    /// Do not scan files larger than this (10GB, 512MiB, 1.5T, or bytes; K, M, G and T are powers of 1024)
    #[arg(long, value_name = "SIZE")]
    pub max_file_size: Option<Size>,

    /// Stop once the files scanned add up to this
    #[arg(long, value_name = "SIZE")]
    pub max_total_size: Option<Size>,

    /// Report names that contain this text: of files, of archive members, and of the model itself; upper and lower case
    /// are the same
    #[arg(short, long, value_name = "PATTERN")]
    pub blacklist: Vec<String>,

    /// Warn of code that nobody reviewed, which is only a fact else: packages that a pickle imports, bytecode, custom classes
    #[arg(long)]
    pub strict: bool,

    /// Read all weights, too, and note what is odd about their numbers: NaN, outlier neurons, repeated blocks, data in low bits
    #[arg(long)]
    pub weights: bool,

    /// Files scanned at the same time; 0 is one for each processor
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    pub jobs: usize,

    /// Keep results here and use those that are there, in place of the user's cache folder
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    pub cache_dir: Option<PathBuf>,

    /// Scan everything anew, and keep no result
    #[arg(long)]
    pub no_cache: bool,

    #[command(flatten)]
    pub plugins: PluginArgs,
}

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

/// Show the plugins, what could not be loaded and why, the sandbox and its limits
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0; with --show-failed 1 if a plugin could not be loaded")]
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

/// Explain the rules: all in a list, or one in full
#[derive(Debug, Args)]
#[command(after_help = "Exit code: 0; 1 if there is no such rule")]
pub struct RulesArgs {
    /// Id of a rule, as in a report
    #[arg(value_name = "ID")]
    pub id: Option<String>,

    /// Write JSON
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub plugins: PluginArgs,
}

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
        /// Days
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        max_age: u32,
    },
}

/// A way to write a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For reading
    #[default]
    Text,
    /// For programs
    Json,
}

impl ScanArgs {
    /// What the engine is told.
    pub fn options(&self) -> Options {
        let mut options = self.plugins.options();
        options.jobs = self.jobs;
        options.blacklist.clone_from(&self.blacklist);
        options.strict = self.strict;
        options.weights = self.weights;
        options.results = match (self.no_cache, &self.cache_dir) {
            (true, _) => None,
            (false, Some(folder)) => Some(folder.clone()),
            (false, None) => default_results(),
        };
        options.limits = Limits {
            timeout: Duration::from_secs(self.timeout.into()),
            file_size: self.max_file_size.map(Size::bytes),
            total_size: self.max_total_size.map(Size::bytes),
            ..options.limits
        };
        options
    }
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

/// The arguments with their command in first place: `modelaudit -f json x` becomes `modelaudit scan -f json x`.
///
/// The first word that is neither an option nor an option's value decides: if it is a command it is moved to the front, otherwise
/// the command is `scan`. Which options take a value is asked of clap, so that the two can't disagree.
pub fn with_command(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let command = Cli::command();
    match first_word(&command, &args) {
        Word::At(at) if is_command(&command, &args[at]) => args[1..=at].rotate_right(1),
        Word::At(_) | Word::Path => args.insert(1, "scan".into()),
        // `modelaudit`, `modelaudit --help`, `modelaudit --version`: clap's own.
        Word::None if args.len() < 2 || args[1..].iter().any(|a| is_global(a)) => {}
        Word::None => args.insert(1, "scan".into()),
    }
    args
}

/// Where the first word that is not an option stands.
enum Word {
    /// An argument by its index.
    At(usize),
    /// Something after `--`: a path, whatever it looks like.
    Path,
    None,
}

fn first_word(command: &clap::Command, args: &[OsString]) -> Word {
    let mut rest = args.iter().enumerate().skip(1);
    while let Some((at, arg)) = rest.next() {
        let text = arg.to_string_lossy();
        if text == "--" {
            return Word::Path;
        } else if text == "-" || !text.starts_with('-') {
            return Word::At(at);
        } else if value_follows(command, &text) {
            rest.next();
        }
    }
    Word::None
}

fn is_command(command: &clap::Command, word: &OsStr) -> bool {
    word == "help" || command.get_subcommands().any(|c| word == c.get_name() || c.get_all_aliases().any(|a| word == a))
}

fn is_global(arg: &OsStr) -> bool {
    ["-h", "--help", "-V", "--version"].iter().any(|g| arg == *g)
}

/// True if the argument after this option is its value: `-f json`, `-vf json`, `--format json`, but not `-fjson` or `--format=json`.
fn value_follows(command: &clap::Command, option: &str) -> bool {
    let takes_value = |matches: &dyn Fn(&clap::Arg) -> bool| {
        let mut arguments = command.get_subcommands().flat_map(clap::Command::get_arguments);
        arguments.any(|a| a.get_action().takes_values() && !a.is_positional() && matches(a))
    };
    match option.strip_prefix("--") {
        Some(name) => takes_value(&|a| {
            a.get_long() == Some(name) || a.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
        }),
        None => {
            // A cluster of letters ends at the first one that takes a value: what follows it in the same word is the value.
            let mut letters = option.chars().skip(1);
            letters.by_ref().any(|c| takes_value(&|a| a.get_short() == Some(c))) && letters.next().is_none()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(line: &str) -> String {
        let args = line.split_whitespace().map(OsString::from);
        with_command(args).iter().map(|a| a.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_table_of_arguments_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn scan_is_understood_and_options_stand_anywhere() {
        let cases = [
            ("m x.pkl", "m scan x.pkl"),
            ("m -", "m scan -"),
            ("m -f json x.pkl", "m scan -f json x.pkl"),
            ("m -fjson x.pkl", "m scan -fjson x.pkl"),
            ("m -f=json x.pkl", "m scan -f=json x.pkl"),
            ("m -vf json x.pkl", "m scan -vf json x.pkl"),
            ("m --format json scan x.pkl", "m scan --format json x.pkl"),
            ("m --format=json scan x.pkl", "m scan --format=json x.pkl"),
            ("m -q scan x.pkl", "m scan -q x.pkl"),
            ("m -b scan x.pkl", "m scan -b scan x.pkl"),
            ("m -o doctor x.pkl", "m scan -o doctor x.pkl"),
            ("m x.pkl doctor", "m scan x.pkl doctor"),
            ("m ./doctor", "m scan ./doctor"),
            ("m -- doctor", "m scan -- doctor"),
            ("m -v", "m scan -v"),
            ("m -h x.pkl", "m scan -h x.pkl"),
            ("m --json doctor", "m doctor --json"),
            ("m --plugin p.wasm rules S201", "m rules --plugin p.wasm S201"),
            ("m scan x.pkl", "m scan x.pkl"),
            ("m doctor", "m doctor"),
            ("m help scan", "m help scan"),
            ("m --help", "m --help"),
            ("m -V", "m -V"),
            ("m", "m"),
        ];
        for (typed, meant) in cases {
            assert_eq!(with(typed), meant, "{typed}");
        }
    }

    #[test]
    fn options_reach_the_engine() {
        let line =
            "m x -t 7 --max-file-size 10KB --max-total-size 1G -b a -b b -j 3 --plugin p --plugin-dir d --no-builtin";
        let cli = Cli::try_parse_from(with_command(line.split(' ').map(OsString::from))).unwrap();
        let Command::Scan(args) = cli.command else { panic!("not a scan") };
        let options = args.options();
        assert_eq!(options.limits.timeout, Duration::from_secs(7));
        assert_eq!((options.limits.file_size, options.limits.total_size), (Some(10 << 10), Some(1 << 30)));
        assert_eq!((options.blacklist.len(), options.jobs, options.builtin), (2, 3, false));
        assert_eq!((options.plugin_files.len(), options.plugin_dirs.len()), (1, 1));
    }
}
