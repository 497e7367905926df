//! Where a file says under which licence it, or the work it describes, stands: front matter of model cards, JSON, Python and TOML
//! metadata, SPDX tags.

use modelaudit_json::{Document, Node, TreeLimits};
use modelaudit_model_card::{FrontMatter, front_matter};
use modelaudit_plugin::Span;

use crate::expression::{Terms, parse};
use crate::identifiers::{by_name, unknown};
use crate::text::Text;

/// What says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The front matter of a model card.
    ModelCard,
    /// A key of JSON, TOML or of Python's package metadata.
    Metadata,
    /// An `SPDX-License-Identifier` tag.
    Tag,
    /// The whole text of the licence.
    Text,
    /// The sentence that applies a licence to a file, or the title of one.
    Notice,
    /// A sentence about the model in its card.
    Statement,
}

impl Source {
    /// The word for it in details.
    pub fn word(self) -> &'static str {
        match self {
            Self::ModelCard => "model-card",
            Self::Metadata => "metadata",
            Self::Tag => "spdx-tag",
            Self::Text => "licence-text",
            Self::Notice => "notice",
            Self::Statement => "statement",
        }
    }

    /// What it is in a message, with its verb.
    pub fn says(self) -> &'static str {
        match self {
            Self::ModelCard => "the model card declares",
            Self::Metadata => "the metadata declares",
            Self::Tag => "the SPDX tag names",
            Self::Text => "the text is",
            Self::Notice => "the notice names",
            Self::Statement => "the model card says that the model is under",
        }
    }
}

/// A declaration and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Declared {
    /// What says it.
    pub source: Source,
    /// What it says.
    pub terms: Terms,
    /// Where.
    pub at: Span,
}

/// Keys of a card that only models have, or data sets.
const MODEL_KEYS: &[&str] = &[
    "library_name",
    "pipeline_tag",
    "base_model",
    "model-index",
    "task_categories",
    "size_categories",
    "dataset_info",
];

/// Reads the front matter of a card; also says whether the card is one of a model and names no licence.
pub fn card(text: &str) -> Option<(FrontMatter, Vec<Declared>, bool)> {
    let front = front_matter(text)?;
    let mut parts = Vec::new();
    let mut at = None;
    for field in front.all("license") {
        // `other` and `unknown` are explained by the fields beside them.
        let explained = ["other", "unknown"].contains(&field.value.trim().to_ascii_lowercase().as_str());
        let name = front.all("license_name").next().map(|f| f.value.trim()).filter(|n| explained && !n.is_empty());
        let terms = match name {
            Some(name) => Some(Terms::one(by_name(name).unwrap_or_else(|| unknown(name)))),
            None => parse(&field.value),
        };
        if let Some(terms) = terms {
            at = at.or(Some(field.at));
            parts.push(terms);
        }
    }
    let missing = !front.has("license") && MODEL_KEYS.iter().any(|key| front.has(key));
    let at = at.unwrap_or_default();
    let declared = Terms::together(parts).map(|terms| Declared { source: Source::ModelCard, terms, at });
    Some((front, declared.into_iter().collect(), missing))
}

/// Top-level keys of a JSON document: package.json, config.json, dataset_infos.json, Croissant.
pub fn json(text: &Text) -> Vec<Declared> {
    let limits = TreeLimits { nodes: 1 << 16, text: 2 << 20, ..TreeLimits::default() };
    let Ok(document) = Document::from_slice(&text.bytes, limits) else { return Vec::new() };
    let mut found = Vec::new();
    for (key, node) in document.root.members() {
        if !matches!(key.as_str(), "license" | "licence" | "licenses" | "license_name") {
            continue;
        }
        let values: Vec<&Node> =
            if node.items().is_empty() { vec![node] } else { node.items().iter().take(32).collect() };
        for value in values {
            let name = value.as_str().or_else(|| ["type", "name", "id"].iter().find_map(|k| value.get(k)?.as_str()));
            // Links and sentences are no names.
            let Some(terms) = name.filter(|n| !n.contains("://") && n.split_whitespace().count() <= 12).and_then(parse)
            else {
                continue;
            };
            found.push(Declared { source: Source::Metadata, terms, at: value.at });
        }
    }
    found
}

/// Lines of Python's package metadata (PEP 566, 639) and of TOML files.
pub fn lines(text: &Text) -> Vec<Declared> {
    let python = text.bytes.starts_with(b"Metadata-Version:");
    let toml = text.base.ends_with(".toml");
    if !python && !toml {
        return Vec::new();
    }
    let mut found: Vec<Declared> = Vec::new();
    let mut offset = 0;
    for line in text.bytes.split_inclusive(|b| *b == b'\n') {
        let at = Span::new(offset, line.len() as u64);
        offset += line.len() as u64;
        let Ok(line) = std::str::from_utf8(line) else { continue };
        if python && line.trim().is_empty() {
            // The description follows, which is free text.
            break;
        }
        let terms = if python { python_line(line) } else { toml_line(line) };
        if let Some(terms) = terms.filter(|t| !found.iter().any(|d| d.terms.expression == t.expression)) {
            found.push(Declared { source: Source::Metadata, terms, at });
        }
    }
    // A classifier such as "BSD License" says less than the field beside it.
    if found.iter().any(|d| d.terms.class != crate::class::Class::Unknown) {
        found.retain(|d| d.terms.class != crate::class::Class::Unknown);
    }
    found
}

fn python_line(line: &str) -> Option<Terms> {
    let (key, value) = line.split_once(':')?;
    match key {
        "License-Expression" => parse(value),
        // The field holds whole texts, too: those are found as such.
        "License" if value.trim().len() <= 80 => {
            parse(value).filter(|t| !value.trim().contains(' ') || t.class != crate::class::Class::Unknown)
        }
        "Classifier" => {
            let name = value.trim().strip_prefix("License :: ")?;
            by_name(name.rsplit(" :: ").next()?.split('(').next()?).map(Terms::one)
        }
        _ => None,
    }
}

fn toml_line(line: &str) -> Option<Terms> {
    let (key, value) = line.split_once('=')?;
    if key.trim() != "license" {
        return None;
    }
    let value = value.trim();
    let inner = match value.strip_prefix('{') {
        Some(table) => table.split_once("text").and_then(|(_, t)| t.split_once('=')).map(|(_, t)| t.trim())?,
        None => value,
    };
    let quote = inner.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let text = inner.get(1..)?.split(quote).next()?;
    (text.len() <= 120).then(|| parse(text)).flatten()
}

const TAG: &[u8] = b"SPDX-License-Identifier:";
/// Tags that are read; a file has one, a bundle a few.
const MOST_TAGS: usize = 64;

/// `SPDX-License-Identifier` tags at the beginning of a line, behind comment marks.
pub fn tags(text: &Text) -> Vec<Declared> {
    let mut found: Vec<Declared> = Vec::new();
    let mut offset = 0;
    for line in text.bytes.split_inclusive(|b| *b == b'\n') {
        let start = offset;
        offset += line.len() as u64;
        let marks = line.iter().take_while(|b| !b.is_ascii_alphanumeric()).count();
        let rest = line.get(marks..).unwrap_or_default();
        // Comment words of some languages stand before it.
        let rest = [&b"dnl "[..], b"REM ", b"rem "].iter().find_map(|w| rest.strip_prefix(*w)).unwrap_or(rest);
        // A mark of at most a few characters: in a sentence or a code sample between back-ticks it is no tag.
        if marks > 16 || line.get(..marks).is_some_and(|m| m.contains(&b'`')) {
            continue;
        }
        let Some(value) = rest.strip_prefix(TAG).and_then(|v| std::str::from_utf8(v).ok()) else { continue };
        let value = ["*/", "-->", "#}", "*)", "%}"].iter().fold(value, |v, end| v.split(end).next().unwrap_or(v));
        let value = value.trim().trim_end_matches(['"', '\'', ',', ';', '*', '\\']);
        let Some(terms) = parse(value).filter(|t| !found.iter().any(|d| d.terms.expression == t.expression)) else {
            continue;
        };
        found.push(Declared { source: Source::Tag, terms, at: Span::new(start, line.trim_ascii_end().len() as u64) });
        if found.len() == MOST_TAGS {
            break;
        }
    }
    found
}
