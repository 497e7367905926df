//! The machine: decodes opcodes and keeps stack, marks, memo, protocol and frames as the loaders do.
//!
//! It accepts what the most permissive of CPython's loaders accepts (pickle-family 1.3) and never stops where one of them
//! goes on. Where all of them stop, it tells the observer, puts an unknown value in the place of what is missing and goes
//! on: what was called before an error has already run, and what comes after it may be what another reader sees.

use std::collections::HashMap;

use modelaudit_plugin::{Artifact, Span};

use crate::constant;
use crate::folded::Folded;
use crate::globals::Globals;
use crate::input::{Input, Short};
use crate::memo::{Entry, Memo};
use crate::opcode as op;
use crate::store::{Holds, Store};
use crate::value::{Kind, Value};
use crate::view::{Blob, LoadError, Observer, Oddity};

/// Values on the stack that are kept; picklers flush every thousand items, so a deep stack is one huge tuple or an attack.
const STACK: usize = 3 << 20;
/// Marks that are kept.
const MARKS: usize = 1 << 20;
/// Load errors in one stream after which the bytes are taken for something else than opcodes.
const ERRORS: u32 = 96;
/// A name longer than this is none.
pub(crate) const NAME: u64 = 8 << 10;
/// The C loader allocates sixteen bytes per unit of the largest memo index: from here on a gigabyte.
const HUGE_INDEX: u64 = 1 << 26;
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
    marks: Vec<u32>,
    pub(crate) protocol: u8,
    pub(crate) stream: u32,
    pub(crate) broken: Option<u64>,
    /// Offset of the opcode that is carried out.
    pub(crate) at: u64,
    /// Copyreg's extension registry, as far as the file fills it.
    pub(crate) extensions: HashMap<i64, (String, String)>,
    /// Where the last array was skipped: a strict pass without arrays ends behind its first error there.
    pub(crate) arrays_skipped: u64,
    pub(crate) array_unknown: Option<u64>,
    suspended: Vec<Suspended>,
    frame_end: u64,
    frame_crossed: bool,
    /// The line of a name had no line feed.
    pub(crate) cut_line: Option<Short>,
    errors: u32,
    /// Values that did not fit on the stack.
    dropped: u64,
    odd: u32,
    names: NameCache,
    recent: Recent,
}

/// The last global that was looked up through the same two operands, so that a file that names one class a million times
/// does not read the name a million times.
#[derive(Default)]
struct NameCache {
    slots: Vec<(Value, Value, u8, Value)>,
}

/// The memo entries made last: a string that turns out to be a name is pinned.
#[derive(Default)]
struct Recent {
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
            array_unknown: None,
            suspended: Vec::new(),
            frame_end: u64::MAX,
            frame_crossed: false,
            cut_line: None,
            errors: 0,
            dropped: 0,
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

    fn error(&mut self, reason: String, truncated: bool, observer: &mut dyn Observer) {
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

    // -- stack

    #[inline]
    pub(crate) fn push(&mut self, value: Value) -> Result<(), Fault> {
        if self.stack.len() >= STACK {
            // Plain constants of a huge tuple need not be kept; something that is called later must not vanish silently.
            self.dropped += 1;
            return if value.is_constant() {
                Ok(())
            } else {
                Err(Fault::Soft("more values on the stack than are kept"))
            };
        }
        self.stack.push(value);
        Ok(())
    }

    /// Takes the top. Below a mark there is nothing to take (the C loader says "unexpected MARK found").
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Value> {
        if self.dropped > 0 {
            self.dropped -= 1;
            return Some(Value::UNKNOWN);
        }
        if self.marks.last().is_some_and(|&mark| mark as usize >= self.stack.len()) {
            // The permissive way on: the mark is in the way, take it out.
            self.marks.pop();
            return None;
        }
        self.stack.pop()
    }

    fn mark(&mut self, observer: &mut dyn Observer) -> Result<(), Fault> {
        if self.marks.len() >= MARKS {
            self.odd(Oddity::DeepStack, 3, observer);
            return Err(Fault::Soft("more marks than are kept"));
        }
        self.marks.push(self.stack.len() as u32);
        Ok(())
    }

    /// Where the items above the last mark begin; removes the mark.
    pub(crate) fn pop_mark(&mut self) -> Result<usize, Fault> {
        let dropped = std::mem::take(&mut self.dropped);
        match self.marks.pop() {
            Some(mark) => {
                let _ = dropped;
                let mark = (mark as usize).min(self.stack.len());
                Ok(mark)
            }
            None => Err(Fault::Soft("no mark on the stack")),
        }
    }

    /// The items above the last mark, taken off.
    pub(crate) fn above_mark(&mut self) -> Result<Vec<Value>, Fault> {
        let mark = self.pop_mark()?;
        Ok(self.stack.split_off(mark))
    }

    fn discard(&mut self) -> Result<(), Fault> {
        if self.dropped == 0 && self.marks.last().is_some_and(|&mark| mark as usize == self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(|_| ()).ok_or(Fault::Soft("POP on an empty stack"))
    }

    #[inline]
    fn empty(&mut self, kind: Kind) -> Result<(), Fault> {
        let value = self.store.container(kind, &[], self.at, Holds::NOTHING);
        self.push(value)
    }

    /// What the values hold together. Constants are by far the most and cost a comparison.
    #[inline]
    pub(crate) fn holds_of(&self, values: &[Value]) -> Holds {
        let mut holds = Holds { weight: values.len() as u64, ..Holds::NOTHING };
        for value in values {
            if !value.is_constant() {
                holds.add(view!(self).holds(*value));
            }
        }
        holds
    }

    #[inline]
    fn small_tuple(&mut self, length: usize) -> Result<(), Fault> {
        let floor = self.marks.last().map_or(0, |&m| m as usize);
        if self.dropped == 0
            && let Some(begin) = self.stack.len().checked_sub(length)
            && begin >= floor
        {
            let holds = self.holds_of(self.stack.get(begin..).unwrap_or_default());
            let items = self.stack.get(begin..).unwrap_or_default();
            let tuple = self.store.container(Kind::Tuple, items, self.at, holds);
            self.stack.truncate(begin);
            return self.push(tuple);
        }
        let mut items: Vec<Value> = (0..length).map(|_| self.pop().unwrap_or(Value::UNKNOWN)).collect();
        items.reverse();
        let holds = self.holds_of(&items);
        let tuple = self.store.container(Kind::Tuple, &items, self.at, holds);
        self.push(tuple)?;
        Err(Fault::Soft("fewer values on the stack than the tuple takes"))
    }

    fn collect(&mut self, kind: Kind) -> Result<(), Fault> {
        let mark = match self.pop_mark() {
            Ok(mark) => mark,
            Err(fault) => {
                self.empty(kind)?;
                return Err(fault);
            }
        };
        let holds = self.holds_of(self.stack.get(mark..).unwrap_or_default());
        let items = self.stack.get(mark..).unwrap_or_default();
        let value = if items.is_empty() && kind == Kind::Tuple {
            Value::EMPTY_TUPLE
        } else {
            self.store.container(kind, items, self.at, holds)
        };
        self.stack.truncate(mark);
        self.push(value)
    }

    // -- constants

    #[inline]
    fn number<const N: usize>(&mut self, decode: impl Fn([u8; N]) -> i64) -> Result<(), Fault> {
        let bytes = self.input.array::<N>()?;
        self.push(Value::int(decode(bytes)).unwrap_or(Value::UNKNOWN))
    }

    #[inline]
    fn binfloat(&mut self) -> Result<(), Fault> {
        self.input.payload(8)?;
        self.push(Value::new(Kind::Float, self.at))
    }

    fn line_number(&mut self) -> Result<(), Fault> {
        let (begin, length) = self.input.line()?;
        let line = self.input.read_at(begin, length.min(64));
        let value = match line.as_slice() {
            b"00" => Value::bool(false),
            b"01" => Value::bool(true),
            _ => match constant::integer(&line).and_then(Value::int) {
                Some(value) => value,
                None => Value::new(Kind::BigInt, self.at),
            },
        };
        self.push(value)
    }

    fn long(&mut self, width: u8) -> Result<(), Fault> {
        let length = match width {
            1 => u64::from(self.input.array::<1>()?[0]),
            _ => match u64::try_from(i32::from_le_bytes(self.input.array()?)) {
                Ok(length) => length,
                Err(_) => return Err(Fault::Soft("LONG4 with a negative length")),
            },
        };
        if length <= 7 {
            let mut bytes = [0u8; 8];
            let begin = self.input.payload(length)?;
            let content = self.input.read_at(begin, length);
            for (to, from) in bytes.iter_mut().zip(&content) {
                *to = *from;
            }
            let shift = 64 - 8 * length as u32;
            let value = if length == 0 { 0 } else { i64::from_le_bytes(bytes) << shift >> shift };
            return self.push(Value::int(value).unwrap_or(Value::new(Kind::BigInt, self.at)));
        }
        self.input.payload(length)?;
        self.push(Value::new(Kind::BigInt, self.at))
    }

    #[inline]
    fn counted(&mut self, width: u8, kind: Kind, observer: &mut dyn Observer) -> Result<(), Fault> {
        let length = match width {
            1 => u64::from(self.input.array::<1>()?[0]),
            4 => u64::from(u32::from_le_bytes(self.input.array()?)),
            _ => u64::from_le_bytes(self.input.array()?),
        };
        if length >= 16 {
            return self.long_constant(length, kind, observer);
        }
        let begin = self.input.payload(length)?;
        if self.reading.frames && begin != self.at + 1 + u64::from(width) {
            return self.displaced(begin, length, kind);
        }
        self.push(Value::new(kind, self.at))
    }

    fn long_constant(&mut self, length: u64, kind: Kind, observer: &mut dyn Observer) -> Result<(), Fault> {
        let begin = self.input.position();
        let suspicious = length <= self.input.remaining() && crate::blob::hint(self.input.peek(16));
        let payload = self.input.payload(length)?;
        if payload != begin {
            return self.displaced(payload, length, kind);
        }
        let value = Value::new(kind, self.at);
        if suspicious {
            observer.blob(&view!(self), &Blob { value, span: Span::new(begin, length) });
        }
        self.push(value)
    }

    /// A constant that does not follow its header (see [`Reading::frames`]): its content can't be found by the opcode's offset.
    fn displaced(&mut self, begin: u64, length: u64, kind: Kind) -> Result<(), Fault> {
        let bytes = self.input.read_at(begin, length.min(crate::folded::ONE as u64));
        let kind = if kind == Kind::Bytes { Kind::FoldedBytes } else { Kind::FoldedStr };
        let value = self.folded.add(kind, bytes).unwrap_or(Value::UNKNOWN);
        self.push(value)
    }

    fn line_text(&mut self, observer: &mut dyn Observer) -> Result<(), Fault> {
        let (begin, length) = self.input.line()?;
        if self.reading.frames && begin != self.at + 1 {
            return self.displaced(begin, length, Kind::Str);
        }
        let value = Value::new(Kind::Str, self.at);
        if length >= 16 && crate::blob::hint_in_line(&self.input.read_at(begin, 16)) {
            observer.blob(&view!(self), &Blob { value, span: Span::new(begin, length) });
        }
        self.push(value)
    }

    // -- memo

    #[inline]
    fn memoize(&mut self) -> Result<(), Fault> {
        let index = self.memo.len();
        self.remember(index)
    }

    #[inline]
    fn binput(&mut self) -> Result<(), Fault> {
        let [index] = self.input.array()?;
        self.remember(u64::from(index))
    }

    #[inline]
    fn remember(&mut self, index: u64) -> Result<(), Fault> {
        let top = match self.stack.last() {
            Some(&top) if self.dropped == 0 => top,
            _ => {
                self.memo.put(index, Value::UNKNOWN);
                return if self.dropped > 0 { Ok(()) } else { Err(Fault::Soft("nothing on the stack to memoize")) };
            }
        };
        self.memo.put(index, top);
        if top.kind() == Kind::Str {
            self.recent.add(index, top);
        }
        Ok(())
    }

    fn line_index(&mut self) -> Result<u64, Fault> {
        let (begin, length) = self.input.line()?;
        let line = self.input.read_at(begin, length.min(64));
        let index = constant::integer(&line).and_then(|n| u64::try_from(n).ok());
        index.ok_or(Fault::Soft("the memo index is no natural number"))
    }

    fn put(&mut self, index: u64, observer: &mut dyn Observer) -> Result<(), Fault> {
        if index >= HUGE_INDEX && index / 8 > self.memo.len() {
            self.odd(Oddity::HugeMemoIndex(index), 4, observer);
        }
        self.remember(index)
    }

    #[inline]
    fn binget(&mut self) -> Result<(), Fault> {
        let [index] = self.input.array()?;
        self.get(u64::from(index))
    }

    #[inline]
    fn get(&mut self, index: u64) -> Result<(), Fault> {
        match self.memo.get(index) {
            Entry::Value(value) => self.push(value),
            Entry::Forgotten(kind @ (Kind::Tuple | Kind::List | Kind::Dict | Kind::Set)) => {
                // Without its contents it is still a container, and no object whose `append` would be called.
                let value = self.store.container(kind, &[], self.at, Holds::NOTHING);
                self.push(value)
            }
            Entry::Forgotten(_) => self.push(Value::FORGOTTEN),
            Entry::Missing => {
                self.push(Value::UNKNOWN)?;
                Err(Fault::Soft("the memo has no such entry"))
            }
        }
    }

    // -- frames

    fn frame(&mut self, observer: &mut dyn Observer) -> Result<(), Fault> {
        let length = u64::from_le_bytes(self.input.array()?);
        let begin = self.input.position();
        let end = begin.saturating_add(length);
        if end > self.input.end() {
            self.odd(Oddity::FrameBeyondEnd(length), 5, observer);
            self.frame_end = u64::MAX;
            self.input.honour_frame(0);
            return Ok(());
        }
        self.frame_end = end;
        if self.reading.frames {
            self.input.honour_frame(end);
        }
        Ok(())
    }

    /// The position reached the end of the frame, or went past it.
    fn leave_frame(&mut self, observer: &mut dyn Observer) {
        if self.at > self.frame_end && !self.reading.frames {
            self.frame_crossed = true;
            self.odd(Oddity::FrameCrossed, 6, observer);
        }
        self.forget_frame();
    }

    /// What follows is outside of any frame.
    pub(crate) fn forget_frame(&mut self) {
        self.frame_end = u64::MAX;
        self.input.honour_frame(0);
    }

    fn check_frame_at_stop(&mut self, observer: &mut dyn Observer) {
        let end = self.input.position();
        if self.frame_end != u64::MAX && self.frame_end > end {
            let length = self.frame_end - end;
            self.odd(Oddity::FrameBeyondEnd(length), 5, observer);
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
    fn add(&mut self, index: u64, value: Value) {
        if let Some(slot) = self.entries.get_mut(self.next % 8) {
            *slot = (index, value.raw());
        }
        self.next = self.next.wrapping_add(1);
    }
}
