//! The graph: nodes with an operator, attributes (`attrs`, `attr`, `param`) and inputs by number.

use std::collections::BTreeSet;

use modelaudit_json::{DefectKind, Document, Node, TreeLimits, Value};
use modelaudit_metadata_text::{judge, label};
use modelaudit_plugin::{Artifact, Finding, Sink, Span, quote};
use modelaudit_rules::other_formats::{S1106, S1151};
use modelaudit_rules::structure::{S902, S910, S911};

use crate::policy::{CODE_OPERATORS, PLACES, attacks_expressions, is_library};

/// Findings of one scan, and names of operators that are listed.
const MOST: usize = 200;
const MOST_OPERATORS: usize = 200;
/// Names that MXNet has had for a node's attributes.
const ATTRIBUTES: [&str; 3] = ["attrs", "attr", "param"];

struct Scan<'s> {
    sink: &'s mut dyn Sink,
    findings: usize,
    /// Names of operators, for the inventory.
    operators: BTreeSet<String>,
}

impl Scan<'_> {
    fn report(&mut self, finding: Finding) {
        self.findings += 1;
        if self.findings <= MOST {
            self.sink.finding(finding);
        }
    }
}

/// Scans a graph.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let document = match Document::parse(artifact, Span::new(0, artifact.size()), TreeLimits::default()) {
        Ok(document) => document,
        Err(error) => {
            if !error.is_end() && !error.is_limit() {
                let finding = Finding::new(&S902, format!("the graph is no valid JSON: {error}"));
                sink.finding(finding.at(error.offset.min(artifact.size()), 0));
            }
            return Err(format!("the graph was not read: {error}"));
        }
    };
    let mut scan = Scan { sink, findings: 0, operators: BTreeSet::new() };
    let mut nodes = 0;
    // Graphs may hold graphs (`subgraphs`), so every list of that name counts.
    for (_, graph) in document.root.walk() {
        for list in graph.all("nodes") {
            nodes += list.items().len();
            for (index, node) in list.items().iter().enumerate() {
                scan.node(node, index, list.items().len());
            }
            references(&mut scan, graph, "arg_nodes", list.items().len());
            references(&mut scan, graph, "heads", list.items().len());
        }
    }
    // What stands in the graph's own attributes.
    for key in ATTRIBUTES {
        document.root.all(key).for_each(|attributes| scan.texts(attributes, "the graph"));
    }
    if let Some(defect) = document.defects.iter().find(|d| matches!(d.kind, DefectKind::DuplicateKey(_))) {
        scan.report(Finding::new(&S910, format!("readers see two different graphs: {defect}")).at(defect.offset, 1));
    }
    if let Some(offset) = document.trailing {
        let rest = Span::new(offset, artifact.size().saturating_sub(offset));
        scan.report(
            Finding::new(&S911, format!("{} bytes follow the graph", rest.length)).at(rest.offset, rest.length),
        );
        scan.sink.embed("after the graph", rest, "");
    }
    if document.truncated {
        scan.sink.incomplete("a string of more than a megabyte was looked at in part");
    }
    scan.sink.fact_text("framework", "mxnet");
    scan.sink.fact_number("operator_count", nodes as u64);
    let operators: Vec<String> = scan.operators.iter().map(|name| label(name)).collect();
    scan.sink.fact_list("operators", &operators);
    if let Some(version) = version(&document.root) {
        scan.sink.fact_text("producer", &format!("MXNet {version}"));
    }
    Ok(())
}

/// Numbers of nodes, alone or first in a list, must be below the number of nodes. True if one is not.
fn references(scan: &mut Scan<'_>, owner: &Node, key: &str, nodes: usize) -> bool {
    let outside = owner.all(key).flat_map(|list| list.items()).find(|item| {
        let number = item.items().first().unwrap_or(item);
        match &number.value {
            Value::Number(_) => number.as_u64().is_none_or(|n| n >= nodes as u64),
            _ => false,
        }
    });
    if let Some(item) = outside {
        let message = format!("{} refers to a node that is not there: the graph has {nodes}", quote(key));
        scan.report(Finding::new(&S902, message).at(item.at.offset, item.at.length).element(key));
    }
    outside.is_some()
}

/// The release that wrote the graph: `attrs: {"mxnet_version": ["int", 10901]}`.
fn version(root: &Node) -> Option<String> {
    let number = root.get("attrs")?.get("mxnet_version")?;
    let number = number.items().last().unwrap_or(number).as_u64()?;
    Some(format!("{}.{}.{}", number / 10_000, number / 100 % 100, number % 100))
}

impl Scan<'_> {
    /// Inputs stand before the nodes that take them: a node that takes itself, or a later one, closes a circle for readers that follow
    /// the graph by recursion.
    fn order(&mut self, node: &Node, name: &str, index: usize) {
        let number = |item: &Node| item.items().first().unwrap_or(item).as_u64();
        let later =
            node.all("inputs").flat_map(|list| list.items()).find(|i| number(i).is_some_and(|n| n >= index as u64));
        if let Some(item) = later {
            let message = format!("the node {} takes itself or a later node as an input", quote(name));
            self.report(Finding::new(&S902, message).at(item.at.offset, item.at.length).element(label(name)));
        }
    }

    fn node(&mut self, node: &Node, index: usize, nodes: usize) {
        let text = |key| node.get(key).and_then(Node::as_str).unwrap_or_default();
        let (operator, name) = (text("op"), text("name"));
        let Span { offset, length } = node.at;
        // `null` stands for an input.
        if operator != "null" && !operator.is_empty() && self.operators.len() < MOST_OPERATORS {
            self.operators.insert(operator.to_owned());
        }
        if !references(self, node, "inputs", nodes) {
            self.order(node, name, index);
        }
        for long in [operator, name] {
            if attacks_expressions(long) {
                let message = format!(
                    "a name of {} characters is made of regular expression syntax: {}",
                    long.len(),
                    quote(long)
                );
                self.report(Finding::new(&S1151, message).at(offset, length));
                return;
            }
        }
        let attributes = ATTRIBUTES.iter().flat_map(|key| node.all(key)).flat_map(|a| a.members());
        let place =
            attributes.filter_map(|(key, value)| value.as_str().map(|v| (key.as_str(), v))).find(|(key, value)| {
                let class = modelaudit_paths::classify(value.as_bytes());
                is_library(value) || PLACES.contains(&key.to_ascii_lowercase().as_str()) && class.escapes()
            });
        let code = CODE_OPERATORS.contains(&operator);
        if !code && place.is_none() {
            for key in ATTRIBUTES {
                node.all(key).for_each(|attributes| self.texts(attributes, &format!("the node {}", quote(name))));
            }
            return;
        }
        let mut message = format!("the node {} of operator {} needs code from elsewhere", quote(name), quote(operator));
        let kind = ATTRIBUTES.iter().flat_map(|key| node.all(key)).find_map(|a| a.get("op_type")?.as_str());
        if let Some(kind) = kind {
            message += &format!(": {}", quote(kind));
        }
        if let Some((key, value)) = place {
            message += &format!(", {}={}", quote(key), quote(value));
        }
        let mut finding = Finding::new(&S1106, message).at(offset, length).element(label(name));
        if let Some((key, value)) = place {
            finding = finding.detail("attribute", quote(key)).detail("value", quote(value));
            let class = modelaudit_paths::classify(value.as_bytes());
            if class.escapes() {
                finding = finding.detail("path", class.reason());
            }
        }
        self.report(finding);
    }

    /// The first text of some attributes that is more than words.
    fn texts(&mut self, attributes: &Node, owner: &str) {
        for (key, value) in attributes.walk() {
            let Some(text) = value.as_str() else { continue };
            if let Some(found) = judge(text) {
                let place = format!("the attribute {} of {owner}", quote(key.unwrap_or_default()));
                self.report(modelaudit_metadata_text::finding(&place, &found).at(value.at.offset, value.at.length));
                return;
            }
        }
    }
}
