//! Paddle 3's `inference.json`: the same operators as JSON objects with their names under `#`.

use std::collections::BTreeSet;

use modelaudit_json::{Event, Parser};
use modelaudit_metadata_text::{judge, label};
use modelaudit_plugin::{Artifact, Finding, Sink, Span};
use modelaudit_rules::structure::S902;

use crate::policy;

/// Findings of one scan.
const MOST: usize = 200;

/// Scans a program in JSON.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let mut parser = Parser::new(artifact, Span::new(0, artifact.size()));
    let (mut name_follows, mut operators, mut findings) = (false, 0u64, 0usize);
    // The version of the program stands in `base_code`, with the keys `magic` and `version`.
    let (mut names, mut version, mut version_follows) = (BTreeSet::new(), None, false);
    let error = loop {
        let finding = match parser.event() {
            Err(error) => break Some(error),
            Ok(None) => break None,
            Ok(Some(Event::Key(key))) => {
                name_follows = key.value == "#";
                version_follows = key.value == "version" && version.is_none();
                None
            }
            Ok(Some(Event::String(text))) => {
                let at = text.at;
                // "1.py_func": the dialect's number or name, and the operator's.
                let operator = text.value.rsplit('.').next().unwrap_or_default();
                let reach = if name_follows { policy::reach(operator) } else { None };
                // Types, attributes and places have a `#`, too; operators have a number and a name.
                if name_follows && text.value.contains('.') {
                    operators += 1;
                    if names.len() < MOST {
                        names.insert(label(operator));
                    }
                }
                let finding = match reach {
                    Some(reach) => Some(policy::finding(operator, reach, &[])),
                    None => judge(text.value)
                        .map(|found| modelaudit_metadata_text::finding("a text of the program", &found)),
                };
                name_follows = false;
                finding.map(|f| f.at(at.offset, at.length))
            }
            Ok(Some(other)) => {
                if let (Event::Number(number), true) = (&other, version_follows) {
                    version = Some(label(number.text));
                }
                version_follows = false;
                name_follows = false;
                None
            }
        };
        if let Some(finding) = finding {
            findings += 1;
            if findings <= MOST {
                sink.finding(finding);
            }
        }
    };
    sink.fact_text("framework", "paddle");
    sink.fact_number("operator_count", operators);
    sink.fact_list("operators", &names.into_iter().collect::<Vec<_>>());
    if let Some(version) = version {
        sink.fact_text("format_version", &version);
    }
    if let Some(error) = error {
        if !error.is_end() && !error.is_limit() {
            sink.finding(
                Finding::new(&S902, format!("the program is no valid JSON: {error}"))
                    .at(error.offset.min(artifact.size()), 0),
            );
        }
        sink.incomplete(&format!("the program was not read to its end: {error}"));
    }
    Ok(())
}
