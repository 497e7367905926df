//! git-annex: one line with the key of the content (<https://git-annex.branchable.com/internals/pointer_file/>), such as
//! `/annex/objects/SHA256E-s1024--0123abcd.safetensors`. More lines are allowed if each holds `/annex/`.

use crate::{Pointer, Tool, lines};

/// What the text begins with.
pub(crate) const PREFIX: &[u8] = b"/annex/objects/";

pub(crate) const TOOL: Tool = Tool { name: "git-annex", command: "git annex get", hash: "key" };

/// Reads the lines as far as they are of a pointer.
pub(crate) fn read(bytes: &[u8]) -> Pointer {
    let mut pointer = Pointer { oid: None, size: None, length: 0, defect: None };
    for (number, (line, end)) in lines(bytes).enumerate() {
        let Ok(line) = std::str::from_utf8(line) else { break };
        if !line.contains("/annex/") || line.len() > 4096 {
            break;
        }
        pointer.length = end;
        if number > 0 {
            continue;
        }
        let key = line.rsplit('/').next().unwrap_or_default();
        // `BACKEND[-sSIZE][-mTIME]...--NAME`
        match key.split_once("--") {
            Some((fields, name)) if !name.is_empty() && key.len() <= 512 => {
                pointer.size = fields.split('-').skip(1).find_map(|f| f.strip_prefix('s')?.parse().ok());
                pointer.oid = Some(key.to_owned());
            }
            _ => pointer.defect = Some("its key has no name"),
        }
    }
    if pointer.oid.is_none() && pointer.defect.is_none() {
        pointer.defect = Some("its first line is no key");
    }
    pointer
}
