//! What is known while a template is read: variables, captured output, and the evidence found.

use std::collections::HashMap;

use modelaudit_plugin::Severity;

use crate::lexer::HOLE;
use crate::names::{self, Access};
use crate::value::Value;

/// Pieces of evidence kept; a template that has more is condemned anyway.
const MOST_EVIDENCE: usize = 256;
/// Variables kept.
const MOST_VARIABLES: usize = 4096;

/// What a piece of evidence is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// A special attribute is asked for.
    Attribute,
    /// An attribute is asked for whose name is not known.
    Computed,
    /// A global leads out of the template.
    Global,
    /// Something that runs code is called.
    Call,
    /// Another template is taken in.
    File,
    /// A loop or a text of enormous length.
    Size,
}

/// Something that a harmless template does not do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Evidence {
    pub(crate) about: About,
    pub(crate) severity: Severity,
    pub(crate) name: String,
    pub(crate) offset: usize,
}

/// The state while reading a template.
#[derive(Default)]
pub(crate) struct Context {
    variables: HashMap<String, Value>,
    /// What calls of the template's own macros return.
    pub(crate) macros: HashMap<String, Value>,
    /// Output that is being collected by `set` blocks and macros, innermost last.
    pub(crate) captures: Vec<String>,
    /// How many branches are open: what is assigned in one may or may not happen.
    pub(crate) branches: usize,
    pub(crate) evidence: Vec<Evidence>,
}

/// Globals of the engine that are followed by name.
const GLOBALS: &[&str] = &["lipsum", "dict", "range", "cycler", "joiner", "namespace"];

impl Context {
    /// The value of a variable, or of a dotted path that was assigned (`ns.x`).
    pub(crate) fn variable(&self, path: &str) -> Option<Value> {
        if let Some(value) = self.variables.get(path) {
            return Some(value.clone());
        }
        GLOBALS.iter().find(|g| **g == path).map(|g| Value::Global(g))
    }

    /// Whether the template itself gives the name a value.
    pub(crate) fn assigned(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// Assigns; inside a branch the value before stays possible.
    pub(crate) fn assign(&mut self, path: &str, value: Value) {
        let value = match self.variables.get(path) {
            Some(before) if self.branches > 0 => before.clone().either(value),
            _ => value,
        };
        self.bind(path, value);
    }

    /// Binds a name, whatever it was before.
    pub(crate) fn bind(&mut self, path: &str, value: Value) {
        if self.variables.len() < MOST_VARIABLES || self.variables.contains_key(path) {
            self.variables.insert(path.to_owned(), value.capped());
        }
    }

    /// Collects output, if somebody captures it.
    pub(crate) fn emit(&mut self, text: &str) {
        if let Some(capture) = self.captures.last_mut() {
            capture.push_str(text);
            *capture = Value::text(std::mem::take(capture)).to_text();
        }
    }

    /// Notes evidence once.
    pub(crate) fn note(&mut self, about: About, severity: Severity, name: &str, offset: usize) {
        let evidence = Evidence { about, severity, name: modelaudit_plugin::clip(name, 80), offset };
        if self.evidence.len() < MOST_EVIDENCE && !self.evidence.contains(&evidence) {
            self.evidence.push(evidence);
        }
    }

    /// An attribute is asked for under a name that may have been computed.
    pub(crate) fn access(&mut self, name: &Value, access: Access, offset: usize) {
        for choice in name.choices() {
            match choice {
                Value::Text(text) if !text.contains(HOLE) => {
                    // `map(attribute=...)` walks dots; a name with a dot in it is special as soon as one part is.
                    for part in text.split('.').take(64) {
                        if let Some(severity) = names::attribute(part, access) {
                            self.note(About::Attribute, severity, part, offset);
                        }
                    }
                }
                Value::Text(text) => {
                    let known: String = text.chars().filter(|c| *c != HOLE).collect();
                    if let Some(severity) = names::pieces(&known, access) {
                        self.note(About::Computed, severity, &text.replace(HOLE, "?"), offset);
                    }
                }
                Value::Int(_) | Value::Bool(_) | Value::None => {}
                _ if access == Access::Filter => self.note(About::Computed, Severity::Warning, "?", offset),
                _ => {}
            }
        }
    }
}
