//! Reads the fields of a 7z header out of memory (7zFormat.txt of the 7-Zip sources). Nothing is read past the end and no count is believed
//! that the bytes left could not hold.

/// A defect of the header: what, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong.
    pub reason: String,
    /// Offset in the (unpacked) header.
    pub offset: usize,
}

/// A position in a header.
pub struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at the start.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Offset of the next byte.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Bytes left.
    pub fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.position)
    }

    /// An error at the position.
    pub fn malformed(&self, reason: impl Into<String>) -> Malformed {
        Malformed { reason: reason.into(), offset: self.position }
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: u64) -> Result<&'a [u8], Malformed> {
        let end = usize::try_from(length).ok().and_then(|length| self.position.checked_add(length));
        match end.and_then(|end| Some((end, self.bytes.get(self.position..end)?))) {
            Some((end, bytes)) => {
                self.position = end;
                Ok(bytes)
            }
            None => Err(self.malformed(format!("{length} bytes are wanted, {} are left", self.left()))),
        }
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        let end = || self.malformed("it ends where a byte is wanted");
        let byte = *self.bytes.get(self.position).ok_or_else(end)?;
        self.position += 1;
        Ok(byte)
    }

    /// A little-endian number of 32 bits.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.take(4).map(|bytes| bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)))
    }

    /// A number whose first byte says with its leading ones how many more follow.
    pub fn number(&mut self) -> Result<u64, Malformed> {
        let first = self.u8()?;
        let more = first.leading_ones();
        let mut value = 0u64;
        for index in 0..more {
            value |= u64::from(self.u8()?) << (8 * index);
        }
        if more < 8 {
            value |= u64::from(first & (0x7f >> more)) << (8 * more);
        }
        Ok(value)
    }

    /// A count of things that take at least `each` bits in what is left of the header.
    pub fn count(&mut self, what: &str, each: u64) -> Result<usize, Malformed> {
        let count = self.number()?;
        if count > (self.left() as u64).saturating_mul(8) / each.max(1) {
            return Err(self.malformed(format!("it counts {count} {what}, more than it could hold")));
        }
        Ok(count as usize)
    }

    /// `count` bits, the highest of each byte first.
    pub fn bits(&mut self, count: usize) -> Result<Vec<bool>, Malformed> {
        let bytes = self.take(count.div_ceil(8) as u64)?;
        let bit = |index: usize| bytes.get(index / 8).is_some_and(|byte| byte & (0x80 >> (index % 8)) != 0);
        Ok((0..count).map(bit).collect())
    }

    /// The same behind a byte which says that all are set, if it is not zero.
    pub fn optional_bits(&mut self, count: usize) -> Result<Vec<bool>, Malformed> {
        if self.u8()? != 0 {
            return Ok(vec![true; count]);
        }
        self.bits(count)
    }

    /// CRC-32s of `count` things, those of them that have one.
    pub fn digests(&mut self, count: usize) -> Result<Vec<Option<u32>>, Malformed> {
        let defined = self.optional_bits(count)?;
        defined.into_iter().map(|defined| if defined { self.u32().map(Some) } else { Ok(None) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn numbers_grow_with_their_first_byte() {
        let number = |bytes: &[u8]| Cursor::new(bytes).number().ok();
        assert_eq!(number(&[0x7f]), Some(0x7f));
        assert_eq!(number(&[0x80, 0x80]), Some(0x80));
        assert_eq!(number(&[0xbf, 0xff]), Some(0x3fff));
        assert_eq!(number(&[0xc1, 2, 3]), Some(0x1_0302));
        assert_eq!(number(&[0xfe, 1, 2, 3, 4, 5, 6, 7]), Some(0x07_0605_0403_0201));
        assert_eq!(number(&[0xff, 1, 2, 3, 4, 5, 6, 7, 8]), Some(0x0807_0605_0403_0201));
        assert_eq!(number(&[0xff, 1, 2]), None);
    }

    #[test]
    fn counts_are_bounded_by_what_is_left() {
        assert!(Cursor::new(&[3, 0, 0, 0]).count("things", 8).is_ok());
        assert!(Cursor::new(&[4, 0, 0, 0]).count("things", 8).is_err());
        assert_eq!(Cursor::new(&[0xa0]).bits(3).unwrap(), [true, false, true]);
    }
}
