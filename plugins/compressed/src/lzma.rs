//! LZMA alone: the format of `.lzma` files and of joblib's `compress='lzma'`. There is no magic: properties, dictionary size and
//! unpacked size, then the range coder's first byte, which is zero.

use lzma_rust2::{Action, LzmaStream, Status};

use crate::lzma_stream::{Lzma, decode};
use crate::stop::Stop;
use crate::unpacker::Unpacker;

/// Length of the header.
const HEADER: usize = 13;

/// Most bytes that an end marker takes, with those that flush the range coder.
const END_MARKER: u64 = 12;

/// The header that liblzma's auto decoder, which Python uses, accepts: valid properties, a dictionary of 2^n or 2^n + 2^(n-1)
/// bytes or the maximum, an unpacked size below 256 GiB or unknown (all ones). A size or dictionary of zero is taken by liblzma, but
/// not here: files of zeros would fit.
pub fn starts(head: &[u8]) -> bool {
    let Some(fields) = fields(head) else { return false };
    let literal = u32::from(fields.properties % 9 + fields.properties / 9 % 5);
    let dictionary = fields.dictionary;
    let round = |size: u32| size.count_ones() == 1 || (size.count_ones() == 2 && (size & (size << 1)) != 0);
    fields.properties < 225
        && literal <= 4
        && dictionary >= 4096
        && (dictionary == u32::MAX || round(dictionary))
        && (fields.size == u64::MAX || (1..1 << 38).contains(&fields.size))
        && head.get(HEADER) == Some(&0)
}

/// True if the head of a file is LZMA with the usual properties (lc 3, lp 0, pb 2, the only ones that joblib takes). Streams with
/// other ones are found by their name.
pub fn probe(head: &[u8]) -> bool {
    if head.first() != Some(&0x5d) || !starts(head) {
        return false;
    }
    let mut stream = LzmaStream::new_mem_limit(u32::MAX, None);
    let mut output = vec![0; 16 << 10];
    let result = stream.process(head, &mut output, Action::Run);
    match result {
        Ok(result) => result.bytes_produced > 0 || result.status == Status::StreamEnd || head.len() < 64,
        Err(_) => false,
    }
}

/// Unpacks one stream.
pub fn member(unpacker: &mut Unpacker<'_>) -> Result<(), Stop> {
    let lzma = fields(&unpacker.reader.array::<HEADER>()?).ok_or(Stop::Truncated)?;
    decode(unpacker, &lzma)?;
    // A stream of known size may carry an end marker all the same; liblzma reads it, the library here leaves it.
    if lzma.size != u64::MAX && unpacker.reader.remaining() <= END_MARKER {
        unpacker.reader.seek_to(unpacker.reader.end())?;
    }
    Ok(())
}

/// The header's fields.
fn fields(head: &[u8]) -> Option<Lzma> {
    let (properties, rest) = head.split_first()?;
    let (dictionary, rest) = rest.split_first_chunk::<4>()?;
    let size = rest.first_chunk::<8>()?;
    Some(Lzma { properties: *properties, dictionary: u32::from_le_bytes(*dictionary), size: u64::from_le_bytes(*size) })
}

#[cfg(test)]
mod tests {
    use super::starts;

    #[test]
    fn the_header_is_that_of_liblzma() {
        let head = |properties: u8, dictionary: u32, size: u64| {
            let mut head = vec![properties];
            head.extend(dictionary.to_le_bytes());
            head.extend(size.to_le_bytes());
            head.push(0);
            head
        };
        assert!(starts(&head(0x5d, 8 << 20, u64::MAX)));
        assert!(starts(&head(0x5d, 12 << 20, 1000)));
        assert!(starts(&head(0x5d, u32::MAX, 1000)));
        assert!(!starts(&head(0x5d, 10 << 20, 1000)));
        assert!(!starts(&head(0x5d, 8 << 20, 0)));
        assert!(!starts(&head(0x5d, 8 << 20, 1 << 40)));
        assert!(!starts(&head(225, 8 << 20, 1000)));
        assert!(!starts(&head(5 + 9 * 4, 8 << 20, 1000)), "lc + lp is above 4");
        assert!(!starts(&[0; 32]));
    }
}
