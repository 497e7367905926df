use super::*;
use crate::place::is_unsafe;
use crate::samples;

fn text(report: &ScanReport, limit: usize) -> String {
    let mut out = Vec::new();
    write(report, &MarkdownOptions { limit }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn whole(report: &ScanReport) -> String {
    text(report, MarkdownOptions::default().limit)
}

#[test]
fn golden_comments() {
    for (name, report) in [
        ("everything.md", samples::everything()),
        ("hostile.md", samples::report(vec![samples::hostile()], true)),
        ("clean.md", samples::report(vec![samples::clean()], false)),
    ] {
        samples::assert_golden(name, whole(&report).replace(crate::VERSION, "[VERSION]").as_bytes());
    }
}

#[test]
fn the_verdict_is_the_first_line() {
    assert!(whole(&samples::everything()).starts_with("## ⛔ modelaudit: critical\n"));
    assert!(whole(&samples::report(vec![samples::clean()], false)).starts_with("## ✅ modelaudit: clean\n"));
}

#[test]
fn a_cut_leaves_nothing_open_and_is_told() {
    let mut report = samples::everything();
    let file = report.files[2].clone();
    report.files = (0..2000)
        .map(|n| modelaudit_engine::model::FileReport { path: format!("models/{n}.pkl"), ..file.clone() })
        .collect();
    report.files.push(samples::gap());
    for limit in [0, 500, 1000, 5000, 60_000, 200_000, 10_000_000] {
        let text = text(&report, limit);
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count(), "{limit}");
        assert!(text.len() <= limit.max(700), "{limit}: {}", text.len());
        assert_eq!(text.contains("**Cut here:**"), limit < 10_000_000, "{limit}");
    }
}

#[test]
fn hostile_names_stay_text() {
    let mut report = samples::report(vec![samples::hostile()], true);
    report.errors[0].path = "@team #1 https://evil.example <img src=x> `".to_owned();
    report.errors[0].message = samples::HOSTILE.repeat(500);
    let text = whole(&report);
    assert!(!text.contains(|c| c != '\n' && is_unsafe(c)), "{text:?}");
    // Outside code spans there is no markup but ours, no mention and no address.
    let bare: String = text.lines().map(|line| outside_code(line) + "\n").collect();
    for sign in ["<script", "<img", "@team", "https://evil"] {
        assert!(!bare.contains(sign), "{sign}: {bare}");
    }
}

/// The line without its code spans (CommonMark 0.31, section 6.1: a run of backticks ends at the next run of the same length) and without
/// escaped characters.
fn outside_code(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(start) = rest.find(['`', '\\']) {
        out += &rest[..start];
        if rest[start..].starts_with('\\') {
            rest = &rest[start + 2..];
            continue;
        }
        let run = length_of_run(&rest[start..]);
        let inner = &rest[start + run..];
        let mut at = 0;
        let end = loop {
            let next = at + inner[at..].find('`').expect("a code span is left open");
            let length = length_of_run(&inner[next..]);
            if length == run {
                break next;
            }
            at = next + length;
        };
        rest = &inner[end + run..];
    }
    out + rest
}

fn length_of_run(text: &str) -> usize {
    text.len() - text.trim_start_matches('`').len()
}
