//! RAR archives, 1.5 to 7.
//!
//! No loader of models reads RAR, but people do: models are passed around in archives, and what a scanner does not open is where a
//! payload is put. So every member is handed over to be scanned, what the archive does when it is unpacked is judged (paths, links,
//! second streams, files and folders of one name, each of which has been used against WinRAR or unrar), and what it hides from a
//! reader is said: encryption, other volumes, packings that are not known, damage, bytes behind its end.
//!
//! Headers are read here, strictly and without a password: `rar5` and `rar4` make `entry::Block`s of them, `archive` goes from one
//! to the next, `members` judges and hands over, `decoder` unpacks with the codecs of the `rars` crate, `quick_open` compares the
//! copies of headers, `overlaps` the names, and `defects` is the table of what can be wrong with a member. Self-extracting archives,
//! whose signature stands behind a program, are not looked for.

mod archive;
mod decoder;
mod defects;
mod entry;
mod members;
mod overlaps;
mod quick_open;
mod rar4;
mod rar5;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::{archives, files, structure};

/// The plugin.
pub struct Rar;

impl Plugin for Rar {
    fn describe() -> Manifest {
        Manifest {
            name: "rar",
            version: env!("CARGO_PKG_VERSION"),
            summary: "reads RAR archives and hands each member over",
            homepage: env!("CARGO_PKG_HOMEPAGE"),
            formats: vec![
                Format::new("rar", "RAR archive")
                    .extensions(&["rar"])
                    .magic(Magic::at(0, rar5::SIGNATURE))
                    .magic(Magic::at(0, rar4::SIGNATURE))
                    .magic(Magic::at(0, archive::ANCIENT)),
            ],
            anchors: vec![],
            rules: vec![
                files::S405,
                files::S406,
                files::S408,
                files::S410,
                files::S411,
                archives::S412,
                archives::S413,
                structure::S901,
                structure::S902,
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

modelaudit_plugin::export!(Rar);
