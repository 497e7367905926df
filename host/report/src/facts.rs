//! Facts as text.

use serde_json::Value;

/// A fact as people write it: texts without quotes, lists with commas, objects as JSON. Not escaped.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
