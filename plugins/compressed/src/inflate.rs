//! Raw deflate (RFC 1951), the body of gzip and zlib streams. Their own headers and checksums are read by the modules of that
//! name: the library would throw away what it unpacked when a checksum is wrong, and a loader that reads in blocks has run it by then.

use flate2::{Decompress, FlushDecompress, Status};

use crate::stop::Stop;
use crate::unpacker::{State, Step, Unpacker};

/// Unpacks one raw deflate stream; `seen` gets every block of output.
///
/// # Errors
/// Why the stream did not end.
pub fn inflate(unpacker: &mut Unpacker<'_>, mut seen: impl FnMut(&[u8])) -> Result<(), Stop> {
    let mut decoder = Decompress::new(false);
    let start = unpacker.reader.position();
    unpacker.pump(
        |input, output| step(&mut decoder, input, output, start),
        |out, bytes, position| {
            seen(bytes);
            out.write(bytes, position)
        },
    )
}

/// One call of the decoder, whose stream began at `start`.
fn step(decoder: &mut Decompress, input: &[u8], output: &mut [u8], start: u64) -> Step {
    let before = (decoder.total_in(), decoder.total_out());
    let result = decoder.decompress(input, output, FlushDecompress::None);
    let state = match result {
        Ok(Status::StreamEnd) => State::End,
        Ok(_) => State::More,
        Err(_) => {
            let offset = start.saturating_add(decoder.total_in());
            State::Failed(Stop::Corrupt { offset, reason: "the deflate data is invalid".to_owned() })
        }
    };
    Step {
        consumed: (decoder.total_in() - before.0) as usize,
        produced: (decoder.total_out() - before.1) as usize,
        state,
    }
}

/// What unpacking the first bytes of a supposed deflate stream showed.
pub struct Trial {
    /// Bytes that came out, at most 64 KiB.
    pub output: Vec<u8>,
    /// Where the stream ended in the input, if it did.
    pub end: Option<usize>,
}

/// Unpacks the head of a file to see whether it is deflate data at all; None if it is not.
pub fn trial(input: &[u8]) -> Option<Trial> {
    let mut decoder = Decompress::new(false);
    let mut output = vec![0; 64 << 10];
    let mut left = input;
    let mut filled = 0;
    loop {
        let room = output.get_mut(filled..)?;
        if room.is_empty() {
            return Some(Trial { output, end: None });
        }
        let done = step(&mut decoder, left, room, 0);
        left = left.get(done.consumed..)?;
        filled += done.produced;
        let end = match done.state {
            State::Failed(_) => return None,
            State::End => Some(input.len() - left.len()),
            State::More if done.consumed == 0 && done.produced == 0 => None,
            State::More => continue,
        };
        output.truncate(filled);
        return Some(Trial { output, end });
    }
}

/// Adler-32 (RFC 1950, section 8.2).
pub struct Adler {
    low: u32,
    high: u32,
}

impl Adler {
    /// The sum of no bytes.
    pub fn new() -> Self {
        Self { low: 1, high: 0 }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        // 5552 is the most bytes that can be added before the sums overflow 32 bits.
        for block in bytes.chunks(5552) {
            for byte in block {
                self.low += u32::from(*byte);
                self.high += self.low;
            }
            self.low %= 65_521;
            self.high %= 65_521;
        }
    }

    /// The sum.
    pub fn value(&self) -> u32 {
        self.high << 16 | self.low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adler_of_known_texts() {
        let of = |bytes: &[u8]| {
            let mut adler = Adler::new();
            adler.update(bytes);
            adler.value()
        };
        assert_eq!(of(b""), 1);
        assert_eq!(of(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(of(&[0xff; 100_000]), 0x149a_302c);
    }

    #[test]
    fn a_trial_tells_deflate_from_noise() {
        let stored = b"\x01\x03\0\xfc\xffabctail";
        let trial = trial(stored).unwrap();
        assert_eq!((trial.output.as_slice(), trial.end), (&b"abc"[..], Some(8)));
        assert!(super::trial(b"\xff\xff\xff\xff\xff\xff").is_none());
        assert_eq!(super::trial(&stored[..6]).unwrap().end, None);
    }
}
