//! From nodes that a policy speaks of to findings.
//!
//! A graph says what it does, but not that it does it: paths come from constants, from the caller, or from computation. Constant ones are the
//! evidence; those of the caller are the caller's business. A training graph (a checkpoint's `.meta`) reads its data by nature.

use modelaudit_paths::{Parents, Root, classify};
use modelaudit_plugin::{Finding, Rule, Severity, Span, clip, escape, quote};
use modelaudit_rules::frameworks::{S1102, S1112, S1113, S1114};

use crate::probe::Kind;
use crate::resolve::{Origin, Scope, Suspect};
use crate::scan::Scan;
use modelaudit_rules::frameworks::tensorflow_ops::{self as policy, Tier};

/// Distinct payloads that are reported.
const MAX_VERDICTS: usize = 1000;
/// The longest constant that is read.
const LONGEST: u32 = 4096;

/// A payload: an operator and what it is used on, wherever in the graph.
pub struct Verdict {
    rule: &'static Rule,
    severity: Severity,
    message: String,
    at: Span,
    node: String,
    function: String,
    operators: Vec<String>,
    target: String,
    count: u64,
    /// It stands in a graph in a string.
    nested: bool,
}

/// A rule, how bad it is, and what the operator does.
pub type Judgement = (&'static Rule, Severity, &'static str);

/// What an operator is used on.
struct Target {
    /// The text, if the graph itself has it.
    text: Option<String>,
    /// The caller gives it.
    argument: bool,
    /// It is kept where a reader of the graph does not see it.
    hidden: bool,
}

impl Target {
    fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// A path in a place that the model chooses and not the user.
    fn is_absolute(&self) -> bool {
        matches!(classify(self.text().as_bytes()).root, Root::Absolute | Root::Drive | Root::Home)
    }

    /// A path that no model has business with, in another place than the model's own folder.
    fn is_grave(&self) -> bool {
        let text = self.text();
        let class = classify(text.as_bytes());
        class.root == Root::Url
            || class.root == Root::Unc
            || class.parents == Parents::Outside
            || policy::sensitive(text)
    }
}

impl Scan<'_, '_> {
    /// Judges the suspects of a graph or function that was walked.
    pub fn judge(&mut self, scope: Scope) {
        for spans in scope.unpacked() {
            self.unpacked(&spans);
        }
        if scope.full {
            self.sink.incomplete(&format!("too many nodes to judge them all, in {}", place(&scope.function)));
        }
        for suspect in &scope.suspects {
            let runs_graph = suspect.policy.is_some_and(|p| p.tier == Tier::Graph);
            let (target, judgement) = if runs_graph {
                (Target { text: None, argument: false, hidden: false }, self.hidden_graph(suspect, &scope))
            } else {
                let target = self.target(suspect, &scope);
                let judgement = self.weigh(suspect, &target);
                (target, judgement)
            };
            let Some((rule, severity, what)) = judgement else { continue };
            let group = suspect.policy.map_or(suspect.node.op.as_str(), |p| p.group);
            let key = (group.to_owned(), if group == "Rpc" { String::new() } else { target.text().to_owned() });
            let on = match &target.text {
                Some(text) => format!(" {}", quote(text)),
                None => String::new(),
            };
            let known = self.verdicts.get_mut(&key);
            if let Some(verdict) = known {
                verdict.count += 1;
                if !verdict.operators.contains(&suspect.node.op) && verdict.operators.len() < 16 {
                    verdict.operators.push(suspect.node.op.clone());
                }
                if verdict.severity < severity {
                    verdict.severity = severity;
                }
                continue;
            }
            if self.verdicts.len() >= MAX_VERDICTS {
                self.sink.incomplete(&format!(
                    "more than {MAX_VERDICTS} payloads, those from offset {} on are not reported",
                    suspect.node.at.offset
                ));
                return;
            }
            let message = format!("operator {} of {} {what}{on}", quote(&suspect.node.op), place(&scope.function));
            let verdict = Verdict {
                rule,
                severity,
                message,
                at: suspect.node.at,
                node: suspect.node.name.clone(),
                function: scope.function.clone(),
                operators: vec![suspect.node.op.clone()],
                target: target.text.clone().unwrap_or_default(),
                count: 1,
                nested: self.depth > 0,
            };
            self.verdicts.insert(key, verdict);
        }
    }

    /// What a suspect is used on: the input or attribute of its policy.
    fn target(&mut self, suspect: &Suspect, scope: &Scope) -> Target {
        let mut target = Target { text: None, argument: false, hidden: false };
        let Some(policy) = suspect.policy else { return target };
        let attribute = suspect.node.attributes.iter().find(|a| a.name == policy.attribute).map(|a| a.strings.clone());
        let spans = match attribute {
            Some(spans) => spans,
            None => {
                let inputs: Vec<&String> = suspect.node.inputs.iter().filter(|i| !i.starts_with('^')).collect();
                // A graph made by hand may leave inputs out: then the first constant is it.
                let wanted = inputs.get(policy.input).map(|input| scope.resolve(input));
                match wanted {
                    Some(Origin::Constant(spans)) => spans,
                    Some(Origin::Argument) => {
                        target.argument = true;
                        return target;
                    }
                    Some(Origin::Hidden | Origin::Variable) => {
                        target.hidden = true;
                        return target;
                    }
                    Some(Origin::Computed) => return target,
                    None => {
                        let constant = inputs.iter().find_map(|input| match scope.resolve(input) {
                            Origin::Constant(spans) => Some(spans),
                            _ => None,
                        });
                        match constant {
                            Some(spans) => spans,
                            None => return target,
                        }
                    }
                }
            }
        };
        let mut text = String::new();
        for span in spans.iter().take(8) {
            text.push_str(&self.walker.text(*span, LONGEST));
            if matches!(policy.tier, Tier::Debug) && text.len() < LONGEST as usize {
                text.push(' ');
            }
        }
        let text = text.trim_end().to_owned();
        target.text = (!text.is_empty()).then_some(text);
        target
    }

    /// Rule, severity and what the operator does; None if that is everyday.
    fn weigh(&self, suspect: &Suspect, target: &Target) -> Option<Judgement> {
        let Some(policy) = suspect.policy else {
            return Some((&S1114, Severity::Warning, "is not part of TensorFlow and its name promises a process"));
        };
        let constant = target.text.is_some();
        let grave = constant && target.is_grave();
        let training = self.kind == Kind::MetaGraph;
        let saves = suspect.node.op.starts_with("Save") || suspect.node.op.starts_with("Merge");
        Some(match policy.tier {
            Tier::Code => (&S1102, Severity::Critical, "runs Python or native code"),
            Tier::Write => (&S1102, Severity::Critical, "writes the file"),
            Tier::MayWrite if grave => (&S1102, Severity::Critical, "writes the file"),
            Tier::MayWrite
                if constant && policy.op != "CacheDataset" && policy.op != "SnapshotDataset" && !training =>
            {
                (&S1102, Severity::Critical, "writes the file")
            }
            Tier::MayWrite if constant => {
                (&S1102, if training { Severity::Info } else { Severity::Warning }, "writes the file")
            }
            Tier::MayWrite if target.hidden && !training => {
                (&S1102, Severity::Warning, "writes a file whose name is hidden in numbers or in a variable")
            }
            Tier::MayWrite => return None,
            Tier::Print if target.text().starts_with("file:") => (&S1102, Severity::Critical, "prints into the file"),
            Tier::Print => return None,
            Tier::Read if grave => (&S1112, Severity::Warning, "reads"),
            Tier::Read if constant && !training => (&S1112, Severity::Warning, "reads"),
            Tier::Read if constant => (&S1112, Severity::Info, "reads"),
            Tier::Read if target.hidden && !training => {
                (&S1112, Severity::Warning, "reads a file whose name is hidden in numbers or in a variable")
            }
            Tier::Read if target.argument || training => {
                (&S1112, Severity::Info, "reads the file that its caller names")
            }
            Tier::Read => (&S1112, Severity::Info, "reads a file whose name the graph computes"),
            Tier::Asset if grave => (&S1112, Severity::Warning, "reads"),
            Tier::Checkpoint if grave && saves => (&S1102, Severity::Critical, "writes the checkpoint"),
            Tier::Checkpoint if saves && target.is_absolute() && !training => {
                (&S1102, Severity::Warning, "writes the checkpoint")
            }
            Tier::Checkpoint if grave => (&S1112, Severity::Warning, "reads the checkpoint"),
            Tier::Asset | Tier::Checkpoint | Tier::Graph => return None,
            Tier::Network => (&S1113, Severity::Warning, "connects to"),
            Tier::Debug if target.text().contains("file:") => (&S1102, Severity::Critical, "writes what it sees to"),
            Tier::Debug if constant => (&S1113, Severity::Warning, "sends what it sees to"),
            Tier::Debug => (&S1113, Severity::Info, "is left from debugging, without a target"),
        })
    }

    /// Emits the verdicts, with what leads to the operator.
    pub fn report_verdicts(&mut self) {
        let verdicts = std::mem::take(&mut self.verdicts);
        let reached = if verdicts.is_empty() { None } else { self.reached() };
        for verdict in verdicts.into_values() {
            let reached = reached.as_ref().filter(|_| !verdict.nested).map(|r| r.by(&verdict.function, &verdict.node));
            let mut message = verdict.message;
            if message.ends_with("connects to") {
                message.push_str(" an address that the graph computes");
            }
            let mut finding =
                Finding::new(verdict.rule, message).severity(verdict.severity).at(verdict.at.offset, verdict.at.length);
            finding = finding.element(verdict.node).detail("operators", verdict.operators.join(", "));
            if !verdict.function.is_empty() {
                finding = finding.detail("function", verdict.function);
            }
            if let Some(by) = reached {
                finding = finding.detail("reached_from", by);
            }
            if !verdict.target.is_empty() {
                finding = finding.detail("target", clip(&escape(&verdict.target), 1024));
            }
            self.sink.finding(finding.detail("uses", verdict.count.to_string()));
        }
    }
}

fn place(function: &str) -> String {
    if function.is_empty() { "the graph".to_owned() } else { format!("function {}", quote(function)) }
}
