//! The links of a group and the attributes of an object, however they are kept: in the header, in a symbol table, in a fractal heap.

use crate::btree;
use crate::file::{File, Trouble};
use crate::header::{Message, kind};
use crate::heap::{FractalHeap, LocalHeap};
use crate::message::{Attribute, Link, Target};

/// Links of one group, and attributes of one object.
const MAX_MEMBERS: usize = 500_000;
/// Bytes of their names and values: records may all point to one large object.
const MAX_BYTES: usize = 48 << 20;

/// Every link of the group with these messages. Troubles are noted and the rest is read on.
pub(crate) fn links(file: &File<'_>, messages: &[Message], troubles: &mut Vec<Trouble>) -> Vec<Link> {
    let mut found = Vec::new();
    let mut bytes = 0;
    for message in messages {
        let result = match message.kind {
            kind::LINK => Link::parse(file, &message.body, message.at).map(|link| found.push(link)),
            kind::SYMBOL_TABLE => symbol_table(file, message, &mut found),
            kind::LINK_INFO => dense(file, message, 8, &mut |body, at| {
                found.push(Link::parse(file, body, at)?);
                within(&mut bytes, body.len(), found.len(), at)
            }),
            _ => Ok(()),
        };
        troubles.extend(result.err());
    }
    found
}

/// Every attribute of the object with these messages.
pub(crate) fn attributes(file: &File<'_>, messages: &[Message], troubles: &mut Vec<Trouble>) -> Vec<Attribute> {
    let mut found = Vec::new();
    let mut bytes = 0;
    for message in messages {
        let result = match message.kind {
            kind::ATTRIBUTE if message.shared => Err(Trouble::Unsupported(message.at, "a shared attribute")),
            kind::ATTRIBUTE => Attribute::parse(file, &message.body, message.at).map(|a| found.push(a)),
            kind::ATTRIBUTE_INFO => dense(file, message, 2, &mut |body, at| {
                found.push(Attribute::parse(file, body, at)?);
                within(&mut bytes, body.len(), found.len(), at)
            }),
            _ => Ok(()),
        };
        troubles.extend(result.err());
    }
    found
}

/// Counts a member; an error beyond the limits.
fn within(bytes: &mut usize, more: usize, members: usize, at: u64) -> Result<bool, Trouble> {
    *bytes = bytes.saturating_add(more);
    if members >= MAX_MEMBERS || *bytes > MAX_BYTES {
        return Err(Trouble::Unsupported(at, "an object with more than 500,000 members or 48 MiB of them"));
    }
    Ok(true)
}

/// Members in a fractal heap, by the index over their names. `order` is the width of the largest creation index, if it is kept.
fn dense(file: &File<'_>, message: &Message, order: usize, visit: btree::Visit<'_>) -> Result<(), Trouble> {
    let mut cursor = file.cursor(&message.body, message.at);
    cursor.u8()?;
    let flags = cursor.u8()?;
    cursor.take(if flags & 1 != 0 { order } else { 0 })?;
    let (heap, index) = (cursor.address()?, cursor.address()?);
    if file.is_undefined(heap) || file.is_undefined(index) {
        return Ok(());
    }
    let heap = FractalHeap::read(file, heap)?;
    btree::records(file, index, &mut |record, _| {
        // Links: hash, heap id. Attributes: heap id, flags, order, hash.
        let id = if order == 8 { record.get(4..) } else { record.get(..8) };
        let (at, body) = heap.object(file, id.unwrap_or_default())?;
        visit(&body, at)
    })
}

/// Links of an old group: a tree of symbol nodes, with names in a local heap.
fn symbol_table(file: &File<'_>, message: &Message, found: &mut Vec<Link>) -> Result<(), Trouble> {
    let mut cursor = file.cursor(&message.body, message.at);
    let (tree, heap) = (cursor.address()?, cursor.address()?);
    let heap = LocalHeap::read(file, heap)?;
    let mut bytes = 0;
    for node in btree::symbol_nodes(file, tree)? {
        let at = file.at(node)?;
        let head = file.signed(at, b"SNOD", 8, "a symbol node without its signature")?;
        let mut cursor = file.cursor(&head, at);
        cursor.take(6)?;
        let count = u64::from(cursor.u16()?);
        let size = 2 * file.offsets as u64 + 24;
        let body = file.bytes(at + 8, count * size)?;
        let mut cursor = file.cursor(&body, at + 8);
        for _ in 0..count {
            let at = cursor.offset();
            let name = cursor.address()?;
            let object = cursor.address()?;
            let cached = cursor.u32()?;
            cursor.take(20)?;
            let name = heap.text(file, name)?;
            // A soft link has no object; its path is in the heap.
            let target = if cached == 2 { Target::Soft } else { Target::Hard(object) };
            let length = name.len();
            found.push(Link { name, target, at, length: size });
            within(&mut bytes, length, found.len(), at)?;
        }
    }
    Ok(())
}
