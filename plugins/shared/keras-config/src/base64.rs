//! Base64 as Python's `codecs.decode(text, "base64")` reads it: what is not of the alphabet is skipped.

/// Decodes; None if less than two characters of the alphabet are there.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut have) = (0u32, 0u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => continue,
        };
        bits = (bits << 6 | u32::from(value)) & 0x00ff_ffff;
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Whether a text may be base64 of a marshalled code object, by its first characters: type byte `c`, with or without the flag.
pub(crate) fn may_be_code(text: &str) -> bool {
    let text = text.trim_start();
    let mut head = text.bytes();
    let (first, second) = (head.next(), head.next());
    // 0x63 and 0xe3 are `Y` and `4`, then a character whose two high bits are set.
    text.len() >= 40
        && matches!(first, Some(b'Y' | b'4'))
        && second.is_some_and(|c| matches!(c, b'w'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'-' | b'_'))
        && text
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'-' | b'_' | b'=' | b'\n' | b'\r' | b' '))
}
