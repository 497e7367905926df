//! The property tree of a 7z header (7zFormat.txt): where the packed streams are, how folders of coders unpack them, how their output
//! is cut into members, and what those are called.

use crate::cursor::{Cursor, Malformed};

/// Ids of the properties.
mod id {
    pub const END: u8 = 0x00;
    pub const HEADER: u8 = 0x01;
    pub const ARCHIVE_PROPERTIES: u8 = 0x02;
    pub const ADDITIONAL_STREAMS: u8 = 0x03;
    pub const MAIN_STREAMS: u8 = 0x04;
    pub const FILES: u8 = 0x05;
    pub const PACK_INFO: u8 = 0x06;
    pub const UNPACK_INFO: u8 = 0x07;
    pub const SUBSTREAMS: u8 = 0x08;
    pub const SIZE: u8 = 0x09;
    pub const CRC: u8 = 0x0a;
    pub const FOLDER: u8 = 0x0b;
    pub const UNPACK_SIZE: u8 = 0x0c;
    pub const SUBSTREAM_COUNT: u8 = 0x0d;
    pub const EMPTY_STREAM: u8 = 0x0e;
    pub const EMPTY_FILE: u8 = 0x0f;
    pub const ANTI: u8 = 0x10;
    pub const NAMES: u8 = 0x11;
    pub const ATTRIBUTES: u8 = 0x15;
    pub const ENCODED_HEADER: u8 = 0x17;
}

/// Most members and folders that are read; the host takes no more children. Real archives of models have a few hundred.
pub const MEMBER_LIMIT: usize = 100_000;

/// Most coders of a folder and streams of a coder. 7-Zip itself writes at most 5 coders (AES, BCJ2 and three LZMAs), and 4 streams (BCJ2).
const CODER_LIMIT: u64 = 8;

/// One step of unpacking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coder {
    /// The method's id, big-endian; see the table in `coders`.
    pub method: u64,
    /// Streams that go in.
    pub inputs: usize,
    /// The method's parameters.
    pub properties: Vec<u8>,
}

/// How some packed streams become one unpacked one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    /// The coders; each has one output.
    pub coders: Vec<Coder>,
    /// Inputs that are fed by outputs: index of the input, index of the coder.
    pub pairs: Vec<(usize, usize)>,
    /// Inputs that are fed by packed streams, in order.
    pub packed: Vec<usize>,
    /// Unpacked size of each coder's output.
    pub sizes: Vec<u64>,
    /// CRC-32 of the folder's output.
    pub crc: Option<u32>,
    /// The members that its output is cut into.
    pub members: Vec<Part>,
}

impl Folder {
    /// The coder whose output is the folder's: the one that no other takes.
    pub fn last(&self) -> Option<usize> {
        (0..self.coders.len()).find(|coder| !self.pairs.iter().any(|(_, output)| output == coder))
    }

    /// Size of its output.
    pub fn size(&self) -> u64 {
        self.last().and_then(|last| self.sizes.get(last).copied()).unwrap_or(0)
    }
}

/// A member's share of a folder's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Bytes.
    pub size: u64,
    /// CRC-32.
    pub crc: Option<u32>,
}

/// Packed streams and the folders that unpack them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// Offset of the first packed stream behind the start header.
    pub start: u64,
    /// Sizes of the packed streams, which stand one behind the other.
    pub packed: Vec<u64>,
    /// The folders, which take the packed streams in order.
    pub folders: Vec<Folder>,
}

/// A member of the archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// Name, UTF-8, with `/` or `\`.
    pub name: String,
    /// Has no content in a folder.
    pub empty: bool,
    /// Without content, it is a file, not a folder.
    pub empty_file: bool,
    /// Deletes the file of its name when it is unpacked.
    pub anti: bool,
    /// Windows attributes; with bit 15, the Unix mode in the upper half.
    pub attributes: Option<u32>,
}

/// Unix modes in `File::attributes`.
const UNIX: u32 = 0x8000;
const REPARSE_POINT: u32 = 0x400;
const S_IFMT: u32 = 0o170_000;
const S_IFLNK: u32 = 0o120_000;
const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;

impl File {
    fn mode(&self) -> Option<u32> {
        self.attributes.filter(|attributes| attributes & UNIX != 0).map(|attributes| attributes >> 16)
    }

    /// Its content is where it points to.
    pub fn is_link(&self) -> bool {
        self.mode().is_some_and(|mode| mode & S_IFMT == S_IFLNK)
            || self.attributes.is_some_and(|attributes| attributes & REPARSE_POINT != 0)
    }

    /// A device, a pipe, or a program that runs as its owner.
    pub fn is_special(&self) -> bool {
        let set_id = |mode: u32| mode & S_IFMT == S_IFREG && mode & 0o6000 != 0;
        self.mode().is_some_and(|mode| set_id(mode) || !matches!(mode & S_IFMT, 0 | S_IFLNK | S_IFREG | S_IFDIR))
    }
}

/// What a header is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Header {
    /// Packed itself: these streams unpack to the real one.
    Encoded(Streams),
    /// The archive's content.
    Plain {
        /// Streams of the members.
        streams: Streams,
        /// The members.
        files: Vec<File>,
    },
}

/// Parses a header.
pub fn parse(bytes: &[u8]) -> Result<Header, Malformed> {
    let mut cursor = Cursor::new(bytes);
    match cursor.u8()? {
        id::HEADER => {}
        id::ENCODED_HEADER => return streams(&mut cursor).map(Header::Encoded),
        other => return Err(cursor.malformed(format!("it starts with the unknown property {other:#x}"))),
    }
    let mut main = Streams::default();
    let mut files = Vec::new();
    loop {
        match cursor.u8()? {
            id::END => return Ok(Header::Plain { streams: main, files }),
            id::ARCHIVE_PROPERTIES => {
                while cursor.u8()? != id::END {
                    let size = cursor.number()?;
                    cursor.take(size)?;
                }
            }
            // Streams that would hold parts of the header; no writer is known.
            id::ADDITIONAL_STREAMS => {
                streams(&mut cursor)?;
            }
            id::MAIN_STREAMS => main = streams(&mut cursor)?,
            id::FILES => files = self::files(&mut cursor)?,
            other => return Err(cursor.malformed(format!("the unknown property {other:#x} stands in it"))),
        }
    }
}

fn streams(cursor: &mut Cursor<'_>) -> Result<Streams, Malformed> {
    let mut streams = Streams::default();
    let mut cut = false;
    loop {
        match cursor.u8()? {
            id::END => break,
            id::PACK_INFO => {
                streams.start = cursor.number()?;
                let count = cursor.count("packed streams", 8)?;
                pack_info(cursor, count, &mut streams)?;
            }
            id::UNPACK_INFO => unpack_info(cursor, &mut streams)?,
            id::SUBSTREAMS => {
                substreams(cursor, &mut streams)?;
                cut = true;
            }
            other => return Err(cursor.malformed(format!("the unknown property {other:#x} stands among its streams"))),
        }
    }
    if !cut {
        for folder in &mut streams.folders {
            folder.members = vec![Part { size: folder.size(), crc: folder.crc }];
        }
    }
    Ok(streams)
}

fn pack_info(cursor: &mut Cursor<'_>, count: usize, streams: &mut Streams) -> Result<(), Malformed> {
    loop {
        match cursor.u8()? {
            id::END => return Ok(()),
            id::SIZE => streams.packed = (0..count).map(|_| cursor.number()).collect::<Result<_, _>>()?,
            id::CRC => {
                cursor.digests(count)?;
            }
            other => {
                return Err(
                    cursor.malformed(format!("the unknown property {other:#x} stands among its packed streams"))
                );
            }
        }
    }
}

fn unpack_info(cursor: &mut Cursor<'_>, streams: &mut Streams) -> Result<(), Malformed> {
    loop {
        match cursor.u8()? {
            id::END => return Ok(()),
            id::FOLDER => {
                let count = cursor.count("folders", 16)?;
                if count > MEMBER_LIMIT {
                    return Err(cursor.malformed(format!("it counts {count} folders, the limit is {MEMBER_LIMIT}")));
                }
                external(cursor)?;
                streams.folders = (0..count).map(|_| folder(cursor)).collect::<Result<_, _>>()?;
            }
            id::UNPACK_SIZE => {
                for folder in &mut streams.folders {
                    folder.sizes = folder.coders.iter().map(|_| cursor.number()).collect::<Result<_, _>>()?;
                }
            }
            id::CRC => {
                let digests = cursor.digests(streams.folders.len())?;
                for (folder, crc) in streams.folders.iter_mut().zip(digests) {
                    folder.crc = crc;
                }
            }
            other => return Err(cursor.malformed(format!("the unknown property {other:#x} stands among its folders"))),
        }
    }
}

fn folder(cursor: &mut Cursor<'_>) -> Result<Folder, Malformed> {
    let mut folder = Folder::default();
    let count = cursor.number()?;
    if count == 0 || count > CODER_LIMIT {
        return Err(cursor.malformed(format!("a folder has {count} coders")));
    }
    for _ in 0..count {
        let flags = cursor.u8()?;
        let id = cursor.take(u64::from(flags & 15))?;
        if id.len() > 8 || flags & 0x80 != 0 {
            return Err(cursor.malformed("a coder's id is longer than eight bytes or has alternatives"));
        }
        let method = id.iter().fold(0, |id, byte| id << 8 | u64::from(*byte));
        let (inputs, outputs) = if flags & 0x10 != 0 { (cursor.number()?, cursor.number()?) } else { (1, 1) };
        if outputs != 1 || inputs == 0 || inputs > CODER_LIMIT {
            return Err(cursor.malformed(format!("a coder has {inputs} inputs and {outputs} outputs")));
        }
        let length = if flags & 0x20 != 0 { cursor.number()? } else { 0 };
        folder.coders.push(Coder { method, inputs: inputs as usize, properties: cursor.take(length)?.to_vec() });
    }
    let inputs: usize = folder.coders.iter().map(|coder| coder.inputs).sum();
    for _ in 1..folder.coders.len() {
        let (input, output) = (cursor.number()?, cursor.number()?);
        let fresh = !folder.pairs.iter().any(|(i, o)| *i as u64 == input || *o as u64 == output);
        if input >= inputs as u64 || output >= count || !fresh {
            return Err(cursor.malformed(format!("a folder joins input {input} to output {output}")));
        }
        folder.pairs.push((input as usize, output as usize));
    }
    let free = inputs.checked_sub(folder.pairs.len()).filter(|free| *free > 0);
    let free = free.ok_or_else(|| cursor.malformed("a folder has no packed stream"))?;
    if free == 1 {
        folder.packed.extend((0..inputs).find(|input| !folder.pairs.iter().any(|(i, _)| i == input)));
    } else {
        for _ in 0..free {
            let input = cursor.number()?;
            let fresh = !folder.pairs.iter().any(|(i, _)| *i as u64 == input)
                && !folder.packed.iter().any(|i| *i as u64 == input);
            if input >= inputs as u64 || !fresh {
                return Err(cursor.malformed(format!("a folder gives a packed stream to input {input}")));
            }
            folder.packed.push(input as usize);
        }
    }
    Ok(folder)
}

fn substreams(cursor: &mut Cursor<'_>, streams: &mut Streams) -> Result<(), Malformed> {
    let mut counts: Vec<usize> = vec![1; streams.folders.len()];
    let mut id = cursor.u8()?;
    if id == id::SUBSTREAM_COUNT {
        let mut total = 0u64;
        for count in &mut counts {
            let value = cursor.number()?;
            total = total.saturating_add(value);
            if total > MEMBER_LIMIT as u64 {
                return Err(cursor.malformed(format!("it counts {total} members, the limit is {MEMBER_LIMIT}")));
            }
            *count = value as usize;
        }
        id = cursor.u8()?;
    }
    let sized = id == id::SIZE;
    for (folder, count) in streams.folders.iter_mut().zip(&counts) {
        let mut left = folder.size();
        folder.members.clear();
        for index in 0..*count {
            // The last one is what is left. Without sizes, a folder of several members can't be cut.
            let size = match index + 1 == *count {
                true => left,
                false if sized => cursor.number()?,
                false => 0,
            };
            left = left.checked_sub(size).ok_or_else(|| cursor.malformed("members are larger than their folder"))?;
            let crc = if *count == 1 { folder.crc } else { None };
            folder.members.push(Part { size, crc });
        }
    }
    if sized {
        id = cursor.u8()?;
    }
    loop {
        match id {
            id::END => return Ok(()),
            id::CRC => {
                let unknown: usize =
                    streams.folders.iter().flat_map(|f| &f.members).filter(|part| part.crc.is_none()).count();
                let mut digests = cursor.digests(unknown)?.into_iter();
                for part in streams.folders.iter_mut().flat_map(|f| &mut f.members).filter(|part| part.crc.is_none()) {
                    part.crc = digests.next().flatten();
                }
            }
            other => {
                return Err(
                    cursor.malformed(format!("the unknown property {other:#x} stands among its members' sizes"))
                );
            }
        }
        id = cursor.u8()?;
    }
}

fn files(cursor: &mut Cursor<'_>) -> Result<Vec<File>, Malformed> {
    let count = cursor.count("members", 8)?;
    if count > MEMBER_LIMIT {
        return Err(cursor.malformed(format!("it counts {count} members, the limit is {MEMBER_LIMIT}")));
    }
    let mut files = vec![File::default(); count];
    loop {
        let property = cursor.u8()?;
        if property == id::END {
            return Ok(files);
        }
        let size = cursor.number()?;
        let offset = cursor.position();
        let mut field = Cursor::new(cursor.take(size)?);
        property_of_files(property, &mut field, &mut files)
            .map_err(|error| Malformed { offset: error.offset.saturating_add(offset), ..error })?;
    }
}

fn property_of_files(property: u8, field: &mut Cursor<'_>, files: &mut [File]) -> Result<(), Malformed> {
    match property {
        id::EMPTY_STREAM => {
            let empty = field.bits(files.len())?;
            for (file, bit) in files.iter_mut().zip(empty) {
                file.empty = bit;
            }
        }
        id::EMPTY_FILE | id::ANTI => {
            let empty = files.iter().filter(|file| file.empty).count();
            for (file, bit) in files.iter_mut().filter(|file| file.empty).zip(field.bits(empty)?) {
                match property {
                    id::EMPTY_FILE => file.empty_file = bit,
                    _ => file.anti = bit,
                }
            }
        }
        id::NAMES => {
            external(field)?;
            for file in files {
                let mut units = Vec::new();
                loop {
                    match field.take(2)? {
                        [0, 0] => break,
                        bytes => units.push(bytes.first_chunk().map_or(0, |pair| u16::from_le_bytes(*pair))),
                    }
                }
                file.name = String::from_utf16_lossy(&units);
            }
        }
        id::ATTRIBUTES => {
            let defined = field.optional_bits(files.len())?;
            external(field)?;
            for (file, _) in files.iter_mut().zip(defined).filter(|(_, defined)| *defined) {
                file.attributes = Some(field.u32()?);
            }
        }
        // Times, comments, padding: nothing is unpacked by them.
        _ => {}
    }
    Ok(())
}

/// A byte which says that the data that follow stand in a stream of their own; nobody writes that.
fn external(cursor: &mut Cursor<'_>) -> Result<(), Malformed> {
    match cursor.u8()? {
        0 => Ok(()),
        _ => Err(cursor.malformed("a part of it stands in a stream of its own")),
    }
}
