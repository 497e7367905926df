//! Characters that show nothing, or reorder what is shown, and where natural text has them.

use unicode_script::{Script, UnicodeScript};

use crate::Deception;

/// Controls that reorder what stands behind them: embeddings, overrides, isolates and their ends, and the three marks.
pub fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') || is_mark(c)
}

/// Overrides: they turn the order of letters around, which no language needs.
pub fn is_bidi_override(c: char) -> bool {
    matches!(c, '\u{202d}' | '\u{202e}')
}

/// The marks that fix punctuation in right-to-left text.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// A letter that is written from right to left.
pub fn is_right_to_left(c: char) -> bool {
    // The Arabic letter mark has the script of what it marks.
    c.is_alphabetic()
        && matches!(
            c.script(),
            Script::Arabic
                | Script::Hebrew
                | Script::Syriac
                | Script::Thaana
                | Script::Nko
                | Script::Adlam
                | Script::Samaritan
                | Script::Mandaic
        )
}

/// Zero-width characters without a use between letters of ASCII.
pub(crate) fn is_zero_width(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{180e}')
}

/// Characters of Unicode's tag block, which mirrors ASCII.
pub(crate) fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// Variation selectors.
pub(crate) fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Letters by their category that are blank.
fn is_filler(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}')
}

/// Everything that shows nothing.
pub(crate) fn is_invisible(c: char) -> bool {
    is_zero_width(c) || is_tag(c) || is_selector(c) || is_filler(c) || matches!(c, '\u{ad}' | '\u{34f}')
}

/// The first character of a name that reorders or hides.
pub(crate) fn in_name(text: &str) -> Option<Deception> {
    let right_to_left = text.chars().any(is_right_to_left);
    let hangul = text.chars().any(|c| c.script() == Script::Hangul && !is_filler(c));
    let braille = text.chars().any(|c| matches!(c, '\u{2801}'..='\u{28ff}'));
    let mut before: Option<char> = None;
    let mut flag = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        // A flag of a region: the black flag, tags, and the tag that ends it.
        flag = c == '\u{1f3f4}' || flag && is_tag(c);
        if is_bidi_control(c) && !(is_mark(c) && right_to_left) {
            return Some(Deception::Bidi(c));
        }
        let after = chars.peek().copied();
        let between_ascii = before.is_none_or(|b| b.is_ascii()) && after.is_none_or(|a| a.is_ascii());
        let natural = match c {
            '\u{200c}' | '\u{200d}' => !between_ascii,
            _ if is_tag(c) => flag,
            // Emoji, keycaps, symbols and ideographs have variants.
            _ if is_selector(c) => before.is_some_and(|b| !b.is_ascii() || matches!(b, '0'..='9' | '#' | '*')),
            '\u{2800}' => braille,
            _ if is_filler(c) => hangul,
            // A soft hyphen shows where a word may break; a name is one line.
            _ => !is_invisible(c),
        };
        if !natural {
            return Some(Deception::Invisible(c));
        }
        before = Some(c);
    }
    None
}
