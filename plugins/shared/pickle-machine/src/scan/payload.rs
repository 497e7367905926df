//! Pickles inside of pickles.
//!
//! Two different facts (pickle-family 1.4): bytes that are handed to a loader within the stream run with it, so they are
//! scanned like the file itself and what they do is part of that call's finding; bytes that merely lie there are a second stage
//! at most, and only told if they are a complete pickle that calls something dangerous.

use modelaudit_plugin::{Artifact, Severity, Span};
use modelaudit_rules::pickle::{S201, S202, S203, S204, S213, S214};

use super::alert::Alert;
use super::analysis::{Analysis, LAYERS, Part};
use super::{grade, read_every_way};
use crate::codec::{self, Compression};
use crate::globals::Global;
use crate::machine::Reading;
use crate::probe;
use crate::special::Special;
use crate::streams;
use crate::value::{Kind, Value};
use crate::view::{Blob, Call, View};
use modelaudit_plugin::Slice;

/// Bytes of a computed payload that are looked at.
const PAYLOAD: usize = crate::folded::ONE;
/// Encodings around one inert blob.
const PEELS: u32 = 6;

/// A pickle or model file is loaded from within the stream. None: the list decides.
pub(crate) fn load(
    analysis: &mut Analysis,
    view: &View<'_, '_>,
    event: &Call<'_>,
    global: &Global,
    inner: &[u32],
) -> Option<u32> {
    let payload = find_payload(view, event.arguments)?;
    analysis.use_global(view, event.callee);
    analysis.use_global(view, event.written);
    // What feeds the payload (base64.b64decode, zlib.decompress) is part of it.
    let nested = scan(analysis, view, &payload);
    let path = global.path();
    let layer = analysis.layer + 1;
    let (severity, message, chain) = match nested {
        Nested::Calls(severity, what, chain) => {
            (severity, format!("loading the file runs a nested pickle through {path}, which {what}"), chain)
        }
        Nested::Harmless if inner.is_empty() => return Some(0),
        Nested::Child(hint) if inner.is_empty() => {
            let name = format!("payload_{}", event.offset);
            if analysis.children.len() < 256 {
                analysis.children.push((name, payload.part(), hint));
            }
            return Some(0);
        }
        _ => {
            let call = grade::shown(view, event, &path);
            let message = format!("loading the file calls {call} on data that is not understood");
            (Severity::Warning, message, Vec::new())
        }
    };
    let mut alert = grade::alert(view, event, Some(global), &S201, severity, message);
    alert.chain = chain;
    alert.details.push(("nested_layer", layer.to_string()));
    Some(analysis.alerts.add(alert, inner))
}

/// Some loaders are listed without being followed (`Grammar.loads(self, bytes)`): look at bytes among the arguments of any
/// dangerous call, for the evidence.
pub(crate) fn after_call(analysis: &mut Analysis, view: &View<'_, '_>, event: &Call<'_>, global: &Global, mark: u32) {
    if matches!(global.special, Some(Special::LoadPickle | Special::LoadModel)) {
        return;
    }
    let bytes = event.arguments.iter().find(|v| matches!(v.kind(), Kind::Bytes | Kind::FoldedBytes));
    let Some(payload) = bytes.and_then(|v| literal(view, *v)) else { return };
    if let Nested::Calls(severity, what, chain) = scan(analysis, view, &payload)
        && let Some(alert) = analysis.alerts.get_mut(mark)
    {
        alert.severity = alert.severity.max(severity);
        alert.details.push(("payload", what));
        alert.chain.extend(chain);
    }
}

/// Arguments that are pickles themselves: the worst of what they do, if it is bad.
pub(crate) fn nested_arguments(analysis: &mut Analysis, view: &View<'_, '_>, arguments: &[Value]) -> Option<Severity> {
    let payloads: Vec<Payload> = arguments.iter().take(8).filter_map(|v| literal(view, *v)).collect();
    let worst = payloads.iter().filter_map(|payload| match scan(analysis, view, payload) {
        Nested::Calls(severity, ..) => Some(severity),
        _ => None,
    });
    worst.max().filter(|s| *s >= Severity::Warning)
}

/// A payload: in the artifact, or computed.
enum Payload {
    There(Span),
    Computed(Vec<u8>),
}

impl Payload {
    fn part(self) -> Part {
        match self {
            Self::There(span) => Part::Span(span),
            Self::Computed(bytes) => Part::Bytes(bytes),
        }
    }
}

/// The first bytes-like argument.
fn find_payload(view: &View<'_, '_>, arguments: &[Value]) -> Option<Payload> {
    arguments.iter().take(4).find_map(|value| {
        let mut value = *value;
        // A file object over bytes.
        if let Some(parts) = view.parts(value)
            && view.global(parts.callee).and_then(|g| g.special) == Some(Special::BytesFile)
        {
            value = *view.items(parts.arguments, 1).0.first()?;
        }
        literal(view, value).or_else(|| {
            let (bytes, complete) = match value.kind() {
                Kind::Result | Kind::Object | Kind::FoldedBytes => view.bytes(value, PAYLOAD)?,
                _ => return None,
            };
            let _ = complete;
            Some(Payload::Computed(bytes))
        })
    })
}

fn literal(view: &View<'_, '_>, value: Value) -> Option<Payload> {
    if value.kind() != Kind::Bytes {
        return None;
    }
    view.span(value).map(Payload::There)
}

/// What a payload does.
enum Nested {
    /// It calls something: worst severity, what, chain.
    Calls(Severity, String, Vec<String>),
    /// It is a pickle that does nothing bad.
    Harmless,
    /// It is another format, to be scanned as a child.
    Child(&'static str),
    /// Nobody knows.
    Unknown,
}

fn scan(analysis: &mut Analysis, view: &View<'_, '_>, payload: &Payload) -> Nested {
    match payload {
        Payload::There(span) => scan_bytes(analysis, view.input.artifact(), *span),
        Payload::Computed(bytes) => {
            let before = analysis.children.len();
            let nested = scan_bytes(analysis, &Slice(bytes), Span::new(0, bytes.len() as u64));
            // Offsets of computed bytes mean nothing outside of them.
            for (_, part, _) in analysis.children.iter_mut().skip(before) {
                if let Part::Span(span) = part {
                    let range = span.offset as usize..span.end() as usize;
                    *part = Part::Bytes(bytes.get(range).unwrap_or_default().to_vec());
                }
            }
            nested
        }
    }
}

fn scan_bytes(analysis: &mut Analysis, artifact: &dyn Artifact, span: Span) -> Nested {
    let head = artifact.read(span.offset, span.length.min(4096) as u32);
    if head.starts_with(b"PK\x03\x04") {
        return Nested::Child("zip");
    }
    if head.starts_with(b"\x93NUMPY") {
        return Nested::Child("npy");
    }
    if Compression::detect(&head).is_some() && !probe::is_pickle(&head, span.length) {
        return Nested::Child("");
    }
    if analysis.layer + 1 > LAYERS {
        analysis
            .incomplete
            .push(format!("pickles are nested more than {LAYERS} layers deep at offset {}", span.offset));
        return Nested::Unknown;
    }
    if !probe::is_pickle(&head, span.length) {
        return Nested::Unknown;
    }
    let mut nested = Box::new(Analysis::new(analysis.layer + 1));
    nested.inert_budget = analysis.inert_budget / 2;
    let outcome = read_every_way(artifact, span, &mut nested);
    analysis.children.extend(nested.children.drain(..).take(16));
    analysis.incomplete.extend(nested.incomplete.drain(..).take(4));
    for (package, names) in std::mem::take(&mut nested.packages) {
        analysis.packages.entry(package).or_default().extend(names);
    }
    let mut worst: Option<Alert> = None;
    for alert in nested.alerts.roots() {
        if worst.as_ref().is_none_or(|w| alert.severity > w.severity) {
            worst = Some(alert.clone());
        }
    }
    for import in nested.imported.values().filter(|i| !i.used) {
        let (severity, message) = super::names::unused_import(import);
        if worst.as_ref().is_none_or(|w| severity > w.severity) && severity >= Severity::Warning {
            return Nested::Calls(severity, format!("does this: {message}"), Vec::new());
        }
    }
    match worst {
        Some(alert) => Nested::Calls(alert.severity, alert.phrase, alert.chain),
        None if outcome.stopped => Nested::Harmless,
        None => Nested::Unknown,
    }
}

/// A constant that begins like a pickle, raw or encoded.
pub(crate) fn inert(analysis: &mut Analysis, view: &View<'_, '_>, event: &Blob) {
    // A pickle inside of inert data inside of inert data is nobody's second stage.
    if analysis.layer > 1 || event.span.length < 16 {
        return;
    }
    // Large arrays may begin like anything; a payload is small, and the head decides most cases.
    let budget = analysis.inert_budget.min(PAYLOAD as u64);
    let head_only = event.span.length > budget;
    let Some((head, _)) = view.bytes(event.value, 4096) else { return };
    if !worth_peeling(&head, event.span.length) {
        return;
    }
    analysis.inert_budget = analysis.inert_budget.saturating_sub(event.span.length.min(budget));
    let found = if head_only {
        let raw = Kind::Bytes == event.value.kind() && probe::is_pickle(&head, event.span.length);
        raw.then(|| calls_of(view.input.artifact(), event.span)).flatten().map(|what| (what, Vec::new()))
    } else {
        view.bytes(event.value, PAYLOAD).and_then(|(bytes, _)| hidden_in_encoding(bytes))
    };
    if let Some((what, encodings)) = found {
        let how = if encodings.is_empty() { String::new() } else { format!(" (behind {})", encodings.join(", ")) };
        let kind = if event.value.kind() == Kind::Bytes { "bytes object" } else { "string" };
        let message = format!("a {kind} of {} bytes is a pickle of its own{how} that {what}", event.span.length);
        let mark = analysis.alerts.add(
            Alert {
                rule: &S213,
                severity: Severity::Warning,
                link: message.clone(),
                phrase: format!("holds a pickle that {what}"),
                message,
                at: Some((event.span.offset, event.span.length)),
                details: vec![
                    ("stream", view.stream.to_string()),
                    ("runs", "when something unpickles this data".to_owned()),
                ],
                chain: Vec::new(),
                parent: 0,
                stream: view.stream,
                count: 1,
            },
            &[],
        );
        analysis.blobs.insert(event.value, mark);
    }
}

/// Alerts about inert blobs that turn out to be what this call loads: they become part of its finding.
pub(crate) fn blobs_behind(analysis: &Analysis, view: &View<'_, '_>, arguments: &[Value]) -> Vec<u32> {
    if analysis.blobs.is_empty() {
        return Vec::new();
    }
    let mut marks = Vec::new();
    let mut queue: Vec<Value> = arguments.to_vec();
    let mut at = 0;
    while let Some(&value) = queue.get(at) {
        at += 1;
        if at > 128 {
            break;
        }
        marks.extend(analysis.blobs.get(&value));
        if value.is_container() {
            queue.extend(view.items(value, 16).0);
        } else if let Some(parts) = view.parts(value) {
            queue.extend([parts.callee, parts.arguments]);
        }
    }
    marks
}

/// A second, still cheap look.
fn worth_peeling(head: &[u8], length: u64) -> bool {
    if probe::is_pickle(head, length) {
        return true;
    }
    let text = head.iter().take(64).all(|b| b.is_ascii_alphanumeric() || b"+/=_-\r\n".contains(b));
    text || Compression::detect(head).is_some()
        || latin1_bytes(head).is_some_and(|b| Compression::detect(&b).is_some() || probe::is_pickle(&b, length))
}

/// Text in UTF-8 whose characters are all bytes: how protocol 2 carries bytes.
fn latin1_bytes(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_ascii() {
        return None;
    }
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(text.get(..error.valid_up_to())?).ok()?,
    };
    codec::latin1(text).filter(|b| !b.is_empty())
}

/// Peels encodings off inert bytes until a pickle appears; if it is complete and calls something dangerous, says what it
/// calls and which encodings were around it.
pub fn hidden_in_encoding(mut bytes: Vec<u8>) -> Option<(String, Vec<&'static str>)> {
    let mut encodings = Vec::new();
    for _ in 0..PEELS {
        if probe::is_pickle(&bytes, bytes.len() as u64)
            && let Some(what) = calls_of(&Slice(&bytes), Span::new(0, bytes.len() as u64))
        {
            return Some((what, encodings));
        }
        let (next, name) = peel(&bytes)?;
        encodings.push(name);
        bytes = next;
    }
    None
}

fn peel(bytes: &[u8]) -> Option<(Vec<u8>, &'static str)> {
    // Digits come before compression: "80" is also a valid header of zlib.
    let trimmed = bytes.trim_ascii();
    if trimmed.len() >= 16 && trimmed.len().is_multiple_of(2) && trimmed.iter().all(u8::is_ascii_hexdigit) {
        return codec::hex(trimmed).map(|out| (out, "hex"));
    }
    let base64 = |b: &u8| b.is_ascii_alphanumeric() || b"+/=_-\r\n".contains(b);
    if trimmed.len() >= 16 && trimmed.iter().all(base64) {
        return codec::base64(trimmed).map(|out| (out, "base64"));
    }
    if let Some(kind) = Compression::detect(bytes)
        && let Some(out) = codec::decompress(bytes, PAYLOAD)
    {
        return Some((out, kind.name()));
    }
    latin1_bytes(bytes).map(|out| (out, "latin-1 text"))
}

/// A complete pickle in the middle of something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// What it does, from the verb on: "calls os.system('id')".
    pub phrase: String,
    /// Offset after its `STOP`.
    pub end: u64,
}

/// Whether a pickle that is complete and calls something dangerous begins at the start of the range. Cheap where there is
/// none: the walk ends at the first error.
pub fn hidden_pickle(artifact: &dyn Artifact, span: Span) -> Option<Hidden> {
    let head = artifact.read(span.offset, span.length.min(512) as u32);
    if !probe::is_pickle(&head, span.length) {
        return None;
    }
    examine(artifact, span)
}

/// Whether a loader that reads the range from its start runs something dangerous before the first error. For what
/// [`crate::is_pickle`] can not tell from the first bytes: a constant of many kilobytes, or thousands of small ones, push the
/// payload out of sight. Cheap where there is nothing: the walk ends at the first byte that makes no sense.
pub fn runs_code(artifact: &dyn Artifact, span: Span) -> bool {
    let mut nested = Box::new(Analysis::new(LAYERS));
    nested.inert_budget = 0;
    let reading = Reading { strict: true, ..Reading::USUAL };
    streams::walk(artifact, span, reading, 1, &mut *nested);
    nested.alerts.roots().any(|a| a.severity == Severity::Critical && CALLS.contains(&a.rule.id))
}

/// The rules of things that run while the stream is read.
const CALLS: &[&str] = &[S201.id, S202.id, S203.id, S204.id];

/// What a complete pickle calls, if it is one and calls something dangerous.
fn calls_of(artifact: &dyn Artifact, span: Span) -> Option<String> {
    examine(artifact, span).map(|hidden| hidden.phrase)
}

fn examine(artifact: &dyn Artifact, span: Span) -> Option<Hidden> {
    let mut nested = Box::new(Analysis::new(LAYERS));
    nested.inert_budget = 0;
    let reading = Reading { strict: true, ..Reading::USUAL };
    let outcome = streams::walk(artifact, span, reading, 1, &mut *nested);
    if !outcome.stopped || outcome.streams == 0 {
        return None;
    }
    let worst = nested.alerts.roots().max_by_key(|a| a.severity)?;
    let dangerous = worst.severity >= Severity::Warning && worst.rule.id != S214.id;
    dangerous.then(|| Hidden { phrase: worst.phrase.clone(), end: outcome.first_end })
}
