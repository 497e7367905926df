//! Scans `.npy` files, alone and as members of `.npz` archives.
//!
//! A header in Python syntax, then the numbers. `numpy.load` reads an array whose element type holds objects with
//! `pickle.load`, so its body is handed on as a pickle; whether that is harmful is the pickle's matter, for object arrays of
//! texts are common. The other attacks are on readers: an expression where a literal belongs (for whoever calls `eval`), shapes
//! whose product overflows or asks for far more memory than the file holds, a header so long that scanners skip the file
//! while `numpy.load(max_header_size=...)` reads it, and bytes after the array.

mod array;
mod dtype;
mod literal;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::structure::{S902, S904, S910, S911};

/// Arrays in one file: `numpy.save` on an open file appends.
const MAX_ARRAYS: u64 = 100_000;

/// The plugin.
pub struct Numpy;

impl Plugin for Numpy {
    fn describe() -> Manifest {
        Manifest {
            name: "numpy",
            version: env!("CARGO_PKG_VERSION"),
            summary: "numpy arrays: header, object arrays, sizes",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![Format::new("numpy", "NumPy array").extensions(&["npy"]).magic(Magic::at(0, array::MAGIC))],
            anchors: vec![],
            rules: vec![S902, S904, S910, S911],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let mut offset = 0;
        let mut count = 0;
        loop {
            count += 1;
            match array::scan(artifact, offset, count, sink)? {
                Some(next) if count >= MAX_ARRAYS => {
                    return Err(format!("more than {MAX_ARRAYS} arrays: nothing was read from offset {next} on"));
                }
                Some(next) => offset = next,
                None => break,
            }
        }
        sink.fact_number("array_count", count);
        Ok(())
    }
}

modelaudit_plugin::export!(Numpy);
