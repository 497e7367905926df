//! What functions of Python's libraries give back: decoders, converters, the ways to a module or function by its name.

use crate::calls::Arguments;
use crate::known::{self, Effect};
use crate::machine::Machine;
use crate::value::{Marks, Shape, Value};
use crate::{decode, fold};

/// Longest list that `range`, `cycle` and the like are written out to.
const LONGEST_RANGE: i64 = 8192;

/// Whether the effect is something that is done, rather than an object that is made.
pub(crate) fn is_act(effect: Effect) -> bool {
    matches!(effect, Effect::Shell | Effect::Program | Effect::Words | Effect::Terminal | Effect::Run | Effect::RunFile)
}

impl Machine<'_> {
    /// The result of a library function.
    pub(crate) fn library(&mut self, path: &str, callee: Marks, arguments: &Arguments) -> Value {
        let marks = arguments.marks().and(callee);
        let passed = marks.without(Marks::COMPUTED.and(Marks::ODD));
        let first = arguments.values.first();
        let known = match path {
            "builtins.__import__" | "importlib.__import__" | "importlib.import_module" => {
                let Some(name) = arguments.get(0, &["name"]).and_then(Value::as_text) else {
                    return Value::unknown(passed);
                };
                let name = known::canonical(name);
                // `__import__('a.b')` gives the package.
                let whole = path.ends_with("import_module") || arguments.get(3, &["fromlist"]).is_some();
                let module = if whole { name.as_str() } else { name.split('.').next().unwrap_or(&name) };
                let odd = if path.ends_with("import_module") { Marks::NONE } else { Marks::ODD };
                return Value::path(module, computed(arguments.marks()).and(odd).and(callee));
            }
            "builtins.getattr" => {
                let (Some(owner), Some(name)) = (first, arguments.values.get(1)) else { return Value::UNKNOWN };
                let Some(text) = name.as_text() else { return Value::unknown(passed) };
                let odd = match &owner.shape {
                    Shape::Path(path) if known::is_dangerous_module(path) && !path.starts_with("builtins") => {
                        Marks::ODD
                    }
                    _ => Marks::NONE,
                };
                return self.attribute(owner, text).marked(computed(name.marks).and(odd));
            }
            "builtins.vars" => match first.map(|v| &v.shape) {
                Some(Shape::Path(module)) => return Value::path(&format!("{module}.__dict__"), passed),
                _ => return Value::path("builtins.locals()", passed),
            },
            "base64.b64decode"
            | "base64.standard_b64decode"
            | "base64.urlsafe_b64decode"
            | "base64.decodebytes"
            | "base64.decodestring"
            | "binascii.a2b_base64" => decoded(first, passed, decode::base64),
            "base64.b32decode" => decoded(first, passed, decode::base32),
            "base64.b16decode"
            | "binascii.unhexlify"
            | "binascii.a2b_hex"
            | "builtins.bytes.fromhex"
            | "builtins.bytearray.fromhex" => decoded(first, passed, decode::hex),
            "base64.b85decode" => decoded(first, passed, decode::base85),
            "zlib.decompress" | "gzip.decompress" => decoded(first, passed, decode::inflate),
            "base64.a85decode" | "bz2.decompress" | "lzma.decompress" | "binascii.a2b_uu" => {
                return Value::unknown(passed.and(Marks::DECODED));
            }
            "marshal.loads" | "marshal.load" => return Value::unknown(passed.and(Marks::MARSHAL)),
            "codecs.decode" | "codecs.encode" | "codecs.getdecoder()" => {
                let codec = arguments.get(1, &["encoding"]).and_then(Value::as_text).unwrap_or("utf-8");
                match first.map(|v| &v.shape) {
                    Some(Shape::Text(text)) => fold::decode_bytes(text.as_bytes(), codec, passed),
                    Some(Shape::Bytes(bytes)) => fold::decode_bytes(bytes, codec, passed),
                    _ => return Value::unknown(passed.and(Marks::DECODED)),
                }
            }
            "builtins.str" => match first.map(|v| &v.shape) {
                Some(Shape::Bytes(bytes)) if arguments.values.len() > 1 || !arguments.keywords.is_empty() => {
                    fold::decode_bytes(bytes, "utf-8", marks)
                }
                Some(Shape::Bytes(_)) => None,
                _ => first
                    .map(|value| Value::text(&fold::shown(Some(value)), marks))
                    .filter(|v| v.as_text().is_some_and(|t| crate::expression::whole(t).is_some())),
            },
            "builtins.bytes" | "builtins.bytearray" => first.and_then(fold::bytes_of),
            "builtins.chr" => match first.map(|v| &v.shape) {
                Some(Shape::Int(number)) => u32::try_from(*number)
                    .ok()
                    .and_then(char::from_u32)
                    .map(|c| Value::text(c.encode_utf8(&mut [0; 4]), marks.and(Marks::SPELLED).and(Marks::COMPUTED))),
                _ => return Value::unknown(passed),
            },
            "builtins.ord" => first.and_then(Value::as_text).and_then(|text| {
                let mut chars = text.chars();
                let c = chars.next().filter(|_| chars.next().is_none())?;
                Some(Value::new(Shape::Int(i64::from(u32::from(c))), marks))
            }),
            "builtins.int" => match (first.map(|v| &v.shape), arguments.get(1, &["base"]).map(|v| &v.shape)) {
                (Some(Shape::Int(_)), None) => first.cloned(),
                (Some(Shape::Text(text)), base) => {
                    let base = match base {
                        None => 10,
                        Some(Shape::Int(base @ 2..=36)) => *base as u32,
                        _ => return Value::unknown(passed),
                    };
                    let digits = text.trim().trim_start_matches("0x");
                    i64::from_str_radix(digits, base).ok().map(|n| Value::new(Shape::Int(n), marks))
                }
                _ => None,
            },
            "builtins.len" => first
                .and_then(|value| match &value.shape {
                    Shape::Text(text) => Some(text.chars().count()),
                    Shape::Bytes(bytes) => Some(bytes.len()),
                    Shape::List(items) => Some(items.len()),
                    _ => None,
                })
                .and_then(|length| i64::try_from(length).ok())
                .map(|length| Value::new(Shape::Int(length), Marks::NONE)),
            "builtins.list" | "builtins.tuple" => {
                first.and_then(|value| fold::elements(value, crate::value::MOST_ELEMENTS)).map(Value::list)
            }
            "builtins.reversed" => first.and_then(|value| fold::slice(value, None, None, -1)),
            "builtins.range" => range(&arguments.values),
            "builtins.enumerate" => {
                first.and_then(|value| fold::elements(value, LONGEST_RANGE as usize)).map(|items| {
                    let pair = |(index, item)| Value::list(vec![Value::new(Shape::Int(index), Marks::NONE), item]);
                    Value::list((0..).zip(items).map(pair).collect())
                })
            }
            "itertools.cycle" => first
                .and_then(|value| fold::elements(value, 256))
                .filter(|items| !items.is_empty())
                .map(|items| Value::list(items.iter().cycle().take(LONGEST_RANGE as usize).cloned().collect())),
            "builtins.zip" => {
                let lists: Option<Vec<Vec<Value>>> =
                    arguments.values.iter().take(8).map(|v| fold::elements(v, LONGEST_RANGE as usize)).collect();
                lists.map(|lists| {
                    let length = lists.iter().map(Vec::len).min().unwrap_or(0);
                    let row = |at: usize| Value::list(lists.iter().filter_map(|list| list.get(at).cloned()).collect());
                    Value::list((0..length).map(row).collect())
                })
            }
            "builtins.map" => self.map(arguments),
            "os.path.join" => {
                let parts: Vec<String> = arguments.values.iter().map(|value| fold::shown(Some(value))).collect();
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                Some(Value::text(&fold::join_path(&parts), passed))
            }
            "os.path.expanduser" | "os.path.abspath" | "os.path.normpath" | "os.path.realpath"
            | "os.path.expandvars" | "os.fspath" | "shlex.quote" => first.cloned(),
            "pathlib.Path" | "pathlib.PurePath" | "pathlib.PosixPath" => {
                let parts: Vec<String> = arguments.values.iter().map(|value| fold::shown(Some(value))).collect();
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                (!parts.is_empty()).then(|| Value::text(&fold::join_path(&parts), passed))
            }
            "pathlib.Path.home" => Some(Value::text("~", Marks::NONE)),
            "tempfile.gettempdir" => Some(Value::text("/tmp", Marks::NONE)),
            "os.getenv" | "os.environ.get" => match first.and_then(Value::as_text) {
                Some("HOME" | "USERPROFILE") => Some(Value::text("~", Marks::NONE)),
                _ => return Value::UNKNOWN,
            },
            "os.environ.copy" | "os.environ.items" | "os.environ.values" => {
                return Value::unknown(passed.and(Marks::SECRET));
            }
            "shlex.split" => first.cloned(),
            "builtins.open" | "io.open" | "_io.open" | "io.open_code" | "_io.open_code" | "codecs.open" => {
                let Some(path) = arguments.get(0, &["file", "filename"]) else { return Value::UNKNOWN };
                return self.opened(path, arguments.get(1, &["mode"]), "open", arguments);
            }
            "builtins.compile" => return first.cloned().unwrap_or(Value::UNKNOWN),
            _ => {
                let fetched = matches!(known::effect(path), Some((Effect::Download, _)))
                    || path.starts_with("socket.")
                        && matches!(path.rsplit('.').next(), Some("recv" | "recvfrom" | "accept" | "makefile"));
                let marks = if fetched { passed.and(Marks::DOWNLOADED) } else { passed };
                return Value::path(&format!("{path}()"), marks);
            }
        };
        self.folded(known).unwrap_or(Value::unknown(passed))
    }

    /// `map(function, list)` over a known list.
    fn map(&mut self, arguments: &Arguments) -> Option<Value> {
        let (function, list) = (arguments.values.first()?, arguments.values.get(1)?);
        let items = fold::elements(list, LONGEST_RANGE as usize)?;
        let callable = matches!(function.shape, Shape::Function(_) | Shape::Path(_));
        if !callable || !self.pay(4 * items.len()) {
            return None;
        }
        let mut results = Vec::with_capacity(items.len());
        for item in items {
            let inner = Arguments { values: vec![item], keywords: Vec::new(), offset: arguments.offset };
            results.push(match &function.shape {
                Shape::Path(path) => self.library(path, function.marks, &inner),
                _ => self.call_value(function, &inner),
            });
        }
        Some(Value::list(results))
    }
}

/// A name that was put together is a sign of its own.
fn computed(marks: Marks) -> Marks {
    if marks.has(Marks::COMPUTED) || marks.hidden() { Marks::COMPUTED } else { Marks::NONE }
}

fn decoded(value: Option<&Value>, marks: Marks, decoder: fn(&[u8]) -> Option<Vec<u8>>) -> Option<Value> {
    let marks = marks.and(Marks::DECODED);
    let bytes = match value.map(|v| &v.shape) {
        Some(Shape::Text(text)) => decoder(text.as_bytes()),
        Some(Shape::Bytes(bytes)) => decoder(bytes),
        _ => None,
    };
    Some(bytes.map_or(Value::unknown(marks), |bytes| Value::bytes(&bytes, marks)))
}

fn range(values: &[Value]) -> Option<Value> {
    let numbers: Option<Vec<i64>> = values
        .iter()
        .map(|value| match value.shape {
            Shape::Int(number) => Some(number),
            _ => None,
        })
        .collect();
    let (from, to, step) = match numbers?.as_slice() {
        [to] => (0, *to, 1),
        [from, to] => (*from, *to, 1),
        [from, to, step] => (*from, *to, *step),
        _ => return None,
    };
    let span = if step > 0 { to.checked_sub(from)? } else { from.checked_sub(to)? };
    let count = span.max(0).checked_div(step.checked_abs()?)?;
    if count > LONGEST_RANGE {
        return None;
    }
    let mut items = Vec::new();
    let mut number = from;
    while (step > 0 && number < to) || (step < 0 && number > to) {
        items.push(Value::new(Shape::Int(number), Marks::NONE));
        number = number.checked_add(step)?;
    }
    Some(Value::list(items))
}
