//! Follows ar and cpio archives, and names the archives and disk images that nothing here opens.
//!
//! Debian packages are ar, RPM payloads and boot images are cpio: plain containers whose members are handed on as they are, with the same
//! eye on paths, links and special files as for tar. What can not be opened (CAB, ISO 9660, SquashFS and so on) must not pass for
//! clean: it is named, and the file is incomplete.

mod ar;
mod cpio;
mod members;
mod opaque;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::archives::S416;
use modelaudit_rules::files::{S405, S406, S408, S411};
use modelaudit_rules::structure::{S902, S905, S910, S911};

/// The plugin.
pub struct UnixArchives;

impl Plugin for UnixArchives {
    fn describe() -> Manifest {
        let mut opaque = Format::new("opaque-archive", "archive that is not opened").extensions(&[]);
        for kind in opaque::KINDS {
            opaque = opaque.magic(kind.magic());
        }
        let cpio = Format::new("cpio", "cpio archive").extensions(&["cpio"]);
        Manifest {
            name: "unix-archives",
            version: env!("CARGO_PKG_VERSION"),
            summary: "ar and cpio archives; names CAB, ISO 9660, SquashFS and others that are not opened",
            homepage: env!("CARGO_PKG_HOMEPAGE"),
            formats: vec![
                Format::new("ar", "ar archive")
                    .extensions(&["deb", "ar"])
                    .magic(Magic::at(0, ar::MAGIC))
                    .magic(Magic::at(0, ar::THIN)),
                cpio::MAGICS.iter().fold(cpio, |format, magic| format.magic(Magic::at(0, magic))),
                opaque,
            ],
            anchors: vec![],
            rules: vec![S405, S406, S408, S411, S416, S902, S905, S910, S911],
        }
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        match format {
            "ar" => ar::scan(artifact, sink),
            "cpio" => cpio::scan(artifact, sink),
            _ => opaque::scan(artifact, sink),
        }
    }
}

modelaudit_plugin::export!(UnixArchives);
