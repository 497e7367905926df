//! The files with what is nested in them: facts, tensors, who looked.

use std::cmp::Reverse;

use maud::{Markup, html};
use modelaudit_engine::model::{ArtifactReport, FileReport, ScanReport, Severity, Tensor};

use super::{HtmlOptions, MOST, NAME, badge, code, more, text};
use crate::amount::{count, size};
use crate::place::{clipped, printable};
use crate::tensors::by_type;

/// Deepest indent; what is nested deeper stands under it.
const DEEPEST: usize = 8;
/// Tensors that are named without `verbose`: the largest ones.
const LARGEST: usize = 5;
/// Element types that are listed.
const TYPES: usize = 50;

/// All files, the worst first.
pub fn section(report: &ScanReport, options: HtmlOptions) -> Markup {
    let mut files: Vec<_> = report.files.iter().collect();
    files.sort_by_key(|file| Reverse(file.verdict()));
    // One budget for all artifacts: a thousand archives of a thousand members are a page that no browser opens.
    let mut left = MOST;
    let mut shown: Vec<(&FileReport, usize)> = Vec::new();
    for file in &files {
        let n = file.artifacts.len().min(left);
        left -= n;
        if n > 0 {
            shown.push((file, n));
        }
    }
    let artifacts: usize = report.files.iter().map(|f| f.artifacts.len()).sum();
    html! {
        section #files {
            h2 { "Files " small { (report.files.len()) @if artifacts > report.files.len() { ", " (artifacts) " parts" } } }
            @for (file, n) in shown { (one(file, n, options)) }
            (more(artifacts))
        }
    }
}

fn one(file: &FileReport, n: usize, options: HtmlOptions) -> Markup {
    html! {
        div.card.file {
            @for (index, artifact) in file.artifacts.iter().take(n).enumerate() {
                details class=(format!("part d{}", (artifact.path.len().saturating_sub(1)).min(DEEPEST))) {
                    summary {
                        @if index == 0 { (badge(file.verdict().word())) }
                        span.name {
                            (code(if index == 0 { &file.path } else { artifact.path.last().map_or("", String::as_str) }))
                            (marks(artifact))
                        }
                        span.dim { (formats(artifact)) ", " (size(artifact.size)) }
                    }
                    div.inside {
                        @if index == 0 {
                            @if let Some(path) = &file.duplicate_of { p { "Has the bytes of " (code(path)) "." } }
                        }
                        (inside(artifact, options))
                    }
                }
            }
        }
    }
}

/// How many findings that count stand in an artifact.
fn marks(artifact: &ArtifactReport) -> Markup {
    let n = |severity| artifact.findings.iter().filter(|f| f.counts() && f.severity == severity).count();
    html! {
        @for severity in [Severity::Critical, Severity::Warning] {
            @if n(severity) > 0 { " " span class=(format!("badge {}", severity.word())) { (n(severity)) " " (severity.word()) } }
        }
        @if !artifact.gaps.is_empty() { " " span.badge.incomplete { "in part" } }
    }
}

fn formats(artifact: &ArtifactReport) -> String {
    if artifact.formats.is_empty() {
        "no known format".to_owned()
    } else {
        clipped(&artifact.formats.join(", "), NAME).into_owned()
    }
}

fn inside(artifact: &ArtifactReport, options: HtmlOptions) -> Markup {
    html! {
        dl.pairs {
            dt { "SHA-256" }
            dd.mono { @match &artifact.sha256 { Some(hash) => (crate::hex(hash)), None => "could not be read to the end" } }
            dt { "seen by" }
            dd { @if artifact.scanners.is_empty() { "nothing" } @else { (text(&artifact.scanners.join(", "))) } }
            @if let Some(view) = artifact.view { dt { "bytes of its parent" } dd { (view.offset) " to " (view.end()) } }
            @for gap in artifact.gaps.iter().take(MOST) { dt { "not seen" } dd { (printable(&gap.plugin)) ": " (text(&gap.reason)) } }
            @for (key, value) in &artifact.facts { dt { (clipped(key, NAME)) } dd { (text(&crate::facts::plain(value))) } }
            @if options.verbose { @for (plugin, line) in artifact.log.iter().take(MOST) { dt { "log of " (clipped(plugin, NAME)) } dd { (text(line)) } } }
        }
        @if !artifact.tensors.is_empty() { (tensors(&artifact.tensors, options)) }
    }
}

fn tensors(tensors: &[Tensor], options: HtmlOptions) -> Markup {
    let shares = by_type(tensors);
    let mut listed: Vec<_> = tensors.iter().collect();
    if !options.verbose {
        listed.sort_by_key(|tensor| Reverse(tensor.at.length));
        listed.truncate(LARGEST);
    }
    html! {
        table {
            thead { tr { th { "tensors" } th.n { "number" } th.n { "parameters" } th.n { "bytes" } } }
            tbody {
                @for (dtype, share) in shares.iter().take(TYPES) {
                    tr { td { (code(dtype)) } td.n { (share.tensors) } td.n { (share.parameters) } td.n { (size(share.bytes)) } }
                }
            }
        }
        @if shares.len() > TYPES { p.dim { "… and " (count((shares.len() - TYPES) as u64, "more type")) } }
        details.fold {
            summary { @if options.verbose { "each tensor" } @else { "the largest" } }
            table {
                thead { tr { th { "name" } th { "type" } th { "shape" } th.n { "bytes" } } }
                tbody {
                    @for tensor in listed.iter().take(MOST) {
                        tr { td { (code(&tensor.name)) } td { (code(&tensor.dtype)) } td { (shape(tensor)) } td.n { (size(tensor.at.length)) } }
                    }
                }
            }
            (more(listed.len()))
        }
    }
}

fn shape(tensor: &Tensor) -> String {
    let lengths: Vec<_> = tensor.shape.iter().take(16).map(u64::to_string).collect();
    let rest = if tensor.shape.len() > 16 { " × …" } else { "" };
    if lengths.is_empty() { "scalar".to_owned() } else { lengths.join(" × ") + rest }
}
