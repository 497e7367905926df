//! Scans HDF5 files, what Keras keeps models and weights in.
//!
//! Two attacks live here. The attribute `model_config` is a Keras configuration, which loading deserialises, and the HDF5 loader
//! of Keras 3 ignored `safe_mode` until 3.11.3 (CVE-2025-9905): it goes to [`modelaudit_keras_config`]. And HDF5 itself can read other
//! files (external links, external storage, virtual datasets: CVE-2026-1669), load native filters, and claim shapes of petabytes
//! (CVE-2026-0897). Payloads hide in opaque datasets and before the superblock.
//!
//! The reader is our own, for what matters here are the offsets of the evidence and going on after a defect: readers made for data
//! give up a group over one member that they can't read. It reads headers, never elements: superblocks 0 to 3, object headers 1 and
//! 2, symbol tables, fractal heaps, both B-trees, global heaps. Source: HDF5 File Format Specification 3.0.

mod btree;
mod dataset;
mod file;
mod group;
mod header;
mod heap;
mod inventory;
mod message;
mod sniff;
mod superblock;
mod sweep;
mod text;
mod virtual_map;
mod walk;

use modelaudit_keras_config::RULES;
use modelaudit_plugin::{Artifact, Finding, Format, Magic, Manifest, Plugin, Sink, Span};
use modelaudit_rules::keras::{S1132, S1133, S1134};
use modelaudit_rules::structure::{S904, S908, S911};

use file::File;
use sniff::{HEAD_LENGTH, foreign};

/// Offsets at which a superblock behind a user block is looked for by its magic; the library goes on doubling.
const MAGIC_OFFSETS: [u64; 12] = [0, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131_072, 262_144, 524_288];

/// The plugin.
pub struct KerasHdf5;

impl Plugin for KerasHdf5 {
    fn describe() -> Manifest {
        let mut format = Format::new("keras-hdf5", "HDF5 (Keras)").extensions(&["h5", "hdf5", "hdf", "he5"]);
        for offset in MAGIC_OFFSETS {
            format = format.magic(Magic::at(offset, superblock::SIGNATURE));
        }
        let mut rules = RULES.to_vec();
        rules.extend([S904, S908, S911, S1132, S1133, S1134]);
        Manifest {
            name: "keras-hdf5",
            version: env!("CARGO_PKG_VERSION"),
            summary: "HDF5: Keras configurations, links to other files, shapes, payloads in datasets",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![format],
            anchors: vec![],
            rules,
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let Some(base) = superblock::find(artifact) else {
            return Err("no HDF5 signature at 0, 512 or a doubling of it".to_owned());
        };
        let mut file = File::new(artifact, base);
        around(&file, Span::new(0, base), "the user block before the HDF5 data", "user_block", sink);
        let superblock = match superblock::read(&mut file) {
            Ok(superblock) => superblock,
            Err(trouble) => {
                walk::report(&trouble, artifact.size(), sink);
                return Ok(());
            }
        };
        sink.fact_number("hdf5_superblock", u64::from(superblock.version));
        let end = base.saturating_add(superblock.end);
        if end > artifact.size() {
            let size = artifact.size();
            sink.incomplete(&format!("the file is cut: its superblock says {end} bytes, there are {size}"));
        } else {
            around(
                &file,
                Span::new(end, artifact.size() - end),
                "the data behind the end of the HDF5 file",
                "trailing_data",
                sink,
            );
        }
        walk::walk(&file, superblock.root, sink);
        Ok(())
    }
}

modelaudit_plugin::export!(KerasHdf5);

/// Bytes before and behind the HDF5 data: handed on unless they are empty, and a finding if they are a file of their own. MATLAB writes
/// a text before the data.
fn around(file: &File<'_>, at: Span, what: &str, name: &str, sink: &mut dyn Sink) {
    let head = file.up_to(at.offset, at.length.min(HEAD_LENGTH));
    if head.iter().all(|b| *b == 0) || head.starts_with(b"MATLAB ") {
        return;
    }
    if let Some(kind) = foreign(&head, at.length, true) {
        let rule = if at.offset == 0 { &S908 } else { &S911 };
        sink.finding(Finding::new(rule, format!("{what} is {kind}")).at(at.offset, at.length));
    }
    sink.embed(name, at, "");
}
