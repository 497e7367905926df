//! zlib streams (RFC 1950), the first of joblib's compressions. The magic is two bytes with a check of five bits, which many
//! files have by chance: a file is called zlib only if its head really inflates.

use modelaudit_plugin::Span;

use crate::inflate::{Adler, inflate, trial};
use crate::stop::Stop;
use crate::unpacker::Unpacker;

/// Output of a trial that is taken for proof where there is no checksum to prove it.
const PROOF: usize = 16;

/// CM 8, a window of 32 KiB as joblib demands, no preset dictionary, and a header divisible by 31: 78 01, 78 5e, 78 9c, 78 da.
pub fn starts(head: &[u8]) -> bool {
    matches!(head, [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..])
}

/// True if the head of a file is a zlib stream.
pub fn probe(head: &[u8]) -> bool {
    let Some((_, body)) = head.split_at_checked(2).filter(|_| starts(head)) else { return false };
    let Some(trial) = trial(body) else { return false };
    let mut adler = Adler::new();
    adler.update(&trial.output);
    let sum = adler.value().to_be_bytes();
    let proven = trial.end.and_then(|end| body.get(end..)).is_some_and(|rest| rest.starts_with(&sum));
    proven || trial.output.len() >= PROOF
}

/// Unpacks one stream.
pub fn member(unpacker: &mut Unpacker<'_>) -> Result<(), Stop> {
    let start = unpacker.reader.position();
    let [method, flags] = unpacker.reader.array::<2>()?;
    if method & 15 != 8 || (u16::from(method) << 8 | u16::from(flags)) % 31 != 0 {
        return Err(Stop::Corrupt { offset: start, reason: "the zlib header is invalid".to_owned() });
    }
    if flags & 0x20 != 0 {
        return Err(Stop::Unsupported("it needs a preset dictionary, which is not in the file".to_owned()));
    }
    let mut adler = Adler::new();
    inflate(unpacker, |bytes| adler.update(bytes))?;
    let at = Span::new(unpacker.reader.position(), 4);
    let stored = u32::from_be_bytes(unpacker.reader.array()?);
    if stored != adler.value() {
        let (stored, found) = (format!("{stored:08x}"), format!("{:08x}", adler.value()));
        unpacker.mismatch(at, "the Adler-32 of the zlib stream", stored, found);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::probe;

    #[test]
    fn only_what_inflates_is_zlib() {
        assert!(probe(b"\x78\x9c\x03\0\0\0\0\x01"), "the empty stream");
        assert!(probe(b"\x78\x9c\x4b\x4c\x4a\x06\0\x02\x4d\x01\x27"), "abc");
        assert!(
            !probe(b"\x78\x9c\x4b\x4c\x4a\x06\0\x02\x4d\x01\x28"),
            "three bytes and a wrong checksum prove nothing"
        );
        assert!(!probe(b"x^2 + y^2 = z^2\nx^3 + y^3 = z^3\n"));
        assert!(!probe(b"x\x9c"));
        assert!(!probe(b""));
        assert!(!probe(&[0x78, 0x9c].into_iter().chain((0..200).map(|n: u8| n.wrapping_mul(77))).collect::<Vec<_>>()));
    }
}
