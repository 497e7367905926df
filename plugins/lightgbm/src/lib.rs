//! Scans LightGBM models in their text form (`.txt`, `.model`, `.lgb`).
//!
//! A model is lines of `key=value`: a header, a block for each tree, importances, the parameters of its training, and what pandas needs.
//! LightGBM runs nothing of it, but it believes the numbers: a child or a feature that does not exist is read where it leads. What an
//! attacker has besides are parameters that name files and machines, and texts. Files of gigabytes are read once, in constant memory.

mod model;
mod parameters;
mod sizes;
mod text;
mod tree;

use modelaudit_plugin::{Artifact, Format, Manifest, Plugin, Sink, quote};
use modelaudit_rules::deployment::{S1173, S1174};
use modelaudit_rules::structure::{S902, S905, S911};

/// The plugin.
pub struct LightGbm;

/// How lines of a header begin. Two of them behind the first line are no chance.
const HEADER: [&[u8]; 9] = [
    b"version=v",
    b"num_class=",
    b"num_tree_per_iteration=",
    b"label_index=",
    b"max_feature_idx=",
    b"objective=",
    b"feature_names=",
    b"tree_sizes=",
    b"Tree=0",
];

impl Plugin for LightGbm {
    fn describe() -> Manifest {
        Manifest {
            name: "lightgbm",
            version: env!("CARGO_PKG_VERSION"),
            summary: "LightGBM text models: trees, parameters, texts that travel along",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("lightgbm", "LightGBM").extensions(&["lgb", "lightgbm", "lgbm"]).first_bytes(*b"t"),
            ],
            anchors: vec![],
            rules: vec![S902, S905, S911, S1173, S1174],
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        let is_model = begins(head) && {
            let lines = head.split(|b| *b == b'\n').skip(1);
            lines.filter(|line| HEADER.iter().any(|key| line.starts_with(key))).take(2).count() == 2
        };
        if is_model { vec!["lightgbm".to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let head = artifact.read(0, 64);
        if !begins(&head) {
            return Err(format!("the first line is not 'tree', the file begins with {}", quote(&head)));
        }
        model::scan(artifact, sink)
    }
}

modelaudit_plugin::export!(LightGbm);

/// Whether the first line is the one that LightGBM demands (src/boosting/boosting.cpp).
fn begins(head: &[u8]) -> bool {
    let rest = head.strip_prefix(b"tree");
    rest.is_some_and(|rest| rest.starts_with(b"\n") || rest.starts_with(b"\r\n"))
}
