//! Goes through a configuration: every object, every text, with the layer that it belongs to.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use modelaudit_json::{Document, Node, TreeLimits, Value};
use modelaudit_paths::{Root, classify};
use modelaudit_pickle_policy::suspicious_text;
use modelaudit_plugin::{Finding, Severity, Sink, clip, escape, quote};
use modelaudit_rules::frameworks::S1103;
use modelaudit_rules::keras::{S810, S1130, S1131};

use crate::bytecode::{self, Bytecode};
use crate::reference::{Kind, Reference, Verdict, harmful_module, judge_reference};
use crate::text::{operators, raw_code};
use crate::{Container, Origin, Version, base64, policy};

/// Findings of one document.
const MAX_FINDINGS: usize = 300;
/// Levels of configurations in texts of configurations, and how many of them are read.
const MAX_LEVELS: usize = 3;
const MAX_INNER: usize = 64;
/// Equal keys of one object that are looked at.
const MAX_COPIES: usize = 4;
/// Custom names that are listed.
const MAX_LISTED: usize = 40;
/// Characters of a text that a detail shows.
const DETAIL: usize = 300;

/// A node that waits to be looked at.
#[derive(Clone, Copy)]
struct Step<'n> {
    node: &'n Node,
    key: &'n str,
    /// Name of the nearest layer around it.
    element: &'n str,
    /// Class of the nearest object around it.
    class: &'n str,
    /// The text is the bytecode of a Lambda, whatever it looks like.
    code: bool,
}

/// Judges every object of a configuration; see the crate.
pub fn judge(root: &Node, origin: &Origin<'_>, sink: &mut dyn Sink) {
    judge_level(root, origin, 0, sink);
}

fn judge_level(root: &Node, origin: &Origin<'_>, level: usize, sink: &mut dyn Sink) {
    let mut walk = Walker {
        origin,
        sink,
        version: origin.version.and_then(Version::parse),
        seen_code: HashSet::new(),
        custom: BTreeSet::new(),
        custom_place: None,
        findings: 0,
        dropped: 0,
        said: HashSet::new(),
        inner: Vec::new(),
    };
    let first = Step { node: root, key: "", element: origin.name, class: "", code: false };
    let mut stack = vec![first];
    while let Some(step) = stack.pop() {
        match &step.node.value {
            Value::Object(members) => {
                let inner = walk.object(step);
                for (key, node) in members.iter().rev() {
                    let code = key == "code" && (inner.class == "__lambda__" || step.code);
                    stack.push(Step { node, key, code, ..inner });
                }
            }
            Value::Array(items) => {
                // The legacy form of a function: [code, defaults, closure].
                let lambda_key =
                    matches!(step.key, "function" | "output_shape" | "mask") && step.class.ends_with("Lambda");
                for (index, node) in items.iter().enumerate().rev() {
                    stack.push(Step { node, code: lambda_key && index == 0 && step.key == "function", ..step });
                }
            }
            Value::String(text) => walk.text(step, text),
            _ => {}
        }
    }
    let inner = std::mem::take(&mut walk.inner);
    walk.finish();
    for node in inner {
        // A configuration as a text in a configuration: who reads the outer one parses the inner one as well.
        let Some(text) = node.as_str().filter(|_| level < MAX_LEVELS) else { continue };
        let Ok(document) = Document::from_slice(text.as_bytes(), TreeLimits::default()) else { continue };
        judge_level(&document.root, &Origin { start: None, place: origin.at(node.at), ..*origin }, level + 1, sink);
    }
}

struct Walker<'a, 'o, 'n> {
    origin: &'a Origin<'o>,
    sink: &'a mut dyn Sink,
    version: Option<Version>,
    /// Hashes of the bytecode that was judged: a layer that is used twice stands there twice.
    seen_code: HashSet<u64>,
    custom: BTreeSet<String>,
    custom_place: Option<modelaudit_plugin::Span>,
    findings: usize,
    dropped: usize,
    /// Hashes of findings: an object with equal keys is looked at once for each.
    said: HashSet<u64>,
    /// Texts that are configurations of their own.
    inner: Vec<&'n Node>,
}

impl<'n> Walker<'_, '_, 'n> {
    /// Looks at an object and says what its members are inside of.
    fn object(&mut self, step: Step<'n>) -> Step<'n> {
        let node = step.node;
        let mut inner = Step { key: "", code: false, ..step };
        let config = node.get("config");
        let text_of = |key: &str| node.get(key).and_then(Node::as_str);
        if let Some(name) = config.and_then(|c| c.get("name")).or_else(|| node.get("name")).and_then(Node::as_str)
            && !name.is_empty()
            && (node.get("class_name").is_some() || step.class.is_empty() || node.get("function_type").is_some())
        {
            inner.element = name;
        }
        // Every duplicate is looked at: readers keep the first or the last.
        for class in node.all("class_name").filter_map(Node::as_str) {
            inner.class = class.rsplit('>').next().unwrap_or(class);
            for (module, config) in combinations(node) {
                self.class(inner, class, node, config, module, text_of("registered_name"));
            }
        }
        // A Lambda's configuration without its class: a loss, a metric, what a wrapper keeps.
        let plain = node.get("class_name").is_none();
        if plain && inner.class != "Lambda" && node.get("function_type").is_some() && node.get("function").is_some() {
            inner.class = "Lambda";
            self.lambda(inner, node);
        }
        if plain && let Some(function) = text_of("fn_name") {
            let reference = judge_reference(text_of("fn_module"), function, Kind::Function, None);
            self.reference(inner, node, &reference, Kind::Function, None);
        } else if plain {
            for key in policy::MODULE_KEYS {
                if let Some(module) = text_of(key)
                    && inner.class != "Lambda"
                    && harmful_module(module)
                {
                    let message = format!("the key {key} names the module {}, which Keras imports", quote(module));
                    self.report(inner, node, Finding::new(&S1130, message).detail("cve", "CVE-2025-1550"));
                }
            }
        }
        inner
    }

    fn class(
        &mut self,
        step: Step<'n>,
        class: &'n str,
        node: &'n Node,
        config: Option<&'n Node>,
        module: Option<&str>,
        registered: Option<&str>,
    ) {
        match step.class {
            "function" => {
                if let Some(name) = config.and_then(Node::as_str).or_else(|| config?.get("name")?.as_str()) {
                    let mut reference = judge_reference(module, name, Kind::Function, registered);
                    if reference.path.ends_with(".print") && prints_to_file(node) {
                        reference.verdict = prints();
                    }
                    self.reference(step, node, &reference, Kind::Function, config);
                }
            }
            "__lambda__" => {}
            "__typespec__" => {
                if let Some(name) = node.get("spec_name").or_else(|| config?.get("spec_name")).and_then(Node::as_str) {
                    let reference = judge_reference(module, name, Kind::Class, registered);
                    self.reference(step, node, &reference, Kind::Class, config);
                }
            }
            "Lambda" => {
                if let Some(config) = config {
                    self.lambda(step, config);
                }
            }
            "TFOpLambda" | "SlicingOpLambda" | "ClassMethod" | "InstanceMethod" => {
                // Keras looks the symbol up below `tf.` and calls it, or the method of it, while the model is built.
                let part = |key: &str| config?.get(key)?.as_str();
                let symbol = part("function").or_else(|| part("cls_symbol")).unwrap_or_default();
                let method = part("method").or_else(|| part("method_name")).unwrap_or_default();
                let symbol = [symbol, method].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(".");
                self.operation(step, node, &symbol, config);
            }
            "TensorFlowOpLayer" => {
                // A whole NodeDef as text or JSON; its operator is one of `tf.raw_ops`.
                let definition = config.and_then(|c| c.get("node_def"));
                let text = definition.and_then(Node::as_str);
                let named = definition.and_then(|d| d.get("op")).and_then(Node::as_str).map(str::to_owned);
                for operator in named.into_iter().chain(text.map(operators).unwrap_or_default()) {
                    self.operation(step, node, &format!("raw_ops.{operator}"), config);
                }
            }
            "KerasLayer" if config.is_some_and(|c| c.get("handle").is_some()) => self.hub_layer(step, node, config),
            "TFSMLayer" => self.saved_model_layer(step, node, config),
            "TorchModuleWrapper" => self.torch_module(step, node, config),
            _ => {
                let reference = judge_reference(module, class, Kind::Class, registered);
                self.reference(step, node, &reference, Kind::Class, config);
                if policy::VOCABULARY_CLASSES.contains(&step.class) {
                    self.vocabulary(step, config);
                }
            }
        }
    }

    /// A symbol of TensorFlow that is called: reported if it does harm, for models call every harmless one.
    fn operation(&mut self, step: Step<'n>, node: &'n Node, symbol: &str, config: Option<&'n Node>) {
        if symbol.is_empty() {
            return;
        }
        let (module, name) = symbol.rsplit_once('.').unwrap_or(("", symbol));
        let module = format!("tensorflow.{module}");
        let module = module.trim_end_matches('.').replace("tensorflow.tf", "tensorflow");
        let mut reference = judge_reference(Some(&module), name, Kind::Function, None);
        if name == "print" && prints_to_file(node) {
            reference.verdict = prints();
        }
        if matches!(reference.verdict, Verdict::Harmful { .. }) {
            self.reference(step, node, &reference, Kind::Function, config);
        }
    }

    /// Reports a reference to a class or function, or notes it as custom.
    fn reference(&mut self, step: Step<'n>, node: &'n Node, reference: &Reference, kind: Kind, config: Option<&Node>) {
        let what = if kind == Kind::Class { "class" } else { "function" };
        let path = quote(&reference.path);
        match &reference.verdict {
            Verdict::Known => {}
            Verdict::Custom => {
                let unknown = kind == Kind::Class || reference.path.contains('.');
                let commanded = config.filter(|_| kind == Kind::Class).and_then(command);
                if let Some((key, text)) = commanded {
                    let message = format!(
                        "the custom class {path} is handed a command or code under {}: {}",
                        quote(key),
                        quote(text)
                    );
                    let finding = Finding::new(&S810, message).severity(Severity::Warning);
                    self.report(step, node, finding.detail("class", show(&reference.path)).detail("value", show(text)));
                } else if unknown {
                    self.custom_place.get_or_insert(self.origin.at(node.at));
                    if self.custom.len() < 1000 {
                        self.custom.insert(clip(&escape(&reference.path), 100));
                    }
                }
            }
            Verdict::Odd(why) => {
                let message = format!("the configuration names the {what} {path}, which {why}");
                let finding = Finding::new(&S810, message).severity(Severity::Warning);
                self.report(
                    step,
                    node,
                    finding.detail("reference", show(&reference.path)).detail("cve", "CVE-2025-1550"),
                );
            }
            Verdict::Harmful { severity, why, cve } => {
                let message = format!("the configuration names the {what} {path}, which {why}");
                let mut finding = Finding::new(&S1130, message).severity(*severity);
                finding = finding.detail("reference", show(&reference.path));
                if let Some(address) = address_in(node) {
                    finding = finding.detail("address", show(address));
                    if *cve == "CVE-2025-8747" && unpacks(node) {
                        finding = finding.detail("unpacks", "CVE-2025-12060");
                    }
                }
                if !cve.is_empty() {
                    finding = finding.detail("cve", *cve);
                }
                self.report(step, node, finding);
            }
        }
    }

    /// A Lambda layer's configuration; its bytecode is reported where the text is met.
    fn lambda(&mut self, step: Step<'n>, config: &'n Node) {
        let parts = [
            ("function", "function_type", "module"),
            ("output_shape", "output_shape_type", "output_shape_module"),
            ("mask", "mask_type", "mask_module"),
        ];
        for (key, kind, module) in parts {
            let Some(text) = config.get(key).and_then(Node::as_str) else { continue };
            let by_name = config.get(kind).and_then(Node::as_str) == Some("function");
            let bytes = raw_code(text).or_else(|| base64::decode(text).filter(|_| base64::may_be_code(text)));
            if bytes.is_some_and(|b| bytecode::is_code(&b)) {
                continue;
            }
            if !by_name && let Some(what @ ("Python code" | "shell commands")) = suspicious_text(text) {
                let message = format!("the Lambda layer's {key} is {what} as text: {}", quote(text));
                self.report(step, config, Finding::new(&S1103, message).detail("source", show(text)));
                continue;
            }
            if key != "function" && !by_name {
                continue;
            }
            let reference = judge_reference(config.get(module).and_then(Node::as_str), text, Kind::Function, None);
            let path = quote(&reference.path);
            let (severity, message) = match &reference.verdict {
                Verdict::Known => continue,
                Verdict::Custom => (Severity::Info, format!("the Lambda layer calls the function {path}")),
                Verdict::Odd(why) => {
                    (Severity::Warning, format!("the Lambda layer calls the function {path}, which {why}"))
                }
                Verdict::Harmful { severity, why, .. } => {
                    (*severity, format!("the Lambda layer calls the function {path}, which {why}"))
                }
            };
            let finding = Finding::new(&S1103, message).severity(severity).detail("reference", show(&reference.path));
            let finding = self.with_cve(finding);
            self.report(step, config, finding);
        }
    }

    /// Any text: the bytecode of a function wherever it stands.
    fn text(&mut self, step: Step<'n>, text: &str) {
        if self.inner.len() < MAX_INNER && is_inner(text) {
            self.inner.push(step.node);
        }
        let raw = raw_code(text);
        let likely = base64::may_be_code(text) || raw.as_deref().is_some_and(bytecode::is_code);
        if !(likely || step.code) {
            return;
        }
        let decoded = raw.or_else(|| base64::decode(text));
        let is_code = decoded.as_deref().is_some_and(bytecode::is_code);
        if !is_code && !step.code {
            return;
        }
        let mut hasher = DefaultHasher::new();
        (text, step.element).hash(&mut hasher);
        if !self.seen_code.insert(hasher.finish()) {
            return;
        }
        let judged = bytecode::judge(decoded.as_deref().unwrap_or_default());
        self.bytecode(step, text, &judged);
    }

    fn bytecode(&mut self, step: Step<'n>, text: &str, judged: &Bytecode) {
        let place = match (step.class, step.key) {
            ("Lambda", "function" | "code" | "") => "the Lambda layer".to_owned(),
            ("Lambda", key) => format!("{} of the Lambda layer", quote(key)),
            ("__lambda__", _) => "a lambda function".to_owned(),
            ("", _) => "the configuration".to_owned(),
            (class, _) => format!("an object of class {}", quote(class)),
        };
        let message = match (&judged.error, judged.uses.is_empty()) {
            (Some(error), true) => format!("{place} holds bytecode that could not be read: {error}"),
            (_, true) => format!("{place} holds Python bytecode, which runs when the model is loaded or called"),
            (_, false) => format!("{place} holds Python bytecode that uses {}", escape(&judged.uses.join(", "))),
        };
        let mut finding = Finding::new(&S1103, message).severity(judged.severity);
        if !judged.names.is_empty() {
            finding = finding.detail("names", show(&judged.names.join(", ")));
        }
        if !judged.texts.is_empty() {
            finding = finding.detail("constants", show(&judged.texts.join(", ")));
        }
        if let Some(releases) = judged.releases {
            finding = finding.detail("python", releases);
        }
        finding = finding.detail("base64", show(text.trim()));
        let finding = self.with_cve(finding);
        self.report(step, step.node, finding);
    }

    /// The advisory that applies to a Lambda layer in this container and version.
    fn with_cve(&self, finding: Finding) -> Finding {
        let h5 = self.origin.container == Container::Hdf5;
        let cve = match self.version {
            Some(v) if h5 && v.is_in(Version(3, 0, 0), Version(3, 11, 3)) => "CVE-2025-9905",
            Some(v) if v >= Version(2, 13, 0) => "",
            _ => "CVE-2024-3660",
        };
        if cve.is_empty() { finding } else { finding.detail("cve", cve) }
    }

    fn vocabulary(&mut self, step: Step<'n>, config: Option<&'n Node>) {
        for key in ["vocabulary", "idf_weights", "vocabulary_file", "proto", "merges"] {
            let Some(node) = config.and_then(|c| c.get(key)) else { continue };
            let Some(path) = node.as_str().filter(|p| !p.is_empty()) else { continue };
            // WordPiece and SentencePiece tokenizers may hold the bytes themselves as base64.
            if key == "proto" && path.len() > 300 {
                continue;
            }
            let class = classify(path.as_bytes());
            let severity = if class.escapes() || class.environment { Severity::Warning } else { Severity::Info };
            let how =
                if class.escapes() { class.reason() } else { "is read from the folder in which the model is loaded" };
            let message = format!("the {} of a {} layer is a file: {} {how}", key, quote(step.class), quote(path));
            let finding = Finding::new(&S1131, message).severity(severity).detail("path", show(path));
            let finding = match self.version {
                Some(v) if v >= Version(3, 12, 0) => finding,
                _ => finding.detail("cve", "CVE-2025-12058"),
            };
            self.report(step, node, finding);
        }
    }

    fn saved_model_layer(&mut self, step: Step<'n>, node: &'n Node, config: Option<&'n Node>) {
        let path = config.and_then(|c| c.get("filepath")).and_then(Node::as_str).unwrap_or_default();
        let class = classify(path.as_bytes());
        let remote = matches!(class.root, Root::Url | Root::Unc);
        let severity = if remote { Severity::Critical } else { Severity::Warning };
        let message =
            format!("a TFSMLayer loads and runs the TensorFlow graph at {}, which no check of Keras sees", quote(path));
        let finding = Finding::new(&S1131, message).severity(severity).detail("path", show(path));
        self.report(step, node, finding);
    }

    /// `tensorflow_hub.KerasLayer` fetches the model at its handle and runs it.
    fn hub_layer(&mut self, step: Step<'n>, node: &'n Node, config: Option<&'n Node>) {
        let handle = config.and_then(|c| c.get("handle")).and_then(Node::as_str).unwrap_or_default();
        let class = classify(handle.as_bytes());
        let known = policy::HUBS.iter().any(|hub| handle.starts_with(hub));
        let remote = matches!(class.root, Root::Url | Root::Unc);
        let severity = if remote && !known { Severity::Critical } else { Severity::Warning };
        let message = format!("a KerasLayer of TensorFlow Hub loads and runs the model at {}", quote(handle));
        self.report(step, node, Finding::new(&S1131, message).severity(severity).detail("path", show(handle)));
    }

    fn torch_module(&mut self, step: Step<'n>, node: &'n Node, config: Option<&'n Node>) {
        let holds = config.and_then(|c| c.get("module")).is_some();
        let affected = self.version.is_none_or(|v| v.is_in(Version(3, 11, 0), Version(3, 11, 3)));
        let severity = if holds && affected { Severity::Critical } else { Severity::Warning };
        let message = "a TorchModuleWrapper unpickles the torch module in its configuration";
        let finding = Finding::new(&S1130, message).severity(severity).detail("cve", "CVE-2025-49655");
        self.report(step, node, finding);
    }

    fn report(&mut self, step: Step<'n>, node: &Node, finding: Finding) {
        // What is critical is not lost behind a crowd of lesser ones.
        let limit = if finding.severity == Severity::Critical { 10 * MAX_FINDINGS } else { MAX_FINDINGS };
        let at = self.origin.at(node.at);
        let mut hasher = DefaultHasher::new();
        (finding.rule, &finding.message, at.offset, step.element).hash(&mut hasher);
        if !self.said.insert(hasher.finish()) {
            return;
        }
        self.findings += 1;
        if self.findings > limit {
            self.dropped += 1;
            return;
        }
        self.sink.finding(finding.at(at.offset, at.length).element(clip(&escape(step.element), DETAIL)));
    }

    fn finish(self) {
        if self.dropped > 0 {
            let more = self.dropped;
            self.sink.incomplete(&format!("{more} more findings in {} are not listed", self.origin.name));
        }
        if self.custom.is_empty() {
            return;
        }
        let at = self.custom_place.unwrap_or(self.origin.place);
        let count = self.custom.len();
        let names: Vec<&str> = self.custom.iter().take(MAX_LISTED).map(String::as_str).collect();
        let shown: Vec<String> = names.iter().take(3).map(|n| format!("'{n}'")).collect();
        let more = if count > shown.len() { format!(" and {} more", count - shown.len()) } else { String::new() };
        let message = format!("loading the model needs its author's code for {}{more}", shown.join(", "));
        let finding = Finding::new(&S810, message).detail("custom_objects", names.join(", "));
        self.sink.finding(finding.at(at.offset, at.length).element(self.origin.name));
    }
}

/// Every module and configuration that readers may see in an object: the last of equal keys, as Python does, or another.
fn combinations(node: &Node) -> Vec<(Option<&str>, Option<&Node>)> {
    let mut modules: Vec<_> = node.all("module").take(MAX_COPIES).map(Node::as_str).collect();
    let mut configs: Vec<_> = node.all("config").take(MAX_COPIES).map(Some).collect();
    if modules.is_empty() {
        modules.push(None);
    }
    if configs.is_empty() {
        configs.push(None);
    }
    modules.iter().flat_map(|module| configs.iter().map(move |config| (*module, *config))).collect()
}

/// Whether a text is a configuration of its own.
fn is_inner(text: &str) -> bool {
    let body = text.trim_start();
    body.starts_with(['{', '['])
        && ["\"class_name\"", "\"fn_name\"", "\"function_type\""].iter().any(|key| body.contains(key))
}

/// What is thought of a `print` that does.
fn prints() -> Verdict {
    let why = "writes to the file that its arguments name".to_owned();
    Verdict::Harmful { severity: Severity::Critical, why, cve: "" }
}

/// Texts of a call's arguments say that it writes to a file: `tf.print(x, output_stream="file:///...")`.
fn prints_to_file(node: &Node) -> bool {
    node.walk().take(5000).filter_map(|(_, n)| n.as_str()).any(|t| t.trim_start().starts_with("file://"))
}

/// A text out of the file for a detail.
fn show(text: &str) -> String {
    clip(&escape(clip(text, DETAIL).as_str()), DETAIL)
}

/// A member of a custom class's configuration that is a command or code.
fn command(config: &Node) -> Option<(&str, &str)> {
    config.members().iter().find_map(|(key, node)| {
        let texts: Vec<&str> = match node.as_str() {
            Some(text) => vec![text],
            None => node.items().iter().take(8).filter_map(Node::as_str).collect(),
        };
        let named = policy::COMMAND_KEYS.contains(&key.to_ascii_lowercase().as_str());
        let text = texts.into_iter().find(|text| {
            named && !text.is_empty()
                || matches!(suspicious_text(text), Some("shell commands" | "Python code" | "the address of a payload"))
        })?;
        Some((key.as_str(), text))
    })
}

/// The first URL among the arguments that stand beside a function.
fn address_in(node: &Node) -> Option<&str> {
    node.walk().take(5000).filter_map(|(_, n)| n.as_str()).find(|t| t.contains("://"))
}

/// The arguments of a download ask for unpacking.
fn unpacks(node: &Node) -> bool {
    node.walk().take(5000).any(|(key, n)| matches!(key, Some("extract" | "untar")) && n.as_bool() == Some(true))
}
