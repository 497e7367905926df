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

use modelaudit_plugin::{Artifact, Format, Manifest, Plugin, Sink};
use modelaudit_rules::{files, structure};
use modelaudit_tar_headers::{header, pax};

/// The plugin.
pub struct Tar;

impl Plugin for Tar {
    fn describe() -> Manifest {
        Manifest {
            name: "tar",
            version: env!("CARGO_PKG_VERSION"),
            summary: "follows tar archives the way unpackers do and hands each member over",
            homepage: env!("CARGO_PKG_HOMEPAGE"),
            formats: vec![
                Format::new("tar", "tar archive").extensions(&["tar"]).magic(header::magic()).magic(header::v7_magic()),
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
