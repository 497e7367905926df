//! Tells executables from bytes that merely begin like one.
//!
//! A model file is megabytes of numbers that look random, so two or four magic bytes prove nothing: `MZ` stands in every
//! 64 KiB of weights, `\x7fELF` in a large enough corpus of them. The validators here read the whole header and ask what
//! the *loader* of the format asks (the kernel's ELF loader, Windows' image loader, dyld, a JVM ...). Two things follow.
//! A field that the loader ignores is not required: an attacker may set it freely (the ELF identification bytes beyond
//! the magic, the DOS stub of a PE). A field that it checks is: together they leave a chance of less than 2^-60 a
//! position, that is, no hit in 1 GiB of random bytes.
//!
//! Two entrances: [`identify`] for who has the first bytes of something in hand, and [`identify_at`] for who can read
//! on. Nothing is allocated by a length out of the file; all loops are bounded by constants.
//!
//! ```
//! use modelaudit_executable_headers::{Kind, identify};
//!
//! let script = b"#!/bin/bash\necho hello\n";
//! assert!(matches!(identify(script, script.len() as u64), Some(Kind::Script(_))));
//! assert_eq!(identify(b"MZ\x90\x00 is not enough", 22), None);
//! ```

mod bytecode;
mod elf;
mod kind;
mod macho;
mod pe;
mod script;
mod wasm;
mod window;
mod windows;

pub use kind::{Executable, Kind};
pub use pe::{SEARCH_BACK, find_start as find_pe_start};
pub use script::{Interpreter, Language, Shebang, is_text, shebang, text_length};

use modelaudit_plugin::Artifact;
use window::Window;

/// How many of the first bytes [`identify`] wants to see for a full answer; fewer are fine, more are of use only for a PE
/// with a DOS stub of more than this.
pub const HEAD_LENGTH: u32 = 4096;

/// What executable starts at the first byte of `head`, if any. `head` are the first bytes of something of `size` bytes.
///
/// Only what the bytes show is claimed: a header of which the deciding part lies beyond `head` gives `None`.
pub fn identify(head: &[u8], size: u64) -> Option<Kind> {
    inspect(&Window::over_slice(head, size)).map(|found| found.kind)
}

/// What executable starts at `offset` of the artifact, if any, and how far it reaches. Reads a few kilobytes.
pub fn identify_at(artifact: &dyn Artifact, offset: u64) -> Option<Executable> {
    inspect(&Window::over_artifact(artifact, offset)?)
}

/// Every validator; the first four bytes decide which one is asked, so the order means nothing.
fn inspect(window: &Window<'_>) -> Option<Executable> {
    match window.array::<4>(0)? {
        [b'M', b'Z', ..] => pe::inspect(window),
        [0x7f, b'E', b'L', b'F'] => elf::inspect(window),
        [0xcf | 0xce, 0xfa, 0xed, 0xfe] | [0xfe, 0xed, 0xfa, 0xce | 0xcf] => macho::inspect_thin(window),
        // Two formats share this magic; the word after it tells them apart.
        [0xca, 0xfe, 0xba, 0xbe] => macho::inspect_fat(window).or_else(|| bytecode::inspect_class(window)),
        [0xca, 0xfe, 0xba, 0xbf] => macho::inspect_fat(window),
        [0, b'a', b's', b'm'] => wasm::inspect(window),
        [0x1b, b'L', b'u', b'a'] => bytecode::inspect_lua(window),
        [0x1b, b'L', b'J', _] => bytecode::inspect_luajit(window),
        [b'd', b'e', b'x', b'\n'] => bytecode::inspect_dex(window),
        [_, _, b'\r', b'\n'] => bytecode::inspect_pyc(window),
        [0xd0, 0xcf, 0x11, 0xe0] => windows::inspect_installer(window),
        [0x4c, 0, 0, 0] => windows::inspect_shortcut(window),
        [b'#', b'!', ..] => script::inspect(window),
        _ => None,
    }
}
