//! The disguises that a loader may take off.

use crate::tables::{COMPATIBILITY, OVERLONG};

/// One layer of percent encoding taken off; None if there was none.
pub(crate) fn percent(path: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    let mut changed = false;
    while let Some((&byte, tail)) = rest.split_first() {
        if byte == b'%'
            && let [high, low, tail @ ..] = tail
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            rest = tail;
            changed = true;
            continue;
        }
        out.push(byte);
        rest = tail;
    }
    changed.then_some(out)
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|d| d as u8)
}

/// Compatibility characters replaced; None if there was none or the path is not UTF-8.
pub(crate) fn unicode(path: &[u8]) -> Option<Vec<u8>> {
    if path.is_ascii() {
        return None;
    }
    let text = std::str::from_utf8(path).ok()?;
    let mut out = String::with_capacity(text.len());
    let mut changed = false;
    for c in text.chars() {
        match COMPATIBILITY.iter().find(|(from, _)| *from == c) {
            Some((_, to)) => {
                out.push_str(to);
                changed = true;
            }
            None => out.push(c),
        }
    }
    changed.then(|| out.into_bytes())
}

/// Over-long UTF-8 replaced; None if there was none.
pub(crate) fn overlong(path: &[u8]) -> Option<Vec<u8>> {
    if path.is_ascii() {
        return None;
    }
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    let mut changed = false;
    while let Some((&byte, tail)) = rest.split_first() {
        match OVERLONG.iter().find(|(from, _)| rest.starts_with(from)) {
            Some((from, to)) => {
                out.push(*to);
                rest = rest.get(from.len()..).unwrap_or_default();
                changed = true;
            }
            None => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    changed.then_some(out)
}
