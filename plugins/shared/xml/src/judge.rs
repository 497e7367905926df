//! Findings that any XML document may give rise to.

use modelaudit_plugin::{Artifact, Finding, Rule, Sink, escape, quote};
use modelaudit_rules::other_formats::{S1163, S1164, S1165};
use modelaudit_rules::structure::{S902, S904};

use crate::tokenizer::{Error, ErrorKind, Tokenizer};

/// An expansion that no document of a model needs, and the factor over the document type that tells one from a long text.
const LARGE: u64 = 1 << 20;
const FACTOR: u64 = 100;
/// Expansion of all references in the content.
const LARGE_IN_ALL: u64 = 10 << 20;
/// Parsers that build a tree recurse; libxml2 stops at 256 unless told otherwise, JAXB runs out of stack at some thousand.
const DEEPEST: usize = 4096;
/// Hosts of the document types that PMML 1 and 2 had (dmg.org/pmml/v2-0).
const KNOWN_HOSTS: &[&str] =
    &["http://www.dmg.org/", "http://dmg.org/", "https://www.dmg.org/", "https://dmg.org/", "pmml"];

/// Every rule that [`judge`] and [`report_error`] may report.
pub fn rules() -> [Rule; 5] {
    [S902, S904, S1163, S1164, S1165]
}

/// Reports what the tokenizer saw up to where it stands: call it when the document is read or broke off.
pub fn judge(tokenizer: &Tokenizer<'_>, sink: &mut dyn Sink) {
    if let Some(doctype) = tokenizer.doctype() {
        let mut said = false;
        let external = doctype.entities.iter().find(|e| e.external.is_some());
        if let Some(entity) = external {
            let target = entity.external.as_deref().unwrap_or_default();
            let kind = if entity.parameter { "the parameter entity" } else { "the entity" };
            let message = format!("{kind} {} stands in another file: {}", quote(&entity.name), quote(target));
            let all: Vec<String> =
                doctype.entities.iter().filter_map(|e| e.external.as_ref()).take(16).map(quote).collect();
            sink.finding(
                Finding::new(&S1163, message)
                    .at(doctype.at, doctype.length)
                    .element(escape(&entity.name))
                    .detail("targets", all.join(", ")),
            );
            said = true;
        } else if let Some(target) = &doctype.external
            && !KNOWN_HOSTS.iter().any(|host| target.to_ascii_lowercase().starts_with(host))
        {
            let message = format!("the document type is read from {}", quote(target));
            sink.finding(Finding::new(&S1163, message).at(doctype.at, doctype.length).detail("target", quote(target)));
            said = true;
        }
        let (name, size) = doctype.largest().unwrap_or(("", 0));
        let bomb = size == u64::MAX || size > LARGE && size / FACTOR > doctype.length;
        let expansion = tokenizer.expansion();
        if bomb || expansion > LARGE_IN_ALL || doctype.more {
            let message = if size == u64::MAX {
                format!("the entity {} refers to itself", quote(name))
            } else if bomb {
                format!("the entity {} expands to {size} bytes", quote(name))
            } else if doctype.more {
                "the document type declares thousands of entities".to_owned()
            } else {
                format!("the references to entities expand to {expansion} bytes")
            };
            let finding = Finding::new(&S1164, message).at(doctype.at, doctype.length);
            sink.finding(
                finding
                    .detail("entities", doctype.entities.len().to_string())
                    .detail("expands_to", size.max(expansion).to_string()),
            );
            said = true;
        }
        if !said {
            let message = format!("a document type for {} precedes the content", quote(&doctype.name));
            sink.finding(Finding::new(&S1165, message).at(doctype.at, doctype.length));
        }
    }
    for (at, href) in tokenizer.includes() {
        sink.finding(
            Finding::new(&S1163, format!("the document includes {}", quote(href)))
                .at(*at, 1)
                .detail("target", quote(href)),
        );
    }
    if let Some(encoding) = tokenizer.odd_encoding() {
        // Its letters are not where ASCII has them: what was read is not what a parser reads.
        sink.finding(
            Finding::new(
                &S902,
                format!("the document declares the encoding {}, which hides its content", quote(encoding)),
            )
            .at(0, 1),
        );
        sink.incomplete(&format!("the encoding {} is not decoded", quote(encoding)));
    }
    if tokenizer.deepest() > DEEPEST {
        let message = format!("elements nest {} deep: parsers that recurse run out of stack", tokenizer.deepest());
        sink.finding(Finding::new(&S904, message).at(0, 1));
    }
}

/// Reports why the document could not be read on.
pub fn report_error(artifact: &dyn Artifact, error: &Error, sink: &mut dyn Sink) {
    if let ErrorKind::Malformed(_) = error.kind {
        let at = error.offset.min(artifact.size());
        sink.finding(Finding::new(&S902, format!("the document is not well-formed XML: {error}")).at(at, 0));
    }
    sink.incomplete(&format!("the XML was not read to its end: {error}"));
}
