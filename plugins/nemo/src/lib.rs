//! Scans NeMo models (`.nemo`): tar archives, plain or compressed, of a configuration, weights and whatever the model needs beside them.
//!
//! What is dangerous in them is found by others: names and links that leave the archive by the tar plugin (CVE-2025-23360), weights that
//! are pickles by the pickle plugin (CVE-2025-23249), callables, tags and interpolations of the configuration by the configuration
//! plugin (CVE-2025-23304), which judges every YAML file alike. This plugin knows what NeMo makes of the archive: which member is the
//! configuration, which class it is for, which of the classes NeMo itself would refuse today, and which files it would read
//! under the prefix `nemo:`. It says nothing that the others say.
//!
//! Sources: nemo/core/connectors/save_restore_connector.py, nemo/core/classes/common.py (2.3.1, and the list of 2.6).

mod config;
mod targets;

use modelaudit_plugin::{Artifact, Finding, Format, Manifest, Plugin, Sink, clip, escape, quote};
use modelaudit_rules::programs_in_models::{S1182, S1183};
use modelaudit_rules::structure::S910;
use modelaudit_tar_headers::{Member, Members, header};

/// The plugin.
pub struct Nemo;

/// The configuration's name below the root (`SaveRestoreConnector._model_config_yaml`), and the other spelling of YAML.
const CONFIGURATIONS: &[&[u8]] = &[b"model_config.yaml", b"model_config.yml"];
/// Weights: a file, one for each part of a model that is split, or a folder of shards.
const WEIGHTS: &[u8] = b"model_weights";
/// Copies of the configuration that are looked at.
const MOST_COPIES: usize = 8;
/// Names that are listed as facts.
const MOST_LISTED: usize = 32;

impl Plugin for Nemo {
    fn describe() -> Manifest {
        Manifest {
            name: "nemo",
            version: env!("CARGO_PKG_VERSION"),
            summary: "NeMo models: which classes the configuration names, which files it reads",
            homepage: env!("CARGO_PKG_HOMEPAGE"),
            formats: vec![
                Format::new("nemo", "NeMo model")
                    .extensions(&["nemo"])
                    .magic(header::magic())
                    .magic(header::v7_magic()),
            ],
            anchors: vec![],
            rules: vec![S910, S1182, S1183],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let contents = Contents::of(artifact);
        let named = is_named(artifact);
        if contents.members == 0 && named {
            return Err("a NeMo model is a tar archive, the file is none".to_owned());
        }
        if contents.configurations.is_empty() {
            if named {
                sink.incomplete("a NeMo archive without model_config.yaml: nothing says what loading it would build");
            }
            return Ok(());
        }
        let mut report = config::Report::default();
        let mut found = named || !contents.weights.is_empty();
        for member in &contents.configurations {
            let facts = config::scan(artifact, member.data, &mut report);
            found |= facts.is_nemo();
            if found {
                facts.tell(sink);
            }
        }
        if !found {
            return Ok(()); // Any archive may hold a file of that name.
        }
        sink.fact_text("framework", "nemo");
        if !contents.weights.is_empty() {
            sink.fact_list("nemo_weights", &contents.weights);
        }
        contents.copies(artifact, sink);
        report.tell(sink);
        Ok(())
    }
}

modelaudit_plugin::export!(Nemo);

/// Whether the name says that it is a NeMo model; of a compressed one, what was unpacked is called after it.
fn is_named(artifact: &dyn Artifact) -> bool {
    let name = artifact.name().to_ascii_lowercase();
    name.strip_suffix(".unpacked").unwrap_or(&name).ends_with(".nemo")
}

/// What an archive holds, as far as this plugin is concerned.
#[derive(Default)]
struct Contents {
    members: u64,
    configurations: Vec<Member>,
    weights: Vec<String>,
}

impl Contents {
    fn of(artifact: &dyn Artifact) -> Self {
        let mut contents = Self::default();
        for member in Members::new(artifact) {
            contents.members += 1;
            let path = below_root(&member.name);
            if member.file && CONFIGURATIONS.contains(&path) && contents.configurations.len() < MOST_COPIES {
                contents.configurations.push(member);
            } else if path.split(|b| *b == b'/').any(|part| part.starts_with(WEIGHTS))
                && contents.weights.len() < MOST_LISTED
            {
                contents.weights.push(clip(&escape(&String::from_utf8_lossy(path)), 200));
            }
        }
        contents
    }

    /// NeMo unpacks all members and opens the file that the last of them left; other readers take the first of the name they know. Two of
    /// the very same name are the tar plugin's to report.
    fn copies(&self, artifact: &dyn Artifact, sink: &mut dyn Sink) {
        let [first, rest @ ..] = self.configurations.as_slice() else { return };
        let Some(last) = rest.iter().rfind(|last| below_root(&last.name) == below_root(&first.name)) else { return };
        let same = artifact.digest("crc32", first.data) == artifact.digest("crc32", last.data)
            && first.data.length == last.data.length;
        if first.name != last.name && !same {
            let message = format!(
                "the members {} and {} are unpacked to the same file: NeMo takes the last, other readers the first",
                quote(&first.name),
                quote(&last.name)
            );
            sink.finding(Finding::new(&S910, message).at(last.at, 512));
        }
    }
}

/// A member's path without the `./` that archives of a folder begin with.
fn below_root(name: &[u8]) -> &[u8] {
    let mut path = name;
    while let Some(rest) = path.strip_prefix(b"./").or_else(|| path.strip_prefix(b"/")) {
        path = rest;
    }
    path
}
