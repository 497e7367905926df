//! Where a plugin puts what it learned.

use crate::{Rule, Severity, Span};

/// Something wrong with the artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Id of a rule of the manifest.
    pub rule: &'static str,
    /// What was found in this very file, one sentence. Text out of the file goes through [`crate::quote`].
    pub message: String,
    /// Its severity.
    pub severity: Severity,
    /// The bytes that are the evidence.
    pub at: Option<Span>,
    /// The named part: a tensor, an operator, a key, a member.
    pub element: Option<String>,
    /// Evidence as snake_case key and value, in the order given.
    pub details: Vec<(&'static str, String)>,
}

impl Finding {
    /// A finding with the rule's own severity.
    pub fn new(rule: &Rule, message: impl Into<String>) -> Self {
        Self {
            rule: rule.id,
            message: message.into(),
            severity: rule.severity,
            at: None,
            element: None,
            details: Vec::new(),
        }
    }

    /// Says where the evidence is.
    pub fn at(mut self, offset: u64, length: u64) -> Self {
        self.at = Some(Span { offset, length });
        self
    }

    /// Names the part it was found in.
    pub fn element(mut self, name: impl Into<String>) -> Self {
        self.element = Some(name.into());
        self
    }

    /// Sets another severity than the rule's.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Adds evidence.
    pub fn detail(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.details.push((key, value.into()));
        self
    }
}

/// A tensor that the format names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Element type, lower case: `f32`, `bf16`, `i64`, `u8`, `bool` ...
    pub dtype: String,
    /// Length of each dimension.
    pub shape: Vec<u64>,
    /// Its bytes.
    pub at: Span,
}

/// A child that is being unpacked. Dropping it hands over what was written.
pub trait ChildWriter {
    /// Appends bytes. False: the budget for unpacked bytes is spent; stop, the host notes that the artifact is incomplete.
    fn write(&mut self, bytes: &[u8]) -> bool;

    /// Hands it over to be scanned.
    fn finish(self: Box<Self>);
}

/// Where findings, facts and children go.
pub trait Sink {
    /// Reports a finding.
    fn finding(&mut self, finding: Finding);

    /// Not every byte was understood, for this reason: the file can not be called clean. Say what and where.
    fn incomplete(&mut self, reason: &str);

    /// Metadata: a snake_case key and a JSON value.
    fn fact(&mut self, key: &str, json: &str);

    /// Names a tensor.
    fn tensor(&mut self, tensor: Tensor);

    /// A part that is a file of its own, as a view without a copy. `hint` is a format id to try in any case, or empty.
    fn embed(&mut self, name: &str, at: Span, hint: &str);

    /// A part that is unpacked into a file of its own.
    fn child(&mut self, name: &str, hint: &str) -> Box<dyn ChildWriter>;

    /// How far the scan is, in bytes of the artifact.
    fn progress(&mut self, done: u64);

    /// A line for `--verbose`.
    fn log(&mut self, message: &str);
}

impl dyn Sink + '_ {
    /// A fact whose value is a text.
    pub fn fact_text(&mut self, key: &str, value: &str) {
        self.fact(key, &json_string(value));
    }

    /// A fact whose value is a number.
    pub fn fact_number(&mut self, key: &str, value: u64) {
        self.fact(key, &value.to_string());
    }

    /// A fact whose value is a list of texts.
    pub fn fact_list<T: AsRef<str>>(&mut self, key: &str, values: &[T]) {
        let items: Vec<String> = values.iter().map(|v| json_string(v.as_ref())).collect();
        self.fact(key, &format!("[{}]", items.join(",")));
    }
}

/// A JSON string literal.
fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 0x20 || c == '\u{7f}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
