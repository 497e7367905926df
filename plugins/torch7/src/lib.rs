//! Scans Torch7 files: `.t7`, `.th`, `.net`, in the binary and in the text encoding.
//!
//! `torch.load` of the Lua framework rebuilds tables, tensors, objects of registered classes, and *functions*: they are stored as
//! `string.dump` wrote them and go through `loadstring`, which takes bytecode that nothing verifies, with their upvalues. Models of the
//! time hold functions now and then (closures of `nn` modules, preprocessing), so a function is a warning, and one whose constants name a
//! way out of Lua (`os.execute`, `io.popen`, `ffi` ...) is critical. The walk follows `File.lua` of torch7; tensors are passed over.

mod input;
mod policy;
mod walk;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::embedded::S512;
use modelaudit_rules::other_formats::S1162;
use modelaudit_rules::structure::{S902, S911};

/// The plugin.
pub struct Torch7;

/// Masks of four-byte integers: all of it, or only that it is below 2^24 or 2^8 and not negative.
const ALL: [u8; 4] = [0xff; 4];
const SMALL: [u8; 4] = [0, 0, 0, 0xff];
const BYTE: [u8; 4] = [0, 0xff, 0xff, 0xff];

/// A magic of little-endian integers with a mask for each, and bytes behind them.
fn integers(parts: &[(u32, [u8; 4])], tail: &[u8]) -> Magic {
    let mut bytes: Vec<u8> = parts.iter().flat_map(|(n, _)| n.to_le_bytes()).collect();
    let mut mask: Vec<u8> = parts.iter().flat_map(|(_, m)| *m).collect();
    bytes.extend(tail);
    mask.extend(tail.iter().map(|_| 0xff));
    Magic::masked(0, &bytes, &mask)
}

impl Plugin for Torch7 {
    fn describe() -> Manifest {
        let key_one = 1f64.to_le_bytes();
        // File.lua: the type, and for all but numbers, strings and booleans the index of the object, which begins at 1.
        let format = Format::new("torch7", "Torch7")
            .extensions(&["t7", "th", "net"])
            // An object: its index, the version "V 1" as a string.
            .magic(integers(&[(4, ALL), (1, ALL), (3, ALL)], b"V "))
            // A table of less than 2^24 entries: the first key is a string of less than 256 bytes, or the number 1.
            .magic(integers(&[(3, ALL), (1, ALL), (0, SMALL), (2, ALL), (0, BYTE)], b""))
            .magic(integers(&[(3, ALL), (1, ALL), (0, SMALL), (1, ALL)], &key_one))
            // A function: with an index (7 and 8) or without (6), then its bytecode: "\x1bL".
            .magic(integers(&[(8, ALL), (1, ALL), (0, SMALL)], b"\x1bL"))
            .magic(integers(&[(7, ALL), (1, ALL), (0, SMALL)], b"\x1bL"))
            .magic(integers(&[(6, ALL), (0, SMALL)], b"\x1bL"))
            // The same in text.
            .magic(Magic::at(0, b"4\n1\n3\nV "))
            .magic(Magic::masked(0, b"3\n1\n0\n2\n", &[255, 255, 255, 255, 0xf0, 255, 255, 255]))
            .magic(Magic::masked(0, b"3\n1\n00\n2\n", &[255, 255, 255, 255, 0xf0, 0xf0, 255, 255, 255]))
            .magic(Magic::masked(0, b"3\n1\n0\n1\n1\n", &[255, 255, 255, 255, 0xf0, 255, 255, 255, 255, 255]))
            .magic(Magic::masked(0, b"3\n1\n00\n1\n1\n", &[255, 255, 255, 255, 0xf0, 0xf0, 255, 255, 255, 255, 255]));
        Manifest {
            name: "torch7",
            version: env!("CARGO_PKG_VERSION"),
            summary: "Torch7 objects: stored Lua functions",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![format],
            anchors: vec![],
            rules: vec![S512, S902, S911, S1162],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        walk::scan(artifact, sink)
    }
}

modelaudit_plugin::export!(Torch7);
