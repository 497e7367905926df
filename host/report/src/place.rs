//! Where something was found, and how hostile text is written down.
//!
//! Names inside archives are the attacker's. An escape sequence in one can clear a terminal or forge a verdict, a bidirectional
//! override shows `exe.nip` for `pin.exe` (CVE-2021-42574), and a name of a megabyte hides the rest of the report.

use std::borrow::Cow;

use modelaudit_engine::model::{ArtifactReport, Span};

/// True for a character that a terminal or a viewer acts on instead of showing it: controls (C0, DEL, C1), line and paragraph
/// separators, bidirectional and invisible formatting, tags.
pub const fn is_unsafe(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text on one line, with every unsafe character as `\n`, `\t`, `\xNN` or `\u{NNNN}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if !is_unsafe(c) => out.push(c),
            c if (c as u32) < 0x100 => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push_str(&format!("\\u{{{:04x}}}", c as u32)),
        }
    }
    Cow::Owned(out)
}

/// [`printable`], cut after `limit` characters; what was cut is counted.
pub fn clipped(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        None => printable(text),
        Some((end, _)) => Cow::Owned(format!("{}... ({} more)", printable(&text[..end]), text[end..].chars().count())),
    }
}

/// The place of a finding as the field writes it: `path`, `path (pos N)`, `archive:member (pos N)`. Not escaped.
pub fn location(artifact: &ArtifactReport, at: Option<Span>) -> String {
    let mut out = artifact.location();
    if let Some(span) = at {
        out.push_str(&format!(" (pos {})", span.offset));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_is_left() {
        assert_eq!(printable("models/ä.pkl"), "models/ä.pkl");
        assert_eq!(printable("a\x1b[2J\u{202e}b\r\n\u{9b}\u{e0041}"), "a\\x1b[2J\\u{202e}b\\r\\n\\x9b\\u{e0041}");
        for c in (0..=0x10ffff).filter_map(char::from_u32) {
            assert!(!printable(c.encode_utf8(&mut [0; 4])).contains(is_unsafe));
            assert!(!c.is_control() || is_unsafe(c), "{c:?}");
        }
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(clipped("äöü", 3), "äöü");
        assert_eq!(clipped("äöü\n", 2), "äö... (2 more)");
    }
}
