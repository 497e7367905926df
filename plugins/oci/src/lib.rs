//! OCI images and artifacts, Docker's and Ollama's: layouts, indexes, manifests, configurations.
//!
//! Registries carry models now (Ollama, KitOps, Docker Model Runner, ModelPack), in the form made for container images: small JSON
//! documents that name blobs by digest. A client trusts them before it has seen a blob: it makes file names out of digests, writes
//! files where an annotation says, fetches from URLs that a descriptor gives, starts what the configuration says. That is judged here.
//!
//! The blobs are files of their own, beside the document or in the same archive, and are scanned as such; only content that is embedded
//! in a descriptor as base64 becomes a child. Whiteouts and links of layers are the tar plugin's.
//!
//! `probe` tells such documents from other JSON, `document` reads one, `descriptor`, `embedded` and `digest` judge what it names,
//! `places` the paths, `image` what is run.

mod descriptor;
mod digest;
mod document;
mod embedded;
mod findings;
mod image;
mod places;
mod probe;

use modelaudit_plugin::{Artifact, Format, Manifest, Plugin, Sink};
use modelaudit_rules::containers::{S1190, S1191, S1192, S1193, S1194};
use modelaudit_rules::files::S405;
use modelaudit_rules::structure::{S901, S910, S911};

/// The plugin.
pub struct Oci;

impl Plugin for Oci {
    fn describe() -> Manifest {
        Manifest {
            name: "oci",
            version: env!("CARGO_PKG_VERSION"),
            summary: "OCI, Docker and Ollama manifests: digests, paths, foreign URLs, what a container starts",
            homepage: env!("CARGO_PKG_HOMEPAGE"),
            formats: vec![Format::new(probe::FORMAT, "OCI or Docker manifest").first_characters(b"{[")],
            anchors: vec![],
            rules: vec![S405, S901, S910, S911, S1190, S1191, S1192, S1193, S1194],
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        if probe::fits(head) { vec![probe::FORMAT.to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        document::scan(artifact, sink)
    }
}

modelaudit_plugin::export!(Oci);
