//! Fields of configurations and cards: names of models, and strings whose invisible characters are written as escapes.

use modelaudit_deceptive_unicode::hidden;
use modelaudit_json::{Document, Node, TreeLimits};
use modelaudit_model_card::front_matter;
use modelaudit_plugin::{Artifact, Finding, Sink, Span, escape, quote};
use modelaudit_rules::encodings::S605;
use modelaudit_rules::identity::S1003;

use crate::invisible::{is_vocabulary, reorders, report};
use crate::squatting;

/// Longest document that is read; vocabularies are longer and name no model.
const LONGEST: u64 = 1 << 20;
/// Findings of a kind in one artifact.
const MOST: usize = 20;

/// Keys under which a model is named (transformers, PEFT, diffusers, sentence-transformers, the hub's cards).
const NAME_KEYS: &[&str] = &[
    "_name_or_path",
    "name_or_path",
    "model_name_or_path",
    "base_model_name_or_path",
    "pretrained_model_name_or_path",
    "tokenizer_name_or_path",
    "base_model",
    "base_model_id",
    "model_name",
    "model_id",
    "repo_id",
    "new_version",
];

/// Looks at the fields of a document; anything else is left alone.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) {
    let size = artifact.size();
    if size > LONGEST {
        return;
    }
    let Some(bytes) = artifact.read_span(Span::new(0, size), LONGEST) else { return };
    let start = bytes.trim_ascii_start();
    if start.starts_with(b"{") || start.starts_with(b"[") {
        json(artifact, &bytes, sink);
    } else if let Some(front) = std::str::from_utf8(&bytes).ok().and_then(front_matter) {
        let mut told = Vec::new();
        for field in &front.fields {
            let key = field.key.rsplit('.').next().unwrap_or_default();
            if NAME_KEYS.contains(&key) {
                name(key, &field.value, field.at.within(size), &mut told, sink);
            }
        }
    }
}

fn json(artifact: &dyn Artifact, bytes: &[u8], sink: &mut dyn Sink) {
    let limits = TreeLimits { nodes: 1 << 17, text: 2 << 20, ..TreeLimits::default() };
    let Ok(document) = Document::from_slice(bytes, limits) else { return };
    let vocabulary = is_vocabulary(&artifact.name());
    let mut told = Vec::new();
    let (mut runs, mut lines) = (0, 0);
    // `walk` gives the items of a list no key; the list has it.
    let mut stack: Vec<(&str, &Node)> = vec![("", &document.root)];
    while let Some((key, node)) = stack.pop() {
        stack.extend(node.items().iter().rev().map(|item| (key, item)));
        let is_auto_map = key == "auto_map";
        for (member, value) in node.members().iter().rev() {
            stack.push((if is_auto_map { key } else { member }, value));
            // Names of members (tensors in an index, options) hide as well as values.
            escaped_run(member, value.at, bytes, &mut runs, member, sink);
        }
        let Some(text) = node.as_str() else { continue };
        if NAME_KEYS.contains(&key) {
            name(key, text, node.at, &mut told, sink);
        } else if is_auto_map && let Some((repository, _)) = text.split_once("--") {
            name(key, repository, node.at, &mut told, sink);
        }
        let raw = bytes.get(node.at.offset as usize..node.at.end() as usize).unwrap_or_default();
        escaped_run(text, node.at, raw, &mut runs, key, sink);
        if !vocabulary
            && lines < MOST
            && raw.contains(&b'\\')
            && text.lines().any(|l| reorders(l, false))
            && raw.windows(5).any(|w| w == b"\\u202")
        {
            let message = format!(
                "bidirectional controls, written as escapes, reorder what a person sees of the value of '{}'",
                escape(key)
            );
            let finding = Finding::new(&S605, message).at(node.at.offset, node.at.length);
            sink.finding(finding.element(escape(key)).detail("kind", "bidirectional-control"));
            lines += 1;
        }
    }
}

/// Reports runs that stand as escapes in the document; those that stand as they are were found in the bytes. `seen` counts what was looked
/// at in the whole document, for each run costs a search of `raw`, where it would stand.
fn escaped_run(text: &str, at: Span, raw: &[u8], seen: &mut usize, key: &str, sink: &mut dyn Sink) {
    if text.is_ascii() || *seen >= MOST {
        return;
    }
    for run in hidden(text).into_iter().take(MOST - *seen) {
        *seen += 1;
        let bytes = text.get(run.start..run.end).unwrap_or_default().as_bytes();
        let literal = bytes.len() <= raw.len() && raw.windows(bytes.len()).any(|w| w == bytes);
        if !literal {
            report(&run, at.offset, Some(key), sink);
        }
    }
}

/// Judges the name of a model, each name once.
fn name(key: &str, value: &str, at: Span, told: &mut Vec<String>, sink: &mut dyn Sink) {
    if told.len() == MOST || told.iter().any(|t| t == value) {
        return;
    }
    let Some(found) = squatting::judge(value) else { return };
    told.push(value.to_owned());
    let message = format!("'{key}' names {}, which {} the well-known '{}'", quote(value), found.how, found.known);
    sink.finding(
        Finding::new(&S1003, message)
            .at(at.offset, at.length)
            .element(key)
            .detail("name", escape(&modelaudit_deceptive_unicode::visible(&modelaudit_plugin::clip(value, 200))))
            .detail("well_known", found.known)
            .detail("kind", found.kind),
    );
}
