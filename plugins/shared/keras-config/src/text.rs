//! Texts that are something else: bytecode as Keras 1 and 2 kept it, operators of a graph's node, JSON in another encoding.

/// Operators of one node definition that are looked at.
const MAX_OPERATORS: usize = 16;

/// The bytes of a code object that stands in the text as it is. Keras' `func_load` takes a text that is no base64 for
/// `raw_unicode_escape`: a character below 256 is that byte, another is spelled `\uXXXX`.
pub(crate) fn raw_code(text: &str) -> Option<Vec<u8>> {
    if !text.starts_with(['c', '\u{e3}']) || !text.contains('\0') {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u32::from(character) {
            value @ 0..=0xff => bytes.push(value as u8),
            value @ 0x100..=0xffff => bytes.extend(format!("\\u{value:04x}").bytes()),
            value => bytes.extend(format!("\\U{value:08x}").bytes()),
        }
    }
    Some(bytes)
}

/// The operators that a `NodeDef` as text (`op: "ReadFile"`) or JSON (`"op": "ReadFile"`) names.
pub(crate) fn operators(definition: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = definition;
    while let Some(at) = rest.find("op") {
        let before = rest.get(..at).and_then(|b| b.chars().next_back());
        rest = rest.get(at + 2..).unwrap_or_default();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let value = rest.strip_prefix(['"', '\'']).unwrap_or(rest).trim_start();
        let Some(value) = value.strip_prefix(':').map(str::trim_start) else { continue };
        let Some(value) = value.strip_prefix(['"', '\'']) else { continue };
        let name: String = value.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').take(100).collect();
        if !name.is_empty() && found.len() < MAX_OPERATORS && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// A document in UTF-16 or UTF-32 as UTF-8, recognised as Python's `json.detect_encoding` does: by its byte order mark or by where
/// the zeros of the first two characters, which are ASCII, stand. None if it is UTF-8 already.
pub(crate) fn to_utf8(json: &[u8]) -> Option<Vec<u8>> {
    let (width, little, skip) = match *json {
        [0xff, 0xfe, 0, 0, ..] => (4, true, 4),
        [0, 0, 0xfe, 0xff, ..] => (4, false, 4),
        [0xff, 0xfe, ..] => (2, true, 2),
        [0xfe, 0xff, ..] => (2, false, 2),
        [0, 0, 0, second, ..] if second != 0 => (4, false, 0),
        [first, 0, 0, 0, ..] if first != 0 => (4, true, 0),
        [0, second, ..] if second != 0 => (2, false, 0),
        [first, 0, ..] if first != 0 => (2, true, 0),
        _ => return None,
    };
    let body = json.get(skip..).unwrap_or_default();
    let unit = |bytes: &[u8]| {
        let fold = |value: u32, byte: &u8| value << 8 | u32::from(*byte);
        if little { bytes.iter().rev().fold(0, fold) } else { bytes.iter().fold(0, fold) }
    };
    let units = body.chunks_exact(width).map(unit);
    let text: String = if width == 4 {
        units.map(|u| char::from_u32(u).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    } else {
        let narrow = units.map(|u| u as u16);
        char::decode_utf16(narrow).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    Some(text.into_bytes())
}
