//! All the reports of a scan: which formats, and where each goes. Checked before the scan, written after it.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use modelaudit_engine::model::ScanReport;
use modelaudit_report::place::printable;
use modelaudit_report::{Format, Options, text};

use crate::args::{Destination, ReportArgs};
use crate::output::Output;
use crate::{is_broken_pipe, say, terminal};

/// How much is said.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Everything.
    pub verbose: bool,
    /// As little as possible.
    pub quiet: bool,
}

/// The reports to write.
pub struct Outputs {
    reports: Vec<(Format, Output)>,
}

impl Outputs {
    /// Looks at what was asked for. `configured` is the format of the configuration file.
    pub fn new(args: &ReportArgs, configured: Option<Format>, inputs: &[PathBuf]) -> Result<Self> {
        let mut outputs = Self { reports: Vec::new() };
        if args.output.is_empty() {
            let format = args.format.or(configured).unwrap_or(Format::Text);
            outputs.add(format, None, inputs)?;
        }
        for Destination { format, file } in &args.output {
            let by_name = || file.file_name().and_then(|n| Format::from_file_name(&n.to_string_lossy()));
            let format = format.or(args.format).or_else(by_name).or(configured).unwrap_or(Format::Text);
            outputs.add(format, Some(file), inputs)?;
        }
        if let Some(format) = args.format.filter(|_| args.output.iter().all(|o| o.format.is_some()))
            && !args.output.is_empty()
        {
            bail!("--format {format} goes nowhere, for every --output has a format; add --output {format}=-");
        }
        if let Some(file) = &args.sbom {
            outputs.add(Format::CycloneDx, Some(file), inputs)?;
        }
        Ok(outputs)
    }

    fn add(&mut self, format: Format, file: Option<&Path>, inputs: &[PathBuf]) -> Result<()> {
        let output = match file {
            Some(file) => self.beside(file, inputs)?,
            None => Output::Stdout,
        };
        if matches!(output, Output::Stdout) && self.to_stdout().is_some() {
            bail!("only one report can go to standard output; give the others a file: --output {format}=FILE");
        }
        self.reports.push((format, output));
        Ok(())
    }

    /// A place for one more file, which must not be that of another.
    pub fn beside(&self, file: &Path, inputs: &[PathBuf]) -> Result<Output> {
        let output = Output::new(Some(file), inputs)?;
        if self.reports.iter().any(|(_, other)| other.is_same_file(&output)) {
            bail!("two reports can't both go to {}", printable(&file.to_string_lossy()));
        }
        Ok(output)
    }

    fn to_stdout(&self) -> Option<Format> {
        self.reports.iter().find(|(_, o)| matches!(o, Output::Stdout)).map(|(format, _)| *format)
    }

    /// The only report; None if there are several.
    pub fn only(&self) -> Option<(Format, &Output)> {
        match self.reports.as_slice() {
            [(format, output)] => Some((*format, output)),
            _ => None,
        }
    }

    /// Writes them all: files first, so that a reader of standard output who leaves early takes none of them away.
    pub fn write(&self, report: &ScanReport, style: Style) -> Result<()> {
        let (to_stdout, to_files): (Vec<_>, Vec<_>) =
            self.reports.iter().partition(|(_, output)| matches!(output, Output::Stdout));
        let mut written = Vec::new();
        for (format, output) in &to_files {
            write(report, *format, output, style)?;
            if let Output::File { path, .. } = output {
                written.push(printable(&path.to_string_lossy()).into_owned());
            }
        }
        if to_stdout.is_empty() && !style.quiet {
            say(&format!("{}; report in {}", text::verdict(report), written.join(", ")));
        }
        for (format, output) in &to_stdout {
            match write(report, *format, output, style) {
                // The reader has seen enough (`modelaudit scan . | head`); the exit code still tells the truth.
                Err(error) if is_broken_pipe(&error) => {}
                written => written?,
            }
        }
        Ok(())
    }
}

fn write(report: &ScanReport, format: Format, output: &Output, style: Style) -> Result<()> {
    let to_stdout = matches!(output, Output::Stdout);
    let options = Options {
        color: to_stdout && terminal::color(),
        verbose: style.verbose,
        quiet: style.quiet,
        width: if to_stdout { terminal::width() } else { Options::default().width },
        folder: std::env::current_dir().ok(),
    };
    output.write(|out| modelaudit_report::write(format, report, &options, out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(output: &[(Option<Format>, PathBuf)], format: Option<Format>) -> ReportArgs {
        let output = output.iter().map(|(format, file)| Destination { format: *format, file: file.clone() }).collect();
        ReportArgs { format, output, sbom: None, verbose: false, quiet: false }
    }

    fn formats(args: &ReportArgs, configured: Option<Format>) -> Result<Vec<Format>, String> {
        let outputs = Outputs::new(args, configured, &[]).map_err(|e| e.to_string())?;
        Ok(outputs.reports.iter().map(|(format, _)| *format).collect())
    }

    #[test]
    fn the_format_is_said_or_named_or_configured() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let (json, html) = (Some(Format::Json), Some(Format::Html));
        assert_eq!(formats(&args(&[], None), None).unwrap(), [Format::Text]);
        assert_eq!(formats(&args(&[], None), json).unwrap(), [Format::Json]);
        assert_eq!(formats(&args(&[], html), json).unwrap(), [Format::Html]);
        let several = [(None, file("r.sarif")), (html, file("b")), (None, file("c"))];
        assert_eq!(formats(&args(&several, None), json).unwrap(), [Format::Sarif, Format::Html, Format::Json]);
        assert_eq!(formats(&args(&several, json), None).unwrap(), [Format::Json, Format::Html, Format::Json]);
    }

    #[test]
    fn what_can_not_be() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let (json, html) = (Some(Format::Json), Some(Format::Html));
        let twice = [(json, PathBuf::from("-")), (html, PathBuf::from("-"))];
        assert!(formats(&args(&twice, None), None).unwrap_err().contains("only one report"));
        let same = [(json, file("r")), (html, folder.path().join("./r"))];
        assert!(formats(&args(&same, None), None).unwrap_err().contains("can't both go"));
        assert!(formats(&args(&[(json, file("r"))], html), None).unwrap_err().contains("--output html=-"));
        let sbom = ReportArgs { sbom: Some(file("r")), ..args(&[(json, file("r"))], None) };
        assert!(formats(&sbom, None).unwrap_err().contains("can't both go"));
        let beside = ReportArgs { sbom: Some(file("bom.json")), ..args(&[], None) };
        assert_eq!(formats(&beside, None).unwrap(), [Format::Text, Format::CycloneDx]);
    }
}
