//! The walk over an artifact.

use modelaudit_plugin::{Artifact, READ_LIMIT, Span};

use crate::{LARGEST_NUMBER, Wire};

/// Fields that one walker visits. The graphs of real models have some millions.
const MAX_STEPS: u64 = 20_000_000;
/// What is read at a jump, and what it grows to while fields follow each other.
const FIRST_WINDOW: u32 = 2 << 10;
const LARGEST_WINDOW: u32 = 64 << 10;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number; signed ones are its two's complement.
    Varint(u64),
    /// Eight bytes.
    Fixed64([u8; 8]),
    /// Four bytes.
    Fixed32([u8; 4]),
    /// Where the bytes stand. They may reach beyond the end of the file, see [`Message::end`].
    Bytes(Span),
}

/// A field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its number in the schema.
    pub number: u32,
    /// Its value.
    pub value: Value,
    /// Offset of its key.
    pub at: u64,
}

impl Field {
    /// The bytes of the value; an empty range at the field for numbers.
    pub fn span(&self) -> Span {
        match self.value {
            Value::Bytes(span) => span,
            _ => Span::new(self.at, 0),
        }
    }

    /// The number, if it is one.
    pub fn varint(&self) -> Option<u64> {
        match self.value {
            Value::Varint(n) => Some(n),
            _ => None,
        }
    }

    /// The bytes, if the value is text, bytes, a message or a packed list.
    pub fn bytes(&self) -> Option<Span> {
        match self.value {
            Value::Bytes(span) => Some(span),
            _ => None,
        }
    }
}

/// A message that is being walked: a position and an end. Cheap to copy, so a caller may keep many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    position: u64,
    /// Where it ends by its own length; `u64::MAX` for the file itself, which has none.
    end: u64,
}

impl Message {
    /// The message that these bytes are.
    pub const fn over(span: Span) -> Self {
        Self { position: span.offset, end: span.end() }
    }

    /// Offset of the next field.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Where it ends by its own length, which may be beyond the end of a file that was cut off.
    pub const fn end(&self) -> u64 {
        self.end
    }
}

/// Bytes that are no protobuf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Where.
    pub at: u64,
    /// What, in half a sentence.
    pub what: String,
    /// True if only the budget of fields is spent; then the bytes may be in order.
    pub budget: bool,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at offset {}", self.what, self.at)
    }
}

impl std::error::Error for Malformed {}

/// Goes from field to field. See the crate.
pub struct Walker<'a> {
    artifact: &'a dyn Artifact,
    size: u64,
    window: Vec<u8>,
    window_at: u64,
    next_window: u32,
    steps: u64,
    cut: bool,
}

impl<'a> Walker<'a> {
    /// A walker over an artifact.
    pub fn new(artifact: &'a dyn Artifact) -> Self {
        Self {
            artifact,
            size: artifact.size(),
            window: Vec::new(),
            window_at: 0,
            next_window: FIRST_WINDOW,
            steps: 0,
            cut: false,
        }
    }

    /// The artifact as one message.
    pub fn root(&self) -> Message {
        Message { position: 0, end: u64::MAX }
    }

    /// True once a message or value was met that reaches beyond the end of the file: the download broke off.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// The next field, None at the end of the message (or of the file: see [`Self::is_cut`]).
    ///
    /// # Errors
    /// The bytes are no protobuf, or the budget is spent. The position stays at the field.
    pub fn next(&mut self, message: &mut Message) -> Result<Option<Field>, Malformed> {
        let at = message.position;
        let limit = message.end.min(self.size);
        if at >= limit {
            self.cut |= message.end > self.size && message.end != u64::MAX;
            return Ok(None);
        }
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(Malformed { at, what: format!("more than {MAX_STEPS} fields"), budget: true });
        }
        let Some(key) = self.varint(&mut message.position, message.end, at)? else { return Ok(None) };
        let number = key >> 3;
        if number == 0 || number > LARGEST_NUMBER {
            message.position = at;
            return Err(malformed(at, format!("field number {number} is not allowed")));
        }
        let Some(wire) = Wire::of(key) else {
            message.position = at;
            return Err(malformed(at, format!("field {number} has wire type {}", key & 7)));
        };
        let value = match wire {
            Wire::Varint => match self.varint(&mut message.position, message.end, at)? {
                Some(number) => Value::Varint(number),
                None => return Ok(None),
            },
            Wire::Fixed64 => match self.fixed(message, at)? {
                Some(bytes) => Value::Fixed64(bytes),
                None => return Ok(None),
            },
            Wire::Fixed32 => match self.fixed(message, at)? {
                Some(bytes) => Value::Fixed32(bytes),
                None => return Ok(None),
            },
            Wire::Bytes => {
                let Some(length) = self.varint(&mut message.position, message.end, at)? else { return Ok(None) };
                let span = Span::new(message.position, length);
                if length > message.end - message.position || span.offset.checked_add(length).is_none() {
                    message.position = at;
                    return Err(malformed(at, format!("field {number} of {length} bytes leaves its message")));
                }
                message.position = span.end();
                self.cut |= span.end() > self.size;
                Value::Bytes(span)
            }
        };
        Ok(Some(Field { number: number as u32, value, at }))
    }

    /// A varint inside `end`; None (and cut) where the file ends first.
    fn varint(&mut self, position: &mut u64, end: u64, field: u64) -> Result<Option<u64>, Malformed> {
        let start = *position;
        let mut value = 0u64;
        for index in 0..10u32 {
            if *position >= end {
                *position = field;
                return Err(malformed(start, "a number leaves its message".to_owned()));
            }
            let Some(byte) = self.byte(*position) else {
                self.cut = true;
                *position = self.size;
                return Ok(None);
            };
            *position += 1;
            // The tenth byte holds one bit; readers drop the others.
            value |= u64::from(byte & 0x7f).checked_shl(7 * index).unwrap_or(0);
            if byte < 0x80 {
                return Ok(Some(value));
            }
        }
        *position = field;
        Err(malformed(start, "a number has more than ten bytes".to_owned()))
    }

    fn fixed<const N: usize>(&mut self, message: &mut Message, field: u64) -> Result<Option<[u8; N]>, Malformed> {
        let at = message.position;
        if message.end - at < N as u64 {
            message.position = field;
            return Err(malformed(at, "a number leaves its message".to_owned()));
        }
        let mut bytes = [0; N];
        for (index, slot) in bytes.iter_mut().enumerate() {
            let Some(byte) = self.byte(at + index as u64) else {
                self.cut = true;
                message.position = self.size;
                return Ok(None);
            };
            *slot = byte;
        }
        message.position = at + N as u64;
        Ok(Some(bytes))
    }

    #[inline]
    fn byte(&mut self, offset: u64) -> Option<u8> {
        let inside = offset.wrapping_sub(self.window_at);
        if inside < self.window.len() as u64 {
            return self.window.get(inside as usize).copied();
        }
        if offset >= self.size {
            return None;
        }
        // Fields that follow each other are read in growing blocks, a jump over a payload starts with a small one again.
        let follows = inside == self.window.len() as u64;
        self.next_window = if follows { (self.next_window * 2).min(LARGEST_WINDOW) } else { FIRST_WINDOW };
        self.window = self.artifact.read(offset, self.next_window);
        self.window_at = offset;
        self.window.first().copied()
    }

    /// The first `limit` bytes of a range (at most 1 MiB), fewer where the file ends.
    pub fn read(&mut self, span: Span, limit: u32) -> Vec<u8> {
        let span = span.within(self.size);
        let length = span.length.min(u64::from(limit.min(READ_LIMIT)));
        let inside = span.offset.wrapping_sub(self.window_at);
        if inside < self.window.len() as u64
            && let Some(bytes) = self.window.get(inside as usize..(inside + length) as usize)
        {
            return bytes.to_vec();
        }
        if length == 0 { Vec::new() } else { self.artifact.read(span.offset, length as u32) }
    }

    /// The first `limit` bytes of a range as text, with what is no UTF-8 replaced.
    pub fn text(&mut self, span: Span, limit: u32) -> String {
        String::from_utf8_lossy(&self.read(span, limit)).into_owned()
    }

    /// The numbers of a repeated field that may be packed; at most `limit` of them are appended to `out`, the others counted off.
    ///
    /// # Errors
    /// The packed bytes are no numbers.
    pub fn varints(&mut self, field: &Field, limit: usize, out: &mut Vec<u64>) -> Result<(), Malformed> {
        match field.value {
            Value::Varint(number) if out.len() < limit => out.push(number),
            Value::Bytes(span) => {
                let mut position = span.offset;
                while position < span.end().min(self.size) && out.len() < limit {
                    let Some(number) = self.varint(&mut position, span.end(), span.offset)? else { break };
                    out.push(number);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn malformed(at: u64, what: String) -> Malformed {
    Malformed { at, what, budget: false }
}

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::Memory;

    use super::*;

    fn all(bytes: &[u8]) -> (Vec<(u32, Value)>, Option<Malformed>, bool) {
        let artifact = Memory::new("x", bytes);
        let mut walker = Walker::new(&artifact);
        let mut root = walker.root();
        let mut fields = Vec::new();
        loop {
            match walker.next(&mut root) {
                Ok(Some(field)) => fields.push((field.number, field.value)),
                Ok(None) => return (fields, None, walker.is_cut()),
                Err(error) => return (fields, Some(error), walker.is_cut()),
            }
        }
    }

    #[test]
    fn every_wire_type_is_read() {
        let (fields, error, cut) = all(b"\x08\x96\x01\x11\x01\x02\x03\x04\x05\x06\x07\x08\x1a\x02ab\x25\x01\0\0\0");
        assert_eq!((error, cut), (None, false));
        assert_eq!(fields[0], (1, Value::Varint(150)));
        assert_eq!(fields[1], (2, Value::Fixed64([1, 2, 3, 4, 5, 6, 7, 8])));
        assert_eq!(fields[2], (3, Value::Bytes(Span::new(14, 2))));
        assert_eq!(fields[3], (4, Value::Fixed32([1, 0, 0, 0])));
    }

    #[test]
    fn what_is_no_protobuf_is_told() {
        for bytes in [b"\x00\x01".as_slice(), b"\x0b\x0c", b"\x0e", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"]
        {
            assert!(all(bytes).1.is_some(), "{bytes:?}");
        }
        // 2^64 - 1 bytes from here on.
        let (_, error, _) = all(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01ab");
        assert!(error.is_some());
    }

    #[test]
    fn a_file_that_ends_early_is_cut_and_not_malformed() {
        for bytes in [b"\x08".as_slice(), b"\x08\x80", b"\x0a\x05ab", b"\x25\x01", b"\x0a"] {
            let (_, error, cut) = all(bytes);
            assert_eq!((error, cut), (None, true), "{bytes:?}");
        }
        // The inner message is complete by its own length, its field is not: that is no cut.
        let artifact = Memory::new("x", b"\x0a\x02\x0a\x05");
        let mut walker = Walker::new(&artifact);
        let mut root = walker.root();
        let span = walker.next(&mut root).unwrap().unwrap().span();
        assert!(walker.next(&mut Message::over(span)).is_err());
        // The outer one is cut, so the inner one is, too.
        let artifact = Memory::new("x", b"\x0a\x20\x0a\x05ab");
        let mut walker = Walker::new(&artifact);
        let mut root = walker.root();
        let span = walker.next(&mut root).unwrap().unwrap().span();
        let mut inner = Message::over(span);
        assert_eq!(walker.next(&mut inner).unwrap().unwrap().span(), Span::new(4, 5));
        assert_eq!(walker.next(&mut inner), Ok(None));
        assert!(walker.is_cut());
    }

    #[test]
    fn packed_and_single_numbers_are_one_list() {
        let artifact = Memory::new("x", b"\x0a\x03\x01\x80\x01\x08\x05");
        let mut walker = Walker::new(&artifact);
        let mut root = walker.root();
        let mut out = Vec::new();
        while let Some(field) = walker.next(&mut root).unwrap() {
            walker.varints(&field, 10, &mut out).unwrap();
        }
        assert_eq!(out, [1, 128, 5]);
    }

    #[test]
    fn payload_is_not_read() {
        let mut bytes = Vec::new();
        for _ in 0..100 {
            bytes.extend(b"\x0a\x80\x80\x40");
            bytes.resize(bytes.len() + (1 << 20), 7);
        }
        let artifact = Memory::new("x", &bytes);
        let mut walker = Walker::new(&artifact);
        let mut root = walker.root();
        let mut fields = 0;
        while walker.next(&mut root).unwrap().is_some() {
            fields += 1;
        }
        assert_eq!(fields, 100);
        assert!(artifact.served() <= 102 * u64::from(FIRST_WINDOW), "{}", artifact.served());
    }
}
