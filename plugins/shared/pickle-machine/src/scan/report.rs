//! From alerts to findings, facts and completeness.

use std::collections::BTreeSet;

use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, clip, escape, quote};
use modelaudit_rules::pickle::{S206, S212, S215, S216};

use super::analysis::{Analysis, Part};
use super::names::unused_import;
use super::{ScanOptions, code, grade};
use crate::streams::Outcome;

/// Findings of one pickle that are told one by one.
const FINDINGS: usize = 200;

/// Puts everything into the sink; gives the worst severity.
pub(crate) fn report(
    artifact: &dyn Artifact,
    span: Span,
    analysis: &Analysis,
    outcome: &Outcome,
    sink: &mut dyn Sink,
    options: &ScanOptions,
) -> Option<Severity> {
    let element = options.element.as_deref();
    let mut findings: Vec<Finding> = Vec::new();
    for alert in analysis.alerts.roots() {
        let mut finding = alert.finding(element);
        // A stream that breaks off behind its payload: the call ran all the same (nullifAI).
        if let Some(at_break) = analysis.breaks.iter().find(|b| b.stream == alert.stream)
            && alert.at.is_some_and(|(offset, _)| offset < at_break.error.offset)
            && alert.severity >= Severity::Warning
        {
            finding = finding
                .detail("stream_breaks_at", at_break.error.offset.to_string())
                .detail("stream_breaks_because", clip(&escape(&at_break.error.reason), 200));
        }
        findings.push(finding);
    }
    for import in analysis.imported.values().filter(|i| !i.used) {
        let (mut severity, message) = unused_import(import);
        // By-value functions of dill and cloudpickle drag the names of a module along; what their bytecode uses of them is
        // looked at there.
        if analysis.code.seen() && import.is_dragged_along() {
            severity = severity.min(Severity::Info);
        }
        if severity < Severity::Info {
            continue;
        }
        let mut finding = Finding::new(&S206, message)
            .severity(severity)
            .at(import.offset, 1)
            .detail("callable", escape(&import.path))
            .detail("group", import.group.id())
            .detail("opcode", import.opcode)
            .detail("stream", import.stream.to_string());
        if import.written != import.path {
            finding = finding.detail("written_as", escape(&clip(&import.written, 300)));
        }
        if let Some(renamed) = import.renamed {
            finding = finding.detail("renamed", renamed);
        }
        findings.push(with_element(finding, element));
    }
    findings.extend(code::finding(analysis).map(|f| with_element(f, element)));
    findings.extend(frames(analysis, outcome).map(|f| with_element(f, element)));
    findings.extend(packages(analysis).map(|f| with_element(f, element)));
    if let Some((offset, id)) = analysis.persistent.as_ref().filter(|_| !options.persistent_ids_are_known) {
        let message = format!("the loader is asked for the object with the persistent id {id}");
        findings.push(with_element(Finding::new(&S212, message).at(*offset, 1), element));
    }
    if let Some((rule, message)) = grade::companions(analysis) {
        let files: Vec<String> = analysis.companions.iter().take(20).map(quote).collect();
        findings.push(with_element(Finding::new(rule, message).detail("files", files.join(", ")), element));
    }
    let mut told = BTreeSet::new();
    let worst = findings.iter().map(|f| f.severity).max();
    // The worst come first, so that a flood of small ones hides nothing.
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    let more = findings.len().saturating_sub(FINDINGS) as u64 + u64::from(analysis.alerts.lost);
    let size = artifact.size();
    for mut finding in findings.into_iter().take(FINDINGS) {
        finding.at = finding.at.map(|at| at.within(size));
        if told.insert((finding.rule, finding.message.clone(), finding.at)) {
            sink.finding(finding);
        }
    }
    if more > 0 {
        sink.incomplete(&format!("{more} more findings of this pickle are not listed"));
    }
    for (name, part, hint) in &analysis.children {
        match part {
            Part::Span(span) => sink.embed(name, span.within(size), hint),
            Part::Bytes(bytes) => {
                let mut child = sink.child(name, hint);
                if child.write(bytes) {
                    child.finish();
                }
            }
        }
    }
    facts(analysis, outcome, sink);
    completeness(analysis, outcome, span, sink);
    worst
}

fn with_element(finding: Finding, element: Option<&str>) -> Finding {
    match element {
        Some(element) => finding.element(element),
        None => finding,
    }
}

/// A frame whose length lies. A file that was cut off has a frame beyond its end, too, and that is no lie.
fn frames(analysis: &Analysis, outcome: &Outcome) -> Option<Finding> {
    let (offset, length, stream) = analysis.frame_beyond?;
    let cut = analysis.breaks.iter().any(|b| b.stream == stream && b.error.truncated);
    if cut || !outcome.stopped {
        return None;
    }
    let message =
        format!("a frame claims {length} bytes more than the stream has; some loaders refuse it, others run it");
    Some(Finding::new(&S215, message).at(offset, 1).detail("stream", stream.to_string()))
}

/// One finding for everything that nobody reviewed.
fn packages(analysis: &Analysis) -> Option<Finding> {
    let main = !analysis.main.is_empty();
    if analysis.packages.is_empty() && !main {
        return None;
    }
    let mut names: Vec<String> = analysis.packages.keys().map(|p| escape(&clip(p, 80))).collect();
    if main {
        names.push("__main__ (the author's own script)".to_owned());
    }
    let listed = clip(&names.join(", "), 400);
    let globals: Vec<String> = analysis
        .packages
        .values()
        .flatten()
        .cloned()
        .chain(analysis.main.iter().map(|n| format!("__main__.{n}")))
        .take(40)
        .map(|n| escape(&clip(&n, 160)))
        .collect();
    let mut finding = Finding::new(&S216, format!("loading it imports code from {listed}"));
    if let Some(offset) = analysis.first_unknown {
        finding = finding.at(offset, 1);
    }
    Some(finding.detail("globals", globals.join(", ")))
}

fn facts(analysis: &Analysis, outcome: &Outcome, sink: &mut dyn Sink) {
    sink.fact_number("pickle_protocol", u64::from(analysis.protocol));
    sink.fact_number("pickle_streams", u64::from(outcome.streams));
    let globals: Vec<String> = analysis.globals.iter().take(200).map(|g| clip(g, 200)).collect();
    if !globals.is_empty() {
        sink.fact_list("pickle_globals", &globals);
        sink.fact("pickle_weights_only", if analysis.weights_only { "true" } else { "false" });
    }
}

/// What was not understood.
fn completeness(analysis: &Analysis, outcome: &Outcome, span: Span, sink: &mut dyn Sink) {
    for reason in analysis.incomplete.iter().take(16) {
        sink.incomplete(&escape(reason));
    }
    for at_break in analysis.breaks.iter().take(4) {
        let what = if at_break.error.truncated { "the pickle breaks off" } else { "no loader gets past this opcode" };
        let stream = if outcome.streams > 1 { format!(" of stream {}", at_break.stream) } else { String::new() };
        let reason = escape(&clip(&at_break.error.reason, 200));
        sink.incomplete(&format!("{what} at offset {}{stream}: {reason}", at_break.error.offset));
    }
    if let Some(offset) = outcome.array_unknown {
        sink.incomplete(&format!("the layout of the joblib array at offset {offset} is not understood"));
    }
    if let Some(what) = outcome.overflow {
        sink.incomplete(&format!("the pickle has more {what} than are kept"));
    }
    if outcome.more {
        sink.incomplete(&format!(
            "more than {} pickle streams; looked at up to offset {}",
            outcome.streams, outcome.end
        ));
    }
    let _ = span;
}
