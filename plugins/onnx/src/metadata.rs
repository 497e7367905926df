//! Texts of a model: documentation and `metadata_props`.
//!
//! Programs act on them. Ultralytics reads names and sizes of its exports out of `metadata_props` as Python literals, servers show the
//! documentation on a page. A text is judged by its form ([`modelaudit_metadata_text`]); those of nodes are left out, for exporters keep
//! lines of source code there.

use modelaudit_metadata_text::{finding, judge, label};
use modelaudit_plugin::{Span, clip, escape, quote};
use modelaudit_protobuf::Message;

use crate::graph::Scan;

/// Bytes of a text that are judged.
const LONGEST: u32 = 256 << 10;
/// Findings of one model.
const MOST: u64 = 50;

/// Keys of `metadata_props` that become facts. Sources: onnx's `set_model_props`, Ultralytics' exporter, optimum, Olive.
const FACTS: &[(&str, &str)] = &[
    ("license", "license"),
    ("licence", "license"),
    ("model_license", "license"),
    ("author", "author"),
    ("model_author", "author"),
    ("company", "author"),
    ("description", "description"),
    ("url", "url"),
    ("task", "task"),
    ("architecture", "architecture"),
    ("model_type", "architecture"),
    ("framework", "source_framework"),
];

impl Scan<'_, '_> {
    /// An entry of `metadata_props`: key 1, value 2. Those of the model become facts.
    pub fn property(&mut self, span: Span, of_model: bool) {
        let (mut key, mut value) = (String::new(), Span::default());
        let mut message = Message::over(span);
        while let Ok(Some(field)) = self.walker.next(&mut message) {
            match field.number {
                1 => key = self.name(field.span()),
                2 => value = field.span(),
                _ => {}
            }
        }
        let lower = key.to_ascii_lowercase();
        if let Some((_, fact)) = FACTS.iter().find(|(known, _)| of_model && *known == lower) {
            self.text_fact(fact, value);
        }
        self.judge_text(value, &format!("the metadata {}", quote(&key)), &key);
    }

    /// A `doc_string`.
    pub fn documentation(&mut self, span: Span, place: &str) {
        let text = self.walker.text(span, 1024);
        if !text.trim().is_empty() && place.ends_with("model") {
            self.sink.fact_text("description", &clip(&escape(&text), 500));
        }
        self.judge_text(span, place, "doc_string");
    }

    fn judge_text(&mut self, span: Span, place: &str, key: &str) {
        let text = self.walker.text(span, LONGEST);
        let Some(found) = judge(&text) else { return };
        self.texts += 1;
        if self.texts <= MOST {
            let at = span.within(self.size);
            self.sink.finding(finding(place, &found).at(at.offset, at.length).element(label(key)));
        }
    }
}
