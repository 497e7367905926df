//! gzip (RFC 1952). Python's `gzip` checks the trailer of a member only when it reads on behind it: a pickle that ends
//! before has run by then, so a wrong checksum or size protects nobody. It is reported, and the content is handed over all the same.

use modelaudit_plugin::{EndOfData, Span, quote};
use modelaudit_rules::structure::S910;

use crate::inflate::inflate;
use crate::stop::Stop;
use crate::unpacker::Unpacker;

/// Flags of the header (RFC 1952, section 2.3.1).
const HEADER_CRC: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const RESERVED: u8 = 0xe0;

/// Bytes of the stored file name that are kept for the report.
const NAME_LIMIT: usize = 256;

/// ID1, ID2 and the only method there is.
pub fn starts(head: &[u8]) -> bool {
    head.starts_with(b"\x1f\x8b\x08")
}

/// Unpacks one member.
pub fn member(unpacker: &mut Unpacker<'_>) -> Result<(), Stop> {
    let start = unpacker.reader.position();
    header(unpacker, start)?;
    let mut crc = crc32fast::Hasher::new();
    let mut length = 0u32;
    inflate(unpacker, |bytes| {
        crc.update(bytes);
        length = length.wrapping_add(bytes.len() as u32);
    })?;
    let trailer = Span::new(unpacker.reader.position(), 8);
    let (stored_crc, stored_length) = (unpacker.reader.u32_le()?, unpacker.reader.u32_le()?);
    let crc = crc.finalize();
    if stored_crc != crc {
        let (stored, found) = (format!("{stored_crc:08x}"), format!("{crc:08x}"));
        unpacker.mismatch(trailer, "the CRC-32 of the gzip member", stored, found);
    } else if stored_length != length {
        unpacker.mismatch(trailer, "the size of the gzip member (modulo 2^32)", stored_length, length);
    }
    Ok(())
}

fn header(unpacker: &mut Unpacker<'_>, start: u64) -> Result<(), Stop> {
    let reader = &mut unpacker.reader;
    let [_, _, _, flags, ..] = reader.array::<10>()?;
    if flags & EXTRA != 0 {
        let length = reader.u16_le()?;
        reader.skip(u64::from(length))?;
    }
    let name = if flags & NAME != 0 { text(unpacker)? } else { Vec::new() };
    if flags & COMMENT != 0 {
        text(unpacker)?;
    }
    if start == 0 && !name.is_empty() {
        unpacker.out.sink.fact_text("gzip_file_name", quote(&name).trim_matches('\''));
    }
    if flags & HEADER_CRC != 0 {
        let span = Span::new(start, unpacker.reader.position() - start);
        let stored = unpacker.reader.u16_le()?;
        let found = unpacker.artifact.digest("crc32", span).and_then(|digest| digest.last_chunk::<2>().copied());
        if let Some(found) = found.map(u16::from_be_bytes).filter(|found| *found != stored) {
            let (stored, found) = (format!("{stored:04x}"), format!("{found:04x}"));
            unpacker.mismatch(Span::new(span.end(), 2), "the CRC-16 of the gzip header", stored, found);
        }
    }
    if flags & RESERVED != 0 {
        let message = format!(
            "the gzip header at offset {start} sets reserved flags ({flags:#04x}): zlib refuses the file, Python's gzip reads it"
        );
        unpacker.defect(&S910, Span::new(start + 3, 1), message);
    }
    Ok(())
}

/// A text that ends with a NUL; its first bytes are returned.
fn text(unpacker: &mut Unpacker<'_>) -> Result<Vec<u8>, EndOfData> {
    let mut text = Vec::new();
    loop {
        match unpacker.reader.u8()? {
            0 => return Ok(text),
            byte if text.len() < NAME_LIMIT => text.push(byte),
            _ => {}
        }
    }
}
