//! Markdown.

use std::io::{self, Write};

use modelaudit_engine::model::ScanReport;

/// How the report looks.
#[derive(Clone, Debug, Default)]
pub struct MarkdownOptions {}

/// Writes the report.
///
/// # Errors
/// Those of `out`.
pub fn write(_report: &ScanReport, _options: &MarkdownOptions, _out: &mut dyn Write) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this format comes with a later commit"))
}
