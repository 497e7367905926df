//! Text in Markdown (CommonMark, GitHub's dialect) that stays text.

use crate::place::{clipped, printable};
use crate::reference::Reference;

/// Longest text out of a file; in characters.
const LONGEST: usize = 300;

/// A code span: nothing in it is markup, a link or a mention. Cut if it is long.
pub fn code(text: &str) -> String {
    let text = clipped(text, LONGEST);
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    // The fence is longer than any run of backticks inside; a space keeps one at the edge apart from it.
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let edge = |c: char| c == '`' || c == ' ';
    let space = if text.starts_with(edge) || text.ends_with(edge) { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Text as text: every ASCII punctuation character is escaped. Mentions and references to issues are made after the markup is read, out of
/// the text alone, so a comment parts their sign from the rest.
pub fn prose(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::with_capacity(text.len() + 16);
    for c in printable(&text).chars() {
        match c {
            '@' | '#' => {
                out.push('\\');
                out.push(c);
                out.push_str("<!-- -->");
            }
            // Harmless within a line, and everywhere in prose.
            ',' | ';' | '\'' | '"' | '?' | '%' | '/' => out.push(c),
            c if c.is_ascii_punctuation() => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A reference as a link, or as text.
pub fn link(reference: Reference<'_>, text: &str) -> String {
    match (reference, reference.link()) {
        (Reference::Url(url), _) => format!("<{url}>"),
        (_, Some(target)) => format!("[{}](<{target}>)", prose(text)),
        (_, None) => code(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_spans_can_not_be_left() {
        assert_eq!(code("a.pkl"), "`a.pkl`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("```"), "```` ``` ````");
        assert_eq!(code("a\n\n# b\u{202e}"), "`a\\n\\n# b\\u{202e}`");
        assert_eq!(code(" "), "(empty)");
        assert!(code(&"x".repeat(4000)).len() < 400);
    }

    #[test]
    fn prose_has_no_markup() {
        assert_eq!(prose("a *b* <i>"), "a \\*b\\* \\<i\\>");
        assert_eq!(prose("@team #1"), "\\@<!-- -->team \\#<!-- -->1");
        assert_eq!(prose("see https://evil.example"), "see https\\://evil\\.example");
        assert_eq!(prose("one\n\n- two"), "one \\- two");
    }

    #[test]
    fn links() {
        assert_eq!(
            link(Reference::of("CWE-502"), "CWE-502"),
            "[CWE\\-502](<https://cwe.mitre.org/data/definitions/502.html>)"
        );
        assert_eq!(link(Reference::of("https://a.example/"), "https://a.example/"), "<https://a.example/>");
        assert_eq!(link(Reference::of("x](y)"), "x](y)"), "`x](y)`");
    }
}
