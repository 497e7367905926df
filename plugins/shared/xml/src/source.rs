//! The characters of a document as UTF-8 bytes, whatever of the Unicode encodings it is in.

use modelaudit_plugin::Reader;

/// How the bytes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, and every encoding that agrees with ASCII on markup.
    Bytes,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
}

pub struct Source<'a> {
    reader: Reader<'a>,
    encoding: Encoding,
    /// Bytes of the last decoded character that were not handed out yet, last first.
    pending: [u8; 4],
    left: usize,
}

impl<'a> Source<'a> {
    /// Finds the encoding by the byte order mark or the first characters (XML 1.0, appendix F).
    pub fn new(mut reader: Reader<'a>) -> Self {
        let (encoding, mark) = match reader.peek(4) {
            [0xef, 0xbb, 0xbf, ..] => (Encoding::Bytes, 3),
            [0xff, 0xfe, ..] => (Encoding::Utf16Le, 2),
            [0xfe, 0xff, ..] => (Encoding::Utf16Be, 2),
            [b'<', 0, ..] => (Encoding::Utf16Le, 0),
            [0, b'<', ..] => (Encoding::Utf16Be, 0),
            _ => (Encoding::Bytes, 0),
        };
        // The bytes were just seen.
        let _ = reader.skip(mark);
        Self { reader, encoding, pending: [0; 4], left: 0 }
    }

    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Offset in the artifact behind the last character.
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    pub fn end(&self) -> u64 {
        self.reader.end()
    }

    /// The next byte of UTF-8, None at the end.
    #[inline]
    pub fn next(&mut self) -> Option<u8> {
        if self.left > 0 {
            self.left -= 1;
            return self.pending.get(self.left).copied();
        }
        if self.encoding == Encoding::Bytes {
            return self.reader.u8().ok();
        }
        self.decode()
    }

    /// Puts a byte back; at most one.
    pub fn back(&mut self, byte: u8) {
        if let Some(slot) = self.pending.get_mut(self.left) {
            *slot = byte;
            self.left += 1;
        }
    }

    fn unit(&mut self) -> Option<u16> {
        let bytes = self.reader.array::<2>().ok()?;
        Some(if self.encoding == Encoding::Utf16Le { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn decode(&mut self) -> Option<u8> {
        let first = self.unit()?;
        let pair = (0xd800..0xdc00).contains(&first);
        let second = if pair { self.unit()? } else { 0 };
        let units = [first, second].into_iter().take(1 + usize::from(pair));
        let character = char::decode_utf16(units).next()?.unwrap_or(char::REPLACEMENT_CHARACTER);
        let mut buffer = [0; 4];
        let bytes = character.encode_utf8(&mut buffer).as_bytes();
        for (slot, byte) in self.pending.iter_mut().zip(bytes.iter().skip(1).rev()) {
            *slot = *byte;
        }
        self.left = bytes.len() - 1;
        bytes.first().copied()
    }
}
