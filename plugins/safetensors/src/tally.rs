//! Counts of one kind of defect, so that a header with a million bad entries makes one finding and not a million.

use modelaudit_plugin::{Finding, Rule, Severity, Sink, Span, clip, escape, quote};

/// Names shown of each kind.
const SHOWN: usize = 5;

/// Defects of one kind: how many, which were the first, where the first stands.
#[derive(Default)]
pub struct Tally {
    count: u64,
    names: Vec<String>,
    first: Option<(Span, String)>,
}

impl Tally {
    /// Counts one: the tensor or key, its place, and what is wrong in half a sentence.
    pub fn add(&mut self, name: &str, at: Span, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some((at, what()));
        }
        if self.names.len() < SHOWN {
            self.names.push(clip(&escape(name), 120));
        }
    }

    /// Reports them as one finding: `subject 'name' what`, and how many more there are.
    pub fn report(&self, rule: &Rule, severity: Option<Severity>, subject: &str, sink: &mut dyn Sink) {
        let (Some((at, what)), Some(name)) = (&self.first, self.names.first()) else { return };
        let more = match self.count {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        let message = format!("{subject} {} {what}{more}", quote(name));
        let mut finding = Finding::new(rule, message).at(at.offset, at.length).element(name.clone());
        if let Some(severity) = severity {
            finding = finding.severity(severity);
        }
        if self.count > 1 {
            finding = finding.detail("count", self.count.to_string()).detail("names", self.names.join(", "));
        }
        sink.finding(finding);
    }
}
