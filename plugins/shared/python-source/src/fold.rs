//! Operations on known texts, bytes, numbers and lists, as Python computes them: what payloads are put together with.

use crate::decode;
use crate::value::{HOLE, LONGEST, MOST_ELEMENTS, Marks, Shape, Value};

/// `left + right` and the other operators that texts are put together with. None if the result is not known.
pub(crate) fn binary(operator: &str, left: &Value, right: &Value) -> Option<Value> {
    let marks = left.marks.and(right.marks);
    match (operator, &left.shape, &right.shape) {
        ("+", Shape::Text(a), Shape::Text(b)) => Some(Value::text(&format!("{a}{b}"), marks.and(Marks::COMPUTED))),
        ("+", Shape::Text(a), Shape::Unknown) => Some(Value::text(&format!("{a}{HOLE}"), marks)),
        ("+", Shape::Unknown, Shape::Text(b)) => Some(Value::text(&format!("{HOLE}{b}"), marks)),
        ("+", Shape::Bytes(a), Shape::Bytes(b)) => {
            Some(Value::bytes(&[a.as_ref(), b.as_ref()].concat(), marks.and(Marks::COMPUTED)))
        }
        ("+", Shape::List(a), Shape::List(b)) => {
            (a.len() + b.len() <= MOST_ELEMENTS).then(|| Value::list(a.iter().chain(b.iter()).cloned().collect()))
        }
        ("*", Shape::Text(text), Shape::Int(n)) | ("*", Shape::Int(n), Shape::Text(text)) => {
            let count = usize::try_from(*n).unwrap_or(0);
            (text.len().saturating_mul(count) <= LONGEST).then(|| Value::text(&text.repeat(count), marks))
        }
        ("%", Shape::Text(format), _) => Some(Value::text(&percent(format, right), marks)),
        // pathlib
        ("/", Shape::Text(a), Shape::Text(b)) => Some(Value::text(&join_path(&[a, b]), marks)),
        (_, Shape::Int(a), Shape::Int(b)) => {
            let number = match operator {
                "+" => a.checked_add(*b),
                "-" => a.checked_sub(*b),
                "*" => a.checked_mul(*b),
                "^" => Some(a ^ b),
                "&" => Some(a & b),
                "|" => Some(a | b),
                "%" => a.checked_rem_euclid(*b),
                "//" => a.checked_div_euclid(*b),
                "<<" => u32::try_from(*b).ok().and_then(|b| a.checked_shl(b)),
                ">>" => u32::try_from(*b).ok().and_then(|b| a.checked_shr(b)),
                _ => None,
            };
            number.map(|number| {
                let marks = if operator == "^" { marks.and(Marks::SPELLED) } else { marks };
                Value::new(Shape::Int(number), marks)
            })
        }
        _ => None,
    }
}

/// `format % value`, with holes for what is not known.
fn percent(format: &str, value: &Value) -> String {
    let mut values = match &value.shape {
        Shape::List(items) => items.to_vec(),
        _ => vec![value.clone()],
    }
    .into_iter();
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match rest.find(|c| c.is_ascii_alphabetic() || *c == '%') {
            Some('%') => out.push('%'),
            Some(_) => out.push_str(&shown(values.next().as_ref())),
            None => {}
        }
    }
    out
}

/// How a value looks in a text.
pub(crate) fn shown(value: Option<&Value>) -> String {
    match value.map(|v| &v.shape) {
        Some(Shape::Text(text)) => text.to_string(),
        Some(Shape::Int(number)) => number.to_string(),
        Some(Shape::Path(path)) if matches!(&**path, "sys.executable") => "python".to_owned(),
        _ => HOLE.to_string(),
    }
}

/// `os.path.join`.
pub(crate) fn join_path(parts: &[&str]) -> String {
    let mut out = String::new();
    for part in parts {
        if part.starts_with('/') {
            out.clear();
        } else if !out.is_empty() && !out.ends_with('/') {
            out.push('/');
        }
        out.push_str(part);
    }
    out
}

/// A method of a known text, bytes or list. None if the result is not known.
pub(crate) fn method(receiver: &Value, name: &str, args: &[Value]) -> Option<Value> {
    let marks = args.iter().fold(receiver.marks, |marks, arg| marks.and(arg.marks));
    match &receiver.shape {
        Shape::Text(text) => text_method(text, marks, name, args),
        Shape::Bytes(bytes) => match (name, args.first()) {
            ("decode", _) => {
                let codec = args.first().and_then(Value::as_text).unwrap_or("utf-8");
                decode_bytes(bytes, codec, marks)
            }
            ("hex", None) => Some(Value::text(&bytes.iter().map(|b| format!("{b:02x}")).collect::<String>(), marks)),
            ("join", Some(list)) => {
                let Shape::List(items) = &list.shape else { return None };
                let parts: Option<Vec<&[u8]>> = items
                    .iter()
                    .map(|item| match &item.shape {
                        Shape::Bytes(bytes) => Some(bytes.as_ref()),
                        _ => None,
                    })
                    .collect();
                let parts = parts.filter(|p| p.iter().map(|p| p.len() + bytes.len()).sum::<usize>() <= LONGEST)?;
                Some(Value::bytes(&parts.join(bytes.as_ref()), marks.and(Marks::COMPUTED)))
            }
            ("strip", None) => Some(Value::bytes(bytes.trim_ascii(), marks)),
            _ => None,
        },
        _ => None,
    }
}

fn text_method(text: &str, marks: Marks, name: &str, args: &[Value]) -> Option<Value> {
    let arg = |index: usize| args.get(index).and_then(Value::as_text);
    let computed = marks.and(Marks::COMPUTED);
    match name {
        "join" => {
            let Shape::List(items) = &args.first()?.shape else { return None };
            let parts: Vec<String> = items.iter().map(|item| shown(Some(item))).collect();
            let length = parts.iter().map(|p| p.len() + text.len()).sum::<usize>();
            (length <= LONGEST).then(|| Value::text(&parts.join(text), computed))
        }
        "format" => {
            let mut out = String::new();
            let (mut rest, mut next) = (text, 0usize);
            while let Some((before, after)) = rest.split_once('{') {
                out.push_str(&before.replace("}}", "}"));
                if let Some(tail) = after.strip_prefix('{') {
                    out.push('{');
                    rest = tail;
                    continue;
                }
                let (field, tail) = after.split_once('}')?;
                let name = field.split([':', '!', '.', '[']).next().unwrap_or_default();
                let index = if name.is_empty() { Some(next) } else { name.parse().ok() };
                next += 1;
                out.push_str(&shown(index.and_then(|index| args.get(index))));
                rest = tail;
                if out.len() > LONGEST {
                    return None;
                }
            }
            out.push_str(&rest.replace("}}", "}"));
            Some(Value::text(&out, computed))
        }
        "replace" => {
            let (from, to) = (arg(0)?, arg(1)?);
            let growth = text.matches(from).count().saturating_mul(to.len());
            (text.len() + growth <= LONGEST).then(|| Value::text(&text.replace(from, to), computed))
        }
        "encode" => match arg(0).map(normal).as_deref() {
            Some("rot13" | "rot_13") => Some(Value::text(&decode::rot13(text), marks.and(Marks::DECODED))),
            Some("latin1" | "iso88591") => {
                let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c as u32).ok()).collect();
                Some(Value::bytes(&bytes?, marks))
            }
            _ => Some(Value::bytes(text.as_bytes(), marks)),
        },
        "decode" => decode_bytes(text.as_bytes(), arg(0).unwrap_or("utf-8"), marks),
        "lower" | "casefold" => Some(Value::text(&text.to_lowercase(), computed)),
        "upper" => Some(Value::text(&text.to_uppercase(), computed)),
        "swapcase" => {
            let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            Some(Value::text(&text.chars().map(swap).collect::<String>(), computed))
        }
        "strip" => Some(Value::text(arg(0).map_or(text.trim(), |set| text.trim_matches(|c| set.contains(c))), marks)),
        "lstrip" | "rstrip" if args.is_empty() => Some(Value::text(text.trim(), marks)),
        "split" => {
            let parts: Vec<Value> = match arg(0) {
                Some("") => return None,
                Some(by) => text.split(by).take(MOST_ELEMENTS + 1).map(|part| Value::text(part, marks)).collect(),
                None => text.split_whitespace().take(MOST_ELEMENTS + 1).map(|part| Value::text(part, marks)).collect(),
            };
            Some(Value::list(parts))
        }
        // pathlib on a text that stands for a path
        "joinpath" => Some(Value::text(&join_path(&[text, arg(0)?]), marks)),
        "expanduser" | "resolve" | "absolute" | "as_posix" => Some(Value::text(text, marks)),
        _ => None,
    }
}

/// A codec's name without case and separators.
fn normal(codec: &str) -> String {
    codec.to_ascii_lowercase().replace(['-', ' '], "").replace("iso_8859_1", "latin1")
}

/// `codecs.decode(bytes, codec)`.
pub(crate) fn decode_bytes(bytes: &[u8], codec: &str, marks: Marks) -> Option<Value> {
    let hidden = marks.and(Marks::DECODED);
    match normal(codec).trim_end_matches("_codec") {
        "rot13" | "rot_13" => Some(Value::text(&decode::rot13(std::str::from_utf8(bytes).ok()?), hidden)),
        "hex" => Some(Value::bytes(&decode::hex(bytes)?, hidden)),
        "base64" => Some(Value::bytes(&decode::base64(bytes)?, hidden)),
        "zlib" | "zip" => Some(Value::bytes(&decode::inflate(bytes)?, hidden)),
        "latin1" | "iso88591" => Some(Value::text(&bytes.iter().map(|b| *b as char).collect::<String>(), marks)),
        "utf8" | "utf_8" | "ascii" | "usascii" => Some(Value::text(std::str::from_utf8(bytes).ok()?, marks)),
        _ => Some(Value::unknown(marks)),
    }
}

/// `value[index]` and `value[lower:upper:step]` of a known value.
pub(crate) fn index(value: &Value, index: i64) -> Option<Value> {
    let at = |length: usize| usize::try_from(if index < 0 { index + length as i64 } else { index }).ok();
    match &value.shape {
        Shape::List(items) => items.get(at(items.len())?).cloned(),
        Shape::Text(text) => {
            let position = if index < 0 { at(text.chars().count())? } else { at(0)? };
            let c = text.chars().nth(position)?;
            Some(Value::text(c.encode_utf8(&mut [0; 4]), value.marks.and(Marks::COMPUTED)))
        }
        Shape::Bytes(bytes) => Some(Value::new(Shape::Int(i64::from(*bytes.get(at(bytes.len())?)?)), value.marks)),
        _ => None,
    }
}

/// A slice. A step of -1 turns a text round, which is a way to hide it.
pub(crate) fn slice(value: &Value, lower: Option<i64>, upper: Option<i64>, step: i64) -> Option<Value> {
    fn cut<T: Clone>(items: &[T], lower: Option<i64>, upper: Option<i64>, step: i64) -> Option<Vec<T>> {
        let length = i64::try_from(items.len()).ok()?;
        let place = |index: i64| (if index < 0 { index + length } else { index }).clamp(0, length) as usize;
        let stride = usize::try_from(step.unsigned_abs()).ok().filter(|stride| *stride > 0)?;
        if step > 0 {
            let (from, to) = (place(lower.unwrap_or(0)), place(upper.unwrap_or(length)));
            return Some(items.get(from..to.max(from))?.iter().step_by(stride).cloned().collect());
        }
        let from = lower.map_or(items.len(), |lower| (place(lower) + 1).min(items.len()));
        let to = upper.map_or(0, |upper| place(upper) + 1);
        Some(items.get(to.min(from)..from)?.iter().rev().step_by(stride).cloned().collect())
    }
    let marks = if step < 0 { value.marks.and(Marks::SPELLED) } else { value.marks };
    match &value.shape {
        Shape::Text(text) => {
            let chars: Vec<char> = text.chars().collect();
            let text: String = cut(&chars, lower, upper, step)?.into_iter().collect();
            Some(Value::text(&text, marks.and(Marks::COMPUTED)))
        }
        Shape::Bytes(bytes) => Some(Value::bytes(&cut(bytes, lower, upper, step)?, marks.and(Marks::COMPUTED))),
        Shape::List(items) => Some(Value::list(cut(items, lower, upper, step)?)),
        _ => None,
    }
}

/// The elements that a loop sees, if they are known and few.
pub(crate) fn elements(value: &Value, most: usize) -> Option<Vec<Value>> {
    match &value.shape {
        Shape::List(items) if items.len() <= most => Some(items.to_vec()),
        Shape::Text(text) if text.len() <= most => {
            Some(text.chars().map(|c| Value::text(c.encode_utf8(&mut [0; 4]), value.marks)).collect())
        }
        Shape::Bytes(bytes) if bytes.len() <= most => {
            Some(bytes.iter().map(|b| Value::new(Shape::Int(i64::from(*b)), value.marks)).collect())
        }
        _ => None,
    }
}

/// `bytes([...])`, `bytearray([...])`: numbers become bytes, which hides what they spell.
pub(crate) fn bytes_of(value: &Value) -> Option<Value> {
    match &value.shape {
        Shape::List(items) => {
            let bytes: Option<Vec<u8>> = items
                .iter()
                .map(|item| match item.shape {
                    Shape::Int(n) => u8::try_from(n).ok(),
                    _ => None,
                })
                .collect();
            Some(Value::bytes(&bytes?, value.marks.and(Marks::SPELLED)))
        }
        Shape::Bytes(_) => Some(value.clone()),
        Shape::Text(text) => Some(Value::bytes(text.as_bytes(), value.marks)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::text(text, Marks::NONE)
    }

    #[test]
    fn texts_fold_as_in_python() {
        let int = |n| Value::new(Shape::Int(n), Marks::NONE);
        let shown = |value: Option<Value>| value.and_then(|v| v.as_text().map(str::to_owned)).unwrap();
        assert_eq!(shown(binary("+", &text("sy"), &text("stem"))), "system");
        assert_eq!(shown(binary("%", &text("%s-%d %%"), &Value::list(vec![text("a"), int(3)]))), "a-3 %");
        assert_eq!(shown(binary("*", &text("ab"), &int(2))), "abab");
        assert_eq!(shown(method(&text("{}{1}{{x}}"), "format", &[text("a"), text("b")])), "ab{x}");
        assert_eq!(shown(method(&text("-"), "join", &[Value::list(vec![text("a"), text("b")])])), "a-b");
        assert_eq!(shown(slice(&text("metsys"), None, None, -1)), "system");
        assert_eq!(shown(slice(&text("abcdef"), Some(1), Some(-1), 2)), "bd");
        assert_eq!(shown(slice(&text("abcdef"), Some(4), Some(1), -1)), "edc");
        assert_eq!(shown(index(&text("abc"), -1)), "c");
        assert_eq!(shown(decode_bytes(b"6964", "hex", Marks::NONE).and_then(|v| method(&v, "decode", &[]))), "id");
        assert_eq!(bytes_of(&Value::list(vec![int(105), int(100)])).unwrap().as_source(), Some("id"));
        assert!(binary("*", &text("ab"), &int(i64::MAX)).is_none());
    }
}
