//! From evidence to findings: one for the escape, one for the files that are taken in, however often the template does it.

use modelaudit_plugin::{Finding, Rule, Severity, Sink, clip, escape, quote};
use modelaudit_rules::policy::{S1011, S1016};
use modelaudit_rules::structure::S904;

use crate::context::{About, Evidence};
use crate::statements::Outcome;

/// Names and expressions shown.
const SHOWN: usize = 8;

/// Reports what reading a template gave.
pub(crate) fn findings(outcome: &Outcome, source: &str, size: u64, sink: &mut dyn Sink) {
    let groups: [(&'static Rule, &[About]); 3] = [
        (&S1011, &[About::Attribute, About::Computed, About::Global, About::Call]),
        (&S1016, &[About::File]),
        (&S904, &[About::Size]),
    ];
    for (rule, abouts) in groups {
        let mut group: Vec<&Evidence> = outcome.evidence.iter().filter(|e| abouts.contains(&e.about)).collect();
        group.sort_by_key(|e| e.offset);
        if let Some(worst) = group.iter().map(|e| e.severity).max() {
            // What is merely odd is no evidence beside what is not.
            group.retain(|e| e.severity == worst || e.severity >= Severity::Critical);
            sink.finding(finding(rule, worst, &group, outcome, source, size));
        }
    }
}

/// One finding of a group of evidence.
fn finding(
    rule: &'static Rule,
    severity: Severity,
    group: &[&Evidence],
    outcome: &Outcome,
    source: &str,
    size: u64,
) -> Finding {
    let mut names: Vec<&str> = Vec::new();
    let mut places: Vec<(usize, usize)> = Vec::new();
    for evidence in group {
        if !names.contains(&evidence.name.as_str()) {
            names.push(&evidence.name);
        }
        let place = outcome.places.iter().find(|(start, end)| (*start..*end).contains(&evidence.offset));
        if let Some(place) = place.filter(|p| !places.contains(p)) {
            places.push(*place);
        }
    }
    let first = group.first().map_or(0, |e| e.offset);
    let shown: Vec<String> = names.iter().take(SHOWN).map(quote).collect();
    let more = if names.len() > SHOWN { " and more" } else { "" };
    let list = format!("{}{more}", shown.join(", "));
    let only = |about: About| group.iter().all(|e| e.about == about);
    let message = if rule.id == S1016.id {
        format!("the template takes in another file: {list}")
    } else if rule.id == S904.id {
        format!("the template asks for {}", names.first().copied().unwrap_or("too much"))
    } else if only(About::Computed) {
        format!("the template asks for an attribute whose name is put together at rendering: {list}")
    } else if only(About::Call) {
        format!("the template calls functions that run code or commands: {list}")
    } else if only(About::Global) {
        format!("the template reaches into the application: {list}")
    } else {
        format!("the template leaves its sandbox through {list}")
    };
    let (start, end) = places.first().copied().unwrap_or((first, first));
    let size_of = |n: usize| n as u64;
    let start_at = size_of(start).min(size);
    let mut finding = Finding::new(rule, message)
        .severity(severity)
        .at(start_at, size_of(end).min(size).saturating_sub(start_at))
        .detail("names", names.iter().take(4 * SHOWN).map(|n| escape(n)).collect::<Vec<_>>().join(", "))
        .detail("line", (source.get(..first).unwrap_or_default().matches('\n').count() + 1).to_string());
    if let Some(code) = source.get(start..end) {
        finding = finding.detail("expression", clip(&escape(&clip(code, 400)), 500));
    }
    if places.len() > 1 {
        finding = finding.detail("expressions", places.len().to_string());
    }
    finding
}
