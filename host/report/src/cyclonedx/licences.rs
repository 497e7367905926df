//! Licences, as SPDX ids and expressions where they are, else by their name.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Serialize;
use serde_json::Value;

use crate::place::clipped;

/// The list that CycloneDX allows as ids (SPDX's, as a JSON schema).
const SPDX: &str = include_str!("../../schema/spdx.json");
/// Longest name of a licence; in characters.
const NAME: usize = 500;

/// One licence, or an expression of several.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Licence {
    License(Which),
    Expression(String),
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    Id(String),
    Name(String),
}

/// The licences out of the facts `license` (an id, an expression, or what somebody wrote) and `licenses` (a list of ids).
pub fn licences(license: Option<&Value>, all: Option<&Value>) -> Vec<Licence> {
    let text = |value: &Value| value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    if let Some(stated) = license.and_then(text) {
        return vec![expression(&stated).map_or_else(|| Licence::License(one(&stated)), Licence::Expression)];
    }
    let all = all.and_then(Value::as_array).into_iter().flatten();
    all.filter_map(text).map(|text| Licence::License(one(&text))).collect()
}

fn one(text: &str) -> Which {
    id(text).map_or_else(|| Which::Name(clipped(text, NAME).into_owned()), |id| Which::Id(id.to_owned()))
}

/// The id in SPDX's spelling, whatever the case.
fn id(text: &str) -> Option<&'static str> {
    static IDS: OnceLock<HashMap<String, String>> = OnceLock::new();
    let ids = IDS.get_or_init(|| {
        let schema: Value = serde_json::from_str(SPDX).unwrap_or_default();
        let ids = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
        ids.map(|id| (id.to_lowercase(), id.to_owned())).collect()
    });
    ids.get(&text.to_lowercase()).map(String::as_str)
}

/// An expression of more than one licence in SPDX's spelling; None if a word in it is neither an id nor an operator.
fn expression(text: &str) -> Option<String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    if words.len() < 3 || words.len() > 200 {
        return None;
    }
    let mut out = String::new();
    let mut open = 0_i32;
    let mut operand = true; // one is due
    for word in words {
        let operator = matches!(word, "AND" | "OR" | "WITH");
        let fits = match word {
            "(" => operand,
            ")" => !operand,
            _ => operand != operator,
        };
        if !fits {
            return None;
        }
        let written = match word {
            "(" => {
                open += 1;
                "(".to_owned()
            }
            ")" => {
                open -= 1;
                ")".to_owned()
            }
            word if operator => {
                operand = true;
                word.to_owned()
            }
            word => {
                operand = false;
                let reference = word.strip_prefix("LicenseRef-").is_some_and(|rest| {
                    !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
                });
                if reference {
                    word.to_owned()
                } else {
                    let (plain, plus) = word.strip_suffix('+').map_or((word, ""), |plain| (plain, "+"));
                    format!("{}{plus}", id(word).or_else(|| id(plain)).map(|id| id.trim_end_matches('+'))?)
                }
            }
        };
        if open < 0 {
            return None;
        }
        if !out.is_empty() && !out.ends_with('(') && written != ")" {
            out.push(' ');
        }
        out += &written;
    }
    (open == 0 && !operand).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn licence(text: &str) -> Licence {
        licences(Some(&json!(text)), None).remove(0)
    }

    #[test]
    fn ids_are_spelled_as_spdx_does() {
        assert_eq!(licence("apache-2.0"), Licence::License(Which::Id("Apache-2.0".to_owned())));
        assert_eq!(licence("OpenRAIL++"), Licence::License(Which::Name("OpenRAIL++".to_owned())));
        assert_eq!(licence("free for all <script>"), Licence::License(Which::Name("free for all <script>".to_owned())));
    }

    #[test]
    fn expressions() {
        for (text, expected) in [
            ("mit AND (apache-2.0 OR BSD-3-Clause)", "MIT AND (Apache-2.0 OR BSD-3-Clause)"),
            ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
            ("MIT AND LicenseRef-acme", "MIT AND LicenseRef-acme"),
        ] {
            assert_eq!(licence(text), Licence::Expression(expected.to_owned()));
        }
        for wrong in [
            "MIT AND",
            "MIT MIT MIT",
            "(MIT AND MIT",
            "MIT ) ( MIT",
            "AND AND AND",
            "all rights reserved",
            "MIT AND LicenseRef-",
        ] {
            assert_eq!(licence(wrong), Licence::License(Which::Name(wrong.to_owned())));
        }
    }

    #[test]
    fn a_list_is_a_list() {
        let all = json!(["MIT", "Own terms", 3]);
        let expected = [Which::Id("MIT".to_owned()), Which::Name("Own terms".to_owned())].map(Licence::License);
        assert_eq!(licences(None, Some(&all)), expected);
        assert_eq!(licences(Some(&json!("")), None), []);
    }
}
