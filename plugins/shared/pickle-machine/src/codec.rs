//! Decoders of the encodings that payloads hide behind, each within a budget.
//!
//! A payload behind `base64.b64decode` and `zlib.decompress` must be seen for what it is (pickle-family 3.1 and section 7,
//! point 6); the same decoders look into inert strings. Loaders are lenient (Python's base64 skips what is not in the
//! alphabet), so these are, too. What exceeds the budget is cut, and the caller is told by the length.

use std::io::Read;

/// Memory that an xz or lzma dictionary may ask for, in KiB: Python's default preset asks for 8 MiB.
const LZMA_MEMORY_KIB: u32 = 24 << 10;

/// zlib, gzip, bzip2, xz or lzma, told by their first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// RFC 1950.
    Zlib,
    /// RFC 1952.
    Gzip,
    /// bzip2.
    Bzip2,
    /// The xz container.
    Xz,
    /// The older lzma container.
    Lzma,
}

impl Compression {
    /// The name people use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zlib => "zlib",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Lzma => "lzma",
        }
    }

    /// What the first bytes say.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        match bytes {
            // The window size and the check bits of RFC 1950: a sixteenth of a percent of random data passes.
            [cmf, flg, ..] if cmf & 0x8f == 8 && (u16::from(*cmf) << 8 | u16::from(*flg)) % 31 == 0 => Some(Self::Zlib),
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => Some(Self::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x5d, 0, 0, _, _, _, ..] => Some(Self::Lzma),
            _ => None,
        }
    }
}

/// Unpacks at most `limit` bytes. What comes before an error counts: a loader reads it, too.
pub fn decompress(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let limit = limit as u64;
    // An error after some output is a cut or damaged stream; the output stands.
    let _ = match Compression::detect(bytes)? {
        Compression::Zlib => flate2::bufread::ZlibDecoder::new(bytes).take(limit).read_to_end(&mut out),
        Compression::Gzip => flate2::bufread::MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut out),
        Compression::Bzip2 => bzip2::bufread::MultiBzDecoder::new(bytes).take(limit).read_to_end(&mut out),
        Compression::Xz => {
            let reader = lzma_rust2::XzReader::new_mem_limit(bytes, true, LZMA_MEMORY_KIB);
            reader.take(limit).read_to_end(&mut out)
        }
        Compression::Lzma => match lzma_rust2::LzmaReader::new_mem_limit(bytes, LZMA_MEMORY_KIB, None) {
            Ok(reader) => reader.take(limit).read_to_end(&mut out),
            Err(_) => return None,
        },
    };
    (!out.is_empty()).then_some(out)
}

/// Base64 with the standard or the URL alphabet, as `binascii.a2b_base64` reads it: other characters are skipped, it ends
/// at the padding.
pub fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for &byte in text {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => continue,
        };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Base32 (RFC 4648).
pub fn base32(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 8 * 5 + 5);
    let (mut bits, mut count) = (0u32, 0u32);
    for &byte in text {
        let digit = match byte.to_ascii_uppercase() {
            upper @ b'A'..=b'Z' => upper - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            b'=' => break,
            _ => return None,
        };
        bits = bits << 5 | u32::from(digit);
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    (!out.is_empty()).then_some(out)
}

/// The alphabet of `base64.b85encode` (git, RFC 1924).
const BASE85: &[u8; 85] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

/// Base85 with the alphabet of `base64.b85encode`.
pub fn base85(text: &[u8]) -> Option<Vec<u8>> {
    groups_of_five(text, |byte| BASE85.iter().position(|&b| b == byte).map(|p| p as u32))
}

/// Ascii85 as `base64.a85decode` reads it.
pub fn ascii85(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_prefix(b"<~").unwrap_or(text);
    let text = text.strip_suffix(b"~>").unwrap_or(text);
    let mut plain = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'z' => plain.extend_from_slice(b"!!!!!"),
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b => {}
            _ => plain.push(byte),
        }
    }
    groups_of_five(&plain, |byte| byte.checked_sub(b'!').filter(|&d| d < 85).map(u32::from))
}

fn groups_of_five(text: &[u8], digit: impl Fn(u8) -> Option<u32>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 5 * 4 + 4);
    for group in text.chunks(5) {
        let mut word: u64 = 0;
        for index in 0..5 {
            let value = match group.get(index) {
                Some(&byte) => digit(byte)?,
                None => 84,
            };
            word = word * 85 + u64::from(value);
        }
        let bytes = u32::try_from(word).ok()?.to_be_bytes();
        out.extend_from_slice(bytes.get(..group.len().saturating_sub(1)).unwrap_or_default());
    }
    (!out.is_empty()).then_some(out)
}

/// Hexadecimal digits; white space between them is skipped as `bytes.fromhex` does.
pub fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for &byte in text {
        if byte.is_ascii_whitespace() && high.is_none() {
            continue;
        }
        let digit = char::from(byte).to_digit(16)? as u8;
        match high.take() {
            None => high = Some(digit),
            Some(upper) => out.push(upper << 4 | digit),
        }
    }
    (high.is_none() && !out.is_empty()).then_some(out)
}

/// ROT13 of letters.
pub fn rot13(text: &[u8]) -> Vec<u8> {
    let turn = |byte: u8, base: u8| (byte - base + 13) % 26 + base;
    let letter = |&byte: &u8| match byte {
        b'a'..=b'z' => turn(byte, b'a'),
        b'A'..=b'Z' => turn(byte, b'A'),
        other => other,
    };
    text.iter().map(letter).collect()
}

/// Text as Latin-1 bytes: how picklers of protocol 2 carry bytes. None if a character lies beyond.
pub fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_encodings() {
        assert_eq!(base64(b"aGVsbG8=").as_deref(), Some(&b"hello"[..]));
        assert_eq!(base64(b"aGVs\nbG8").as_deref(), Some(&b"hello"[..]));
        assert_eq!(base32(b"NBSWY3DP").as_deref(), Some(&b"hello"[..]));
        assert_eq!(base85(b"Xk~0{Zv").as_deref(), Some(&b"hello"[..]));
        assert_eq!(ascii85(b"<~BOu!rDZ~>").as_deref(), Some(&b"hello"[..]));
        assert_eq!(hex(b"68 65 6c6C6f").as_deref(), Some(&b"hello"[..]));
        assert_eq!(hex(b"686"), None);
        assert_eq!(rot13(b"cbfvk"), b"posix");
        assert_eq!(latin1("\u{e9}").as_deref(), Some(&b"\xe9"[..]));
        assert_eq!(latin1("\u{20ac}"), None);
    }

    #[test]
    fn compression_is_bounded() {
        use std::io::Write;
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(&vec![0u8; 1 << 20]).unwrap();
        let packed = packed.finish().unwrap();
        assert_eq!(decompress(&packed, 1000).unwrap().len(), 1000);
        assert!(decompress(&packed[..40], 1 << 20).is_some());
        assert_eq!(decompress(b"hello", 1000), None);
        assert_eq!(decompress(b"\x5d\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff", 1000), None);
    }
}
