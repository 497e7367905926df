//! B-trees: version 1 for old groups, version 2 for the indexes of links, attributes and huge objects. They are walked with a stack,
//! and every node once. Source: HDF5 File Format Specification 3.0, III.A.

use std::collections::HashSet;

use crate::file::{File, Trouble, bytes_for};

/// Nodes of one tree.
const MAX_NODES: usize = 1 << 18;
/// Depth of a tree of version 2; 2^64 records need less.
const MAX_DEPTH: u16 = 40;

/// Addresses of the symbol nodes of an old group's tree.
pub(crate) fn symbol_nodes(file: &File<'_>, address: u64) -> Result<Vec<u64>, Trouble> {
    let mut leaves = Vec::new();
    let mut seen = HashSet::new();
    let mut stack = vec![(address, None::<u8>)];
    while let Some((address, expected)) = stack.pop() {
        if !seen.insert(address) {
            return Err(Trouble::Broken(file.at(address)?, "a group's tree with a node that stands in it twice"));
        }
        if seen.len() > MAX_NODES {
            return Err(Trouble::Broken(file.at(address)?, "a group's tree with too many nodes"));
        }
        let at = file.at(address)?;
        let head = file.signed(at, b"TREE", 8 + 2 * file.offsets as u64, "a group's tree without its signature")?;
        let mut cursor = file.cursor(&head, at);
        cursor.take(4)?;
        let (kind, level, entries) = (cursor.u8()?, cursor.u8()?, cursor.u16()?);
        if kind != 0 || expected.is_some_and(|e| e != level) {
            return Err(Trouble::Broken(at, "a node of another tree in a group's tree"));
        }
        let body = (file.lengths + file.offsets) as u64 * u64::from(entries);
        let body = file.bytes(at + head.len() as u64, body)?;
        let mut cursor = file.cursor(&body, at);
        let mut children = Vec::new();
        for _ in 0..entries {
            cursor.length()?;
            children.push(cursor.address()?);
        }
        match level.checked_sub(1) {
            None => leaves.extend(children),
            Some(below) => stack.extend(children.into_iter().rev().map(|child| (child, Some(below)))),
        }
        if leaves.len() > MAX_NODES {
            return Err(Trouble::Broken(at, "a group's tree with too many nodes"));
        }
    }
    Ok(leaves)
}

/// What is done with a record: its bytes and their offset. False stops the walk.
pub(crate) type Visit<'v> = &'v mut dyn FnMut(&[u8], u64) -> Result<bool, Trouble>;

/// Every record of a tree of version 2.
pub(crate) fn records(file: &File<'_>, address: u64, visit: Visit<'_>) -> Result<(), Trouble> {
    let at = file.at(address)?;
    let head =
        file.signed(at, b"BTHD", 16 + file.offsets as u64 + 2 + file.lengths as u64, "an index without its signature")?;
    let mut cursor = file.cursor(&head, at);
    cursor.take(6)?;
    let (node_size, record, depth) = (u64::from(cursor.u32()?), u64::from(cursor.u16()?), cursor.u16()?);
    cursor.u16()?;
    let root = cursor.address()?;
    let root_records = u64::from(cursor.u16()?);
    if record == 0 || node_size < 10 + record || depth > MAX_DEPTH {
        return Err(Trouble::Broken(at, "an index with impossible sizes"));
    }
    if file.is_undefined(root) {
        return Ok(());
    }
    // Widths of the counters in child pointers follow from how many records fit.
    let leaf_most = (node_size - 10) / record;
    let count_bytes = bytes_for(leaf_most);
    let mut total_bytes = vec![0usize];
    let mut most_below = leaf_most;
    for _ in 0..depth {
        let pointer = (file.offsets + count_bytes + total_bytes.last().copied().unwrap_or(0)) as u64;
        let most = node_size.saturating_sub(10 + pointer) / (record + pointer);
        most_below = most.saturating_add(1).saturating_mul(most_below).saturating_add(most);
        total_bytes.push(bytes_for(most_below));
    }
    let mut seen = HashSet::new();
    let mut stack = vec![(root, root_records, depth)];
    while let Some((address, count, level)) = stack.pop() {
        let at = file.at(address)?;
        if !seen.insert(address) || seen.len() > MAX_NODES {
            return Err(Trouble::Broken(at, "an index with a node that stands in it twice, or without an end"));
        }
        let signature: &[u8] = if level == 0 { b"BTLF" } else { b"BTIN" };
        if count.saturating_mul(record) > node_size {
            return Err(Trouble::Broken(at, "an index node with more records than fit"));
        }
        let counters = total_bytes.get(usize::from(level.saturating_sub(1))).copied().unwrap_or(0);
        let pointer = (file.offsets + count_bytes + counters) as u64;
        let pointers = if level == 0 { 0 } else { (count + 1) * pointer };
        let body = file.signed(at, signature, 6 + count * record + pointers, "an index node without its signature")?;
        let mut cursor = file.cursor(&body, at);
        cursor.take(6)?;
        for _ in 0..count {
            let here = cursor.offset();
            if !visit(cursor.take(usize::try_from(record).unwrap_or(usize::MAX))?, here)? {
                return Ok(());
            }
        }
        if let Some(below) = level.checked_sub(1) {
            for _ in 0..=count {
                let child = cursor.address()?;
                let records = cursor.number(count_bytes)?;
                cursor.take(counters)?;
                stack.push((child, records, below));
            }
        }
    }
    Ok(())
}
