//! The ways to write a report: their names, and the one place that picks a module by name.

use std::io::{self, Write};
use std::path::PathBuf;

use modelaudit_engine::model::ScanReport;

use crate::{cyclonedx, html, json, junit, markdown, sarif, text};

/// A way to write a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Plain text for reading, in colour on a terminal.
    Text,
    /// Our own JSON, everything that is known.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// CycloneDX 1.6 in JSON: a bill of materials.
    CycloneDx,
    /// One page for a browser.
    Html,
    /// JUnit XML, for test reports of continuous integration.
    Junit,
    /// Markdown for a comment on a pull request.
    Markdown,
}

impl Format {
    /// All formats, the default first.
    pub const ALL: [Self; 7] =
        [Self::Text, Self::Json, Self::Sarif, Self::CycloneDx, Self::Html, Self::Junit, Self::Markdown];

    /// The word for `--format`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::CycloneDx => "cyclonedx",
            Self::Html => "html",
            Self::Junit => "junit",
            Self::Markdown => "markdown",
        }
    }

    /// What it is good for, in a few words.
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Text => "For reading",
            Self::Json => "For programs; host/report/schema/report-v1.json describes it",
            Self::Sarif => "SARIF 2.1.0, for code scanning",
            Self::CycloneDx => "CycloneDX 1.6, a bill of materials; the same as --sbom",
            Self::Html => "One page for a browser, without a network",
            Self::Junit => "JUnit XML, for continuous integration",
            Self::Markdown => "For a comment on a pull request",
        }
    }

    /// Ends of file names that mean this format, in lower case and without the first dot; the first is the usual one.
    pub const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["txt", "text"],
            Self::Json => &["json"],
            Self::Sarif => &["sarif", "sarif.json"],
            Self::CycloneDx => &["cdx.json", "bom.json", "sbom.json"],
            Self::Html => &["html", "htm"],
            Self::Junit => &["xml", "junit.xml"],
            Self::Markdown => &["md", "markdown"],
        }
    }

    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The format that a file's name asks for; the longest fitting end wins, so that `bom.cdx.json` is not mere JSON.
    pub fn from_file_name(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let fits = |end: &str| name.strip_suffix(end).is_some_and(|rest| rest.ends_with('.'));
        let ends = Self::ALL.into_iter().flat_map(|format| format.extensions().iter().map(move |end| (format, *end)));
        ends.filter(|(_, end)| fits(end)).max_by_key(|(_, end)| end.len()).map(|(format, _)| format)
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What the user wants of a report; each format takes what concerns it.
#[derive(Clone, Debug)]
pub struct Options {
    /// With ANSI colours (text).
    pub color: bool,
    /// Everything: debug findings, evidence, tensors one by one, logs.
    pub verbose: bool,
    /// As little as the format allows (text: nothing if the exit code is 0).
    pub quiet: bool,
    /// Columns that paragraphs are wrapped at (text).
    pub width: usize,
    /// The working directory, absolute: what relative paths in the report start from. SARIF names it; without it, a relative path
    /// stays one that nobody can resolve.
    pub folder: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        let text = text::TextOptions::default();
        Self { color: text.color, verbose: text.verbose, quiet: text.quiet, width: text.width, folder: None }
    }
}

/// Writes the report in that format.
///
/// # Errors
/// Those of `out`.
pub fn write(format: Format, report: &ScanReport, options: &Options, out: &mut dyn Write) -> io::Result<()> {
    let &Options { color, verbose, quiet, width, ref folder } = options;
    match format {
        Format::Text => text::write(report, &text::TextOptions { color, verbose, quiet, width }, out),
        Format::Json => json::write(report, &json::JsonOptions { verbose }, out),
        Format::Sarif => sarif::write(report, &sarif::SarifOptions { verbose, folder: folder.clone() }, out),
        Format::CycloneDx => cyclonedx::write(report, &cyclonedx::CycloneDxOptions::default(), out),
        Format::Html => html::write(report, &html::HtmlOptions { verbose }, out),
        Format::Junit => junit::write(report, &junit::JunitOptions { verbose }, out),
        Format::Markdown => markdown::write(report, &markdown::MarkdownOptions::default(), out),
    }
}

#[cfg(test)]
mod agreement;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_again() {
        for format in Format::ALL {
            assert_eq!(Format::from_name(format.name()), Some(format));
            for end in format.extensions() {
                assert_eq!(Format::from_file_name(&format!("out/Report.{end}")), Some(format), "{end}");
            }
        }
        assert_eq!(Format::from_name("pdf"), None);
        assert_eq!(Format::from_file_name("html"), None);
        assert_eq!(Format::from_file_name("model.CDX.json"), Some(Format::CycloneDx));
    }
}
