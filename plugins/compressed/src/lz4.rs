//! LZ4 frames (LZ4 frame format 1.6.4), joblib's `compress='lz4'`. Frames are walked here, the library unpacks the blocks: its own
//! frame reader takes a file that was cut between two blocks for a whole one.

use lz4_flex::block::decompress_into_with_dict;
use modelaudit_plugin::Span;

use crate::skippable;
use crate::stop::Stop;
use crate::unpacker::Unpacker;
use crate::xxh32::Xxh32;

/// The frame's magic number.
pub const MAGIC: &[u8; 4] = b"\x04\x22\x4d\x18";

/// Bytes of history that a linked block may refer to.
const HISTORY: usize = 64 << 10;

/// Most bytes of a block by the size code of the header, codes 4 to 7.
const BLOCK_SIZES: [usize; 4] = [64 << 10, 256 << 10, 1 << 20, 4 << 20];

/// A frame, or a skippable one.
pub fn starts(head: &[u8]) -> bool {
    head.starts_with(MAGIC) || skippable::starts(head)
}

/// What the header says.
struct Header {
    linked: bool,
    block_checksums: bool,
    content_checksum: bool,
    content_size: Option<u64>,
    block_size: usize,
}

/// Unpacks one frame.
pub fn member(unpacker: &mut Unpacker<'_>) -> Result<(), Stop> {
    if skippable::starts(unpacker.reader.peek(4)) {
        return Ok(skippable::skip(&mut unpacker.reader)?);
    }
    let start = unpacker.reader.position();
    let header = header(unpacker, start)?;
    let before = unpacker.out.written();
    let mut hash = Xxh32::new();
    let mut history = Vec::new();
    loop {
        let at = unpacker.reader.position();
        let word = unpacker.reader.u32_le()?;
        if word == 0 {
            break;
        }
        let (stored, length) = (word >> 31 != 0, word & (u32::MAX >> 1));
        if length as usize > header.block_size {
            let reason = format!("a block of {length} bytes is longer than the {} of the header", header.block_size);
            return Err(Stop::Corrupt { offset: at, reason });
        }
        let input = unpacker.reader.read_vec(u64::from(length))?;
        if header.block_checksums {
            let found = Xxh32::of(&input);
            check(unpacker, "the checksum of the LZ4 block", found)?;
        }
        let bytes = if stored {
            input.as_slice()
        } else {
            // Kept from frame to frame: many tiny frames must not clear four megabytes each.
            if unpacker.buffer.len() < header.block_size {
                unpacker.buffer.resize(header.block_size, 0);
            }
            let output = unpacker.buffer.get_mut(..header.block_size).unwrap_or_default();
            let length = decompress_into_with_dict(&input, output, &history)
                .map_err(|error| Stop::Corrupt { offset: at, reason: error.to_string() })?;
            output.get(..length).unwrap_or_default()
        };
        if header.content_checksum {
            hash.update(bytes);
        }
        if header.linked {
            remember(&mut history, bytes);
        }
        let position = unpacker.reader.position();
        for block in bytes.chunks(256 << 10) {
            unpacker.out.write(block, position)?;
        }
    }
    if header.content_checksum {
        check(unpacker, "the content checksum of the LZ4 frame", hash.value())?;
    }
    let found = unpacker.out.written() - before;
    if let Some(size) = header.content_size.filter(|size| *size != found) {
        unpacker.mismatch(Span::new(start + 6, 8), "the content size of the LZ4 frame", size, found);
    }
    Ok(())
}

fn header(unpacker: &mut Unpacker<'_>, start: u64) -> Result<Header, Stop> {
    let [_, _, _, _, flags, block] = unpacker.reader.array::<6>()?;
    let mut descriptor = vec![flags, block];
    let corrupt = |reason: &str| Stop::Corrupt { offset: start + 4, reason: reason.to_owned() };
    if flags >> 6 != 1 {
        return Err(Stop::Unsupported(format!("its frames have version {}", flags >> 6)));
    }
    let code = usize::from(block >> 4 & 7);
    let block_size = code.checked_sub(4).and_then(|index| BLOCK_SIZES.get(index).copied());
    let block_size = block_size.ok_or_else(|| corrupt("the block size is not one of the format"))?;
    let content_size = if flags & 8 != 0 {
        let size = unpacker.reader.array::<8>()?;
        descriptor.extend_from_slice(&size);
        Some(u64::from_le_bytes(size))
    } else {
        None
    };
    if flags & 1 != 0 {
        let id = unpacker.reader.u32_le()?;
        return Err(Stop::Unsupported(format!("it needs the dictionary {id}, which is not in the file")));
    }
    let at = Span::new(unpacker.reader.position(), 1);
    let (stored, found) = (unpacker.reader.u8()?, (Xxh32::of(&descriptor) >> 8) as u8);
    if stored != found {
        unpacker.mismatch(at, "the checksum of the LZ4 header", format!("{stored:02x}"), format!("{found:02x}"));
    }
    Ok(Header {
        linked: flags & 0x20 == 0,
        block_checksums: flags & 0x10 != 0,
        content_checksum: flags & 4 != 0,
        content_size,
        block_size,
    })
}

/// Compares the next four bytes with a hash.
fn check(unpacker: &mut Unpacker<'_>, what: &str, found: u32) -> Result<(), Stop> {
    let at = Span::new(unpacker.reader.position(), 4);
    let stored = unpacker.reader.u32_le()?;
    if stored != found {
        unpacker.mismatch(at, what, format!("{stored:08x}"), format!("{found:08x}"));
    }
    Ok(())
}

/// Keeps the last [`HISTORY`] bytes of what was unpacked.
fn remember(history: &mut Vec<u8>, bytes: &[u8]) {
    let fresh = bytes.get(bytes.len().saturating_sub(HISTORY)..).unwrap_or_default();
    let old = (history.len() + fresh.len()).saturating_sub(HISTORY).min(history.len());
    history.drain(..old);
    history.extend_from_slice(fresh);
}
