//! From what was walked to findings and facts.

use std::collections::BTreeMap;

use modelaudit_call_graph::cycle;
use modelaudit_plugin::{Finding, Severity, clip, escape, quote};
use modelaudit_rules::frameworks::{S1111, S1115, S1116};
use modelaudit_rules::graphs::S1120;
use modelaudit_rules::structure::{S902, S910, S911};

use crate::graph::{Operator, Scan};
use crate::policy::Class;

/// Bytes in short unknown fields from which on they are a place to hide something.
const MANY_SCRAPS: u64 = 8 << 10;

impl Scan<'_, '_> {
    /// Says what was found.
    pub fn report(&mut self, opsets: &[String]) {
        let operators = std::mem::take(&mut self.operators);
        let mut domains: BTreeMap<(Class, &str), Vec<(&str, &Operator)>> = BTreeMap::new();
        for ((domain, op), operator) in &operators {
            if operator.class != Class::Standard && !self.functions.contains(&(domain.clone(), op.clone())) {
                domains.entry((operator.class, domain)).or_default().push((op, operator));
            }
        }
        for ((class, domain), operators) in domains {
            self.custom(class, domain, &operators);
        }
        self.report_tensors();
        self.hidden.report(&S911, None, "field", self.sink);
        if let (bytes @ MANY_SCRAPS.., Some(first)) = self.scraps {
            let message = format!("{bytes} bytes stand in many short fields that are not part of ONNX");
            self.sink.finding(Finding::new(&S911, message).at(first.offset, first.length));
        }
        let own: Vec<_> = self.calls.iter().filter(|(_, callee)| self.functions.contains(callee)).cloned().collect();
        if let Some((domain, name)) = cycle(&own) {
            let shown = if domain.is_empty() { name.clone() } else { format!("{domain}::{name}") };
            let message =
                format!("function {} calls itself: a runtime that puts it in place never ends", quote(&shown));
            self.sink.finding(Finding::new(&S902, message).element(name));
        }
        let mut names: Vec<String> =
            operators.keys().map(|(d, o)| if d.is_empty() { o.clone() } else { format!("{d}::{o}") }).collect();
        names.truncate(256);
        self.sink.fact_list("operators", &names);
        self.sink.fact_list("opsets", opsets);
        self.sink.fact_text("framework", "onnx");
        self.sink.fact_number("operator_count", self.nodes);
        self.sink.fact_number("graph_count", self.graphs);
    }

    /// Says what was found about tensors.
    pub fn report_tensors(&mut self) {
        self.bad_tensors.report(&S902, None, "tensor", self.sink);
        self.bad_external.report(&S1116, None, "external data of tensor", self.sink);
        self.repeated.report(&S910, Some(Severity::Info), "tensor", self.sink);
        self.missing();
        self.sink.fact_number("tensor_count", self.tensors);
        let dtypes: Vec<&String> = self.dtypes.iter().collect();
        self.sink.fact_list("dtypes", &dtypes);
        self.sink.fact_number("parameters", self.parameters);
        if !self.locations.is_empty() {
            let names: Vec<String> =
                self.locations.iter().take(64).map(|l| clip(&escape(&String::from_utf8_lossy(l)), 256)).collect();
            self.sink.fact_list("external_data", &names);
        }
    }

    /// One finding for the operators of a domain; code gets one for each operator.
    fn custom(&mut self, class: Class, domain: &str, operators: &[(&str, &Operator)]) {
        let one_each = matches!(class, Class::Code | Class::Suspicious | Class::Network);
        let groups: Vec<&[(&str, &Operator)]> = if one_each { operators.chunks(1).collect() } else { vec![operators] };
        for group in groups {
            let Some((op, first)) = group.first() else { continue };
            let more = if group.len() > 1 { format!(" and {} more", group.len() - 1) } else { String::new() };
            let name = format!("operator {}{more} of domain {}", quote(op), quote(domain));
            let (rule, severity, message) = match class {
                Class::Code => {
                    let what = first.evidence.first().map(|(k, v)| format!(": {k} is {v}")).unwrap_or_default();
                    (&S1115, Severity::Critical, format!("{name} hands control to Python or native code{what}"))
                }
                Class::Network => {
                    let address = first.evidence.iter().find(|(key, _)| key == "model_uri");
                    let to = address.map(|(_, value)| format!(" {value}")).unwrap_or_default();
                    (&S1120, Severity::Warning, format!("{name} sends its inputs to the address{to}"))
                }
                Class::Engine => {
                    (&S1115, Severity::Info, format!("{name} runs a compiled engine that can't be looked into"))
                }
                Class::Suspicious => (
                    &S1111,
                    Severity::Warning,
                    format!("{name} is not part of ONNX, and its name promises more than numbers"),
                ),
                Class::Extension => (&S1111, Severity::Info, format!("{name} needs a runtime with that extension")),
                Class::Unknown | Class::Standard => {
                    (&S1111, Severity::Warning, format!("{name} needs a native library that nobody knows"))
                }
            };
            let uses: u64 = group.iter().map(|(_, o)| o.count).sum();
            let names: Vec<&str> = group.iter().take(20).map(|(op, _)| *op).collect();
            let mut finding = Finding::new(rule, message)
                .severity(severity)
                .at(first.at.offset, first.at.length)
                .element(if first.node.is_empty() { (*op).to_owned() } else { first.node.clone() });
            finding =
                finding.detail("domain", domain).detail("operators", names.join(", ")).detail("uses", uses.to_string());
            if !first.evidence.is_empty() {
                let shown: Vec<String> = first.evidence.iter().map(|(k, v)| format!("{k} = {v}")).collect();
                finding = finding.detail("attributes", shown.join("; "));
            }
            self.sink.finding(finding);
        }
    }
}
