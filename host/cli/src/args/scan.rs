//! The arguments of a scan.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use modelaudit_engine::model::Severity;
use modelaudit_report::Format;

use super::PluginArgs;
use crate::size::Size;

/// Scan files and folders
#[derive(Debug, Args)]
#[command(after_help = "Exit codes:
  0  everything was seen, and nothing at warning (see --fail-on) or above was found
  1  something at warning (see --fail-on) or above was found
  2  not everything was seen, and nothing was found in the rest: an error, a file that could only
     be scanned in part, one named here that is of no known format, nothing to scan at all

A folder called like a command is written ./doctor. docs/policy.md explains the policy.")]
pub struct ScanArgs {
    /// Files and folders; `-` is standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// Show what would be scanned, by which scanners and how large it is; scan nothing. Writes text or JSON
    #[arg(long, conflicts_with_all = ["sbom", "write_baseline"])]
    pub dry_run: bool,

    #[command(flatten)]
    pub report: ReportArgs,

    #[command(flatten)]
    pub policy: PolicyArgs,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub plugins: PluginArgs,

    #[command(flatten)]
    pub selection: SelectionArgs,

    #[command(flatten)]
    pub configuration: ConfigurationArgs,
}

/// What is written, and where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
pub struct ReportArgs {
    /// How the report is written; without it the name after --output says it, or it is text
    #[arg(short, long, value_parser = formats())]
    pub format: Option<Format>,

    /// Write the report to this file, at once and only when it is complete; standard output stays empty. FORMAT=FILE as often as
    /// you like writes several (text=- sarif=r.sarif); `-` is standard output
    #[arg(short, long, value_name = "[FORMAT=]FILE", value_parser = clap::builder::OsStringValueParser::new().try_map(Destination::parse))]
    pub output: Vec<Destination>,

    /// Write a bill of materials (CycloneDX) to this file, beside the report
    #[arg(long, value_name = "FILE")]
    pub sbom: Option<PathBuf>,

    /// Show notes, the evidence of each finding, and a line for each file
    #[arg(short, long, conflicts_with = "quiet")]
    pub verbose: bool,

    /// Write no text if the exit code is 0, no explanations otherwise, and never a progress bar
    #[arg(short, long)]
    pub quiet: bool,
}

/// What counts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policy")]
pub struct PolicyArgs {
    /// Exit with 1 for findings at this severity and above [default: warning]
    #[arg(long, value_name = "LEVEL", value_parser = levels(&[Severity::Info, Severity::Warning, Severity::Critical]))]
    pub fail_on: Option<Severity>,

    /// Accept the findings of a rule (S201) or a range (S200-S299), everywhere or in files whose path fits; the report still shows them
    #[arg(short, long, value_name = "RULE[@GLOB]")]
    pub suppress: Vec<String>,

    /// Give the findings of a rule or a range another severity: debug, info, warning or critical
    #[arg(short = 'S', long, value_name = "RULE=LEVEL")]
    pub severity: Vec<String>,

    /// Warn of code that nobody reviewed, which is only a fact else: packages that a pickle imports, bytecode, custom classes
    #[arg(long)]
    pub strict: bool,

    /// Warn of licences that limit what may be done with a model, contradict each other or are unknown, which are only facts else
    #[arg(long)]
    pub strict_license: bool,

    /// Read all weights, too, and note what is odd about their numbers: NaN, outlier neurons, repeated blocks, data in low bits
    #[arg(long)]
    pub weights: bool,

    /// Leave out files and folders whose path fits; the report names them
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,

    /// Report names that contain this text: of files, of archive members, and of the model itself; upper and lower case
    /// are the same
    #[arg(short, long, value_name = "PATTERN")]
    pub blacklist: Vec<String>,

    /// Report files, and parts of them, whose SHA-256 is in this list: one a line, with a name behind it, as sha256sum prints them
    #[arg(long, value_name = "FILE")]
    pub known_bad: Vec<PathBuf>,

    /// Accept the findings that stand in this file, and only fail for new ones
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,

    /// Write the findings to this file, to be accepted from now on with --baseline
    #[arg(long, value_name = "FILE")]
    pub write_baseline: Option<PathBuf>,
}

/// What a scan may cost.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Give up on a file after this many seconds [default: 3600]
    #[arg(short, long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub timeout: Option<u32>,

    /// Do not scan files larger than this (10GB, 512MiB, 1.5T, or bytes; K, M, G and T are powers of 1024)
    #[arg(long, value_name = "SIZE")]
    pub max_file_size: Option<Size>,

    /// Stop once the files scanned add up to this
    #[arg(long, value_name = "SIZE")]
    pub max_total_size: Option<Size>,

    /// Files scanned at the same time; 0 is one for each processor [default: 0]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<usize>,

    /// Keep results here and use those that are there, in place of the user's cache folder
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    pub cache_dir: Option<PathBuf>,

    /// Scan everything anew, and keep no result
    #[arg(long)]
    pub no_cache: bool,
}

/// Which of the plugins scan.
#[derive(Debug, Args)]
#[command(next_help_heading = "Plugins")]
pub struct SelectionArgs {
    /// Run only these scanners and analysers, by their names in `modelaudit doctor`; a file of a format whose scanner is off is
    /// incomplete
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub scanners: Vec<String>,

    /// Do not run this scanner or analyser
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub exclude_scanner: Vec<String>,
}

/// Where settings come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigurationArgs {
    /// Take settings from this file. Without it: modelaudit.toml in the working directory if nothing that is scanned lies beside or
    /// below it, else in your configuration folder
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub config: Option<PathBuf>,

    /// Take no settings from any file
    #[arg(long)]
    pub no_config: bool,
}

/// Where a report goes, as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// What stands before the `=`.
    pub format: Option<Format>,
    /// The file; `-` is standard output.
    pub file: PathBuf,
}

impl Destination {
    /// Parses `FILE` or `FORMAT=FILE`.
    fn parse(text: OsString) -> Result<Self, String> {
        let plain = |text: &OsStr| Self { format: None, file: text.into() };
        let Some((word, file)) = text.to_str().and_then(|t| t.split_once('=')) else { return Ok(plain(&text)) };
        match Format::from_name(word) {
            Some(_) if file.is_empty() => Err(format!("a file is missing after {word}=")),
            Some(format) => Ok(Self { format: Some(format), file: file.into() }),
            // A path may hold a `=`; one that starts like a format is a slip, not a path.
            None if !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric()) => {
                let known = Format::ALL.map(Format::name).join(", ");
                Err(format!("there is no format {word}, only {known}; a file of that name is ./{word}={file}"))
            }
            None => Ok(plain(&text)),
        }
    }
}

fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(|f| PossibleValue::new(f.name()).help(f.purpose())))
        .map(|name| Format::from_name(&name).expect("clap let a name of a format through"))
}

fn levels(levels: &'static [Severity]) -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(levels.iter().map(|l| l.word()))
        .map(|word| Severity::from_word(&word).expect("clap let the word of a severity through"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations() {
        let parse = |text: &str| Destination::parse(text.into());
        let to = |format, file: &str| Ok(Destination { format, file: file.into() });
        assert_eq!(parse("r.txt"), to(None, "r.txt"));
        assert_eq!(parse("text=-"), to(Some(Format::Text), "-"));
        assert_eq!(parse("sarif=a=b"), to(Some(Format::Sarif), "a=b"));
        assert_eq!(parse("./xml=b"), to(None, "./xml=b"));
        assert_eq!(parse("=b"), to(None, "=b"));
        assert!(parse("xml=b").unwrap_err().contains("./xml=b"));
        assert!(parse("json=").is_err());
    }
}
