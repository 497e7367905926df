//! Unpacks one reading of a member, block by block, whatever its sizes and checksum claim.

use flate2::{Decompress, FlushDecompress, Status};
use modelaudit_plugin::{Artifact, Reader};

use crate::entry::Reading;

/// Method 0: the content as it is.
pub const STORED: u16 = 0;
/// Method 8: deflate.
pub const DEFLATED: u16 = 8;
/// Method 9: deflate with a window of 64 KiB; what Windows writes beyond 2 GiB.
pub const DEFLATE64: u16 = 9;
/// Method 12.
pub const BZIP2: u16 = 12;
/// Method 14.
pub const LZMA: u16 = 14;
/// Method 93.
pub const ZSTD: u16 = 93;
/// Method 95.
pub const XZ: u16 = 95;
/// Method 98.
pub const PPMD: u16 = 98;
/// Method 99: WinZip AES; the real method is in an extra field.
pub const AES: u16 = 99;

/// Bytes that are handed over at once.
const BLOCK: usize = 128 << 10;

/// Memory that a dictionary may take, in KiB: what `xz -9` needs, and a quarter of what the guest has.
#[cfg(feature = "all-methods")]
const DICTIONARY_KIB: u32 = 66 << 10;

/// How unpacking ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The stream ended as it should.
    Complete,
    /// The stream breaks off or is damaged; what came out before was handed over.
    Broken(String),
    /// The receiver wanted no more.
    Stopped,
    /// The method can not be unpacked here.
    Unsupported,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// How it ended.
    pub outcome: Outcome,
    /// Bytes that came out.
    pub size: u64,
    /// Their CRC-32.
    pub crc: u32,
    /// Bytes of the reading that were used; the rest is behind the end of the stream. Only known for stored and deflated ones.
    pub used: u64,
}

/// Whether [`unpack`] can unpack a method.
pub const fn is_supported(method: u16) -> bool {
    matches!(method, STORED | DEFLATED) || cfg!(feature = "all-methods") && matches!(method, BZIP2 | LZMA | ZSTD | XZ)
}

/// Unpacks a reading; `receive` gets blocks of at most 128 KiB and says whether it wants more.
pub fn unpack(artifact: &dyn Artifact, reading: &Reading, receive: &mut dyn FnMut(&[u8]) -> bool) -> Unpacked {
    let mut crc = crc32fast::Hasher::new();
    let mut size = 0u64;
    let mut input = Reader::over(artifact, reading.span);
    let mut counted = |block: &[u8]| {
        crc.update(block);
        size += block.len() as u64;
        receive(block)
    };
    let outcome = match reading.method {
        STORED => copy(&mut input, &mut counted),
        DEFLATED => inflate(&mut input, &mut counted),
        method => other(method, &mut input, reading.size, &mut counted),
    };
    let used = input.position().saturating_sub(reading.span.offset).min(reading.span.length);
    Unpacked { outcome, size, crc: crc.finalize(), used }
}

/// At most `limit` bytes of a reading's content, for members that are looked at as a whole (a manifest, a link's target).
/// None if there is more, or if the method can not be unpacked; what a broken stream gives before the break is given.
pub fn unpack_all(artifact: &dyn Artifact, reading: &Reading, limit: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let unpacked = unpack(artifact, reading, &mut |block| {
        let fits = bytes.len() + block.len() <= limit;
        if fits {
            bytes.extend_from_slice(block);
        }
        fits
    });
    matches!(unpacked.outcome, Outcome::Complete | Outcome::Broken(_)).then_some(bytes)
}

fn copy(input: &mut Reader<'_>, receive: &mut dyn FnMut(&[u8]) -> bool) -> Outcome {
    loop {
        let block = input.buffered();
        let block = block.get(..BLOCK).unwrap_or(block);
        let length = block.len() as u64;
        if length == 0 {
            return Outcome::Complete;
        }
        if !receive(block) {
            return Outcome::Stopped;
        }
        if let Err(end) = input.skip(length) {
            return Outcome::Broken(end.to_string());
        }
    }
}

fn inflate(input: &mut Reader<'_>, receive: &mut dyn FnMut(&[u8]) -> bool) -> Outcome {
    let mut stream = Decompress::new(false);
    let mut output = vec![0; BLOCK];
    loop {
        let block = input.buffered();
        let at_end = block.is_empty();
        let (taken, given) = (stream.total_in(), stream.total_out());
        let status = match stream.decompress(block, &mut output, FlushDecompress::None) {
            Ok(status) => status,
            Err(error) => return Outcome::Broken(error.to_string()),
        };
        let (taken, given) = (stream.total_in() - taken, stream.total_out() - given);
        if input.skip(taken).is_err() {
            return Outcome::Broken("more was used than there is".to_owned());
        }
        let given = usize::try_from(given).unwrap_or(BLOCK).min(BLOCK);
        if let Some(block) = output.get(..given).filter(|block| !block.is_empty())
            && !receive(block)
        {
            return Outcome::Stopped;
        }
        match status {
            Status::StreamEnd => return Outcome::Complete,
            _ if at_end && given == 0 => return Outcome::Broken("the stream breaks off".to_owned()),
            _ if taken == 0 && given == 0 && !at_end => return Outcome::Broken("the stream does not go on".to_owned()),
            _ => {}
        }
    }
}

#[cfg(not(feature = "all-methods"))]
fn other(_: u16, _: &mut Reader<'_>, _: Option<u64>, _: &mut dyn FnMut(&[u8]) -> bool) -> Outcome {
    Outcome::Unsupported
}

#[cfg(feature = "all-methods")]
fn other(method: u16, input: &mut Reader<'_>, size: Option<u64>, receive: &mut dyn FnMut(&[u8]) -> bool) -> Outcome {
    match method {
        BZIP2 => pump(bzip2::read::BzDecoder::new(input), receive),
        XZ => pump(lzma_rust2::XzReader::new_mem_limit(input, false, DICTIONARY_KIB), receive),
        LZMA => lzma(input, size, receive),
        // The decoder has its own limit for the window (100 MiB).
        ZSTD => match ruzstd::decoding::StreamingDecoder::new(input) {
            Ok(stream) => pump(stream, receive),
            Err(error) => Outcome::Broken(one_line(&error.to_string())),
        },
        _ => Outcome::Unsupported,
    }
}

/// APPNOTE 5.8.8: version, length of the properties, properties, then the raw stream.
#[cfg(feature = "all-methods")]
fn lzma(input: &mut Reader<'_>, size: Option<u64>, receive: &mut dyn FnMut(&[u8]) -> bool) -> Outcome {
    let Ok([_, _, 5, 0, properties, a, b, c, d]) = input.array::<9>() else {
        return Outcome::Broken("no LZMA properties".to_owned());
    };
    let dictionary = u32::from_le_bytes([a, b, c, d]);
    // The memory grows with the dictionary, not with what is written to it.
    if dictionary > DICTIONARY_KIB << 10 {
        return Outcome::Broken(format!("a dictionary of {dictionary} bytes is more than is kept in memory"));
    }
    let _ = size;
    match lzma_rust2::LzmaReader::new_with_props(input, u64::MAX, properties, dictionary, None) {
        Ok(stream) => pump(stream, receive),
        Err(error) => Outcome::Broken(one_line(&error.to_string())),
    }
}

#[cfg(feature = "all-methods")]
fn pump(mut stream: impl std::io::Read, receive: &mut dyn FnMut(&[u8]) -> bool) -> Outcome {
    let mut block = vec![0; BLOCK];
    loop {
        match stream.read(&mut block) {
            Ok(0) => return Outcome::Complete,
            Ok(length) => {
                if !receive(block.get(..length).unwrap_or_default()) {
                    return Outcome::Stopped;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Outcome::Broken(one_line(&error.to_string())),
        }
    }
}

/// Decoders' messages are not ours.
#[cfg(feature = "all-methods")]
fn one_line(message: &str) -> String {
    modelaudit_plugin::clip(&modelaudit_plugin::escape(message), 200)
}
