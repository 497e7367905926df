//! Paddle 3's `inference.json`: the same operators as JSON objects with their names under `#`.

use modelaudit_json::{Event, Parser};
use modelaudit_metadata_text::judge;
use modelaudit_plugin::{Artifact, Finding, Sink, Span};
use modelaudit_rules::structure::S902;

use crate::policy;

/// Findings of one scan.
const MOST: usize = 200;

/// Scans a program in JSON.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let mut parser = Parser::new(artifact, Span::new(0, artifact.size()));
    let (mut name_follows, mut operators, mut findings) = (false, 0u64, 0usize);
    let error = loop {
        let finding = match parser.event() {
            Err(error) => break Some(error),
            Ok(None) => break None,
            Ok(Some(Event::Key(key))) => {
                name_follows = key.value == "#";
                None
            }
            Ok(Some(Event::String(text))) => {
                let at = text.at;
                // "1.py_func": the dialect's number or name, and the operator's.
                let operator = text.value.rsplit('.').next().unwrap_or_default();
                let reach = if name_follows { policy::reach(operator) } else { None };
                operators += u64::from(name_follows);
                let finding = match reach {
                    Some(reach) => Some(policy::finding(operator, reach, &[])),
                    None => judge(text.value)
                        .map(|found| modelaudit_metadata_text::finding("a text of the program", &found)),
                };
                name_follows = false;
                finding.map(|f| f.at(at.offset, at.length))
            }
            Ok(Some(_)) => {
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
    sink.fact_number("operators", operators);
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
