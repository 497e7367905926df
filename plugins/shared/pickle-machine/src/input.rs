//! The bytes of a pickle, as a cursor over blocks.
//!
//! The SDK's `Reader` is made for headers; the machine takes a decision for every byte, so it keeps its own block and
//! looks into it without a call. Reads follow the loader that the pass models: front to back, or with CPython's frame
//! rule (see [`Input::honour_frame`]).

use modelaudit_plugin::{Artifact, READ_LIMIT, Span};

/// Small files are the common case: the first block is small, later ones amortise the host call.
const FIRST_BLOCK: u64 = 16 << 10;
const NEXT_BLOCK: u64 = 128 << 10;

/// The argument would end behind the last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Short {
    /// Bytes asked for.
    pub(crate) wanted: u64,
    /// Bytes there were.
    pub(crate) available: u64,
}

/// A cursor over a range of an artifact. Positions are offsets in the artifact.
pub(crate) struct Input<'a> {
    artifact: &'a dyn Artifact,
    start: u64,
    end: u64,
    block: Vec<u8>,
    block_offset: u64,
    at: usize,
    next_block: u64,
    /// End of the current frame if frames are honoured, else 0.
    frame_end: u64,
}

impl<'a> Input<'a> {
    /// Over a range, cut where the artifact ends.
    pub(crate) fn new(artifact: &'a dyn Artifact, span: Span) -> Self {
        let span = span.within(artifact.size());
        Self {
            artifact,
            start: span.offset,
            end: span.end(),
            block: Vec::new(),
            block_offset: span.offset,
            at: 0,
            next_block: FIRST_BLOCK,
            frame_end: 0,
        }
    }

    /// Offset of the next byte.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.block_offset + self.at as u64
    }

    /// Offset of the first byte of the range.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// The byte after the last.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Bytes that are left.
    pub(crate) fn remaining(&self) -> u64 {
        self.end.saturating_sub(self.position())
    }

    /// The artifact.
    pub(crate) fn artifact(&self) -> &'a dyn Artifact {
        self.artifact
    }

    /// Goes to an offset of the range (cut to it).
    pub(crate) fn seek(&mut self, offset: u64) {
        let offset = offset.clamp(self.start, self.end);
        let inside = offset.wrapping_sub(self.block_offset);
        if inside <= self.block.len() as u64 {
            self.at = inside as usize;
        } else {
            self.block.clear();
            self.block_offset = offset;
            self.at = 0;
        }
    }

    /// From here to `frame_end`, reads follow CPython's C loader on a file: an argument that does not fit into what is
    /// left of the frame is read from behind the frame, and the rest of the frame is dropped (cpython#154848,
    /// `_Unpickler_ReadFromFile` replaces its buffer). 0 switches it off.
    pub(crate) fn honour_frame(&mut self, frame_end: u64) {
        self.frame_end = frame_end;
    }

    #[inline]
    fn cross(&mut self, length: u64) {
        let position = self.position();
        if position < self.frame_end && length > self.frame_end - position {
            self.seek(self.frame_end);
        }
    }

    /// Makes at least `length` bytes (at most the read limit) available in the block, fewer only at the end.
    fn fill(&mut self, length: usize) {
        let position = self.position();
        let want = self.next_block.max(length as u64).min(self.end.saturating_sub(position)).min(u64::from(READ_LIMIT));
        self.next_block = NEXT_BLOCK;
        let mut block = if want == 0 { Vec::new() } else { self.artifact.read(position, want as u32) };
        // A host may serve less than was asked for; what is decoded must not depend on it.
        while block.len() < length.min(want as usize) {
            let more = self.artifact.read(position + block.len() as u64, (want as usize - block.len()) as u32);
            if more.is_empty() {
                break;
            }
            block.extend_from_slice(&more);
        }
        self.block = block;
        self.block_offset = position;
        self.at = 0;
    }

    /// The next byte, or None at the end.
    #[inline]
    pub(crate) fn byte(&mut self) -> Option<u8> {
        if let Some(&byte) = self.block.get(self.at) {
            self.at += 1;
            return Some(byte);
        }
        self.fill(1);
        let byte = *self.block.first()?;
        self.at = 1;
        Some(byte)
    }

    /// The next `N` bytes.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        if self.frame_end != 0 {
            self.cross(N as u64);
        }
        if let Some(bytes) = self.block.get(self.at..).and_then(|b| b.first_chunk::<N>()) {
            let bytes = *bytes;
            self.at += N;
            return Ok(bytes);
        }
        let available = self.remaining();
        self.fill(N);
        match self.block.first_chunk::<N>() {
            Some(bytes) => {
                let bytes = *bytes;
                self.at = N;
                Ok(bytes)
            }
            None => Err(Short { wanted: N as u64, available }),
        }
    }

    /// Skips a payload that the C loader reads through its buffer (strings, numbers); gives the offset where it begins.
    #[inline]
    pub(crate) fn payload(&mut self, length: u64) -> Result<u64, Short> {
        if self.frame_end != 0 {
            self.cross(length);
        }
        self.raw_payload(length)
    }

    /// Skips a payload that is read as it comes: bytes and bytearrays (`_Unpickler_ReadInto` takes what is left of the frame
    /// first), and arrays between the opcodes.
    #[inline]
    pub(crate) fn raw_payload(&mut self, length: u64) -> Result<u64, Short> {
        let begin = self.position();
        let available = self.end.saturating_sub(begin);
        if length > available {
            return Err(Short { wanted: length, available });
        }
        self.seek(begin + length);
        Ok(begin)
    }

    /// A view of the next bytes, at most `length` (up to 64 KiB), fewer at the end. Does not move.
    pub(crate) fn peek(&mut self, length: usize) -> &[u8] {
        if self.block.len().saturating_sub(self.at) < length {
            self.fill(length);
        }
        let rest = self.block.get(self.at..).unwrap_or_default();
        rest.get(..length).unwrap_or(rest)
    }

    /// Goes past the next line feed; gives where the line begins and its length without the line feed.
    pub(crate) fn line(&mut self) -> Result<(u64, u64), Short> {
        if self.frame_end != 0 && self.position() < self.frame_end {
            let begin = self.position();
            let inside = self.frame_end - begin;
            match self.find_line_feed(inside) {
                Some(length) => {
                    self.seek(begin + length + 1);
                    return Ok((begin, length));
                }
                None => self.seek(self.frame_end),
            }
        }
        let begin = self.position();
        let available = self.remaining();
        match self.find_line_feed(available) {
            Some(length) => {
                self.seek(begin + length + 1);
                Ok((begin, length))
            }
            None => {
                self.seek(begin);
                Err(Short { wanted: available.saturating_add(1), available })
            }
        }
    }

    /// Distance to the next line feed, if there is one within `limit` bytes. The position is undefined afterwards.
    fn find_line_feed(&mut self, limit: u64) -> Option<u64> {
        let begin = self.position();
        loop {
            let done = self.position() - begin;
            if done >= limit {
                return None;
            }
            if self.at >= self.block.len() {
                self.fill(1);
            }
            let rest = self.block.get(self.at..).unwrap_or_default();
            if rest.is_empty() {
                return None;
            }
            let rest = &rest[..rest.len().min(usize::try_from(limit - done).unwrap_or(usize::MAX))];
            if let Some(at) = memchr::memchr(b'\n', rest) {
                return Some(done + at as u64);
            }
            let length = rest.len();
            self.at += length;
        }
    }

    /// A copy of up to `length` bytes at any offset of the range, out of the block if it is there; shorter where the range ends.
    pub(crate) fn read_at(&self, offset: u64, length: u64) -> Vec<u8> {
        let length = length.min(self.end.saturating_sub(offset));
        let Ok(wanted) = usize::try_from(length) else { return Vec::new() };
        let inside = offset.wrapping_sub(self.block_offset);
        if let Ok(inside) = usize::try_from(inside)
            && let Some(bytes) = self.block.get(inside..inside.saturating_add(wanted))
        {
            return bytes.to_vec();
        }
        let mut bytes = Vec::new();
        while bytes.len() < wanted {
            let left = (wanted - bytes.len()).min(READ_LIMIT as usize) as u32;
            let more = self.artifact.read(offset + bytes.len() as u64, left);
            if more.is_empty() {
                break;
            }
            bytes.extend_from_slice(&more);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use modelaudit_plugin::Slice;

    use super::*;

    #[test]
    fn lines_and_payloads_cross_blocks() {
        let mut data = vec![b'x'; 20_000];
        data.extend_from_slice(b"\nabc");
        let slice = Slice(&data);
        let mut input = Input::new(&slice, Span::new(0, u64::MAX));
        assert_eq!(input.byte(), Some(b'x'));
        assert_eq!(input.line(), Ok((1, 19_999)));
        assert_eq!(input.position(), 20_001);
        assert_eq!(input.payload(u64::MAX).unwrap_err().available, 3);
        assert_eq!(input.payload(2), Ok(20_001));
        assert_eq!(input.array::<2>().unwrap_err(), Short { wanted: 2, available: 1 });
        assert!(input.line().is_err());
        assert_eq!(input.byte(), Some(b'c'));
        assert_eq!(input.byte(), None);
        assert_eq!(input.read_at(19_999, 3), b"x\na");
    }

    #[test]
    fn a_frame_end_drops_the_rest_of_the_frame() {
        let slice = Slice(b"AB12345\nZ");
        let mut input = Input::new(&slice, Span::new(0, 9));
        input.honour_frame(2);
        assert_eq!(input.byte(), Some(b'A'));
        assert_eq!(input.payload(3), Ok(2));
        input.seek(1);
        assert_eq!(input.line(), Ok((2, 5)));
        assert_eq!(input.byte(), Some(b'Z'));
    }
}
