//! Zstandard frames (RFC 8878). Only one frame's window is kept, and of the unpacked data no more than that.

use std::io::{self, Read};

use modelaudit_plugin::{Reader, Span};
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::output::Output;
use crate::skippable;
use crate::stop::Stop;
use crate::unpacker::{Unpacker, WINDOW_LIMIT};

/// The frame's magic number.
pub const MAGIC: &[u8; 4] = b"\x28\xb5\x2f\xfd";

/// A frame, or a skippable one.
pub fn starts(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || skippable::starts(head)
}

/// Unpacks one frame.
pub fn member(unpacker: &mut Unpacker<'_>) -> Result<(), Stop> {
    if skippable::starts(unpacker.reader.peek(4)) {
        return Ok(skippable::skip(&mut unpacker.reader)?);
    }
    let start = unpacker.reader.position();
    let before = unpacker.out.written();
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(WINDOW_LIMIT);
    let mut source = Source { reader: &mut unpacker.reader, ended: false };
    let opened = decoder.reset(&mut source);
    let ended = source.ended;
    opened.map_err(|error| stop(&error, ended, start))?;
    while !decoder.is_finished() {
        let mut source = Source { reader: &mut unpacker.reader, ended: false };
        let decoded = decoder.decode_blocks(&mut source, BlockDecodingStrategy::UptoBlocks(1));
        let (ended, position) = (source.ended, source.reader.position());
        if let Err(error) = decoded {
            release(&mut decoder);
            drain(&mut decoder, &mut unpacker.buffer, &mut unpacker.out, position)?;
            return Err(stop(&error, ended, position));
        }
        drain(&mut decoder, &mut unpacker.buffer, &mut unpacker.out, position)?;
    }
    let found = unpacker.out.written() - before;
    let declared = decoder.content_size();
    if declared != 0 && declared != found {
        unpacker.mismatch(Span::new(start, 4), "the content size of the Zstandard frame", declared, found);
    }
    if let (Some(stored), Some(found)) = (decoder.get_checksum_from_data(), decoder.get_calculated_checksum())
        && stored != found
    {
        let at = Span::new(unpacker.reader.position().saturating_sub(4), 4);
        let (stored, found) = (format!("{stored:08x}"), format!("{found:08x}"));
        unpacker.mismatch(at, "the content checksum of the Zstandard frame", stored, found);
    }
    Ok(())
}

/// Moves what the decoder no longer needs for its window to the output.
fn drain(decoder: &mut FrameDecoder, buffer: &mut [u8], out: &mut Output<'_>, position: u64) -> Result<(), Stop> {
    loop {
        match decoder.read(buffer) {
            Ok(0) | Err(_) => return Ok(()),
            Ok(length) => out.write(buffer.get(..length).unwrap_or_default(), position)?,
        }
    }
}

/// Makes a decoder whose frame broke off give away its window: it does so only at the end of a frame, so it is shown one, an empty
/// last block and room for a checksum.
fn release(decoder: &mut FrameDecoder) {
    let end: &[u8] = &[1, 0, 0, 0, 0, 0, 0];
    // An error leaves the window where it is: what it holds is lost, as it is for a loader.
    let _ = decoder.decode_blocks(end, BlockDecodingStrategy::UptoBlocks(1));
}

fn stop(error: &FrameDecoderError, ended: bool, offset: u64) -> Stop {
    match error {
        _ if ended => Stop::Truncated,
        FrameDecoderError::WindowSizeTooBig { requested, .. } => Stop::Window(*requested),
        FrameDecoderError::DictNotProvided { dict_id } => {
            Stop::Unsupported(format!("it needs the dictionary {dict_id}, which is not in the file"))
        }
        error => Stop::Corrupt { offset, reason: error.to_string() },
    }
}

/// The input, which remembers whether it was asked for more than there is.
struct Source<'a, 'b> {
    reader: &'a mut Reader<'b>,
    ended: bool,
}

impl Read for Source<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(buffer)?;
        self.ended |= length == 0 && !buffer.is_empty();
        Ok(length)
    }
}
