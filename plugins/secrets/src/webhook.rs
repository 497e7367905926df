//! Complete addresses of webhooks, and tokens of Telegram's bots: who has one may post (or read) in its owner's name.

use crate::borders::is_word;
use crate::texture::{is_placeholder, looks_random};
use crate::windows::Window;

/// Hosts before `/api/webhooks/`. Source: Discord's developer documentation; the old and the test hosts still answer.
const DISCORD: &[&[u8]] = &[b"discord.com", b"discordapp.com"];

/// Discord: `https://discord.com/api/webhooks/<id of 17 to 20 digits>/<token of 60 to 80>`, the anchor being the path.
pub fn discord(window: &Window) -> Option<(usize, usize)> {
    let before = window.before(window.at);
    let before = before.strip_suffix(b"/v10").or(before.strip_suffix(b"/v9")).unwrap_or(before);
    DISCORD.iter().find(|host| before.ends_with(host))?;
    let id = window.at + b"/api/webhooks/".len();
    let digits = count(window, id, |byte| byte.is_ascii_digit());
    let token = id + digits + 1;
    let length = count(window, token, is_word).min(80);
    let end = token + length;
    if !(17..=20).contains(&digits) || window.get(token - 1)? != b'/' || length < 60 || !random(window, token, end) {
        return None;
    }
    Some((host_start(window), end))
}

/// Slack: `https://hooks.slack.com/services/T.../B.../<24>` or `/workflows/...`, `/triggers/...`, the anchor being the host.
pub fn slack(window: &Window) -> Option<(usize, usize)> {
    let start = window.at + b"hooks.slack.com/".len();
    let kind = [&b"services/T"[..], b"workflows/T", b"triggers/"]
        .into_iter()
        .find(|kind| window.from(start).starts_with(kind))?;
    let length = count(window, start, |byte| is_word(byte) || byte == b'/').min(200);
    let end = start + length;
    let path = window.slice(start + kind.len(), end);
    let secret = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let slashes = path.iter().filter(|byte| **byte == b'/').count();
    if slashes < 2 || secret.len() < 20 || !random(window, end - secret.len(), end) {
        return None;
    }
    Some((host_start(window), end))
}

/// Telegram: `<bot's id of 8 to 10 digits>:AA<33>`, the anchor being `:AA`.
pub fn telegram(window: &Window) -> Option<(usize, usize)> {
    let before = window.before(window.at);
    let digits = before.iter().rev().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    let start = window.at - digits;
    let length = count(window, window.at + 1, is_word);
    let end = window.at + 1 + 35;
    let outside = window.before(start);
    let clean = outside.ends_with(b"bot") || outside.last().is_none_or(|byte| !is_word(*byte));
    // One more character may be the opcode behind a pickled string.
    if !(8..=10).contains(&digits) || !(35..=36).contains(&length) || !clean || !random(window, window.at + 3, end) {
        return None;
    }
    Some((start, end))
}

fn random(window: &Window, start: usize, end: usize) -> bool {
    let text = window.slice(start, end);
    looks_random(text) && !is_placeholder(text)
}

fn count(window: &Window, start: usize, test: impl Fn(u8) -> bool) -> usize {
    window.from(start).iter().take_while(|byte| test(**byte)).count()
}

/// Where the scheme before the anchor's URL starts, or its host.
fn host_start(window: &Window) -> usize {
    let url = |byte: &u8| byte.is_ascii_alphanumeric() || b".-:/".contains(byte);
    let back = window.before(window.at).iter().rev().take(40).take_while(|byte| url(byte)).count();
    let text = window.slice(window.at - back, window.at);
    let scheme = text.windows(7).position(|word| word == b"http://" || word == b"https:/");
    window.at - back + scheme.unwrap_or(if back > 30 { back } else { 0 })
}
