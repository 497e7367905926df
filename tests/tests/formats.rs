//! SARIF and CycloneDX against the official schemas: the golden reports, and the scans of all fixtures.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jsonschema::{Registry, Validator};
use modelaudit_engine::model::ScanReport;
use modelaudit_engine::{Options, Quiet, Target};
use modelaudit_report::Format;
use modelaudit_tests::{root, scanner};
use serde_json::{Value, json};

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A schema out of host/report/schema; its README says where each is from.
fn schema(name: &str) -> Value {
    read(&root().join("host/report/schema").join(name))
}

fn sarif() -> Validator {
    let mut schema = schema("sarif-2.1.0.json");
    // A misprint of the standard: a lone bracket, which only the lenient grammar of browsers takes for itself.
    for definition in ["run", "toolComponent"] {
        let pattern = &mut schema["definitions"][definition]["properties"]["language"]["pattern"];
        assert!(pattern.as_str().is_none_or(|p| p.ends_with("]?$")), "the misprint is gone: take this out");
        *pattern = json!("^[a-zA-Z]{2}(-[a-zA-Z]{2})?$");
    }
    jsonschema::draft7::options().should_validate_formats(true).build(&schema).expect("a schema")
}

/// CycloneDX refers to two schemas beside it: SPDX's ids, and signatures.
fn cyclonedx() -> Validator {
    let beside = ["spdx.json", "jsf-0.82.json"].map(schema);
    let registry = beside
        .iter()
        .fold(Registry::new(), |registry, schema| {
            registry.add(schema["$id"].as_str().expect("an id"), schema.clone()).expect("a resource")
        })
        .prepare()
        .expect("all references are there");
    jsonschema::draft7::options()
        .with_registry(&registry)
        .should_validate_formats(true)
        .build(&schema("cyclonedx-1.6.json"))
        .expect("a schema")
}

#[track_caller]
fn assert_valid(validator: &Validator, what: &str, value: &Value) {
    let errors: Vec<_> =
        validator.iter_errors(value).take(10).map(|e| format!("{}: {e:.300}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
}

fn golden(end: &str) -> Vec<(PathBuf, Value)> {
    let folder = root().join("host/report/golden");
    let files = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut files: Vec<_> = files.filter(|p| p.to_string_lossy().ends_with(end)).collect();
    files.sort();
    files.into_iter().map(|p| (p.clone(), read(&p))).collect()
}

#[test]
fn golden_reports_are_valid() {
    for (end, validator) in [(".sarif", sarif()), (".cdx.json", cyclonedx())] {
        let reports = golden(end);
        assert!(reports.len() >= 3, "{end}");
        for (path, report) in reports {
            assert_valid(&validator, &path.to_string_lossy(), &report);
        }
    }
}

#[test]
fn the_schemas_notice_what_is_wrong() {
    let wrong = |validator: &Validator, end: &str, changes: &[(&str, Value)]| {
        let (_, report) = golden(end).into_iter().find(|(p, _)| p.to_string_lossy().contains("everything")).unwrap();
        for (pointer, value) in changes {
            let mut changed = report.clone();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            changed.pointer_mut(parent).unwrap_or_else(|| panic!("no {pointer}"))[key] = value.clone();
            assert!(!validator.is_valid(&changed), "{pointer} = {value}");
        }
    };
    wrong(
        &sarif(),
        ".sarif",
        &[
            ("/runs/0/surprise", json!(1)),
            ("/runs/0/results/0/level", json!("bad")),
            ("/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri", json!("not a uri")),
            ("/runs/0/invocations/0/startTimeUtc", json!("now")),
        ],
    );
    wrong(
        &cyclonedx(),
        ".cdx.json",
        &[
            ("/surprise", json!(1)),
            ("/serialNumber", json!("urn:uuid:x")),
            ("/components/0/type", json!("model")),
            ("/components/0/licenses", json!([{"license": {"id": "apache-2.0"}}])),
        ],
    );
}

/// What the fixtures and the real models make of each format.
fn scans() -> Vec<(&'static str, ScanReport)> {
    let scanner = scanner(Options::default());
    ["fixtures", "fixtures/real"]
        .map(|folder| (folder, scanner.scan(&[Target::Path(root().join(folder))], &Quiet)))
        .into()
}

fn written(format: Format, report: &ScanReport) -> Value {
    let options =
        modelaudit_report::Options { folder: Some(root()), verbose: true, ..modelaudit_report::Options::default() };
    let mut out = Vec::new();
    modelaudit_report::write(format, report, &options, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn scans_of_all_fixtures_are_valid_and_consistent() {
    let (sarif, cyclonedx) = (sarif(), cyclonedx());
    let ours = jsonschema::draft202012::options().build(&schema("report-v1.json")).expect("a schema");
    for (what, report) in scans() {
        let log = written(Format::Sarif, &report);
        assert_valid(&sarif, what, &log);
        consistent_sarif(&report, &log["runs"][0]);
        let bom = written(Format::CycloneDx, &report);
        assert_valid(&cyclonedx, what, &bom);
        consistent_cyclonedx(&report, &bom);
        assert_valid(&ours, what, &written(Format::Json, &report));
        for format in [Format::Html, Format::Junit, Format::Markdown, Format::Text] {
            let mut out = Vec::new();
            modelaudit_report::write(format, &report, &modelaudit_report::Options::default(), &mut out).unwrap();
            assert!(!out.is_empty(), "{format}");
        }
    }
}

fn index(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("an index")).unwrap()
}

/// Every index leads somewhere, every URI to a file, every region into it.
fn consistent_sarif(report: &ScanReport, run: &Value) {
    let results = run["results"].as_array().unwrap();
    let findings: usize = report.files.iter().map(|f| f.findings().count()).sum();
    assert_eq!(results.len(), findings);
    let artifacts = run["artifacts"].as_array().unwrap();
    for result in results {
        let rule = &run["tool"]["driver"]["rules"][index(&result["ruleIndex"])];
        assert_eq!(rule["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        let artifact = &artifacts[index(&place["artifactLocation"]["index"])];
        assert_eq!(artifact["location"]["uri"], place["artifactLocation"]["uri"]);
        assert_eq!(artifact.get("parentIndex"), None);
        if let Some(region) = place.get("region") {
            let end = region["byteOffset"].as_u64().unwrap() + region["byteLength"].as_u64().unwrap();
            assert!(end <= artifact["length"].as_u64().unwrap(), "{result}");
        }
    }
    for artifact in artifacts {
        match artifact.get("parentIndex") {
            Some(parent) => assert!(index(parent) < artifacts.len()),
            None => {
                let uri = artifact["location"]["uri"].as_str().unwrap();
                assert_eq!(artifact["location"]["uriBaseId"], "WORKDIR");
                // None of the fixtures' names needs more than this.
                let path = uri.replace("%20", " ").replace("%2B", "+");
                let there = root().join(&path).is_file();
                assert!(there || uri.contains('%'), "{uri} is no file");
            }
        }
    }
}

/// References are unique and lead somewhere; risk is where findings are; each CVE fired.
fn consistent_cyclonedx(report: &ScanReport, bom: &Value) {
    let components = bom["components"].as_array().unwrap();
    let refs: BTreeSet<&str> = components.iter().map(|c| c["bom-ref"].as_str().unwrap()).chain(["scan"]).collect();
    assert_eq!(refs.len(), components.len() + 1);
    for dependency in bom["dependencies"].as_array().unwrap() {
        assert!(refs.contains(dependency["ref"].as_str().unwrap()));
        assert!(dependency["dependsOn"].as_array().into_iter().flatten().all(|r| refs.contains(r.as_str().unwrap())));
    }
    let named: BTreeSet<&str> = report
        .files
        .iter()
        .flat_map(|f| f.findings())
        .flat_map(|(_, f)| &report.rules[f.rule].references)
        .filter(|r| r.starts_with("CVE-"))
        .map(String::as_str)
        .collect();
    let listed = bom["vulnerabilities"].as_array().into_iter().flatten();
    let listed: BTreeSet<&str> = listed.map(|v| v["id"].as_str().unwrap()).collect();
    assert!(listed.is_subset(&named));
    let risk = |component: &Value| {
        let properties = component["properties"].as_array().unwrap();
        let value = |name: &str| properties.iter().find(|p| p["name"] == name).map(|p| p["value"].clone());
        value("modelaudit:verdict").zip(value("modelaudit:risk_score"))
    };
    for (verdict, score) in components.iter().filter_map(risk) {
        assert_eq!(score != "0", verdict == "critical" || verdict == "warning", "{verdict} {score}");
    }
}
