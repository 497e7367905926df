//! All formats tell the same of a scan, whatever stands in the names: each is read back.

use super::*;
use crate::Summary;
use crate::place::is_unsafe;
use crate::samples;
use modelaudit_engine::model::{Severity, Verdict};
use serde_json::Value;

/// What a reader of a report takes from it.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    verdict: String,
    critical: u64,
    warning: u64,
    info: u64,
    accepted: u64,
}

fn expected(report: &ScanReport) -> Told {
    let summary = Summary::of(report);
    Told {
        verdict: summary.verdict().word().to_owned(),
        critical: summary.findings(Severity::Critical),
        warning: summary.findings(Severity::Warning),
        info: summary.findings(Severity::Info),
        accepted: summary.accepted,
    }
}

fn written(format: Format, report: &ScanReport, verbose: bool) -> String {
    let options = Options { verbose, folder: Some("/work".into()), ..Options::default() };
    let mut out = Vec::new();
    write(format, report, &options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Counts severities; `None` stands for an accepted finding.
fn tally<'a>(verdict: &str, findings: impl Iterator<Item = Option<&'a str>>) -> Told {
    let mut told = Told { verdict: verdict.to_owned(), critical: 0, warning: 0, info: 0, accepted: 0 };
    for finding in findings {
        match finding {
            None => told.accepted += 1,
            Some("critical") => told.critical += 1,
            Some("warning") => told.warning += 1,
            Some("info") => told.info += 1,
            Some("debug") => {}
            Some(other) => panic!("severity {other}"),
        }
    }
    told
}

fn read(format: Format, output: &str) -> Told {
    match format {
        Format::Text => read_text(output),
        Format::Json => read_json(output),
        Format::Sarif => read_sarif(output),
        Format::CycloneDx => read_cyclonedx(output),
        Format::Html => read_html(output),
        Format::Junit => read_junit(output),
        Format::Markdown => read_markdown(output),
    }
}

/// The plain text shows what fails the scan; its last line counts the rest.
fn read_text(output: &str) -> Told {
    let verdict = output.split_whitespace().next().unwrap().to_lowercase();
    let last = output.lines().last().unwrap();
    let number = |what: &str| {
        let part = last.split("; ").find(|part| part.contains(what));
        part.map_or(0, |part| part.split_whitespace().next().unwrap().parse().unwrap())
    };
    let shown = |label: &str| output.lines().filter(|line| line.starts_with(&format!("  {label} "))).count() as u64;
    Told {
        verdict,
        critical: shown("CRITICAL"),
        warning: shown("WARNING"),
        info: number(" note"),
        accepted: number(" accepted finding"),
    }
}

fn read_json(output: &str) -> Told {
    let report: Value = serde_json::from_str(output).unwrap();
    let issues = report["issues"].as_array().unwrap().iter();
    let told = tally(
        report["verdict"].as_str().unwrap(),
        issues.map(|i| i["severity"].as_str().filter(|_| i.get("accepted").is_none())),
    );
    let counts = &report["issue_counts"];
    assert_eq!((counts["critical"].as_u64(), counts["accepted"].as_u64()), (Some(told.critical), Some(told.accepted)));
    told
}

fn read_sarif(output: &str) -> Told {
    let log: Value = serde_json::from_str(output).unwrap();
    let run = &log["runs"][0];
    let counts = |r: &&Value| r["suppressions"].as_array().unwrap().is_empty();
    let results = run["results"].as_array().unwrap();
    for result in results {
        let level = match result["properties"]["severity"].as_str().unwrap() {
            "critical" => "error",
            "warning" => "warning",
            _ => "note",
        };
        assert_eq!(result["level"], level);
    }
    let severities =
        results.iter().map(|r| Some(r).filter(counts).map(|r| r["properties"]["severity"].as_str().unwrap()));
    tally(run["properties"]["verdict"].as_str().unwrap(), severities)
}

/// Counts stand at the whole and at each file; both must be the same.
fn read_cyclonedx(output: &str) -> Told {
    let bom: Value = serde_json::from_str(output).unwrap();
    let property = |of: &Value, name: &str| {
        let properties = of["properties"].as_array().unwrap();
        let found = properties.iter().find(|p| p["name"] == format!("modelaudit:{name}"));
        found.map(|p| p["value"].as_str().unwrap().to_owned())
    };
    let root = &bom["metadata"]["component"];
    let files: Vec<_> =
        bom["components"].as_array().unwrap().iter().filter(|c| property(c, "verdict").is_some()).collect();
    let number = |name: &str| {
        let of = |component: &Value| property(component, name).unwrap().parse::<u64>().unwrap();
        assert_eq!(files.iter().map(|f| of(f)).sum::<u64>(), of(root), "{name}");
        of(root)
    };
    for file in &files {
        let risky = property(file, "risk_score").unwrap() != "0";
        let verdict = property(file, "verdict").unwrap();
        assert_eq!(risky, matches!(verdict.as_str(), "critical" | "warning"), "{verdict}");
    }
    Told {
        verdict: property(&bom["metadata"], "verdict").unwrap(),
        critical: number("critical"),
        warning: number("warning"),
        info: number("info"),
        accepted: number("accepted"),
    }
}

fn read_html(output: &str) -> Told {
    let attribute = |tag: &str, name: &str| -> String {
        let (_, rest) = tag.split_once(&format!(" {name}=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let (_, title) = output.split_once("<title>modelaudit: ").unwrap();
    let tags: Vec<_> = output
        .split("<article class=\"finding ")
        .skip(1)
        .map(|rest| rest.split('>').next().unwrap().to_owned())
        .collect();
    let severities: Vec<_> = tags
        .iter()
        .map(|tag| Some(attribute(tag, "data-severity")).filter(|_| attribute(tag, "data-state") == "counts"))
        .collect();
    tally(title.split('<').next().unwrap(), severities.iter().map(Option::as_deref))
}

fn read_junit(output: &str) -> Told {
    let report = quick_junit::Report::deserialize_from_str(output).unwrap();
    let property = |list: &[quick_junit::Property], name: &str| {
        list.iter().find(|p| p.name.as_str() == name).map(|p| p.value.as_str().to_owned())
    };
    let verdict = property(&report.test_suites[0].properties, "verdict").unwrap();
    let cases = report.test_suites.iter().flat_map(|suite| &suite.test_cases);
    let severities: Vec<_> = cases
        .filter_map(|case| {
            let severity = property(&case.properties, "severity")?;
            let accepted = matches!(case.status, quick_junit::TestCaseStatus::Skipped { .. });
            Some(if accepted { None } else { Some(severity) })
        })
        .collect();
    tally(&verdict, severities.iter().map(Option::as_deref))
}

/// The table of numbers, and the items of the lists.
fn read_markdown(output: &str) -> Told {
    let verdict = output.lines().next().unwrap().rsplit(' ').next().unwrap();
    let row = output.lines().skip_while(|line| !line.starts_with("|--:")).nth(1).unwrap();
    let cells: Vec<u64> = row.split('|').filter_map(|cell| cell.trim().parse().ok()).collect();
    let (counting, accepted) = output.split_once("<summary>Accepted findings</summary>").unwrap_or((output, ""));
    let items = |text: &str, severity: &str| {
        text.lines().filter(|line| line.starts_with(&format!("- **{severity}** "))).count() as u64
    };
    let told = Told {
        verdict: verdict.to_owned(),
        critical: items(counting, "critical"),
        warning: items(counting, "warning"),
        info: items(counting, "info"),
        accepted: ["critical", "warning", "info", "debug"].iter().map(|severity| items(accepted, severity)).sum(),
    };
    assert_eq!(cells[..4], [told.critical, told.warning, told.info, told.accepted]);
    told
}

#[test]
fn every_format_tells_the_same() {
    let loud = samples::report(vec![samples::warning(), samples::info(), samples::clean()], false);
    let quiet = samples::report(vec![samples::accepted(), samples::clean()], false);
    for report in [samples::everything(), loud, quiet, samples::report(vec![samples::gap()], true)] {
        let expected = expected(&report);
        for format in Format::ALL {
            for verbose in [false, true] {
                // The text for people shows notes and accepted findings among the others if it is verbose.
                if !(format == Format::Text && verbose) {
                    assert_eq!(read(format, &written(format, &report, verbose)), expected, "{format} {verbose}");
                }
            }
        }
    }
    assert_eq!(
        expected(&samples::everything()),
        Told { verdict: Verdict::Critical.word().to_owned(), critical: 1, warning: 1, info: 1, accepted: 2 }
    );
}

/// What an attacker writes into names: controls, escape sequences, reversed text, markup of every format, 4,000 bytes of it, and what is
/// left of bytes that are no UTF-8.
fn hostile_names() -> Vec<String> {
    let mut names: Vec<String> = [
        samples::HOSTILE,
        "\u{fffd}\u{fffd}\u{fffd}.pkl",
        "]]>--><b>&lt;&#x3c;'\"</style></script></details></title>",
        "`` ` ``` [x](javascript:alert(1)) ![](http://evil.example/x) @team #1 | --- |\r\n# heading",
        "\u{0}\u{7f}\u{85}\u{2028}\u{2066}\u{feff}\u{e0041}",
        "../../etc/passwd",
        "..\\..\\con:stream",
        "%2e%2e%2f{0}%s${x}",
        "-",
        " ",
        "",
    ]
    .map(str::to_owned)
    .into();
    names.push("\u{202e}\x1b[31m<script>".repeat(250));
    names.push("x".repeat(4000));
    names
}

#[test]
fn hostile_names_are_harmless_in_every_format() {
    for name in hostile_names() {
        let mut file = samples::hostile();
        let artifact = &mut file.artifacts[0];
        artifact.path = vec![name.clone(), name.clone()];
        artifact.formats = vec![name.clone()];
        artifact.scanners = vec![name.clone()];
        artifact.facts = [("license", &name), ("architecture", &name), ("datasets", &name), ("author", &name)]
            .map(|(key, value)| (key.to_owned(), Value::from(value.as_str())))
            .into();
        artifact.facts.insert(name.clone(), Value::from(name.as_str()));
        artifact.findings[0].message = name.clone();
        artifact.findings[0].element = Some(name.clone());
        artifact.findings[0].details = vec![(name.clone(), name.clone())];
        artifact.gaps[0].reason = name.clone();
        artifact.tensors[0].name = name.clone();
        file.path = name.clone();
        let mut report = samples::report(vec![file, samples::critical()], true);
        report.errors[0].path = name.clone();
        report.errors[0].message = name.clone();
        report.plugins[1].name = name.clone();
        report.policy.suppress = vec![name.clone()];
        report.policy.excluded = vec![name.clone()];
        report.families = samples::everything().families;
        report.families[0].name = name.clone();
        report.families[0].missing = vec![name.clone()];
        let expected = expected(&report);
        for format in Format::ALL {
            let output = written(format, &report, true);
            assert!(!output.contains(|c| c != '\n' && is_unsafe(c)), "{format} {name:?}: {output:?}");
            assert!(output.len() < 400_000, "{format} {name:?}: {} bytes", output.len());
            let output = written(format, &report, false);
            assert_eq!(read(format, &output), expected, "{format} {name:?}");
        }
    }
}
