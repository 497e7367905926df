//! Zip archives: what `torch.save`, Keras, `numpy.savez`, TorchServe and every download service wrap models in.
//!
//! The attack this plugin answers is the archive that shows a scanner one content and the loader another: two members of one
//! name (zipfile takes the last, miniz the first), names that differ between local header and central directory
//! (CVE-2025-1944), an encryption flag on plain data (CVE-2025-1945), a wrong checksum (CVE-2025-10156), members that no directory
//! lists. Each makes some scanner stop or skip, while torch loads the payload. So every reading of every member is handed to
//! the host to be scanned, whatever is wrong with it, and what is wrong is reported once for the archive.
//!
//! The archive's own dangers are reported, too: names and links that leave the folder it is unpacked to, bombs, bytes that no
//! part of the structure accounts for, encrypted content. What members contain is the business of other plugins.
//!
//! [`modelaudit_zip_directory`] reads the structure; here is the judgement: `members` goes through the entries, `defects` is
//! the table of what can be wrong with them, `structure` judges the archive as a whole.

mod defects;
mod members;
mod structure;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::{files, structure as rules};
use modelaudit_zip_directory::Archive;

/// The plugin.
pub struct Zip;

impl Plugin for Zip {
    fn describe() -> Manifest {
        Manifest {
            name: "zip",
            version: env!("CARGO_PKG_VERSION"),
            summary: "reads zip archives as every loader reads them and hands each member over, whatever is wrong with it",
            homepage: env!("CARGO_PKG_HOMEPAGE"),
            formats: vec![
                Format::new("zip", "ZIP archive")
                    .extensions(&["zip"])
                    .magic(Magic::at(0, b"PK\x03\x04"))
                    .magic(Magic::at(0, b"PK\x05\x06"))
                    .magic(Magic::at(0, b"PK\x06\x06"))
                    .magic(Magic::at(0, b"PK\x01\x02"))
                    .magic(Magic::at(0, b"PK\x07\x08PK"))
                    .magic(Magic::at(0, b"PK00PK")),
            ],
            anchors: vec![],
            rules: vec![
                files::S405,
                files::S406,
                files::S408,
                files::S410,
                rules::S902,
                rules::S905,
                rules::S910,
                rules::S911,
                rules::S912,
            ],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let archive = Archive::open(artifact);
        let mut members = members::Members::new(artifact);
        let mut entries = archive.entries();
        for entry in entries.by_ref() {
            members.visit(&entry, sink);
        }
        let summary = entries.summary();
        if summary.entries == 0 && archive.directories().is_empty() {
            return Err("neither a central directory nor a local header is there".to_owned());
        }
        sink.fact_number("zip_members", summary.entries);
        structure::report(artifact, &archive, summary, sink);
        members.finish(archive.directories().is_empty(), sink);
        Ok(())
    }
}

modelaudit_plugin::export!(Zip);

#[cfg(test)]
mod tests;
