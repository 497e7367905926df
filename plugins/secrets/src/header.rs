//! Credentials of HTTP: the `Authorization` header (RFC 7617, RFC 6750), and the `auth` of Docker's config.json, which is the same base64.

use crate::texture::{is_placeholder, is_weak, kinds, looks_random};
use crate::windows::Window;

/// What a header gives away.
pub enum Credentials {
    /// User and password in base64: first byte, byte behind the last, and the user, which may be shown.
    Basic(usize, usize, String),
    /// A token by itself.
    Bearer(usize, usize),
}

/// The longest value.
const LONGEST: usize = 512;

/// The credentials behind `Authorization`, in which the anchor stands.
pub fn authorization(window: &Window) -> Option<Credentials> {
    let start = value(window, window.at + b"uthorization".len())?;
    let rest = window.from(start);
    let scheme = rest.iter().take(8).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let token = start + scheme + 1;
    if window.get(start + scheme)? != b' ' {
        return None;
    }
    match rest.get(..scheme)?.to_ascii_lowercase().as_slice() {
        b"basic" => basic(window, token),
        b"bearer" | b"token" => {
            let end = token + run(window, token, |byte| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte));
            let text = window.slice(token, end);
            let drawn =
                text.len() >= 20 && kinds(text) >= 2 && text.iter().any(u8::is_ascii_digit) && looks_random(text);
            (drawn && text.len() <= LONGEST && !is_placeholder(text)).then_some(Credentials::Bearer(token, end))
        }
        _ => None,
    }
}

/// The credentials of a registry, the anchor being `"auth"`.
pub fn docker(window: &Window) -> Option<Credentials> {
    basic(window, value(window, window.at + b"\"auth\"".len() - 1)?)
}

/// Where the value starts that follows a key: behind quotes, blanks and a colon.
fn value(window: &Window, key_end: usize) -> Option<usize> {
    let rest = window.from(key_end);
    let between = rest.iter().take(12).take_while(|byte| b"\"'\\: \t=".contains(byte)).count();
    rest.get(..between)?.iter().any(|byte| b":=".contains(byte)).then_some(key_end + between)
}

fn basic(window: &Window, start: usize) -> Option<Credentials> {
    let end = start + run(window, start, |byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte));
    let text = window.slice(start, end);
    if !(8..=LONGEST).contains(&text.len()) || is_placeholder(text) {
        return None;
    }
    let decoded = crate::jwt::decode(text.split(|byte| *byte == b'=').next()?)?;
    let decoded = std::str::from_utf8(&decoded).ok()?;
    let (user, password) = decoded.split_once(':')?;
    let plain = !user.is_empty() && decoded.chars().all(|c| !c.is_control());
    let weak = is_weak(password.as_bytes()) || is_placeholder(password.as_bytes()) || password == user;
    (plain && password.len() >= 5 && !weak && !is_placeholder(user.as_bytes()))
        .then(|| Credentials::Basic(start, end, user.to_owned()))
}

fn run(window: &Window, start: usize, test: impl Fn(u8) -> bool) -> usize {
    window.from(start).iter().take(LONGEST + 1).take_while(|byte| test(**byte)).count()
}
