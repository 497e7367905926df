//! What a user function makes the loader do.
//!
//! A function whose `type` is `UserDefinedFunction` keeps its state in a dictionary of its own. With `native` set, that one names a
//! library (`module`) and a function in it (`deserialize_method`), which CNTK opens and calls (UserDefinedFunction.cpp,
//! `DeserializeNativeImpl`). Without it, Python executes `from {module} import {class}` with the texts as they stand in the file
//! (cntk/internal/utils.py), so that a text with a semicolon or a line feed is code.

use modelaudit_pickle_policy::{Judgement, judge, resolve};
use modelaudit_plugin::{Finding, Severity, Span, clip, escape, quote};
use modelaudit_rules::programs_in_models::{S1180, S1181};

/// The texts of one dictionary that matter here; of a key that stands there twice every value is kept.
#[derive(Default)]
pub(crate) struct State {
    texts: Vec<(Key, String, Span)>,
}

/// Keys of a user function's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Module,
    Class,
    Method,
    Operator,
}

/// Values kept of one dictionary: a regular one has four.
const MOST: usize = 32;

impl Key {
    /// The key of that name, if it is one.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "module" => Some(Self::Module),
            "class" => Some(Self::Class),
            "deserialize_method" => Some(Self::Method),
            "op" | "op_name" => Some(Self::Operator),
            _ => None,
        }
    }
}

impl State {
    /// Keeps a text of the dictionary.
    pub(crate) fn add(&mut self, key: Key, text: String, at: Span) {
        if self.texts.len() < MOST {
            self.texts.push((key, text, at));
        }
    }

    fn all(&self, key: Key) -> impl Iterator<Item = &(Key, String, Span)> {
        self.texts.iter().filter(move |row| row.0 == key)
    }

    /// What loading this dictionary as a user function's state would do.
    pub(crate) fn judge(&self) -> Vec<Finding> {
        let operator = self.all(Key::Operator).next().map(|row| row.1.as_str()).unwrap_or_default();
        let mut findings = Vec::new();
        for (_, module, at) in self.all(Key::Module) {
            if let Some((_, method, _)) = self.all(Key::Method).next() {
                findings.push(native(module, method).at(at.offset, at.length));
            }
            for (_, class, class_at) in self.all(Key::Class) {
                // The place of the text that is code, if one is.
                let at = if is_name(module) && !is_name(class) { class_at } else { at };
                findings.push(python(module, class).at(at.offset, at.length));
            }
        }
        if !operator.is_empty() {
            findings = findings.into_iter().map(|f| f.element(clip(&escape(operator), 120))).collect();
        }
        findings
    }
}

fn native(module: &str, method: &str) -> Finding {
    let path = module.contains(['/', '\\', ':']);
    let message = if path {
        format!("loading the model opens the library at the path {} and calls {} in it", quote(module), quote(method))
    } else {
        format!("loading the model opens the library {} and calls {} in it", quote(module), quote(method))
    };
    Finding::new(&S1180, message)
        .severity(if path { Severity::Critical } else { Severity::Warning })
        .detail("module", clip(&escape(module), 500))
        .detail("function", clip(&escape(method), 500))
}

fn python(module: &str, class: &str) -> Finding {
    let (message, severity) = if !is_name(module) || !is_name(class) {
        let code = format!("from {module} import {class}");
        (format!("loading the model in Python executes text of the file as code: {}", quote(code)), Severity::Critical)
    } else if module == "cntk" || module.starts_with("cntk.") {
        (
            format!("loading the model in Python imports {} out of CNTK's {}", quote(class), quote(module)),
            Severity::Info,
        )
    } else if let Judgement::Dangerous(entry) = judge(&resolve(module, class, 4)) {
        let message = format!(
            "loading the model in Python imports '{}', which {}",
            clip(&escape(&format!("{module}.{class}")), 200),
            entry.why
        );
        (message, Severity::Critical)
    } else {
        (
            format!(
                "loading the model in Python imports {} from {}, code that is not in the file",
                quote(class),
                quote(module)
            ),
            Severity::Warning,
        )
    };
    Finding::new(&S1181, message)
        .severity(severity)
        .detail("module", clip(&escape(module), 500))
        .detail("class", clip(&escape(class), 500))
}

/// `a.b.c` of identifiers: what can stand in an import statement without changing it.
fn is_name(text: &str) -> bool {
    text.len() <= 512
        && text.split('.').all(|part| {
            part.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severity(rows: &[(Key, &str)]) -> Vec<(&'static str, Severity)> {
        let mut state = State::default();
        rows.iter().for_each(|(key, text)| state.add(*key, (*text).to_owned(), Span::new(0, 1)));
        state.judge().iter().map(|f| (f.rule, f.severity)).collect()
    }

    #[test]
    fn what_is_named_decides() {
        use Key::{Class, Method, Module};
        let native = |module| severity(&[(Module, module), (Method, "Create")]);
        assert_eq!(native("Cntk.ExtensibilityExamples-2.7"), [("S1180", Severity::Warning)]);
        for path in ["\\\\evil.example\\share\\x", "/tmp/x", "../x", "C:x"] {
            assert_eq!(native(path), [("S1180", Severity::Critical)], "{path}");
        }
        let python = |module, class| severity(&[(Module, module), (Class, class)]);
        assert_eq!(python("cntk.debugging.debug", "_DebugNode"), [("S1181", Severity::Info)]);
        assert_eq!(python("my_layers.binary", "Sign"), [("S1181", Severity::Warning)]);
        assert_eq!(python("os", "system"), [("S1181", Severity::Critical)]);
        assert_eq!(python("os; import sys #", "x"), [("S1181", Severity::Critical)]);
        assert_eq!(python("os", "path\nprint(1)"), [("S1181", Severity::Critical)]);
        assert!(severity(&[(Module, "os")]).is_empty());
        assert!(severity(&[(Class, "os")]).is_empty());
    }
}
