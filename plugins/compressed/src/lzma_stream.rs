//! Runs the library's LZMA and LZMA2 decoders so that nothing which a loader would have seen is lost where a stream breaks off.
//!
//! liblzma, which Python uses, gives every byte up to a break, and Python asks it for a few kilobytes at a time: a pickle in front
//! of the break runs. The library's LZMA reader does the same when asked to; its LZMA2 decoders drop what they decoded of the chunk that
//! breaks. For the first chunk, which is all there is of a small file and is a plain LZMA stream, the reader is used then.

use std::io::{Error, ErrorKind, Read};

use lzma_rust2::{Action, Lzma2Stream, LzmaReader, Status, StreamResult};
use modelaudit_plugin::{Reader, Span};

use crate::output::Output;
use crate::stop::Stop;
use crate::unpacker::{State, Step, Unpacker, WINDOW_LIMIT};

/// Dictionaries above this are not told to the library, which can't address them in 32 bits; streams that need them are stopped
/// long before.
const LARGEST_DICTIONARY: u32 = 1 << 30;

/// The parameters of an LZMA stream.
pub struct Lzma {
    /// Literal and position bits.
    pub properties: u8,
    /// Bytes of history that matches may refer to.
    pub dictionary: u32,
    /// Unpacked size; all ones if an end marker ends the stream.
    pub size: u64,
}

/// Counts what a stream has given, and stops it before its window takes more memory than there is.
struct Gauge {
    window: u64,
    given: u64,
}

impl Gauge {
    fn add(&mut self, length: usize) -> Result<(), Stop> {
        self.given += length as u64;
        // The window's buffer doubles whenever it is full; the margin is the room that one call may use.
        if self.window > WINDOW_LIMIT && self.given > WINDOW_LIMIT - (1 << 20) {
            return Err(Stop::Window(self.window));
        }
        Ok(())
    }
}

/// Decodes an LZMA stream from the reader's position to its end.
///
/// # Errors
/// Why it did not end; all that was decoded before has been delivered.
pub fn decode(unpacker: &mut Unpacker<'_>, lzma: &Lzma) -> Result<(), Stop> {
    decode_seen(unpacker, lzma, |_| {})
}

/// The same; `seen` gets the unpacked bytes, for a checksum.
///
/// # Errors
/// Why it did not end; all that was decoded before has been delivered.
pub fn decode_seen(unpacker: &mut Unpacker<'_>, lzma: &Lzma, mut seen: impl FnMut(&[u8])) -> Result<(), Stop> {
    // The window grows with the output, so a large one is no harm to a small file.
    let mut gauge = Gauge { window: u64::from(lzma.dictionary).min(lzma.size), given: 0 };
    let mut decoder = open(&mut unpacker.reader, lzma)?;
    let result = loop {
        match decoder.read(&mut unpacker.buffer) {
            Ok(0) => break Ok(()),
            Ok(length) => {
                let position = decoder.inner().position();
                let bytes = unpacker.buffer.get(..length).unwrap_or_default();
                seen(bytes);
                unpacker.out.write(bytes, position)?;
                gauge.add(length)?;
            }
            Err(error) => break Err(error),
        }
    };
    let unused = decoder.into_parts().1.len() as u64;
    let end = unpacker.reader.position().saturating_sub(unused);
    unpacker.reader.seek_to(end)?;
    result.map_err(|error| stop(&error, end, gauge.window))
}

fn open<'a, 'b>(reader: &'a mut Reader<'b>, lzma: &Lzma) -> Result<LzmaReader<&'a mut Reader<'b>>, Stop> {
    let (offset, dictionary) = (reader.position(), lzma.dictionary.min(LARGEST_DICTIONARY));
    let mut decoder = LzmaReader::new_with_props(reader, lzma.size, lzma.properties, dictionary, None)
        .map_err(|error| stop(&error, offset, u64::from(dictionary)))?;
    decoder.set_defer_errors(true);
    Ok(decoder)
}

/// Decodes an LZMA2 stream that keeps `window` bytes of history, from the reader's position to its end; returns its packed size.
///
/// # Errors
/// Why it did not end.
pub fn decode2(
    unpacker: &mut Unpacker<'_>,
    window: u32,
    unpacked: u64,
    mut deliver: impl FnMut(&mut Output<'_>, &[u8], u64) -> Result<(), Stop>,
) -> Result<u64, Stop> {
    let start = unpacker.reader.position();
    let mut gauge = Gauge { window: u64::from(window).min(unpacked), given: 0 };
    let needed = gauge.window;
    let mut decoder = Lzma2Stream::new(window.min(LARGEST_DICTIONARY));
    let result = unpacker.pump(
        |input, output| {
            let before = (decoder.total_in(), decoder.total_out());
            let result = decoder.process(input, output, Action::Run);
            let state = match result {
                Ok(StreamResult { status: Status::StreamEnd, .. }) => State::End,
                Ok(_) => State::More,
                Err(error) => State::Failed(stop(&error, start.saturating_add(decoder.total_in()), needed)),
            };
            let consumed = (decoder.total_in() - before.0) as usize;
            Step { consumed, produced: (decoder.total_out() - before.1) as usize, state }
        },
        |out, bytes, position| {
            deliver(out, bytes, position)?;
            gauge.add(bytes.len())
        },
    );
    if matches!(result, Err(Stop::Truncated | Stop::Corrupt { .. })) {
        rescue(unpacker, start, gauge.given, &mut deliver)?;
    }
    result.map(|()| unpacker.reader.position() - start)
}

/// Delivers what the first chunk of an LZMA2 stream at `start` holds beyond the `given` bytes.
fn rescue(
    unpacker: &mut Unpacker<'_>,
    start: u64,
    given: u64,
    deliver: &mut impl FnMut(&mut Output<'_>, &[u8], u64) -> Result<(), Stop>,
) -> Result<(), Stop> {
    // Control byte (LZMA, everything reset, the high bits of the size), unpacked and packed size less one, properties.
    let Some([control @ 0xe0..=0xff, b, c, d, e, properties]) = unpacker.artifact.array::<6>(start) else {
        return Ok(());
    };
    let size = (u32::from(control & 0x1f) << 16 | u32::from(b) << 8 | u32::from(c)) + 1;
    if given >= u64::from(size) {
        return Ok(());
    }
    let packed = (u64::from(d) << 8 | u64::from(e)) + 1;
    let position = unpacker.reader.position();
    let mut reader = Reader::over(unpacker.artifact, Span::new(start + 6, packed));
    let lzma = Lzma { properties, dictionary: size, size: u64::from(size) };
    let Ok(mut decoder) = open(&mut reader, &lzma) else { return Ok(()) };
    let mut skip = given as usize;
    while let Ok(length @ 1..) = decoder.read(&mut unpacker.buffer) {
        let bytes = unpacker.buffer.get(skip.min(length)..length).unwrap_or_default();
        skip = skip.saturating_sub(length);
        deliver(&mut unpacker.out, bytes, position)?;
    }
    Ok(())
}

fn stop(error: &Error, offset: u64, window: u64) -> Stop {
    match error.kind() {
        ErrorKind::UnexpectedEof => Stop::Truncated,
        ErrorKind::OutOfMemory => Stop::Window(window),
        ErrorKind::Unsupported => Stop::Unsupported(error.to_string()),
        _ => Stop::Corrupt { offset, reason: error.to_string() },
    }
}
