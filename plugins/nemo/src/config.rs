//! One pass over `model_config.yaml`: targets, artifacts, and which model it is.

use std::collections::{HashMap, HashSet};

use modelaudit_paths::classify;
use modelaudit_plugin::{Artifact, Finding, Sink, Span, clip, escape, quote};
use modelaudit_rules::programs_in_models::{S1182, S1183};
use saphyr_parser::{Event, Parser};

use crate::targets::{self, Place};

/// Bytes read; the configurations of the largest models have some dozen kilobytes. The configuration plugin says if there are more.
const LONGEST: u64 = 8 << 20;
/// Nesting read.
const DEEPEST: usize = 128;
/// Findings about one archive.
const MOST: usize = 50;
/// Anchored texts that are remembered.
const MOST_ANCHORS: usize = 1024;
/// What a text begins with that names a member of the archive (`register_artifact`).
const ARTIFACT: &str = "nemo:";

/// What the configuration says the model is.
#[derive(Default)]
pub(crate) struct Facts {
    target: Option<String>,
    version: Option<String>,
    artifacts: u64,
}

impl Facts {
    /// NeMo writes both into every configuration that it saves; old releases only the first.
    pub(crate) fn is_nemo(&self) -> bool {
        self.target.is_some() || self.version.is_some() || self.artifacts > 0
    }

    pub(crate) fn tell(&self, sink: &mut dyn Sink) {
        if let Some(target) = &self.target {
            sink.fact_text("nemo_target", &clip(&escape(target), 200));
        }
        if let Some(version) = &self.version {
            sink.fact_text("nemo_version", &clip(&escape(version), 100));
        }
        if self.artifacts > 0 {
            sink.fact_number("nemo_artifacts", self.artifacts);
        }
    }
}

/// Findings, held back until it is known that the archive is a NeMo model.
#[derive(Default)]
pub(crate) struct Report {
    findings: Vec<Finding>,
    more: usize,
    seen: HashSet<String>,
}

impl Report {
    fn add(&mut self, what: String, finding: impl FnOnce() -> Finding) {
        if !self.seen.insert(what) {
            return;
        }
        if self.findings.len() < MOST {
            self.findings.push(finding());
        } else {
            self.more += 1;
        }
    }

    pub(crate) fn tell(self, sink: &mut dyn Sink) {
        self.findings.into_iter().for_each(|finding| sink.finding(finding));
        if self.more > 0 {
            sink.log(&format!("{} more findings of that kind in the configuration", self.more));
        }
    }
}

/// Reads a configuration, as far as it can be understood; what can not is the configuration plugin's to say.
pub(crate) fn scan(artifact: &dyn Artifact, span: Span, report: &mut Report) -> Facts {
    let mut facts = Facts::default();
    let span = Span::new(span.offset, span.length.min(LONGEST));
    let Some(bytes) = artifact.read_span(span, LONGEST) else { return facts };
    let valid = std::str::from_utf8(&bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let text = std::str::from_utf8(bytes.get(..valid).unwrap_or_default()).unwrap_or_default();
    let source = text.strip_prefix('\u{feff}').unwrap_or(text);
    let start = span.offset + (text.len() - source.len()) as u64;
    let mut walk = Walk { frames: Vec::new(), anchors: HashMap::new(), source, start, facts: &mut facts, report };
    for event in Parser::new_from_str(source) {
        // Up to where it breaks off, it is what a lenient reader sees.
        let Ok((event, at)) = event else { break };
        if walk.frames.len() > DEEPEST {
            break;
        }
        walk.event(event, at.start.index(), at.len());
    }
    facts
}

/// An open mapping or list.
struct Frame {
    mapping: bool,
    /// The next node is a key.
    key_next: bool,
    /// The collection itself is a key of the one around it.
    is_key: bool,
    /// The last key, in a list its index.
    key: String,
    index: usize,
}

struct Walk<'t, 'r> {
    frames: Vec<Frame>,
    anchors: HashMap<usize, String>,
    source: &'t str,
    /// Offset of the text in the archive.
    start: u64,
    facts: &'r mut Facts,
    report: &'r mut Report,
}

impl Walk<'_, '_> {
    fn event(&mut self, event: Event<'_>, at: usize, length: usize) {
        match event {
            Event::MappingStart(..) => self.open(true),
            Event::SequenceStart(..) => self.open(false),
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some(frame) = self.frames.pop() {
                    self.next(frame.is_key, "");
                }
            }
            Event::Scalar(text, _, anchor, _) => {
                if anchor > 0 && self.anchors.len() < MOST_ANCHORS && text.len() <= 1024 {
                    self.anchors.insert(anchor, text.clone().into_owned());
                }
                self.text(&text, at, length);
            }
            Event::Alias(anchor) => {
                let text = self.anchors.get(&anchor).cloned().unwrap_or_default();
                self.text(&text, at, length);
            }
            Event::DocumentEnd => self.frames.clear(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
        }
    }

    fn open(&mut self, mapping: bool) {
        let is_key = self.frames.last().is_some_and(|f| f.key_next);
        self.frames.push(Frame { mapping, key_next: mapping, is_key, key: String::new(), index: 0 });
    }

    /// A node is complete; `key` is what it says if it was one.
    fn next(&mut self, was_key: bool, key: &str) {
        let Some(frame) = self.frames.last_mut() else { return };
        if !frame.mapping {
            frame.index += 1;
        } else if was_key {
            frame.key_next = false;
            frame.key = clip(key, 120);
        } else {
            frame.key_next = true;
        }
    }

    fn text(&mut self, text: &str, at: usize, length: usize) {
        let was_key = self.frames.last().is_some_and(|f| f.key_next);
        if !was_key {
            self.value(text, at, length);
        }
        self.next(was_key, text);
    }

    fn value(&mut self, text: &str, at: usize, length: usize) {
        let top = self.frames.len() == 1;
        let Some(frame) = self.frames.last().filter(|f| f.mapping) else { return self.artifact(text, at, length) };
        match frame.key.as_str() {
            "target" if top => {
                self.facts.target.get_or_insert_with(|| text.to_owned());
                self.target(Place::Model, text, at, length);
            }
            "_target_" => self.target(Place::Part, text, at, length),
            "nemo_version" if top => self.facts.version = Some(text.to_owned()),
            _ => self.artifact(text, at, length),
        }
    }

    fn target(&mut self, place: Place, text: &str, at: usize, length: usize) {
        let Some((severity, what)) = targets::judge(place, text) else { return };
        let span = self.span(at, length);
        let path = self.path();
        self.report.add(format!("target {text}"), || {
            let key = if place == Place::Model { "target" } else { "_target_" };
            Finding::new(&S1182, format!("'{key}' names {}, which {what}", quote(text)))
                .severity(severity)
                .at(span.offset, span.length)
                .element(path)
                .detail("target", clip(&escape(text), 500))
        });
    }

    fn artifact(&mut self, text: &str, at: usize, length: usize) {
        let Some(name) = text.strip_prefix(ARTIFACT) else { return };
        self.facts.artifacts += 1;
        let class = classify(name.as_bytes());
        if !class.escapes() {
            return;
        }
        let span = self.span(at, length);
        let path = self.path();
        self.report.add(format!("artifact {text}"), || {
            Finding::new(&S1183, format!("the artifact {} {}", quote(name), class.reason()))
                .at(span.offset, span.length)
                .element(path)
                .detail("path", clip(&escape(name), 500))
        });
    }

    /// Bytes of the archive for characters of the text.
    fn span(&self, at: usize, length: usize) -> Span {
        let byte = |chars: usize| self.source.char_indices().nth(chars).map_or(self.source.len(), |(at, _)| at) as u64;
        let (start, end) = (byte(at), byte(at.saturating_add(length)));
        Span::new(self.start + start, end.saturating_sub(start))
    }

    /// `encoder.layers[2]._target_`.
    fn path(&self) -> String {
        let mut path = String::new();
        for frame in &self.frames {
            if !frame.mapping {
                path.push_str(&format!("[{}]", frame.index));
                continue;
            }
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&frame.key);
        }
        clip(&escape(&path), 300)
    }
}
