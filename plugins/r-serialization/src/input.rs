//! The three encodings of a stream: XDR (big-endian), native (little-endian in practice) and text.

use modelaudit_plugin::{Artifact, EndOfData, Reader};

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Big-endian.
    Xdr,
    /// As the writer's processor has it: little-endian on everything in use.
    Native,
    /// One number or string a line.
    Ascii,
}

/// Why the stream could not be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The file ended.
    End(u64),
    /// The bytes contradict the format: where and what.
    Bad(u64, String),
}

impl From<EndOfData> for Stop {
    fn from(end: EndOfData) -> Self {
        Self::End(end.offset)
    }
}

/// Numbers of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// `LGLSXP`, `INTSXP`: four bytes.
    Int,
    /// `REALSXP`: eight bytes.
    Real,
    /// `RAWSXP`: one byte, two hexadecimal digits in text.
    Raw,
}

/// A stream behind its header.
pub struct Input<'a> {
    reader: Reader<'a>,
    encoding: Encoding,
    /// Version of the format: 2 or 3.
    pub version: u32,
    writer: u32,
}

/// What the bytes turned out to be.
pub enum Opened<'a> {
    /// A stream of R.
    Stream(Input<'a>),
    /// Something else, and why.
    Other(String),
}

/// Reads the header: `RDX3\n` for workspaces, the letter of the encoding, version, writer, oldest reader, native encoding.
///
/// # Errors
/// The file ends inside the header.
pub fn open(artifact: &dyn Artifact, workspace: bool) -> Result<Opened<'_>, String> {
    let mut reader = Reader::new(artifact);
    let ended = |stop: Stop| match stop {
        Stop::End(at) => format!("the file ends inside the header of an R stream at offset {at}"),
        Stop::Bad(at, what) => format!("{what} at offset {at}"),
    };
    if workspace {
        reader.skip(5).map_err(|e| ended(e.into()))?;
    }
    let encoding = match reader.array::<2>().map_err(|e| ended(e.into()))? {
        [b'X', b'\n'] => Encoding::Xdr,
        [b'B', b'\n'] => Encoding::Native,
        [b'A', b'\n'] => Encoding::Ascii,
        _ => return Ok(Opened::Other("no R stream: the letter of its encoding is missing".to_owned())),
    };
    let mut input = Input { reader, encoding, version: 0, writer: 0 };
    let header = |input: &mut Input<'_>| -> Result<[i32; 3], Stop> { Ok([input.int()?, input.int()?, input.int()?]) };
    let [version, writer, oldest] = match header(&mut input) {
        Ok(numbers) => numbers,
        Err(Stop::End(at)) if encoding != Encoding::Ascii => return Err(ended(Stop::End(at))),
        Err(stop) => return Ok(Opened::Other(ended(stop))),
    };
    // R_Version(2, 3, 0) is the oldest reader of version 2, R_Version(3, 5, 0) that of version 3; writers are not older.
    let plausible =
        matches!(version, 2 | 3) && (0x1_0000..=0xf_ffff).contains(&writer) && (0x1_0000..=0xf_ffff).contains(&oldest);
    if !plausible {
        return Ok(Opened::Other(format!("no R stream: version {version}, writer {writer}, oldest reader {oldest}")));
    }
    (input.version, input.writer) = (version.unsigned_abs(), writer.unsigned_abs());
    if version == 3 {
        let length = input.int().map_err(ended)?;
        if !(0..=63).contains(&length) {
            return Ok(Opened::Other(format!("no R stream: the name of the native encoding has {length} bytes")));
        }
        input.text(length.unsigned_abs().into(), 0).map_err(ended)?;
    }
    Ok(Opened::Stream(input))
}

impl Input<'_> {
    /// Offset of the next byte.
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    /// Bytes that are left.
    pub fn remaining(&self) -> u64 {
        self.reader.remaining()
    }

    /// The version of R that wrote it.
    pub fn writer_version(&self) -> String {
        format!("{}.{}.{}", self.writer >> 16, (self.writer >> 8) & 255, self.writer & 255)
    }

    /// Fewest bytes that an item takes, to check counts against what is there.
    pub fn smallest_item(&self) -> u64 {
        if self.encoding == Encoding::Ascii { 2 } else { 4 }
    }

    /// An integer; `NA` is the smallest.
    ///
    /// # Errors
    /// The file ends, or the text is no number.
    pub fn int(&mut self) -> Result<i32, Stop> {
        match self.encoding {
            Encoding::Xdr => Ok(i32::from_be_bytes(self.reader.array()?)),
            Encoding::Native => Ok(i32::from_le_bytes(self.reader.array()?)),
            Encoding::Ascii => {
                let at = self.position();
                let word = self.word()?;
                if word == b"NA" {
                    return Ok(i32::MIN);
                }
                let number = std::str::from_utf8(&word).ok().and_then(|w| w.parse().ok());
                number.ok_or_else(|| {
                    Stop::Bad(at, format!("{} where a number should be", modelaudit_plugin::quote(&word)))
                })
            }
        }
    }

    /// A word of the text encoding, of at most 100 bytes (serialize.c reads words into a buffer of 100).
    fn word(&mut self) -> Result<Vec<u8>, Stop> {
        let mut byte = self.reader.u8()?;
        while byte.is_ascii_whitespace() {
            byte = self.reader.u8()?;
        }
        let at = self.position();
        let mut word = Vec::new();
        loop {
            if word.len() >= 100 {
                return Err(Stop::Bad(at, "a word of more than 100 bytes".to_owned()));
            }
            word.push(byte);
            match self.reader.u8() {
                Ok(next) if next.is_ascii_whitespace() => return Ok(word),
                Ok(next) => byte = next,
                Err(_) => return Ok(word),
            }
        }
    }

    /// Passes over the numbers of a vector.
    ///
    /// # Errors
    /// The file ends before.
    pub fn skip(&mut self, element: Element, count: u64) -> Result<(), Stop> {
        let at = self.position();
        if self.encoding != Encoding::Ascii {
            let size = match element {
                Element::Int => 4,
                Element::Real => 8,
                Element::Raw => 1,
            };
            let length = count.checked_mul(size).ok_or(Stop::End(at))?;
            return Ok(self.reader.skip(length)?);
        }
        if count > self.remaining() {
            return Err(Stop::End(at));
        }
        for _ in 0..count {
            self.word()?;
        }
        Ok(())
    }

    /// A string of `length` bytes of which the first `keep` are kept.
    ///
    /// # Errors
    /// The file ends before.
    pub fn text(&mut self, length: u64, keep: usize) -> Result<Vec<u8>, Stop> {
        if length > self.remaining() {
            return Err(Stop::End(self.position()));
        }
        if self.encoding != Encoding::Ascii {
            let kept = self.reader.read_vec(length.min(keep as u64))?;
            self.reader.skip(length - kept.len() as u64)?;
            return Ok(kept);
        }
        let mut kept = Vec::new();
        if length == 0 {
            return Ok(kept);
        }
        let mut byte = self.reader.u8()?;
        while byte.is_ascii_whitespace() {
            byte = self.reader.u8()?;
        }
        for index in 0..length {
            if index > 0 {
                byte = self.reader.u8()?;
            }
            let value = if byte == b'\\' { self.escape()? } else { byte };
            if kept.len() < keep {
                kept.push(value);
            }
        }
        Ok(kept)
    }

    /// What follows a backslash (InString in serialize.c).
    fn escape(&mut self) -> Result<u8, Stop> {
        let byte = self.reader.u8()?;
        Ok(match byte {
            b'n' => b'\n',
            b't' => b'\t',
            b'v' => 0x0b,
            b'b' => 0x08,
            b'r' => b'\r',
            b'f' => 0x0c,
            b'a' => 0x07,
            b'0'..=b'7' => {
                let mut value = u32::from(byte - b'0');
                for _ in 0..2 {
                    match self.reader.peek(1).first() {
                        Some(digit @ b'0'..=b'7') => {
                            value = value * 8 + u32::from(*digit - b'0');
                            self.reader.skip(1)?;
                        }
                        _ => break,
                    }
                }
                (value & 0xff) as u8
            }
            other => other,
        })
    }

    /// Passes over white space of the text encoding; nothing in the others.
    pub fn skip_blank(&mut self) {
        while self.encoding == Encoding::Ascii && self.reader.peek(1).first().is_some_and(u8::is_ascii_whitespace) {
            if self.reader.skip(1).is_err() {
                return;
            }
        }
    }
}
