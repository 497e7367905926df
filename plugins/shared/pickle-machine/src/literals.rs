//! Opcodes that push constants. Payloads are skipped: a value is the offset of its opcode.

use modelaudit_plugin::Span;

use crate::constant;
use crate::machine::{Fault, Machine, view};
use crate::opcode as op;
use crate::value::{Kind, Value};
use crate::view::{Blob, Observer};

/// Constants of at least this many bytes may be a pickle.
const BLOB: u64 = 16;

impl Machine<'_> {
    // -- constants

    #[inline]
    pub(crate) fn number<const N: usize>(&mut self, decode: impl Fn([u8; N]) -> i64) -> Result<(), Fault> {
        let bytes = self.input.array::<N>()?;
        self.push(Value::int(decode(bytes)).unwrap_or(Value::UNKNOWN))
    }

    #[inline]
    pub(crate) fn binfloat(&mut self) -> Result<(), Fault> {
        self.input.payload(8)?;
        self.push(Value::new(Kind::Float, self.at))
    }

    pub(crate) fn line_number(&mut self) -> Result<(), Fault> {
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

    pub(crate) fn long(&mut self, width: u8) -> Result<(), Fault> {
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
    pub(crate) fn counted(&mut self, width: u8, kind: Kind, observer: &mut dyn Observer) -> Result<(), Fault> {
        let length = match width {
            1 => u64::from(self.input.array::<1>()?[0]),
            4 => u64::from(u32::from_le_bytes(self.input.array()?)),
            _ => u64::from_le_bytes(self.input.array()?),
        };
        if length >= BLOB {
            return self.long_constant(width, length, kind, observer);
        }
        let begin = if kind == Kind::Bytes { self.input.raw_payload(length)? } else { self.input.payload(length)? };
        if self.reading.frames && begin != self.at + 1 + u64::from(width) {
            return self.displaced(begin, length, kind);
        }
        self.push(Value::new(kind, self.at))
    }

    pub(crate) fn long_constant(
        &mut self,
        width: u8,
        length: u64,
        kind: Kind,
        observer: &mut dyn Observer,
    ) -> Result<(), Fault> {
        let begin = self.input.position();
        let suspicious = length <= self.input.remaining() && crate::blob::hint(self.input.peek(64));
        let payload = if kind == Kind::Bytes { self.input.raw_payload(length)? } else { self.input.payload(length)? };
        // Its header may have crossed the frame's end already.
        if payload != self.at + 1 + u64::from(width) {
            return self.displaced(payload, length, kind);
        }
        let value = Value::new(kind, self.at);
        if suspicious {
            observer.blob(&view!(self), &Blob { value, span: Span::new(begin, length) });
        }
        self.push(value)
    }

    /// A constant that does not follow its header (see [`Reading::frames`]): its content can't be found by the opcode's offset.
    pub(crate) fn displaced(&mut self, begin: u64, length: u64, kind: Kind) -> Result<(), Fault> {
        let bytes = self.input.read_at(begin, length.min(crate::folded::ONE as u64));
        let kind = if kind == Kind::Bytes { Kind::FoldedBytes } else { Kind::FoldedStr };
        self.folded_text(kind, bytes)
    }

    fn folded_text(&mut self, kind: Kind, bytes: Vec<u8>) -> Result<(), Fault> {
        let value = self.folded.add(kind, bytes).unwrap_or(Value::UNKNOWN);
        self.push(value)
    }

    pub(crate) fn line_text(&mut self, observer: &mut dyn Observer) -> Result<(), Fault> {
        let (begin, length) = self.input.line()?;
        if self.reading.frames && begin != self.at + 1 {
            // The escapes count wherever the loader finds the line.
            let opcode = self.input.read_at(self.at, 1).first().copied().unwrap_or(op::UNICODE);
            let line = self.input.read_at(begin, length.min(crate::folded::ONE as u64));
            return self.folded_text(Kind::FoldedStr, constant::unescape(opcode, &line));
        }
        let value = Value::new(Kind::Str, self.at);
        if length >= BLOB && crate::blob::hint_in_line(&self.input.read_at(begin, 16)) {
            observer.blob(&view!(self), &Blob { value, span: Span::new(begin, length) });
        }
        self.push(value)
    }
}
