//! 7z archives.
//!
//! `nullifAI` (ReversingLabs, February 2025) packed malicious PyTorch files with 7z instead of zip and kept the name `.pt`:
//! `torch.load` can't read that, a person who unpacks it by hand can, and scanners that know only zip saw nothing. So this plugin
//! reads the format itself, strictly and without a password: every member is handed over to be scanned, and what the archive
//! hides from a reader (encryption, methods that are not supported, bytes that no stream accounts for, damage) is said.
//!
//! `cursor` and `header` parse the property tree, `coders` undoes the methods, `members` hands the content over and `defects` is the
//! table of what can be wrong with it, `archive` opens the file and judges it as a whole. The format: DOC/7zFormat.txt and
//! DOC/Methods.txt in the 7-Zip sources. Self-extracting archives, whose signature stands behind a program, are not looked for.

mod archive;
mod coders;
mod cursor;
mod defects;
mod header;
mod members;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::{files, structure};

/// The plugin.
pub struct SevenZ;

impl Plugin for SevenZ {
    fn describe() -> Manifest {
        Manifest {
            name: "sevenz",
            version: env!("CARGO_PKG_VERSION"),
            summary: "reads 7z archives and hands each member over",
            homepage: env!("CARGO_PKG_HOMEPAGE"),
            formats: vec![Format::new("7z", "7z archive").extensions(&["7z"]).magic(Magic::at(0, archive::SIGNATURE))],
            anchors: vec![],
            rules: vec![
                files::S405,
                files::S406,
                files::S408,
                files::S410,
                files::S411,
                structure::S901,
                structure::S902,
                structure::S904,
                structure::S905,
                structure::S910,
                structure::S911,
                structure::S912,
            ],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        archive::scan(artifact, sink)
    }
}

modelaudit_plugin::export!(SevenZ);
