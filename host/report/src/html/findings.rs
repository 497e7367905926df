//! The findings, with what to filter them by, and the rules that explain them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use modelaudit_engine::model::{ArtifactReport, FileReport, Finding, Origin, Rule, ScanReport, Severity};

use super::{HtmlOptions, MOST, NAME, badge, code, more, text};
use crate::place::{clipped, printable};
use crate::reference::Reference;
use crate::traces::ruling;
use crate::{plugin_of, rule_of};

/// A finding and where it is.
type Found<'a> = (&'a FileReport, &'a ArtifactReport, &'a Finding);

fn all(report: &ScanReport, options: HtmlOptions) -> impl Iterator<Item = Found<'_>> {
    let found =
        report.files.iter().flat_map(|file| file.findings().map(move |(artifact, finding)| (file, artifact, finding)));
    found.filter(move |(_, _, f)| options.verbose || f.severity > Severity::Debug)
}

/// All findings: those that fail the scan open, notes and accepted ones folded.
pub fn section(report: &ScanReport, options: HtmlOptions) -> Markup {
    let (mut loud, mut notes, mut accepted) = (Vec::new(), Vec::new(), Vec::new());
    for found in all(report, options) {
        match found.2 {
            f if !f.counts() => accepted.push(found),
            f if f.severity >= Severity::Warning => loud.push(found),
            _ => notes.push(found),
        }
    }
    // The worst file first, and in it the worst finding; the order of the engine holds within.
    loud.sort_by_key(|(file, _, finding)| Reverse((file.worst(), finding.severity)));
    html! {
        section #findings {
            @if !(loud.is_empty() && notes.is_empty() && accepted.is_empty()) { (filters(report, options)) }
            h2 { "Findings " small { (loud.len()) } }
            @if loud.is_empty() { p { "Nothing at warning or above." } }
            (list(report, &loud))
            @if !notes.is_empty() {
                details.group { summary { "Notes " small.dim { (notes.len()) } } (list(report, &notes)) }
            }
            @if !accepted.is_empty() {
                details.group { summary { "Accepted findings " small.dim { (accepted.len()) } } (list(report, &accepted)) }
            }
        }
    }
}

fn list(report: &ScanReport, found: &[Found<'_>]) -> Markup {
    html! {
        @for (file, artifact, finding) in found.iter().take(MOST) { (one(report, file, artifact, finding)) }
        (more(found.len()))
    }
}

/// Hidden until the script shows it: without the script it would do nothing.
fn filters(report: &ScanReport, options: HtmlOptions) -> Markup {
    let rules: BTreeMap<usize, usize> = all(report, options).fold(BTreeMap::new(), |mut rules, (_, _, finding)| {
        *rules.entry(finding.rule).or_default() += 1;
        rules
    });
    let severities: BTreeSet<_> = all(report, options).map(|(_, _, f)| Reverse(f.severity)).collect();
    html! {
        form #filters .filters.card hidden {
            @for Reverse(severity) in severities {
                label { input type="checkbox" value=(severity.word()) checked; (severity.word()) }
            }
            label { "rule " select {
                option value="" { "all" }
                @for (rule, n) in rules {
                    @let rule = (rule, &report.rules[rule]);
                    option value=(rule.0) { (clipped(&rule.1.id, NAME)) " " (clipped(&rule.1.title, 60)) " (" (n) ")" }
                }
            } }
            label { "file " input type="search" placeholder="part of a name"; }
            output {}
        }
    }
}

fn one(report: &ScanReport, file: &FileReport, artifact: &ArtifactReport, finding: &Finding) -> Markup {
    let (rule, plugin) = (rule_of(report, finding), plugin_of(report, finding));
    let state = if finding.counts() { "counts" } else { "accepted" };
    let ruling = ruling(finding);
    html! {
        article class=(format!("finding card {}", finding.severity.word())) data-severity=(finding.severity.word())
            data-rule=(finding.rule) data-file=(clipped(&artifact.location(), NAME)) data-state=(state)
        {
            h3 { (badge(finding.severity.word())) (text(&finding.message)) }
            p {
                (code(&file.path))
                @for member in artifact.path.iter().skip(1) { span.dim { " › " } (code(member)) }
                @if let Some(at) = finding.at { span.dim { " at byte " (at.offset) } }
                @if let Some(element) = &finding.element { span.dim { " in " } (code(element)) }
            }
            p { a href=(format!("#rule-{}", finding.rule)) { (clipped(&rule.id, NAME)) " " (clipped(&rule.title, NAME)) } }
            @if !ruling.is_empty() { p.dim { "policy: " (text(&ruling)) } }
            details.fold {
                summary { "evidence" }
                dl.pairs {
                    dt { "found by" }
                    dd {
                        (clipped(&plugin.name, NAME)) " " (clipped(&plugin.version, NAME))
                        @if let Origin::File(path) = &plugin.origin { ", third party, " (code(path)) }
                    }
                    @if let Some(at) = finding.at { dt { "bytes" } dd { (at.offset) " to " (at.end()) @if artifact.path.len() > 1 { " of the member" } } }
                    @for (key, value) in &finding.details { dt { (clipped(key, NAME)) } dd { (text(value)) } }
                    dt { "fingerprint" } dd.mono { (printable(&finding.fingerprint)) }
                }
            }
        }
    }
}

/// The rules of the findings, each once.
pub fn rules(report: &ScanReport, options: HtmlOptions) -> Markup {
    let used: BTreeSet<usize> = all(report, options).map(|(_, _, f)| f.rule).collect();
    html! {
        @if !used.is_empty() {
            section #rules {
                h2 { "Rules" }
                @for index in used { (rule(index, &report.rules[index])) }
            }
        }
    }
}

fn rule(index: usize, rule: &Rule) -> Markup {
    html! {
        article.card id=(format!("rule-{index}")) {
            strong { (clipped(&rule.id, NAME)) " " (clipped(&rule.title, NAME)) }
            dl.pairs {
                dt { "why" } dd { (text(&rule.why)) }
                dt { "do" } dd { (text(&rule.remedy)) }
                @if !rule.references.is_empty() {
                    dt { "see" }
                    dd { @for (i, reference) in rule.references.iter().enumerate() { @if i > 0 { ", " } (link(reference)) } }
                }
            }
        }
    }
}

fn link(reference: &str) -> Markup {
    html! {
        @match Reference::of(reference).link() {
            Some(target) => a href=(target) rel="noreferrer noopener" { (clipped(reference, NAME)) },
            None => (text(reference)),
        }
    }
}
