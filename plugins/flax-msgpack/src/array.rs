//! Flax' extensions: 1 an array, 2 a complex number, 3 an array's element. An array is a msgpack value of its own: shape, name of the
//! element type, bytes. Source: `flax/serialization.py`.

use modelaudit_plugin::{Reader, Span};

use crate::token::{HEAD, Token, token};

/// The most dimensions that numpy has.
const MAX_RANK: u32 = 64;

/// An array's description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Array {
    pub shape: Vec<u64>,
    /// numpy's name of the element type.
    pub dtype: String,
    pub data: Span,
}

/// Element types: numpy's name, the name tensors have for it, bytes.
const TYPES: &[(&str, &str, u64)] = &[
    ("bool", "bool", 1),
    ("bool_", "bool", 1),
    ("int8", "i8", 1),
    ("uint8", "u8", 1),
    ("int16", "i16", 2),
    ("uint16", "u16", 2),
    ("int32", "i32", 4),
    ("uint32", "u32", 4),
    ("int64", "i64", 8),
    ("uint64", "u64", 8),
    ("float16", "f16", 2),
    ("bfloat16", "bf16", 2),
    ("float32", "f32", 4),
    ("float64", "f64", 8),
    ("complex64", "c64", 8),
    ("complex128", "c128", 16),
    ("float8_e4m3fn", "f8_e4m3", 1),
    ("float8_e4m3", "f8_e4m3", 1),
    ("float8_e4m3b11fnuz", "f8_e4m3b11", 1),
    ("float8_e5m2", "f8_e5m2", 1),
    ("int4", "i4", 1),
    ("uint4", "u4", 1),
];

/// What is known of an element type: the name tensors have for it and its bytes. Dtype strings (`<f4`) are looked up by their form.
pub(crate) fn element(dtype: &str) -> Option<(&'static str, u64)> {
    if let Some((_, name, size)) = TYPES.iter().find(|(numpy, ..)| *numpy == dtype) {
        return Some((name, *size));
    }
    let plain = dtype.trim_start_matches(['<', '>', '=', '|']);
    let long = match plain {
        "f2" => "float16",
        "f4" => "float32",
        "f8" => "float64",
        "i1" => "int8",
        "i2" => "int16",
        "i4" => "int32",
        "i8" => "int64",
        "u1" => "uint8",
        "u2" => "uint16",
        "u4" => "uint32",
        "u8" => "uint64",
        "b1" => "bool",
        "c8" => "complex64",
        "c16" => "complex128",
        _ => return None,
    };
    (plain != dtype).then(|| TYPES.iter().find(|(numpy, ..)| *numpy == long).map(|(_, n, s)| (*n, *s))).flatten()
}

/// An element type that holds Python objects: numpy refuses to build it from bytes, other readers unpickle.
pub(crate) fn is_object(dtype: &str) -> bool {
    matches!(dtype, "object" | "object_" | "O" | "|O" | "|O8" | "|O4" | "O8")
}

/// Reads the body of an array's extension. The error says what does not fit.
pub(crate) fn parse(reader: &mut Reader<'_>, body: Span) -> Result<Array, &'static str> {
    reader.seek_to(body.offset).map_err(|_| "it begins beyond the end")?;
    let next = |reader: &mut Reader<'_>| {
        let left = body.end().saturating_sub(reader.position());
        let (found, head) = token(reader.peek(HEAD)).ok_or("it ends early")?;
        if head as u64 > left {
            return Err("it ends early");
        }
        reader.skip(head as u64).map_err(|_| "it ends early")?;
        Ok(found)
    };
    if next(reader)? != Token::Array(3) {
        return Err("it is not a list of shape, type and bytes");
    }
    let Token::Array(rank) = next(reader)? else { return Err("its shape is no list") };
    if rank > MAX_RANK {
        return Err("it has more dimensions than numpy allows");
    }
    let mut shape = Vec::new();
    for _ in 0..rank {
        let Token::Unsigned(dimension) = next(reader)? else {
            return Err("its shape holds something else than counts");
        };
        shape.push(dimension);
    }
    let name = match next(reader)? {
        Token::Text(length) | Token::Bytes(length) if length <= 64 => length,
        _ => return Err("its type is no short text"),
    };
    let dtype = String::from_utf8_lossy(&reader.read_vec(u64::from(name)).map_err(|_| "it ends early")?).into_owned();
    let (Token::Bytes(length) | Token::Text(length)) = next(reader)? else { return Err("its content is no bytes") };
    let data = Span::new(reader.position(), u64::from(length));
    if data.end() > body.end() {
        return Err("its content is longer than itself");
    }
    if data.end() < body.end() {
        return Err("bytes follow its content");
    }
    Ok(Array { shape, dtype, data })
}
