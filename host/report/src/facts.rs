//! Facts as text.

use serde_json::Value;

/// A fact as people write it: a string as it is, a list of strings with commas, anything else as JSON. Not escaped.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}
