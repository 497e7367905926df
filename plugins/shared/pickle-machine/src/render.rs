//! Values as Python source, for messages: `os.system('echo hi')`.

use modelaudit_plugin::escape;

use crate::fold::Evaluator;
use crate::value::{Kind, Value};
use crate::view::View;

/// Nesting that is shown; what lies deeper is `...`.
const DEPTH: u32 = 5;
/// Items of one container that are shown.
const ITEMS: usize = 16;

/// The value as Python source, clipped to about `limit` characters, with controls escaped.
pub(crate) fn render(view: &View<'_, '_>, value: Value, limit: usize) -> String {
    let mut out = String::new();
    write(view, value, limit, DEPTH, &mut out);
    clip(out, limit)
}

/// A call as Python source.
pub(crate) fn call(view: &View<'_, '_>, callee: &str, arguments: &[Value], complete: bool, limit: usize) -> String {
    let mut out = format!("{}(", escape(callee));
    list(view, arguments, complete, limit, DEPTH, &mut out);
    let mut out = clip(out, limit);
    out.push(')');
    out
}

fn clip(text: String, limit: usize) -> String {
    modelaudit_plugin::clip(&text, limit)
}

fn list(view: &View<'_, '_>, values: &[Value], complete: bool, limit: usize, depth: u32, out: &mut String) {
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        if index >= ITEMS || out.len() > limit {
            out.push_str("...");
            return;
        }
        write(view, *value, limit, depth, out);
    }
    if !complete {
        out.push_str(if values.is_empty() { "..." } else { ", ..." });
    }
}

/// Quotes a text the way Python's repr would, safe for a terminal.
pub(crate) fn quoted(bytes: &[u8], is_bytes: bool, complete: bool, limit: usize) -> String {
    let limit = limit.clamp(8, 300);
    let mut text = String::new();
    // As Python's repr: double quotes where the text has single ones.
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    if is_bytes {
        for &byte in bytes.iter().take(limit) {
            match byte {
                b'\\' => text.push_str("\\\\"),
                b'\'' if quote == '\'' => text.push_str("\\'"),
                0x20..=0x7e => text.push(char::from(byte)),
                _ => text.push_str(&escape_byte(byte)),
            }
        }
    } else {
        let head = String::from_utf8_lossy(bytes.get(..limit * 4).unwrap_or(bytes)).into_owned();
        text = escape(&modelaudit_plugin::clip(&head, limit));
        if quote == '\'' {
            text = text.replace('\'', "\\'");
        }
        if text.ends_with("...") && head.chars().count() > limit {
            return format!("{quote}{text}{quote}");
        }
    }
    let cut = !complete || (is_bytes && bytes.len() > limit);
    format!("{}{quote}{text}{}{quote}", if is_bytes { "b" } else { "" }, if cut { "..." } else { "" })
}

fn escape_byte(byte: u8) -> String {
    match byte {
        b'\n' => "\\n".to_owned(),
        b'\t' => "\\t".to_owned(),
        b'\r' => "\\r".to_owned(),
        _ => format!("\\x{byte:02x}"),
    }
}

fn write(view: &View<'_, '_>, value: Value, limit: usize, depth: u32, out: &mut String) {
    if depth == 0 || out.len() > limit {
        out.push_str("...");
        return;
    }
    match value.kind() {
        Kind::Unknown => out.push('?'),
        Kind::None => out.push_str("None"),
        Kind::Bool => out.push_str(if value.payload() == 1 { "True" } else { "False" }),
        Kind::Int | Kind::BigInt => match view.int(value) {
            Some(n) => out.push_str(&n.to_string()),
            None => out.push_str("<big int>"),
        },
        Kind::Float => match view.float(value) {
            Some(f) => out.push_str(&format!("{f:?}")),
            None => out.push_str("<float>"),
        },
        Kind::Str | Kind::Bytes | Kind::FoldedStr | Kind::FoldedBytes => text(view, value, limit, out),
        Kind::Tuple | Kind::List | Kind::Set | Kind::Dict => container(view, value, limit, depth, out),
        Kind::Global => match view.global(value) {
            Some(global) => out.push_str(&escape(&modelaudit_plugin::clip(&global.path(), 160))),
            None => out.push('?'),
        },
        Kind::Object | Kind::Result | Kind::Partial | Kind::Method => made(view, value, limit, depth, out),
        Kind::Persistent => {
            out.push_str("persistent_load(");
            if let Some(parts) = view.parts(value) {
                write(view, parts.callee, limit, depth - 1, out);
            }
            out.push(')');
        }
        Kind::Extension => out.push_str("<extension>"),
        Kind::Buffer => out.push_str("<buffer>"),
    }
}

fn text(view: &View<'_, '_>, value: Value, limit: usize, out: &mut String) {
    let is_bytes = matches!(value.kind(), Kind::Bytes | Kind::FoldedBytes);
    match view.bytes(value, limit.saturating_mul(4).max(64)) {
        Some((bytes, complete)) => out.push_str(&quoted(&bytes, is_bytes, complete, limit)),
        None => out.push_str("'...'"),
    }
}

fn container(view: &View<'_, '_>, value: Value, limit: usize, depth: u32, out: &mut String) {
    let (items, complete) = view.items(value, 2 * ITEMS + 2);
    let (open, close) = match value.kind() {
        Kind::Tuple => ('(', ')'),
        Kind::List => ('[', ']'),
        _ => ('{', '}'),
    };
    out.push(open);
    if value.kind() == Kind::Dict {
        for (index, pair) in items.chunks_exact(2).enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            if out.len() > limit || index >= ITEMS {
                out.push_str("...");
                break;
            }
            if let [key, item] = *pair {
                write(view, key, limit, depth - 1, out);
                out.push_str(": ");
                write(view, item, limit, depth - 1, out);
            }
        }
    } else {
        list(view, &items, complete, limit, depth - 1, out);
        if value.kind() == Kind::Tuple && items.len() == 1 {
            out.push(',');
        }
    }
    out.push(close);
}

/// The result of a call: folded if it is a constant, else as the call that makes it.
fn made(view: &View<'_, '_>, value: Value, limit: usize, depth: u32, out: &mut String) {
    let Some(parts) = view.parts(value) else {
        out.push('?');
        return;
    };
    if value.kind() == Kind::Result || value.kind() == Kind::Object {
        let folded = Evaluator::brief(view, limit.saturating_mul(4).max(64)).constant(value);
        if let Some(constant) = folded {
            out.push_str(&quoted(&constant.bytes, constant.is_bytes, constant.complete, limit));
            return;
        }
    }
    if value.kind() == Kind::Method && !parts.arguments.is_container() {
        write(view, parts.callee, limit, depth - 1, out);
        out.push('.');
        out.push_str(&escape(&view.text(parts.arguments, 128).unwrap_or_else(|| "?".to_owned())));
        return;
    }
    write(view, parts.callee, limit, depth - 1, out);
    out.push('(');
    let (items, complete) = view.items(parts.arguments, ITEMS + 1);
    list(view, &items, complete, limit, depth - 1, out);
    out.push(')');
}
