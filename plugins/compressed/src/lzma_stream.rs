//! Runs the library's LZMA and LZMA2 decoders so that nothing which a loader would have seen is lost where a stream breaks off.
//!
//! They decode a symbol only with twenty bytes of input at hand, and when they are told that the input has ended inside a symbol
//! they drop what they decoded before it. liblzma, which Python uses, gives every byte. So they are never told: where the input ends,
//! zeros follow one by one, until every symbol that starts in real bytes is out.

use lzma_rust2::{Action, Lzma2Stream, LzmaStream, Status, StreamResult};

use crate::output::Output;
use crate::stop::Stop;
use crate::unpacker::{State, Step, Unpacker, WINDOW_LIMIT};

/// Input that the decoders want at hand for one symbol.
const SYMBOL: usize = 20;

/// The library's decoders.
pub trait Decoder {
    /// Decodes from the input into the output, neither of which need be used up.
    ///
    /// # Errors
    /// The library's.
    fn process(&mut self, input: &[u8], output: &mut [u8]) -> std::io::Result<StreamResult>;
    /// Bytes consumed and produced so far: on an error, too, they were.
    fn totals(&self) -> (u64, u64);
    /// Consumed bytes that turned out to stand behind the end of the stream.
    fn unused(&self) -> usize;
}

impl Decoder for LzmaStream {
    fn process(&mut self, input: &[u8], output: &mut [u8]) -> std::io::Result<StreamResult> {
        Self::process(self, input, output, Action::Run)
    }
    fn totals(&self) -> (u64, u64) {
        (self.total_in(), self.total_out())
    }
    fn unused(&self) -> usize {
        self.unused_input().len()
    }
}

impl Decoder for Lzma2Stream {
    fn process(&mut self, input: &[u8], output: &mut [u8]) -> std::io::Result<StreamResult> {
        Self::process(self, input, output, Action::Run)
    }
    fn totals(&self) -> (u64, u64) {
        (self.total_in(), self.total_out())
    }
    fn unused(&self) -> usize {
        0
    }
}

/// Decodes a stream that keeps `window` bytes of history, from the reader's position to its end.
///
/// # Errors
/// Why it did not end.
pub fn decode(
    unpacker: &mut Unpacker<'_>,
    decoder: &mut dyn Decoder,
    window: u64,
    mut deliver: impl FnMut(&mut Output<'_>, &[u8], u64) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let start = unpacker.reader.position();
    let mut written = 0u64;
    let mut deliver = |out: &mut Output<'_>, bytes: &[u8], position: u64| {
        written += bytes.len() as u64;
        deliver(out, bytes, position)?;
        // The window's buffer doubles whenever it is full; the margin is the room that one call may use.
        if window > WINDOW_LIMIT && written > WINDOW_LIMIT - (1 << 20) {
            return Err(Stop::Window(window));
        }
        Ok(())
    };
    let result = unpacker.pump(|input, output| step(decoder, input, output, start, window), &mut deliver);
    let mut zeros = 0;
    if result == Err(Stop::Truncated) {
        let position = unpacker.reader.position();
        let mut ended = false;
        while zeros < SYMBOL && !ended {
            let done = step(decoder, &[0], &mut unpacker.buffer, start, window);
            zeros += done.consumed;
            deliver(&mut unpacker.out, unpacker.buffer.get(..done.produced).unwrap_or_default(), position)?;
            match done.state {
                State::End => ended = true,
                State::More if done.consumed + done.produced > 0 => {}
                State::More | State::Failed(_) => break,
            }
        }
        // The last byte of a range coder may be left out: it decides nothing.
        if !ended || zeros.saturating_sub(decoder.unused()) > 1 {
            return result;
        }
    } else {
        result?;
    }
    let unused = decoder.unused().saturating_sub(zeros) as u64;
    let end = unpacker.reader.position().saturating_sub(unused);
    unpacker.reader.seek_to(end)?;
    Ok(())
}

/// One call of a decoder whose stream began at `start`.
fn step(decoder: &mut dyn Decoder, input: &[u8], output: &mut [u8], start: u64, window: u64) -> Step {
    let before = decoder.totals();
    let result = decoder.process(input, output);
    let (consumed, produced) = decoder.totals();
    let state = match result {
        Ok(StreamResult { status: Status::StreamEnd, .. }) => State::End,
        Ok(_) => State::More,
        Err(error) => State::Failed(match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Stop::Truncated,
            std::io::ErrorKind::OutOfMemory => Stop::Window(window),
            std::io::ErrorKind::Unsupported => Stop::Unsupported(error.to_string()),
            _ => Stop::Corrupt { offset: start.saturating_add(consumed), reason: error.to_string() },
        }),
    };
    Step { consumed: (consumed - before.0) as usize, produced: (produced - before.1) as usize, state }
}
