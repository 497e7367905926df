//! From the root group to every object, each once: attributes that are configurations, links that leave the file, datasets.

use std::collections::HashSet;

use modelaudit_json::{Document, TreeLimits};
use modelaudit_keras_config::{Container, MAX_CONFIG, Origin, facts, judge_text};
use modelaudit_pickle_machine::is_pickle;
use modelaudit_plugin::{Finding, Severity, Sink, Span, clip, escape};
use modelaudit_rules::keras::S1134;
use modelaudit_rules::structure::S902;

use crate::dataset;
use crate::file::{File, Trouble};
use crate::group;
use crate::header;
use crate::inventory::Totals;
use crate::message::{Attribute, Target, Type};
use crate::sweep;
use crate::text::{Text, texts};

/// Objects that are looked at.
const MAX_OBJECTS: usize = 300_000;
/// Reasons that are reported one by one.
const MAX_TROUBLES: usize = 20;
/// Bytes of the texts of one object's attributes that are held at once: attributes may all point to one large text.
const MAX_TEXT: u64 = 64 << 20;
/// Characters of a path.
const MAX_PATH: usize = 2000;

/// Attributes in which Keras keeps configurations.
const CONFIGURATIONS: &[&str] = &["model_config", "training_config", "config", "keras_metadata"];

/// Walks the file from the root group's header on.
pub(crate) fn walk(file: &File<'_>, root: u64, sink: &mut dyn Sink) {
    let mut walker = Walker {
        file,
        troubles: Vec::new(),
        version: None,
        judged: HashSet::new(),
        handed: HashSet::new(),
        objects: false,
        totals: Totals::default(),
    };
    let mut seen = HashSet::from([root]);
    let mut stack = vec![(root, String::from("/"))];
    let mut objects = 0usize;
    while let Some((address, path)) = stack.pop() {
        objects += 1;
        if objects > MAX_OBJECTS {
            sink.incomplete(&format!("more than {MAX_OBJECTS} objects: the rest was not looked at"));
            break;
        }
        for (child, name) in walker.object(address, &path, sink) {
            if seen.insert(child) {
                let joined = if path == "/" { format!("/{name}") } else { format!("{path}/{name}") };
                stack.push((child, clip(&joined, MAX_PATH)));
            }
        }
        if objects.is_multiple_of(1000) {
            sink.progress(file.at(address).unwrap_or(0));
        }
    }
    sink.fact_number("object_count", objects as u64);
    std::mem::take(&mut walker.totals).report(sink);
    if walker.objects {
        sweep::pickles(file, &mut walker.handed, sink);
    }
    walker.finish(sink);
}

struct Walker<'w, 'a> {
    file: &'w File<'a>,
    troubles: Vec<Trouble>,
    version: Option<String>,
    /// Places of configurations that were judged: several attributes may share one text.
    judged: HashSet<u64>,
    /// Places of pickles that were handed on.
    handed: HashSet<u64>,
    /// An array of Python objects was met.
    objects: bool,
    totals: Totals,
}

impl Walker<'_, '_> {
    /// Looks at an object and returns the addresses and names of those that it leads to.
    fn object(&mut self, address: u64, path: &str, sink: &mut dyn Sink) -> Vec<(u64, String)> {
        let (messages, trouble) = header::messages(self.file, address);
        self.troubles.extend(trouble);
        let attributes = group::attributes(self.file, &messages, &mut self.troubles);
        self.attributes(path, &attributes, sink);
        if dataset::is_dataset(&messages) {
            let texts = dataset::judge(self.file, path, &messages, &mut self.totals, &mut self.troubles, sink);
            for text in texts {
                self.configuration(path, &text, false, sink);
            }
            return Vec::new();
        }
        let mut children = Vec::new();
        for link in group::links(self.file, &messages, &mut self.troubles) {
            let name = escape(&String::from_utf8_lossy(link.name.get(..512).unwrap_or(&link.name)));
            match link.target {
                Target::Hard(address) => children.push((address, name)),
                Target::Soft => {}
                Target::External { file, object } => {
                    let element = if path == "/" { format!("/{name}") } else { format!("{path}/{name}") };
                    let at = Span::new(link.at, link.length).within(self.file.size());
                    let object = clip(&escape(&String::from_utf8_lossy(object.get(..200).unwrap_or(&object))), 200);
                    let how = format!("is a link to the object '{object}' of");
                    self.totals.other_file(&element, &how, &file, at, sink);
                }
                Target::UserDefined(kind) => {
                    sink.log(&format!("a link of user-defined type {kind} at offset {}", link.at))
                }
            }
        }
        children.reverse();
        children
    }

    fn attributes(&mut self, path: &str, attributes: &[Attribute], sink: &mut dyn Sink) {
        let mut values = Vec::new();
        let mut left = MAX_TEXT;
        for attribute in attributes {
            self.pickled(path, attribute, sink);
            let Attribute { kind, space, data, at, .. } = attribute;
            match texts(self.file, kind, space, data, *at, left.min(MAX_CONFIG as u64)) {
                Ok(Some(found)) => {
                    left = found.iter().fold(left, |left, text| left.saturating_sub(text.bytes.len() as u64));
                    values.push((String::from_utf8_lossy(&attribute.name).into_owned(), found));
                }
                Ok(None) => {}
                Err(trouble) => self.troubles.push(trouble),
            }
        }
        // The version decides which advisory a Lambda layer is, so it comes first.
        for (name, found) in &values {
            let first =
                || found.first().map(|t| clip(&escape(&String::from_utf8_lossy(&t.bytes)), 100)).unwrap_or_default();
            match name.as_str() {
                "keras_version" if self.version.is_none() => {
                    let version = first();
                    sink.fact_text("keras_version", &version);
                    sink.fact_text("framework", "keras");
                    sink.fact_text("producer", &format!("Keras {version}"));
                    self.version = Some(version);
                }
                "backend" if path == "/" => sink.fact_text("backend", &first()),
                // PyTables keeps Python objects as pickles in arrays of bytes.
                "PSEUDOATOM" if first() == "object" => {
                    self.objects = true;
                    let at = found.first().map_or(0, |t| t.at);
                    let message = "a PyTables array of Python objects, which reading it unpickles";
                    let finding = Finding::new(&S1134, message).severity(Severity::Info);
                    sink.finding(finding.at(at, 6).element(clip(path, 400)));
                }
                _ => {}
            }
        }
        for (name, found) in &values {
            let named = CONFIGURATIONS.contains(&name.to_ascii_lowercase().as_str());
            for text in found {
                let label = if path == "/" { name.clone() } else { format!("{path}@{name}") };
                self.configuration(&label, text, named, sink);
            }
        }
    }

    /// PyTables keeps what HDF5 has no type for as a pickle in a text attribute, and unpickles every text that looks like one when
    /// the attribute is read. What is in it is the pickle plugin's.
    fn pickled(&mut self, path: &str, attribute: &Attribute, sink: &mut dyn Sink) {
        if attribute.kind.kind != Type::Text {
            return;
        }
        let length = attribute.data.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
        let data = attribute.data.get(..length).unwrap_or_default();
        let size = length as u64;
        if length < 3 || !data.ends_with(b".") || !is_pickle(data, size) || !self.handed.insert(attribute.at) {
            return;
        }
        let name = escape(&String::from_utf8_lossy(attribute.name.get(..200).unwrap_or(&attribute.name)));
        let path = path.trim_start_matches('/');
        let name = if path.is_empty() { name } else { format!("{}@{name}", clip(path, 400)) };
        sink.embed(&format!("{name}.pkl"), Span::new(attribute.at, size).within(self.file.size()), "pickle");
    }

    /// Judges a text that is a Keras configuration, by its name or by its looks.
    fn configuration(&mut self, name: &str, text: &Text, named: bool, sink: &mut dyn Sink) {
        let start = text.bytes.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(0);
        let body = text.bytes.get(start..).unwrap_or_default();
        if !matches!(body.first(), Some(b'{' | b'[')) {
            return;
        }
        // A plain `config` or an unknown attribute counts only if it speaks of classes or functions.
        let certain = named && !name.ends_with("config") || name == "model_config" || name == "training_config";
        if !certain {
            let telling = [&b"class_name"[..], b"function_type", b"fn_module", b"registered_name", b"\\u00"];
            if !telling.iter().any(|word| body.windows(word.len()).any(|w| w == *word)) {
                return;
            }
            if !certain && !named && Document::from_slice(body, TreeLimits::default()).is_err_and(|e| !e.is_limit()) {
                return;
            }
        }
        let at = text.at.saturating_add(start as u64);
        if !self.judged.insert(at) {
            return;
        }
        let place = Span::new(at, body.len() as u64).within(self.file.size());
        let name = clip(&escape(name), 300);
        let version = self.version.as_deref();
        let origin = Origin { container: Container::Hdf5, version, name: &name, start: Some(at), place };
        if let Some(document) = judge_text(body, &origin, sink)
            && name == "model_config"
        {
            facts(&document.root, sink);
        }
    }

    /// Reports what could not be read, once for each place.
    fn finish(mut self, sink: &mut dyn Sink) {
        let mut said = HashSet::new();
        self.troubles.retain(|trouble| said.insert(trouble.to_string()));
        let more = self.troubles.len().saturating_sub(MAX_TROUBLES);
        for trouble in self.troubles.iter().take(MAX_TROUBLES) {
            report(trouble, self.file.size(), sink);
        }
        if more > 0 {
            sink.incomplete(&format!("{more} more structures could not be read"));
        }
    }
}

/// A structure that contradicts the format is a finding; whatever the reason, the file was not wholly understood.
pub(crate) fn report(trouble: &Trouble, size: u64, sink: &mut dyn Sink) {
    if let Trouble::Broken(offset, _) = trouble {
        let at = Span::new(*offset, 1).within(size);
        sink.finding(
            Finding::new(&S902, format!("{trouble}: native HDF5 readers may break on it")).at(at.offset, at.length),
        );
    }
    sink.incomplete(&trouble.to_string());
}
