//! The walk over model, graphs, functions and nodes.
//!
//! Graphs stand in attributes of nodes in graphs (If, Loop, Scan), and functions call functions: what is found goes on a list, so
//! that no depth of nesting takes a stack.

use std::collections::{BTreeMap, BTreeSet};

use modelaudit_paths::classify as classify_path;
use modelaudit_plugin::{Artifact, Finding, Sink, Span, clip, escape, quote};
use modelaudit_protobuf::{Field, Malformed, Message, Walker, Wire};
use modelaudit_rules::files::S405;
use modelaudit_rules::frameworks::S1117;
use modelaudit_rules::structure::{S902, S910, S911};
use modelaudit_rules::tensors::Tally;

use crate::policy::{self, Class};
use crate::schema;
use crate::sizes::Sizes;

/// Graphs in graphs; real models have some five levels.
const MAX_DEPTH: u32 = 64;
/// Messages that wait.
const MAX_WORK: usize = 200_000;
/// Attributes of a node that are looked at; real ones have some thirty.
const MAX_ATTRIBUTES: usize = 4096;
/// Distinct operators that are remembered; ONNX has some 250.
const MAX_OPERATORS: usize = 4096;
/// Calls between functions that are remembered.
const MAX_CALLS: usize = 50_000;
/// A field that the schema does not know is a place to hide something from this size on.
const HIDDEN: u64 = 1024;

/// What waits to be walked.
#[derive(Clone, Copy)]
enum Work {
    Graph(Message, u32),
    Function(Message),
    Training(Message),
}

/// An operator that is used.
pub struct Operator {
    /// What it is.
    pub class: Class,
    /// How often it is used.
    pub count: u64,
    /// The first node with it.
    pub at: Span,
    /// That node's name.
    pub node: String,
    /// What its attributes say.
    pub evidence: Vec<(String, String)>,
}

/// An operator or function by domain and name.
pub type Name = (String, String);

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
    /// Tensors met.
    pub tensors: u64,
    /// Tensors handed to the host.
    pub named: u64,
    /// Elements of all tensors.
    pub parameters: u64,
    /// Files of external data.
    pub locations: BTreeSet<Vec<u8>>,
    /// Tensors whose bytes do not fit.
    pub bad_tensors: Tally,
    /// Tensors whose reference does not fit.
    pub bad_external: Tally,
    /// Tensors that stand twice in a graph.
    pub repeated: Tally,
    /// Element types.
    pub dtypes: BTreeSet<String>,
    /// Operators that are used.
    pub operators: BTreeMap<Name, Operator>,
    /// Functions that the model defines.
    pub functions: BTreeSet<Name>,
    /// Who calls whom among them and the operators.
    pub calls: Vec<(Name, Name)>,
    /// Nodes met.
    pub nodes: u64,
    /// Graphs met.
    pub graphs: u64,
    /// Fields that ONNX does not know.
    pub hidden: Tally,
    /// Bytes of those that are too short to be told one by one, and the first of them.
    pub scraps: (u64, Option<Span>),
    /// Texts that were reported.
    pub texts: u64,
    work: Vec<Work>,
    /// Operators of the function that is being walked.
    callees: Option<BTreeSet<Name>>,
    malformed: bool,
}

impl<'a, 's> Scan<'a, 's> {
    /// A scan of an artifact.
    pub fn new(artifact: &'a dyn Artifact, sink: &'s mut dyn Sink) -> Self {
        Self {
            artifact,
            walker: Walker::new(artifact),
            sink,
            size: artifact.size(),
            tensors: 0,
            named: 0,
            parameters: 0,
            locations: BTreeSet::new(),
            bad_tensors: Tally::default(),
            bad_external: Tally::default(),
            repeated: Tally::default(),
            dtypes: BTreeSet::new(),
            operators: BTreeMap::new(),
            functions: BTreeSet::new(),
            calls: Vec::new(),
            nodes: 0,
            graphs: 0,
            hidden: Tally::default(),
            scraps: (0, None),
            texts: 0,
            work: Vec::new(),
            callees: None,
            malformed: false,
        }
    }

    /// Walks a whole model. The error is why it is none.
    pub fn model(&mut self) -> Result<(), String> {
        let mut root = self.walker.root();
        let mut graphs = 0u32;
        let mut opsets = Vec::new();
        loop {
            match self.walker.next(&mut root) {
                Ok(Some(field)) => self.model_field(&field, &mut graphs, &mut opsets),
                Ok(None) => break,
                Err(error) if graphs == 0 => return Err(format!("no ONNX model: {error}")),
                Err(error) => {
                    let rest = Span::new(error.at, self.size.saturating_sub(error.at));
                    let message =
                        format!("{} bytes after the graph are no part of the model: {}", rest.length, error.what);
                    self.sink.finding(Finding::new(&S911, message).at(rest.offset, rest.length));
                    self.sink.embed("after the model", rest, "");
                    self.sink.incomplete(&format!("the model was not read to its end: {error}"));
                    break;
                }
            }
        }
        if graphs == 0 {
            return Err(if self.walker.is_cut() { self.cut() } else { "no ONNX model: there is no graph".to_owned() });
        }
        while let Some(work) = self.work.pop() {
            let result = match work {
                Work::Graph(message, depth) => self.graph(message, depth),
                Work::Function(message) => self.function(message),
                Work::Training(message) => self.training(message),
            };
            if let Err(error) = result {
                self.broken(&error);
                if error.budget {
                    break;
                }
            }
        }
        self.report(&opsets);
        if self.walker.is_cut() {
            let reason = self.cut();
            self.sink.incomplete(&reason);
        }
        Ok(())
    }

    /// One tensor that is a file of its own.
    pub fn single_tensor(&mut self) -> Result<(), String> {
        let root = self.walker.root();
        let result = self.tensor(root, "");
        self.report_tensors();
        result.map_err(|error| format!("no ONNX tensor: {error}"))?;
        if self.walker.is_cut() { Err(self.cut()) } else { Ok(()) }
    }

    /// Tensors in a sequence, and sequences in it.
    pub fn sequence(&mut self) -> Result<(), String> {
        let mut open = vec![self.walker.root()];
        let result = loop {
            let Some(message) = open.last_mut() else { break Ok(()) };
            let step = match self.walker.next(message) {
                Ok(Some(field)) => match (field.number, field.bytes()) {
                    (3, Some(span)) => self.tensor(Message::over(span), "").map(|_| ()),
                    (4, Some(span)) => self.sparse(Message::over(span)),
                    (5 | 7, Some(span)) if open.len() < MAX_DEPTH as usize => {
                        open.push(Message::over(span));
                        Ok(())
                    }
                    _ => Ok(()),
                },
                Ok(None) => {
                    open.pop();
                    Ok(())
                }
                Err(error) => Err(error),
            };
            if let Err(error) = step {
                break Err(format!("no ONNX sequence: {error}"));
            }
        };
        self.report_tensors();
        result?;
        if self.walker.is_cut() { Err(self.cut()) } else { Ok(()) }
    }

    fn cut(&self) -> String {
        format!("the file ends early, inside a message that goes beyond its {} bytes", self.size)
    }

    /// Reports the first malformed message; the walk goes on behind it.
    fn broken(&mut self, error: &Malformed) {
        if !std::mem::replace(&mut self.malformed, true) {
            if !error.budget {
                self.sink.finding(
                    Finding::new(&S902, format!("the graph is malformed: {}", error.what))
                        .at(error.at.min(self.size), 0),
                );
            }
            self.sink.incomplete(&format!("a part of the graph was not read: {error}"));
        }
    }

    fn model_field(&mut self, field: &Field, graphs: &mut u32, opsets: &mut Vec<String>) {
        let span = field.span();
        match field.number {
            1 => self.sink.fact_number("format_version", field.varint().unwrap_or(0)),
            2 => self.text_fact("producer", span),
            3 => self.text_fact("producer_version", span),
            4 => self.text_fact("domain", span),
            5 => self.sink.fact_number("model_version", field.varint().unwrap_or(0)),
            6 => self.documentation(span, "the documentation of the model"),
            7 => {
                *graphs += 1;
                if *graphs == 2 {
                    let message = "the model has two graphs: protobuf merges them, other readers take one";
                    self.sink.finding(Finding::new(&S910, message).at(field.at, 1));
                }
                self.push(Work::Graph(Message::over(span), 0));
            }
            8 => self.opset(Message::over(span), opsets),
            14 => self.property(span, true),
            20 => self.push(Work::Training(Message::over(span))),
            25 => self.push(Work::Function(Message::over(span))),
            _ => self.known(field, schema::MODEL, "the model"),
        }
    }

    fn opset(&mut self, mut message: Message, opsets: &mut Vec<String>) {
        let (mut domain, mut version) = (String::new(), 0);
        while let Ok(Some(field)) = self.walker.next(&mut message) {
            match field.number {
                1 => domain = self.name(field.span()),
                2 => version = field.varint().unwrap_or(0),
                _ => {}
            }
        }
        if opsets.len() < 64 {
            opsets.push(format!("{}:{version}", if domain.is_empty() { "ai.onnx" } else { &domain }));
        }
    }

    /// A text of the model as a fact.
    pub fn text_fact(&mut self, key: &str, span: Span) {
        let text = self.name(span);
        if !text.is_empty() {
            self.sink.fact_text(key, &text);
        }
    }

    /// A short text out of the model, fit for a message.
    pub fn name(&mut self, span: Span) -> String {
        clip(&escape(&self.walker.text(span, 512)), 256)
    }

    fn push(&mut self, work: Work) {
        if let Work::Graph(message, depth) = work
            && depth > MAX_DEPTH
        {
            let error = Malformed {
                at: message.position(),
                what: format!("graphs nest more than {MAX_DEPTH} deep"),
                budget: false,
            };
            self.broken(&error);
        } else if self.work.len() >= MAX_WORK {
            self.sink.incomplete(&format!("more than {MAX_WORK} graphs and functions"));
        } else {
            self.work.push(work);
        }
    }

    /// A field that was not used: one that the schema does not know and that is large enough hides something.
    pub fn known(&mut self, field: &Field, schema: &[(u32, Wire)], place: &str) {
        let span = field.span();
        if span.end() > self.size || schema.iter().any(|(number, _)| *number == field.number) {
            return;
        }
        if span.length < HIDDEN {
            self.scraps.0 += span.length;
            self.scraps.1.get_or_insert(span);
        } else {
            self.hidden.add(&format!("{}", field.number), span, || {
                format!("of {place} holds {} bytes and is not part of ONNX", span.length)
            });
            self.sink.embed(&format!("unknown field at offset {}", field.at), span, "");
        }
    }

    fn training(&mut self, mut message: Message) -> Result<(), Malformed> {
        while let Some(field) = self.walker.next(&mut message)? {
            if let (1 | 2, Some(span)) = (field.number, field.bytes()) {
                self.push(Work::Graph(Message::over(span), 1));
            }
        }
        Ok(())
    }

    fn graph(&mut self, mut message: Message, depth: u32) -> Result<(), Malformed> {
        self.graphs += 1;
        let main = self.graphs == 1;
        let mut sizes = Sizes::default();
        while let Some(field) = self.walker.next(&mut message)? {
            let Some(span) = field.bytes() else { continue };
            match field.number {
                1 => self.node(Message::over(span), depth, &mut sizes)?,
                2 if main => self.text_fact("model_name", span),
                5 => {
                    let name = self.tensor(Message::over(span), "")?;
                    let repeated = sizes.initializer(&mut self.walker, &name, span)?;
                    if repeated {
                        let at = Span::new(span.offset, 0).within(self.size);
                        self.repeated.add(&name, at, || {
                            "stands twice in a graph: one reader takes the first, another the last".to_owned()
                        });
                    }
                }
                10 if main => self.documentation(span, "the documentation of the graph"),
                15 => self.sparse(Message::over(span))?,
                16 => self.property(span, false),
                _ => self.known(&field, schema::GRAPH, "a graph"),
            }
        }
        sizes.report(self.size, self.sink);
        Ok(())
    }

    fn sparse(&mut self, mut message: Message) -> Result<(), Malformed> {
        while let Some(field) = self.walker.next(&mut message)? {
            if let (1 | 2, Some(span)) = (field.number, field.bytes()) {
                self.tensor(Message::over(span), "")?;
            }
        }
        Ok(())
    }

    fn function(&mut self, mut message: Message) -> Result<(), Malformed> {
        let at = message.position();
        let (mut name, mut domain) = (String::new(), String::new());
        let mut sizes = Sizes::default();
        self.callees = Some(BTreeSet::new());
        let result = loop {
            let field = match self.walker.next(&mut message) {
                Ok(Some(field)) => field,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            let step = match field.number {
                1 => {
                    name = self.name(field.span());
                    Ok(())
                }
                10 => {
                    domain = self.name(field.span());
                    Ok(())
                }
                7 => self.node(Message::over(field.span()), 0, &mut sizes),
                11 => self.attribute(Message::over(field.span()), 0, &name, &mut Vec::new()),
                _ => {
                    self.known(&field, schema::FUNCTION, "a function");
                    Ok(())
                }
            };
            if step.is_err() {
                break step;
            }
        };
        let caller = (domain.clone(), name.clone());
        for callee in self.callees.take().unwrap_or_default() {
            if self.calls.len() < MAX_CALLS {
                self.calls.push((caller.clone(), callee));
            }
        }
        sizes.report(self.size, self.sink);
        result?;
        if policy::is_standard(&domain) {
            let message = format!(
                "the model defines a function {} in the standard domain {}",
                quote(&name),
                quote(if domain.is_empty() { "ai.onnx" } else { &domain })
            );
            self.sink.finding(Finding::new(&S1117, message).at(at.min(self.size), 0).element(name.clone()));
        }
        if self.functions.len() < MAX_OPERATORS {
            self.functions.insert((domain, name));
        }
        Ok(())
    }

    fn node(&mut self, mut message: Message, depth: u32, sizes: &mut Sizes) -> Result<(), Malformed> {
        let at = message.position();
        self.nodes += 1;
        let (mut name, mut op, mut domain) = (String::new(), String::new(), String::new());
        let (mut attributes, mut inputs, mut output) = (Vec::new(), Vec::new(), None);
        while let Some(field) = self.walker.next(&mut message)? {
            match field.number {
                1 if inputs.len() < 4 => inputs.extend(field.bytes()),
                2 => output = output.or(field.bytes()),
                3 => name = self.name(field.span()),
                4 => op = self.name(field.span()),
                5 if attributes.len() < MAX_ATTRIBUTES => attributes.extend(field.bytes()),
                7 => domain = self.name(field.span()),
                _ => self.known(&field, schema::NODE, "a node"),
            }
        }
        if attributes.len() >= MAX_ATTRIBUTES {
            self.sink.incomplete(&format!("a node has more than {MAX_ATTRIBUTES} attributes, at offset {at}"));
        }
        let mut values = Vec::new();
        for attribute in attributes {
            self.attribute(Message::over(attribute), depth, &name, &mut values)?;
        }
        if policy::is_standard(&domain) {
            let value = values.iter().find(|v| v.name == "value").and_then(|v| v.tensor);
            sizes.node(&mut self.walker, (&op, &name, at), &inputs, output, value)?;
        }
        let class = policy::classify(&domain, &op);
        if class == Class::Engine {
            self.engine(&name, &values);
        }
        let span = Span::new(at, message.position().saturating_sub(at)).within(self.size);
        let key = (domain, op);
        if let Some(callees) = self.callees.as_mut().filter(|c| c.len() < MAX_OPERATORS) {
            callees.insert(key.clone());
        }
        if let Some(operator) = self.operators.get_mut(&key) {
            operator.count += 1;
        } else if self.operators.len() < MAX_OPERATORS {
            let evidence = if class == Class::Standard { Vec::new() } else { self.evidence(&values) };
            self.operators.insert(key, Operator { class, count: 1, at: span, node: name, evidence });
        } else if class != Class::Standard {
            self.sink.incomplete(&format!("more than {MAX_OPERATORS} distinct operators"));
        }
        Ok(())
    }

    /// Walks an attribute: graphs go on the list, tensors are read, text is kept for who asks.
    fn attribute(
        &mut self,
        mut message: Message,
        depth: u32,
        owner: &str,
        values: &mut Vec<Attribute>,
    ) -> Result<(), Malformed> {
        let mut attribute = Attribute::default();
        while let Some(field) = self.walker.next(&mut message)? {
            match (field.number, field.bytes()) {
                (1, Some(span)) => attribute.name = self.name(span),
                (3, _) => attribute.number = field.varint(),
                (4, Some(span)) => attribute.text = Some(span),
                (9, Some(span)) => attribute.text = attribute.text.or(Some(span)),
                (5 | 10, Some(span)) => {
                    attribute.tensor = attribute.tensor.or(Some(span));
                    self.tensor(Message::over(span), owner)?;
                }
                (6 | 11, Some(span)) => self.push(Work::Graph(Message::over(span), depth + 1)),
                (22 | 23, Some(span)) => self.sparse(Message::over(span))?,
                _ => self.known(&field, schema::ATTRIBUTE, "an attribute"),
            }
        }
        if values.len() < 64 {
            values.push(attribute);
        }
        Ok(())
    }

    /// Texts and numbers of a node as evidence.
    fn evidence(&mut self, values: &[Attribute]) -> Vec<(String, String)> {
        let mut evidence = Vec::new();
        for value in values.iter().take(8) {
            let shown = match (value.text, value.number) {
                (Some(span), _) => quote(self.walker.read(span, 512)),
                (None, Some(number)) => (number as i64).to_string(),
                (None, None) => continue,
            };
            evidence.push((value.name.clone(), shown));
        }
        evidence
    }

    /// A node with a compiled engine: inside the model, or in a file that it names.
    fn engine(&mut self, node: &str, values: &[Attribute]) {
        let embedded = values.iter().find(|v| v.name == "embed_mode").and_then(|v| v.number) != Some(0);
        let Some(context) = values.iter().find(|v| v.name == "ep_cache_context").and_then(|v| v.text) else { return };
        if embedded {
            if context.end() <= self.size && context.length > 0 {
                self.sink.embed(&format!("engine of node at offset {}", context.offset), context, "");
            }
            return;
        }
        let path = self.walker.read(context, 8192);
        let class = classify_path(&path);
        if class.escapes() {
            let message =
                format!("the engine of node {} is read from {}, which {}", quote(node), quote(&path), class.reason());
            let at = context.within(self.size);
            self.sink.finding(Finding::new(&S405, message).at(at.offset, at.length).element(clip(node, 120)));
        }
    }
}

/// What is kept of an attribute.
#[derive(Default)]
struct Attribute {
    name: String,
    text: Option<Span>,
    number: Option<u64>,
    tensor: Option<Span>,
}
