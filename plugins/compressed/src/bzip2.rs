//! bzip2. The first bytes of a stream are `BZh`, a digit for the block size, and either the magic of a block (the digits of pi) or
//! that of the end (of its root); Python's `bz2` joins streams and ignores what is none.

use ::bzip2::{Decompress, Error, Status};

use crate::stop::Stop;
use crate::unpacker::{State, Step, Unpacker};

/// What stands behind the digit: a block, or the end of an empty stream.
pub const BLOCK: &[u8] = b"\x31\x41\x59\x26\x53\x59";
/// See [`BLOCK`].
pub const END: &[u8] = b"\x17\x72\x45\x38\x50\x90";

/// `BZh1` to `BZh9` and a block or the end.
pub fn starts(head: &[u8]) -> bool {
    let Some(body) = head.strip_prefix(b"BZh") else { return false };
    matches!(body, [b'1'..=b'9', rest @ ..] if rest.starts_with(BLOCK) || rest.starts_with(END))
}

/// Unpacks one stream.
pub fn member(unpacker: &mut Unpacker<'_>) -> Result<(), Stop> {
    let mut decoder = Decompress::new(false);
    let start = unpacker.reader.position();
    unpacker.pump(
        |input, output| {
            let before = (decoder.total_in(), decoder.total_out());
            let result = decoder.decompress(input, output);
            let offset = start.saturating_add(decoder.total_in());
            let corrupt = |reason: &str| State::Failed(Stop::Corrupt { offset, reason: reason.to_owned() });
            let state = match result {
                Ok(Status::StreamEnd) => State::End,
                Ok(Status::MemNeeded) => State::Failed(Stop::Unsupported("no memory is left for a block".to_owned())),
                Ok(_) => State::More,
                Err(Error::DataMagic) => corrupt("a block has no magic"),
                Err(_) => corrupt("the data or its checksum is wrong"),
            };
            let consumed = decoder.total_in().saturating_sub(before.0) as usize;
            Step { consumed, produced: decoder.total_out().saturating_sub(before.1) as usize, state }
        },
        |out, bytes, position| out.write(bytes, position),
    )
}

#[cfg(test)]
mod tests {
    use super::starts;

    #[test]
    fn a_digit_and_a_block_magic() {
        assert!(starts(b"BZh9\x31\x41\x59\x26\x53\x59"));
        assert!(starts(b"BZh1\x17\x72\x45\x38\x50\x90"));
        assert!(!starts(b"BZh0\x31\x41\x59\x26\x53\x59"));
        assert!(!starts(b"BZhello"));
    }
}
