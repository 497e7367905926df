//! What a template would write by itself: HTML that runs or loads something, and links.
//!
//! A poisoned template needs no way out of its sandbox: it may add a script for the page that shows the chat, or a link for its reader, to
//! every answer. Chat formats write tags in angle brackets, too, but none of HTML's active ones.

use modelaudit_plugin::{Finding, Severity, Sink, quote};
use modelaudit_rules::configuration::S1034;

/// Active content, in lower case; the second text must follow within the same tag, if it is not empty.
const ACTIVE: &[(&str, &str)] = &[
    ("<script", ""),
    ("<iframe", ""),
    ("<embed ", "src"),
    ("<object ", "data"),
    ("<img ", "src=\"http"),
    ("<img ", "src='http"),
    ("<img ", "onerror"),
    ("<svg ", "onload"),
    ("<a ", "href=\"javascript:"),
    ("![", "](http"),
];

/// Bytes of a tag.
const LONGEST: usize = 300;

/// Reports what the template's source holds of such content: the worst, once.
pub(crate) fn findings(source: &str, size: u64, sink: &mut dyn Sink) {
    let lower = source.to_ascii_lowercase();
    let active = ACTIVE.iter().filter_map(|(start, with)| {
        lower.match_indices(start).map(|(at, _)| at).find(|at| {
            let rest = lower.as_bytes().get(*at..).unwrap_or_default();
            let rest = rest.get(..rest.len().min(LONGEST)).unwrap_or_default();
            let tag = rest.split(|byte| *byte == b'>').next().unwrap_or(rest);
            with.is_empty() || tag.windows(with.len()).any(|text| text == with.as_bytes())
        })
    });
    let link = ["https://", "http://"].iter().filter_map(|scheme| lower.find(scheme)).min();
    let (at, severity, what) = match (active.min(), link) {
        (Some(at), _) => (at, Severity::Warning, "HTML that runs or loads something"),
        (None, Some(at)) => (at, Severity::Info, "a link"),
        (None, None) => return,
    };
    let rest = source.get(at..).unwrap_or_default();
    let end = rest.find(['\n', '"', '\'', ' ']).filter(|_| severity == Severity::Info).unwrap_or(rest.len());
    let shown: String = rest.chars().take(80).collect();
    let shown = shown.get(..end.min(shown.len())).unwrap_or(&shown);
    let message = format!("the template holds {what} of its own: {}", quote(shown));
    let start = (at as u64).min(size);
    sink.finding(Finding::new(&S1034, message).severity(severity).at(start, (shown.len() as u64).min(size - start)));
}
