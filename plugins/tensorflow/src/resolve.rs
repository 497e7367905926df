//! Constants within one graph or function: what a path input is, if the graph itself says so.

use std::collections::{BTreeMap, BTreeSet};

use modelaudit_plugin::Span;

use crate::node::Attribute;
use modelaudit_rules::frameworks::tensorflow_ops::{ARGUMENTS, PASSES, Policy};

/// A node as far as it matters.
#[derive(Default)]
pub struct Node {
    /// Name in its graph.
    pub name: String,
    /// Operator.
    pub op: String,
    /// Inputs as written: `name`, `name:0`, `name:output:0`, `^name` for control.
    pub inputs: Vec<String>,
    /// Attributes with texts.
    pub attributes: Vec<Attribute>,
    /// Functions that its attributes name.
    pub functions: Vec<String>,
    /// Its bytes.
    pub at: Span,
}

/// A node that a policy speaks of.
pub struct Suspect {
    /// What the policy says; None for a name that is suspicious by itself.
    pub policy: Option<&'static Policy>,
    /// The node.
    pub node: Node,
}

/// What an input is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// These texts, one after the other.
    Constant(Vec<Span>),
    /// Whatever the caller passes.
    Argument,
    /// What a variable holds, which is in the checkpoint.
    Variable,
    /// The graph computes it, of constants alone: whoever does that does not want it to be read.
    Hidden,
    /// The graph computes it.
    Computed,
}

/// Operators that read a variable (state_ops.cc, resource_variable_ops.cc).
const VARIABLES: &[&str] = &["ReadVariableOp", "Variable", "VariableV2", "VarHandleOp"];

/// Nodes and constants that are kept for a graph, and bytes that they take: the sandbox has 256 MiB.
const MAX_KEPT: usize = 100_000;
const MAX_BYTES: usize = 48 << 20;
/// Bytes that a node takes besides its texts.
const NODE: usize = 128;
/// Operators that decompress of which the input is followed.
const MAX_COMPRESSED: usize = 256;
/// Steps from an input back to constants; more are there to wear out who follows them.
const MAX_STEPS: usize = 256;
/// Nodes that are visited to see what a computed value depends on.
const MAX_VISITED: usize = 20_000;

/// One graph or function while it is walked.
pub struct Scope {
    /// Function name, or empty for a graph.
    pub function: String,
    /// Nodes to judge when the graph is known.
    pub suspects: Vec<Suspect>,
    /// True if something was left out because there was too much.
    pub full: bool,
    constants: BTreeMap<String, Vec<Span>>,
    passes: BTreeMap<String, Vec<String>>,
    arguments: BTreeMap<String, ()>,
    variables: BTreeSet<String>,
    numbers: BTreeSet<String>,
    /// Inputs of all other nodes.
    others: BTreeMap<String, Vec<String>>,
    /// Inputs of operators that decompress.
    compressed: Vec<String>,
    /// Bytes of all that is kept.
    bytes: usize,
}

impl Scope {
    /// An empty one.
    pub fn new(function: String) -> Self {
        Self {
            function,
            suspects: Vec::new(),
            full: false,
            constants: BTreeMap::new(),
            passes: BTreeMap::new(),
            arguments: BTreeMap::new(),
            variables: BTreeSet::new(),
            numbers: BTreeSet::new(),
            others: BTreeMap::new(),
            compressed: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes in a node that no policy speaks of.
    pub fn add(&mut self, node: Node) {
        let inputs: usize = node.inputs.iter().map(|input| input.len() + size_of::<String>()).sum();
        let strings: usize = node.attributes.iter().map(|a| a.strings.len() * size_of::<Span>()).sum();
        self.bytes += NODE + node.name.len() + inputs + strings;
        if self.bytes > MAX_BYTES {
            self.full = true;
            return;
        }
        let kept = self.constants.len() + self.passes.len() + self.arguments.len();
        if node.op == "Const" {
            let Some(value) = node.attributes.into_iter().find(|a| a.name == "value") else {
                // Numbers: an index or a length beside the text, or what a text is made of.
                if self.numbers.len() < MAX_KEPT {
                    self.numbers.insert(node.name);
                }
                return;
            };
            if kept < MAX_KEPT {
                self.constants.insert(node.name, value.strings);
            } else {
                self.full = true;
            }
        } else if PASSES.contains(&node.op.as_str()) {
            if node.op == "DecodeCompressed" && self.compressed.len() < MAX_COMPRESSED {
                self.compressed.extend(node.inputs.first().cloned());
            }
            if kept < MAX_KEPT {
                self.passes.insert(node.name, node.inputs);
            } else {
                self.full = true;
            }
        } else if ARGUMENTS.contains(&node.op.as_str()) && kept < MAX_KEPT {
            self.arguments.insert(node.name, ());
        } else if VARIABLES.contains(&node.op.as_str()) && self.variables.len() < MAX_KEPT {
            self.variables.insert(node.name);
        } else if self.others.len() < MAX_KEPT {
            self.others.insert(node.name, node.inputs);
        }
    }

    /// True if a value depends on constants alone.
    fn constant_alone(&self, input: &str) -> bool {
        let mut open = vec![input];
        let mut seen = BTreeSet::new();
        while let Some(input) = open.pop() {
            let name = input.trim_start_matches('^').split(':').next().unwrap_or_default();
            if !seen.insert(name) || self.constants.contains_key(name) || self.numbers.contains(name) {
                continue;
            }
            let inputs = self.passes.get(name).or_else(|| self.others.get(name));
            let Some(inputs) = inputs.filter(|inputs| !inputs.is_empty() && seen.len() < MAX_VISITED) else {
                return false;
            };
            open.extend(inputs.iter().map(String::as_str));
        }
        true
    }

    /// Constants that the graph decompresses.
    pub fn unpacked(&self) -> Vec<Vec<Span>> {
        let constants = self.compressed.iter().map(|input| self.resolve(input));
        constants
            .filter_map(|origin| match origin {
                Origin::Constant(spans) => Some(spans),
                _ => None,
            })
            .collect()
    }

    /// Where an input comes from.
    pub fn resolve(&self, input: &str) -> Origin {
        let mut texts = Vec::new();
        let mut argument = false;
        let mut open = vec![input];
        let mut steps = 0;
        while let Some(input) = open.pop() {
            steps += 1;
            if steps > MAX_STEPS {
                return Origin::Hidden;
            }
            if input.starts_with('^') {
                continue;
            }
            let name = input.split(':').next().unwrap_or_default();
            if let Some(strings) = self.constants.get(name) {
                texts.extend_from_slice(strings);
            } else if let Some(inputs) = self.passes.get(name) {
                open.extend(inputs.iter().rev().map(String::as_str));
            } else if self.arguments.contains_key(name) || (!self.function.is_empty() && !input.contains(':')) {
                // In a function, a name without an output is an argument.
                argument = true;
            } else if self.numbers.contains(name) {
                continue;
            } else if self.variables.contains(name) {
                return Origin::Variable;
            } else if self.constant_alone(name) {
                return Origin::Hidden;
            } else {
                return Origin::Computed;
            }
        }
        match (texts.is_empty(), argument) {
            (false, _) => Origin::Constant(texts),
            (true, true) => Origin::Argument,
            (true, false) => Origin::Hidden,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, op: &str, inputs: &[&str], text: Option<Span>) -> Node {
        let attributes =
            text.map(|span| Attribute { name: "value".to_owned(), strings: vec![span], ..Attribute::default() });
        Node {
            name: name.to_owned(),
            op: op.to_owned(),
            inputs: inputs.iter().map(|&i| i.to_owned()).collect(),
            attributes: attributes.into_iter().collect(),
            functions: Vec::new(),
            at: Span::default(),
        }
    }

    #[test]
    fn constants_are_followed() {
        let mut scope = Scope::new("f".to_owned());
        scope.add(node("a", "Const", &[], Some(Span::new(1, 2))));
        scope.add(node("b", "Const", &[], Some(Span::new(5, 2))));
        scope.add(node("j", "StringJoin", &["a:output:0", "b:output:0"], None));
        scope.add(node("i", "Identity", &["j:output:0", "^x"], None));
        scope.add(node("loop", "Identity", &["loop:output:0"], None));
        assert_eq!(scope.resolve("i:output:0"), Origin::Constant(vec![Span::new(1, 2), Span::new(5, 2)]));
        assert_eq!(scope.resolve("filename"), Origin::Argument);
        assert_eq!(scope.resolve("other:output:0"), Origin::Computed);
        // Nothing but itself, over and over.
        assert_eq!(scope.resolve("loop:output:0"), Origin::Hidden);
        scope.add(node("codes", "UnicodeEncode", &["a:output:0"], None));
        scope.add(node("mixed", "UnicodeEncode", &["a:output:0", "filename"], None));
        scope.add(node("index", "Const", &[], None));
        scope.add(node("part", "Substr", &["a:output:0", "index:output:0", "index:output:0"], None));
        assert_eq!(scope.resolve("part:output:0"), Origin::Constant(vec![Span::new(1, 2)]));
        scope.add(node("random", "RandomUniform", &[], None));
        scope.add(node("v", "ReadVariableOp", &["handle"], None));
        scope.add(node("last", "Identity", &["v:value:0"], None));
        assert_eq!(scope.resolve("codes:output:0"), Origin::Hidden);
        assert_eq!(scope.resolve("mixed:output:0"), Origin::Computed);
        assert_eq!(scope.resolve("random:output:0"), Origin::Computed);
        assert_eq!(scope.resolve("last:output:0"), Origin::Variable);
    }
}
