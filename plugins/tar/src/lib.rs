//! Tar archives: NeMo models, checkpoints of torch 0.1, container layers, and what download scripts unpack.
//!
//! A tar has no directory: it is a row of 512-byte headers with the data between them, and unpacking follows it in order. So
//! its dangers are what the row does to the file system: names and links that leave the folder (CVE-2007-4559,
//! CVE-2025-23360 in NeMo), a link first and a member written through it later, device nodes, programs that run as their
//! owner; and headers that two readers size differently, so that one of them sees other members (CVE-2025-62518). Every member is
//! a view on the archive's bytes and is handed to the host; so is what stands behind the end.
//!
//! Formats: the first tar (v7, no magic), POSIX ustar and PAX (IEEE 1003.1, pax), GNU (tar manual, "Basic Tar Format"), as
//! Python's tarfile and GNU tar read them. [`modelaudit_tar_headers`] parses a block and PAX records, `sparse` the other extension, `links` follows links,
//! `walk` goes along the row, `member` judges what it finds, by the table in `defects`.

mod defects;
mod links;
mod member;
mod sparse;
mod walk;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::{files, structure};
use modelaudit_tar_headers::{header, pax};

/// The plugin.
pub struct Tar;

/// Offset of the numbers in a header whose form a v7 tar must have: size, time, checksum.
const NUMBERS: u64 = 124;

/// A v7 header has no magic, but its size, time and checksum are octal digits or spaces, each field closed by a space or a NUL:
/// told by the bits that these characters share. Numbers stand at the right, so the last of a field is never a space: a run
/// of spaces (an npy header in a stored zip member) does not fit. Text made of digits alone would; the checksum decides.
fn v7_magic() -> Magic {
    let digit = (0x20, 0xe8); // a space or '0' to '7'
    let closing = (0x00, 0xdf); // a space or a NUL
    let last = [(0x30, 0xf8), closing];
    let fields = [[digit; 10].as_slice(), &last, &[digit; 10], &last, &[digit; 5], &last, &[closing]].concat();
    let (bytes, mask): (Vec<u8>, Vec<u8>) = fields.into_iter().unzip();
    Magic::masked(NUMBERS, &bytes, &mask)
}

impl Plugin for Tar {
    fn describe() -> Manifest {
        Manifest {
            name: "tar",
            version: env!("CARGO_PKG_VERSION"),
            summary: "follows tar archives the way unpackers do and hands each member over",
            homepage: env!("CARGO_PKG_HOMEPAGE"),
            formats: vec![
                Format::new("tar", "tar archive")
                    .extensions(&["tar"])
                    .magic(Magic::at(257, b"ustar"))
                    .magic(v7_magic()),
            ],
            anchors: vec![],
            rules: vec![
                files::S405,
                files::S406,
                files::S408,
                files::S410,
                files::S411,
                structure::S902,
                structure::S905,
                structure::S910,
                structure::S911,
            ],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        walk::Walk::new(artifact).run(sink)
    }
}

modelaudit_plugin::export!(Tar);

#[cfg(test)]
mod tests;
