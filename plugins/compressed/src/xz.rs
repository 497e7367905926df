//! The xz container (xz-file-format 1.2.1): blocks of LZMA2 behind up to three filters, an index, a footer. Read here and not by
//! the library because that keeps an index record per block (memory that grows with the file) and drops what it unpacked when
//! a checksum is wrong; here the content is handed over and the contradiction reported.

use lzma_rust2::filter::StreamFilter;
use lzma_rust2::{FilterConfig, FilterType};
use modelaudit_plugin::{Reader, Span};

use crate::lzma_stream::decode2;
use crate::stop::Stop;
use crate::unpacker::Unpacker;
use crate::xz_check::Check;

const MAGIC: &[u8; 6] = b"\xfd7zXZ\0";

/// The magic.
pub fn starts(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Unpacks one stream.
pub fn member(unpacker: &mut Unpacker<'_>) -> Result<(), Stop> {
    let start = unpacker.reader.position();
    let corrupt = |offset: u64, reason: &str| Stop::Corrupt { offset, reason: reason.to_owned() };
    let header: [u8; 12] = unpacker.reader.array()?;
    let [_, _, _, _, _, _, reserved, check, stored @ ..] = header;
    if u32::from_le_bytes(stored) != crc32fast::hash(&[reserved, check]) {
        return Err(corrupt(start, "the checksum of the stream header is wrong"));
    }
    if reserved != 0 || check > 15 {
        return Err(Stop::Unsupported("its flags are of a later version of the format".to_owned()));
    }
    let mut blocks = Records::default();
    loop {
        let at = unpacker.reader.position();
        match unpacker.reader.u8()? {
            0 => break,
            size => {
                let (packed, unpacked) = block(unpacker, at, (u32::from(size) + 1) * 4, check)?;
                blocks.add(packed, unpacked);
            }
        }
    }
    let index = unpacker.reader.position() - 1;
    let count = number(&mut unpacker.reader)?;
    let mut records = Records::default();
    for _ in 0..count {
        let packed = number(&mut unpacker.reader)?;
        records.add(packed, number(&mut unpacker.reader)?);
    }
    if records != blocks {
        return Err(corrupt(index, "the index contradicts the blocks"));
    }
    align(&mut unpacker.reader, index)?;
    unpacker.reader.skip(4)?;
    let footer = unpacker.reader.position();
    let [_, _, _, _, backward @ .., r, c, b'Y', b'Z'] = unpacker.reader.array::<12>()? else {
        return Err(corrupt(footer, "the footer is missing"));
    };
    let size = (u64::from(u32::from_le_bytes(backward)) + 1) * 4;
    if [r, c] != [reserved, check] || size != footer - index {
        return Err(corrupt(footer, "the footer contradicts the header or the index"));
    }
    Ok(())
}

/// The sizes of blocks, as a number and a digest: the index must give the same.
#[derive(Default)]
struct Records {
    count: u64,
    digest: crc32fast::Hasher,
}

impl Records {
    fn add(&mut self, packed: u64, unpacked: u64) {
        self.count += 1;
        self.digest.update(&packed.to_le_bytes());
        self.digest.update(&unpacked.to_le_bytes());
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.digest.clone().finalize() == other.digest.clone().finalize()
    }
}

/// Unpacks the block whose header of `size` bytes starts at `start`; returns its size without padding and its unpacked size.
fn block(unpacker: &mut Unpacker<'_>, start: u64, size: u32, check: u8) -> Result<(u64, u64), Stop> {
    let corrupt = |offset: u64, reason: &str| Stop::Corrupt { offset, reason: reason.to_owned() };
    unpacker.reader.seek_to(start)?;
    let header = unpacker.reader.read_vec(u64::from(size))?;
    let (fields, stored) =
        header.split_last_chunk::<4>().ok_or_else(|| corrupt(start, "a block header is too short"))?;
    if u32::from_le_bytes(*stored) != crc32fast::hash(fields) {
        return Err(corrupt(start, "the checksum of a block header is wrong"));
    }
    let header = BlockHeader::parse(fields, start)?;
    let mut chain = Chain::new(&header.filters).map_err(Stop::Unsupported)?;
    let mut sum = Check::new(check);
    let before = unpacker.out.written();
    let unpacked = header.unpacked.unwrap_or(u64::MAX);
    let result = decode2(unpacker, header.window, unpacked, |out, bytes, position| {
        chain.push(bytes, &mut |bytes| {
            sum.update(bytes);
            out.write(bytes, position)
        })
    });
    let position = unpacker.reader.position();
    chain.finish(&mut |bytes| {
        sum.update(bytes);
        unpacker.out.write(bytes, position)
    })?;
    let packed = result?;
    let unpacked = unpacker.out.written() - before;
    if header.packed.is_some_and(|n| n != packed) || header.unpacked.is_some_and(|n| n != unpacked) {
        return Err(corrupt(start, "a block header contradicts the sizes of its data"));
    }
    align(&mut unpacker.reader, start)?;
    let at = Span::new(unpacker.reader.position(), sum.size());
    let stored = unpacker.reader.read_vec(sum.size())?;
    if let Some(found) = sum.finish().filter(|found| *found != stored) {
        unpacker.mismatch(at, "the checksum of the xz block", hex(&stored), hex(&found));
    }
    Ok((u64::from(size) + packed + at.length, unpacked))
}

/// Skips the padding that fills a part up to a multiple of four bytes.
fn align(reader: &mut Reader<'_>, start: u64) -> Result<(), Stop> {
    while !(reader.position() - start).is_multiple_of(4) {
        if reader.u8()? != 0 {
            return Err(Stop::Corrupt { offset: reader.position() - 1, reason: "padding is not zero".to_owned() });
        }
    }
    Ok(())
}

/// A number of seven bits a byte, at most nine bytes.
fn number(reader: &mut Reader<'_>) -> Result<u64, Stop> {
    let at = reader.position();
    let mut value = 0u64;
    for shift in (0..63).step_by(7) {
        let byte = reader.u8()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Stop::Corrupt { offset: at, reason: "a number is longer than nine bytes".to_owned() })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a block's header says.
struct BlockHeader {
    packed: Option<u64>,
    unpacked: Option<u64>,
    /// Filters in front of LZMA2, first applied when packing.
    filters: Vec<FilterConfig>,
    /// LZMA2's dictionary.
    window: u32,
}

impl BlockHeader {
    fn parse(bytes: &[u8], start: u64) -> Result<Self, Stop> {
        let corrupt = |reason: &str| Stop::Corrupt { offset: start, reason: reason.to_owned() };
        let mut fields = bytes.iter().skip(1).copied();
        let short = || corrupt("a block header is too short for its fields");
        let number = |fields: &mut dyn Iterator<Item = u8>| {
            let mut value = 0u64;
            for shift in (0..63).step_by(7) {
                let byte = fields.next().ok_or_else(short)?;
                value |= u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    return Ok(value);
                }
            }
            Err(short())
        };
        let flags = fields.next().ok_or_else(short)?;
        if flags & 0x3c != 0 {
            return Err(Stop::Unsupported("a block header is of a later version of the format".to_owned()));
        }
        let packed = if flags & 0x40 != 0 { Some(number(&mut fields)?) } else { None };
        let unpacked = if flags & 0x80 != 0 { Some(number(&mut fields)?) } else { None };
        let mut filters = Vec::new();
        for left in (0..=flags & 3).rev() {
            let (id, length) = (number(&mut fields)?, number(&mut fields)?);
            let mut properties = Vec::new();
            for _ in 0..length {
                properties.push(fields.next().ok_or_else(short)?);
            }
            match (id, properties.as_slice(), left) {
                (0x21, [size @ 0..=40], 0) => {
                    let window =
                        if *size == 40 { u32::MAX } else { (2 | u32::from(size & 1)) << (u32::from(size / 2) + 11) };
                    return Ok(Self { packed, unpacked, filters, window });
                }
                (3, [distance], 1..) => filters.push(FilterConfig::new_delta(u32::from(*distance) + 1)),
                (4..=0x0b, properties, 1..) => {
                    let offset = properties.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
                    let filter_type =
                        FilterType::try_from(id).map_err(|()| corrupt("a block has an unknown filter"))?;
                    filters.push(FilterConfig { filter_type, property: offset });
                }
                (0x21, ..) | (0..=0x0b, ..) => return Err(corrupt("the filters of a block are in disorder")),
                _ => return Err(Stop::Unsupported(format!("a block uses the unknown filter {id:#x}"))),
            }
        }
        Err(corrupt("the last filter of a block is not LZMA2"))
    }
}

/// The filters of a block, run in the order that undoes them.
struct Chain {
    links: Vec<(StreamFilter, Vec<u8>)>,
}

impl Chain {
    fn new(filters: &[FilterConfig]) -> Result<Self, String> {
        let link = |config| StreamFilter::new(config).map(|filter| (filter, Vec::new())).map_err(|e| e.to_string());
        Ok(Self { links: filters.iter().rev().map(link).collect::<Result<_, _>>()? })
    }

    /// Sends a block through all filters; a filter holds back the last bytes until it sees what follows.
    fn push(&mut self, bytes: &[u8], out: &mut dyn FnMut(&[u8]) -> Result<(), Stop>) -> Result<(), Stop> {
        Self::run(&mut self.links, bytes, false, out)
    }

    /// Lets go of what was held back.
    fn finish(&mut self, out: &mut dyn FnMut(&[u8]) -> Result<(), Stop>) -> Result<(), Stop> {
        Self::run(&mut self.links, &[], true, out)
    }

    fn run(
        links: &mut [(StreamFilter, Vec<u8>)],
        bytes: &[u8],
        last: bool,
        out: &mut dyn FnMut(&[u8]) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        if links.is_empty() {
            return out(bytes);
        }
        let mut block = bytes.to_vec();
        for (filter, held) in links {
            held.append(&mut block);
            // At the end, too: what a filter held back has not been through the ones behind it.
            let settled = filter.decode(held).min(held.len());
            let settled = if last { held.len() } else { settled };
            let rest = held.split_off(settled);
            block = std::mem::replace(held, rest);
        }
        out(&block)
    }
}
