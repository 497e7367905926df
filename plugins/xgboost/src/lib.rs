//! Scans XGBoost models in JSON and in UBJSON.
//!
//! A model runs no code. What it has are texts (attributes in which wrappers keep JSON of their own, names of objectives) and trees whose
//! children, parents and features are indexes that native predictors follow without a look: one beyond its array reads memory that is not
//! the model's. Both encodings say the same, so two readers feed one set of checks. Features are named by users and stay silent.

mod json;
mod model;
mod ubjson;

use modelaudit_plugin::{Artifact, Format, Magic, Manifest, Plugin, Sink};
use modelaudit_rules::structure::{S902, S905, S910, S911};

/// The plugin.
pub struct XgBoost;

impl Plugin for XgBoost {
    fn describe() -> Manifest {
        // The keys of XGBoost's objects are sorted, so the first is always this one.
        let ubjson = Format::new("xgboost-ubj", "XGBoost (UBJSON)")
            .extensions(&["ubj"])
            .magic(Magic::at(0, b"{L\0\0\0\0\0\0\0\x07learner"))
            .magic(Magic::at(0, b"{l\0\0\0\x07learner"))
            .magic(Magic::at(0, b"{I\0\x07learner"))
            .magic(Magic::at(0, b"{i\x07learner"))
            .magic(Magic::at(0, b"{U\x07learner"));
        Manifest {
            name: "xgboost",
            version: env!("CARGO_PKG_VERSION"),
            summary: "XGBoost models: texts, indexes of the trees",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![Format::new("xgboost-json", "XGBoost (JSON)").first_characters(b"{"), ubjson],
            anchors: vec![],
            rules: vec![S902, S905, S910, S911],
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        const PARTS: [&[u8]; 5] = [
            b"\"attributes\"",
            b"\"feature_names\"",
            b"\"gradient_booster\"",
            b"\"learner_model_param\"",
            b"\"objective\"",
        ];
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        let has = |word: &[u8]| text.windows(word.len()).any(|w| w == word);
        let ours = text.starts_with(b"{") && has(b"\"learner\"") && PARTS.into_iter().any(has);
        if ours { vec!["xgboost-json".to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        if artifact.size() == 0 {
            return Err("the file is empty".to_owned());
        }
        match format {
            "xgboost-ubj" => ubjson::scan(artifact, sink),
            _ => json::scan(artifact, sink),
        }
    }
}

modelaudit_plugin::export!(XgBoost);
