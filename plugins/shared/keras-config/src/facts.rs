//! What a configuration says of its model, for the inventory.

use std::collections::BTreeSet;

use modelaudit_json::Node;
use modelaudit_plugin::{Sink, clip, escape};

/// Layer types that are listed.
const MAX_TYPES: usize = 60;

/// Reports the model's class and name, the number of its layers and their types.
pub fn facts(root: &Node, sink: &mut dyn Sink) {
    let config = root.get("config");
    if let Some(class) = root.get("class_name").and_then(Node::as_str) {
        sink.fact_text("architecture", &clip(&escape(class), 200));
    }
    if let Some(name) = config.and_then(|c| c.get("name")).and_then(Node::as_str) {
        sink.fact_text("model_name", &clip(&escape(name), 200));
    }
    // Keras 1 keeps the list of layers of a Sequential model right in its configuration.
    let layers = config.map_or(&[][..], |c| c.get("layers").map_or(c.items(), Node::items));
    if layers.is_empty() {
        return;
    }
    sink.fact_number("layer_count", layers.len() as u64);
    let types: BTreeSet<&str> = layers.iter().filter_map(|l| l.get("class_name")?.as_str()).collect();
    let types: Vec<String> = types.into_iter().take(MAX_TYPES).map(|t| clip(&escape(t), 100)).collect();
    sink.fact_list("layer_types", &types);
}

/// Whether a document has the shape of a Keras configuration: an object with a class and its configuration, or layers.
pub fn is_keras(root: &Node) -> bool {
    let has = |key: &str| root.get(key).is_some();
    has("class_name") && has("config")
        || has("layers") && (has("input_layers") || has("output_layers"))
        || has("registered_name")
        || has("compile_config") && has("build_config")
}
