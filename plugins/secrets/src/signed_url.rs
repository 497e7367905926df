//! Shared access signatures of Azure: `?sv=...&sig=...` in a URL opens a storage account to whoever has the URL.

use crate::texture::{is_placeholder, looks_random};
use crate::windows::Window;

/// Where the signature stands whose `sig=` the anchor is: 32 bytes in base64, percent-encoded or not, with the parameters that
/// Microsoft's documentation of the service SAS demands (version, expiry) in the same query.
pub fn at(window: &Window) -> Option<(usize, usize)> {
    if !matches!(window.before(window.at).last(), Some(b'&' | b'?' | b';')) {
        return None;
    }
    let start = window.at + 4;
    let in_value = |byte: &u8| byte.is_ascii_alphanumeric() || b"%+/=".contains(byte);
    let length = window.from(start).iter().take(80).take_while(|byte| in_value(byte)).count();
    // The padding ends it; in a pickle an opcode may follow that is a letter.
    let run = window.slice(start, start + length);
    let padding = run.iter().position(|byte| *byte == b'=').map(|at| at + 1);
    let escaped = run.windows(3).position(|text| text.eq_ignore_ascii_case(b"%3d")).map(|at| at + 3);
    let length = padding.or(escaped)?;
    let text = window.slice(start, start + length);
    // 44 characters, three for each that is escaped; the padding is always one '='.
    if !(44..=72).contains(&length) {
        return None;
    }
    let in_query = |byte: &u8| *byte > b' ' && *byte < 0x7f && !b"\"'<>\\".contains(byte);
    let back = window.before(window.at).iter().rev().take_while(|byte| in_query(byte)).count();
    let ahead = window.from(start).iter().take(400).take_while(|byte| in_query(byte)).count();
    let query = window.slice(window.at - back, start + ahead);
    let has = |name: &[u8]| query.windows(name.len()).any(|text| text == name);
    (has(b"sv=") && has(b"se=") && looks_random(text) && !is_placeholder(text)).then_some((start, start + length))
}
