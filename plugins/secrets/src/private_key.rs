//! Private keys: PEM of any kind (RFC 7468: PKCS1, PKCS8, SEC1; OpenSSH; PGP, RFC 4880) and PuTTY's own format.
//!
//! Every crypto library holds the header line as a constant, and manuals show it with three dots below. A key is a header with
//! a body of base64 that looks random and is long enough for the smallest key.

use crate::texture::{is_placeholder, looks_random};
use crate::windows::Window;

/// A private key in a window.
pub struct Key {
    /// What the header calls it, for the message.
    pub label: String,
    /// The byte behind the last one of the body that was looked at.
    pub end: usize,
    /// True if the header says that a password protects it.
    pub encrypted: bool,
    /// Characters of the body: what tells keys apart.
    pub body: Vec<u8>,
}

/// Base64 characters of the smallest key in use: 48 bytes of PKCS8 around an Ed25519 seed have 64; a seed alone has 44.
const SHORTEST: usize = 44;

/// Characters of the body that are looked at.
const LOOKED_AT: usize = 512;

/// The PEM key whose `-----BEGIN` the anchor is.
pub fn pem(window: &Window) -> Option<Key> {
    let label_start = window.at + b"-----BEGIN".len();
    let rest = window.from(label_start);
    let length =
        rest.iter().take(48).take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || **b == b' ').count();
    let label = std::str::from_utf8(rest.get(..length)?).ok()?.trim();
    if !(label.ends_with("PRIVATE KEY") || label == "PGP PRIVATE KEY BLOCK")
        || !rest.get(length..)?.starts_with(b"-----")
    {
        return None;
    }
    let start = label_start + length + 5;
    let (body, end, headers) = body(window, start);
    let encrypted = label.starts_with("ENCRYPTED") || headers.windows(9).any(|word| word == b"ENCRYPTED");
    is_key(&body).then(|| Key { label: label.to_lowercase(), end, encrypted, body })
}

/// The PEM key that stands in base64 once more, as in kubeconfig files and environment variables, the anchor being the base64 of
/// `-----BEGIN`.
pub fn encoded(window: &Window) -> Option<Key> {
    let digit = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(*byte);
    if window.before(window.at).last().is_some_and(|byte| digit(&byte)) {
        return None;
    }
    let length = window.from(window.at).iter().take_while(digit).count();
    let bytes = crate::jwt::decode(window.slice(window.at, window.at + length))?;
    let inner = Window { bytes: &bytes, at: 0, offset: 0, anchor: window.anchor };
    let key = pem(&inner)?;
    Some(Key { end: window.at + length, ..key })
}

/// The PuTTY key whose first line starts with the anchor.
pub fn putty(window: &Window) -> Option<Key> {
    // The public half before it has at most 720 characters (RSA of 4096 bits).
    let text = window.slice(window.at, window.bytes.len().min(window.at + 2048));
    let marker = b"Private-Lines:";
    let at = window.at + text.windows(marker.len()).position(|line| line == marker)?;
    let count = window.from(at + marker.len()).iter().take_while(|b| b.is_ascii_digit() || **b == b' ').count();
    let (body, end, _) = body(window, at + marker.len() + count);
    let encrypted = !text.windows(16).any(|line| line == b"Encryption: none");
    is_key(&body).then(|| Key { label: "PuTTY private key".to_owned(), end, encrypted, body })
}

fn is_key(body: &[u8]) -> bool {
    // Long keys have runs of equal characters (leading zeros of a version); the start and the middle must be random.
    body.len() >= SHORTEST && looks_random(body) && !is_placeholder(body.get(body.len() / 3..).unwrap_or_default())
}

/// The base64 characters from `start` on, where they end, and the header lines before them (`Proc-Type: 4,ENCRYPTED`). Line ends
/// may be real or written as escapes (`\n` in JSON and source), with indentation, quotes and `+` of source code between.
fn body(window: &Window, start: usize) -> (Vec<u8>, usize, Vec<u8>) {
    let (mut body, mut line, mut headers) = (Vec::new(), Vec::new(), Vec::new());
    let mut index = start;
    let mut header_line = false;
    while let Some(byte) = window.get(index) {
        let escape = byte == b'\\' && matches!(window.get(index + 1), Some(b'n' | b'r' | b't'));
        if escape || byte == b'\n' || byte == b'\r' {
            if header_line {
                headers.append(&mut line);
            }
            body.append(&mut line);
            header_line = false;
            index += if escape { 2 } else { 1 };
            if body.len() >= LOOKED_AT {
                break;
            }
            continue;
        }
        match byte {
            b':' | b',' if body.is_empty() || header_line => header_line = true,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => line.push(byte),
            // A hyphen of a header's name (`Proc-Type`), as opposed to the closing line.
            b'-' if body.is_empty() && window.get(index + 1) != Some(b'-') => line.push(byte),
            b' ' | b'\t' | b'"' | b'\'' => {}
            _ if header_line => {}
            _ => break,
        }
        if line.len() >= LOOKED_AT {
            break;
        }
        index += 1;
    }
    if !header_line {
        body.append(&mut line);
    }
    (body, index, headers)
}
