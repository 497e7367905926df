//! Letters that look like others, by the data of Unicode Technical Standard 39.

use unicode_script::{Script, UnicodeScript};
use unicode_security::GeneralSecurityProfile;

use crate::Deception;

/// Greek letters that mathematics and physics put before Latin words; none passes for a Latin letter in print.
const SCIENCE: &str = "αβγδεζηθλμπστφχψωΓΔΘΛΞΠΣΦΨΩ";

/// Letters of a word of another script from which on it may pass for a Latin one as a whole; shorter ones are prepositions.
const LONG_WORD: usize = 4;

/// What a text looks like: each character replaced by the simplest one that looks the same.
pub fn skeleton(text: &str) -> String {
    unicode_security::skeleton(text).collect()
}

/// The first part of a name whose letters pass for others.
pub(crate) fn in_name(text: &str) -> Option<Deception> {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty()).collect();
    let look_alike = |word: &str| Deception::LookAlike(word.to_owned(), skeleton(word));
    if let Some(word) = words.iter().find(|word| is_mixed(word)) {
        return Some(look_alike(word));
    }
    // An extension decides what opens the file: in another script it is none.
    let extension = text.rsplit_once('.').map(|(_, e)| e).filter(|e| e.chars().any(is_foreign) && reads_as_ascii(e));
    if let Some(extension) = extension {
        return Some(look_alike(extension));
    }
    // All words of another script read as Latin ones, beside real Latin words.
    let foreign: Vec<&&str> = words.iter().filter(|w| !w.is_ascii()).collect();
    let latin = words.iter().any(|w| w.is_ascii());
    let all_pass = latin && foreign.iter().all(|w| reads_as_ascii(w) && w.chars().all(is_foreign));
    foreign.iter().find(|w| all_pass && w.chars().count() >= LONG_WORD).map(|w| look_alike(w))
}

/// True if what is shown reads as a word of ASCII letters.
fn reads_as_ascii(word: &str) -> bool {
    skeleton(word).bytes().all(|b| b.is_ascii_alphanumeric())
}

/// A letter of a script that has look-alikes of Latin letters, but those that stand for themselves beside Latin words.
fn is_foreign(c: char) -> bool {
    matches!(
        c.script(),
        Script::Cyrillic
            | Script::Greek
            | Script::Armenian
            | Script::Cherokee
            | Script::Coptic
            | Script::Lisu
            | Script::Georgian
    ) && !SCIENCE.contains(c)
}

/// A letter of ASCII in the width of an ideograph.
fn is_fullwidth(c: char) -> bool {
    matches!(c, '\u{ff01}'..='\u{ff5e}')
}

/// Styled letters of mathematics.
fn is_mathematical(c: char) -> bool {
    matches!(c, '\u{1d400}'..='\u{1d7ff}')
}

/// Letters that UTS 39 keeps out of identifiers and that texts have all the same: clicks of Khoisan languages, ligatures of typesetting,
/// the long s, signs that are letters by their category.
fn is_usual(c: char) -> bool {
    matches!(c, '\u{1c0}'..='\u{1c3}' | '\u{fb00}'..='\u{fb06}' | '\u{132}' | '\u{133}' | '\u{149}' | '\u{17f}' | 'µ' | 'ª' | 'º')
}

/// True for a word with letters of ASCII and others that only look like them.
fn is_mixed(word: &str) -> bool {
    if word.is_ascii() || !reads_as_ascii(word) {
        return false;
    }
    let count = |of: &dyn Fn(char) -> bool| word.chars().filter(|c| of(*c)).count();
    let ascii = count(&|c| c.is_ascii());
    let styled = count(&is_mathematical);
    if styled > 0 && word.chars().count() < 3 {
        // A formula's letter.
        return false;
    }
    if ascii == 0 {
        return styled == word.chars().count();
    }
    let wide = count(&is_fullwidth);
    if wide > 0 {
        // East Asian names switch the width between words; a single letter in between does not happen by typing.
        return wide < ascii;
    }
    // Restricted by UTS 39: letters that no language writes names with (IPA, styled letters, Roman numerals).
    word.chars().any(|c| is_foreign(c) || (!c.is_ascii() && !c.identifier_allowed() && !is_usual(c)))
}
