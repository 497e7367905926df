//! The analyser on names of its own list, of the fixtures and of real archives.

use std::path::{Path, PathBuf};

use modelaudit_plugin::Plugin;
use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Memory, Report, check_report, conformance, scan_artifact};
use modelaudit_plugin_names::Names;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn scan(name: &str) -> Report {
    let report = scan_artifact::<Names>(Memory::new(name, b"content"), "").0;
    check_report(&Names::describe(), 7, &report).unwrap_or_else(|e| panic!("{name:?}: {e}"));
    report
}

/// Names are kept in a table, one a line with escapes: file systems and git change or refuse some of them.
#[test]
fn names_of_the_table() {
    let table = std::fs::read_to_string(fixtures().join("names/names.csv")).unwrap();
    let mut seen = 0;
    for line in table.lines().skip(1) {
        let (rules, escaped) = line.split_once(',').unwrap();
        let name: String = serde_like(escaped);
        let report = scan(&name);
        let found: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
        assert_eq!(found.join(" "), rules, "{escaped}: {report:#?}");
        assert!(report.worst().is_none_or(|w| w == Severity::Warning) && report.incomplete.is_empty());
        let shown =
            format!("{:?}", report.findings.iter().map(|f| (&f.message, &f.details, &f.element)).collect::<Vec<_>>());
        assert!(!shown.contains(['\u{202e}', '\u{200b}', '\u{2066}']), "{escaped}");
        assert!(!shown.chars().any(|c| ('\u{e0000}'..='\u{e007f}').contains(&c)), "{escaped}");
        seen += 1;
    }
    assert!(seen > 40, "{seen} names");
}

/// `\uXXXX` and `\UXXXXXXXX` as the table writes them.
fn serde_like(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let digits = match (c, chars.clone().next()) {
            ('\\', Some('u')) => 4,
            ('\\', Some('U')) => 8,
            _ => {
                out.push(c);
                continue;
            }
        };
        chars.next();
        let code: String = chars.by_ref().take(digits).collect();
        out.push(char::from_u32(u32::from_str_radix(&code, 16).unwrap()).unwrap());
    }
    out
}

#[test]
fn what_the_host_has_escaped_is_seen() {
    let report = scan("models/model\\u{202e}gpj.exe");
    assert_eq!(report.of("S605")[0].details, [("kind", "bidirectional-control".to_owned())]);
    assert!(report.of("S605")[0].message.contains("model\\u{202e}gpj.exe"), "{report:?}");
}

/// Names of files that git holds, this repository's and its fixtures': none deceives but those made to.
#[test]
fn real_names_are_silent() {
    let mut seen = 0;
    let mut todo = vec![fixtures()];
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() {
                if name != "names" {
                    todo.push(entry.path());
                }
                continue;
            }
            seen += 1;
            assert_eq!(scan(&name).findings, [], "{name}");
        }
    }
    assert!(seen > 1000, "{seen} names");
}

#[test]
fn conforms() {
    conformance::<Names>("m\u{43e}del.safetensors.exe", b"content", "");
}
