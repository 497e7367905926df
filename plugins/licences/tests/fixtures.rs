//! The analyser on its own fixtures, on texts of SPDX's list and on the corpus: what must be named is, and nothing else speaks up.

use std::path::{Path, PathBuf};

use modelaudit_plugin::testing::{Memory, Report, conformance, scan_artifact};
use modelaudit_plugin::{Artifact, Plugin, Severity};
use modelaudit_plugin_licences::Licences;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn read(path: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// As the host does: an analyser is started only where an anchor stands.
fn scan(name: &str, bytes: &[u8]) -> Report {
    let artifact = Memory::new(name, bytes).anchors(Licences::describe().anchors);
    if artifact.hits(0, 1).is_empty() { Report::default() } else { scan_artifact::<Licences>(artifact, "").0 }
}

fn rows(table: &str) -> Vec<Vec<String>> {
    let text = String::from_utf8(read(table)).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn own_fixtures() {
    let rows = rows("licences/labels.csv");
    for row in &rows {
        let [file, _, expected, rules] = &row[..] else { panic!("{row:?}") };
        let report = scan(file, &read(&format!("licences/{file}")));
        let verdict = match report.worst() {
            None => "clean",
            Some(worst) if worst <= Severity::Info => "info",
            Some(worst) => panic!("{file}: {worst:?}"),
        };
        assert_eq!(verdict, expected, "{file}: {:#?}", report.findings);
        let mut found: Vec<&str> = report.findings.iter().map(|finding| finding.rule).collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(&found.join(" "), rules, "{file}: {:#?}", report.findings);
        assert!(report.incomplete.is_empty(), "{file}: {:?}", report.incomplete);
    }
    assert!(rows.len() > 80, "{} fixtures", rows.len());
}

#[test]
fn the_licence_is_a_fact_as_an_spdx_expression() {
    for row in rows("licences/expressions.csv") {
        let [file, expected] = &row[..] else { panic!("{row:?}") };
        let report = scan(file, &read(&format!("licences/{file}")));
        let fact = report.fact("license").map(|json| json.trim_matches('"')).unwrap_or_default();
        assert_eq!(fact, expected, "{file}");
        let parsed = spdx::Expression::parse_mode(fact, spdx::ParseMode::LAX);
        assert!(fact.is_empty() || parsed.is_ok(), "{file}: '{fact}' is no SPDX expression");
    }
}

#[test]
fn findings_carry_what_a_policy_needs() {
    let report = scan("README.md", b"---\nlicense: agpl-3.0\n---\n");
    let finding = report.of("S1009")[0];
    let expected = [("spdx_id", "AGPL-3.0"), ("class", "network-copyleft"), ("source", "model-card")];
    assert_eq!(finding.details, expected.map(|(k, v)| (k, v.to_owned())));
    let old = report.of("S1022")[0];
    assert_eq!(old.details.last().unwrap(), &("use_instead", "AGPL-3.0-only or AGPL-3.0-or-later".to_owned()));
    let at = finding.at.unwrap();
    assert_eq!((at.offset, at.length), (13, 8));
    assert_eq!(report.fact("license_class"), Some("\"network-copyleft\""));

    let report = scan("LICENSE", &read("licences/text/bundle/LICENSE.txt"));
    assert_eq!(report.fact("licenses"), Some("[\"MIT\",\"ISC\"]"));
    assert_eq!(
        report.fact("copyright"),
        Some("[\"Copyright (c) 2024 The Tiny Authors\",\"Copyright (c) 2020, Somebody\"]")
    );
}

#[test]
fn long_texts_are_found_and_a_stricter_one_than_declared_contradicts() {
    let text = |id: &str| spdx::license_id(id).unwrap().text();
    for (id, rules) in [
        ("Apache-2.0", vec![]),
        ("GPL-3.0-only", vec!["S1009"]),
        ("AGPL-3.0-only", vec!["S1009"]),
        ("CC-BY-NC-4.0", vec!["S1020"]),
        ("CC-BY-SA-4.0", vec!["S1009"]),
        ("BUSL-1.1", vec!["S1021"]),
        ("MPL-2.0", vec!["S1009"]),
    ] {
        let report = scan("LICENSE", text(id).as_bytes());
        assert_eq!(report.fact("license"), Some(format!("\"{id}\"").as_str()));
        assert_eq!(report.findings.iter().map(|f| f.rule).collect::<Vec<_>>(), rules, "{id}: {:#?}", report.findings);
    }
    let card = format!("---\nlicense: apache-2.0\n---\n# Tiny\n\n{}", text("CC-BY-NC-4.0"));
    assert_eq!(scan("README.md", card.as_bytes()).of("S1008").len(), 1);
    for same in ["cc-by-nc-4.0", "gpl-3.0"] {
        let id = if same == "gpl-3.0" { "GPL-3.0-only" } else { "CC-BY-NC-4.0" };
        let card = format!("---\nlicense: {same}\n---\n{}", text(id));
        assert!(scan("README.md", card.as_bytes()).of("S1008").is_empty(), "{same}");
    }
}

/// Nothing of the corpus of models and attacks but its cards has a licence, and nothing is incomplete or worse than a note.
#[test]
fn models_are_silent() {
    let mut files = Vec::new();
    walk(&fixtures().join("corpus"), &mut files);
    walk(&fixtures().join("real"), &mut files);
    assert!(files.len() > 300, "{} files", files.len());
    for file in files {
        // The harness's search is slow, and what counts stands at the beginning.
        let bytes = std::fs::read(&file).unwrap();
        let report = scan(&file.file_name().unwrap().to_string_lossy(), &bytes[..bytes.len().min(64 << 10)]);
        assert!(
            report.incomplete.is_empty() && report.worst() <= Some(Severity::Info),
            "{}: {report:?}",
            file.display()
        );
        let is_document =
            file.extension().is_some_and(|e| e == "md" || e == "txt" || e == "json" || e == "csv" || e == "py");
        assert!(is_document || report == Report::default(), "{}: {report:?}", file.display());
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            walk(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}

#[test]
fn conforms() {
    for file in ["card/contradicts/README.md", "metadata/old_package.json", "tag/exception.c", "text/isc/LICENSE"] {
        conformance::<Licences>(file, &read(&format!("licences/{file}")), "");
    }
}
