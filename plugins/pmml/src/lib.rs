//! Scans PMML models.
//!
//! PMML is XML that Java engines score (JPMML, KNIME, SAS). The format runs no code, its readers may: document types are followed by
//! parsers that were not told otherwise, `Extension` elements hold whatever a vendor wants, and JPMML takes a function name with full
//! stops for the name of a Java class and loads it. So the document type is judged, texts of extensions and headers are looked at for
//! commands and code, and elements and function names that ask for code are named. Trees of a million nodes go by in constant memory.

mod policy;

use modelaudit_metadata_text::{judge, label};
use modelaudit_plugin::{Artifact, Finding, Format, Manifest, Plugin, Severity, Sink, quote};
use modelaudit_rules::other_formats::S1166;
use modelaudit_rules::structure::S905;
use modelaudit_xml::{Element, Event, Text, Tokenizer, report_error, root};

use policy::{CODE_ELEMENTS, FREE_TEXT, MODELS, java_class};

/// Findings of one kind.
const MOST: usize = 100;

/// The plugin.
pub struct Pmml;

impl Plugin for Pmml {
    fn describe() -> Manifest {
        let mut rules = vec![S905, S1166];
        rules.extend(modelaudit_xml::rules());
        Manifest {
            name: "pmml",
            version: env!("CARGO_PKG_VERSION"),
            summary: "PMML models: document types, extensions, functions from elsewhere",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![Format::new("pmml", "PMML").extensions(&["pmml"]).first_characters(b"<\0\xfe\xff")],
            anchors: vec![],
            rules,
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        let ours = root(head).is_some_and(|name| name.rsplit(':').next() == Some("PMML"));
        if ours { vec!["pmml".to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let mut tokenizer = Tokenizer::new(artifact);
        let mut scan =
            Scan { sink, free_text: None, findings: 0, elements: 0, features: 0, has_model: false, wrong_root: None };
        let error = loop {
            match tokenizer.event() {
                Ok(Some(Event::Start(element))) => scan.element(&element, tokenizer.depth()),
                Ok(Some(Event::End)) => {
                    if scan.free_text.is_some_and(|depth| tokenizer.depth() < depth) {
                        scan.free_text = None;
                    }
                }
                Ok(Some(Event::Text(text))) => scan.text(&text),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let (elements, features, wrong_root) = (scan.elements, scan.features, scan.wrong_root.take());
        sink.fact_number("elements", elements);
        sink.fact_number("feature_count", features);
        modelaudit_xml::judge(&tokenizer, sink);
        if let Some(error) = error {
            report_error(artifact, &error, sink);
        }
        match wrong_root {
            Some(name) => Err(format!("no PMML: the root element is {}", quote(name))),
            None => Ok(()),
        }
    }
}

modelaudit_plugin::export!(Pmml);

struct Scan<'s> {
    sink: &'s mut dyn Sink,
    /// Depth of the open element whose texts nobody defined.
    free_text: Option<usize>,
    findings: usize,
    elements: u64,
    features: u64,
    has_model: bool,
    wrong_root: Option<String>,
}

impl Scan<'_> {
    fn report(&mut self, finding: Finding) {
        self.findings += 1;
        if self.findings <= MOST {
            self.sink.finding(finding);
        }
    }

    fn element(&mut self, element: &Element, depth: usize) {
        self.elements += 1;
        let local = element.local();
        if self.elements == 1 {
            if local != "PMML" {
                self.wrong_root = Some(local.to_owned());
            }
            self.sink.fact_text("framework", "pmml");
            self.sink.fact_text("format_version", &label(element.get("version").unwrap_or_default()));
        }
        if local == "Application" {
            let parts = [element.get("name"), element.get("version")];
            let producer: Vec<&str> = parts.into_iter().flatten().collect();
            self.sink.fact_text("producer", &label(&producer.join(" ")));
        }
        // The model stands right below the root; a mining model holds others.
        if depth == 2 && MODELS.contains(&local) && !self.has_model {
            self.has_model = true;
            self.sink.fact_text("architecture", local);
        }
        self.features += u64::from(local == "DataField");
        let free = self.free_text.is_some() || FREE_TEXT.contains(&local);
        if free && self.free_text.is_none() && !element.empty {
            self.free_text = Some(depth);
        }
        let found = element.attributes.iter().find_map(|attribute| {
            // Elsewhere, values are categories of the training data: only what has the shape of a call or lookup is looked at.
            let shaped = attribute.value.contains('(') || attribute.value.contains("${");
            if free || shaped { judge(&attribute.value).map(|found| (attribute, found)) } else { None }
        });
        if let Some((attribute, found)) = found {
            let place = format!("the attribute {} of {}", quote(&attribute.name), quote(&element.name));
            let finding = modelaudit_metadata_text::finding(&place, &found).at(element.at.offset, element.at.length);
            self.report(finding.element(label(&element.name)));
        } else if CODE_ELEMENTS.contains(&local.to_ascii_lowercase().as_str()) {
            let finding = Finding::new(&S1166, format!("the element {} asks for code", quote(&element.name)));
            self.report(finding.at(element.at.offset, element.at.length).element(label(&element.name)));
        } else if let Some(function) = element.get("function")
            && let Some(dangerous) = java_class(function)
        {
            let severity = if dangerous { Severity::Warning } else { Severity::Info };
            let message =
                format!("the function {} is the name of a Java class, which the engine loads", quote(function));
            let finding = Finding::new(&S1166, message).severity(severity).at(element.at.offset, element.at.length);
            self.report(finding.element(label(&element.name)).detail("class", quote(function)));
        }
    }

    fn text(&mut self, text: &Text) {
        let shaped = text.text.contains("${") || text.text.contains("Runtime");
        if (self.free_text.is_some() || shaped)
            && let Some(found) = judge(&text.text)
        {
            self.report(
                modelaudit_metadata_text::finding("a text of the document", &found).at(text.at.offset, text.at.length),
            );
        }
    }
}
