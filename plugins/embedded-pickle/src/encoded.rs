//! A text of base64 or hexadecimal digits as the bytes that it stands for, decoded only as far as somebody reads.
//!
//! A gigabyte of base64 holds a thousand places that begin like an encoded pickle by chance. Nearly all of them make no sense after
//! a few dozen bytes, so those are all that is decoded of them.

use std::cell::RefCell;

use modelaudit_plugin::{Artifact, Hit, Span};

use crate::anchors::Form;

/// The most that is read at a time.
const NEXT: u32 = 64 << 10;

/// The decoded text from an offset on. Its size is what the text has at most: the digits may end before.
pub(crate) struct Encoded<'a> {
    artifact: &'a dyn Artifact,
    form: Form,
    /// Where the digits start in the artifact.
    start: u64,
    /// The most digits, with line ends, that are decoded.
    limit: u64,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    decoded: Vec<u8>,
    /// Characters that were read.
    taken: u64,
    bits: u32,
    count: u32,
    /// A backslash was read: a line end that JSON wrote as an escape follows, or the digits are over.
    escape: bool,
    ended: bool,
}

impl<'a> Encoded<'a> {
    /// The digits from `start` on, at most `limit` characters.
    pub(crate) fn new(artifact: &'a dyn Artifact, form: Form, start: u64, limit: u64) -> Self {
        Self { artifact, form, start, limit, state: RefCell::default() }
    }

    /// Characters that were read so far.
    pub(crate) fn taken(&self) -> u64 {
        self.state.borrow().taken
    }

    /// How many characters stand for the first `decoded` bytes.
    pub(crate) fn characters(&self, decoded: u64) -> u64 {
        let mut state = State::default();
        let mut characters = 0;
        while !state.ended && (state.decoded.len() as u64) < decoded {
            let block = self.artifact.read(self.start + characters, NEXT);
            if block.is_empty() {
                break;
            }
            for byte in block {
                if state.ended || state.decoded.len() as u64 >= decoded {
                    break;
                }
                state.push(self.form, byte);
                characters += 1;
            }
        }
        characters
    }

    /// Decodes until there are `length` bytes, or the digits end.
    fn decode(&self, length: u64) {
        let mut state = self.state.borrow_mut();
        while !state.ended && (state.decoded.len() as u64) < length {
            let missing = length - state.decoded.len() as u64;
            let window =
                missing.saturating_mul(2).clamp(64, NEXT.into()).min(self.limit.saturating_sub(state.taken)) as u32;
            let block = if window == 0 { Vec::new() } else { self.artifact.read(self.start + state.taken, window) };
            state.ended = block.is_empty();
            state.taken += block.len() as u64;
            for byte in block {
                if state.ended {
                    break;
                }
                state.push(self.form, byte);
            }
        }
    }
}

impl State {
    /// Takes a character. Python's decoders skip line ends; padding ends the text.
    fn push(&mut self, form: Form, byte: u8) {
        if self.escape {
            self.escape = false;
            self.ended = !matches!(byte, b'n' | b'r');
            return;
        }
        let (digit, width) = match (form, byte) {
            (Form::Hex, _) => (char::from(byte).to_digit(16), 4),
            (_, b'A'..=b'Z') => (Some(u32::from(byte - b'A')), 6),
            (_, b'a'..=b'z') => (Some(u32::from(byte - b'a') + 26), 6),
            (_, b'0'..=b'9') => (Some(u32::from(byte - b'0') + 52), 6),
            (_, b'+' | b'-') => (Some(62), 6),
            (_, b'/' | b'_') => (Some(63), 6),
            (_, b'\r' | b'\n') => return,
            (_, b'\\') => {
                self.escape = true;
                return;
            }
            _ => (None, 6),
        };
        let Some(digit) = digit else {
            self.ended = true;
            return;
        };
        self.bits = (self.bits << width | digit) & 0x3fff;
        self.count += width;
        if self.count >= 8 {
            self.count -= 8;
            self.decoded.push((self.bits >> self.count) as u8);
        }
    }
}

impl Artifact for Encoded<'_> {
    fn name(&self) -> String {
        String::new()
    }
    fn lineage(&self) -> Vec<String> {
        Vec::new()
    }
    fn siblings(&self) -> Vec<String> {
        Vec::new()
    }
    fn size(&self) -> u64 {
        let characters = self.limit.min(self.artifact.size().saturating_sub(self.start));
        if self.form == Form::Hex { characters / 2 } else { characters / 4 * 3 + 2 }
    }
    /// Serves less than is asked for, as a host may, while little is decoded: a walk that ends soon pays for little.
    fn read(&self, offset: u64, length: u32) -> Vec<u8> {
        let decoded = self.state.borrow().decoded.len() as u64;
        let length = u64::from(length).min(decoded.saturating_sub(offset).max(decoded).max(512));
        let span = Span::new(offset, length).within(self.size());
        self.decode(span.end());
        let state = self.state.borrow();
        let span = span.within(state.decoded.len() as u64);
        state.decoded.get(span.offset as usize..span.end() as usize).unwrap_or_default().to_vec()
    }
    fn hits(&self, _start: u64, _limit: u32) -> Vec<Hit> {
        Vec::new()
    }
    fn find(&self, _literals: &[&[u8]], _within: Span, _limit: u32) -> Vec<Hit> {
        Vec::new()
    }
    fn digest(&self, _algorithm: &str, _within: Span) -> Option<Vec<u8>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelaudit_plugin::testing::Memory;

    #[test]
    fn digits_are_decoded_as_far_as_they_are_read() {
        let text = [&b"xxgASVCgAA\r\nAAAA\\nAABd"[..], b"\"gASV"].concat();
        let memory = Memory::new("x", &text);
        let encoded = Encoded::new(&memory, Form::Base64, 2, 1 << 20);
        assert_eq!(encoded.read(0, 4), b"\x80\x04\x95\x0a");
        assert_eq!(encoded.read(0, 100), b"\x80\x04\x95\x0a\0\0\0\0\0\0\0]");
        assert_eq!((encoded.read(12, 4), encoded.characters(12)), (Vec::new(), 20));
        let memory = Memory::new("x", b"800495Zz");
        let encoded = Encoded::new(&memory, Form::Hex, 0, 1 << 20);
        assert_eq!((encoded.read(1, 9), encoded.size()), (b"\x04\x95".to_vec(), 4));
    }

    #[test]
    fn little_is_read_for_a_head() {
        let text = b"gASV".repeat(100_000);
        let memory = Memory::new("x", &text);
        let encoded = Encoded::new(&memory, Form::Base64, 0, 1 << 20);
        assert_eq!(encoded.read(0, 512).len(), 512);
        assert!(memory.served() <= 2048 && encoded.taken() == memory.served());
    }
}
