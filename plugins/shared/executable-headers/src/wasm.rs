//! WebAssembly: magic, version, and a first section that makes sense.
//!
//! The eight bytes of magic and version are not enough, although that many never meet by chance in random bytes: a token
//! list with length prefixes (GGUF's vocabularies) that holds `asm` and then a token of one letter spells exactly
//! `\0asm\x01\0\0\0`. There, a section of size zero follows, which no module has.

use crate::window::{Extent, Window};
use crate::{Executable, Kind};

/// Highest section id: 13 is `tag` (exception handling); components go to 12.
const SECTION_MAX: u8 = 13;
/// How many sections are walked to find the extent.
const SECTIONS_WALKED: u32 = 256;

pub(crate) fn inspect(window: &Window<'_>) -> Option<Executable> {
    let component = match window.array::<4>(4)? {
        [1, 0, 0, 0] => false,
        // Version 13 of layer 1, the only one in use.
        [0x0d, 0, 1, 0] => true,
        _ => return None,
    };
    let mut extent = Extent::new(window, 8);
    let mut at = 8u64;
    for index in 0..SECTIONS_WALKED {
        if window.u8(at).is_none() {
            // Behind the end (an empty module is one, too), or out of sight: nothing speaks against it.
            break;
        }
        match section(window, at) {
            // A core module's first own section declares types, imports, a table, a memory, globals or data: functions
            // and their code need a type before them.
            Some(_) if index == 0 && !component && matches!(window.u8(at), Some(3 | 10)) => return None,
            Some(length) => {
                extent.part(at, length);
                at = at.saturating_add(length);
            }
            // The module has ended and other data follows; one section alone is not yet a module.
            None if index >= 2 => break,
            None => return None,
        }
    }
    Some(Executable { kind: Kind::WebAssembly { component }, extent: extent.bytes(), truncated: extent.truncated() })
}

/// The whole length of the section at that offset, if it looks like one.
fn section(window: &Window<'_>, at: u64) -> Option<u64> {
    let id = window.u8(at)?;
    let (size, width) = window.leb32(at + 1)?;
    if id > SECTION_MAX || size == 0 {
        return None;
    }
    if id == 0 {
        // A custom section starts with its name.
        let (name, name_width) = window.leb32(at + 1 + width)?;
        let first = window.u8(at + 1 + width + name_width)?;
        if name == 0 || u64::from(name) + name_width > u64::from(size) || !(first.is_ascii_graphic() || first >= 0xc2) {
            return None;
        }
    }
    Some(1 + width + u64::from(size))
}
