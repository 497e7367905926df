//! Where a text ends that stands in the middle of bytes: between other characters, between opcodes, behind a length.

/// Letters, digits, `_` and `-`: what tokens and identifiers are made of.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// True if nothing of the token's alphabet goes on before it. The letter of an escape (`\n`) is no part of it, and neither is a
/// length byte ([`is_framed`]); `+` and `/` are base64's, but a URL's `//` is none of it.
pub fn starts_clean(before: &[u8]) -> bool {
    match before {
        [.., b'\\', b'n' | b't' | b'r'] | [.., b'/', b'/'] => true,
        [.., last] => !is_word(*last) && *last != b'+' && *last != b'/',
        [] => true,
    }
}

/// True if nothing of the token's alphabet goes on behind it. A single letter before a control character is an opcode of a
/// pickle (`q\x01`, `u.`) or the next length, and no text.
pub fn ends_clean(after: &[u8]) -> bool {
    match after {
        [] => true,
        [first, ..] if !is_word(*first) && *first != b'+' => true,
        [b'u' | b's' | b'e' | b't', b'.'] => true,
        [first, next, ..] => {
            first.is_ascii_alphabetic() && (*next >= 0x80 || (*next < 0x20 && !next.is_ascii_whitespace()))
        }
        _ => false,
    }
}

/// True if the binary length that formats write before a string stands before it: one byte (pickle's short strings, msgpack,
/// protobuf), 16 bits big-endian, 32 or 64 bits little-endian (pickle, GGUF), or a two-byte varint (protobuf).
pub fn is_framed(before: &[u8], length: usize) -> bool {
    let little = (length as u64).to_le_bytes();
    match before {
        // A length that is a letter, behind a letter, is text: `3` is no length in `Ab3sk-...`.
        [.., tag, last] if length < 0x80 && usize::from(*last) == length => !(is_word(*last) && is_word(*tag)),
        [.., high, low] if length < 0x1_0000 && [*high, *low] == (length as u16).to_be_bytes() => true,
        [.., low, high]
            if length < 0x4000
                && usize::from(low & 0x7f) | usize::from(*high) << 7 == length
                && *low >= 0x80
                && *high < 0x80 =>
        {
            true
        }
        _ => length > 0 && (before.ends_with(&little) || before.ends_with(&little[..4])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_of_text_and_of_binary_strings() {
        assert!(starts_clean(b"\"") && starts_clean(b"x\\n") && starts_clean(b"https://") && !starts_clean(b"AB/"));
        assert!(ends_clean(b"q\x01") && ends_clean(b"\"") && !ends_clean(b"qX") && !ends_clean(b"+"));
        assert!(
            !is_framed(b"b3", 51)
                && is_framed(b"\x8c\x33", 51)
                && is_framed(b"X\x28\0\0\0", 40)
                && is_framed(b"\x12\x96\x01", 150)
        );
        assert!(is_framed(b"\x28\0\0\0\0\0\0\0", 40) && !is_framed(b"ab", 40) && is_framed(b"\xda\x01\x00", 256));
    }
}
