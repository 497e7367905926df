//! Facts and findings out of what was declared and found.

use modelaudit_plugin::{Finding, Severity, Sink, Span, escape};
use modelaudit_rules::licences::{S1008, S1022, S1023};

use crate::class::Class;
use crate::declared::{Declared, Source};
use crate::expression::Terms;
use crate::identifiers::Known;
use crate::policy::row;

/// Findings about one artifact; a bundle of more licences says so in its facts.
const MOST: usize = 24;

/// Reports the licences of an artifact, each once, under the first source that names it.
pub fn licences(declared: &[Declared], size: u64, sink: &mut dyn Sink) {
    let Some(first) = declared.first() else { return };
    let mut ids: Vec<&str> = Vec::new();
    for known in declared.iter().flat_map(|d| &d.terms.licences) {
        if !ids.contains(&known.id.as_str()) {
            ids.push(&known.id);
        }
    }
    // What somebody wrote down as the licence of the whole comes first; of texts and notices, all have to be met.
    let stated = matches!(first.source, Source::ModelCard | Source::Metadata | Source::Tag);
    let parts = || declared.iter().filter(|d| !stated || d.source == first.source).map(|d| d.terms.clone()).collect();
    if let Some(whole) = Terms::together(parts()) {
        sink.fact_text("license", &whole.expression);
        sink.fact_text("license_class", whole.class.word());
        sink.fact_text("license_source", first.source.word());
    }
    sink.fact_list("licenses", &ids);

    let mut told: Vec<&Known> = Vec::new();
    for declaration in declared {
        for known in declaration.terms.binding() {
            if told.contains(&known) || told.len() == MOST {
                continue;
            }
            told.push(known);
            one(declaration, known, size, sink);
        }
    }
    contradictions(declared, size, sink);
}

fn place(finding: Finding, at: Span, size: u64) -> Finding {
    let at = at.within(size);
    if at.length == 0 { finding } else { finding.at(at.offset, at.length) }
}

fn called(known: &Known) -> String {
    let id = escape(&known.id);
    if known.title.is_empty() { id } else { format!("{id} ({})", known.title) }
}

fn one(declaration: &Declared, known: &Known, size: u64, sink: &mut dyn Sink) {
    let details = |finding: Finding| {
        let finding = place(finding, declaration.at, size)
            .detail("spdx_id", escape(&known.id))
            .detail("class", known.class.word())
            .detail("source", declaration.source.word());
        if declaration.terms.licences.len() > 1 {
            finding.detail("expression", escape(&declaration.terms.expression))
        } else {
            finding
        }
    };
    let policy = row(known.class);
    if let Some(rule) = &policy.rule {
        let message = format!("{} {}, {}", declaration.source.says(), called(known), policy.what);
        sink.finding(details(Finding::new(rule, message).severity(policy.severity)));
    }
    if known.deprecated {
        let message = format!("{} {}, an identifier that SPDX has replaced", declaration.source.says(), called(known));
        let finding = details(Finding::new(&S1022, message));
        sink.finding(match successor(&known.id) {
            Some(successor) => finding.detail("use_instead", successor),
            None => finding,
        });
    }
}

/// What SPDX says to write instead: GNU's licences say whether later versions are allowed, too.
fn successor(id: &str) -> Option<String> {
    let (base, later) = match id.strip_suffix('+') {
        Some(base) => (base, true),
        None => (id, false),
    };
    let exists = |id: &String| spdx::license_id(id).is_some_and(|l| l.name == id);
    let (only, or_later) = (format!("{base}-only"), format!("{base}-or-later"));
    match (exists(&only), later) {
        (true, true) => Some(or_later),
        (true, false) => Some(format!("{only} or {or_later}")),
        _ => None,
    }
}

/// Licences that contradict each other: inside one declaration, or between what is declared and what the file itself says.
fn contradictions(declared: &[Declared], size: u64, sink: &mut dyn Sink) {
    for declaration in declared {
        if let Some((a, b, why)) = declaration.terms.contradiction() {
            let message = format!("{} and {} have to be met together: {why}", escape(&a.id), escape(&b.id));
            sink.finding(
                place(Finding::new(&S1008, message), declaration.at, size)
                    .detail("spdx_id", escape(&declaration.terms.expression))
                    .detail("class", declaration.terms.class.word())
                    .detail("source", declaration.source.word()),
            );
        }
    }
    let Some(stated) = declared.iter().find(|d| matches!(d.source, Source::ModelCard | Source::Metadata | Source::Tag))
    else {
        return;
    };
    let said = declared.iter().filter(|d| matches!(d.source, Source::Text | Source::Statement));
    let stricter = |d: &&Declared| {
        d.terms.class != Class::Unknown && d.terms.class >= Class::StrongCopyleft && d.terms.class > stated.terms.class
    };
    if let Some(other) = said.filter(stricter).find(|d| !d.terms.licences.iter().any(|k| same_family(k, stated))) {
        let (words, id) = (other.source.says(), escape(&other.terms.expression));
        let message = format!("{} {}, but {words} {id}", stated.source.says(), escape(&stated.terms.expression));
        sink.finding(
            place(Finding::new(&S1008, message), other.at, size)
                .detail("spdx_id", id)
                .detail("class", other.terms.class.word())
                .detail("source", other.source.word()),
        );
    }
}

/// `GPL-3.0` and the text that is found as `GPL-3.0-only` are the same licence.
fn same_family(known: &Known, stated: &Declared) -> bool {
    let base = |id: &str| id.trim_end_matches('+').trim_end_matches("-only").trim_end_matches("-or-later").to_owned();
    stated.terms.licences.iter().any(|k| base(&k.id) == base(&known.id))
}

/// The model card that names no licence.
pub fn missing(sink: &mut dyn Sink) {
    sink.finding(
        Finding::new(&S1023, "the model card names no licence")
            .severity(Severity::Info)
            .detail("class", "missing")
            .detail("source", Source::ModelCard.word()),
    );
}

/// A licence file whose text nobody knows.
pub fn unknown_text(sink: &mut dyn Sink) {
    sink.finding(
        Finding::new(&S1023, "the text of this licence is none that is known here")
            .severity(Severity::Info)
            .detail("class", Class::Unknown.word())
            .detail("source", Source::Text.word()),
    );
}
