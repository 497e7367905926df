//! Scans data that R serialized: `.rds`, `.rda`, `.RData`.
//!
//! R's serialization holds every kind of object, code included. Until R 4.4.0 `readRDS` and `load` would also build a *promise* from the
//! file: an expression that runs when the value is first touched, which printing it is enough for (CVE-2024-27322). So the stream is
//! walked item by item as `serialize.c` reads it, and what counts is a promise without a value and the functions it calls. Closures,
//! formulas and calls are what models are made of and stay silent, unless they start programs with a command that is in the file.
//! Compressed files are unpacked by the plugin of the compression; this one sees the plain stream.

mod input;
mod policy;
mod walk;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::other_formats::{S1160, S1161};
use modelaudit_rules::structure::{S902, S911};

/// The plugin.
pub struct RSerialization;

impl Plugin for RSerialization {
    fn describe() -> Manifest {
        let mut rds = Format::new("rds", "R serialized object").extensions(&["rds"]);
        let mut rdata = Format::new("rdata", "R workspace").extensions(&["rda", "rdata"]);
        for version in [2u8, 3] {
            // serialize.c: the letter of the encoding, then the version as an integer in it.
            rds = rds
                .magic(Magic::at(0, &[b'X', b'\n', 0, 0, 0, version]))
                .magic(Magic::at(0, &[b'B', b'\n', version, 0, 0, 0]))
                .magic(Magic::at(0, &[b'A', b'\n', b'0' + version, b'\n']));
            // saveload.c: R_WriteMagic.
            for letter in [b'X', b'A', b'B'] {
                rdata = rdata.magic(Magic::at(0, &[b'R', b'D', letter, b'0' + version, b'\n']));
            }
        }
        Manifest {
            name: "r-serialization",
            version: env!("CARGO_PKG_VERSION"),
            summary: "R objects and workspaces: promises that run code, code that starts programs",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![rds, rdata],
            anchors: vec![],
            rules: vec![S902, S911, S1160, S1161],
        }
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let mut input = match input::open(artifact, format == "rdata")? {
            input::Opened::Stream(input) => input,
            // Two letters and a digit are a weak magic: a list of words may begin like that.
            input::Opened::Other(why) => {
                let name = artifact.name().to_ascii_lowercase();
                let named = [".rds", ".rda", ".rdata"].iter().any(|ending| name.ends_with(ending));
                return if named { Err(why) } else { Ok(()) };
            }
        };
        sink.fact_text("r_version", &input.writer_version());
        sink.fact_number("serialization_version", u64::from(input.version));
        walk::walk(artifact, &mut input, sink);
        Ok(())
    }
}

modelaudit_plugin::export!(RSerialization);
