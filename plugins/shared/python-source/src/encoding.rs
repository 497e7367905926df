//! The encoding of a source file (PEP 263): Python decodes it before it parses it, and an encoding can hide code.

use modelaudit_plugin::clip;

/// A source as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The text that Python parses.
    pub text: String,
    /// The declared encoding, if code does not look like code in it.
    pub hiding: Option<String>,
    /// Some characters could not be decoded; they stand in comments and texts.
    pub lossy: bool,
}

/// Encodings in which ASCII bytes mean something else than ASCII characters. Source: the table of codecs in Python's library reference.
const HIDING: &[&str] = &[
    "utf7",
    "unicode_escape",
    "unicodeescape",
    "raw_unicode_escape",
    "rawunicodeescape",
    "rot13",
    "rot_13",
    "punycode",
    "idna",
    "uu",
    "hex",
    "base64",
    "zlib",
    "bz2",
    "quopri",
    "utf16",
    "utf_16",
    "utf16le",
    "utf16be",
    "utf32",
];

/// Decodes a source as Python does: a byte order mark, a `coding:` comment in one of the first two lines, else UTF-8.
pub fn read(bytes: &[u8]) -> Source {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let declared = declared(bytes);
    let name = declared.as_deref().map(normal).unwrap_or_default();
    let hiding = HIDING.contains(&name.as_str()).then(|| clip(declared.as_deref().unwrap_or_default(), 40));
    if let Some(hiding) = hiding {
        let plain = String::from_utf8_lossy(bytes).into_owned();
        let text = match name.as_str() {
            "utf7" => utf7(bytes).unwrap_or(plain),
            "unicode_escape" | "unicodeescape" | "raw_unicode_escape" | "rawunicodeescape" => unescape(&plain),
            "rot13" | "rot_13" => crate::decode::rot13(&plain),
            _ => plain,
        };
        return Source { text, hiding: Some(hiding), lossy: false };
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Source { text: text.to_owned(), hiding: None, lossy: false };
    }
    // Latin letters one byte each; the others keep ASCII as it is, which is all that code needs.
    let lossy = !matches!(
        name.as_str(),
        "latin1" | "latin_1" | "iso8859_1" | "iso88591" | "iso885915" | "cp1252" | "windows1252"
    );
    let text = bytes.iter().map(|b| *b as char).collect();
    Source { text, hiding: None, lossy }
}

/// The encoding that a comment in one of the first two lines declares.
fn declared(bytes: &[u8]) -> Option<String> {
    for line in bytes.split(|b| *b == b'\n').take(2) {
        let line = line.get(..line.len().min(400))?;
        let text = String::from_utf8_lossy(line);
        let text = text.trim_start_matches([' ', '\t', '\u{c}']);
        if text.trim().is_empty() {
            continue;
        }
        let comment = text.strip_prefix('#')?;
        let Some(rest) = comment.split_once("coding").map(|(_, rest)| rest) else { continue };
        let Some(rest) = rest.strip_prefix([':', '=']) else { continue };
        let rest = rest.trim_start_matches([' ', '\t']);
        let end =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.')).unwrap_or(rest.len());
        return rest.get(..end).filter(|name| !name.is_empty()).map(str::to_owned);
    }
    None
}

fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "")
}

/// Python's escapes outside of texts.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let digits = match after.chars().next() {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            _ => 0,
        };
        let code = after.get(1..1 + digits).filter(|_| digits > 0).and_then(|d| u32::from_str_radix(d, 16).ok());
        let (c, length) = match (code.and_then(char::from_u32), after.chars().next()) {
            (Some(c), _) => (Some(c), 1 + digits),
            (None, Some('n')) => (Some('\n'), 1),
            (None, Some('t')) => (Some('\t'), 1),
            (None, Some('r')) => (Some('\r'), 1),
            _ => (None, 0),
        };
        out.push(c.unwrap_or('\\'));
        rest = after.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// UTF-7 (RFC 2152): runs of base64 of UTF-16 between `+` and `-`.
fn utf7(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('+') {
        out.push_str(before);
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '+' && c != '/').unwrap_or(after.len());
        let run = after.get(..end)?;
        rest = after.get(end..)?;
        rest = rest.strip_prefix('-').unwrap_or(rest);
        if run.is_empty() {
            out.push('+');
            continue;
        }
        let decoded = crate::decode::base64(run.as_bytes())?;
        let units: Vec<u16> = decoded.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        out.push_str(&String::from_utf16_lossy(&units));
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_encodings_are_followed() {
        assert_eq!(read(b"\xef\xbb\xbfx = 1").text, "x = 1");
        assert_eq!(read("# -*- coding: latin-1 -*-\nx = '\u{e9}'".replace('\u{e9}', "e").as_bytes()).hiding, None);
        let latin = read(b"#!/usr/bin/python\n# vim: set fileencoding=latin-1 :\nx = '\xe9'");
        assert!(latin.text.ends_with("x = '\u{e9}'") && latin.hiding.is_none() && !latin.lossy);
        let hidden = read(b"# coding: unicode_escape\n# \\nimport os\\nos.system('id')");
        assert_eq!(hidden.hiding.as_deref(), Some("unicode_escape"));
        assert!(hidden.text.contains("\nimport os\n"));
        // 'import os' in UTF-7, with the line feed encoded.
        let hidden = read(b"# coding: utf-7\n# +AAo-import os");
        assert!(hidden.text.ends_with("\nimport os"), "{hidden:?}");
        assert_eq!(read(b"# encoding is a matter of taste\nx = 1").hiding, None);
    }
}
