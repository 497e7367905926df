//! What an observer is told, and what it can look at.
//!
//! A run of the machine is a sequence of events in the order in which a loader would cause them. An [`Observer`] gets each
//! with a [`View`] on the machine's state, from which it resolves the values it is interested in. The scan of
//! [`crate::scan_pickle`] is one observer; the pytorch plugin is another (tensor names, shapes and storages).

use modelaudit_plugin::Span;

use crate::constant::{self, Content};
use crate::fold::Evaluator;
use crate::folded::Folded;
use crate::globals::{Global, Globals};
use crate::input::Input;
use crate::render;
use crate::store::{Holds, Store};
use crate::value::{Kind, Value};

/// The state of the machine at an event.
pub struct View<'m, 'a> {
    pub(crate) input: &'m Input<'a>,
    pub(crate) store: &'m Store,
    pub(crate) globals: &'m Globals,
    pub(crate) folded: &'m Folded,
    /// The stack, top last.
    pub(crate) stack: &'m [Value],
    /// The protocol in force: the argument of the last `PROTO`, 0 before any.
    pub protocol: u8,
    /// Number of the stream in the file, from 0 on.
    pub stream: u32,
    /// Offset of the first load error of this stream: what comes later is not reached by a strict loader.
    pub broken: Option<u64>,
}

/// What made an object, result, partial, method or persistent id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The callee or class; a method's receiver; a persistent id.
    pub callee: Value,
    /// The arguments as they stood on the stack (a tuple, mostly); a method's name.
    pub arguments: Value,
    /// The state of the last `BUILD`, [`Value::UNKNOWN`] before any.
    pub state: Value,
    /// Offset of the opcode that made it.
    pub offset: u64,
}

impl View<'_, '_> {
    /// The raw bytes of a string or bytes constant, at most `limit` of them; `true` if that is all. Values that are computed
    /// are folded.
    pub fn bytes(&self, value: Value, limit: usize) -> Option<(Vec<u8>, bool)> {
        match value.kind() {
            Kind::Str | Kind::Bytes => {
                let content = constant::content(self.input, value.payload(), limit as u64)?;
                Some((content.bytes, content.complete))
            }
            Kind::FoldedStr | Kind::FoldedBytes => {
                let bytes = self.folded.get(value)?;
                Some((bytes.get(..limit).unwrap_or(bytes).to_vec(), bytes.len() <= limit))
            }
            _ => Evaluator::new(self, limit).constant(value).map(|c| (c.bytes, c.complete)),
        }
    }

    /// The text of a string constant of at most `limit` bytes; None if it is longer, or no string.
    pub fn text(&self, value: Value, limit: usize) -> Option<String> {
        match value.kind() {
            Kind::Bytes | Kind::FoldedBytes => None,
            _ => match self.bytes(value, limit)? {
                (bytes, true) => Some(String::from_utf8_lossy(&bytes).into_owned()),
                _ => None,
            },
        }
    }

    /// Where the payload of a written constant stands in the artifact, without its header; None for computed constants
    /// and for those with escapes.
    pub fn span(&self, value: Value) -> Option<Span> {
        let content = self.content(value, 0)?;
        Some(Span::new(content.raw_offset?, content.raw_length))
    }

    pub(crate) fn content(&self, value: Value, limit: usize) -> Option<Content> {
        match value.kind() {
            Kind::Str | Kind::Bytes => constant::content(self.input, value.payload(), limit as u64),
            _ => None,
        }
    }

    /// The value of an int, a bool or a written integer of up to 64 bits.
    pub fn int(&self, value: Value) -> Option<i64> {
        match value.kind() {
            Kind::BigInt => {
                let content = constant::content(self.input, value.payload(), 64)?;
                let opcode = *self.input.read_at(value.payload(), 1).first()?;
                match opcode {
                    crate::opcode::LONG1 | crate::opcode::LONG4 => constant::twos_complement(&content.bytes),
                    _ => constant::integer(&content.bytes),
                }
            }
            _ => value.as_int(),
        }
    }

    /// The value of a float.
    pub fn float(&self, value: Value) -> Option<f64> {
        if value.kind() != Kind::Float {
            return None;
        }
        let bytes = self.input.read_at(value.payload(), 9);
        match bytes.split_first()? {
            (&crate::opcode::BINFLOAT, rest) => Some(f64::from_be_bytes(*rest.first_chunk()?)),
            _ => {
                let content = constant::content(self.input, value.payload(), 64)?;
                let text = content.bytes.split(|&b| b == 0).next().unwrap_or_default();
                std::str::from_utf8(text).ok()?.trim().parse().ok()
            }
        }
    }

    /// The items of a tuple, list, set, or of a dict (keys and values in turn), at most `limit`; `true` if these are all.
    pub fn items(&self, value: Value, limit: usize) -> (Vec<Value>, bool) {
        self.store.items(value, limit)
    }

    /// Number of items of a container (a dict counts keys and values), unless it is too old to be remembered.
    pub fn length(&self, value: Value) -> Option<u64> {
        self.store.length(value)
    }

    /// The value under a string key of a dict, looking at its first 512 entries; the last one counts.
    pub fn lookup(&self, dict: Value, key: &str) -> Option<Value> {
        if dict.kind() != Kind::Dict {
            return None;
        }
        let (items, _) = self.items(dict, 1024);
        let mut found = None;
        for pair in items.chunks_exact(2) {
            if let [k, v] = *pair
                && self.text(k, 256).is_some_and(|text| text == key)
            {
                found = Some(v);
            }
        }
        found
    }

    /// The global that a value is.
    pub fn global(&self, value: Value) -> Option<&Global> {
        match value.kind() {
            Kind::Global => self.globals.get(value.payload()),
            _ => None,
        }
    }

    /// What made an object, result, partial, method or persistent id; None for others, and for those too old to be kept.
    pub fn parts(&self, value: Value) -> Option<Parts> {
        if value.is_container() {
            return None;
        }
        let node = self.store.node(value)?;
        Some(Parts {
            callee: Value::from_raw(node.a),
            arguments: Value::from_raw(node.b),
            state: Value::from_raw(node.c),
            offset: node.offset,
        })
    }

    pub(crate) fn holds(&self, value: Value) -> Holds {
        match value.kind() {
            Kind::Global if self.global(value).is_some_and(|g| g.danger().is_some()) => {
                Holds { danger: value.payload() as u32 + 1, ..Holds::NOTHING }
            }
            _ => self.store.holds(value),
        }
    }

    /// The mark that an observer gave to a call whose result is this value or stands inside it; 0 for none.
    pub fn mark(&self, value: Value) -> u32 {
        self.holds(value).mark
    }

    /// A dangerous global that this value is or holds.
    pub fn danger(&self, value: Value) -> Option<&Global> {
        let index = self.holds(value).danger.checked_sub(1)?;
        self.globals.get(u64::from(index))
    }

    /// All globals named so far in this file, in order.
    pub fn globals(&self) -> &[Global] {
        self.globals.all()
    }

    /// The value as Python source would show it, clipped to about `limit` characters, safe to print.
    pub fn render(&self, value: Value, limit: usize) -> String {
        render::render(self, value, limit)
    }
}

/// A global was looked up by name, for the first time in the file. Importing runs the module's code even if nothing is called.
#[derive(Clone, Copy, Debug)]
pub struct Import {
    /// The global.
    pub value: Value,
    /// Offset of the opcode.
    pub offset: u64,
    /// `GLOBAL`, `STACK_GLOBAL`, `INST`, `EXT1`, `EXT2`, `EXT4`.
    pub opcode: &'static str,
}

/// `STACK_GLOBAL` with an operand that is no written string: the name is put together while the file is loaded.
#[derive(Clone, Copy, Debug)]
pub struct ComputedImport {
    /// The operand for the module.
    pub module: Value,
    /// The operand for the name.
    pub name: Value,
    /// The global, if the machine could fold the name; else [`Value::UNKNOWN`].
    pub value: Value,
    /// Offset of the opcode.
    pub offset: u64,
}

/// Something is called: `REDUCE`, `INST`, `OBJ`, `NEWOBJ`, `NEWOBJ_EX`.
#[derive(Clone, Copy, Debug)]
pub struct Call<'e> {
    /// What stands on the stack as the callable or class.
    pub written: Value,
    /// The arguments as they stand on the stack (a tuple, mostly).
    pub written_arguments: Value,
    /// What is called in the end: behind `functools.partial`, `operator.methodcaller`, `map` and the like.
    pub callee: Value,
    /// The wrappers between the two, outermost first.
    pub through: &'e [Value],
    /// The arguments it gets; as far as they are known.
    pub arguments: &'e [Value],
    /// `arguments` is all of them.
    pub complete: bool,
    /// Keyword arguments (`NEWOBJ_EX`), or [`Value::UNKNOWN`].
    pub keywords: Value,
    /// What the call returns.
    pub result: Value,
    /// Offset of the opcode.
    pub offset: u64,
    /// Its name.
    pub opcode: &'static str,
}

/// `BUILD`: the state of an object is set, by its `__setstate__` or attribute by attribute.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// The object; a [`Kind::Global`] if attributes of a module, class or function are set.
    pub object: Value,
    /// The state.
    pub state: Value,
    /// Offset of the opcode.
    pub offset: u64,
}

/// `APPEND(S)`, `SETITEM(S)`, `ADDITEMS` with an item that is no plain constant, or on something that is no plain container.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// The container: a list, dict or set, or an object whose `append`, `extend`, `__setitem__` or `add` is called.
    pub container: Value,
    /// The key of a dict's entry, else [`Value::UNKNOWN`].
    pub key: Value,
    /// The item.
    pub value: Value,
    /// Offset of the opcode.
    pub offset: u64,
    /// Its name.
    pub opcode: &'static str,
}

/// `PERSID` or `BINPERSID`: the loader's `persistent_load` is asked for an object.
#[derive(Clone, Copy, Debug)]
pub struct Persistent {
    /// The id: in torch files the tuple `('storage', storage class, key, location, numel)`.
    pub id: Value,
    /// The object that is pushed ([`Kind::Persistent`]; its `Parts::callee` is the id).
    pub value: Value,
    /// Offset of the opcode.
    pub offset: u64,
}

/// `EXT1`, `EXT2`, `EXT4` with a code that nothing in the file registered.
#[derive(Clone, Copy, Debug)]
pub struct Extension {
    /// The code.
    pub code: i64,
    /// Offset of the opcode.
    pub offset: u64,
    /// Its name.
    pub opcode: &'static str,
}

/// A string or bytes constant that begins like a pickle, or like one in base64, hex, zlib and so on.
#[derive(Clone, Copy, Debug)]
pub struct Blob {
    /// The constant.
    pub value: Value,
    /// Its payload.
    pub span: Span,
}

/// An array of joblib that stands between the opcodes.
#[derive(Clone, Copy, Debug)]
pub struct Array {
    /// The wrapper object (its `Parts::state` tells shape and dtype).
    pub wrapper: Value,
    /// The raw bytes. For an array of objects the length is 0: the nested pickle is walked like a stream.
    pub span: Span,
    /// The elements are objects.
    pub objects: bool,
}

/// A loader stops here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// Offset of the opcode.
    pub offset: u64,
    /// What is wrong, one line.
    pub reason: String,
    /// The data ended inside an argument or before `STOP`.
    pub truncated: bool,
}

/// An odd thing that a loader may survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// `PUT` far beyond the entries that are there: the C loader allocates `index * 16` bytes.
    HugeMemoIndex(u64),
    /// The declared length is far beyond the end of the data: a loader that reads from a file allocates it first.
    HugeLength(u64),
    /// More marks or values on the stack than any pickler leaves there.
    DeepStack,
    /// `FRAME` whose end lies beyond the end of the data or of the stream.
    FrameBeyondEnd(u64),
    /// An argument crosses the end of its frame: CPython's loaders read different bytes (cpython#154848).
    FrameCrossed,
    /// A global's name was longer than a name can be.
    LongName,
    /// `PROTO` with a version that does not exist.
    UnknownProtocol(u8),
    /// Containers are referenced so often that walking them (printing, hashing, comparing) takes this many steps.
    Fanout(u64),
    /// A name stood in a memo entry beyond those that are kept.
    ForgottenName,
}

/// Gets the events of a run, in order. All methods do nothing by default.
pub trait Observer {
    /// A stream begins at the offset.
    fn start(&mut self, view: &View<'_, '_>, offset: u64) {
        let _ = (view, offset);
    }
    /// A stream ended with `STOP`; `value` is what `load` returns, `end` the offset after it.
    fn stop(&mut self, view: &View<'_, '_>, value: Value, end: u64) {
        let _ = (view, value, end);
    }
    /// A global was named for the first time.
    fn import(&mut self, view: &View<'_, '_>, event: &Import) {
        let _ = (view, event);
    }
    /// A global's name is computed. The returned mark (0 for none) is kept on the value, see [`View::mark`].
    fn computed_import(&mut self, view: &View<'_, '_>, event: &ComputedImport) -> u32 {
        let _ = (view, event);
        0
    }
    /// Something is called. The returned mark (0 for none) is kept on the result and on what it is put into.
    fn call(&mut self, view: &View<'_, '_>, event: &Call<'_>) -> u32 {
        let _ = (view, event);
        0
    }
    /// State is set. The returned mark is kept on the object.
    fn build(&mut self, view: &View<'_, '_>, event: &Build) -> u32 {
        let _ = (view, event);
        0
    }
    /// An item is put into something.
    fn item(&mut self, view: &View<'_, '_>, event: &Item) {
        let _ = (view, event);
    }
    /// A persistent id.
    fn persistent(&mut self, view: &View<'_, '_>, event: &Persistent) {
        let _ = (view, event);
    }
    /// An unregistered extension code.
    fn extension(&mut self, view: &View<'_, '_>, event: &Extension) {
        let _ = (view, event);
    }
    /// A constant that may be a pickle.
    fn blob(&mut self, view: &View<'_, '_>, event: &Blob) {
        let _ = (view, event);
    }
    /// A joblib array.
    fn array(&mut self, view: &View<'_, '_>, event: &Array) {
        let _ = (view, event);
    }
    /// A load error; the machine goes on as the most permissive reader would. Only the first of a stream is told.
    fn error(&mut self, view: &View<'_, '_>, event: &LoadError) {
        let _ = (view, event);
    }
    /// Something odd at an offset; each kind is told once a stream.
    fn odd(&mut self, view: &View<'_, '_>, oddity: Oddity, offset: u64) {
        let _ = (view, oddity, offset);
    }
}
