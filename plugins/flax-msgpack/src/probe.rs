//! Whether bytes are a Flax checkpoint: nearly any byte is a valid msgpack token, so it takes more than that.

use crate::policy::{FIRST_KEYS, SPECIAL_KEYS};
use crate::token::{Token, token};

/// Tokens that are looked at.
const MAX_TOKENS: usize = 200;
/// Longest key, in bytes.
const MAX_KEY: u32 = 512;

/// A map of texts to values all the way, with a first key that checkpoints have, or an array of Flax among the values.
pub(crate) fn is_checkpoint(head: &[u8], size: u64) -> bool {
    let Some((Token::Map(1..), mut position)) = token(head) else { return false };
    // Maps that are open: pairs left, and whether a key comes next. Lists count as maps without keys.
    let mut open: Vec<(u64, bool, bool)> = Vec::new();
    if let Some((Token::Map(pairs), _)) = token(head) {
        open.push((u64::from(pairs), true, true));
    }
    let mut first_key = None;
    let mut arrays = 0usize;
    for _ in 0..MAX_TOKENS {
        while open.last().is_some_and(|(left, ..)| *left == 0) {
            open.pop();
        }
        let Some((left, is_map, wants_key)) = open.last_mut() else { break };
        let key = *is_map && *wants_key;
        if *is_map {
            *wants_key = !key;
        }
        if !key {
            *left -= 1;
        }
        let rest = head.get(position..).unwrap_or_default();
        let Some((found, length)) = token(rest) else { break };
        let content = rest.get(length..).unwrap_or_default();
        let skipped = match found {
            Token::Text(n) if key => {
                let text = content.get(..n as usize).unwrap_or(content);
                if n == 0 || n > MAX_KEY || !is_name(text) {
                    return false;
                }
                if first_key.is_none() {
                    first_key = Some(String::from_utf8_lossy(text).into_owned());
                }
                u64::from(n)
            }
            // Flax turns every key into text.
            _ if key => return false,
            Token::Never => return false,
            Token::Map(n) => {
                open.push((u64::from(n), true, true));
                0
            }
            Token::Array(n) => {
                open.push((u64::from(n), false, false));
                0
            }
            Token::Extension(1..=3, n) => {
                arrays += usize::from(matches!(content.first(), None | Some(0x92 | 0x93)));
                u64::from(n)
            }
            Token::Text(n) | Token::Bytes(n) | Token::Extension(_, n) => u64::from(n),
            Token::Unsigned(_) | Token::Scalar => 0,
        };
        if open.len() > 64 {
            return false;
        }
        let after = (position as u64).saturating_add(length as u64).saturating_add(skipped);
        if after > size && head.len() as u64 >= size {
            break;
        }
        match usize::try_from(after) {
            Ok(after) if after < head.len() => position = after,
            _ => break,
        }
    }
    let Some(first) = first_key else { return false };
    arrays > 0 || FIRST_KEYS.contains(&first.as_str()) || SPECIAL_KEYS.contains(&first.as_str())
}

/// A key as people and programs give them: printable.
fn is_name(text: &[u8]) -> bool {
    // The head may end inside a character.
    let valid = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(text.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.chars().any(char::is_control)
}
