//! Scans what torch adds to a container: archives that `torch.save`, `torch.jit.save` and `torch.package` write (zip files),
//! and the flat files of older releases.
//!
//! The pickles inside run code, and finding that is the pickle plugin's work; the zip plugin hands every member on. What is
//! left is what only torch knows: which records its reader takes, the TorchScript sources (which are read as code by whoever
//! loads the model, `weights_only` or not: CVE-2025-32434), the sizes that a pickle claims for its tensors (CVE-2026-24747),
//! and where the numbers are, so that the analysers know the tensors by name.
//!
//! The format `pytorch` has the magic of every zip file: for one that is no torch archive the plugin reads the directory and is
//! silent.

mod archive;
mod dtype;
mod legacy;
mod tensors;
mod torchscript;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::structure::{S902, S911};
use modelaudit_rules::tensors::{S811, S812, S813, S814, S815};

/// The plugin.
pub struct Pytorch;

impl Plugin for Pytorch {
    fn describe() -> Manifest {
        Manifest {
            name: "pytorch",
            version: env!("CARGO_PKG_VERSION"),
            summary: "torch archives and flat torch files: records, TorchScript, tensors",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("pytorch", "PyTorch archive").magic(Magic::at(0, b"PK\x03\x04")),
                Format::new("pytorch-legacy", "PyTorch flat file").magic(Magic::at(0, legacy::MAGIC)),
            ],
            anchors: vec![],
            rules: vec![S811, S812, S813, S814, S815, S902, S911],
        }
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        match format {
            "pytorch-legacy" => legacy::scan(artifact, sink),
            _ => {
                archive::scan(artifact, sink);
                Ok(())
            }
        }
    }
}

modelaudit_plugin::export!(Pytorch);
