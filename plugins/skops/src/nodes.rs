//! The nodes of a schema: what each loader imports and builds.
//!
//! Source: `skops/io/_general.py` and `old/_general_v0.py`, before and after the fixes of CVE-2025-54412 (OperatorFuncNode: the
//! module must be `operator`) and CVE-2025-54413 (MethodNode: the shown type must be the object's). Every node names a module
//! and a class that are imported; most loaders go on to call or construct it.

use std::collections::BTreeSet;

use modelaudit_json::Node;
use modelaudit_pickle_policy::{Judgement, judge, resolve};
use modelaudit_plugin::{Finding, Sink, Span, clip, escape, quote};
use modelaudit_rules::tensors::{S816, S817};

/// What an `OperatorFuncNode` is for; every other name of `operator` is a function that would be called or handed on.
const OPERATORS: &[&str] = &["attrgetter", "itemgetter", "methodcaller"];

/// Findings of one schema.
const MAX_FINDINGS: usize = 50;
/// Types listed as a fact.
const MAX_TYPES: usize = 200;

/// Judges all nodes; `start` is where the schema stands in the file if it is stored, `member` the member it came from.
pub fn judge_all(root: &Node, start: Option<u64>, member: Span, sink: &mut dyn Sink) {
    let mut judged =
        Judged { start, member, types: BTreeSet::new(), seen: BTreeSet::new(), explained: BTreeSet::new() };
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
    /// Places of nodes that a finding on the node around them has told of.
    explained: BTreeSet<u64>,
}

impl Judged {
    fn node(&mut self, node: &Node, sink: &mut dyn Sink) {
        let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default();
        let (module, class, loader) = (text("__module__"), text("__class__"), text("__loader__"));
        if !module.is_empty() && !class.is_empty() && self.types.len() < MAX_TYPES {
            self.types.insert(clip(&escape(&format!("{module}.{class}")), 200));
        }
        let content = node.get("content");
        let told = match loader {
            "OperatorFuncNode" => self.operator(node, module, class, sink),
            "MethodNode" => self.method(node, (module, class), content, sink),
            _ => self.explained.contains(&node.at.offset),
        };
        if told {
            return;
        }
        self.name(node, loader, module, class, sink);
        // The first protocol had the function's name in the content.
        let inner = |key: &str| content.and_then(|c| c.get(key)).and_then(Node::as_str);
        for (module_key, name_key) in [("module_path", "function"), ("__module__", "__class__")] {
            if let (true, Some(module), Some(name)) =
                (matches!(loader, "FunctionNode" | "TypeNode"), inner(module_key), inner(name_key))
            {
                self.name(node, loader, module, name, sink);
            }
        }
    }

    /// Judges a name that a node imports.
    fn name(&mut self, node: &Node, loader: &str, module: &str, name: &str, sink: &mut dyn Sink) {
        if module.is_empty() || name.is_empty() {
            return;
        }
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

    /// CVE-2025-54412: the class is looked up in `operator`, whatever module the node shows. True if that is reported.
    fn operator(&mut self, node: &Node, module: &str, class: &str, sink: &mut dyn Sink) -> bool {
        let foreign = module != "operator" && module != "_operator";
        if !foreign && OPERATORS.contains(&class) {
            return false;
        }
        let (shown, built) = (quote(format!("{module}.{class}")), quote(format!("operator.{class}")));
        let message = match foreign {
            true => format!("an OperatorFuncNode shows {shown} and builds {built}"),
            false => format!("an OperatorFuncNode builds {built}, skops writes none but getters and callers"),
        };
        self.report(Finding::new(&S817, message), node, &format!("operator {module}.{class}"), sink);
        true
    }

    /// CVE-2025-54413: the attribute is taken from an object that the shown type says nothing about. True if that is reported.
    fn method(&mut self, node: &Node, shown: (&str, &str), content: Option<&Node>, sink: &mut dyn Sink) -> bool {
        let Some(function) = content.and_then(|c| c.get("func")).and_then(Node::as_str) else { return false };
        let object = content.and_then(|c| c.get("obj"));
        let text = |key: &str| object.and_then(|o| o.get(key)).and_then(Node::as_str).unwrap_or_default();
        let (module, class) = (text("__module__"), text("__class__"));
        let path = if class == "module" { function.to_owned() } else { format!("{class}.{function}") };
        let written = format!("{module}.{path}");
        let dangerous = match judge(&resolve(module, &path, 4)) {
            Judgement::Dangerous(entry) => Some(entry.why),
            _ => None,
        };
        // The module alone may differ in files of older writers: a method that is inherited is from another module than its object.
        let differs = class != shown.1 && !class.is_empty();
        let message = if let Some(why) = dangerous {
            format!("a MethodNode takes {}, which {why}", quote(&written))
        } else if differs {
            let shown = quote(format!("{}.{}", shown.0, shown.1));
            format!("a MethodNode shows {shown} and takes {}", quote(&written))
        } else if function.contains('.') || function.starts_with("__") {
            format!("a MethodNode takes the attribute {} of {}", quote(function), quote(format!("{module}.{class}")))
        } else {
            return false;
        };
        if let Some(object) = object {
            self.explained.insert(object.at.offset);
        }
        let finding = Finding::new(&S817, message).detail("attribute", clip(&escape(&written), 300));
        self.report(finding, node, &format!("method {written}"), sink);
        true
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
