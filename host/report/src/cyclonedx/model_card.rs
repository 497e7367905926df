//! What is known of a model: its card.

use modelaudit_engine::model::ArtifactReport;
use serde::Serialize;
use serde_json::Value;

use super::{Property, property};
use crate::facts::plain;
use crate::place::clipped;

/// Longest text; in characters.
const TEXT: usize = 500;
/// Data sets that are named.
const DATA_SETS: usize = 100;

/// Facts that only a model has. Their keys are the plugins' convention, not a format's.
const SIGNS: &[&str] = &[
    "architecture",
    "parameters",
    "parameter_count",
    "tensor_count",
    "storage_count",
    "layers",
    "layer_count",
    "layer_types",
    "trees",
    "operator_count",
    "operators",
    "node_count",
    "nodes",
    "subgraph_count",
    "objective",
    "booster",
    "model_class",
    "framework",
];

/// Facts that go into the card as properties.
const TOLD: &[&str] = &[
    "framework",
    "parameters",
    "parameter_count",
    "tensor_count",
    "dtypes",
    "layer_count",
    "operator_count",
    "opsets",
    "base_model",
    "quantization_version",
    "file_type",
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelCard {
    #[serde(skip_serializing_if = "Parameters::is_empty")]
    model_parameters: Parameters,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_architecture: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    datasets: Vec<DataSet>,
}

impl Parameters {
    fn is_empty(&self) -> bool {
        self.task.is_none() && self.model_architecture.is_none() && self.datasets.is_empty()
    }
}

#[derive(Serialize)]
struct DataSet {
    r#type: &'static str,
    name: String,
}

/// True for an artifact that a plugin took for a model: it has tensors, or facts that only models have.
pub fn is_model(artifact: &ArtifactReport) -> bool {
    !artifact.tensors.is_empty() || SIGNS.iter().any(|key| artifact.facts.contains_key(*key))
}

/// The card of a model; None if nothing is known of it but that it is one.
pub fn model_card(artifact: &ArtifactReport) -> Option<ModelCard> {
    let fact = |keys: &[&str]| keys.iter().find_map(|key| artifact.facts.get(*key));
    let text = |keys: &[&str]| fact(keys).map(plain).filter(|t| !t.is_empty()).map(|t| clipped(&t, TEXT).into_owned());
    let data_sets = match fact(&["datasets", "dataset"]) {
        Some(Value::Array(names)) => names.iter().take(DATA_SETS).map(plain).collect(),
        Some(Value::String(name)) => vec![name.clone()],
        _ => vec![],
    };
    // A format that keeps no count says 0; that is no fact about the model.
    let told =
        |key: &&&str| artifact.facts.get(**key).map(plain).is_some_and(|text| !matches!(text.as_str(), "" | "0"));
    let mut properties: Vec<_> =
        TOLD.iter().filter(told).filter_map(|key| Some(property(key, &plain(artifact.facts.get(*key)?)))).collect();
    if !artifact.tensors.is_empty() {
        if !artifact.facts.contains_key("tensor_count") {
            properties.push(property("tensor_count", &artifact.tensors.len().to_string()));
        }
        if fact(&["parameters", "parameter_count"]).is_none() {
            properties.push(property("parameters", &crate::tensors::parameters(&artifact.tensors).to_string()));
        }
    }
    let card = ModelCard {
        model_parameters: Parameters {
            task: text(&["task", "pipeline_tag"]),
            model_architecture: text(&["architecture", "architectures", "model_class"]),
            datasets: data_sets
                .into_iter()
                .filter(|name| !name.is_empty())
                .map(|name| DataSet { r#type: "dataset", name: clipped(&name, TEXT).into_owned() })
                .collect(),
        },
        properties,
    };
    (!card.model_parameters.is_empty() || !card.properties.is_empty()).then_some(card)
}
