//! What Keras keeps beside a graph: the configuration of every layer, as JSON.
//!
//! `keras.models.load_model` on a SavedModel builds the layers anew from `keras_metadata.pb` (TensorFlow 2.5 on) or from the objects of
//! the graph itself (before), and a Lambda layer's configuration holds base64 of marshalled bytecode, which it runs
//! (CVE-2024-3660).

use std::hash::{DefaultHasher, Hash, Hasher};

use modelaudit_json::{Event, Parser};
use modelaudit_plugin::{Finding, Severity, Span, clip, escape, quote};
use modelaudit_protobuf::{Malformed, Message};
use modelaudit_rules::frameworks::S1103;

use crate::reach::Place;
use crate::scan::Scan;

/// The longest configuration that is read; a large model's takes some megabytes.
const LONGEST: u64 = 64 << 20;

/// What is known of the object whose keys are being read.
#[derive(Default)]
struct Seen {
    lambda: Option<Span>,
    bytecode: Option<Span>,
    /// What the bytecode is told by.
    hash: u64,
    name: String,
}

impl Scan<'_, '_> {
    /// `SavedMetadata`: nodes 1, each with node_path 3, identifier 4 and metadata 5.
    pub fn keras_metadata(&mut self, mut message: Message) -> Result<(), Malformed> {
        let mut layers = 0u64;
        while let Some(field) = self.walker.next(&mut message)? {
            let (1, Some(span)) = (field.number, field.bytes()) else {
                self.known(&field, 1, "the Keras metadata");
                continue;
            };
            layers += 1;
            let mut object = Message::over(span);
            let mut path = String::new();
            while let Some(part) = self.walker.next(&mut object)? {
                match (part.number, part.bytes()) {
                    (3, Some(span)) => path = self.name(span),
                    (5, Some(span)) => self.configuration(span, &path),
                    _ => {}
                }
            }
        }
        self.sink.fact_number("keras_objects", layers);
        Ok(())
    }

    /// `SavedObjectGraph`: nodes 1 with user_object 4, which has identifier 1 and metadata 3, or function 6.
    pub fn object_graph(&mut self, mut message: Message) -> Result<(), Malformed> {
        while let Some(field) = self.walker.next(&mut message)? {
            let (1, Some(span)) = (field.number, field.bytes()) else { continue };
            let mut node = Message::over(span);
            while let Some(part) = self.walker.next(&mut node)? {
                let (4 | 6, Some(span)) = (part.number, part.bytes()) else { continue };
                let mut object = Message::over(span);
                // A function has the names of graph functions, which Python can call.
                while let Some(inner) = self.walker.next(&mut object)? {
                    match (part.number, inner.number, inner.bytes()) {
                        (4, 3, Some(span)) => self.configuration(span, ""),
                        (6, 1, Some(span)) => {
                            let name = self.name(span);
                            self.edges.root(Place::function(&name), "a function of the saved objects");
                        }
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads one configuration for Lambda layers.
    fn configuration(&mut self, span: Span, path: &str) {
        if span.length == 0 || span.end() > self.size {
            return;
        }
        if span.length > LONGEST {
            self.sink.incomplete(&format!(
                "a Keras configuration of {} bytes at offset {} was not read",
                span.length, span.offset
            ));
            return;
        }
        let mut parser = Parser::new(self.artifact, span);
        let mut open: Vec<Seen> = Vec::new();
        let mut found = Vec::new();
        let mut key = String::new();
        loop {
            match parser.event() {
                Ok(Some(Event::BeginObject(_))) => {
                    open.push(Seen::default());
                    key.clear();
                }
                Ok(Some(Event::EndObject(_))) => {
                    let Some(seen) = open.pop() else { continue };
                    match (seen.lambda, open.last_mut()) {
                        (Some(_), _) => found.push(seen),
                        // The bytecode stands deeper than the class name: in config, in function.
                        (None, Some(parent)) => {
                            if parent.bytecode.is_none() {
                                (parent.bytecode, parent.hash) = (seen.bytecode, seen.hash);
                            }
                            if parent.name.is_empty() {
                                parent.name = seen.name;
                            }
                        }
                        (None, None) => {}
                    }
                }
                Ok(Some(Event::Key(text))) => key = clip(text.value, 64),
                Ok(Some(Event::String(text))) => {
                    let Some(seen) = open.last_mut() else { continue };
                    match key.as_str() {
                        "class_name" if text.value == "Lambda" => seen.lambda = Some(text.at),
                        "function_type" if text.value == "lambda" => seen.bytecode = seen.bytecode.or(Some(text.at)),
                        // Marshalled code begins with 0xe3, so its base64 with "4w".
                        _ if text.value.starts_with("4w") && text.value.len() > 40 => {
                            let mut hasher = DefaultHasher::new();
                            text.value.hash(&mut hasher);
                            (seen.bytecode, seen.hash) = (Some(text.at), hasher.finish());
                        }
                        "name" if seen.name.is_empty() => seen.name = clip(&escape(text.value), 256),
                        _ => {}
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    // Other objects keep other texts here; what begins like an object must be read to its end.
                    if !open.is_empty() {
                        self.sink.incomplete(&format!("a Keras configuration was not read to its end: {error}"));
                    }
                    break;
                }
            }
        }
        for seen in found {
            if seen.hash != 0 && !self.lambdas.insert(seen.hash) {
                continue;
            }
            let name = if seen.name.is_empty() { path } else { &seen.name };
            let (severity, what) = match seen.bytecode {
                Some(_) => (Severity::Critical, "holds Python bytecode, which loading with Keras runs"),
                None => (Severity::Warning, "names a function, which loading with Keras calls"),
            };
            let at = seen.bytecode.or(seen.lambda).unwrap_or(span);
            let message = format!("the Lambda layer {} {what}", quote(name));
            self.sink.finding(Finding::new(&S1103, message).severity(severity).at(at.offset, at.length).element(name));
        }
    }
}
