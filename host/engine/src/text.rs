//! Text from plugins and file names, made fit for a report.

/// The text, at most `limit` bytes of it, with control characters (but line feed and tab) and bidirectional formatting
/// characters escaped; and whether anything had to be changed.
pub fn printable(text: &str, limit: usize) -> (String, bool) {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let cut = &text[..end];
    let mut out = String::with_capacity(cut.len());
    for c in cut.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if (c as u32) < 0x20 || (0x7f..0xa0).contains(&(c as u32)) => {
                out.push_str(&format!("\\x{:02x}", c as u32))
            }
            // They reorder or hide text on a terminal (CVE-2021-42574); names and messages have no use for them.
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
    let changed = end < text.len() || out != cut;
    if end < text.len() {
        out.push_str("...");
    }
    (out, changed)
}

/// A name on one line, at most 1,024 bytes of it.
pub fn name(text: &str) -> String {
    printable(text, 1024).0.replace('\n', "\\n").replace('\t', "\\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        assert_eq!(printable("ok\n\tfine ä", 100), ("ok\n\tfine ä".to_owned(), false));
        assert_eq!(printable("\x1b[2J\u{202e}\u{9b}", 100), ("\\x1b[2J\\u{202e}\\x9b".to_owned(), true));
        assert_eq!(printable("ääää", 3), ("ä...".to_owned(), true));
        assert_eq!(name("a\nb"), "a\\nb");
    }
}
