//! JSON web tokens (RFC 7519, compact form of RFC 7515): two or three parts of base64url with dots between.
//!
//! `eyJ` is base64 for `{"`, so it starts every JSON text that somebody encoded, and stands by chance in every megabyte of base64.
//! What counts is a header that decodes and names an algorithm, and claims that decode to an object.

use crate::borders::{ends_clean, is_framed, is_word, starts_clean};
use crate::windows::Window;

/// The most of a part that is decoded to look at.
const DECODED: usize = 512;

/// Signatures of examples: of jwt.io's token for HS256, old and new, and of RFC 7515's appendix A.1.
const EXAMPLES: &[&[u8]] = &[
    b"SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    b"TJVA95OrM7E2cBab30RMHrHDcEfxjoYZgeFONFh7HgQ",
    b"KMUFsIDTnFmyG3nMiGM6H9FNFUROf3wh7SmqJp-QV30",
    b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
];

/// Where a token stands in the window: its first byte and the byte behind its last.
pub fn at(window: &Window) -> Option<(usize, usize)> {
    let start = window.at;
    let before = window.before(start);
    // First of all, for in base64 this stands a thousand times a megabyte: what follows a letter is a piece of something, unless
    // the letter is the length of a pickled string.
    if !starts_clean(before) && !matches!(before, [.., 0x8c, _]) {
        return None;
    }
    let header_end = run(window, start);
    if window.get(header_end)? != b'.' {
        return None;
    }
    let claims_end = run(window, header_end + 1);
    if window.get(claims_end)? != b'.' {
        return None;
    }
    let mut end = run(window, claims_end + 1);
    if let Some(framed) = (0..3).map(|less| end.saturating_sub(less)).find(|end| is_framed(before, end - start)) {
        end = framed;
    }
    let signature = window.slice(claims_end + 1, end);
    // 32 bytes is the shortest signature in use (HS256); shorter ones are cut or made up.
    if signature.len() < 40 || EXAMPLES.contains(&signature) {
        return None;
    }
    let bordered = starts_clean(before) && ends_clean(window.from(end));
    if !bordered && !is_framed(before, end - start) {
        return None;
    }
    let header = decode(window.slice(start, header_end))?;
    let claims = decode(window.slice(header_end + 1, claims_end))?;
    let names_algorithm = header.windows(5).any(|name| name == b"\"alg\"");
    // An encrypted token (RFC 7516) has no claims to read; it has five parts and is not meant here.
    let is_object =
        claims.first() == Some(&b'{') && claims.iter().all(|byte| *byte >= 0x20 || byte.is_ascii_whitespace());
    (names_algorithm && is_object).then_some((start, end))
}

/// End of the run of base64url characters from `start` on.
fn run(window: &Window, start: usize) -> usize {
    start + window.from(start).iter().take_while(|byte| is_word(**byte)).count()
}

/// The first [`DECODED`] bytes of a base64 or base64url text without padding.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len().min(DECODED));
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            if out.len() >= DECODED {
                break;
            }
        }
    }
    Some(out)
}
