//! Git-Xet: a TOML text with a size and a Merkle hash behind a comment that says the version. (The hub itself serves Xet files
//! under pointers of Git LFS.)

use crate::{Pointer, Tool, lines};

/// First line, up to the number of the version.
pub(crate) const VERSION: &[u8] = b"# xet version ";

pub(crate) const TOOL: Tool = Tool { name: "Xet", command: "hf download", hash: "hash" };

/// Reads the lines as far as they are of a pointer.
pub(crate) fn read(bytes: &[u8]) -> Pointer {
    let mut pointer = Pointer { oid: None, size: None, length: 0, defect: None };
    for (number, (line, end)) in lines(bytes).enumerate() {
        let Ok(line) = std::str::from_utf8(line) else { break };
        let field = line.split_once('=').map(|(key, value)| (key.trim(), value.trim().trim_matches(['"', '\''])));
        match field {
            _ if number == 0 || line.is_empty() => {}
            Some(("filesize" | "file_size", value)) => match value.parse() {
                Ok(size) => pointer.size = Some(size),
                Err(_) => pointer.defect = Some("its size is no number"),
            },
            Some(("hash", value)) if value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()) => {
                pointer.oid = Some(value.to_ascii_lowercase());
            }
            Some(("hash", _)) => pointer.defect = Some("its hash has not 64 digits"),
            _ => break,
        }
        pointer.length = end;
    }
    if pointer.oid.is_none() && pointer.defect.is_none() {
        pointer.defect = Some("it lacks the hash");
    }
    pointer
}
