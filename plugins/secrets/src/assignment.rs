//! Values that stand beside a telling name: `"api_key": "..."`, `PASSWORD=...`, a pickled or GGUF dictionary's key and value.
//!
//! For secrets without a shape of their own. Names are matched as whole identifiers (`pad_token` is none of them), values must look
//! drawn or chosen, never like words, paths or templates. In source code and prose nothing is reported: examples and
//! variables outnumber secrets there by far.

use modelaudit_plugin::Rule;
use modelaudit_rules::secrets::{S701, S702, S704, S708};

use crate::texture::{is_placeholder, is_weak, kinds, looks_random};
use crate::windows::Window;

/// A secret beside its name.
pub struct Assignment {
    /// The name, as it is written.
    pub name: String,
    /// What is reported.
    pub rule: &'static Rule,
    /// First byte of the value.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
}

/// How a value is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    /// Chosen by a person: 8 characters of three kinds, or random ones.
    Password,
    /// Drawn by a machine: 16 or more random characters.
    Random,
    /// 40 characters of base64.
    AwsSecret,
}

/// Ends of names in lower case, with `-` and camel case as `_`; the first that fits counts.
const NAMES: &[(&str, &Rule, Value)] = &[
    ("aws_secret_access_key", &S704, Value::AwsSecret),
    ("secret_access_key", &S704, Value::AwsSecret),
    ("aws_secret_key", &S704, Value::AwsSecret),
    ("password", &S702, Value::Password),
    ("passwd", &S702, Value::Password),
    ("passphrase", &S702, Value::Password),
    ("client_secret", &S701, Value::Random),
    ("app_secret", &S701, Value::Random),
    ("api_secret", &S701, Value::Random),
    ("secret_key", &S701, Value::Random),
    ("secret", &S701, Value::Random),
    ("api_key", &S701, Value::Random),
    ("apikey", &S701, Value::Random),
    ("access_token", &S708, Value::Random),
    ("auth_token", &S708, Value::Random),
    ("api_token", &S708, Value::Random),
    ("bearer_token", &S708, Value::Random),
    ("refresh_token", &S708, Value::Random),
    ("private_token", &S708, Value::Random),
    ("secret_token", &S708, Value::Random),
    ("bot_token", &S708, Value::Random),
    ("hf_token", &S708, Value::Random),
    ("github_token", &S708, Value::Random),
];

/// The longest value.
const LONGEST: usize = 256;

/// The secret whose name holds the anchor.
pub fn at(window: &Window) -> Option<Assignment> {
    let part_of_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let left = window.before(window.at).iter().rev().take(48).take_while(part_of_name).count();
    let right = window.from(window.at).iter().take(48).take_while(part_of_name).count();
    let start = window.at - left;
    // In binary formats the next byte may be a letter that is a type or a length: try the shorter name, too.
    let (name_end, rule, value) = (0..2).find_map(|less| {
        let end = (window.at + right).checked_sub(less)?;
        let name = normal(window.slice(start, end));
        let (_, rule, value) = NAMES.iter().find(|(tail, ..)| name.ends_with(tail))?;
        Some((end, *rule, *value))
    })?;
    let (from, to) = text_value(window, name_end).or_else(|| binary_value(window, name_end))?;
    if !fits(window.slice(from, to), value) {
        return None;
    }
    let name = String::from_utf8_lossy(window.slice(start, name_end)).into_owned();
    Some(Assignment { name, rule, start: from, end: to })
}

/// Lower case, with one `_` between words.
fn normal(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut lower_before = false;
    for byte in name {
        if byte.is_ascii_uppercase() && lower_before {
            out.push('_');
        }
        lower_before = byte.is_ascii_lowercase();
        out.push(if *byte == b'-' { '_' } else { byte.to_ascii_lowercase().into() });
    }
    out
}

/// A value in text: `name: "value"`, `"name" = 'value'`, or `NAME=value` to the end of the line.
fn text_value(window: &Window, name_end: usize) -> Option<(usize, usize)> {
    let blanks = |index: usize| window.from(index).iter().take(8).take_while(|b| **b == b' ' || **b == b'\t').count();
    let mut index = name_end;
    // The quotes around a name and a value may themselves be escaped (JSON inside a JSON string).
    let quote = |index: usize| match window.from(index) {
        [b'\\', b'"', ..] => 2,
        [b'"' | b'\'', ..] => 1,
        _ => 0,
    };
    index += quote(index);
    index += blanks(index);
    match window.from(index) {
        [b'=', b'>', ..] => index += 2,
        [b':' | b'=', ..] => index += 1,
        _ => return None,
    }
    index += blanks(index);
    let quoted = quote(index);
    index += quoted;
    let ends = |byte: u8| byte <= b' ' || byte >= 0x7f || b"\"'\\`,;".contains(&byte);
    let length = window.from(index).iter().take(LONGEST + 1).take_while(|byte| !ends(**byte)).count();
    let closed = quoted > 0 && matches!(window.get(index + length), Some(b'"' | b'\'' | b'\\'));
    let line = quoted == 0 && matches!(window.get(index + length), None | Some(b'\n' | b'\r' | b' ' | b'\\'));
    (length <= LONGEST && (closed || line)).then_some((index, index + length))
}

/// A value behind a binary name: pickle (a memo opcode, then a string opcode with a length), GGUF (a type, then 64 bits of
/// length), protobuf and msgpack (a tag, then a byte of length).
fn binary_value(window: &Window, name_end: usize) -> Option<(usize, usize)> {
    let index = match window.from(name_end) {
        [0x94, ..] => name_end + 1,
        [b'q', _, b'X' | b'U' | b'T', ..] => name_end + 2,
        [b'r', _, _, _, _, b'X' | b'U' | b'T', ..] => name_end + 5,
        _ => name_end,
    };
    let (start, length) = match window.from(index) {
        [8, 0, 0, 0, a, b, 0, 0, 0, 0, 0, 0, ..] => (index + 12, usize::from(u16::from_le_bytes([*a, *b]))),
        [b'X' | b'T', a, b, 0, 0, ..] => (index + 5, usize::from(u16::from_le_bytes([*a, *b]))),
        [0x8c | b'U' | 0xd9 | 0x12, a, ..] => (index + 2, usize::from(*a)),
        [a @ 0xa8..=0xbf, ..] => (index + 1, usize::from(a & 0x1f)),
        _ => return None,
    };
    let text = window.slice(start, start + length);
    (length <= LONGEST && !text.is_empty() && text.iter().all(u8::is_ascii_graphic)).then_some((start, start + length))
}

fn fits(text: &[u8], value: Value) -> bool {
    if is_placeholder(text) || is_weak(text) || text.iter().any(|byte| b"()[]".contains(byte)) {
        return false;
    }
    let random = looks_random(text) && text.iter().any(u8::is_ascii_digit) && kinds(text) >= 2;
    match value {
        // A path or a dotted name is where the secret lies, not what it is.
        Value::Random => {
            random && (16..=LONGEST).contains(&text.len()) && !text.contains(&b'/') && !text.contains(&b':')
        }
        Value::Password => (8..=64).contains(&text.len()) && kinds(text) >= 3 && random && !text.starts_with(b"/"),
        Value::AwsSecret => is_aws_secret(text),
    }
}

/// True for 40 random characters of base64: a secret access key.
pub fn is_aws_secret(text: &[u8]) -> bool {
    let base64 = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'+' || *byte == b'/';
    text.len() == 40 && text.iter().all(base64) && kinds(text) >= 3 && looks_random(text) && !is_placeholder(text)
}
