//! One msgpack token: the first byte, and the length or value behind it. Source: the msgpack specification.

/// The most bytes that a token's head has: type byte, four of length, type of an extension.
pub(crate) const HEAD: usize = 9;

/// A token. The content of texts, bytes and extensions follows its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// So many pairs of key and value follow.
    Map(u32),
    /// So many values follow.
    Array(u32),
    /// A text of so many bytes.
    Text(u32),
    /// So many bytes.
    Bytes(u32),
    /// An extension: its type and length.
    Extension(i8, u32),
    /// A non-negative integer.
    Unsigned(u64),
    /// Anything else whose value is in its head: nil, booleans, negative and floating numbers.
    Scalar,
    /// The type byte that the specification never uses.
    Never,
}

/// Reads a token; also says how long its head is. None if the bytes end inside the head.
pub(crate) fn token(bytes: &[u8]) -> Option<(Token, usize)> {
    let (first, rest) = bytes.split_first()?;
    let number = |width: usize| {
        let bytes = rest.get(..width)?;
        Some(bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b)))
    };
    let length = |width: usize| number(width).map(|n| (u32::try_from(n).unwrap_or(u32::MAX), 1 + width));
    let fixed_extension = |size: u32| rest.first().map(|kind| (Token::Extension(*kind as i8, size), 2));
    let small = |mask: u8| u32::from(first & mask);
    Some(match first {
        0x00..=0x7f => (Token::Unsigned(u64::from(*first)), 1),
        0x80..=0x8f => (Token::Map(small(15)), 1),
        0x90..=0x9f => (Token::Array(small(15)), 1),
        0xa0..=0xbf => (Token::Text(small(31)), 1),
        0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => (Token::Scalar, 1),
        0xc1 => (Token::Never, 1),
        0xc4..=0xc6 => length(1 << (first - 0xc4)).map(|(n, head)| (Token::Bytes(n), head))?,
        0xc7..=0xc9 => {
            let width = 1usize << (first - 0xc7);
            let (size, head) = length(width)?;
            (Token::Extension(*rest.get(width)? as i8, size), head + 1)
        }
        0xca => number(4).map(|_| (Token::Scalar, 5))?,
        0xcb => number(8).map(|_| (Token::Scalar, 9))?,
        0xcc..=0xcf => {
            let width = 1usize << (first - 0xcc);
            (Token::Unsigned(number(width)?), 1 + width)
        }
        0xd0..=0xd3 => {
            let width = 1usize << (first - 0xd0);
            number(width).map(|_| (Token::Scalar, 1 + width))?
        }
        0xd4..=0xd8 => fixed_extension(1 << (first - 0xd4))?,
        0xd9..=0xdb => length(1 << (first - 0xd9)).map(|(n, head)| (Token::Text(n), head))?,
        0xdc | 0xdd => length(2 << (first - 0xdc)).map(|(n, head)| (Token::Array(n), head))?,
        0xde | 0xdf => length(2 << (first - 0xde)).map(|(n, head)| (Token::Map(n), head))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_have_their_lengths() {
        let cases: &[(&[u8], Token, usize)] = &[
            (b"\x81", Token::Map(1), 1),
            (b"\xde\x01\x00", Token::Map(256), 3),
            (b"\xdf\0\0\0\x02", Token::Map(2), 5),
            (b"\xdd\0\0\0\x02", Token::Array(2), 5),
            (b"\xa3abc", Token::Text(3), 1),
            (b"\xda\x01\0", Token::Text(256), 3),
            (b"\xc4\x05", Token::Bytes(5), 2),
            (b"\xc6\xff\xff\xff\xff", Token::Bytes(u32::MAX), 5),
            (b"\xc7\x4e\x01", Token::Extension(1, 0x4e), 3),
            (b"\xd8\xff", Token::Extension(-1, 16), 2),
            (b"\xcd\x01\x02", Token::Unsigned(0x102), 3),
            (b"\xcb\0\0\0\0\0\0\0\0", Token::Scalar, 9),
            (b"\xd3\0\0\0\0\0\0\0\0", Token::Scalar, 9),
            (b"\xff", Token::Scalar, 1),
            (b"\xc1", Token::Never, 1),
        ];
        for (bytes, expected, head) in cases {
            assert_eq!(token(bytes), Some((*expected, *head)), "{bytes:x?}");
            assert!(*head <= HEAD);
            for end in 0..*head {
                assert_eq!(token(bytes.get(..end).unwrap_or_default()), None, "{bytes:x?}");
            }
        }
    }
}
