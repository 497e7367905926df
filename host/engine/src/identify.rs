//! Which formats an artifact may be: by the magics of all manifests, by `probe` of the formats that have none, and only
//! where the content says nothing by its name.

use wasmtime::Engine;

use crate::bytes::Bytes;
use crate::limits::Limits;
use crate::model::Gap;
use crate::plugin_info::{Format, Magic};
use crate::sandbox::{Plugin, probe};

/// What plugins see of a file when they are asked whether it is theirs.
const HEAD: u64 = 4096;

/// A plugin that will scan the artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Index of the plugin.
    pub plugin: usize,
    /// Format id.
    pub format: String,
    /// False if the content says so, true if only the name does.
    pub by_name: bool,
}

/// Finds every format that claims the bytes. `hint` is a format id the parent gave. Failures of probes are gaps.
///
/// # Errors
/// The bytes can't be read.
pub fn identify(
    engine: &Engine,
    limits: &Limits,
    plugins: &[Plugin],
    bytes: &dyn Bytes,
    name: &str,
    hint: &str,
) -> std::io::Result<(Vec<Claim>, Vec<Gap>)> {
    let size = bytes.size();
    let head = bytes.read_vec(0, size.min(HEAD) as usize)?;
    let mut claims = Vec::new();
    let mut gaps = Vec::new();
    let all = || {
        plugins.iter().enumerate().flat_map(|(index, p)| p.manifest.formats.iter().map(move |format| (index, format)))
    };
    let claim = |claims: &mut Vec<Claim>, plugin: usize, format: &Format, by_name: bool| {
        let claim = Claim { plugin, format: format.id.clone(), by_name };
        if !claims.iter().any(|c| c.plugin == plugin && c.format == format.id) {
            claims.push(claim);
        }
    };
    for (index, format) in all() {
        for magic in &format.magics {
            if stands(magic, bytes, &head)? {
                claim(&mut claims, index, format, false);
            }
        }
    }
    for (index, plugin) in plugins.iter().enumerate() {
        let asked = |f: &Format| {
            f.magics.is_empty() && (f.first_bytes.is_empty() || head.first().is_some_and(|b| f.first_bytes.contains(b)))
        };
        let probed = |id: &str| plugin.manifest.formats.iter().find(|f| f.id == id && asked(f));
        if size == 0 || !plugin.manifest.formats.iter().any(asked) {
            continue;
        }
        match plugin.loaded(engine).and_then(|loaded| probe(loaded, limits, &head, size)) {
            Ok(ids) => ids.iter().filter_map(|id| probed(id)).for_each(|f| claim(&mut claims, index, f, false)),
            Err(reason) => gaps.push(Gap { plugin: plugin.manifest.name.clone(), reason }),
        }
    }
    if !hint.is_empty() {
        all().filter(|(_, f)| f.id == hint).for_each(|(index, format)| claim(&mut claims, index, format, false));
    }
    if claims.is_empty() {
        let base = name.rsplit('/').next().unwrap_or(name).to_lowercase();
        let named = |f: &Format| {
            f.file_names.contains(&base)
                || f.extensions.iter().any(|e| base.strip_suffix(e.as_str()).is_some_and(|b| b.ends_with('.')))
        };
        all().filter(|(_, f)| named(f)).for_each(|(index, format)| claim(&mut claims, index, format, true));
    }
    claims.sort_by(|a, b| a.plugin.cmp(&b.plugin).then_with(|| a.format.cmp(&b.format)));
    Ok((claims, gaps))
}

/// True if a magic stands where it should.
fn stands(magic: &Magic, bytes: &dyn Bytes, head: &[u8]) -> std::io::Result<bool> {
    let length = magic.bytes.len() as u64;
    if magic.offset + length > bytes.size() {
        return Ok(false);
    }
    let window = match head.get(magic.offset as usize..(magic.offset + length) as usize) {
        Some(window) => window.to_vec(),
        None => bytes.read_vec(magic.offset, magic.bytes.len())?,
    };
    let mask = magic.mask.iter().copied().chain(std::iter::repeat(0xff));
    Ok(window.iter().zip(&magic.bytes).zip(mask).all(|((have, want), mask)| have & mask == want & mask))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::MemoryBytes;

    #[test]
    fn magics_are_masked_and_may_stand_behind_the_head() {
        let mut content = vec![0u8; 5000];
        content[257..262].copy_from_slice(b"ustar");
        content[4500..4502].copy_from_slice(b"\x80\x45");
        let bytes = MemoryBytes(content);
        let at = |offset, b: &[u8], mask: &[u8]| Magic { offset, bytes: b.to_vec(), mask: mask.to_vec() };
        let stands = |magic: Magic| stands(&magic, &bytes, &bytes.0[..4096]).unwrap();
        assert!(stands(at(257, b"ustar", b"")));
        assert!(!stands(at(258, b"ustar", b"")));
        assert!(stands(at(4500, b"\x80\x05", b"\xff\x0f")));
        assert!(!stands(at(4999, b"\0\0", b"")));
    }
}
