//! Scans ExecuTorch programs (`.pte`), their tensors in files of their own (`.ptd`) and programs with tests (`.bpte`).
//!
//! A program is a FlatBuffer of methods: values, operators that the app must have, and delegates, whose bytes go to native code of a
//! backend. Constants and the delegates' bytes stand in segments behind it. The runtime uses the FlatBuffer in place and checks it only
//! if it is asked to, so the whole graph of offsets and indexes is walked here; weights are named and not read, and what belongs to
//! delegates is handed on. TorchScript for mobiles (`.ptl`) is a zip and not meant here.

mod bundle;
mod delegates;
mod flat_tensor;
mod front;
mod known;
mod plan;
mod program;
mod schema;
mod segments;
mod tensors;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink, quote};
use modelaudit_rules::deployment::{S1170, S1171, S1172};
use modelaudit_rules::structure::{S904, S905, S911};

/// The plugin.
pub struct ExecuTorch;

/// An identifier of two letters and two digits behind the offset of the root, which lies below 512 MiB in every file: texts that
/// happen to hold the letters are told apart by it.
fn identifier(letters: [u8; 2]) -> Magic {
    let [first, second] = letters;
    Magic::masked(3, &[0, first, second, b'0', b'0'], &[0xe0, 0xff, 0xff, 0xf0, 0xf0])
}

impl Plugin for ExecuTorch {
    fn describe() -> Manifest {
        Manifest {
            name: "executorch",
            version: env!("CARGO_PKG_VERSION"),
            summary: "ExecuTorch programs: structure, delegates, operators, tensors",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("executorch", "ExecuTorch program").extensions(&["pte"]).magic(identifier(*b"ET")),
                Format::new("executorch-tensors", "ExecuTorch tensors").extensions(&["ptd"]).magic(identifier(*b"FT")),
                Format::new("executorch-bundle", "ExecuTorch program with tests")
                    .extensions(&["bpte"])
                    .magic(identifier(*b"BP")),
            ],
            anchors: vec![],
            rules: vec![S904, S905, S911, S1170, S1171, S1172],
        }
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let (letters, what) = match format {
            "executorch-tensors" => (b"FT", "FT01"),
            "executorch-bundle" => (b"BP", "BP08"),
            _ => (b"ET", "ET12"),
        };
        let head = artifact.read(0, 8);
        let Some(id) = head.get(4..8).filter(|id| id.starts_with(letters)) else {
            return Err(format!("the identifier '{what}' is missing, the file begins with {}", quote(&head)));
        };
        // The magic asks for less; a file that is here for its name only may be a text that happens to hold the letters.
        let root = head.first_chunk::<4>().map_or(0, |root| u64::from(u32::from_le_bytes(*root)));
        if root >= 0x2000_0000 && root > artifact.size() {
            return Err(format!("it is no program, for it begins with {}", quote(&head)));
        }
        sink.fact_text("identifier", &modelaudit_plugin::escape(&String::from_utf8_lossy(id)));
        match format {
            "executorch-tensors" => flat_tensor::scan(artifact, sink),
            "executorch-bundle" => bundle::scan(artifact, sink),
            _ => program::scan(artifact, sink),
        }
    }
}

modelaudit_plugin::export!(ExecuTorch);
