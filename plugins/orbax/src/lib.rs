//! Checkpoints of JAX: Orbax folders, the OCDBT database that they keep arrays in, and Zarr arrays.
//!
//! Such a checkpoint is a folder of small documents and of numbers. Restoring one runs no code of its own, so the attacks are on what
//! the documents point at: functions to restore with, stores on the network or elsewhere on the machine, names of parameters that
//! climb out of the folder, Zarr codecs that unpickle chunks. The database is a tree of packed nodes; its metadata of arrays stand in the
//! nodes, so they are unpacked and handed over as files of their own.
//!
//! `probe` tells the documents from other JSON, `document` goes through one, `store` and `zarr` judge its objects; `ocdbt` goes through
//! a database's file, `envelope` opens what it is made of (with `crc32c`), `body` reads what is inside. The `checkpoint` of older Orbax and
//! of Flax is msgpack, which the plugin flax-msgpack reads. Files below `d/` that begin with values, not with a node, are told by nothing
//! and are not claimed.

mod body;
mod crc32c;
mod document;
mod envelope;
mod ocdbt;
mod probe;
mod store;
mod zarr;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::checkpoints::{S1105, S1195, S1196};
use modelaudit_rules::files::S405;
use modelaudit_rules::structure::{S902, S904, S910, S911};

use envelope::Kind;

/// The plugin.
pub struct Orbax;

/// The id of the database's format.
const OCDBT: &str = "ocdbt";

impl Plugin for Orbax {
    fn describe() -> Manifest {
        let magic = |kind: Kind| Magic::at(0, &kind.magic());
        Manifest {
            name: "orbax",
            version: env!("CARGO_PKG_VERSION"),
            summary: "Orbax, OCDBT and Zarr checkpoints: functions, stores elsewhere, pickle codecs, damaged nodes",
            homepage: env!("CARGO_PKG_HOMEPAGE"),
            formats: vec![
                Format::new(probe::FORMAT, "Orbax or Zarr metadata").first_characters(b"{"),
                Format::new(OCDBT, "OCDBT database (Orbax)")
                    .extensions(&["ocdbt"])
                    .magic(magic(Kind::Manifest))
                    .magic(magic(Kind::Node))
                    .magic(magic(Kind::Versions)),
            ],
            anchors: vec![],
            rules: vec![S405, S902, S904, S910, S911, S1105, S1195, S1196],
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        if probe::fits(head) { vec![probe::FORMAT.to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        if format == OCDBT { ocdbt::scan(artifact, sink) } else { document::scan(artifact, sink) }
    }
}

modelaudit_plugin::export!(Orbax);
