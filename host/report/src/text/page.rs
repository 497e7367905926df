//! Lines on a terminal: colour, indents, wrapped paragraphs.

use std::io::{self, Write};

use crate::place::printable;
use anstyle::{AnsiColor, Style};
use modelaudit_engine::model::{Severity, Verdict};
use textwrap::{WordSeparator, WordSplitter};

/// Narrowest width that paragraphs are wrapped at: below it, indents leave no room.
const NARROWEST: usize = 40;
/// Widest: longer lines are hard to read.
const WIDEST: usize = 120;

/// Columns of a key (`why`, `rule`).
pub const KEY: usize = 6;

/// What a text is, and so how it is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Doubtful,
    Note,
    Name,
    Dim,
}

impl Tone {
    /// The tone of a verdict or severity.
    pub fn of(what: impl Into<Self>) -> Self {
        what.into()
    }

    fn style(self) -> Style {
        match self {
            Self::Good => AnsiColor::Green.on_default().bold(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Doubtful => AnsiColor::Yellow.on_default().bold(),
            Self::Note => AnsiColor::Cyan.on_default(),
            Self::Name => Style::new().bold(),
            Self::Dim => Style::new().dimmed(),
        }
    }
}

impl From<Verdict> for Tone {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Clean => Self::Good,
            Verdict::Critical => Self::Bad,
            Verdict::Accepted | Verdict::Unrecognised | Verdict::Incomplete | Verdict::Warning => Self::Doubtful,
        }
    }
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Bad,
            Severity::Warning => Self::Doubtful,
            Severity::Info => Self::Note,
            Severity::Debug => Self::Dim,
        }
    }
}

/// A writer that knows about colour and width.
pub struct Page<'a> {
    out: &'a mut dyn Write,
    color: bool,
    width: usize,
}

impl<'a> Page<'a> {
    pub fn new(out: &'a mut dyn Write, color: bool, width: usize) -> Self {
        Self { out, color, width: width.clamp(NARROWEST, WIDEST) }
    }

    /// The text in its colour, or as it is.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if self.color { format!("{0}{text}{0:#}", tone.style()) } else { text.to_owned() }
    }

    /// One line as it is, however long.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// A blank line and a heading, the first time it is called for this heading.
    pub fn heading(&mut self, text: &mut Option<&str>) -> io::Result<()> {
        let Some(text) = text.take() else { return Ok(()) };
        let text = self.paint(Tone::Name, text);
        writeln!(self.out, "\n{text}")
    }

    /// Plain text wrapped at the width, its first line indented by `first` columns and the others by `rest`.
    pub fn paragraph(&mut self, first: usize, rest: usize, text: &str) -> io::Result<()> {
        self.labelled(&" ".repeat(first), first, rest, text)
    }

    /// A key in its column, indented.
    pub fn key(&self, indent: usize, key: &str) -> String {
        format!("{:indent$}{}", "", self.paint(Tone::Dim, &format!("{key:<KEY$}")))
    }

    /// A text of a rule beside its key; nothing if it is empty. Line breaks in it only say where its author's editor wrapped it.
    pub fn keyed(&mut self, indent: usize, key: &str, text: &str) -> io::Result<()> {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() {
            return Ok(());
        }
        let key = self.key(indent, key);
        self.labelled(&key, indent + KEY, indent + KEY, &printable(&text))
    }

    /// Text wrapped beside a label of `columns` columns (which may hold colour codes); further lines are indented by `rest`.
    pub fn labelled(&mut self, label: &str, columns: usize, rest: usize, text: &str) -> io::Result<()> {
        let (hang, indent) = (" ".repeat(columns), " ".repeat(rest));
        let options = textwrap::Options::new(self.width)
            .initial_indent(&hang)
            .subsequent_indent(&indent)
            .break_words(false)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation)
            .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
        for (i, line) in textwrap::wrap(text, options).iter().enumerate() {
            match i {
                0 => writeln!(self.out, "{label}{}", line.get(columns..).unwrap_or_default().trim_end())?,
                _ => writeln!(self.out, "{}", line.trim_end())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_hang_under_their_label_and_paths_stay_whole() {
        let mut out = Vec::new();
        let mut page = Page::new(&mut out, false, 40);
        page.labelled(
            "  why   ",
            8,
            8,
            "one two three four five six seven eight a/very/long/path/that/is/wider/than/the/page.pkl end",
        )
        .unwrap();
        let expected = "  why   one two three four five six\n        seven eight\n        \
                        a/very/long/path/that/is/wider/than/the/page.pkl\n        end\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn colour_is_put_around_and_taken_back() {
        let mut out = Vec::new();
        assert_eq!(Page::new(&mut out, true, 80).paint(Tone::Bad, "x"), "\x1b[1m\x1b[31mx\x1b[0m");
        assert_eq!(Page::new(&mut out, false, 80).paint(Tone::Bad, "x"), "x");
    }
}
