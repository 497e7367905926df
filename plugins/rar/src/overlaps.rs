//! Files and folders of one name.
//!
//! WinRAR before 6.23 unpacked, when a file was opened from inside the archive, everything that matched its name: `photo.jpg ` the
//! file and what is in `photo.jpg ` the folder, and then ran `photo.jpg .cmd` (CVE-2023-38831, used since April 2023).

use std::collections::{HashMap, HashSet};

use modelaudit_paths::normalise;
use modelaudit_plugin::{Finding, Severity, Sink, Span, quote};
use modelaudit_rules::archives::S412;

/// Names that are remembered; more are not compared.
const MOST: usize = 200_000;

/// Extensions that Windows runs when they are opened.
const PROGRAMS: &[&str] =
    &["bat", "cmd", "com", "cpl", "exe", "hta", "js", "jse", "lnk", "msi", "pif", "ps1", "scr", "vbe", "vbs", "wsf"];

/// The names so far, without trailing spaces and full stops.
#[derive(Default)]
pub struct Overlaps {
    files: HashMap<Vec<u8>, Span>,
    /// Folders, and whether a program stands right in one.
    folders: HashMap<Vec<u8>, bool>,
}

impl Overlaps {
    /// A member.
    pub fn add(&mut self, name: &[u8], is_folder: bool, at: Span) {
        let Some(path) = normalise(name).filter(|_| self.files.len() + self.folders.len() < MOST) else { return };
        if is_folder {
            self.folders.entry(trimmed(&path).to_vec()).or_default();
        } else {
            self.files.entry(trimmed(&path).to_vec()).or_insert(at);
        }
        if let Some(slash) = path.iter().rposition(|byte| *byte == b'/')
            && let Some((folder, file)) = path.split_at_checked(slash)
        {
            let extension = file.rsplit(|byte| *byte == b'.').next().unwrap_or_default().to_ascii_lowercase();
            let program = PROGRAMS.iter().any(|known| extension == known.as_bytes());
            *self.folders.entry(trimmed(folder).to_vec()).or_default() |= program;
        }
    }

    /// Reports names that are both.
    pub fn finish(self, size: u64, sink: &mut dyn Sink) {
        let both: HashSet<&Vec<u8>> = self.files.keys().filter(|name| self.folders.contains_key(*name)).collect();
        // The first in the file, so that two runs say the same.
        let Some(first) = both.iter().min_by_key(|name| self.files.get(**name).map(|at| at.offset)) else { return };
        let program = both.iter().any(|name| self.folders.get(*name) == Some(&true));
        let at = self.files.get(*first).copied().unwrap_or_default().within(size);
        let more = if program { ", and a folder of such a name holds a program" } else { "" };
        let message = format!("{} is a file and a folder{more}", quote(first));
        let severity = if program { Severity::Critical } else { Severity::Warning };
        let finding = Finding::new(&S412, message).severity(severity).at(at.offset, at.length);
        sink.finding(finding.detail("names", both.len().to_string()));
    }
}

/// Without the spaces and full stops at the end, which Windows drops.
fn trimmed(mut path: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'.'] = path {
        path = rest;
    }
    path
}
