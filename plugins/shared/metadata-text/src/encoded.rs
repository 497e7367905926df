//! Payloads in base64 or hexadecimal: decoded once, and judged by what comes out. Hashes, ids and keys decode to nothing that counts.

use modelaudit_pickle_policy::suspicious_text;

/// Characters of an encoded run; a shorter one holds no payload.
pub(crate) const SHORTEST: usize = 32;
/// Characters that are decoded of a run, and runs of a text.
const LONGEST: usize = 16 << 10;
const RUNS: usize = 8;

/// What an encoded payload in the text is, as a noun phrase.
pub(crate) fn payload(text: &str) -> Option<&'static str> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=');
    let runs = text.split(|c| !inside(c)).filter(|run| run.len() >= SHORTEST).take(RUNS);
    runs.filter_map(|run| {
        let run = run.as_bytes();
        let run = run.get(..run.len().min(LONGEST)).unwrap_or_default();
        let hex = run.iter().all(u8::is_ascii_hexdigit).then(|| hex(run));
        [hex, base64(run)].into_iter().flatten().find_map(|bytes| kind(&bytes))
    })
    .next()
}

/// What the decoded bytes are, if they matter.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x7f, b'E', b'L', b'F', ..] => return Some("an encoded executable"),
        [b'M', b'Z', 0x90, 0, ..] => return Some("an encoded executable"),
        // A pickle of protocol 2 to 5 that ends with its stop mark.
        [0x80, 2..=5, .., b'.'] => return Some("an encoded pickle"),
        _ => {}
    }
    let text = std::str::from_utf8(bytes).ok()?;
    suspicious_text(text).filter(|what| *what != "a path of the system").map(|_| "encoded code")
}

fn hex(run: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| (*byte as char).to_digit(16).unwrap_or(0) as u8;
    run.chunks_exact(2).map(|pair| pair.iter().fold(0, |value, byte| (value << 4) | digit(byte))).collect()
}

/// Both alphabets of RFC 4648; None if a character stands where none may.
fn base64(run: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::with_capacity(run.len() / 4 * 3), 0u32, 0u32);
    for byte in run.iter().take_while(|b| **b != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        held = ((held << 6) | u32::from(value)) & 0xff_ffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
        }
    }
    Some(out)
}
