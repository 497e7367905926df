//! Drives a codec over a whole artifact: member after member into one child, padding, what stands behind the last one.
//!
//! Loaders (gzip, bz2, lzma of Python; joblib) read concatenated members as one stream and stop, without a word, at bytes that are no
//! member: so does this module, and it shows those bytes. A scanner that only unpacks the first member is blind to the rest.

use modelaudit_plugin::{Artifact, Finding, Reader, Rule, Sink, Span};
use modelaudit_rules::files::S410;
use modelaudit_rules::structure::{S902, S904, S910, S911};

use crate::codec::Codec;
use crate::output::{Output, child_name};
use crate::stop::Stop;

/// Bytes that are unpacked at a time.
const BLOCK: usize = 256 << 10;

/// History that a stream may ask for. Guests have 256 MiB in all; the decoders' buffers double as they grow, so more than half
/// of it can't be had. zstd and xz at their highest ordinary settings ask for 128 and 64 MiB; libzstd refuses more, too.
pub const WINDOW_LIMIT: u64 = 128 << 20;

/// Members that may be small. More of them than this, all together small, are no stream that a packer wrote: a decoder is set up for
/// each (bzip2's clears 3.6 MB), which takes for ever.
const SMALL_MEMBERS: u64 = 10_000;

/// Findings about defects of single members, then a count.
const DEFECT_LIMIT: u64 = 16;

/// What one call of a decoder did.
pub struct Step {
    /// Bytes taken from the input.
    pub consumed: usize,
    /// Bytes put into the output.
    pub produced: usize,
    /// How it goes on.
    pub state: State,
}

/// How a decoder goes on.
pub enum State {
    /// With more input or more room.
    More,
    /// The stream has ended.
    End,
    /// It does not.
    Failed(Stop),
}

/// The input, the output and what codecs need between them.
pub struct Unpacker<'a> {
    /// The bytes under scan, for digests.
    pub artifact: &'a dyn Artifact,
    /// The input; its position is where the codec stands.
    pub reader: Reader<'a>,
    /// The output.
    pub out: Output<'a>,
    /// A block of unpacked bytes.
    pub buffer: Vec<u8>,
    defects: u64,
}

impl Unpacker<'_> {
    /// Runs a decoder until its stream ends. `step` is called with input (nothing once it has ended) and a block for its
    /// output; `deliver` gets what it produced, and how far the input was read.
    ///
    /// # Errors
    /// Why the stream did not end; what was produced before has been delivered.
    pub fn pump(
        &mut self,
        mut step: impl FnMut(&[u8], &mut [u8]) -> Step,
        mut deliver: impl FnMut(&mut Output<'_>, &[u8], u64) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        loop {
            let input = self.reader.buffered();
            let given = input.len();
            let done = step(input, &mut self.buffer);
            let consumed = done.consumed.min(given);
            self.reader.skip(consumed as u64)?;
            let produced = self.buffer.get(..done.produced).unwrap_or(&self.buffer);
            deliver(&mut self.out, produced, self.reader.position())?;
            match done.state {
                State::End => return Ok(()),
                State::Failed(stop) => return Err(stop),
                State::More if consumed > 0 || done.produced > 0 => {}
                State::More if given == 0 => return Err(Stop::Truncated),
                State::More => {
                    let reason = "the decoder makes no progress".to_owned();
                    return Err(Stop::Corrupt { offset: self.reader.position(), reason });
                }
            }
        }
    }

    /// Reports a defect of a member that its loaders may ignore. The first few are findings of their own.
    pub fn defect(&mut self, rule: &Rule, at: Span, message: String) {
        self.defects += 1;
        if self.defects <= DEFECT_LIMIT {
            let at = at.within(self.artifact.size());
            self.out.sink.finding(Finding::new(rule, message).at(at.offset, at.length));
        }
    }

    /// Reports a checksum or size that stands in the file and is not that of the content.
    pub fn mismatch(&mut self, at: Span, what: &str, stored: impl std::fmt::Display, found: impl std::fmt::Display) {
        let message = format!("{what} at offset {} says {stored}, the content has {found}", at.offset);
        self.defect(&S910, at, message);
    }
}

/// Unpacks an artifact and reports. `hint` is the format that the content is tried as in any case.
///
/// # Errors
/// The artifact does not start as the codec demands.
pub fn unpack(artifact: &dyn Artifact, codec: &Codec, sink: &mut dyn Sink) -> Result<(), String> {
    let mut reader = Reader::new(artifact);
    if !(codec.starts)(reader.peek(32)) {
        return Err(format!("the file does not start as {} does", codec.title));
    }
    let name = child_name(&artifact.name(), codec.suffixes);
    let out = Output::new(sink, name, codec.hint);
    let mut unpacker = Unpacker { artifact, reader, out, buffer: vec![0; BLOCK], defects: 0 };
    let mut members = 0u64;
    let stop = loop {
        let start = unpacker.reader.position();
        if let Err(stop) = (codec.member)(&mut unpacker) {
            break Some((start, stop));
        }
        members += 1;
        let end = unpacker.reader.position();
        skip_zeros(&mut unpacker.reader);
        if unpacker.reader.remaining() == 0 {
            break None;
        }
        if members > SMALL_MEMBERS && end / members < codec.small_member {
            break Some((end, Stop::Members(members)));
        }
        // A decoder that reads nothing must not be called for ever.
        if end == start || !(codec.continues)(unpacker.reader.peek(32)) {
            trailing(&mut unpacker, codec, end);
            break None;
        }
    };
    if let Some((start, stop)) = &stop {
        report(&mut unpacker, codec, *start, stop);
    }
    let Unpacker { reader, out, defects, .. } = unpacker;
    if defects > DEFECT_LIMIT {
        out.sink.log(&format!("{} more members with defects", defects - DEFECT_LIMIT));
    }
    out.sink.fact_text("compression", codec.id);
    out.sink.fact_number("compression_members", members);
    out.sink.fact_number("unpacked_bytes", out.written());
    out.finish(codec.title, reader.position());
    Ok(())
}

/// Skips zeros: tapes, block devices and some writers pad with them, and loaders skip them.
fn skip_zeros(reader: &mut Reader<'_>) {
    loop {
        let block = reader.buffered();
        let (length, zeros) = (block.len(), block.iter().take_while(|byte| **byte == 0).count());
        if reader.skip(zeros as u64).is_err() || zeros < length || length == 0 {
            return;
        }
    }
}

/// Shows what stands behind the last member: loaders do not read it, other programs may.
fn trailing(unpacker: &mut Unpacker<'_>, codec: &Codec, end: u64) {
    let span = Span::new(unpacker.reader.position(), unpacker.reader.remaining());
    let message = format!("{} bytes stand behind the end of the {} data at offset {end}", span.length, codec.title);
    let sink = &mut unpacker.out.sink;
    sink.finding(Finding::new(&S911, message).at(span.offset, span.length).element("trailing"));
    sink.embed("trailing", span, "");
}

/// Says why a member could not be unpacked to its end.
fn report(unpacker: &mut Unpacker<'_>, codec: &Codec, start: u64, stop: &Stop) {
    let title = codec.title;
    let (position, size) = (unpacker.reader.position(), unpacker.artifact.size());
    let sink = &mut unpacker.out.sink;
    match stop {
        Stop::Truncated => {
            sink.incomplete(&format!(
                "the {title} stream at offset {start} is not complete: the file ends at offset {size}"
            ));
        }
        Stop::Corrupt { offset, reason } => {
            let offset = (*offset).min(size);
            let message = format!("the {title} stream at offset {start} is broken at offset {offset}: {reason}");
            sink.incomplete(&format!("{message}; the rest was not unpacked"));
            sink.finding(Finding::new(&S902, message).at(offset, size - offset));
        }
        Stop::Unsupported(reason) => {
            sink.incomplete(&format!("the {title} stream at offset {start} can't be unpacked: {reason}"));
        }
        Stop::Window(bytes) => {
            let message = format!(
                "the {title} stream at offset {start} makes its reader keep {bytes} bytes of history, more than the limit of {WINDOW_LIMIT}"
            );
            sink.incomplete(&format!("{message}; unpacked up to offset {position}"));
            sink.finding(Finding::new(&S904, message).at(start, position.saturating_sub(start)));
        }
        Stop::Members(count) => {
            let message = format!("the file is cut into {title} members of {} bytes on average", start / count.max(&1));
            sink.incomplete(&format!("{message}; the first {count} were unpacked, up to offset {start}"));
            sink.finding(Finding::new(&S410, message).at(0, start).detail("members", count.to_string()));
        }
        // The host notes it, and `Output::finish` reports it with the ratio.
        Stop::Budget => {}
    }
}
