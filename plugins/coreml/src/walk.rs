//! The walk over a model, message by message, with the open ones in a list.

use std::collections::BTreeSet;

use modelaudit_metadata_text::{judge, label};
use modelaudit_paths::classify;
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, quote};
use modelaudit_protobuf::{Malformed, Message, Walker};
use modelaudit_rules::files::S405;
use modelaudit_rules::other_formats::S1108;
use modelaudit_rules::structure::{S902, S911};
use modelaudit_rules::tensors::Tally;

use crate::layers;
use crate::schema::{Kind, MODEL, child};

/// Open messages: a pipeline in a pipeline takes three, a nested block two.
const DEEPEST: usize = 200;
/// Bytes of a name and of a text; parameters of a custom layer; findings.
const NAME: u32 = 512;
const TEXT: u32 = 64 << 10;
const PARAMETERS: usize = 64;
const MOST: usize = 200;

/// A field that the schema does not know is a place to hide something from this size on.
const HIDDEN: u64 = 1024;
/// Weights that are named.
const MAX_TENSORS: u64 = 100_000;
/// Kinds of operations that are remembered.
const MAX_OPERATORS: usize = 256;

/// What a model is, by its field (Model.proto).
const KINDS: &[(u32, &str)] = &[
    (200, "pipelineClassifier"),
    (201, "pipelineRegressor"),
    (202, "pipeline"),
    (300, "glmRegressor"),
    (301, "supportVectorRegressor"),
    (302, "treeEnsembleRegressor"),
    (303, "neuralNetworkRegressor"),
    (304, "bayesianProbitRegressor"),
    (400, "glmClassifier"),
    (401, "supportVectorClassifier"),
    (402, "treeEnsembleClassifier"),
    (403, "neuralNetworkClassifier"),
    (404, "kNearestNeighborsClassifier"),
    (500, "neuralNetwork"),
    (501, "itemSimilarityRecommender"),
    (502, "mlProgram"),
    (555, "customModel"),
    (556, "linkedModel"),
    (560, "classConfidenceThresholding"),
    (900, "identity"),
    (2000, "wordTagger"),
    (2001, "visionFeaturePrint"),
    (2002, "textClassifier"),
    (2003, "soundAnalysisPreprocessing"),
    (2004, "gazetteer"),
    (2005, "wordEmbedding"),
    (2006, "audioFeaturePrint"),
    (3000, "serializedModel"),
];

/// Keys of the user's metadata that become facts; coremltools writes the first two.
const FACTS: &[(&str, &str)] = &[
    ("com.github.apple.coremltools.version", "coremltools_version"),
    ("com.github.apple.coremltools.source", "source_framework"),
    ("license", "license"),
    ("author", "author"),
];

/// How a program names its own folder.
pub const MODEL_PATH: &str = "@model_path/";

struct Open {
    kind: Kind,
    message: Message,
    span: Span,
    /// The name of a layer, once it was met.
    name: String,
}

struct Walk<'s> {
    sink: &'s mut dyn Sink,
    size: u64,
    findings: usize,
    layers: u64,
    operations: u64,
    models: u64,
    /// Files that were reported, so that a thousand constants in one are one finding.
    files: Vec<String>,
    operators: BTreeSet<String>,
    hidden: Tally,
    tensors: u64,
    parameters: u64,
    dtypes: BTreeSet<String>,
}

/// Scans a model.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    if size == 0 {
        return Err("the file is empty".to_owned());
    }
    let mut walker = Walker::new(artifact);
    let mut walk = Walk {
        sink,
        size,
        findings: 0,
        layers: 0,
        operations: 0,
        models: 0,
        files: Vec::new(),
        operators: BTreeSet::new(),
        hidden: Tally::default(),
        tensors: 0,
        parameters: 0,
        dtypes: BTreeSet::new(),
    };
    let result = walk.run(&mut walker);
    let Walk { models, layers, operations, operators, hidden, tensors, parameters, dtypes, .. } = walk;
    hidden.report(&S911, None, "field", sink);
    sink.fact_text("framework", "coreml");
    sink.fact_number("models", models);
    sink.fact_number("operator_count", layers + operations);
    let operators: Vec<&String> = operators.iter().collect();
    sink.fact_list("operators", &operators);
    sink.fact_number("tensor_count", tensors);
    sink.fact_number("parameters", parameters);
    let dtypes: Vec<&String> = dtypes.iter().collect();
    sink.fact_list("dtypes", &dtypes);
    if let Err(error) = result {
        if !error.budget {
            sink.finding(Finding::new(&S902, format!("the model is malformed: {error}")).at(error.at.min(size), 0));
        }
        sink.incomplete(&format!("the model was not read to its end: {error}"));
    } else if walker.is_cut() {
        sink.incomplete(&format!("the model is cut off: a part goes on behind the {size} bytes of the file"));
    }
    Ok(())
}

impl Walk<'_> {
    fn run(&mut self, walker: &mut Walker<'_>) -> Result<(), Malformed> {
        let root = walker.root();
        self.models = 1;
        let mut open =
            vec![Open { kind: Kind::Model, message: root, span: Span::new(0, self.size), name: String::new() }];
        while let Some(top) = open.last_mut() {
            let Some(field) = walker.next(&mut top.message)? else {
                open.pop();
                continue;
            };
            let (kind, owner) = (top.kind, top.span);
            if kind == Kind::Model
                && field.number == 1
                && let Some(version) = field.varint()
                && self.models == 1
            {
                self.sink.fact_number("format_version", version);
            }
            let Some(span) = field.bytes() else { continue };
            if kind == Kind::Model {
                self.part(field.number, span);
            }
            if kind == Kind::Layer && field.number == 1 {
                top.name = walker.text(span, NAME);
            }
            let name = top.name.clone();
            let Some(next) = child(kind, field.number) else {
                if kind == Kind::Layer && field.number >= layers::FIRST_PARAMETERS {
                    self.weights(walker, span, &name);
                }
                self.leaf(walker, kind, field.number, span);
                continue;
            };
            match next {
                Kind::Custom => self.custom(walker, span, kind, &name)?,
                Kind::UserDefined => self.user_defined(walker, span)?,
                Kind::LinkedPath => {
                    let path = text_of(walker, span, 1)?;
                    self.reference("the linked model", &path, span);
                }
                Kind::Blob => {
                    let path = text_of(walker, span, 1)?;
                    let inside = path.strip_prefix(MODEL_PATH).unwrap_or(&path);
                    self.reference("the weights of a constant", inside, owner);
                }
                Kind::Serialized => {
                    let at = span.within(self.size);
                    self.sink.embed("serialized model", at, "");
                }
                next => {
                    self.models += u64::from(next == Kind::Model);
                    self.layers += u64::from(next == Kind::Layer);
                    self.operations += u64::from(next == Kind::Operation);
                    if open.len() >= DEEPEST {
                        let what = format!("messages nest more than {DEEPEST} deep");
                        return Err(Malformed { at: field.at, what, budget: false });
                    }
                    open.push(Open { kind: next, message: Message::over(span), span, name: String::new() });
                }
            }
        }
        Ok(())
    }

    /// Names the weights of a layer.
    fn weights(&mut self, walker: &mut Walker<'_>, parameters: Span, layer: &str) {
        for mut tensor in layers::weights(walker, parameters, layer, self.size) {
            self.tensors += 1;
            self.parameters = self.parameters.saturating_add(tensor.shape.iter().product());
            if self.dtypes.len() < 16 {
                self.dtypes.insert(tensor.dtype.clone());
            }
            if self.tensors <= MAX_TENSORS {
                tensor.name = label(&tensor.name);
                self.sink.tensor(tensor);
            }
        }
    }

    /// A field of a model: says which kind it is, or that nobody knows it.
    fn part(&mut self, number: u32, span: Span) {
        if let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == number && self.models == 1) {
            self.sink.fact_text("architecture", kind);
        }
        let known = MODEL.iter().any(|(known, _)| *known == number);
        if !known && span.length >= HIDDEN && span.end() <= self.size {
            let what = || format!("of the model holds {} bytes and is not part of CoreML", span.length);
            self.hidden.add(&number.to_string(), span, what);
            self.sink.embed(&format!("unknown field at offset {}", span.offset), span, "");
        }
    }

    fn report(&mut self, finding: Finding, at: Span) {
        self.findings += 1;
        if self.findings <= MOST {
            let at = at.within(self.size);
            self.sink.finding(finding.at(at.offset, at.length));
        }
    }

    /// A text or number that leads nowhere.
    fn leaf(&mut self, walker: &mut Walker<'_>, kind: Kind, field: u32, span: Span) {
        let (key, fact) = match (kind, field) {
            // Metadata: shortDescription, versionString, author, license.
            (Kind::Metadata, 1) => ("description", "description"),
            (Kind::Metadata, 2) => ("version", "model_version"),
            (Kind::Metadata, 3) => ("author", "author"),
            (Kind::Metadata, 4) => ("license", "license"),
            (Kind::Operation, 1) => {
                let name = walker.text(span, NAME);
                if self.operators.len() < MAX_OPERATORS {
                    self.operators.insert(label(&name));
                }
                if name.to_ascii_lowercase().contains("custom") {
                    let message = format!("the program calls the custom operation {}", quote(&name));
                    self.report(Finding::new(&S1108, message).element(label(&name)), span);
                }
                return;
            }
            _ => return,
        };
        let text = walker.text(span, TEXT);
        if let Some(found) = judge(&text) {
            self.report(
                modelaudit_metadata_text::finding(&format!("the {key} of the model"), &found).element(key),
                span,
            );
        } else if self.models == 1 {
            self.sink.fact_text(fact, &modelaudit_plugin::clip(&text, 1000));
        }
    }

    /// `CustomLayerParams` or `CustomModel`: className 10, parameters 30 (a map), description 40.
    fn custom(&mut self, walker: &mut Walker<'_>, span: Span, owner: Kind, layer: &str) -> Result<(), Malformed> {
        let (mut class, mut parameters) = (String::new(), Vec::new());
        let mut message = Message::over(span);
        while let Some(field) = walker.next(&mut message)? {
            let Some(inner) = field.bytes() else { continue };
            match field.number {
                10 => class = walker.text(inner, NAME),
                30 if parameters.len() < PARAMETERS => {
                    let key = text_of(walker, inner, 1)?;
                    // The value is a message; a text is its field 20.
                    let mut entry = Message::over(inner);
                    while let Some(field) = walker.next(&mut entry)? {
                        if let (2, Some(value)) = (field.number, field.bytes()) {
                            parameters.push((key.clone(), text_of(walker, value, 20)?));
                        }
                    }
                }
                _ => {}
            }
        }
        let what = if owner == Kind::Layer { format!("the layer {}", quote(layer)) } else { "the model".to_owned() };
        let mut message = format!("{what} asks the app for the class {}", quote(&class));
        let mut finding = Finding::new(&S1108, "").element(label(&class)).detail("class", quote(&class));
        if let Some((key, found)) = parameters.iter().find_map(|(key, value)| judge(value).map(|found| (key, found))) {
            message += &format!(", with {} in the parameter {}: {}", found.what, quote(key), quote(&found.text));
            finding = finding.detail("looks_like", found.what);
        }
        if let Some((key, value)) = parameters.iter().find(|(_, value)| classify(value.as_bytes()).escapes()) {
            finding = finding.detail("path", format!("{}={}", quote(key), quote(value)));
        }
        finding.message = message;
        self.report(finding, span);
        Ok(())
    }

    fn user_defined(&mut self, walker: &mut Walker<'_>, span: Span) -> Result<(), Malformed> {
        let key = text_of(walker, span, 1)?;
        let value = text_of(walker, span, 2)?;
        if let Some((_, fact)) = FACTS.iter().find(|(known, _)| *known == key && self.models == 1) {
            self.sink.fact_text(fact, &label(&value));
            if *fact == "coremltools_version" {
                self.sink.fact_text("producer", &format!("coremltools {}", label(&value)));
            }
        }
        if let Some(found) = judge(&value) {
            let finding = modelaudit_metadata_text::finding(&format!("the metadata {}", quote(&key)), &found);
            self.report(finding.element(label(&key)), span);
        }
        Ok(())
    }

    /// A file that the model refers to.
    fn reference(&mut self, what: &str, path: &str, at: Span) {
        let class = classify(path.as_bytes());
        if !class.escapes() || self.files.len() >= MOST || self.files.iter().any(|f| f == path) {
            return;
        }
        self.files.push(path.to_owned());
        let message = format!("{what} stands at {}, which {}", quote(path), class.reason());
        self.report(Finding::new(&S405, message).severity(Severity::Warning).detail("path", quote(path)), at);
    }
}

/// The last text with that number in a message.
fn text_of(walker: &mut Walker<'_>, span: Span, number: u32) -> Result<String, Malformed> {
    let mut text = String::new();
    let mut message = Message::over(span);
    while let Some(field) = walker.next(&mut message)? {
        if let (true, Some(inner)) = (field.number == number, field.bytes()) {
            text = walker.text(inner, TEXT);
        }
    }
    Ok(text)
}
