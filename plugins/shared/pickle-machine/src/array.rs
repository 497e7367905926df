//! Arrays of joblib, which stand between the opcodes (pickle-family 4.5).
//!
//! joblib's unpickler overrides `BUILD`: after the state of a `NumpyArrayWrapper` the array's bytes follow outside of the
//! opcode stream, `prod(shape) * itemsize` of them, or a whole nested pickle if the dtype has objects. A scanner that does
//! not skip exactly that many bytes reads floats as opcodes and loses whatever comes behind (B77). The loader's own
//! arithmetic decides, not the look of the bytes.

use std::collections::HashMap;

use modelaudit_plugin::Span;

use crate::machine::{Fault, Machine, view};
use crate::special::Special;
use crate::value::{Kind, Value};
use crate::view::{Array, Observer, View};

/// dtype objects that are remembered; a file has a handful.
const DTYPES: usize = 1 << 14;

/// The layout that a wrapper announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Raw elements of this many bytes each.
    Raw(u64),
    /// Objects: a pickle.
    Objects,
}

/// After a call or a `BUILD` of a dtype: remembers its layout.
pub(crate) fn remember_dtype(machine: &mut Machine<'_>, value: Value) {
    let layout = {
        let view = view!(machine);
        let special = view.parts(value).and_then(|p| view.global(p.callee)).and_then(|g| g.special);
        if special == Some(Special::Dtype) { layout(&view, value) } else { None }
    };
    if let Some(layout) = layout
        && machine.dtypes.len() < DTYPES
    {
        machine.dtypes.insert(value, layout);
    }
}

/// After a `BUILD`: skips or enters the array if the object is a wrapper.
pub(crate) fn after_build(
    machine: &mut Machine<'_>,
    object: Value,
    state: Value,
    observer: &mut dyn Observer,
) -> Result<(), Fault> {
    if object.kind() != Kind::Object && object.kind() != Kind::Result {
        return Ok(());
    }
    let measured = {
        let view = view!(machine);
        let Some(parts) = view.parts(object) else { return Ok(()) };
        let special = view.global(parts.callee).and_then(|g| g.special);
        if special != Some(Special::ArrayWrapper) {
            return Ok(());
        }
        measure(&view, &machine.dtypes, state)
    };
    machine.forget_frame();
    machine.arrays_skipped += 1;
    let (layout, elements, aligned) = match measured {
        Some(measured) => measured,
        None => {
            machine.array_unknown.get_or_insert(machine.at);
            return Err(Fault::Soft("the dtype or shape of a joblib array is not understood"));
        }
    };
    let width = match layout {
        Layout::Objects => {
            let span = Span::new(machine.input.position(), 0);
            observer.array(&view!(machine), &Array { wrapper: object, span, objects: true });
            machine.suspend();
            return Ok(());
        }
        Layout::Raw(width) => width,
    };
    if aligned {
        let [padding] = machine.input.array::<1>()?;
        machine.input.payload(u64::from(padding))?;
    }
    let length = elements.saturating_mul(width);
    let begin = machine.input.payload(length)?;
    observer.array(&view!(machine), &Array { wrapper: object, span: Span::new(begin, length), objects: false });
    Ok(())
}

/// Layout, number of elements, and whether padding comes first.
fn measure(view: &View<'_, '_>, dtypes: &HashMap<Value, Layout>, state: Value) -> Option<(Layout, u64, bool)> {
    let shape = view.lookup(state, "shape")?;
    let (dimensions, complete) = view.items(shape, 64);
    if !complete {
        return None;
    }
    let mut elements: u64 = 1;
    for dimension in dimensions {
        let dimension = u64::try_from(view.int(dimension)?).ok()?;
        elements = elements.saturating_mul(dimension);
    }
    let dtype = view.lookup(state, "dtype")?;
    let layout = dtypes.get(&dtype).copied().or_else(|| layout(view, dtype))?;
    let aligned = view.lookup(state, "numpy_array_alignment_bytes").is_some_and(|v| v.kind() != Kind::None);
    Some((layout, elements, aligned))
}

/// A dtype object: `numpy.dtype('f8', False, True)` with its state, or one of the classes of `numpy.dtypes`.
fn layout(view: &View<'_, '_>, dtype: Value) -> Option<Layout> {
    if dtype.is_text() {
        return from_code(&view.text(dtype, 64)?);
    }
    if let Some(global) = view.global(dtype) {
        return from_type_name(&global.resolved.name);
    }
    let parts = view.parts(dtype)?;
    let (arguments, _) = view.items(parts.arguments, 3);
    let code = match arguments.first() {
        Some(value) => match view.global(*value) {
            Some(global) => return from_type_name(&global.resolved.name),
            None => view.text(*value, 64)?,
        },
        None => return from_type_name(&view.global(parts.callee)?.resolved.name),
    };
    if code.trim_start_matches(['<', '>', '|', '=']).starts_with('V') && parts.state.kind() == Kind::Tuple {
        return structured(view, parts.state, &code);
    }
    from_code(&code)
}

/// State of a structured dtype: `(version, byteorder, subarray, names, fields, elsize, alignment, flags)`.
fn structured(view: &View<'_, '_>, state: Value, code: &str) -> Option<Layout> {
    let (items, _) = view.items(state, 16);
    let fields = items.get(4).copied()?;
    if holds_objects(view, fields, 8) {
        return Some(Layout::Objects);
    }
    match items.get(5).and_then(|v| view.int(*v)).and_then(|n| u64::try_from(n).ok()) {
        Some(size) if size > 0 => Some(Layout::Raw(size)),
        _ => from_code(code),
    }
}

/// A field of object type, also in nested fields.
fn holds_objects(view: &View<'_, '_>, fields: Value, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return true };
    let (items, _) = view.items(fields, 512);
    items.chunks_exact(2).any(|pair| {
        let Some(&entry) = pair.get(1) else { return false };
        let (entry, _) = view.items(entry, 3);
        let Some(&dtype) = entry.first() else { return false };
        match view.parts(dtype) {
            Some(parts) => {
                let (arguments, _) = view.items(parts.arguments, 1);
                let code = arguments.first().and_then(|v| view.text(*v, 64)).unwrap_or_default();
                let nested = view.items(parts.state, 8).0.get(4).copied().unwrap_or(Value::NONE);
                code.contains('O') || (nested.is_container() && holds_objects(view, nested, depth))
            }
            None => false,
        }
    })
}

/// A type string such as `f8`, `<i4`, `|O`, `U12`, `M8[ns]`.
fn from_code(code: &str) -> Option<Layout> {
    let code = code.trim_start_matches(['<', '>', '|', '=']);
    let mut chars = code.chars();
    let kind = chars.next()?;
    let digits: String = chars.take_while(char::is_ascii_digit).collect();
    let number = digits.parse::<u64>().ok();
    match (kind, number) {
        ('O', _) => Some(Layout::Objects),
        ('b' | 'i' | 'u' | 'f' | 'c' | 'S' | 'a' | 'V' | 'M' | 'm', Some(size)) => Some(Layout::Raw(size)),
        ('U', Some(size)) => size.checked_mul(4).map(Layout::Raw),
        // One-letter codes of the array module and old pickles.
        ('?' | 'b' | 'B' | 'c', None) if code.len() == 1 => Some(Layout::Raw(1)),
        ('h' | 'H' | 'e', None) => Some(Layout::Raw(2)),
        ('i' | 'I' | 'f', None) if code.len() == 1 => Some(Layout::Raw(4)),
        ('l' | 'L' | 'q' | 'Q' | 'd' | 'F', None) if code.len() == 1 => Some(Layout::Raw(8)),
        ('g' | 'D', None) if code.len() == 1 => Some(Layout::Raw(16)),
        _ => from_type_name(code),
    }
}

/// Names of scalar types (`numpy.float32`) and of dtype classes (`numpy.dtypes.Float32DType`). Source: numpy's type hierarchy.
const TYPE_NAMES: &[(&str, u64)] = &[
    ("bool", 1),
    ("complex128", 16),
    ("complex64", 8),
    ("float16", 2),
    ("float32", 4),
    ("float64", 8),
    ("int16", 2),
    ("int32", 4),
    ("int64", 8),
    ("int8", 1),
    ("uint16", 2),
    ("uint32", 4),
    ("uint64", 8),
    ("uint8", 1),
];

fn from_type_name(name: &str) -> Option<Layout> {
    let name = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    let name = name.strip_suffix("dtype").unwrap_or(&name).trim_end_matches('_');
    if name == "object" {
        return Some(Layout::Objects);
    }
    let found = TYPE_NAMES.binary_search_by(|(entry, _)| (*entry).cmp(name)).ok()?;
    TYPE_NAMES.get(found).map(|(_, size)| Layout::Raw(*size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn width(code: &str) -> Option<u64> {
        match from_code(code)? {
            Layout::Raw(size) => Some(size),
            Layout::Objects => Some(u64::MAX),
        }
    }

    #[test]
    fn type_strings() {
        assert!(TYPE_NAMES.windows(2).all(|w| w[0].0 < w[1].0));
        for (code, size) in
            [("f8", 8), ("<i4", 4), ("|b1", 1), ("U12", 48), ("S7", 7), ("M8[ns]", 8), ("V24", 24), ("d", 8)]
        {
            assert_eq!(width(code), Some(size), "{code}");
        }
        assert_eq!(width("|O"), Some(u64::MAX));
        assert_eq!(width("O8"), Some(u64::MAX));
        assert_eq!(width("float32"), Some(4));
        assert_eq!(width("U99999999999999999999"), None);
        assert_eq!(width("x"), None);
    }
}
