//! Text out of hostile files, made fit for a message.

/// The text with control and bidirectional formatting characters as `\xNN` or `\u{NNNN}`.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if (c as u32) < 0x20 || (0x7f..0xa0).contains(&(c as u32)) => {
                out.push_str(&format!("\\x{:02x}", c as u32));
            }
            // Bidirectional controls and invisible characters reorder or hide text on a terminal (CVE-2021-42574).
            '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0e}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}' => {
                out.push_str(&format!("\\u{{{:04x}}}", c as u32));
            }
            c => out.push(c),
        }
    }
    out
}

/// At most `limit` characters of the text, with `...` where it was cut.
pub fn clip(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

/// Bytes of a file as quoted text: invalid UTF-8 replaced, controls escaped, at most 120 characters.
pub fn quote(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    // A character takes at most four bytes: there is no need to look at more than that of a huge string.
    let head = &bytes[..bytes.len().min(4 * 121)];
    format!("'{}'", clip(&escape(&String::from_utf8_lossy(head)), 120))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_and_bidi_are_visible() {
        assert_eq!(escape("a\x1b[31m\u{202e}b\n"), "a\\x1b[31m\\u{202e}b\\n");
        assert_eq!(quote(b"x\xffy"), "'x\u{fffd}y'");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(clip("äöü", 2), "äö...");
        assert_eq!(clip("äöü", 3), "äöü");
        assert_eq!(quote("x".repeat(10_000)).len(), 120 + 2 + 3);
    }
}
