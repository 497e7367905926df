//! Models in JSON.

use modelaudit_json::{DefectKind, Event, Parser};
use modelaudit_plugin::{Artifact, Finding, Sink, Span};
use modelaudit_rules::structure::{S902, S910, S911};

use crate::model::Model;

/// Scans a model in JSON.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    let mut parser = Parser::new(artifact, Span::new(0, size));
    let mut model = Model::new(sink);
    let mut truncated = false;
    let error = loop {
        match parser.event() {
            Err(error) => break Some(error),
            Ok(None) => break None,
            Ok(Some(event)) => match event {
                Event::BeginObject(at) => model.begin(true, at),
                Event::BeginArray(at) => model.begin(false, at),
                Event::EndObject(at) | Event::EndArray(at) => model.end(at),
                Event::Key(key) => model.key(key.value),
                Event::String(text) => {
                    truncated |= text.truncated;
                    model.text(text.value, text.at);
                }
                Event::Number(number) => match number.text.parse() {
                    Ok(value) => model.integer(value),
                    Err(_) => model.other(),
                },
                Event::Bool(..) | Event::Null(_) => model.other(),
            },
        }
    };
    model.finish(error.is_none());
    let twice = parser.defects().iter().find(|d| matches!(d.kind, DefectKind::DuplicateKey(_)));
    if let Some(defect) = twice {
        model.report(
            Finding::new(&S910, format!("readers see two different models: {defect}")).at(defect.offset.min(size), 0),
        );
    }
    if truncated {
        model.sink().incomplete("a text of more than a megabyte was looked at in part");
    }
    match error {
        Some(error) => {
            if !error.is_end() && !error.is_limit() {
                model.report(
                    Finding::new(&S902, format!("the model is no valid JSON: {error}")).at(error.offset.min(size), 0),
                );
            }
            model.sink().incomplete(&format!("the model was not read to its end: {error}"));
        }
        None => {
            if let Some(offset) = parser.rest() {
                let rest = Span::new(offset, size.saturating_sub(offset));
                model.report(
                    Finding::new(&S911, format!("{} bytes follow the model", rest.length)).at(rest.offset, rest.length),
                );
                model.sink().embed("after the model", rest, "");
            }
        }
    }
    Ok(())
}
