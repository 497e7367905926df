//! A buffered, bounded cursor over an artifact.

use std::io::{self, Read, Seek, SeekFrom};

use crate::{Artifact, READ_LIMIT, Span};

/// The data ended before what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndOfData {
    /// Where the read began.
    pub offset: u64,
    /// How many bytes were asked for.
    pub wanted: u64,
    /// How many there were.
    pub available: u64,
}

impl std::fmt::Display for EndOfData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes wanted at offset {}, {} available", self.wanted, self.offset, self.available)
    }
}

impl std::error::Error for EndOfData {}

/// Block sizes: small first, for files of which only the head matters, then large ones for a stream.
const FIRST_BLOCK: u64 = 16 << 10;
const NEXT_BLOCK: u64 = 256 << 10;

/// Reads a range of an artifact from front to back in blocks; skipping is free. All positions are offsets in the artifact.
pub struct Reader<'a> {
    artifact: &'a dyn Artifact,
    start: u64,
    end: u64,
    block: Vec<u8>,
    block_offset: u64,
    position: u64,
    next_block: u64,
}

impl<'a> Reader<'a> {
    /// A reader over the whole artifact.
    pub fn new(artifact: &'a dyn Artifact) -> Self {
        Self::over(artifact, Span::new(0, artifact.size()))
    }

    /// A reader over a range; the range is cut where the artifact ends.
    pub fn over(artifact: &'a dyn Artifact, span: Span) -> Self {
        let span = span.within(artifact.size());
        Self {
            artifact,
            start: span.offset,
            end: span.end(),
            block: Vec::new(),
            block_offset: span.offset,
            position: span.offset,
            next_block: FIRST_BLOCK,
        }
    }

    /// Offset of the next byte.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The byte after the last.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Bytes that are left.
    pub fn remaining(&self) -> u64 {
        self.end.saturating_sub(self.position)
    }

    /// Goes to an offset; one outside the range is an error and leaves the position.
    ///
    /// # Errors
    /// The offset lies outside the reader's range.
    pub fn seek_to(&mut self, offset: u64) -> Result<(), EndOfData> {
        if offset < self.start || offset > self.end {
            let wanted = offset.saturating_sub(self.position);
            return Err(EndOfData { offset: self.position, wanted, available: self.remaining() });
        }
        self.position = offset;
        Ok(())
    }

    /// Skips bytes without reading them.
    ///
    /// # Errors
    /// Fewer bytes are left; the position stays.
    pub fn skip(&mut self, length: u64) -> Result<(), EndOfData> {
        if length > self.remaining() {
            return Err(EndOfData { offset: self.position, wanted: length, available: self.remaining() });
        }
        self.position += length;
        Ok(())
    }

    /// The buffered bytes from the position on: at least one, unless the range has ended. Follow with [`Self::skip`].
    #[inline]
    pub fn buffered(&mut self) -> &[u8] {
        let inside = self.position.wrapping_sub(self.block_offset);
        if inside >= self.block.len() as u64 {
            self.fill();
            return &self.block;
        }
        &self.block[inside as usize..]
    }

    /// At least `length` bytes from the position on, without moving; fewer only where the range ends. `length` is at most
    /// [`READ_LIMIT`].
    pub fn peek(&mut self, length: usize) -> &[u8] {
        let length = length.min(READ_LIMIT as usize).min(usize::try_from(self.remaining()).unwrap_or(usize::MAX));
        let inside = self.position.wrapping_sub(self.block_offset);
        if inside > self.block.len() as u64 || ((self.block.len() as u64 - inside) as usize) < length {
            self.next_block = self.next_block.max(length as u64);
            self.fill();
            return &self.block[..length.min(self.block.len())];
        }
        &self.block[inside as usize..inside as usize + length]
    }

    fn fill(&mut self) {
        let wanted = self.next_block.min(self.remaining()).min(u64::from(READ_LIMIT)) as u32;
        self.block = if wanted == 0 { Vec::new() } else { self.artifact.read(self.position, wanted) };
        self.block_offset = self.position;
        self.next_block = NEXT_BLOCK;
    }

    /// The next byte.
    ///
    /// # Errors
    /// The range has ended.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, EndOfData> {
        let inside = self.position.wrapping_sub(self.block_offset) as usize;
        if let Some(byte) = self.block.get(inside) {
            self.position += 1;
            return Ok(*byte);
        }
        match self.buffered().first() {
            Some(byte) => {
                let byte = *byte;
                self.position += 1;
                Ok(byte)
            }
            None => Err(EndOfData { offset: self.position, wanted: 1, available: 0 }),
        }
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// Fewer are left; the position stays.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], EndOfData> {
        let inside = self.position.wrapping_sub(self.block_offset) as usize;
        if let Some(bytes) = self.block.get(inside..).and_then(|b| b.first_chunk::<N>()) {
            let bytes = *bytes;
            self.position += N as u64;
            return Ok(bytes);
        }
        let available = self.remaining();
        match self.peek(N).first_chunk::<N>() {
            Some(bytes) => {
                let bytes = *bytes;
                self.position += N as u64;
                Ok(bytes)
            }
            None => Err(EndOfData { offset: self.position, wanted: N as u64, available }),
        }
    }

    /// A copy of the next `length` bytes. The length is checked against what is there before anything is allocated.
    ///
    /// # Errors
    /// Fewer are left; the position stays.
    pub fn read_vec(&mut self, length: u64) -> Result<Vec<u8>, EndOfData> {
        if length > self.remaining() {
            return Err(EndOfData { offset: self.position, wanted: length, available: self.remaining() });
        }
        let mut bytes = Vec::with_capacity(length as usize);
        while (bytes.len() as u64) < length {
            let left = (length - bytes.len() as u64) as usize;
            let block = self.buffered();
            let take = block.len().min(left);
            if take == 0 {
                return Err(EndOfData { offset: self.position, wanted: left as u64, available: 0 });
            }
            bytes.extend_from_slice(&block[..take]);
            self.position += take as u64;
        }
        Ok(bytes)
    }

    /// Little-endian u16. See [`Self::array`] for the error.
    ///
    /// # Errors
    /// Fewer bytes are left.
    pub fn u16_le(&mut self) -> Result<u16, EndOfData> {
        self.array().map(u16::from_le_bytes)
    }

    /// Little-endian u32.
    ///
    /// # Errors
    /// Fewer bytes are left.
    pub fn u32_le(&mut self) -> Result<u32, EndOfData> {
        self.array().map(u32::from_le_bytes)
    }

    /// Little-endian u64.
    ///
    /// # Errors
    /// Fewer bytes are left.
    pub fn u64_le(&mut self) -> Result<u64, EndOfData> {
        self.array().map(u64::from_le_bytes)
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let block = self.buffered();
        let take = block.len().min(buffer.len());
        buffer[..take].copy_from_slice(&block[..take]);
        self.position += take as u64;
        Ok(take)
    }
}

impl io::BufRead for Reader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.buffered())
    }

    fn consume(&mut self, amount: usize) {
        self.position = (self.position + amount as u64).min(self.end);
    }
}

impl Seek for Reader<'_> {
    /// Positions are relative to the start of the range, as a file's would be.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(n) => self.start.checked_add(n),
            SeekFrom::End(n) => self.end.checked_add_signed(n),
            SeekFrom::Current(n) => self.position.checked_add_signed(n),
        };
        // Like a file, a seek beyond the end is fine and reads nothing; one before the start is not.
        match target {
            Some(offset) if offset >= self.start => {
                self.position = offset;
                Ok(offset - self.start)
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "seek before the start of the range")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Memory;

    #[test]
    fn reads_across_blocks() {
        let data: Vec<u8> = (0..700_000u32).map(|n| (n % 251) as u8).collect();
        let artifact = Memory::new("x", &data);
        let mut reader = Reader::new(&artifact);
        reader.skip(FIRST_BLOCK - 3).unwrap();
        let at = reader.position() as usize;
        assert_eq!(reader.array::<8>().unwrap(), data[at..at + 8]);
        let rest = reader.read_vec(500_000).unwrap();
        assert_eq!(rest, data[at + 8..at + 8 + 500_000]);
        assert_eq!(reader.read_vec(u64::MAX).unwrap_err().available, reader.remaining());
    }

    #[test]
    fn ends_where_the_range_ends() {
        let artifact = Memory::new("x", b"0123456789");
        let mut reader = Reader::over(&artifact, Span::new(4, 3));
        assert_eq!(reader.peek(8), b"456");
        assert_eq!(reader.array::<4>().unwrap_err().available, 3);
        assert_eq!(reader.u8(), Ok(b'4'));
        assert!(reader.seek_to(8).is_err());
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"56");
        assert!(reader.u8().is_err());
    }

    #[test]
    fn a_seek_beyond_the_end_reads_nothing() {
        let artifact = Memory::new("x", b"0123456789");
        let mut reader = Reader::new(&artifact);
        reader.seek(SeekFrom::Start(1000)).unwrap();
        assert_eq!(reader.buffered(), b"");
        assert_eq!(reader.peek(4), b"");
        assert!(reader.seek(SeekFrom::Current(-5000)).is_err());
    }
}
