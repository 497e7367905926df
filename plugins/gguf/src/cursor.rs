//! A cursor that knows the file's byte order and width of lengths, and says why it can't go on.
//!
//! Version 1 has 32-bit counts, later ones 64-bit; big-endian files (version 3, s390x) differ in every integer but the magic. What
//! stops the walk is one of two things: the file ends early (a broken download), or it says what no file can (an attack).

use modelaudit_plugin::{Artifact, EndOfData, Reader, Span};

/// Why the walk stopped.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// The file ends before the header does.
    Ends(String),
    /// The header says at this offset what can't be.
    Lies(u64, String),
}

impl From<EndOfData> for Stop {
    fn from(end: EndOfData) -> Self {
        Self::Ends(format!("the file ends inside its header: {end}"))
    }
}

/// See the module.
pub struct Cursor<'a> {
    /// The reader below; skipping costs nothing.
    pub reader: Reader<'a>,
    /// Integers are big-endian.
    pub big_endian: bool,
    /// Counts and lengths take 32 bits (version 1).
    pub narrow: bool,
}

impl<'a> Cursor<'a> {
    /// A little-endian cursor at the start of the artifact.
    pub fn new(artifact: &'a dyn Artifact) -> Self {
        Self { reader: Reader::new(artifact), big_endian: false, narrow: false }
    }

    /// Offset of the next byte.
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    /// The next 32-bit integer.
    pub fn u32(&mut self) -> Result<u32, Stop> {
        let bytes = self.reader.array::<4>()?;
        Ok(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The next 64-bit integer.
    pub fn u64(&mut self) -> Result<u64, Stop> {
        let bytes = self.reader.array::<8>()?;
        Ok(if self.big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// The next count or length, as wide as the version has it.
    pub fn count(&mut self) -> Result<u64, Stop> {
        if self.narrow { self.u32().map(u64::from) } else { self.u64() }
    }

    /// Bytes that a count takes.
    pub fn count_size(&self) -> u64 {
        if self.narrow { 4 } else { 8 }
    }

    /// Skips a string and says where it stands. One that leaves the file ends the walk: as a lie if it is longer than
    /// `longest`, which no real one is, else as a file that ends early.
    pub fn string(&mut self, longest: u64, what: &str) -> Result<Span, Stop> {
        let at = self.position();
        let length = self.count()?;
        let span = Span::new(self.position(), length);
        if length > self.reader.remaining() {
            let there = self.reader.remaining();
            let message = format!("{what} is {length} bytes long, {there} are left in the file");
            return Err(if length > longest { Stop::Lies(at, message) } else { Stop::Ends(message + &at_offset(at)) });
        }
        self.reader.skip(length)?;
        Ok(span)
    }

    /// The first `limit` bytes of a string that was skipped before; the position stays behind it.
    pub fn text(&mut self, span: Span, limit: u64) -> Result<Vec<u8>, Stop> {
        let back = self.reader.position();
        self.reader.seek_to(span.offset)?;
        let bytes = self.reader.read_vec(span.length.min(limit))?;
        self.reader.seek_to(back)?;
        Ok(bytes)
    }
}

/// ` at offset N`.
pub fn at_offset(offset: u64) -> String {
    format!(" at offset {offset}")
}
