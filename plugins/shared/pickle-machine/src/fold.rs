//! Folds strings and bytes that a pickle computes: `''.join(map(chr, [...]))`, `b64decode(...)`, `zlib.decompress(...)`.
//!
//! Nothing is computed while the stream runs: a call is kept as callee and arguments, and only when somebody wants the
//! constant behind it (the name of an import, the payload of `pickle.loads`, an argument to show) it is evaluated here,
//! within a budget of bytes, nodes and depth. Benign pickles of protocol 2 carry every array as
//! `_codecs.encode('...', 'latin1')` and pay nothing.

use crate::codec;
use crate::special::Special;
use crate::value::{Kind, Value};
use crate::view::View;

/// Calls inside calls that are followed: the reference asks for 8 layers (section 7, point 6), each may take two steps.
const DEPTH: u32 = 20;
/// Values looked at in one evaluation.
const STEPS: u32 = 20_000;

/// A folded constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Constant {
    /// UTF-8 for a text.
    pub(crate) bytes: Vec<u8>,
    /// `bytes`, not `str`.
    pub(crate) is_bytes: bool,
    /// It was not cut.
    pub(crate) complete: bool,
}

impl Constant {
    fn text(bytes: Vec<u8>) -> Self {
        Self { bytes, is_bytes: false, complete: true }
    }

    fn raw(bytes: Vec<u8>) -> Self {
        Self { bytes, is_bytes: true, complete: true }
    }
}

/// One evaluation with its budget.
pub(crate) struct Evaluator<'v, 'm, 'a> {
    view: &'v View<'m, 'a>,
    limit: usize,
    steps: u32,
}

impl<'v, 'm, 'a> Evaluator<'v, 'm, 'a> {
    /// `limit`: bytes of the constant that are wanted.
    pub(crate) fn new(view: &'v View<'m, 'a>, limit: usize) -> Self {
        Self { view, limit, steps: STEPS }
    }

    /// For messages, where a computed constant that takes long is not worth its time.
    pub(crate) fn brief(view: &'v View<'m, 'a>, limit: usize) -> Self {
        Self { view, limit, steps: STEPS / 8 }
    }

    /// The constant that a value is, if it is one.
    pub(crate) fn constant(&mut self, value: Value) -> Option<Constant> {
        self.at(value, DEPTH)
    }

    fn at(&mut self, value: Value, depth: u32) -> Option<Constant> {
        self.steps = self.steps.checked_sub(1)?;
        let depth = depth.checked_sub(1)?;
        match value.kind() {
            Kind::Str | Kind::Bytes | Kind::FoldedStr | Kind::FoldedBytes => {
                let is_bytes = matches!(value.kind(), Kind::Bytes | Kind::FoldedBytes);
                let (bytes, complete) = self.view.bytes(value, self.limit)?;
                Some(Constant { bytes, is_bytes, complete })
            }
            Kind::Result | Kind::Object => self.call(value, depth),
            _ => None,
        }
    }

    fn call(&mut self, value: Value, depth: u32) -> Option<Constant> {
        let parts = self.view.parts(value)?;
        let (arguments, _) = self.view.items(parts.arguments, 16);
        match parts.callee.kind() {
            Kind::Global => {
                let global = self.view.global(parts.callee)?;
                let name = global.resolved.name.as_str();
                let is_bytes = name.starts_with("bytes.");
                self.apply(global.special?, is_bytes, &arguments, depth)
            }
            Kind::Method => {
                let method = self.view.parts(parts.callee)?;
                let name = self.view.text(method.arguments, 64)?;
                let mut with_receiver = vec![method.callee];
                with_receiver.extend_from_slice(&arguments);
                self.method(&name, &with_receiver, depth)
            }
            Kind::Partial => {
                let partial = self.view.parts(parts.callee)?;
                let (mut all, _) = self.view.items(partial.arguments, 16);
                all.extend_from_slice(&arguments);
                let global = self.view.global(partial.callee)?;
                self.apply(global.special?, global.resolved.name.starts_with("bytes."), &all, depth)
            }
            _ => None,
        }
    }

    /// A method of a string or bytes object; the first argument is the receiver.
    fn method(&mut self, name: &str, arguments: &[Value], depth: u32) -> Option<Constant> {
        let receiver = *arguments.first()?;
        match name {
            "join" => self.join(receiver, *arguments.get(1)?, depth),
            "decode" => self.decode(arguments, depth),
            "encode" => self.encode(arguments, depth),
            "__add__" | "__concat__" => self.apply(Special::Concatenate, false, arguments, depth),
            "lower" | "upper" | "strip" | "swapcase" | "__str__" | "title" | "format" => {
                let mut constant = self.at(receiver, depth)?;
                match name {
                    "lower" => constant.bytes.make_ascii_lowercase(),
                    "upper" => constant.bytes.make_ascii_uppercase(),
                    "strip" => constant.bytes = constant.bytes.trim_ascii().to_vec(),
                    "swapcase" => constant.bytes.iter_mut().for_each(|b| {
                        *b = if b.is_ascii_lowercase() { b.to_ascii_uppercase() } else { b.to_ascii_lowercase() }
                    }),
                    "format" => return self.format(&constant, arguments, depth),
                    _ => {}
                }
                Some(constant)
            }
            "replace" => {
                let constant = self.at(receiver, depth)?;
                let from = self.at(*arguments.get(1)?, depth)?;
                let to = self.at(*arguments.get(2)?, depth)?;
                if from.bytes.is_empty() {
                    return Some(constant);
                }
                let mut out = Vec::new();
                let mut rest = constant.bytes.as_slice();
                while let Some(at) = memchr::memmem::find(rest, &from.bytes) {
                    out.extend_from_slice(rest.get(..at)?);
                    out.extend_from_slice(&to.bytes);
                    rest = rest.get(at + from.bytes.len()..)?;
                    if out.len() > self.limit {
                        return None;
                    }
                }
                out.extend_from_slice(rest);
                Some(Constant { bytes: out, ..constant })
            }
            "__getitem__" => self.slice(receiver, *arguments.get(1)?, depth),
            "fromhex" => self.apply(Special::Hex, true, arguments.get(1..)?, depth),
            "hex" => {
                let constant = self.at(receiver, depth)?;
                Some(Constant::text(constant.bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()))
            }
            _ => None,
        }
    }

    /// `'{}.{}'.format(a, b)` with plain fields.
    fn format(&mut self, pattern: &Constant, arguments: &[Value], depth: u32) -> Option<Constant> {
        let mut out = Vec::new();
        let mut next = 1;
        let mut rest = pattern.bytes.as_slice();
        while let Some(at) = memchr::memchr(b'{', rest) {
            out.extend_from_slice(rest.get(..at)?);
            let close = memchr::memchr(b'}', rest.get(at..)?)? + at;
            let field = std::str::from_utf8(rest.get(at + 1..close)?).ok()?;
            let index = if field.is_empty() { next } else { field.parse::<usize>().ok()?.checked_add(1)? };
            next += 1;
            out.extend_from_slice(&self.at(*arguments.get(index)?, depth)?.bytes);
            rest = rest.get(close + 1..)?;
            if out.len() > self.limit {
                return None;
            }
        }
        out.extend_from_slice(rest);
        Some(Constant::text(out))
    }

    /// `text[n]` and `text[a:b:c]` with a constant slice.
    fn slice(&mut self, receiver: Value, key: Value, depth: u32) -> Option<Constant> {
        let constant = self.at(receiver, depth)?;
        let length = i64::try_from(constant.bytes.len()).ok()?;
        if let Some(index) = self.view.int(key) {
            let index = if index < 0 { index.checked_add(length)? } else { index };
            let byte = *constant.bytes.get(usize::try_from(index).ok()?)?;
            return Some(Constant { bytes: vec![byte], ..constant });
        }
        let parts = self.view.parts(key)?;
        if self.view.global(parts.callee)?.path() != "builtins.slice" {
            return None;
        }
        let (bounds, _) = self.view.items(parts.arguments, 3);
        let number = |value: Option<&Value>| value.and_then(|v| self.view.int(*v));
        let (start, stop, step) = match bounds.len() {
            1 => (None, number(bounds.first()), None),
            _ => (number(bounds.first()), number(bounds.get(1)), number(bounds.get(2))),
        };
        let step = step.unwrap_or(1);
        let clamp = |n: i64| if n < 0 { n.saturating_add(length).max(-1) } else { n.min(length) };
        let mut out = Vec::new();
        let (mut at, end) = if step > 0 {
            (start.map_or(0, clamp).max(0), stop.map_or(length, clamp))
        } else {
            (start.map_or(length - 1, clamp).min(length - 1), stop.map_or(-1, clamp))
        };
        while step != 0 && (if step > 0 { at < end } else { at > end }) {
            out.push(*constant.bytes.get(usize::try_from(at).ok()?)?);
            at = at.checked_add(step)?;
        }
        Some(Constant { bytes: out, ..constant })
    }

    fn join(&mut self, separator: Value, items: Value, depth: u32) -> Option<Constant> {
        let separator = self.at(separator, depth)?;
        let parts = self.sequence(items, depth)?;
        let mut out = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(&separator.bytes);
            }
            out.extend_from_slice(&part.bytes);
            if out.len() > self.limit {
                return None;
            }
        }
        Some(Constant { bytes: out, ..separator })
    }

    /// The constants of a list, tuple, string, or of `map(chr, ...)`, `reversed(...)` and the like.
    fn sequence(&mut self, value: Value, depth: u32) -> Option<Vec<Constant>> {
        let depth = depth.checked_sub(1)?;
        if value.is_container() {
            let (items, complete) = self.view.items(value, 8192);
            return if complete { items.into_iter().map(|i| self.at(i, depth)).collect() } else { None };
        }
        if value.is_text() {
            let constant = self.at(value, depth)?;
            let text = String::from_utf8_lossy(&constant.bytes).into_owned();
            return Some(text.chars().map(|c| Constant::text(c.to_string().into_bytes())).collect());
        }
        let parts = self.view.parts(value)?;
        let global = self.view.global(parts.callee)?;
        let (arguments, _) = self.view.items(parts.arguments, 4);
        match (global.path().as_str(), arguments.as_slice()) {
            ("builtins.map", &[function, items]) => self.map(function, items, depth),
            ("builtins.list" | "builtins.tuple", &[items]) => self.sequence(items, depth),
            ("builtins.reversed", &[items]) => {
                let mut items = self.sequence(items, depth)?;
                items.reverse();
                Some(items)
            }
            _ => None,
        }
    }

    fn map(&mut self, function: Value, items: Value, depth: u32) -> Option<Vec<Constant>> {
        let special = self.view.global(function)?.special?;
        let (items, complete) = self.view.items(items, 8192);
        if !complete {
            return None;
        }
        items.into_iter().map(|item| self.apply(special, false, &[item], depth)).collect()
    }

    fn apply(&mut self, special: Special, is_bytes: bool, arguments: &[Value], depth: u32) -> Option<Constant> {
        self.steps = self.steps.checked_sub(1)?;
        let depth = depth.checked_sub(1)?;
        let first = *arguments.first()?;
        let decoded = match special {
            Special::Join => {
                let joined = self.join(first, *arguments.get(1)?, depth)?;
                return Some(Constant { is_bytes: is_bytes || joined.is_bytes, ..joined });
            }
            Special::Concatenate => {
                let mut left = self.at(first, depth)?;
                let right = self.at(*arguments.get(1)?, depth)?;
                left.bytes.extend_from_slice(&right.bytes);
                return (left.bytes.len() <= self.limit).then_some(left);
            }
            Special::Character => {
                let code = u32::try_from(self.view.int(first)?).ok()?;
                return Some(Constant::text(char::from_u32(code)?.to_string().into_bytes()));
            }
            Special::Bytes => return self.make_bytes(arguments, depth),
            Special::Text => {
                if let Some(n) = self.view.int(first) {
                    return Some(Constant::text(n.to_string().into_bytes()));
                }
                let constant = self.at(first, depth)?;
                return if arguments.len() > 1 { self.decode(arguments, depth) } else { Some(constant) };
            }
            Special::GetItem => return self.slice(first, *arguments.get(1)?, depth),
            Special::CodecsEncode => return self.encode(arguments, depth),
            Special::CodecsDecode => return self.decode(arguments, depth),
            Special::BytesFile => return self.at(first, depth).filter(|c| c.is_bytes),
            Special::Base64 => codec::base64(&self.at(first, depth)?.bytes),
            Special::Base32 => codec::base32(&self.at(first, depth)?.bytes),
            Special::Base85 => codec::base85(&self.at(first, depth)?.bytes),
            Special::Ascii85 => codec::ascii85(&self.at(first, depth)?.bytes),
            Special::Hex => codec::hex(&self.at(first, depth)?.bytes),
            Special::Decompress => self.decompressed(first, depth),
            _ => None,
        };
        decoded.map(Constant::raw)
    }

    /// The packed bytes are not limited by what is wanted of the unpacked ones.
    fn decompressed(&mut self, packed: Value, depth: u32) -> Option<Vec<u8>> {
        let limit = self.limit;
        self.limit = crate::folded::ONE;
        let packed = self.at(packed, depth);
        self.limit = limit;
        codec::decompress(&packed?.bytes, limit)
    }

    fn make_bytes(&mut self, arguments: &[Value], depth: u32) -> Option<Constant> {
        let first = *arguments.first()?;
        if first.is_container() {
            let (items, complete) = self.view.items(first, 8192);
            let bytes = items.iter().map(|i| u8::try_from(self.view.int(*i)?).ok()).collect::<Option<Vec<u8>>>()?;
            return complete.then(|| Constant::raw(bytes));
        }
        if arguments.len() > 1 {
            return self.encode(arguments, depth);
        }
        self.at(first, depth).filter(|c| c.is_bytes)
    }

    fn codec_name(&mut self, arguments: &[Value], depth: u32) -> Option<String> {
        match arguments.get(1) {
            None => Some("utf8".to_owned()),
            Some(value) => {
                let name = self.at(*value, depth)?;
                let name = String::from_utf8_lossy(&name.bytes).to_ascii_lowercase();
                Some(name.chars().filter(|c| c.is_ascii_alphanumeric()).collect())
            }
        }
    }

    /// `codecs.encode(object, encoding)`, `str.encode`.
    fn encode(&mut self, arguments: &[Value], depth: u32) -> Option<Constant> {
        let constant = self.at(*arguments.first()?, depth)?;
        match self.codec_name(arguments, depth)?.as_str() {
            "latin1" | "iso88591" | "latin" | "l1" | "cp1252" if !constant.is_bytes => {
                // A text cut in the middle of a character loses that character only.
                let text = String::from_utf8_lossy(&constant.bytes);
                let text = if constant.complete { &text } else { text.trim_end_matches('\u{fffd}') };
                let bytes = codec::latin1(text)?;
                Some(Constant { bytes, is_bytes: true, complete: constant.complete })
            }
            "utf8" | "ascii" | "utf" => Some(Constant { is_bytes: true, ..constant }),
            "rot13" => Some(Constant { bytes: codec::rot13(&constant.bytes), ..constant }),
            "hex" | "hexcodec" => {
                Some(Constant::raw(constant.bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()))
            }
            _ => None,
        }
    }

    /// `codecs.decode(object, encoding)`, `bytes.decode`.
    fn decode(&mut self, arguments: &[Value], depth: u32) -> Option<Constant> {
        let first = *arguments.first()?;
        let name = self.codec_name(arguments, depth)?;
        if matches!(name.as_str(), "zlib" | "zip" | "zlibcodec" | "bz2" | "bz2codec") {
            return self.decompressed(first, depth).map(Constant::raw);
        }
        let constant = self.at(first, depth)?;
        let bytes = match name.as_str() {
            "latin1" | "iso88591" | "latin" | "l1" => {
                constant.bytes.iter().map(|&b| char::from(b)).collect::<String>().into_bytes()
            }
            "utf8" | "ascii" | "utf" | "unicodeescape" | "rawunicodeescape" => constant.bytes,
            "rot13" => codec::rot13(&constant.bytes),
            "hex" | "hexcodec" => return codec::hex(&constant.bytes).map(Constant::raw),
            "base64" | "base64codec" => return codec::base64(&constant.bytes).map(Constant::raw),
            _ => return None,
        };
        Some(Constant { bytes, is_bytes: false, complete: constant.complete })
    }
}
