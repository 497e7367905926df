//! Scripts: a shebang line that names an interpreter, and text behind it.
//!
//! `#!` alone is nothing: it stands in random bytes, in Rust attributes, in every tutorial. The kernel wants it at the very
//! start of a file and an absolute path behind it (`fs/binfmt_script.c`); that it *is* the start, the caller has to know.

use crate::window::Window;
use crate::{Executable, HEAD_LENGTH, Kind};

/// The family of an interpreter, which decides the rule that a script falls under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// A Unix shell.
    Shell,
    /// Python.
    Python,
    /// JavaScript.
    JavaScript,
    /// PowerShell.
    PowerShell,
    /// Perl, Ruby, PHP, awk ...
    Other,
}

/// What a shebang line calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// Its usual name, without version: `bash`, `python`.
    pub name: &'static str,
    /// Its family.
    pub language: Language,
}

/// A parsed shebang line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shebang {
    /// Who runs the script.
    pub interpreter: Interpreter,
    /// Length of the line with its line feed: the script's own text starts there.
    pub line: u32,
}

/// Interpreters by the last component of the path, versions cut off.
const INTERPRETERS: &[(&str, Language)] = &[
    ("sh", Language::Shell),
    ("bash", Language::Shell),
    ("dash", Language::Shell),
    ("ash", Language::Shell),
    ("zsh", Language::Shell),
    ("ksh", Language::Shell),
    ("mksh", Language::Shell),
    ("csh", Language::Shell),
    ("tcsh", Language::Shell),
    ("fish", Language::Shell),
    ("busybox", Language::Shell),
    ("python", Language::Python),
    ("pypy", Language::Python),
    ("ipython", Language::Python),
    ("node", Language::JavaScript),
    ("nodejs", Language::JavaScript),
    ("deno", Language::JavaScript),
    ("bun", Language::JavaScript),
    ("pwsh", Language::PowerShell),
    ("powershell", Language::PowerShell),
    ("perl", Language::Other),
    ("ruby", Language::Other),
    ("php", Language::Other),
    ("lua", Language::Other),
    ("luajit", Language::Other),
    ("th", Language::Other),
    ("awk", Language::Other),
    ("gawk", Language::Other),
    ("mawk", Language::Other),
    ("sed", Language::Other),
    ("make", Language::Other),
    ("tclsh", Language::Other),
    ("wish", Language::Other),
    ("expect", Language::Other),
    ("osascript", Language::Other),
    ("rscript", Language::Other),
    ("julia", Language::Other),
    ("groovy", Language::Other),
];

/// An absolute path into a folder of programs, but a program that is not in the table.
const UNKNOWN: Interpreter = Interpreter { name: "unknown interpreter's", language: Language::Other };

/// The kernel looks at no more of the first line than this.
const LINE_MAX: usize = 256;

/// Parses a shebang line at the start of `bytes`: `#!`, an absolute path, a line feed. `env`, its options and its variables
/// are looked through.
pub fn shebang(bytes: &[u8]) -> Option<Shebang> {
    let head = bytes.get(..LINE_MAX.min(bytes.len()))?;
    let end = head.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(head.get(..end)?).ok()?.strip_prefix("#!")?.trim();
    if !line.starts_with('/') || line.chars().any(|c| c.is_control() && c != '\t') {
        return None;
    }
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let path = words.next()?;
    let mut name = path.rsplit('/').next()?;
    if name == "env" {
        let program = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
        name = program.rsplit('/').next()?;
    }
    let stem = name.trim_end_matches(".exe").trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let known = INTERPRETERS.iter().find(|(known, _)| known.eq_ignore_ascii_case(stem));
    let interpreter = match known {
        Some((name, language)) => Interpreter { name, language: *language },
        None if path.contains("bin/") && !name.is_empty() => UNKNOWN,
        None => return None,
    };
    Some(Shebang { interpreter, line: u32::try_from(end).ok()? + 1 })
}

/// Characters of script that must follow where the text breaks off in binary data: more than chance puts there.
const BODY_MIN: usize = 8;
/// ... and where it ends with the data or at a NUL.
const BODY_MIN_ENDED: usize = 2;

/// A shebang line with a plausible script behind it.
pub(crate) fn inspect(window: &Window<'_>) -> Option<Executable> {
    let found = shebang(&window.first(LINE_MAX as u32))?;
    let head = window.first(HEAD_LENGTH);
    let body = head.get(found.line as usize..)?;
    let text = text_length(body);
    let visible = body.get(..text)?.iter().filter(|byte| !byte.is_ascii_whitespace()).count();
    let ended = body.get(text).is_none_or(|next| *next == 0);
    if visible < if ended { BODY_MIN_ENDED } else { BODY_MIN } {
        return None;
    }
    let extent = u64::from(found.line) + text as u64;
    Some(Executable { kind: Kind::Script(found), extent, truncated: false })
}

/// How many of the first bytes are text: UTF-8 without control characters other than tab, line feed, form feed and
/// carriage return.
pub fn text_length(bytes: &[u8]) -> usize {
    let valid = match std::str::from_utf8(bytes) {
        Ok(text) => text.len(),
        Err(error) => error.valid_up_to(),
    };
    let valid = bytes.get(..valid).unwrap_or(bytes);
    valid
        .iter()
        .position(|byte| (*byte < 0x20 && !matches!(*byte, b'\t' | b'\n' | b'\r' | 0x0c)) || *byte == 0x7f)
        .unwrap_or(valid.len())
}

/// All of it is text, up to a character that is cut at the end.
pub fn is_text(bytes: &[u8]) -> bool {
    text_length(bytes).saturating_add(3) >= bytes.len() && text_length(bytes) > 0
}
