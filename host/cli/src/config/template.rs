//! A configuration file with every key, explained and commented out, made of the schema.

use std::fmt::Write as _;

use serde_json::Value;

use super::{SCHEMA, SCHEMA_URL};

/// Columns of a comment.
const WIDTH: usize = 96;

/// The text of the file.
pub fn text() -> String {
    let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is ours and is JSON");
    let mut text = format!(
        "#:schema {SCHEMA_URL}\n\n# Settings of modelaudit. Each key is the option of the same name; what is typed wins, lists \
         are joined.\n# Take the # away from what you need. docs/policy.md says when the file is believed.\n"
    );
    let properties = schema["properties"].as_object().expect("the schema has properties");
    let is_table = |property: &Value| property["type"] == "object";
    for (key, property) in properties.iter().filter(|(_, p)| !is_table(p)) {
        comment(&mut text, property);
        let _ = writeln!(text, "# {key} = {}", toml(example(property)));
    }
    for (key, property) in properties.iter().filter(|(_, p)| is_table(p)) {
        comment(&mut text, property);
        let _ = writeln!(text, "# [{key}]");
        for (name, value) in example(property).as_object().into_iter().flatten() {
            let _ = writeln!(text, "# {} = {}", quoted(name), toml(value));
        }
    }
    text
}

fn comment(text: &mut String, property: &Value) {
    text.push('\n');
    let mut line = String::from("#");
    for word in property["description"].as_str().unwrap_or_default().split(' ') {
        if line.len() + word.len() >= WIDTH {
            text.push_str(&line);
            text.push_str("\n#");
            line = String::new();
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

fn example(property: &Value) -> &Value {
    let values = [&property["examples"][0], &property["default"], &property["enum"][0]];
    values.into_iter().find(|v| !v.is_null()).unwrap_or(&Value::Null)
}

/// A value as TOML writes it.
pub fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::String(text) => quoted(text),
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_taken_with_and_without_its_comment_marks() {
        let text = text();
        assert!(text.lines().all(|line| line.len() <= 160 && (line.is_empty() || line.starts_with('#'))));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("modelaudit.toml");
        let uncommented: String = text
            .lines()
            .filter_map(|l| l.strip_prefix("# "))
            .filter(|l| l.starts_with('[') || l.split_once(" = ").is_some_and(|(k, _)| !k.contains(' ')))
            .map(|l| format!("{l}\n"))
            .collect();
        for text in [&text, &uncommented] {
            std::fs::write(&path, text).unwrap();
            crate::config::Config::read(&path).unwrap();
        }
        for key in crate::config::known_keys() {
            let stands = |line: &str| line.starts_with(&format!("{key} = ")) || line == format!("[{key}]");
            assert!(uncommented.lines().any(stands), "{key} is missing");
        }
    }
}
