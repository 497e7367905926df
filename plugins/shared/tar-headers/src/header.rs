//! One header block.

/// Size of a block; headers take one, data are padded to a multiple.
pub const BLOCK: u64 = 512;

/// Offset of the numbers in a header whose form a v7 tar must have: size, time, checksum.
const NUMBERS: u64 = 124;

/// What every header since POSIX says, GNU's included.
pub fn magic() -> modelaudit_plugin::Magic {
    modelaudit_plugin::Magic::at(257, b"ustar")
}

/// A v7 header has no magic, but its size, time and checksum are octal digits or spaces, each field closed by a space or a NUL:
/// told by the bits that these characters share. Numbers stand at the right, so the last of a field is never a space: a run
/// of spaces (an npy header in a stored zip member) does not fit. Text made of digits alone would; the checksum decides.
pub fn v7_magic() -> modelaudit_plugin::Magic {
    let digit = (0x20, 0xe8); // a space or '0' to '7'
    let closing = (0x00, 0xdf); // a space or a NUL
    let last = [(0x30, 0xf8), closing];
    let fields = [[digit; 10].as_slice(), &last, &[digit; 10], &last, &[digit; 5], &last, &[closing]].concat();
    let (bytes, mask): (Vec<u8>, Vec<u8>) = fields.into_iter().unzip();
    modelaudit_plugin::Magic::masked(NUMBERS, &bytes, &mask)
}

/// Which magic a header has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Magic {
    /// None: the first tar.
    V7,
    /// `ustar\0`.
    Posix,
    /// `ustar  \0`.
    Gnu,
}

/// A header as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Prefix and name, joined.
    pub name: Vec<u8>,
    /// Target of a link.
    pub link: Vec<u8>,
    /// Permissions; 0 if the field is no number.
    pub mode: u64,
    /// None: not a number, or negative.
    pub size: Option<u64>,
    /// The type flag: `0` or NUL for a file, `5` for a folder, `x` for a PAX header ...
    pub kind: u8,
    /// Which dialect it is of.
    pub magic: Magic,
    /// The checksum is that of the block, summed up as unsigned or as signed bytes (old writers did that).
    pub sum_fits: bool,
}

/// Parses a block. None if it is not a header: all zero, or with neither magic nor checksum.
pub fn parse(block: &[u8; BLOCK as usize]) -> Option<Header> {
    if block.iter().all(|b| *b == 0) {
        return None;
    }
    let magic = match block.get(257..265)? {
        [b'u', b's', b't', b'a', b'r', 0, ..] => Magic::Posix,
        [b'u', b's', b't', b'a', b'r', ..] => Magic::Gnu,
        _ => Magic::V7,
    };
    let sum_fits = sum_fits(block);
    if magic == Magic::V7 && !sum_fits {
        return None;
    }
    let mut name = text(block.get(..100)?).to_vec();
    let prefix = text(block.get(345..500)?);
    if magic == Magic::Posix && !prefix.is_empty() {
        name = [prefix, b"/", &name].concat();
    }
    Some(Header {
        name,
        link: text(block.get(157..257)?).to_vec(),
        mode: number(block.get(100..108)?).unwrap_or(0),
        size: number(block.get(124..136)?),
        kind: *block.get(156)?,
        magic,
        sum_fits,
    })
}

fn sum_fits(block: &[u8; BLOCK as usize]) -> bool {
    let stored = block.get(148..156).and_then(number);
    // The field itself counts as eight spaces.
    let byte = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { b' ' } else { *byte };
    let unsigned: u64 = block.iter().enumerate().map(byte).map(u64::from).sum();
    let signed: i64 = block.iter().enumerate().map(byte).map(|b| i64::from(b as i8)).sum();
    stored.is_some_and(|stored| stored == unsigned || i64::try_from(stored) == Ok(signed))
}

/// The field up to its first NUL.
pub fn text(field: &[u8]) -> &[u8] {
    field.split(|b| *b == 0).next().unwrap_or_default()
}

/// A number: octal digits among spaces and NULs, or big-endian binary behind a first byte of 0x80 (GNU, star). None if it
/// is neither, too large, or negative. An empty field is 0.
pub fn number(field: &[u8]) -> Option<u64> {
    if let Some((0x80, rest)) = field.split_first() {
        return rest.iter().try_fold(0u64, |n, b| n.checked_mul(256)?.checked_add(u64::from(*b)));
    }
    let digits = text(field).trim_ascii();
    digits.iter().try_fold(0u64, |n, b| match b {
        b'0'..=b'7' => n.checked_mul(8)?.checked_add(u64::from(b - b'0')),
        _ => None,
    })
}

impl Header {
    /// Python, GNU tar and libarchive take unknown kinds as files, and a file whose name ends in a slash as a folder.
    pub fn is_file(&self) -> bool {
        !matches!(self.kind, b'1'..=b'6' | b'L' | b'K' | b'x' | b'X' | b'g' | b'D' | b'V' | b'N' | b'A')
            && self.name.last() != Some(&b'/')
    }

    /// Kinds that have no data for Python's tarfile, whatever their size says.
    pub fn is_without_data(&self) -> bool {
        matches!(self.kind, b'1'..=b'6')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_all_forms() {
        assert_eq!(number(b"0000644\0"), Some(0o644));
        assert_eq!(number(b"   644 \0"), Some(0o644));
        assert_eq!(number(b"\0\0\0\0"), Some(0));
        assert_eq!(number(b"12x4\0"), None);
        assert_eq!(number(b"-1\0"), None);
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"), Some(2 << 32));
        assert_eq!(number(b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
        assert_eq!(number(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe"), None);
    }

    #[test]
    fn blocks_without_magic_need_their_checksum() {
        let mut block = [0u8; 512];
        assert_eq!(parse(&block), None);
        block[0] = b'a';
        assert_eq!(parse(&block), None);
        block[148..156].copy_from_slice(format!("{:06o}\0 ", 97 + 8 * 32).as_bytes());
        let header = parse(&block).unwrap();
        assert_eq!((header.name.as_slice(), header.magic, header.size), (&b"a"[..], Magic::V7, Some(0)));
    }
}
