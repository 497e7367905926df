//! Unpacks members with the `rars` crate's codecs, within a guest's memory.
//!
//! Only its codecs are used, fed with the bytes that the headers read here account for. What they allocate was read in their
//! source: RAR5 keeps history as it is made, up to the dictionary's size, which is cut to [`HISTORY_LIMIT`] here; its blocks have
//! at most 16 MiB. The older ones keep 4 MiB of history or less, but read a whole packed member, which [`PACKED_LIMIT`] bounds.
//! Filter programs run 25 million steps at most.

use std::io::{self, Read, Write};

use rars::codec::Error;
use rars::codec::rar13::Unpack15;
use rars::codec::rar20::Unpack20;
use rars::codec::rar29::Unpack29;
use rars::codec::rar50::{DecodedChunk, StreamDecodeError, Unpack50Decoder};

use crate::entry::Coding;

/// History that is kept: with the copy while it grows and a block of 16 MiB, half of the 256 MiB that a guest has.
pub const HISTORY_LIMIT: u64 = 64 << 20;

/// Longest packed member of RAR 4 and older, which is read as a whole into a buffer that doubles.
pub const PACKED_LIMIT: u64 = 48 << 20;

/// Bytes that a packed byte of RAR 1.5 can become at most, rounded up.
const RAR15_RATIO: u64 = 4096;

/// Why a member did not come out whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The receiver took no more.
    Refused,
    /// It needs more memory than there is, for this reason.
    Memory(String),
    /// The packing is not known.
    Unsupported(String),
    /// The data are damaged: how.
    Broken(String),
}

/// What remembers the members so far, for those that depend on them.
enum State {
    Nothing,
    Rar15(Box<Unpack15>),
    Rar20(Box<Unpack20>),
    Rar29(Box<Unpack29>),
    Rar50(Box<Unpack50Decoder>),
}

/// Unpacks one member after another.
pub struct Decoder {
    state: State,
    /// Bytes that the state has seen.
    given: u64,
    /// A member before was not unpacked, so those that depend on it can't be.
    broken: bool,
}

impl Decoder {
    /// Nothing unpacked yet.
    pub fn new() -> Self {
        Self { state: State::Nothing, given: 0, broken: false }
    }

    /// A packed member was passed over.
    pub fn passed_over(&mut self) {
        self.broken = true;
    }

    /// Unpacks `packed` bytes from `input` to `size` bytes, block by block, to `out`, which says whether it takes more.
    pub fn member(
        &mut self,
        coding: Coding,
        solid: bool,
        (input, packed): (&mut dyn Read, u64),
        size: u64,
        out: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), Failure> {
        if !solid {
            self.given = 0;
            self.broken = false;
        } else if self.broken {
            return Err(Failure::Broken("a member before, which it depends on, could not be unpacked".to_owned()));
        }
        // Until it is known to be whole.
        self.broken = true;
        self.prepare(coding, solid)?;
        let Ok(length) = usize::try_from(size) else {
            return Err(Failure::Memory(format!("a member of {size} bytes")));
        };
        if !matches!(coding, Coding::Rar50 { .. }) && packed > PACKED_LIMIT {
            return Err(Failure::Memory(format!("{packed} packed bytes in one piece, {PACKED_LIMIT} fit")));
        }
        // RAR 1.5 reads zeros behind the end of its data, for ever; a real match has at most some hundred bytes for a bit or more.
        let most =
            if coding == Coding::Rar15 { packed.saturating_add(1).saturating_mul(RAR15_RATIO) } else { u64::MAX };
        let length = length.min(usize::try_from(most).unwrap_or(usize::MAX));
        let mut given = self.given;
        let mut full = false;
        // Matches that go back further than the history find nothing there, so output ends where that could happen.
        let reach = match coding {
            Coding::Rar50 { dictionary, .. } if dictionary > HISTORY_LIMIT => HISTORY_LIMIT,
            _ => u64::MAX,
        };
        let mut sink = |bytes: &[u8]| -> Result<(), Stopped> {
            if given.saturating_add(bytes.len() as u64) > reach {
                full = true;
                return Err(Stopped);
            }
            given = given.saturating_add(bytes.len() as u64);
            if out(bytes) { Ok(()) } else { Err(Stopped) }
        };
        let mut input = input;
        let result = match (&mut self.state, coding) {
            (State::Rar50(decoder), Coding::Rar50 { version, dictionary }) => {
                let dictionary = dictionary.min(HISTORY_LIMIT) as usize;
                rar50(decoder, &mut input, version, (length, dictionary), solid, &mut sink)
            }
            (State::Rar29(decoder), _) if solid => {
                legacy(decoder.decode_member_from_reader(&mut input, length, &mut Output(&mut sink)))
            }
            (State::Rar29(decoder), _) => {
                legacy(decoder.decode_non_solid_member_from_reader(&mut input, length, &mut Output(&mut sink)))
            }
            (State::Rar20(decoder), _) => {
                legacy(decoder.decode_member_from_reader(&mut input, length, &mut Output(&mut sink)))
            }
            (State::Rar15(decoder), _) => {
                legacy(decoder.decode_member_from_reader(&mut input, length, solid, &mut Output(&mut sink)))
            }
            (State::Nothing, _) | (State::Rar50(_), _) => Err(Failure::Unsupported(coding.name())),
        };
        self.given = given;
        match result {
            Err(Failure::Refused) if full => Err(Failure::Memory(format!("{HISTORY_LIMIT} bytes of history fit"))),
            Ok(()) if size > most => Err(Failure::Broken(format!("{packed} packed bytes can't be {size} bytes"))),
            Ok(()) => {
                self.broken = false;
                Ok(())
            }
            failure => failure,
        }
    }

    /// A state that fits the packing.
    fn prepare(&mut self, coding: Coding, solid: bool) -> Result<(), Failure> {
        let fits = match coding {
            Coding::Rar15 => matches!(self.state, State::Rar15(_)),
            Coding::Rar20 => matches!(self.state, State::Rar20(_)),
            Coding::Rar29 => matches!(self.state, State::Rar29(_)),
            Coding::Rar50 { .. } => matches!(self.state, State::Rar50(_)),
            Coding::Stored | Coding::Unknown { .. } => return Err(Failure::Unsupported(coding.name())),
        };
        if fits && (solid || matches!(coding, Coding::Rar50 { .. })) {
            return Ok(());
        }
        self.state = match coding {
            Coding::Rar15 => State::Rar15(Box::new(Unpack15::new())),
            Coding::Rar20 => State::Rar20(Box::new(Unpack20::new())),
            Coding::Rar29 => State::Rar29(Box::new(Unpack29::new())),
            _ => State::Rar50(Box::new(Unpack50Decoder::new())),
        };
        Ok(())
    }
}

/// The receiver took no more.
struct Stopped;

/// A writer over the receiver.
struct Output<'s, F>(&'s mut F);

impl<F: FnMut(&[u8]) -> Result<(), Stopped>> Write for Output<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match (self.0)(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(Stopped) => Err(io::Error::from(io::ErrorKind::StorageFull)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn legacy(result: rars::codec::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| match error {
        // Reading from memory of the host does not fail, so this is the receiver's.
        Error::Io(_) => Failure::Refused,
        error => Failure::Broken(error.to_string()),
    })
}

fn rar50(
    decoder: &mut Unpack50Decoder,
    input: &mut &mut dyn Read,
    version: u8,
    (size, dictionary): (usize, usize),
    solid: bool,
    sink: &mut impl FnMut(&[u8]) -> Result<(), Stopped>,
) -> Result<(), Failure> {
    let pass = |chunk: DecodedChunk<'_>| match chunk {
        DecodedChunk::Bytes(bytes) => sink(bytes),
        DecodedChunk::Repeated { byte, mut len } => {
            let block = [byte; 4096];
            while len > 0 {
                let take = len.min(block.len());
                sink(block.get(..take).unwrap_or_default())?;
                len -= take;
            }
            Ok(())
        }
    };
    let result =
        decoder.decode_member_from_reader_with_dictionary_to_sink(input, version, size, dictionary, solid, pass);
    result.map_err(|error| match error {
        StreamDecodeError::Sink(Stopped) => Failure::Refused,
        StreamDecodeError::FilteredMember => Failure::Unsupported("filters that overlap or are too long".to_owned()),
        StreamDecodeError::Decode(error) => Failure::Broken(error.to_string()),
    })
}
