//! YAML as events, with tags and aliases: no document is built, so an alias bomb is counted and not expanded.

use std::collections::HashMap;

use modelaudit_plugin::{Artifact, Finding, Sink, Span};
use modelaudit_rules::structure::S904;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use crate::tags;
use crate::walk::{Scalar, Walk};

/// Bytes read of a document; configurations have kilobytes.
const LONGEST: u64 = 8 << 20;
/// Nesting read; NeMo's own limit is the same.
const DEEPEST: usize = 128;
/// Values that a document may have once its aliases are expanded; the largest real ones have thousands.
const MOST_EXPANDED: u64 = 10_000_000;
/// Anchored texts that are remembered, for aliases in places that matter.
const MOST_ANCHORS: usize = 1024;

/// What is open in the event stream.
struct Frame {
    /// The next node of a mapping is a key; None in a sequence.
    key_next: Option<bool>,
    anchor: usize,
    /// Values inside, aliases expanded.
    weight: u64,
}

/// Whether a text without a telling name is a YAML document that matters: a tag or a key that only loaders with calls know.
pub(crate) fn looks_telling(head: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(head.get(..head.len().min(4092)).unwrap_or_default()) else { return false };
    text.lines().any(|line| {
        let key = line.trim_start().trim_start_matches("- ");
        key.starts_with("_target_:")
            || line.contains(": !!python/")
            || line.starts_with("!!python/")
            || line.starts_with("- !!python/")
    })
}

/// Scans a YAML stream.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let Some((text, cut)) = crate::text(artifact, LONGEST) else {
        return Err("the YAML document is not UTF-8 text".to_owned());
    };
    let mut walk = Walk::new(artifact);
    let mut state = State { frames: Vec::new(), weights: HashMap::new(), texts: HashMap::new(), total: 0, bomb: false };
    let source = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut place = Place { source, chars: 0, bytes: 0, shift: (text.len() - source.len()) as u64 };
    for event in Parser::new_from_str(source) {
        match event {
            Ok((event, span)) => {
                let at = Span::new(place.offset(span.start.index()), span.len() as u64).within(artifact.size());
                state.event(event, at, &mut walk, sink);
            }
            Err(error) => {
                walk.finish(sink);
                let reason = modelaudit_plugin::clip(&modelaudit_plugin::escape(error.info()), 200);
                return Err(format!("the YAML text is not understood: {reason} in line {}", error.marker().line()));
            }
        }
        if walk.depth() > DEEPEST {
            walk.finish(sink);
            return Err(format!("YAML nested deeper than {DEEPEST} levels"));
        }
    }
    walk.finish(sink);
    if cut { Err(format!("only the first {LONGEST} bytes of the YAML document were read")) } else { Ok(()) }
}

/// Turns the parser's character positions into offsets; they only grow.
struct Place<'t> {
    source: &'t str,
    chars: usize,
    bytes: usize,
    shift: u64,
}

impl Place<'_> {
    fn offset(&mut self, chars: usize) -> u64 {
        if let Some(ahead) = chars.checked_sub(self.chars) {
            let rest = self.source.get(self.bytes..).unwrap_or_default();
            self.bytes += rest.char_indices().nth(ahead).map_or(rest.len(), |(at, _)| at);
            self.chars = chars;
        }
        self.bytes as u64 + self.shift
    }
}

struct State {
    frames: Vec<Frame>,
    weights: HashMap<usize, u64>,
    texts: HashMap<usize, String>,
    total: u64,
    bomb: bool,
}

impl State {
    fn event(&mut self, event: Event<'_>, at: Span, walk: &mut Walk, sink: &mut dyn Sink) {
        match event {
            Event::MappingStart(anchor, tag) => self.open(Some(true), anchor, tag.as_deref(), at, walk, sink),
            Event::SequenceStart(anchor, tag) => self.open(None, anchor, tag.as_deref(), at, walk, sink),
            Event::MappingEnd | Event::SequenceEnd => {
                walk.end(at.offset, sink);
                if let Some(frame) = self.frames.pop() {
                    self.remember(frame.anchor, frame.weight.saturating_add(1));
                    self.node(frame.weight.saturating_add(1), at, walk, sink);
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.tag(tag.as_deref(), at, walk, sink);
                if anchor > 0 && self.texts.len() < MOST_ANCHORS && text.len() <= 4096 {
                    self.texts.insert(anchor, text.clone().into_owned());
                }
                self.remember(anchor, 1);
                self.scalar(&text, style == ScalarStyle::Plain, at, walk, sink);
                self.node(1, at, walk, sink);
            }
            Event::Alias(anchor) => {
                let text = self.texts.get(&anchor).cloned().unwrap_or_default();
                self.scalar(&text, false, at, walk, sink);
                let weight = self.weights.get(&anchor).copied().unwrap_or(1);
                self.node(weight, at, walk, sink);
            }
            Event::DocumentEnd => {
                walk.reset(sink);
                self.frames.clear();
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
        }
    }

    fn open(
        &mut self,
        key_next: Option<bool>,
        anchor: usize,
        tag: Option<&Tag>,
        at: Span,
        walk: &mut Walk,
        sink: &mut dyn Sink,
    ) {
        self.tag(tag, at, walk, sink);
        if self.is_key() {
            // A collection as a key has no name.
            walk.key("", at, sink);
        }
        walk.begin(key_next.is_none(), at.offset, sink);
        self.frames.push(Frame { key_next, anchor, weight: 0 });
    }

    fn is_key(&self) -> bool {
        self.frames.last().is_some_and(|f| f.key_next == Some(true))
    }

    fn scalar(&mut self, text: &str, plain: bool, at: Span, walk: &mut Walk, sink: &mut dyn Sink) {
        if self.is_key() {
            walk.key(text, at, sink);
        } else if plain && matches!(text, "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON") {
            walk.scalar(Scalar::Bool(true), at, sink);
        } else if plain && matches!(text, "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF") {
            walk.scalar(Scalar::Bool(false), at, sink);
        } else {
            walk.scalar(Scalar::Text(text, false), at, sink);
        }
    }

    fn tag(&mut self, tag: Option<&Tag>, at: Span, walk: &mut Walk, sink: &mut dyn Sink) {
        let Some(tag) = tag else { return };
        if let Some(finding) = tags::judge_tag(&format!("{}{}", tag.handle, tag.suffix)) {
            let element = walk.path();
            let finding = finding.at(at.offset, at.length);
            walk.report(if element.is_empty() { finding } else { finding.element(element) }, sink);
        }
    }

    fn remember(&mut self, anchor: usize, weight: u64) {
        if anchor > 0 && (self.weights.len() < 1 << 16 || self.weights.contains_key(&anchor)) {
            self.weights.insert(anchor, weight);
        }
    }

    /// A node is complete: the mapping that holds it goes on, and its weight counts.
    fn node(&mut self, weight: u64, at: Span, walk: &mut Walk, sink: &mut dyn Sink) {
        if let Some(frame) = self.frames.last_mut() {
            frame.key_next = frame.key_next.map(|key| !key);
            frame.weight = frame.weight.saturating_add(weight);
            self.total = frame.weight;
        }
        if self.total > MOST_EXPANDED && !self.bomb {
            self.bomb = true;
            let message = format!("aliases expand the document to more than {MOST_EXPANDED} values");
            walk.report(Finding::new(&S904, message).at(at.offset, at.length), sink);
        }
    }
}
