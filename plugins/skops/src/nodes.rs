//! The nodes of a schema: what each loader imports and builds.
//!
//! Source: `skops/io/_general.py`, `_numpy.py`, `_scipy.py`, `_sklearn.py`, `_quantile_forest.py` and the old protocols beside
//! them; the advisories GHSA-m7f4-hrc6-fwg3 (OperatorFuncNode) and GHSA-4v6w-xpmh-gfgp (MethodNode).

use std::collections::BTreeSet;

use modelaudit_json::Node;
use modelaudit_pickle_policy::{Judgement, judge, resolve};
use modelaudit_plugin::{Finding, Severity, Sink, Span, clip, escape, quote};
use modelaudit_rules::tensors::{S816, S817};

/// Loaders of skops, all protocols.
const LOADERS: &[&str] = &[
    "BytearrayNode",
    "BytesNode",
    "CachedNode",
    "CythonObjectNode",
    "DTypeNode",
    "DatetimeNode",
    "DefaultDictNode",
    "DictNode",
    "FunctionNode",
    "JsonNode",
    "ListNode",
    "LossNode",
    "MaskedArrayNode",
    "MethodNode",
    "NdArrayNode",
    "NumpyRandomGeneratorNode",
    "ObjectNode",
    "OperatorFuncNode",
    "PartialNode",
    "QuantileForestNode",
    "RandomGeneratorNode",
    "RandomStateNode",
    "ReduceNode",
    "SGDNode",
    "SetNode",
    "SliceNode",
    "SparseMatrixNode",
    "TimedeltaNode",
    "TreeNode",
    "TupleNode",
    "TypeNode",
    "_DictWithDeprecatedKeysNode",
    "sklearn_ObjectNode",
];

/// What an `OperatorFuncNode` is for; every other name of `operator` is a function that would be called or handed on.
const OPERATORS: &[&str] = &["attrgetter", "itemgetter", "methodcaller"];

/// Findings of one schema.
const MAX_FINDINGS: usize = 50;
/// Types listed as a fact.
const MAX_TYPES: usize = 200;

/// Judges all nodes; `start` is where the schema stands in the file if it is stored, `member` the member it came from.
pub fn judge_all(root: &Node, start: Option<u64>, member: Span, sink: &mut dyn Sink) {
    let mut judged = Judged { start, member, types: BTreeSet::new(), seen: BTreeSet::new() };
    for (_, node) in root.walk() {
        if node.get("__loader__").is_some() || node.get("__class__").is_some() {
            judged.node(node, sink);
        }
    }
    let types: Vec<&String> = judged.types.iter().take(MAX_TYPES).collect();
    sink.fact_list("types", &types);
}

struct Judged {
    start: Option<u64>,
    member: Span,
    types: BTreeSet<String>,
    /// What was reported: the same name in a hundred trees is one finding.
    seen: BTreeSet<String>,
}

impl Judged {
    fn node(&mut self, node: &Node, sink: &mut dyn Sink) {
        let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default();
        let (module, class, loader) = (text("__module__"), text("__class__"), text("__loader__"));
        if !module.is_empty() && !class.is_empty() {
            if self.types.len() < MAX_TYPES {
                self.types.insert(clip(&escape(&format!("{module}.{class}")), 200));
            }
            self.name(node, loader, module, class, sink);
        }
        let content = node.get("content");
        let inner = |key: &str| content.and_then(|c| c.get(key)).and_then(Node::as_str);
        match loader {
            "OperatorFuncNode" => self.operator(node, module, class, sink),
            "MethodNode" => self.method(node, content, sink),
            "FunctionNode" => {
                if let (Some(path), Some(function)) = (inner("module_path"), inner("function")) {
                    self.name(node, loader, path, function, sink);
                }
            }
            "TypeNode" => {
                if let (Some(module), Some(class)) = (inner("__module__"), inner("__class__")) {
                    self.name(node, loader, module, class, sink);
                }
            }
            known if LOADERS.contains(&known) || known.is_empty() => {}
            unknown => {
                let message = format!("the loader {} of {} is not one of skops'", quote(unknown), quote(format!("{module}.{class}")));
                self.report(Finding::new(&S817, message).severity(Severity::Info), node, &format!("loader {unknown}"), sink);
            }
        }
    }

    /// Judges a name that a node imports.
    fn name(&mut self, node: &Node, loader: &str, module: &str, name: &str, sink: &mut dyn Sink) {
        let resolved = resolve(module, name, 4);
        if let Judgement::Dangerous(entry) = judge(&resolved) {
            let written = format!("{module}.{name}");
            let message = format!("{} names {}, which {}", article(loader), quote(&written), entry.why);
            let finding = Finding::new(&S816, message)
                .severity(entry.called)
                .detail("name", clip(&escape(&written), 300))
                .detail("loader", clip(&escape(loader), 100));
            self.report(finding, node, &written, sink);
        }
    }

    /// CVE-2025-54412: the class is looked up in `operator`, whatever module the node shows.
    fn operator(&mut self, node: &Node, module: &str, class: &str, sink: &mut dyn Sink) {
        let foreign = module != "operator" && module != "_operator";
        if !foreign && OPERATORS.contains(&class) {
            return;
        }
        let message = match foreign {
            true => format!("an OperatorFuncNode shows {} and builds {}", quote(format!("{module}.{class}")), quote(format!("operator.{class}"))),
            false => format!("an OperatorFuncNode builds {}, skops writes none but getters and callers", quote(format!("operator.{class}"))),
        };
        self.report(Finding::new(&S817, message), node, &format!("operator {module}.{class}"), sink);
    }

    /// CVE-2025-54413: the attribute is taken from an object that the shown type says nothing about.
    fn method(&mut self, node: &Node, content: Option<&Node>, sink: &mut dyn Sink) {
        let Some(function) = content.and_then(|c| c.get("func")).and_then(Node::as_str) else { return };
        let object = content.and_then(|c| c.get("obj"));
        let text = |key: &str| object.and_then(|o| o.get(key)).and_then(Node::as_str).unwrap_or_default();
        let (module, class) = (text("__module__"), text("__class__"));
        let path = if class == "module" { function.to_owned() } else { format!("{class}.{function}") };
        let written = format!("{module}.{path}");
        let dangerous = match judge(&resolve(module, &path, 4)) {
            Judgement::Dangerous(entry) => Some(entry.why),
            _ => None,
        };
        let hidden = function.contains('.') || function.starts_with("__");
        let message = match (dangerous, hidden, class == "module") {
            (Some(why), _, _) => format!("a MethodNode takes {}, which {why}", quote(&written)),
            (None, true, _) => format!("a MethodNode takes the attribute {} of {}", quote(function), quote(format!("{module}.{class}"))),
            (None, false, true) => format!("a MethodNode takes {} from a module, methods belong to objects", quote(&written)),
            (None, false, false) => return,
        };
        let finding = Finding::new(&S817, message).detail("attribute", clip(&escape(&written), 300));
        self.report(finding, node, &format!("method {written}"), sink);
    }

    fn report(&mut self, finding: Finding, node: &Node, key: &str, sink: &mut dyn Sink) {
        if self.seen.len() >= MAX_FINDINGS || !self.seen.insert(clip(key, 400)) {
            return;
        }
        let at = match self.start.and_then(|start| start.checked_add(node.at.offset)) {
            Some(offset) => Span::new(offset, node.at.length),
            None => self.member,
        };
        let id = node.get("__id__").and_then(Node::as_u64);
        let element = id.map_or_else(|| "schema.json".to_owned(), |id| format!("schema.json node {id}"));
        sink.finding(finding.at(at.offset, at.length).element(element));
    }
}

fn article(loader: &str) -> String {
    match loader.chars().next() {
        Some('A' | 'E' | 'I' | 'O') => format!("an {}", clip(&escape(loader), 60)),
        Some(_) => format!("a {}", clip(&escape(loader), 60)),
        None => "a node without a loader".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(LOADERS.windows(2).all(|w| w[0] < w[1]));
    }
}
