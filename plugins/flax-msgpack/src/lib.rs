//! Scans msgpack checkpoints of Flax and JAX.
//!
//! Msgpack itself runs nothing. The attacks are on what reads it: keys that a loader takes for Python's special names, texts that
//! are code, arrays of Python objects (unpickled by readers that know no better), keys that are paths, and pickles or programs
//! in binary values, where scanners of weights do not look. Flax' own extension types (1 array, 2 complex, 3 scalar) are read as Flax
//! does; their bytes are skipped and named as tensors. Lengths are compared with the file before anything is done with them.

mod array;
mod policy;
mod probe;
mod token;
mod walk;

use modelaudit_plugin::{Artifact, Format, Manifest, Plugin, Sink};
use modelaudit_rules::flax::{S1140, S1141, S1142, S1143};
use modelaudit_rules::structure::{S902, S910, S911};

use token::{Token, token};

/// The plugin.
pub struct FlaxMsgpack;

impl Plugin for FlaxMsgpack {
    fn describe() -> Manifest {
        Manifest {
            name: "flax-msgpack",
            version: env!("CARGO_PKG_VERSION"),
            summary: "Flax and JAX checkpoints in msgpack: keys, texts, arrays, payloads in binary values",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("flax-msgpack", "Flax checkpoint (msgpack)")
                    .extensions(&["msgpack", "flax"])
                    .first_bytes((0x80..=0x9f).chain(0xdc..=0xdf)),
            ],
            anchors: vec![],
            rules: vec![S902, S910, S911, S1140, S1141, S1142, S1143],
        }
    }

    fn probe(head: &[u8], size: u64) -> Vec<String> {
        if probe::is_checkpoint(head, size) { vec!["flax-msgpack".to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let head = artifact.read(0, 16);
        match token(&head) {
            Some((Token::Map(_) | Token::Array(_), _)) => {}
            _ => return Err("no msgpack map or list at the start".to_owned()),
        }
        walk::walk(artifact, sink);
        Ok(())
    }
}

modelaudit_plugin::export!(FlaxMsgpack);
