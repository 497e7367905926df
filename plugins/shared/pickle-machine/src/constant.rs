//! Reads constants again from where their opcode stands.
//!
//! The machine keeps a string as the offset of its opcode. Names, arguments and payloads are wanted for a handful of the
//! millions of strings in a pickle, and they are decoded here the way the loaders do it (protocol 0 escapes included).

use crate::input::Input;
use crate::opcode::{self as op, Argument};

/// Bytes of a constant and how many it has in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// The first bytes: UTF-8 for a `str` (with replacement characters only where the loader would fail), raw otherwise.
    pub(crate) bytes: Vec<u8>,
    /// Where the payload begins in the artifact, if it stands there literally.
    pub(crate) raw_offset: Option<u64>,
    /// Length of the payload in the artifact.
    pub(crate) raw_length: u64,
    /// `bytes` is all of it.
    pub(crate) complete: bool,
}

/// The content of the string or bytes constant whose opcode stands at `offset`, at most about `limit` bytes of it.
pub(crate) fn content(input: &Input<'_>, offset: u64, limit: u64) -> Option<Content> {
    let head = input.read_at(offset, 9);
    let (&opcode, rest) = head.split_first()?;
    let (begin, length) = match op::argument(opcode) {
        Argument::Counted(1) => (offset + 2, u64::from(*rest.first()?)),
        Argument::Counted(4) => (offset + 5, u64::from(u32::from_le_bytes(*rest.first_chunk()?))),
        Argument::Counted(8) => (offset + 9, u64::from_le_bytes(*rest.first_chunk()?)),
        Argument::Lines(1) => return line_content(input, opcode, offset + 1, limit),
        _ => return None,
    };
    let bytes = input.read_at(begin, length.min(limit));
    let complete = bytes.len() as u64 == length;
    Some(Content { bytes, raw_offset: Some(begin), raw_length: length, complete })
}

fn line_content(input: &Input<'_>, opcode: u8, begin: u64, limit: u64) -> Option<Content> {
    // Read in growing steps: most lines are short, and a window that is too long is a wasted host call.
    let mut window = 256.min(limit.max(1));
    loop {
        let bytes = input.read_at(begin, window);
        let end = memchr::memchr(b'\n', &bytes);
        let short = (bytes.len() as u64) < window;
        if end.is_some() || short || window >= limit {
            let line = bytes.get(..end.unwrap_or(bytes.len()))?;
            let literal = !line.contains(&b'\\');
            let decoded = unescape(opcode, line);
            return Some(Content {
                bytes: decoded,
                raw_offset: (literal && opcode != op::STRING).then_some(begin),
                raw_length: line.len() as u64,
                complete: end.is_some(),
            });
        }
        window = window.saturating_mul(8).min(limit);
    }
}

/// What the line of a `STRING` or `UNICODE` says; another opcode's line as it is.
pub(crate) fn unescape(opcode: u8, line: &[u8]) -> Vec<u8> {
    match opcode {
        op::STRING => unescape_string(line),
        op::UNICODE => unescape_unicode(line),
        _ => line.to_vec(),
    }
}

/// A quoted `STRING` argument with Python's byte-string escapes (`codecs.escape_decode`). Quotes that do not match are kept.
fn unescape_string(line: &[u8]) -> Vec<u8> {
    let line = line.strip_suffix(b"\r").unwrap_or(line).trim_ascii();
    let inner = match line {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
        [b'\'' | b'"', inner @ ..] => inner,
        other => other,
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some((&code, tail)) = rest.split_first() else {
            out.push(b'\\');
            break;
        };
        rest = tail;
        match code {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'v' => out.push(11),
            b'\\' | b'\'' | b'"' => out.push(code),
            b'x' => match hex_digits(rest, 2) {
                Some(value) => {
                    out.push(value as u8);
                    rest = rest.get(2..).unwrap_or_default();
                }
                None => out.extend_from_slice(b"\\x"),
            },
            b'0'..=b'7' => {
                let mut value = u32::from(code - b'0');
                for _ in 0..2 {
                    match rest.split_first() {
                        Some((&digit @ b'0'..=b'7', tail)) => {
                            value = value * 8 + u32::from(digit - b'0');
                            rest = tail;
                        }
                        _ => break,
                    }
                }
                out.push(value as u8);
            }
            other => out.extend_from_slice(&[b'\\', other]),
        }
    }
    out
}

/// A `UNICODE` argument (`raw-unicode-escape`): only `\uXXXX` and `\UXXXXXXXX` are escapes, other bytes are Latin-1.
fn unescape_unicode(line: &[u8]) -> Vec<u8> {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    // A backslash behind an odd number of them begins no escape: `\\u0041` stays as it is.
    let mut escaped = false;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let digits = match (byte, rest.first()) {
            (b'\\', Some(b'u')) if !escaped => 4,
            (b'\\', Some(b'U')) if !escaped => 8,
            _ => 0,
        };
        escaped = byte == b'\\' && !escaped;
        let digits_at = rest.get(1..).unwrap_or_default();
        match (digits > 0).then(|| hex_digits(digits_at, digits)).flatten() {
            Some(code) => {
                out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                escaped = false;
                rest = digits_at.get(digits..).unwrap_or_default();
            }
            None => out.push(char::from(byte)),
        }
    }
    out.into_bytes()
}

fn hex_digits(bytes: &[u8], count: usize) -> Option<u32> {
    bytes.get(..count)?.iter().try_fold(0u32, |value, &b| Some((value << 4) | char::from(b).to_digit(16)?))
}

/// The number in an `INT`, `LONG`, `PUT` or `GET` line: cut at NUL, base 0 as CPython's loaders take it
/// (`I0x10`, `L0o17L`, `I1_0`; cpython#126996, pickle-family 1.3). None if no loader accepts it or it leaves 64 bits.
pub(crate) fn integer(line: &[u8]) -> Option<i64> {
    let line = line.split(|&b| b == 0).next().unwrap_or_default().trim_ascii();
    let line = line.strip_suffix(b"L").unwrap_or(line);
    let (negative, digits) = match line.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, line),
    };
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest),
        [b'0', b'o' | b'O', rest @ ..] => (8, rest),
        [b'0', b'b' | b'B', rest @ ..] => (2, rest),
        other => (10, other),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value: i64 = 0;
    for &byte in digits {
        if byte == b'_' {
            continue;
        }
        let digit = i64::from(char::from(byte).to_digit(radix)?);
        value = value.checked_mul(i64::from(radix))?.checked_add(digit)?;
    }
    Some(if negative { -value } else { value })
}

/// Little-endian two's complement of any length; None if it leaves 64 bits.
pub(crate) fn twos_complement(bytes: &[u8]) -> Option<i64> {
    let negative = bytes.last().is_some_and(|b| b & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    if bytes.iter().skip(8).any(|&b| b != fill) {
        return None;
    }
    let mut word = [fill; 8];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    let value = i64::from_le_bytes(word);
    (bytes.len() <= 8 || (value < 0) == negative).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelaudit_plugin::Slice;
    use modelaudit_plugin::Span;

    fn text(bytes: &[u8]) -> Content {
        let slice = Slice(bytes);
        content(&Input::new(&slice, Span::new(0, bytes.len() as u64)), 0, 1 << 16).unwrap()
    }

    #[test]
    fn every_string_opcode_is_read() {
        assert_eq!(text(b"\x8c\x02os").bytes, b"os");
        assert_eq!(text(b"X\x02\0\0\0os").raw_offset, Some(5));
        assert_eq!(text(b"\x8d\x02\0\0\0\0\0\0\0os").bytes, b"os");
        assert_eq!(text(b"U\x02os").bytes, b"os");
        assert_eq!(text(b"S'o\\x73\\141\\n\\q'\n").bytes, b"osa\n\\q");
        assert_eq!(text(b"S\"os\"\n").bytes, b"os");
        assert_eq!(text(b"S'\n").bytes, b"");
        assert_eq!(text(b"V\\u006fs\\x\n").bytes, b"os\\x");
        assert_eq!(text(b"V\xe9\n").bytes, "é".as_bytes());
        assert!(!text(b"\x8c\x08os").complete);
    }

    #[test]
    fn integers_as_the_loaders_take_them() {
        for (line, value) in
            [("0x10", 16), ("0o17", 15), ("0b11", 3), ("001", 1), ("-5", -5), ("12L", 12), ("1\0junk", 1), ("1_0", 10)]
        {
            assert_eq!(integer(line.as_bytes()), Some(value), "{line}");
        }
        assert_eq!(integer(b"12x"), None);
        assert_eq!(integer(b""), None);
        assert_eq!(integer(b"99999999999999999999"), None);
    }

    #[test]
    fn long_integers() {
        assert_eq!(twos_complement(b""), Some(0));
        assert_eq!(twos_complement(b"\xff"), Some(-1));
        assert_eq!(twos_complement(b"\0\x80\0"), Some(32768));
        assert_eq!(twos_complement(&[0xff; 12]), Some(-1));
        assert_eq!(twos_complement(&[0, 0, 0, 0, 0, 0, 0, 0x80, 0]), None);
    }
}
