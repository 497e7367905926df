//! Dtypes out of a header: how many bytes an element takes, and whether it is a Python object.
//!
//! Source: `numpy.lib.format.descr_to_dtype` and `numpy.dtype`'s strings. An element type that holds an object anywhere (a
//! field of a structured type, a subarray) makes numpy read the array with `pickle.load`.

use crate::literal::Literal;

/// What is known of an element type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dtype {
    /// Bytes of an element; None if it overflows.
    pub size: Option<u64>,
    /// True if the size can't be told: the type has offsets of its own.
    pub opaque: bool,
    /// True if an object is in it.
    pub object: bool,
    /// The type as the host has it: `f32`, `i64`, `bool`, `struct` ...; big-endian ones end in `_be`.
    pub name: String,
}

impl Dtype {
    fn plain(name: impl Into<String>, size: u64) -> Self {
        Self { size: Some(size), opaque: false, object: false, name: name.into() }
    }

    fn object() -> Self {
        Self { size: Some(8), opaque: false, object: true, name: "object".to_owned() }
    }

    fn times(mut self, shape: &[u64]) -> Self {
        let count = shape.iter().try_fold(1u64, |product, n| product.checked_mul(*n));
        self.size = self.size.zip(count).and_then(|(size, count)| size.checked_mul(count));
        self
    }
}

/// Names of whole types and one-letter codes with their meaning. Sizes of `l`, `L`, `p` and `g` are those of 64-bit Linux.
const NAMES: &[(&str, &str, u64)] = &[
    ("?", "bool", 1),
    ("B", "u8", 1),
    ("D", "c128", 16),
    ("F", "c64", 8),
    ("G", "c256", 32),
    ("H", "u16", 2),
    ("I", "u32", 4),
    ("L", "u64", 8),
    ("P", "u64", 8),
    ("Q", "u64", 8),
    ("b", "i8", 1),
    ("bool", "bool", 1),
    ("c", "bytes", 1),
    ("complex128", "c128", 16),
    ("complex64", "c64", 8),
    ("d", "f64", 8),
    ("e", "f16", 2),
    ("f", "f32", 4),
    ("float", "f64", 8),
    ("float16", "f16", 2),
    ("float32", "f32", 4),
    ("float64", "f64", 8),
    ("g", "f128", 16),
    ("h", "i16", 2),
    ("i", "i32", 4),
    ("int", "i64", 8),
    ("int16", "i16", 2),
    ("int32", "i32", 4),
    ("int64", "i64", 8),
    ("int8", "i8", 1),
    ("l", "i64", 8),
    ("p", "i64", 8),
    ("q", "i64", 8),
    ("uint16", "u16", 2),
    ("uint32", "u32", 4),
    ("uint64", "u64", 8),
    ("uint8", "u8", 1),
];

/// Names that mean a Python object.
const OBJECTS: &[&str] = &["O", "O4", "O8", "object", "object_"];

/// The element type that a `descr` describes; None if numpy knows no such type.
///
/// The depth of `descr` is bounded by the literal parser, so this may call itself.
pub fn dtype(descr: &Literal) -> Option<Dtype> {
    match descr {
        Literal::Text(text) | Literal::Bytes(text) => string(text),
        // A subarray: (element, shape).
        Literal::Tuple(pair) => match pair.as_slice() {
            [element, shape] => Some(dtype(element)?.times(&dimensions(shape)?)),
            _ => None,
        },
        Literal::List(fields) => structure(fields.iter().map(field)),
        // `{'names': [...], 'formats': [...]}`, which older releases took; offsets and padding make the size unknown.
        Literal::Dict(members) => {
            let formats = members.iter().find(|(key, _)| matches!(key, Literal::Text(k) if k == "formats"));
            match formats.map(|(_, formats)| formats) {
                Some(Literal::List(items) | Literal::Tuple(items)) => {
                    structure(items.iter().map(dtype)).map(|d| Dtype { opaque: true, ..d })
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// One field: (name, descr) or (name, descr, shape).
fn field(literal: &Literal) -> Option<Dtype> {
    let Literal::Tuple(parts) = literal else { return None };
    match parts.as_slice() {
        [_, descr] => dtype(descr),
        [_, descr, shape] => Some(dtype(descr)?.times(&dimensions(shape)?)),
        _ => None,
    }
}

fn structure(fields: impl Iterator<Item = Option<Dtype>>) -> Option<Dtype> {
    let mut whole = Dtype::plain("struct", 0);
    for field in fields {
        let field = field?;
        whole.object |= field.object;
        whole.opaque |= field.opaque;
        whole.size = whole.size.zip(field.size).and_then(|(sum, size)| sum.checked_add(size));
    }
    Some(whole)
}

/// A shape: an integer or a tuple (or list) of them.
pub fn dimensions(shape: &Literal) -> Option<Vec<u64>> {
    let one = |literal: &Literal| match literal {
        Literal::Integer(Some(value)) => u64::try_from(*value).ok(),
        _ => None,
    };
    match shape {
        Literal::Tuple(items) | Literal::List(items) => items.iter().map(one).collect(),
        other => one(other).map(|n| vec![n]),
    }
}

/// A type string: `<f8`, `|O`, `M8[ns]`, `float32`, `(2,3)i4, O`.
fn string(text: &str) -> Option<Dtype> {
    let text = text.trim();
    if text.contains(',') || text.starts_with('(') {
        return structure(split(text).into_iter().map(repeated));
    }
    let (order, code) = match text.strip_prefix(['<', '>', '|', '=', '!']) {
        Some(code) => (text.chars().next(), code),
        None => (None, text),
    };
    let mut found = code_type(code)?;
    let swapped = matches!(order, Some('>' | '!')) && found.size.is_some_and(|s| s > 1);
    if swapped && found.name.starts_with(['f', 'i', 'u', 'c']) {
        found.name.push_str("_be");
    }
    Some(found)
}

/// The comma-separated parts, commas inside brackets not counted.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0i32;
    let parts = text.split(|c| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    parts.filter(|p| !p.trim().is_empty()).collect()
}

/// `f4`, `3f4` or `(2,3)f4`.
fn repeated(part: &str) -> Option<Dtype> {
    let part = part.trim();
    if let Some(rest) = part.strip_prefix('(') {
        let (shape, code) = rest.split_once(')')?;
        let shape: Option<Vec<u64>> =
            shape.split(',').filter(|n| !n.trim().is_empty()).map(|n| n.trim().parse().ok()).collect();
        return Some(one(code.trim())?.times(&shape?));
    }
    let digits = part.bytes().take_while(u8::is_ascii_digit).count();
    let (count, code) = part.split_at(digits);
    let count = if count.is_empty() { 1 } else { count.parse().ok()? };
    Some(one(code)?.times(&[count]))
}

/// A type string without commas.
fn one(code: &str) -> Option<Dtype> {
    if code.contains([',', '(']) { None } else { string(code) }
}

fn code_type(code: &str) -> Option<Dtype> {
    if OBJECTS.contains(&code) {
        return Some(Dtype::object());
    }
    if let Some((_, name, size)) = NAMES.iter().find(|(known, _, _)| *known == code) {
        return Some(Dtype::plain(*name, *size));
    }
    // A datetime carries its unit: M8[ns], m8[25us].
    let (base, unit) = match code.split_once('[') {
        Some((base, unit)) => (base, Some(unit.strip_suffix(']')?)),
        None => (code, None),
    };
    let kind = base.chars().next()?;
    let digits = base.get(kind.len_utf8()..)?;
    let width: u64 = match digits {
        "" => 0,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
        _ => return None,
    };
    if unit.is_some() && !matches!(kind, 'M' | 'm') {
        return None;
    }
    let (name, size) = match (kind, width) {
        ('b', 1) => ("bool".to_owned(), 1),
        ('i' | 'u', 1 | 2 | 4 | 8) | ('f', 2 | 4 | 8 | 12 | 16) | ('c', 8 | 16 | 24 | 32) => {
            (format!("{kind}{}", width * 8), width)
        }
        ('M', 8) | ('M', 0) => ("datetime64".to_owned(), 8),
        ('m', 8) | ('m', 0) => ("timedelta64".to_owned(), 8),
        ('S' | 'a', width) => ("bytes".to_owned(), width),
        ('U', width) => {
            return Some(Dtype { size: width.checked_mul(4), opaque: false, object: false, name: "str".to_owned() });
        }
        ('V', width) => ("void".to_owned(), width),
        _ => return None,
    };
    Some(Dtype::plain(name, size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::literal::parse;

    fn of(descr: &str) -> Option<(Option<u64>, bool, String)> {
        dtype(&parse(descr).unwrap()).map(|d| (d.size, d.object, d.name))
    }

    #[test]
    fn sizes_and_objects() {
        for (descr, size, object, name) in [
            ("'<f8'", Some(8), false, "f64"),
            ("'>i4'", Some(4), false, "i32_be"),
            ("'|b1'", Some(1), false, "bool"),
            ("'|u1'", Some(1), false, "u8"),
            ("'<U5'", Some(20), false, "str"),
            ("'|S10'", Some(10), false, "bytes"),
            ("'|S0'", Some(0), false, "bytes"),
            ("'<M8[ns]'", Some(8), false, "datetime64"),
            ("'|V2'", Some(2), false, "void"),
            ("'|O'", Some(8), true, "object"),
            ("'O8'", Some(8), true, "object"),
            ("'object'", Some(8), true, "object"),
            ("'float32'", Some(4), false, "f32"),
            ("[('a', '<i4'), ('b', '<U5', (2, 3))]", Some(124), false, "struct"),
            ("[('a', '<i4'), ('n', [('x', '|O')])]", Some(12), true, "struct"),
            ("[(('title', 'a'), '<i4')]", Some(4), false, "struct"),
            ("('<f4', (2, 2))", Some(16), false, "f32"),
            ("'i4, (2,3)f8, 2O'", Some(68), true, "struct"),
            ("{'names': ['a'], 'formats': ['O']}", Some(8), true, "struct"),
        ] {
            assert_eq!(of(descr), Some((size, object, name.to_owned())), "{descr}");
        }
        for bad in ["'evil'", "''", "'<f3'", "3", "[1]", "[('a',)]", "'f8[ns]'", "'U99999999999999999999'"] {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(of("'<U9223372036854775807'").unwrap().0, None);
    }
}
