//! The report as one page for a browser: nothing is loaded, nothing runs but one small script of ours, everything is there without it.
//!
//! Names out of files are escaped twice over: maud escapes all text and attributes, and control and bidirectional characters are written
//! out. A content security policy names our script and style by their hashes, so that even markup that slipped in could neither
//! run nor load anything.

mod files;
mod findings;

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};
use modelaudit_engine::model::{FileReport, Origin, ScanReport, Severity, Verdict};
use sha2::{Digest, Sha256};

use crate::Summary;
use crate::amount::{count, duration, size};
use crate::place::{clipped, printable};
use crate::time::rfc3339;
use crate::traces::{Subject, traces};

/// How the page looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct HtmlOptions {
    /// With debug findings, each tensor, and what plugins logged.
    pub verbose: bool,
}

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");
/// Longest text out of a file that is shown; in characters.
const TEXT: usize = 2000;
/// Longest name.
const NAME: usize = 500;
/// Entries of a list; a browser gets slow with more. What is left out is counted.
const MOST: usize = 5000;

/// Writes the page.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &ScanReport, options: &HtmlOptions, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(page(report, *options).into_string().as_bytes())?;
    out.write_all(b"\n")
}

/// Text out of a file.
fn text(text: &str) -> Markup {
    html! { span.text { (clipped(text, TEXT)) } }
}

/// A name or a value out of a file.
fn code(text: &str) -> Markup {
    html! { code { (clipped(text, NAME)) } }
}

fn badge(word: &str) -> Markup {
    html! { span class=(format!("badge {word}")) { (word) } }
}

/// Says how many entries were left out, if any.
fn more(all: usize) -> Markup {
    html! {
        @if all > MOST { p.dim { "… and " (all - MOST) " more, which the JSON report has" } }
    }
}

/// The source of a content security policy for a text of ours.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", data_encoding::BASE64.encode(&Sha256::digest(text.as_bytes())))
}

fn page(report: &ScanReport, options: HtmlOptions) -> Markup {
    let summary = Summary::of(report);
    let verdict = summary.verdict().word();
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="referrer" content="no-referrer";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "modelaudit: " (verdict) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (head(report, &summary))
                main {
                    (findings::section(report, options))
                    (unseen(report))
                    (bent(report))
                    (files::section(report, options))
                    (findings::rules(report, options))
                    (plugins(report))
                    footer { "modelaudit " (crate::VERSION) ", scan of " (rfc3339(report.started)) ", " (duration(report.duration)) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

fn head(report: &ScanReport, summary: &Summary) -> Markup {
    let verdict = summary.verdict().word();
    let line = crate::text::verdict(report);
    let sentence = line.split_once("  ").map_or(line.as_str(), |(_, rest)| rest);
    let number = |class: &str, n: u64, what: &str| {
        let class = if n > 0 && !class.is_empty() { format!("on {class}") } else { String::new() };
        let what = if n == 1 { what.trim_end_matches('s') } else { what };
        html! { div class=(class) { dt { (what) } dd { (n) } } }
    };
    let of = |severity| summary.findings(severity);
    html! {
        header class=(format!("top {verdict}")) {
            div {
                h1 { (badge(verdict)) span.text { (sentence) } }
                dl.numbers {
                    (number("critical", of(Severity::Critical), "critical"))
                    (number("warning", of(Severity::Warning), "warning"))
                    (number("info", of(Severity::Info), "notes"))
                    (number("accepted", summary.accepted, "accepted"))
                    (number("", summary.files, "files"))
                    (number("incomplete", summary.partial, "seen in part"))
                    (number("incomplete", summary.errors, "errors"))
                    div { dt { "scanned" } dd { (size(summary.bytes)) } }
                }
            }
        }
    }
}

/// What was not looked at.
fn unseen(report: &ScanReport) -> Markup {
    let gaps: Vec<_> = report.files.iter().flat_map(FileReport::gaps).collect();
    let unknown: Vec<_> = report.files.iter().filter(|f| f.verdict() == Verdict::Unrecognised).collect();
    let left_out: Vec<_> =
        traces(report).into_iter().filter(|t| matches!(t.subject, Subject::LeftOut | Subject::MissingShards)).collect();
    if gaps.is_empty() && unknown.is_empty() && left_out.is_empty() && report.errors.is_empty() {
        return html! {};
    }
    html! {
        section #unseen {
            h2 { "What was not looked at" }
            @if !report.errors.is_empty() {
                div.card {
                    strong { (count(report.errors.len() as u64, "error")) }
                    ul.plain { @for error in report.errors.iter().take(MOST) { li.error { (code(&error.path)) ": " (text(&error.message)) } } }
                    (more(report.errors.len()))
                }
            }
            @if !gaps.is_empty() {
                div.card {
                    strong { "Scanned only in part" }
                    ul.plain {
                        @for (artifact, gap) in gaps.iter().take(MOST) {
                            li.gap { (code(&artifact.location())) " " span.dim { (printable(&gap.plugin)) } ": " (text(&gap.reason)) }
                        }
                    }
                    (more(gaps.len()))
                }
            }
            @if !unknown.is_empty() {
                div.card {
                    strong { "Of no known format" } ", so only the analysers looked"
                    ul.plain { @for file in unknown.iter().take(MOST) { li { (code(&file.path)) } } }
                    (more(unknown.len()))
                }
            }
            @if !left_out.is_empty() {
                div.card {
                    strong { "Left out or missing" }
                    ul.plain { @for trace in &left_out { li.trace { (text(&trace.text)) } } }
                }
            }
        }
    }
}

/// What bent the verdict.
fn bent(report: &ScanReport) -> Markup {
    let traces: Vec<_> =
        traces(report).into_iter().filter(|t| matches!(t.subject, Subject::Policy | Subject::Duplicates)).collect();
    html! {
        @if !traces.is_empty() {
            section #policy {
                h2 { "Policy" }
                div.card { ul.plain { @for trace in &traces { li.trace { (text(&trace.text)) } } } }
            }
        }
    }
}

fn plugins(report: &ScanReport) -> Markup {
    html! {
        @if !report.plugins.is_empty() {
            details.group {
                summary { "Plugins " small.dim { (report.plugins.len()) } }
                div.card {
                    table {
                        thead { tr { th { "name" } th { "version" } th { "from" } } }
                        tbody {
                            @for plugin in &report.plugins {
                                tr {
                                    td { (code(&plugin.name)) }
                                    td { (clipped(&plugin.version, NAME)) }
                                    td {
                                        @match &plugin.origin {
                                            Origin::Builtin => "built in",
                                            Origin::File(path) => { "third party, " (code(path)) }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
