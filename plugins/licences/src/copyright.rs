//! Notices of copyright, as facts.

use modelaudit_plugin::{clip, escape};

use crate::text::Text;

/// Notices that are kept.
const MOST: usize = 20;
/// Characters kept of one.
const LONGEST: usize = 160;
/// Lines of a file that is no licence among which its notice stands.
const HEAD_LINES: usize = 40;

/// The notices of a text, without comment marks, each once.
pub fn notices(text: &Text) -> Vec<String> {
    let lines = if text.is_licence_file { usize::MAX } else { HEAD_LINES };
    let mut found: Vec<String> = Vec::new();
    for line in text.bytes.split(|b| *b == b'\n').take(lines) {
        let marks = line
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t' | b'#' | b'/' | b'*' | b';' | b'-' | b'%' | b'"'))
            .count();
        let line = String::from_utf8_lossy(line.get(marks..).unwrap_or_default());
        if let Some(notice) = notice(line.trim_end()).filter(|n| !found.contains(n)) {
            found.push(notice);
        }
        if found.len() == MOST {
            break;
        }
    }
    found
}

/// "Copyright (c) 2020 Somebody": the word or the sign, then a year. Templates and sentences about copyright have none.
fn notice(line: &str) -> Option<String> {
    let signed = line.starts_with('©') || line.get(..3).is_some_and(|s| s.eq_ignore_ascii_case("(c)"));
    let worded = line.get(..9).is_some_and(|s| s.eq_ignore_ascii_case("copyright"));
    let head: String = line.chars().take(40).collect();
    let year = head
        .as_bytes()
        .windows(4)
        .any(|w| (w.starts_with(b"19") || w.starts_with(b"20")) && w.iter().all(u8::is_ascii_digit));
    ((signed || worded) && year && line.chars().count() <= 400).then(|| clip(&escape(line), LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_told_from_sentences() {
        let bytes = b"# Copyright (c) 2019-2024 ACME, Inc.\n * (C) 2001 Jane\n\xa9 bad 2000\nCopyright [yyyy] [name]\ncopyright notice and this list\n// Copyright (c) 2019-2024 ACME, Inc.\n";
        let text = Text { bytes: bytes.to_vec(), is_licence_file: false, base: "x.py".to_owned() };
        assert_eq!(notices(&text), ["Copyright (c) 2019-2024 ACME, Inc.", "(C) 2001 Jane"]);
    }
}
