//! Scripts: their text, and the batch and PowerShell files that have no shebang.

use modelaudit_executable_headers::{Language, text_length};
use modelaudit_plugin::{Artifact, READ_LIMIT, Rule};
use modelaudit_rules::embedded;

use crate::place::Place;
use modelaudit_command_lines::{self as commands, Command, Match};

/// The kind of a script, which decides its rule, its name in messages and the commands that are looked for in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// By its shebang line.
    Shebang {
        /// The interpreter's name.
        name: &'static str,
        /// The interpreter's family.
        language: Language,
    },
    /// Windows batch.
    Batch,
    /// PowerShell, by its name or its content.
    PowerShell,
}

impl Script {
    /// The rule it falls under.
    pub fn rule(self) -> &'static Rule {
        match self {
            Self::Shebang { language: Language::Shell | Language::Other, .. } => &embedded::S504,
            Self::Shebang { language: Language::Python, .. } => &embedded::S507,
            Self::Shebang { language: Language::JavaScript, .. } => &embedded::S508,
            Self::Shebang { language: Language::PowerShell, .. } | Self::PowerShell => &embedded::S506,
            Self::Batch => &embedded::S505,
        }
    }

    /// What to call it.
    pub fn title(self) -> String {
        match self {
            Self::Shebang { name, .. } => format!("{name} script"),
            Self::Batch => "Windows batch script".to_owned(),
            Self::PowerShell => "PowerShell script".to_owned(),
        }
    }

    fn tables(self) -> &'static [&'static [Command]] {
        match self {
            Self::Shebang { .. } => &[commands::SHELL, commands::REVERSE_SHELLS, commands::POWERSHELL],
            Self::Batch => &[commands::BATCH, commands::POWERSHELL],
            Self::PowerShell => &[commands::POWERSHELL, commands::BATCH],
        }
    }

    /// The worst command in the script that starts at `offset`. The first MiB is looked at: longer scripts carry data.
    pub fn worst_command(self, artifact: &dyn Artifact, offset: u64) -> Option<Match> {
        let bytes = artifact.read(offset, READ_LIMIT);
        let text = bytes.get(..text_length(&bytes))?;
        commands::worst(std::str::from_utf8(text).ok()?, self.tables())
    }
}

/// How much of a batch file is looked at for its first command; comments may stand before it.
const BATCH_HEAD: u32 = 2048;
const ECHO_OFF: &[u8] = b"@echo off";

/// Whether the bytes are the first line `@echo off` (any case) with more behind it; gives the length of the text.
pub fn batch_at(bytes: &[u8]) -> Option<u64> {
    let rest = bytes.get(ECHO_OFF.len()..)?;
    if !bytes.get(..ECHO_OFF.len())?.eq_ignore_ascii_case(ECHO_OFF)
        || !matches!(rest.first()?, b'\r' | b'\n' | b' ' | b'&')
    {
        return None;
    }
    let text = text_length(rest);
    let visible = rest.get(..text)?.iter().filter(|byte| !byte.is_ascii_whitespace()).count();
    (visible >= 2).then_some((ECHO_OFF.len() + text) as u64)
}

/// A batch or PowerShell script as the whole artifact, and the length of its text. A batch file is told by its first command;
/// for the names of such scripts text suffices, since the system runs them by their name.
pub fn whole(artifact: &dyn Artifact, place: &Place) -> Option<(Script, u64)> {
    let bytes = artifact.read(0, BATCH_HEAD);
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let named_batch = crate::place::names_batch(&place.name);
    let first = if named_batch {
        // Comments and labels may come first.
        text.windows(ECHO_OFF.len()).position(|window| window.eq_ignore_ascii_case(ECHO_OFF)).unwrap_or(0)
    } else {
        0
    };
    if let Some(length) = text.get(first..).and_then(batch_at) {
        return Some((Script::Batch, ((bytes.len() - text.len() + first) as u64 + length).min(artifact.size())));
    }
    let length = text_length(text);
    let is_text = length > 0 && length + 3 >= text.len();
    if is_text && named_batch {
        return Some((Script::Batch, length as u64));
    }
    if is_text && crate::place::names_powershell(&place.name) {
        return Some((Script::PowerShell, length as u64));
    }
    None
}
