//! Scans OpenVINO models: the XML half of an IR.
//!
//! The XML names the layers, the `.bin` beside it holds the weights. A layer outside OpenVINO's operator sets runs only through a native
//! library that the user loads (`core.add_extension`), and the model's attributes may name one; that and what any XML can do to its
//! parser (XXE, entity bombs) is looked at, and whether the constants' ranges make sense. Names of layers are free text and stay silent.

mod policy;

use std::collections::BTreeSet;

use modelaudit_metadata_text::{judge, label};
use modelaudit_plugin::{Artifact, Finding, Format, Manifest, Plugin, Severity, Sink, Span, quote};
use modelaudit_rules::other_formats::S1150;
use modelaudit_rules::structure::{S902, S905};
use modelaudit_xml::{Element, Event, Text, Tokenizer, report_error, root};

use policy::{CODE_TYPES, KNOWN_EXTENSIONS, bits, is_library, is_standard};

/// Findings of one scan.
const MOST: usize = 100;
/// Kinds of layers and of elements that are remembered.
const MAX_KINDS: usize = 256;

/// Elements of `rt_info` and `meta_data` that become facts: OpenVINO's `save_model` writes the first, its Model Optimizer the others.
const FACTS: &[(&str, &str)] = &[
    ("Runtime_version", "producer"),
    ("MO_version", "producer"),
    ("framework", "source_framework"),
    ("license", "license"),
    ("author", "author"),
    ("model_type", "model_type"),
];

/// The plugin.
pub struct OpenVino;

impl Plugin for OpenVino {
    fn describe() -> Manifest {
        let mut rules = vec![S905, S1150];
        rules.extend(modelaudit_xml::rules());
        Manifest {
            name: "openvino",
            version: env!("CARGO_PKG_VERSION"),
            summary: "OpenVINO models: layers that need libraries, document types, ranges of constants",
            homepage: "https://github.com/modelaudit/modelaudit",
            // No extension: `.xml` is anybody's.
            formats: vec![Format::new("openvino", "OpenVINO IR").first_characters(b"<\0\xfe\xff")],
            anchors: vec![],
            rules,
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        if root(head).as_deref() != Some("net") {
            return Vec::new();
        }
        // Other documents have a root of that name: OpenVINO's says its version, and layers follow. NULs of UTF-16 are left out.
        let text: Vec<u8> = head.iter().copied().filter(|b| *b != 0).collect();
        let has = |word: &[u8]| text.windows(word.len()).any(|w| w == word);
        let ours = has(b"<layer") || has(b" version=") && has(b"<net");
        if ours { vec!["openvino".to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let mut tokenizer = Tokenizer::new(artifact);
        let mut scan = Scan {
            sink,
            layer: None,
            findings: 0,
            layers: 0,
            weights: 0,
            started: false,
            constants: 0,
            parameters: 0,
            operators: BTreeSet::new(),
            dtypes: BTreeSet::new(),
        };
        let error = loop {
            match tokenizer.event() {
                Ok(Some(Event::Start(element))) => scan.element(&element),
                Ok(Some(Event::End)) => {}
                Ok(Some(Event::Text(text))) => scan.text(&text),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let Scan { layers, weights, constants, parameters, operators, dtypes, .. } = scan;
        sink.fact_text("framework", "openvino");
        sink.fact_number("operator_count", layers);
        let operators: Vec<&String> = operators.iter().collect();
        sink.fact_list("operators", &operators);
        sink.fact_number("tensor_count", constants);
        sink.fact_number("parameters", parameters);
        let dtypes: Vec<&String> = dtypes.iter().collect();
        sink.fact_list("dtypes", &dtypes);
        // How long the file of weights beside the model must be.
        sink.fact_number("weights_end", weights);
        if error.is_none() && weights > 0 {
            missing_weights(artifact, sink);
        }
        modelaudit_xml::judge(&tokenizer, sink);
        if let Some(error) = error {
            report_error(artifact, &error, sink);
        }
        Ok(())
    }
}

modelaudit_plugin::export!(OpenVino);

/// The layer whose `data` comes next.
struct Layer {
    name: String,
    constant: bool,
}

struct Scan<'s> {
    sink: &'s mut dyn Sink,
    layer: Option<Layer>,
    findings: usize,
    layers: u64,
    /// Where the last constant ends in the weights.
    weights: u64,
    started: bool,
    constants: u64,
    /// Elements of all constants.
    parameters: u64,
    operators: BTreeSet<String>,
    dtypes: BTreeSet<String>,
}

/// Says that the weights are not beside the model. Somebody may have fetched it alone: a fact, no alarm.
fn missing_weights(artifact: &dyn Artifact, sink: &mut dyn Sink) {
    let (name, siblings) = (artifact.name(), artifact.siblings());
    let base = name.rsplit('/').next().unwrap_or_default();
    let Some(stem) = base.strip_suffix(".xml") else { return };
    let wanted = format!("{stem}.bin");
    let beside = siblings.iter().any(|s| s.rsplit('/').next() == Some(wanted.as_str()));
    if !beside && !siblings.is_empty() {
        let message = format!("the weights {} are not beside the model", quote(&wanted));
        sink.finding(Finding::new(&S902, message).severity(Severity::Info).detail("missing", quote(&wanted)));
    }
}

impl Scan<'_> {
    fn report(&mut self, finding: Finding) {
        self.findings += 1;
        if self.findings <= MOST {
            self.sink.finding(finding);
        }
    }

    fn element(&mut self, element: &Element) {
        if !self.started {
            self.started = true;
            self.sink.fact_text("format_version", &label(element.get("version").unwrap_or_default()));
            self.sink.fact_text("model_name", &label(element.get("name").unwrap_or_default()));
        }
        let at = element.at;
        match element.name.as_str() {
            "layer" => self.layer(element),
            "data" => self.data(element),
            // Up to IR version 7 the weights of a layer stand in elements of their own.
            "weights" | "biases" | "custom" => {
                self.range(element);
            }
            tool => {
                let fact = FACTS.iter().find(|(name, _)| *name == tool);
                if let (Some((_, fact)), Some(value)) = (fact, element.get("value")) {
                    self.sink.fact_text(fact, &label(value));
                }
            }
        }
        let found = element.attributes.iter().find_map(|a| judge(&a.value).map(|found| (a, found)));
        if let Some((attribute, found)) = found {
            let place = format!("the attribute {} of {}", quote(&attribute.name), quote(&element.name));
            self.report(
                modelaudit_metadata_text::finding(&place, &found)
                    .at(at.offset, at.length)
                    .element(label(&element.name)),
            );
        }
    }

    fn layer(&mut self, element: &Element) {
        self.layers += 1;
        let kind = element.get("type").unwrap_or_default();
        let name = element.get("name").unwrap_or_default();
        if self.operators.len() < MAX_KINDS {
            self.operators.insert(label(kind));
        }
        self.layer = Some(Layer { name: name.to_owned(), constant: kind == "Const" });
        let code = CODE_TYPES.contains(&kind.to_ascii_lowercase().as_str());
        // Files up to IR version 9 have no operator sets.
        let version = element.get("version").unwrap_or("opset1");
        if !code && is_standard(version) {
            return;
        }
        let severity = if KNOWN_EXTENSIONS.contains(&kind) { Severity::Info } else { Severity::Warning };
        let message = format!(
            "the layer {} of type {} needs a library: its operator set is {}",
            quote(name),
            quote(kind),
            quote(version)
        );
        let finding = Finding::new(&S1150, message).severity(severity).at(element.at.offset, element.at.length);
        self.report(finding.element(label(name)).detail("type", quote(kind)).detail("operator_set", quote(version)));
    }

    fn data(&mut self, element: &Element) {
        let Span { offset: at, length } = element.at;
        let (name, constant) = self.layer.as_ref().map_or((String::new(), false), |l| (l.name.clone(), l.constant));
        if let Some(library) = element.attributes.iter().find(|a| is_library(&a.value)) {
            let message = format!(
                "the attribute {} of the layer {} names a library: {}",
                quote(&library.name),
                quote(&name),
                quote(&library.value)
            );
            let finding = Finding::new(&S1150, message).at(at, length).element(label(&name));
            let path = modelaudit_paths::classify(library.value.as_bytes());
            self.report(
                finding
                    .detail("library", quote(&library.value))
                    .detail("leaves_the_folder", path.escapes().to_string()),
            );
        }
        if !constant {
            return;
        }
        self.constants += 1;
        let Some(bytes) = self.range(element) else { return };
        let shape = element.get("shape").unwrap_or_default();
        let values = shape
            .split(',')
            .map(str::trim)
            .filter(|d| !d.is_empty())
            .try_fold(1u64, |product, d| product.checked_mul(d.parse().ok()?));
        self.parameters = self.parameters.saturating_add(values.unwrap_or(0));
        if let Some(kind) = element.get("element_type").filter(|_| self.dtypes.len() < MAX_KINDS) {
            self.dtypes.insert(label(kind));
        }
        if let (Some(values), Some(bits)) = (values, element.get("element_type").and_then(bits)) {
            let wanted = values.checked_mul(bits).map(|b| b.div_ceil(8));
            if wanted.is_none_or(|wanted| wanted > bytes) {
                let message =
                    format!("the constant {} has {bytes} bytes, its shape [{}] takes more", quote(&name), quote(shape));
                self.report(Finding::new(&S902, message).at(at, length).element(label(&name)));
            }
        }
    }

    /// The range of the weights that an element names: its length, if it makes sense.
    fn range(&mut self, element: &Element) -> Option<u64> {
        let Span { offset: at, length } = element.at;
        let name = self.layer.as_ref().map_or(String::new(), |l| l.name.clone());
        let (offset, size) = (element.get("offset")?, element.get("size")?);
        let (Ok(start), Ok(bytes)) = (offset.parse::<u64>(), size.parse::<u64>()) else {
            let message =
                format!("the constant {} stands at {} with {} bytes", quote(&name), quote(offset), quote(size));
            self.report(Finding::new(&S902, message).at(at, length).element(label(&name)));
            return None;
        };
        let Some(end) = start.checked_add(bytes).filter(|end| i64::try_from(*end).is_ok()) else {
            let message = format!("the constant {} ends beyond any file: {bytes} bytes at {start}", quote(&name));
            self.report(Finding::new(&S902, message).at(at, length).element(label(&name)));
            return None;
        };
        self.weights = self.weights.max(end);
        Some(bytes)
    }

    fn text(&mut self, text: &Text) {
        if let Some(found) = judge(&text.text) {
            self.report(
                modelaudit_metadata_text::finding("a text of the document", &found).at(text.at.offset, text.at.length),
            );
        }
    }
}
