//! The custom operators of a model: what they are called, what they run, and on which files.

use std::collections::BTreeMap;

use modelaudit_flatbuffer::{Defect, Table};
use modelaudit_plugin::{Finding, Rule, Severity, Span, clip, escape, quote};
use modelaudit_rules::frameworks::tensorflow_ops;
use modelaudit_rules::graphs::S1123;

use crate::flex;
use crate::model::Scan;
use crate::policy::classify;
use crate::schema::{self, operator};

/// Options of operators that are read, of all together: the description of an operation takes some hundred bytes, and a small file may
/// name the same options a million times.
const MOST_OPTIONS: u64 = 32 << 20;
/// Operations that hide behind one custom code and are remembered.
const MAX_HIDDEN: usize = 256;
/// Bytes of a path that are shown.
const PATH: u64 = 1024;
/// `TensorType.STRING`.
const STRING: u8 = 5;
/// What the delegate takes for its own.
const FLEX: &str = "Flex";

/// A custom operator.
pub struct Custom {
    name: String,
    at: Span,
    uses: u64,
    /// The first constant that it is used on, if it is a path or an address.
    target: Option<String>,
    /// Operations that its options name and its custom code does not, each with the first place and target.
    hidden: BTreeMap<String, (Span, Option<String>)>,
}

impl Custom {
    /// One of which no use is known yet.
    pub fn new(name: String, at: Span) -> Self {
        Self { name, at, uses: 0, target: None, hidden: BTreeMap::new() }
    }
}

impl Scan<'_, '_> {
    /// Notes a use of the custom operator with that index. Returns the end of options that stand behind the FlatBuffer, or 0.
    pub fn custom_operator(&mut self, table: &Table, index: usize) -> Result<u64, Defect> {
        let offset = self.file.u64(table, operator::LARGE_OPTIONS_OFFSET)?.unwrap_or(0);
        let size = self.file.u64(table, operator::LARGE_OPTIONS_SIZE)?.unwrap_or(0);
        let inline = self.file.string(table, operator::CUSTOM_OPTIONS)?;
        let options = if offset > 1 && size > 0 { Some(Span::new(offset, size)) } else { inline };
        let end = if offset > 1 { offset.saturating_add(size) } else { 0 };
        if end > self.size {
            let what = format!("the options of an operator end at {end}, the file has {} bytes", self.size);
            return Err(Defect { at: table.at, what });
        }
        let name = self.customs.get(index).map(|c| c.name.clone()).unwrap_or_default();
        let real = match (name.starts_with(FLEX), options) {
            (true, Some(span)) => self.operation(span),
            _ => None,
        };
        let called = name.strip_prefix(FLEX).unwrap_or(&name);
        let target = self.target(table, real.as_deref().unwrap_or(called))?;
        let Some(custom) = self.customs.get_mut(index) else { return Ok(end) };
        custom.uses += 1;
        match real {
            Some(real) if real != called && custom.hidden.len() < MAX_HIDDEN => {
                let at = options.unwrap_or(Span::new(table.at, 4));
                custom.hidden.entry(real).or_insert((at, target));
            }
            Some(real) if real != called => {}
            _ => custom.target = custom.target.take().or(target),
        }
        Ok(end)
    }

    /// The TensorFlow operation that options name.
    fn operation(&mut self, options: Span) -> Option<String> {
        if options.length > MOST_OPTIONS - self.options {
            if !std::mem::replace(&mut self.options_cut, true) {
                let message = format!("options of {} bytes at offset {} were not read", options.length, options.offset);
                self.sink.incomplete(&message);
            }
            return None;
        }
        self.options += options.length;
        let bytes = self.artifact.read_span(options, MOST_OPTIONS)?;
        let name = flex::operation(&bytes)?;
        Some(clip(&escape(&String::from_utf8_lossy(name)), 256))
    }

    /// The constant path or address that an operation is used on, if its input is a constant.
    fn target(&mut self, table: &Table, operation: &str) -> Result<Option<String>, Defect> {
        let Some(policy) = tensorflow_ops::find(operation) else { return Ok(None) };
        let Some(inputs) = self.file.vector(table, operator::INPUTS, 4)? else { return Ok(None) };
        let position = policy.input as u64;
        if position >= inputs.count {
            return Ok(None);
        }
        let tensor = self.file.i32_at(inputs.at + position * 4)?;
        let known = usize::try_from(tensor).ok().and_then(|index| self.tensors.get(index).copied());
        let Some((buffer, STRING)) = known else { return Ok(None) };
        let Some(Some(place)) = self.buffers.get(buffer as usize).copied() else { return Ok(None) };
        // A tensor of strings: their number, where each begins, where the last ends, and the strings.
        if place.length < 12 || self.file.u32_at(place.offset)? == 0 {
            return Ok(None);
        }
        let begin = u64::from(self.file.u32_at(place.offset + 4)?);
        let end = u64::from(self.file.u32_at(place.offset + 8)?);
        if begin >= end || end > place.length {
            return Ok(None);
        }
        let span = Span::new(place.offset + begin, (end - begin).min(PATH));
        Ok(Some(clip(&escape(&self.file.text(span, PATH as u32)), 512)))
    }

    /// Reports them and returns their names.
    pub fn report_customs(&mut self) -> Vec<String> {
        let mut customs: BTreeMap<String, Custom> = BTreeMap::new();
        for custom in std::mem::take(&mut self.customs) {
            if let Some(known) = customs.get_mut(&custom.name) {
                known.uses += custom.uses;
                known.target = known.target.take().or(custom.target);
                for (real, place) in custom.hidden {
                    known.hidden.entry(real).or_insert(place);
                }
            } else {
                customs.insert(custom.name.clone(), custom);
            }
        }
        let names = customs.keys().cloned().collect();
        for custom in customs.into_values() {
            for (real, (at, target)) in &custom.hidden {
                // What it runs decides; that it is called something else is a warning by itself.
                let (rule, severity, what): (&Rule, _, _) = match classify(&format!("{FLEX}{real}")) {
                    (rule, severity, what) if severity >= Severity::Warning => (rule, severity, what),
                    _ => (&S1123, Severity::Warning, "is another one"),
                };
                let on = target.as_deref().map(|t| format!(": {}", quote(t))).unwrap_or_default();
                let message =
                    format!("operator {} runs the operation {}, which {what}{on}", quote(&custom.name), quote(real));
                let at = at.within(self.size);
                let finding = Finding::new(rule, message).severity(severity).at(at.offset, at.length);
                let finding = finding.element(custom.name.clone()).detail("runs", real.clone());
                self.sink.finding(match target {
                    Some(target) => finding.detail("target", target.clone()),
                    None => finding,
                });
            }
            let (rule, severity, what) = classify(&custom.name);
            let on = custom.target.as_deref().map(|t| format!(": {}", quote(t))).unwrap_or_default();
            let message = format!("operator {} {what}{on}", quote(&custom.name));
            let finding = Finding::new(rule, message).severity(severity).at(custom.at.offset, custom.at.length);
            let finding = finding.element(custom.name).detail("uses", custom.uses.to_string());
            self.sink.finding(match custom.target {
                Some(target) => finding.detail("target", target),
                None => finding,
            });
        }
        names
    }

    /// A named buffer of the metadata: that of the metadata library is a FlatBuffer with texts about the model.
    pub fn entry(&mut self, name: &str, place: Span) {
        const LONGEST: u64 = 4 << 20;
        if name != "TFLITE_METADATA" || place.length < 8 || std::mem::replace(&mut self.described, true) {
            return;
        }
        let Some(bytes) = self.artifact.read_span(place, LONGEST) else { return };
        let slice = modelaudit_plugin::Slice(&bytes);
        let mut inner = modelaudit_flatbuffer::Flatbuffer::new(&slice);
        let Ok(root) = inner.root() else { return };
        for (slot, fact) in [
            (schema::model_metadata::NAME, "model_name"),
            (schema::model_metadata::DESCRIPTION, "description"),
            (schema::model_metadata::VERSION, "model_version"),
            (schema::model_metadata::AUTHOR, "author"),
            (schema::model_metadata::LICENSE, "license"),
        ] {
            if let Ok(Some(span)) = inner.string(&root, slot) {
                let text = inner.text(span, 2048);
                if let Some(found) = modelaudit_metadata_text::judge(&text) {
                    let finding = modelaudit_metadata_text::finding(&format!("the {fact} of the model"), &found);
                    self.sink.finding(finding.at(place.offset, place.length).element(fact));
                }
                self.sink.fact_text(fact, &clip(&escape(&text), 500));
            }
        }
    }
}
