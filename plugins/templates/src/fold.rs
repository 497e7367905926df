//! Constant folding: what operators, filters and methods make of known values (`jinja2/filters.py`, Python's `str`).

use crate::lexer::HOLE;
use crate::value::{MOST_ITEMS, Value};

/// Arguments of a call.
#[derive(Default)]
pub(crate) struct Arguments {
    /// By position.
    pub(crate) positional: Vec<Value>,
    /// By name.
    pub(crate) named: Vec<(String, Value)>,
}

impl Arguments {
    /// An argument by position or name.
    pub(crate) fn get(&self, position: usize, name: &str) -> Option<&Value> {
        self.positional.get(position).or_else(|| self.named(name))
    }

    /// An argument by name.
    pub(crate) fn named(&self, name: &str) -> Option<&Value> {
        self.named.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    fn texts(&self) -> impl Iterator<Item = String> + '_ {
        self.positional.iter().map(Value::to_text)
    }

    /// The dictionary that `dict(...)` and `namespace(...)` make.
    pub(crate) fn as_map(&self) -> Value {
        let mut pairs = match self.positional.first() {
            Some(Value::Map(pairs)) => pairs.clone(),
            Some(_) => return Value::Unknown,
            None => Vec::new(),
        };
        pairs.extend(self.named.iter().map(|(name, value)| (Value::text(name.clone()), value.clone())));
        Value::Map(pairs).capped()
    }
}

/// A binary operator other than comparisons.
pub(crate) fn binary(op: &str, left: &Value, right: &Value) -> Value {
    left.zip(right, |a, b| match (op, a, b) {
        ("~", a, b) => Value::text(a.to_text() + &b.to_text()),
        ("+", Value::Text(a), b) => Value::text(a.clone() + &b.to_text()),
        ("+", a, Value::Text(b)) => Value::text(a.to_text() + b),
        ("+", Value::List(a), Value::List(b)) => Value::List(a.iter().chain(b).cloned().collect()),
        ("*", Value::Text(text), Value::Int(n)) | ("*", Value::Int(n), Value::Text(text)) => {
            match usize::try_from(*n).map(|n| (n, n.saturating_mul(text.len()))) {
                Ok((n, size)) if size <= 1 << 16 => Value::text(text.repeat(n)),
                Ok(_) => a.unknown_part(),
                Err(_) => Value::text(""),
            }
        }
        ("*", Value::List(items), Value::Int(n)) => match usize::try_from(*n) {
            Ok(n) if n.saturating_mul(items.len()) <= MOST_ITEMS => {
                Value::List(items.iter().cycle().take(n * items.len()).cloned().collect())
            }
            _ => Value::Unknown,
        },
        ("%", Value::Text(text), b) => {
            let values = match b {
                Value::List(items) => items.clone(),
                one => vec![one.clone()],
            };
            percent(text, &values)
        }
        (op, Value::Int(a), Value::Int(b)) => integer(op, *a, *b).map_or(Value::Unknown, Value::Int),
        _ => Value::Unknown,
    })
}

/// Integer arithmetic.
fn integer(op: &str, a: i64, b: i64) -> Option<i64> {
    match op {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        "//" => a.checked_div_euclid(b),
        "%" => a.checked_rem_euclid(b),
        "**" => a.checked_pow(u32::try_from(b).ok()?),
        _ => None,
    }
}

/// A filter; the caller has judged names of attributes among the arguments.
pub(crate) fn filter(name: &str, input: &Value, arguments: &Arguments) -> Value {
    let result = match name {
        // These look at the input as a whole.
        "select" | "reject" | "selectattr" | "rejectattr" => Value::Generator,
        "default" | "d" => match input {
            Value::Unknown => {
                Value::Unknown.either(arguments.get(0, "default_value").cloned().unwrap_or(Value::Unknown))
            }
            known => known.clone(),
        },
        "map" => mapped(input, arguments),
        _ => input.map(|one| filter_one(name, one, arguments)),
    };
    result.capped()
}

/// `map('filter', ...)` over known items.
fn mapped(input: &Value, arguments: &Arguments) -> Value {
    let Some(Value::Text(name)) = arguments.positional.first() else { return Value::Unknown };
    let rest = Arguments {
        positional: arguments.positional.iter().skip(1).cloned().collect(),
        named: arguments.named.iter().map(|(n, v)| (n.clone(), v.clone())).collect(),
    };
    input.map(|one| match one.items() {
        // A filter in a filter would be a call in a call: one level is enough.
        Some(items) if name != "map" => Value::List(items.iter().map(|item| filter(name, item, &rest)).collect()),
        _ => Value::Unknown,
    })
}

/// A filter on one value.
fn filter_one(name: &str, input: &Value, arguments: &Arguments) -> Value {
    match (name, input) {
        ("list", _) => match input {
            Value::Text(text) if text.contains(HOLE) => input.clone(),
            _ => input.items().map_or_else(|| input.unknown_part(), Value::List),
        },
        ("first" | "last" | "random" | "min" | "max", _) => match input.items() {
            Some(items) if name == "first" => items.first().cloned().unwrap_or(Value::Unknown),
            Some(items) if name == "last" => items.last().cloned().unwrap_or(Value::Unknown),
            Some(items) => items.into_iter().reduce(Value::either).unwrap_or(Value::Unknown),
            None => input.item(&Value::Int(if name == "first" { 0 } else { -1 })),
        },
        ("reverse", Value::Text(text)) => Value::Text(text.chars().rev().collect()),
        ("reverse" | "sort" | "unique", _) => match input.items() {
            Some(mut items) if name == "reverse" => {
                items.reverse();
                Value::List(items)
            }
            Some(items) => sorted(items, name == "sort"),
            None => Value::Unknown,
        },
        ("join", _) => join(input, arguments.get(0, "d").map(Value::to_text).unwrap_or_default()),
        ("sum", Value::List(items)) => match arguments.get(1, "start") {
            Some(start @ Value::Text(_)) => items.iter().fold(start.clone(), |sum, item| binary("+", &sum, item)),
            _ => Value::Unknown,
        },
        ("length" | "count", _) => match input.items() {
            Some(items) => i64::try_from(items.len()).map_or(Value::Unknown, Value::Int),
            None => Value::Unknown,
        },
        ("int", Value::Text(text)) => text.trim().parse().map_or(Value::Unknown, Value::Int),
        ("int" | "abs", Value::Int(n)) => Value::Int(n.saturating_abs()),
        ("items" | "dictsort", Value::Map(pairs)) => {
            Value::List(pairs.iter().map(|(k, v)| Value::List(vec![k.clone(), v.clone()])).collect())
        }
        ("batch" | "slice", _) => input.items().map_or(Value::Unknown, |items| Value::List(vec![Value::List(items)])),
        ("format", Value::Text(text)) => percent(text, &arguments.positional),
        ("string" | "escape" | "e" | "forceescape" | "safe", _) => Value::text(input.to_text()),
        (
            "lower" | "upper" | "title" | "capitalize" | "trim" | "replace" | "center" | "indent" | "truncate"
            | "wordwrap" | "striptags" | "urlize" | "urlencode" | "tojson" | "xmlattr" | "pprint" | "wordcount",
            _,
        ) => method(name, &Value::text(input.to_text()), arguments),
        // `attr` yields an object, and what an unknown filter does is unknown.
        _ => Value::Unknown,
    }
}

/// The items in order; what is no text stays where it is.
fn sorted(mut items: Vec<Value>, sort: bool) -> Value {
    if sort {
        items.sort_by_key(Value::to_text);
    } else {
        let mut seen: Vec<Value> = Vec::new();
        for item in items {
            if !seen.contains(&item) {
                seen.push(item);
            }
        }
        items = seen;
    }
    Value::List(items)
}

/// The items of a value as one text.
fn join(input: &Value, between: String) -> Value {
    match input {
        Value::Text(text) if between.is_empty() => Value::text(text.clone()),
        _ => match input.items() {
            Some(items) => Value::text(items.iter().map(Value::to_text).collect::<Vec<_>>().join(&between)),
            None => Value::Text(format!("{HOLE}{between}{HOLE}")).capped(),
        },
    }
}

/// A method of a known value.
pub(crate) fn method(name: &str, receiver: &Value, arguments: &Arguments) -> Value {
    receiver.map(|one| match one {
        Value::Text(text) => text_method(name, text, arguments),
        Value::Map(pairs) => match name {
            "get" | "pop" => {
                let fallback = arguments.positional.get(1).cloned().unwrap_or(Value::None);
                match arguments.positional.first() {
                    Some(key) => pairs.iter().find(|(k, _)| k == key).map_or(fallback, |(_, v)| v.clone()),
                    None => Value::Unknown,
                }
            }
            "keys" => Value::List(pairs.iter().map(|(k, _)| k.clone()).collect()),
            "values" => Value::List(pairs.iter().map(|(_, v)| v.clone()).collect()),
            "items" => filter_one("items", one, arguments),
            _ => Value::Unknown,
        },
        Value::List(_) if name == "pop" => one.item(arguments.positional.first().unwrap_or(&Value::Int(-1))),
        _ => Value::Unknown,
    })
}

/// A method of `str`, or a filter that does the same.
fn text_method(name: &str, text: &str, arguments: &Arguments) -> Value {
    let texts: Vec<String> = arguments.texts().collect();
    let argument = |n: usize| texts.get(n).map(String::as_str);
    let strip = argument(0).unwrap_or(" \t\n\r\x0b\x0c");
    let cut = |c: char| strip.contains(c);
    let out = match name {
        "lower" | "casefold" => text.to_lowercase(),
        "upper" => text.to_uppercase(),
        "title" | "capitalize" => capitals(text, name == "title"),
        "swapcase" => text
            .chars()
            .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
            .collect(),
        "strip" | "trim" => text.trim_matches(cut).to_owned(),
        "lstrip" => text.trim_start_matches(cut).to_owned(),
        "rstrip" => text.trim_end_matches(cut).to_owned(),
        "replace" => match (argument(0), argument(1)) {
            // An unknown pattern could stand for anything in the text.
            (Some(from), _) if from.contains(HOLE) => return Value::text(text).unknown_part(),
            (Some(from), Some(to)) if to.len().saturating_mul(text.len() + 1) <= 1 << 20 => text.replace(from, to),
            _ => return Value::hole(),
        },
        "removeprefix" => text.strip_prefix(argument(0).unwrap_or("")).unwrap_or(text).to_owned(),
        "removesuffix" => text.strip_suffix(argument(0).unwrap_or("")).unwrap_or(text).to_owned(),
        "join" => return join(arguments.positional.first().unwrap_or(&Value::Unknown), text.to_owned()),
        "format" => return braces(text, arguments),
        "split" | "rsplit" => {
            let parts: Vec<Value> = match argument(0) {
                Some("") => return Value::Unknown,
                Some(by) => text.split(by).take(MOST_ITEMS + 1).map(Value::text).collect(),
                None => text.split_whitespace().take(MOST_ITEMS + 1).map(Value::text).collect(),
            };
            return Value::List(parts);
        }
        "encode" | "decode" | "center" | "indent" | "truncate" | "wordwrap" | "striptags" | "urlize" | "urlencode"
        | "expandtabs" | "tojson" | "pprint" => text.to_owned(),
        "startswith" | "endswith" | "find" | "index" | "count" | "isdigit" | "wordcount" => return Value::Unknown,
        _ => return Value::text(text).unknown_part(),
    };
    Value::text(out)
}

/// First letters in upper case, the others in lower case.
fn capitals(text: &str, each_word: bool) -> String {
    let mut start = true;
    text.chars()
        .map(|c| {
            let out = if start { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            start = each_word && !c.is_alphanumeric();
            out
        })
        .collect()
}

/// Python's `%`.
pub(crate) fn percent(text: &str, values: &[Value]) -> Value {
    let mut out = String::new();
    let mut values = values.iter();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        while chars.next_if(|c| matches!(c, '-' | '+' | ' ' | '#' | '.') || c.is_ascii_digit()).is_some() {}
        match chars.next() {
            Some('%') => out.push('%'),
            Some('c') => match values.next() {
                Some(Value::Int(n)) => out.push(u32::try_from(*n).ok().and_then(char::from_u32).unwrap_or(HOLE)),
                Some(other) => out.push_str(&other.to_text()),
                None => out.push(HOLE),
            },
            Some('x') => match values.next() {
                Some(Value::Int(n)) => out.push_str(&format!("{n:x}")),
                _ => out.push(HOLE),
            },
            Some('s' | 'd' | 'i' | 'r' | 'a') => match values.next() {
                Some(value) => out.push_str(&value.to_text()),
                None => out.push(HOLE),
            },
            _ => out.push(HOLE),
        }
        if out.len() > 1 << 16 {
            break;
        }
    }
    Value::text(out)
}

/// One piece of a `str.format` text.
enum Piece {
    Plain(char),
    Field(String),
}

/// Cuts a `str.format` text; nested fields stay inside their field.
fn pieces(text: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' if chars.next_if_eq(&'{').is_none() => {
                let mut depth = 1usize;
                let mut field = String::new();
                for c in chars.by_ref() {
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                    field.push(c);
                }
                out.push(Piece::Field(field));
            }
            '}' => {
                chars.next_if_eq(&'}');
                out.push(Piece::Plain('}'));
            }
            c => out.push(Piece::Plain(c)),
        }
    }
    out
}

/// `str.format`.
fn braces(text: &str, arguments: &Arguments) -> Value {
    let mut out = String::new();
    let mut next = 0;
    for piece in pieces(text) {
        let field = match piece {
            Piece::Plain(c) => {
                out.push(c);
                continue;
            }
            Piece::Field(field) => field,
        };
        let (name, spec) = field.split_once(':').unwrap_or((&field, ""));
        let name = name.split('!').next().unwrap_or(name);
        let value = if name.is_empty() {
            next += 1;
            arguments.positional.get(next - 1)
        } else if let Ok(position) = name.parse::<usize>() {
            arguments.positional.get(position)
        } else {
            arguments.named(name)
        };
        match (value, spec) {
            (Some(Value::Int(n)), "c") => out.push(u32::try_from(*n).ok().and_then(char::from_u32).unwrap_or(HOLE)),
            (Some(Value::Int(n)), "x") => out.push_str(&format!("{n:x}")),
            (Some(value), _) => out.push_str(&value.to_text()),
            (None, _) => out.push(HOLE),
        }
        if out.len() > 1 << 16 {
            break;
        }
    }
    Value::text(out)
}

/// The attributes that the fields of a `str.format` text walk: `{0.__class__[x]}` has two.
pub(crate) fn walked_fields(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for piece in pieces(text) {
        if let Piece::Field(field) = piece {
            let walk = field.split([':', '!']).next().unwrap_or_default();
            names.extend(walk.split(['.', '[', ']']).skip(1).filter(|n| !n.is_empty()).map(str::to_owned));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(positional: Vec<Value>) -> Arguments {
        Arguments { positional, named: Vec::new() }
    }

    #[test]
    fn texts_are_built_like_python_does() {
        assert_eq!(
            percent("%c%c%s%%", &[Value::Int(95), Value::Int(95), Value::text("class")]),
            Value::text("__class%")
        );
        assert_eq!(braces("{0}{1}{{{:c}}}", &call(vec![Value::text("a"), Value::text("b")])).to_text(), "ab{a}");
        assert_eq!(walked_fields("{0.__class__[x]!r:>3}{{a.b}}"), ["__class__", "x"]);
        assert_eq!(binary("*", &Value::text("_"), &Value::Int(2)), Value::text("__"));
        assert_eq!(binary("*", &Value::text("_"), &Value::Int(i64::MAX)), Value::hole());
        assert_eq!(binary("//", &Value::Int(i64::MIN), &Value::Int(-1)), Value::Unknown);
        let list = Value::List(vec![Value::text("__"), Value::text("class"), Value::text("__")]);
        assert_eq!(filter("join", &list, &call(vec![])), Value::text("__class__"));
        assert_eq!(filter("map", &list, &call(vec![Value::text("upper")])).item(&Value::Int(1)), Value::text("CLASS"));
    }

    #[test]
    fn alternatives_are_followed() {
        let either = Value::text("a").either(Value::text("b"));
        assert_eq!(binary("~", &either, &Value::text("c")), Value::text("ac").either(Value::text("bc")));
    }
}
