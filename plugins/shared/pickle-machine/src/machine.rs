//! The machine: decodes opcodes and keeps stack, marks, memo, protocol and frames as the loaders do.
//!
//! It accepts what the most permissive of CPython's loaders accepts (pickle-family 1.3) and never stops where one of them
//! goes on. Where all of them stop, it tells the observer, puts an unknown value in the place of what is missing and goes
//! on: what was called before an error has already run, and what comes after it may be what another reader sees.

use std::collections::HashMap;

use modelaudit_plugin::{Artifact, Span};

use crate::array;
use crate::folded::Folded;
use crate::globals::Globals;
use crate::input::{Input, Short};
use crate::memo::Memo;
use crate::opcode as op;
use crate::store::Store;
use crate::value::{Kind, Value};
use crate::view::{LoadError, Observer, Oddity};

/// Load errors in one stream after which the bytes are taken for something else than opcodes.
const ERRORS: u32 = 96;
/// A name longer than this is none.
pub(crate) const NAME: u64 = 8 << 10;
/// A declared length from which on a loader's allocation hurts.
const HUGE_LENGTH: u64 = 1 << 30;

/// How a pass reads the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// After the `BUILD` of a joblib wrapper the array's raw bytes follow, as joblib's loader takes it. Off: they are opcodes,
    /// as `pickle.load` takes it.
    pub arrays: bool,
    /// An argument that crosses the end of its frame is read from behind the frame, as CPython's C loader does on files.
    pub frames: bool,
    /// Stop at the first load error.
    pub strict: bool,
}

impl Reading {
    /// joblib arrays are skipped, frames have no meaning, errors are survived.
    pub const USUAL: Self = Self { arrays: true, frames: false, strict: false };
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With `STOP`.
    Stop,
    /// The data ended.
    Data,
    /// The bytes are no opcodes any more, or the pass is strict.
    Lost,
}

/// Why an opcode can not be carried out.
pub(crate) enum Fault {
    Short(Short),
    Soft(&'static str),
    Opcode(u8),
}

impl From<Short> for Fault {
    fn from(short: Short) -> Self {
        Self::Short(short)
    }
}

/// A stream that waits for a nested one (joblib's array of objects).
struct Suspended {
    stack: Vec<Value>,
    marks: Vec<u32>,
    memo: Memo,
    protocol: u8,
}

/// State of a run over one or more streams.
pub(crate) struct Machine<'a> {
    pub(crate) input: Input<'a>,
    pub(crate) reading: Reading,
    pub(crate) store: Store,
    pub(crate) globals: Globals,
    pub(crate) folded: Folded,
    pub(crate) memo: Memo,
    pub(crate) stack: Vec<Value>,
    pub(crate) marks: Vec<u32>,
    pub(crate) protocol: u8,
    pub(crate) stream: u32,
    pub(crate) broken: Option<u64>,
    /// Offset of the opcode that is carried out.
    pub(crate) at: u64,
    /// Copyreg's extension registry, as far as the file fills it.
    pub(crate) extensions: HashMap<i64, (String, String)>,
    /// Arrays that were skipped.
    pub(crate) arrays_skipped: u64,
    /// Layouts of dtype objects: a file makes one and refers to it for the rest of its length, long after its node is gone.
    pub(crate) dtypes: HashMap<Value, array::Layout>,
    pub(crate) array_unknown: Option<u64>,
    suspended: Vec<Suspended>,
    pub(crate) frame_end: u64,
    pub(crate) frame_crossed: bool,
    /// The line of a name had no line feed.
    pub(crate) cut_line: Option<Short>,
    errors: u32,
    /// Values that did not fit on the stack, and whether one of them mattered.
    pub(crate) dropped: u64,
    pub(crate) stack_lost: bool,
    odd: u32,
    pub(crate) names: NameCache,
    pub(crate) recent: Recent,
}

/// The last global that was looked up through the same two operands, so that a file that names one class a million times
/// does not read the name a million times.
#[derive(Default)]
pub(crate) struct NameCache {
    slots: Vec<(Value, Value, u8, Value)>,
}

/// The memo entries made last: a string that turns out to be a name is pinned.
#[derive(Default)]
pub(crate) struct Recent {
    entries: [(u64, u64); 8],
    next: usize,
}

/// A view on the machine; a macro, because a method would borrow all of it.
macro_rules! view {
    ($m:expr) => {
        $crate::view::View {
            input: &$m.input,
            store: &$m.store,
            globals: &$m.globals,
            folded: &$m.folded,
            stack: &$m.stack,
            protocol: $m.protocol,
            stream: $m.stream,
            broken: $m.broken,
        }
    };
}
pub(crate) use view;

impl<'a> Machine<'a> {
    /// A machine at the start of a range.
    pub(crate) fn new(artifact: &'a dyn Artifact, span: Span, reading: Reading) -> Self {
        Self {
            input: Input::new(artifact, span),
            reading,
            store: Store::new(),
            globals: Globals::default(),
            folded: Folded::default(),
            memo: Memo::default(),
            stack: Vec::new(),
            marks: Vec::new(),
            protocol: 0,
            stream: 0,
            broken: None,
            at: span.offset,
            extensions: HashMap::new(),
            arrays_skipped: 0,
            dtypes: HashMap::new(),
            array_unknown: None,
            suspended: Vec::new(),
            frame_end: u64::MAX,
            frame_crossed: false,
            cut_line: None,
            errors: 0,
            dropped: 0,
            stack_lost: false,
            odd: 0,
            names: NameCache::default(),
            recent: Recent::default(),
        }
    }

    /// Makes ready for the next stream. Globals and the extension registry stay: they belong to the process that loads.
    pub(crate) fn reset(&mut self) {
        self.store.clear();
        self.memo.clear();
        self.stack.clear();
        self.marks.clear();
        self.suspended.clear();
        self.protocol = 0;
        self.broken = None;
        self.frame_end = u64::MAX;
        self.input.honour_frame(0);
        self.errors = 0;
        self.dropped = 0;
        self.odd = 0;
        self.names.slots.clear();
        self.dtypes.clear();
    }

    /// An argument crossed the end of its frame somewhere.
    pub(crate) fn frame_crossed(&self) -> bool {
        self.frame_crossed
    }

    /// Runs one stream from the input's position.
    pub(crate) fn run(&mut self, observer: &mut dyn Observer) -> End {
        observer.start(&view!(self), self.input.position());
        loop {
            self.at = self.input.position();
            if self.at >= self.frame_end {
                self.leave_frame(observer);
            }
            let Some(opcode) = self.input.byte() else {
                self.end_of_data(observer);
                return End::Data;
            };
            let outcome = match opcode {
                // The opcodes of which big files consist come first and touch nothing but the stack.
                op::MEMOIZE => self.memoize(),
                op::BINPUT => self.binput(),
                op::SHORT_BINUNICODE => self.counted(1, Kind::Str, observer),
                op::BINUNICODE => self.counted(4, Kind::Str, observer),
                op::BININT1 => self.number::<1>(|b| i64::from(b[0])),
                op::BININT2 => self.number::<2>(|b| i64::from(u16::from_le_bytes(b))),
                op::BININT => self.number::<4>(|b| i64::from(i32::from_le_bytes(b))),
                op::BINFLOAT => self.binfloat(),
                op::BINGET => self.binget(),
                op::NONE => self.push(Value::NONE),
                op::NEWTRUE => self.push(Value::bool(true)),
                op::NEWFALSE => self.push(Value::bool(false)),
                op::MARK => self.mark(observer),
                op::TUPLE1 => self.small_tuple(1),
                op::TUPLE2 => self.small_tuple(2),
                op::TUPLE3 => self.small_tuple(3),
                op::EMPTY_TUPLE => self.push(Value::EMPTY_TUPLE),
                op::EMPTY_LIST => self.empty(Kind::List),
                op::EMPTY_DICT => self.empty(Kind::Dict),
                op::EMPTY_SET => self.empty(Kind::Set),
                op::STOP => {
                    if self.resume() {
                        Ok(())
                    } else {
                        let value = self.stack.last().copied().unwrap_or(Value::UNKNOWN);
                        if self.stack.is_empty() {
                            self.error("nothing is on the stack at STOP".to_owned(), false, observer);
                        }
                        self.check_frame_at_stop(observer);
                        observer.stop(&view!(self), value, self.input.position());
                        return End::Stop;
                    }
                }
                other => self.rare(other, observer),
            };
            if let Err(fault) = outcome
                && let Some(end) = self.fault(fault, observer)
            {
                return end;
            }
        }
    }

    fn rare(&mut self, opcode: u8, observer: &mut dyn Observer) -> Result<(), Fault> {
        match opcode {
            op::POP => self.discard(),
            op::POP_MARK => {
                let mark = self.pop_mark()?;
                self.stack.truncate(mark);
                Ok(())
            }
            op::DUP => {
                let top = self.stack.last().copied();
                self.push(top.unwrap_or(Value::UNKNOWN))?;
                top.map(|_| ()).ok_or(Fault::Soft("DUP on an empty stack"))
            }
            op::INT | op::LONG => self.line_number(),
            op::FLOAT => {
                self.input.line()?;
                self.push(Value::new(Kind::Float, self.at))
            }
            op::LONG1 => self.long(1),
            op::LONG4 => self.long(4),
            op::STRING | op::UNICODE => self.line_text(observer),
            op::BINSTRING => self.counted(4, Kind::Str, observer),
            op::SHORT_BINSTRING => self.counted(1, Kind::Str, observer),
            op::BINUNICODE8 => self.counted(8, Kind::Str, observer),
            op::BINBYTES => self.counted(4, Kind::Bytes, observer),
            op::SHORT_BINBYTES => self.counted(1, Kind::Bytes, observer),
            op::BINBYTES8 | op::BYTEARRAY8 => self.counted(8, Kind::Bytes, observer),
            op::NEXT_BUFFER => self.push(Value::new(Kind::Buffer, self.at)),
            op::READONLY_BUFFER => Ok(()),
            op::LIST => self.collect(Kind::List),
            op::TUPLE => self.collect(Kind::Tuple),
            op::DICT => self.collect(Kind::Dict),
            op::FROZENSET => self.collect(Kind::Set),
            op::APPEND | op::SETITEM | op::APPENDS | op::SETITEMS | op::ADDITEMS => self.insert(opcode, observer),
            op::PUT => {
                let index = self.line_index()?;
                self.put(index, observer)
            }
            op::LONG_BINPUT => {
                let index = u64::from(u32::from_le_bytes(self.input.array()?));
                self.put(index, observer)
            }
            op::GET => {
                let index = self.line_index()?;
                self.get(index)
            }
            op::LONG_BINGET => {
                let index = u64::from(u32::from_le_bytes(self.input.array()?));
                self.get(index)
            }
            op::GLOBAL => self.global(observer),
            op::STACK_GLOBAL => self.stack_global(observer),
            op::INST => self.inst(observer),
            op::OBJ => self.obj(observer),
            op::REDUCE => self.reduce(observer),
            op::NEWOBJ | op::NEWOBJ_EX => self.new_object(opcode, observer),
            op::BUILD => self.build(observer),
            op::PERSID | op::BINPERSID => self.persistent(opcode, observer),
            op::EXT1 => {
                let [code] = self.input.array()?;
                self.extension(i64::from(code), observer)
            }
            op::EXT2 => {
                let code = u16::from_le_bytes(self.input.array()?);
                self.extension(i64::from(code), observer)
            }
            op::EXT4 => {
                let code = i32::from_le_bytes(self.input.array()?);
                self.extension(i64::from(code), observer)
            }
            op::PROTO => {
                let [version] = self.input.array()?;
                if version > 5 {
                    self.odd(Oddity::UnknownProtocol(version), 1, observer);
                }
                self.protocol = version;
                Ok(())
            }
            op::FRAME => self.frame(observer),
            other => Err(Fault::Opcode(other)),
        }
    }

    // -- errors

    /// Some(end): the stream is over.
    fn fault(&mut self, fault: Fault, observer: &mut dyn Observer) -> Option<End> {
        match fault {
            Fault::Short(short) => {
                // The C loader may go on: what it reads stands behind the frame.
                if self.frame_end <= self.input.end() && self.at < self.frame_end && !self.reading.frames {
                    self.frame_crossed = true;
                }
                let name = op::name(self.input.read_at(self.at, 1).first().copied().unwrap_or_default());
                if short.wanted >= HUGE_LENGTH
                    && short.wanted / 64 > self.input.end().saturating_sub(self.input.start())
                {
                    self.odd(Oddity::HugeLength(short.wanted), 2, observer);
                }
                let reason = if short.wanted == short.available.saturating_add(1) {
                    format!("the argument of {name} ends behind the data")
                } else {
                    format!("{name} wants {} bytes, {} are left", short.wanted, short.available)
                };
                self.error(reason, true, observer);
                // Nothing can be read behind a length that no loader gets past.
                return Some(End::Data);
            }
            Fault::Soft(reason) => self.error(reason.to_owned(), false, observer),
            Fault::Opcode(byte) => self.error(format!("byte {byte:#04x} is no opcode"), false, observer),
        }
        self.errors += 1;
        (self.reading.strict || self.errors > ERRORS).then_some(End::Lost)
    }

    pub(crate) fn error(&mut self, reason: String, truncated: bool, observer: &mut dyn Observer) {
        if self.broken.is_none() {
            observer.error(&view!(self), &LoadError { offset: self.at, reason, truncated });
            self.broken = Some(self.at);
        }
    }

    fn end_of_data(&mut self, observer: &mut dyn Observer) {
        self.error("the data ends before STOP".to_owned(), true, observer);
    }

    /// Tells an oddity, each kind once a stream.
    pub(crate) fn odd(&mut self, oddity: Oddity, bit: u32, observer: &mut dyn Observer) {
        if self.odd & (1 << bit) == 0 {
            self.odd |= 1 << bit;
            observer.odd(&view!(self), oddity, self.at);
        }
    }

    // -- nested streams

    /// Sets the stream aside and begins another one right here (an array of objects of joblib). At most one waits: joblib
    /// loads the nested pickle with the plain unpickler, which knows no arrays.
    pub(crate) fn suspend(&mut self) -> bool {
        if !self.suspended.is_empty() {
            return false;
        }
        self.suspended.push(Suspended {
            stack: std::mem::take(&mut self.stack),
            marks: std::mem::take(&mut self.marks),
            memo: std::mem::take(&mut self.memo),
            protocol: std::mem::take(&mut self.protocol),
        });
        self.names.slots.clear();
        true
    }

    /// A nested stream is running.
    pub(crate) fn nested(&self) -> bool {
        !self.suspended.is_empty()
    }

    /// After `STOP`: goes on with the stream that waits, if there is one.
    fn resume(&mut self) -> bool {
        let Some(outer) = self.suspended.pop() else { return false };
        self.stack = outer.stack;
        self.marks = outer.marks;
        self.memo = outer.memo;
        self.protocol = outer.protocol;
        self.names.slots.clear();
        self.forget_frame();
        true
    }

    // -- names

    /// A global by the operands of `STACK_GLOBAL`, if they were looked up a moment ago.
    pub(crate) fn cached_name(&self, module: Value, name: Value) -> Option<Value> {
        let slot = self.names.slots.get(NameCache::slot(module, name))?;
        (slot.0 == module && slot.1 == name && slot.2 == self.protocol).then_some(slot.3)
    }

    /// Keeps the answer for [`Self::cached_name`].
    pub(crate) fn cache_name(&mut self, module: Value, name: Value, global: Value) {
        if self.names.slots.is_empty() {
            self.names.slots.resize(NameCache::SLOTS, (Value::UNKNOWN, Value::UNKNOWN, 0, Value::UNKNOWN));
        }
        let protocol = self.protocol;
        if let Some(slot) = self.names.slots.get_mut(NameCache::slot(module, name)) {
            *slot = (module, name, protocol, global);
        }
        // Names are used again: keep them whole even where the memo keeps kinds only.
        for (index, raw) in self.recent.entries {
            if raw == module.raw() || raw == name.raw() {
                self.memo.pin(index, Value::from_raw(raw));
            }
        }
    }
}

impl NameCache {
    const SLOTS: usize = 256;

    fn slot(module: Value, name: Value) -> usize {
        let mixed = (module.raw() ^ name.raw().rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 56) as usize % Self::SLOTS
    }
}

impl Recent {
    #[inline]
    pub(crate) fn add(&mut self, index: u64, value: Value) {
        if let Some(slot) = self.entries.get_mut(self.next % 8) {
            *slot = (index, value.raw());
        }
        self.next = self.next.wrapping_add(1);
    }
}
