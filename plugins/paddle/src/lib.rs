//! Scans Paddle models: programs (`.pdmodel`, `__model__`), their parameters (`.pdiparams`), and Paddle 3's `inference.json`.
//!
//! A program is a list of operators that the executor runs as they come, and some of them leave the computation: `py_func` calls Python,
//! `save` writes files at a path out of the program, `load` reads them, others connect to machines. Parameters are a row of raw tensors
//! whose sizes a native reader believes. (`.pdparams` and `.pdopt` are pickles and belong to that plugin.)

mod params;
mod pir;
mod policy;
mod program;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::other_formats::S1107;
use modelaudit_rules::structure::{S902, S905, S911};

/// The plugin.
pub struct Paddle;

/// A program begins with a block (field 1) of some length, which begins with its number 0 and its parent -1 (framework.proto).
fn program_magic(length_bytes: usize) -> Magic {
    let (mut bytes, mut mask) = (vec![0x0a], vec![0xff]);
    for index in 1..=length_bytes {
        bytes.push(if index < length_bytes { 0x80 } else { 0 });
        mask.push(0x80);
    }
    let block = [0x08, 0, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    bytes.extend(block);
    mask.extend([0xff; 13]);
    Magic::masked(0, &bytes, &mask)
}

impl Plugin for Paddle {
    fn describe() -> Manifest {
        let mut program = Format::new("paddle-program", "Paddle program").extensions(&["pdmodel"]);
        for length_bytes in 1..=5 {
            program = program.magic(program_magic(length_bytes));
        }
        // Version 0, no levels of detail, version 0 of the tensor, a description of less than 128 bytes that begins with the type.
        let mut parameters = [0u8; 21];
        parameters[20] = 0x08;
        let mut mask = [0xffu8; 21];
        mask[16] = 0x80;
        Manifest {
            name: "paddle",
            version: env!("CARGO_PKG_VERSION"),
            summary: "Paddle programs and parameters: operators that call Python, touch files or the network",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                program,
                Format::new("paddle-parameters", "Paddle parameters").extensions(&["pdiparams"]).magic(Magic::masked(
                    0,
                    &parameters,
                    &mask,
                )),
                Format::new("paddle-pir", "Paddle 3 program").first_characters(b"{"),
            ],
            anchors: vec![],
            rules: vec![S902, S905, S911, S1107],
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        let text = head.trim_ascii_start();
        let has = |word: &[u8]| text.windows(word.len()).any(|w| w == word);
        let ours = text.starts_with(b"{") && has(b"\"base_code\"") && has(b"\"pir\"");
        if ours { vec!["paddle-pir".to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        match format {
            "paddle-parameters" => params::scan(artifact, sink),
            "paddle-pir" => pir::scan(artifact, sink),
            _ => program::scan(artifact, sink),
        }
    }
}

modelaudit_plugin::export!(Paddle);
