//! The walk over saved models, meta graphs, graphs and their libraries of functions.

use std::collections::{BTreeMap, BTreeSet};

use modelaudit_paths::classify;
use modelaudit_plugin::{Artifact, Finding, Sink, Span, clip, escape, quote};
use modelaudit_protobuf::{Malformed, Message, Walker};
use modelaudit_rules::files::S405;
use modelaudit_rules::graphs::S1122;
use modelaudit_rules::structure::{S902, S911};
use modelaudit_rules::tensors::Tally;

use crate::judge::Verdict;
use crate::probe::Kind;
use crate::reach::{Edges, Place};
use crate::registry;
use crate::resolve::{Node, Scope, Suspect};
use modelaudit_rules::frameworks::tensorflow_ops as policy;

/// Graphs in strings of graphs; an honest one has one level (a dataset).
const MAX_DEPTH: u32 = 16;
/// Functions whose names are kept.
const MAX_FUNCTIONS: usize = 100_000;
/// Graphs that wait.
const MAX_WORK: usize = 10_000;
/// Nodes that policies speak of, in one graph.
const MAX_SUSPECTS: usize = 20_000;
/// Collections whose operations are run when the model is loaded or trained (tensorflow/python/saved_model/constants.py and
/// framework/ops.py, `GraphKeys`).
const STARTERS: &[&str] =
    &["saved_model_main_op", "legacy_init_op", "table_initializer", "init_op", "local_init_op", "ready_op", "train_op"];
/// Custom operators that are named.
const MAX_CUSTOM: usize = 20;
/// Distinct operators that are remembered.
const MAX_OPERATORS: usize = 8192;

/// A scan under way.
pub struct Scan<'a, 's> {
    /// The bytes.
    pub artifact: &'a dyn Artifact,
    /// Goes over the fields.
    pub walker: Walker<'a>,
    /// Takes what is found.
    pub sink: &'s mut dyn Sink,
    /// Size of the artifact.
    pub size: u64,
    /// What the file is.
    pub kind: Kind,
    /// Tensors met.
    pub tensors: u64,
    /// Their elements.
    pub parameters: u64,
    /// Unknown fields with something in them.
    pub hidden: Tally,
    /// What was judged so far.
    pub verdicts: BTreeMap<(String, String), Verdict>,
    /// Who calls whom.
    pub edges: Edges,
    /// Names of signatures.
    pub signatures: Vec<String>,
    /// Element types of constants.
    pub dtypes: BTreeSet<String>,
    /// Bytecode of Lambda layers that was reported: a layer stands in the model's configuration and in its own.
    pub lambdas: BTreeSet<u64>,
    /// Bytes of strings that were put together.
    pub put_together: u64,
    /// Depth of the graph that is being walked.
    pub depth: u32,
    work: Vec<(Message, u32)>,
    operators: BTreeMap<String, Span>,
    nodes: u64,
    functions: u64,
    malformed: bool,
}

impl<'a, 's> Scan<'a, 's> {
    /// A scan of an artifact that is such a message.
    pub fn new(artifact: &'a dyn Artifact, kind: Kind, sink: &'s mut dyn Sink) -> Self {
        Self {
            artifact,
            walker: Walker::new(artifact),
            sink,
            size: artifact.size(),
            kind,
            tensors: 0,
            parameters: 0,
            hidden: Tally::default(),
            verdicts: BTreeMap::new(),
            edges: Edges::default(),
            dtypes: BTreeSet::new(),
            lambdas: BTreeSet::new(),
            put_together: 0,
            depth: 0,
            work: Vec::new(),
            operators: BTreeMap::new(),
            nodes: 0,
            functions: 0,
            signatures: Vec::new(),
            malformed: false,
        }
    }

    /// Walks the whole file.
    pub fn run(&mut self) -> Result<(), String> {
        let root = self.walker.root();
        let result = match self.kind {
            Kind::SavedModel => self.saved_model(root),
            Kind::MetaGraph => self.meta_graph(root),
            Kind::Graph => self.graph(root),
            Kind::KerasMetadata => self.keras_metadata(root),
            Kind::Fingerprint => self.fingerprint(root),
        };
        if let Err(error) = result {
            self.broken(&error);
        }
        while let Some((message, depth)) = self.work.pop() {
            self.depth = depth;
            if let Err(error) = self.graph(message) {
                self.broken(&error);
                if error.budget {
                    break;
                }
            }
        }
        self.report();
        if self.walker.is_cut() {
            return Err(format!("the file ends early, inside a message that goes beyond its {} bytes", self.size));
        }
        Ok(())
    }

    /// Reports the first malformed message.
    fn broken(&mut self, error: &Malformed) {
        if !std::mem::replace(&mut self.malformed, true) {
            // Of bytes without a node nobody knows that they should be a graph.
            if !error.budget && self.nodes > 0 {
                let message = format!("the graph is malformed: {}", error.what);
                self.sink.finding(Finding::new(&S902, message).at(error.at.min(self.size), 0));
            }
            self.sink.incomplete(&format!("a part of the graph was not read: {error}"));
        }
    }

    fn saved_model(&mut self, mut message: Message) -> Result<(), Malformed> {
        while let Some(field) = self.walker.next(&mut message)? {
            match (field.number, field.bytes()) {
                (1, None) => self.sink.fact_number("format_version", field.varint().unwrap_or(0)),
                (2, Some(span)) => self.meta_graph(Message::over(span))?,
                _ => self.known(&field, 2, "the saved model"),
            }
        }
        Ok(())
    }

    fn meta_graph(&mut self, mut message: Message) -> Result<(), Malformed> {
        while let Some(field) = self.walker.next(&mut message)? {
            let Some(span) = field.bytes() else { continue };
            match field.number {
                1 => self.meta_info(Message::over(span))?,
                2 => self.graph(Message::over(span))?,
                3 => {}
                4 => self.collection(Message::over(span))?,
                5 => self.entry_point(Message::over(span))?,
                6 => self.asset(Message::over(span))?,
                7 => self.object_graph(Message::over(span))?,
                _ => self.known(&field, 7, "the meta graph"),
            }
        }
        Ok(())
    }

    fn meta_info(&mut self, mut message: Message) -> Result<(), Malformed> {
        let mut tags = Vec::new();
        while let Some(field) = self.walker.next(&mut message)? {
            match (field.number, field.bytes()) {
                (4, Some(span)) if tags.len() < 64 => {
                    let tag = self.name(span);
                    tags.push(tag);
                }
                (5, Some(span)) => {
                    let version = self.name(span);
                    self.sink.fact_text("tensorflow_version", &version);
                    self.sink.fact_text("producer", &format!("tensorflow {version}"));
                }
                _ => {}
            }
        }
        if !tags.is_empty() {
            self.sink.fact_list("tags", &tags);
        }
        Ok(())
    }

    /// A map entry whose value may hold bytes: serialised contexts, queue runners, and whatever was put there. Lists of bytes may
    /// hold graphs, too. Lists of nodes under some names are run when the model is loaded.
    fn collection(&mut self, mut message: Message) -> Result<(), Malformed> {
        let mut key = String::new();
        while let Some(field) = self.walker.next(&mut message)? {
            let span = match (field.number, field.bytes()) {
                (1, Some(span)) => {
                    key = self.name(span);
                    continue;
                }
                (2, Some(span)) => span,
                _ => continue,
            };
            let mut value = Message::over(span);
            while let Some(list) = self.walker.next(&mut value)? {
                let (kind @ (1 | 2), Some(span)) = (list.number, list.bytes()) else { continue };
                let mut items = Message::over(span);
                while let Some(item) = self.walker.next(&mut items)? {
                    match (kind, item.number, item.bytes()) {
                        (2, 1, Some(bytes)) => self.maybe_graph(bytes),
                        (1, 1, Some(name)) if STARTERS.contains(&key.as_str()) => {
                            let name = self.name(name);
                            let node = name.split(':').next().unwrap_or_default();
                            self.edges.root(Place::node(node), &format!("collection {key}"));
                        }
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// `AssetFileDef`: the file name is joined to the model's `assets` folder.
    fn asset(&mut self, mut message: Message) -> Result<(), Malformed> {
        while let Some(field) = self.walker.next(&mut message)? {
            let (2, Some(span)) = (field.number, field.bytes()) else { continue };
            let path = self.walker.read(span, 8192);
            let class = classify(&path);
            if class.escapes() {
                let message = format!("the asset {} {}", quote(&path), class.reason());
                let at = span.within(self.size);
                let shown = clip(&escape(&String::from_utf8_lossy(&path)), 512);
                self.sink.finding(Finding::new(&S405, message).at(at.offset, at.length).detail("path", shown));
            }
        }
        Ok(())
    }

    /// A graph: nodes and a library of functions.
    pub fn graph(&mut self, mut message: Message) -> Result<(), Malformed> {
        let mut scope = Scope::new(String::new());
        let mut result = Ok(());
        loop {
            let field = match self.walker.next(&mut message) {
                Ok(Some(field)) => field,
                Ok(None) => break,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            };
            let step = match (field.number, field.bytes()) {
                (1, Some(span)) => self.add_node(Message::over(span), &mut scope),
                (2, Some(span)) => self.library(Message::over(span)),
                (3..=5, _) => Ok(()),
                _ => {
                    self.known(&field, 5, "the graph");
                    Ok(())
                }
            };
            if let Err(error) = step {
                result = Err(error);
                break;
            }
        }
        // What was seen before the break is judged all the same.
        self.judge(scope);
        result
    }

    fn library(&mut self, mut message: Message) -> Result<(), Malformed> {
        while let Some(field) = self.walker.next(&mut message)? {
            if let (1, Some(span)) = (field.number, field.bytes()) {
                self.function(Message::over(span))?;
            }
        }
        Ok(())
    }

    /// `FunctionDef`: signature 1 (name 1), node_def 3.
    fn function(&mut self, mut message: Message) -> Result<(), Malformed> {
        self.functions += 1;
        let mut scope = Scope::new("function".to_owned());
        let mut result = Ok(());
        loop {
            let field = match self.walker.next(&mut message) {
                Ok(Some(field)) => field,
                Ok(None) => break,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            };
            let step = match (field.number, field.bytes()) {
                (1, Some(span)) => self.function_name(Message::over(span), &mut scope),
                (3, Some(span)) => self.add_node(Message::over(span), &mut scope),
                _ => {
                    self.known(&field, 8, "a function");
                    Ok(())
                }
            };
            if let Err(error) = step {
                result = Err(error);
                break;
            }
        }
        self.judge(scope);
        result
    }

    fn function_name(&mut self, mut signature: Message, scope: &mut Scope) -> Result<(), Malformed> {
        while let Some(field) = self.walker.next(&mut signature)? {
            if let (1, Some(span)) = (field.number, field.bytes()) {
                scope.function = self.name(span);
                if self.edges.functions.len() < MAX_FUNCTIONS {
                    self.edges.functions.insert(scope.function.clone());
                }
            }
        }
        Ok(())
    }

    fn add_node(&mut self, message: Message, scope: &mut Scope) -> Result<(), Malformed> {
        let node: Node = self.node(message)?;
        self.nodes += 1;
        if self.operators.len() < MAX_OPERATORS && !self.operators.contains_key(&node.op) {
            self.operators.insert(node.op.clone(), node.at);
        }
        if self.depth == 0 {
            self.edges.node(&scope.function, &node);
        }
        let policy = policy::find(&node.op);
        if policy.is_none() && !policy::suspicious(&node.op) {
            scope.add(node);
        } else if scope.suspects.len() < MAX_SUSPECTS {
            scope.suspects.push(Suspect { policy, node });
        } else {
            scope.full = true;
        }
        Ok(())
    }

    /// Puts a graph that stands in a string on the list.
    pub fn nested(&mut self, span: Span) {
        if self.depth >= MAX_DEPTH || self.work.len() >= MAX_WORK {
            self.sink.incomplete(&format!(
                "graphs stand in strings of graphs: the one at offset {} was not read",
                span.offset
            ));
        } else {
            self.work.push((Message::over(span), self.depth + 1));
        }
    }

    fn fingerprint(&mut self, mut message: Message) -> Result<(), Malformed> {
        while self.walker.next(&mut message)?.is_some() {}
        Ok(())
    }

    /// Names the operators that TensorFlow does not register; those with a telling name have a rule of their own.
    fn report_custom(&mut self) {
        let functions = &self.edges.functions;
        let own = |op: &str| registry::is_registered(op) || functions.contains(op) || policy::find(op).is_some();
        let custom: Vec<(&String, &Span)> =
            self.operators.iter().filter(|(op, _)| !op.is_empty() && !own(op) && !policy::suspicious(op)).collect();
        let Some((first, at)) = custom.first() else { return };
        let more = if custom.len() > 1 { format!(" and {} more", custom.len() - 1) } else { String::new() };
        let message = format!("operator {}{more} is not part of TensorFlow and needs a native library", quote(first));
        let names: Vec<&str> = custom.iter().take(MAX_CUSTOM).map(|(op, _)| op.as_str()).collect();
        let finding = Finding::new(&S1122, message).at(at.offset, at.length).element((*first).clone());
        self.sink.finding(finding.detail("operators", names.join(", ")));
    }

    fn report(&mut self) {
        self.report_custom();
        self.report_verdicts();
        self.hidden.report(&S911, None, "field", self.sink);
        if matches!(self.kind, Kind::KerasMetadata | Kind::Fingerprint) {
            return;
        }
        let names: Vec<&String> = self.operators.keys().take(256).collect();
        self.sink.fact_text("framework", "tensorflow");
        self.sink.fact_list("operators", &names);
        self.sink.fact_number("operator_count", self.nodes);
        self.sink.fact_number("function_count", self.functions);
        self.sink.fact_number("tensor_count", self.tensors);
        let dtypes: Vec<&String> = self.dtypes.iter().collect();
        self.sink.fact_list("dtypes", &dtypes);
        self.sink.fact_number("parameters", self.parameters);
        if !self.signatures.is_empty() {
            self.sink.fact_list("signatures", &self.signatures);
        }
    }
}
