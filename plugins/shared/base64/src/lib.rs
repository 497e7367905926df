//! Strict base64 (RFC 4648, section 4), byte by byte, so that a literal of any length is decoded in no memory.
//!
//! ```
//! assert_eq!(modelaudit_base64::decode("aGVsbG8=", 100), Some(b"hello".to_vec()));
//! assert_eq!(modelaudit_base64::decode("not base64", 100), None);
//! ```

/// What one character did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing comes out yet.
    More,
    /// A byte comes out.
    Byte(u8),
    /// Not of the alphabet, or behind the padding.
    Wrong,
}

/// Decodes one character after another.
#[derive(Clone, Copy, Debug, Default)]
pub struct Decoder {
    bits: u32,
    have: u32,
    ended: bool,
}

impl Decoder {
    /// Takes a character.
    pub fn push(&mut self, character: u8) -> Step {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                self.ended = true;
                return Step::More;
            }
            _ => return Step::Wrong,
        };
        if self.ended {
            return Step::Wrong;
        }
        self.bits = (self.bits << 6 | u32::from(value)) & 0x00ff_ffff;
        self.have += 6;
        if self.have < 8 {
            return Step::More;
        }
        self.have -= 8;
        Step::Byte((self.bits >> self.have) as u8)
    }
}

/// Decodes a text to at most `limit` bytes; None if it is longer or no base64.
pub fn decode(text: &str, limit: usize) -> Option<Vec<u8>> {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    for character in text.bytes() {
        match decoder.push(character) {
            Step::More => {}
            Step::Byte(byte) if out.len() < limit => out.push(byte),
            Step::Byte(_) | Step::Wrong => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_decoded_or_refused() {
        assert_eq!(decode("", 1), Some(Vec::new()));
        assert_eq!(decode("gAJjcG9zaXgKc3lzdGVtCg==", 100), Some(b"\x80\x02cposix\nsystem\n".to_vec()));
        assert_eq!(decode("gAJjcG9zaXgKc3lzdGVtCg", 100), decode("gAJjcG9zaXgKc3lzdGVtCg==", 100));
        for wrong in ["a b", "YQ==YQ", "Y-_Q", "\u{e9}"] {
            assert_eq!(decode(wrong, 100), None, "{wrong}");
        }
        assert_eq!(decode("aGVsbG8=", 4), None);
    }
}
