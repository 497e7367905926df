//! Object headers, versions 1 and 2: a group or dataset as a list of messages. Source: HDF5 File Format Specification 3.0, IV.A.

use std::collections::HashSet;

use crate::file::{File, Trouble};

/// Messages of one object. An object with more attributes keeps them in a heap.
const MAX_MESSAGES: usize = 100_000;
/// Continuation blocks of one object.
const MAX_BLOCKS: usize = 10_000;
/// Bytes of all messages of one object.
const MAX_BYTES: u64 = 32 << 20;

/// Kinds of message that matter here.
pub(crate) mod kind {
    pub(crate) const DATASPACE: u16 = 0x01;
    pub(crate) const LINK_INFO: u16 = 0x02;
    pub(crate) const DATATYPE: u16 = 0x03;
    pub(crate) const LINK: u16 = 0x06;
    pub(crate) const EXTERNAL_FILES: u16 = 0x07;
    pub(crate) const LAYOUT: u16 = 0x08;
    pub(crate) const FILTERS: u16 = 0x0b;
    pub(crate) const ATTRIBUTE: u16 = 0x0c;
    pub(crate) const CONTINUATION: u16 = 0x10;
    pub(crate) const SYMBOL_TABLE: u16 = 0x11;
    pub(crate) const ATTRIBUTE_INFO: u16 = 0x15;
}

/// The flag of a message whose body is a pointer to another object's message.
const SHARED: u8 = 2;

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub kind: u16,
    /// Offset of the body in the artifact.
    pub at: u64,
    pub body: Vec<u8>,
    /// The body points to a message elsewhere.
    pub shared: bool,
}

/// All messages of the object whose header is at an address. What was read before a defect is returned with it.
pub(crate) fn messages(file: &File<'_>, address: u64) -> (Vec<Message>, Option<Trouble>) {
    let mut found = Vec::new();
    let trouble = collect(file, address, &mut found).err();
    (found, trouble)
}

fn collect(file: &File<'_>, address: u64, found: &mut Vec<Message>) -> Result<(), Trouble> {
    let at = file.at(address)?;
    let prefix = file.up_to(at, 64);
    let mut cursor = file.cursor(&prefix, at);
    let second = prefix.starts_with(b"OHDR");
    let mut order = false;
    // Blocks of messages: offset and length.
    let mut blocks = Vec::new();
    if second {
        cursor.take(4)?;
        if cursor.u8()? != 2 {
            return Err(Trouble::Broken(at, "an object header of unknown version"));
        }
        let flags = cursor.u8()?;
        order = flags & 4 != 0;
        cursor.take(if flags & 0x20 != 0 { 16 } else { 0 })?;
        cursor.take(if flags & 0x10 != 0 { 4 } else { 0 })?;
        let length = cursor.number(1 << (flags & 3))?;
        blocks.push((cursor.offset(), length));
    } else {
        if cursor.u8()? != 1 {
            return Err(Trouble::Broken(at, "an object header of unknown version"));
        }
        cursor.take(7)?;
        let length = cursor.u32()?;
        blocks.push((at + 16, u64::from(length)));
    }
    let mut seen = HashSet::new();
    let mut total = 0u64;
    while let Some((start, length)) = blocks.pop() {
        total = total.saturating_add(length);
        if !seen.insert(start) {
            return Err(Trouble::Broken(start, "an object header that continues in itself"));
        }
        if seen.len() > MAX_BLOCKS || total > MAX_BYTES {
            return Err(Trouble::Broken(start, "an object header without an end"));
        }
        let block = file.bytes(start, length)?;
        let mut cursor = file.cursor(&block, start);
        let head = if second { if order { 6 } else { 4 } } else { 8 };
        while cursor.rest().len() >= head {
            let (kind, size, flags) = if second {
                (u16::from(cursor.u8()?), cursor.u16()?, cursor.u8()?)
            } else {
                (cursor.u16()?, cursor.u16()?, cursor.u8()?)
            };
            cursor.take(head - if second { 4 } else { 5 })?;
            let at = cursor.offset();
            let body = cursor.take(usize::from(size))?.to_vec();
            if kind == kind::CONTINUATION {
                let mut pointer = file.cursor(&body, at);
                let (address, length) = (pointer.address()?, pointer.length()?);
                let start = file.at(address)?;
                if second {
                    // A signature before the messages, a checksum behind them.
                    file.signed(start, b"OCHK", 4, "a continuation without its signature")?;
                    let inner =
                        length.checked_sub(8).ok_or(Trouble::Broken(at, "a continuation shorter than its head"))?;
                    blocks.push((start + 4, inner));
                } else {
                    blocks.push((start, length));
                }
                continue;
            }
            if found.len() >= MAX_MESSAGES {
                return Err(Trouble::Broken(at, "an object with too many messages"));
            }
            found.push(Message { kind, at, body, shared: flags & SHARED != 0 });
        }
    }
    Ok(())
}

/// The body of a message that may stand in a committed datatype's header instead.
pub(crate) fn resolve(file: &File<'_>, message: &Message) -> Result<Message, Trouble> {
    if !message.shared {
        return Ok(message.clone());
    }
    shared(file, &message.body, message.at, message.kind)
}

/// Follows a pointer to a message of another object.
pub(crate) fn shared(file: &File<'_>, pointer: &[u8], at: u64, kind: u16) -> Result<Message, Trouble> {
    let mut cursor = file.cursor(pointer, at);
    let version = cursor.u8()?;
    let place = cursor.u8()?;
    if version == 1 {
        cursor.take(6)?;
    }
    if version >= 3 && place == 1 {
        return Err(Trouble::Unsupported(at, "a message in the shared heap"));
    }
    let address = cursor.address()?;
    let (messages, trouble) = messages(file, address);
    let found = messages.into_iter().find(|m| m.kind == kind && !m.shared);
    found.ok_or(trouble.unwrap_or(Trouble::Broken(at, "a shared message that is not where its pointer leads")))
}
