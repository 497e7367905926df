//! The decoders that payloads are wrapped in.

use std::io::Read;

use crate::value::LONGEST;

/// Base64 of the standard and of the URL alphabet; other characters are skipped, as Python does.
pub(crate) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    };
    bits(text.iter().take_while(|b| **b != b'=').filter_map(|b| digit(*b)), 6)
}

/// Base32, either case.
pub(crate) fn base32(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a'),
        b'2'..=b'7' => Some(b - b'2' + 26),
        _ => None,
    };
    bits(text.iter().take_while(|b| **b != b'=').filter_map(|b| digit(*b)), 5)
}

/// Hexadecimal digits; white space between bytes is skipped.
pub(crate) fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .iter()
        .filter(|b| !b.is_ascii_whitespace())
        .map(|b| (*b as char).to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    let digits = digits.filter(|d| d.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]).collect())
}

/// Ascii85 or base85 by its alphabet (RFC 1924 for `b85decode`).
pub(crate) fn base85(text: &[u8]) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 85] =
        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
    let mut out = Vec::with_capacity(text.len());
    for group in text.chunks(5) {
        let mut number = 0u64;
        for at in 0..5 {
            let digit = match group.get(at) {
                Some(byte) => ALPHABET.iter().position(|a| a == byte)? as u64,
                None => 84,
            };
            number = number * 85 + digit;
        }
        let bytes = u32::try_from(number).ok()?.to_be_bytes();
        out.extend_from_slice(bytes.get(..group.len().saturating_sub(1))?);
    }
    Some(out)
}

fn bits(digits: impl Iterator<Item = u8>, width: u32) -> Option<Vec<u8>> {
    let (mut out, mut held, mut count) = (Vec::new(), 0u32, 0);
    for digit in digits {
        held = (held << width) | u32::from(digit);
        count += width;
        if count >= 8 {
            count -= 8;
            out.push((held >> count) as u8);
            held &= (1 << count) - 1;
        }
        if out.len() > LONGEST {
            return None;
        }
    }
    Some(out)
}

/// zlib or gzip data of at most [`LONGEST`] bytes unpacked.
pub(crate) fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let limit = LONGEST as u64 + 1;
    let read = if bytes.starts_with(b"\x1f\x8b") {
        flate2::read::GzDecoder::new(bytes).take(limit).read_to_end(&mut out)
    } else {
        flate2::read::ZlibDecoder::new(bytes).take(limit).read_to_end(&mut out)
    };
    read.ok().filter(|_| out.len() <= LONGEST)?;
    Some(out)
}

/// Letters shifted by thirteen.
pub(crate) fn rot13(text: &str) -> String {
    let turn = |c: u8, first: u8| (c - first + 13) % 26 + first;
    text.chars()
        .map(|c| match c {
            'a'..='z' => turn(c as u8, b'a') as char,
            'A'..='Z' => turn(c as u8, b'A') as char,
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoders_agree_with_python() {
        assert_eq!(base64(b"aW1wb3J0IG9z").unwrap(), b"import os");
        assert_eq!(base64(b"_-8=").unwrap(), [0xff, 0xef]);
        assert_eq!(base32(b"NFWXA33SOQQG64Y=").unwrap(), b"import os");
        assert_eq!(hex(b"69 6d70").unwrap(), b"imp");
        assert_eq!(hex(b"69f"), None);
        // base64.b85encode(b'import os')
        assert_eq!(base85(b"X>D+Ca&#bXa{").unwrap(), b"import os");
        assert_eq!(rot13("vzcbeg bf"), "import os");
        assert_eq!(inflate(b"not zlib"), None);
    }
}
