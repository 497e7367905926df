//! Git LFS: lines of `key value`, the version first (<https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>).

use crate::{Pointer, Tool, lines};

/// First line, up to the number of the version.
pub(crate) const VERSION: &[u8] = b"version https://git-lfs.github.com/spec/";
/// The same from before the project's name.
pub(crate) const OLD_VERSION: &[u8] = b"version https://hawser.github.com/spec/";

pub(crate) const TOOL: Tool = Tool { name: "Git LFS", command: "git lfs pull", hash: "sha256" };

/// Reads the lines as far as they are of a pointer.
pub(crate) fn read(bytes: &[u8]) -> Pointer {
    let mut pointer = Pointer { oid: None, size: None, length: 0, defect: None };
    for (line, end) in lines(bytes) {
        let Some((key, value)) = key_value(line) else { break };
        pointer.length = end;
        match key {
            "oid" => match value
                .strip_prefix("sha256:")
                .filter(|h| h.len() == 64 && h.bytes().all(|b| b.is_ascii_hexdigit()))
            {
                Some(hash) => pointer.oid = Some(hash.to_ascii_lowercase()),
                None => pointer.defect = Some("its oid is no sha256 hash of 64 digits"),
            },
            "size" => match value.parse() {
                Ok(size) => pointer.size = Some(size),
                Err(_) => pointer.defect = Some("its size is no number"),
            },
            _ => {}
        }
    }
    let complete = pointer.oid.is_some() && pointer.size.is_some();
    if !complete && pointer.defect.is_none() {
        pointer.defect = Some("it lacks the oid or the size");
    }
    pointer
}

/// A line of a pointer: a known key, one space, a value. Extensions are called `ext-0-name`.
fn key_value(line: &[u8]) -> Option<(&str, &str)> {
    let (key, value) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let known = matches!(key, "version" | "oid" | "size") || key.starts_with("ext-");
    (known && key.len() <= 64 && value.len() <= 512).then_some((key, value.trim_end()))
}
