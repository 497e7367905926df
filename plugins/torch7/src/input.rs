//! The two encodings of a file (DiskFile.c): little-endian binary, or text with a line for each write.

use modelaudit_plugin::{Artifact, EndOfData, Reader};

/// Why the file could not be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The file ended here.
    End(u64),
    /// The bytes contradict the format: where and what.
    Bad(u64, String),
}

impl From<EndOfData> for Stop {
    fn from(end: EndOfData) -> Self {
        Self::End(end.offset)
    }
}

/// A file that is read from front to back.
pub struct Input<'a> {
    reader: Reader<'a>,
    text: bool,
}

impl<'a> Input<'a> {
    /// Text files begin with a digit, binary ones with an integer below 9.
    pub fn new(artifact: &'a dyn Artifact) -> Self {
        let mut reader = Reader::new(artifact);
        let text = reader.peek(1).first().is_some_and(u8::is_ascii_digit);
        Self { reader, text }
    }

    /// Offset of the next byte.
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    /// Bytes that are left.
    pub fn remaining(&self) -> u64 {
        self.reader.remaining()
    }

    /// An `int`.
    pub fn int(&mut self) -> Result<i32, Stop> {
        if !self.text {
            return Ok(i32::from_le_bytes(self.reader.array()?));
        }
        let at = self.position();
        let number = self.number()?;
        i32::try_from(number).map_err(|_| Stop::Bad(at, format!("{number} is no int")))
    }

    /// A `long`, of eight bytes as 64-bit Torch7 writes it.
    pub fn long(&mut self) -> Result<i64, Stop> {
        if self.text { self.number() } else { Ok(i64::from_le_bytes(self.reader.array()?)) }
    }

    /// A count: a number that is not negative.
    pub fn count(&mut self, long: bool) -> Result<u64, Stop> {
        let at = self.position();
        let count = if long { self.long()? } else { self.int()?.into() };
        u64::try_from(count).map_err(|_| Stop::Bad(at, format!("a count of {count}")))
    }

    /// Passes over a `double`.
    pub fn double(&mut self) -> Result<(), Stop> {
        if self.text { self.word().map(drop) } else { Ok(self.reader.skip(8)?) }
    }

    /// Passes over the elements of a storage.
    pub fn elements(&mut self, count: u64, size: u64) -> Result<(), Stop> {
        let at = self.position();
        if self.text {
            if count > self.remaining() {
                return Err(Stop::End(at));
            }
            // Bytes and chars are written as they are, other numbers as words.
            if size == 1 {
                self.reader.skip(count)?;
                return Ok(());
            }
            for _ in 0..count {
                self.word()?;
            }
            return Ok(());
        }
        let length = count.checked_mul(size).ok_or_else(|| Stop::Bad(at, format!("a storage of {count} elements")))?;
        Ok(self.reader.skip(length)?)
    }

    /// Bytes behind their length: where they begin, how many they are, and the first `keep` of them.
    pub fn bytes(&mut self, keep: u64) -> Result<(u64, u64, Vec<u8>), Stop> {
        let length = self.count(false)?;
        self.end_of_line();
        let at = self.position();
        if length > self.remaining() {
            return Err(Stop::End(at));
        }
        let kept = self.reader.read_vec(length.min(keep))?;
        self.reader.skip(length - kept.len() as u64)?;
        self.end_of_line();
        Ok((at, length, kept))
    }

    /// Passes over one line feed of the text encoding.
    fn end_of_line(&mut self) {
        if self.text && self.reader.peek(1) == b"\n" {
            // One byte is there: it was just seen.
            let _ = self.reader.u8();
        }
    }

    /// Passes over white space of the text encoding.
    pub fn blank(&mut self) {
        while self.text && self.reader.peek(1).first().is_some_and(u8::is_ascii_whitespace) {
            if self.reader.u8().is_err() {
                return;
            }
        }
    }

    fn number(&mut self) -> Result<i64, Stop> {
        let at = self.position();
        let word = self.word()?;
        let number = std::str::from_utf8(&word).ok().and_then(|w| w.parse().ok());
        number.ok_or_else(|| Stop::Bad(at, format!("{} where a number should be", modelaudit_plugin::quote(&word))))
    }

    /// A word of at most 64 bytes; the white space behind it stays.
    fn word(&mut self) -> Result<Vec<u8>, Stop> {
        self.blank();
        let at = self.position();
        let word: Vec<u8> = self.reader.peek(65).iter().copied().take_while(|b| !b.is_ascii_whitespace()).collect();
        if word.len() > 64 {
            return Err(Stop::Bad(at, "a word of more than 64 bytes".to_owned()));
        }
        if word.is_empty() {
            return Err(Stop::End(at));
        }
        self.reader.skip(word.len() as u64)?;
        Ok(word)
    }
}
