//! The JSON report and its schema: every kind of report is valid, and the schema is strict enough to notice a change.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

fn report_crate() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/report")
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn schema() -> Value {
    read(&report_crate().join("schema/report-v1.json"))
}

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema()).expect("the schema is a schema")
}

fn golden() -> Vec<(PathBuf, Value)> {
    let folder = report_crate().join("golden");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    let ours = |p: &Path| p.to_string_lossy().ends_with(".json") && !p.to_string_lossy().ends_with(".cdx.json");
    files.retain(|p| ours(p));
    files.sort();
    files.into_iter().map(|p| (p.clone(), read(&p))).collect()
}

#[test]
fn the_schema_follows_its_meta_schema() {
    jsonschema::draft202012::meta::validate(&schema()).unwrap();
}

#[test]
fn the_schema_of_the_configuration_follows_its_meta_schema_and_its_examples_follow_it() {
    let schema = read(&report_crate().join("../cli/schema/config-v1.json"));
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let properties = schema["properties"].as_object().unwrap();
    let example = |p: &Value| p["examples"].get(0).or(p.get("default")).cloned().unwrap_or_else(|| panic!("{p}"));
    let all: serde_json::Map<_, _> = properties.iter().map(|(key, p)| (key.clone(), example(p))).collect();
    let mut all = Value::Object(all);
    let errors: Vec<_> = validator.iter_errors(&all).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    all["surprise"] = json!(1);
    assert!(!validator.is_valid(&all));
}

#[test]
fn golden_reports_are_valid() {
    let (validator, reports) = (validator(), golden());
    assert!(reports.len() >= 5);
    for (path, report) in reports {
        let errors: Vec<_> = validator.iter_errors(&report).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
        assert_eq!(report["schema"]["id"], schema()["$id"]);
    }
}

#[test]
fn the_schema_notices_what_is_missing_and_what_is_new() {
    let validator = validator();
    let (_, report) = golden().into_iter().find(|(p, _)| p.ends_with("everything-verbose.json")).unwrap();
    let paths = [
        "",
        "/issues/0",
        "/issues/0/plugin",
        "/checks/0",
        "/assets/0",
        "/files/0",
        "/files/0/coverage",
        "/files/0/artifacts/0",
        "/families/0",
        "/policy",
    ];
    for path in paths {
        let mut changed = report.clone();
        changed.pointer_mut(path).unwrap()["surprise"] = json!(1);
        assert!(!validator.is_valid(&changed), "an unknown field in {path:?}");
        let keys: Vec<_> = report.pointer(path).unwrap().as_object().unwrap().keys().cloned().collect();
        let required = |key: &str| {
            let mut changed = report.clone();
            changed.pointer_mut(path).unwrap().as_object_mut().unwrap().remove(key);
            !validator.is_valid(&changed)
        };
        let optional: Vec<_> = keys.iter().filter(|k| !required(k)).map(String::as_str).collect();
        let known = [
            "content_hash",
            "element",
            "severity",
            "rule_code",
            "tensors",
            "contents",
            "view",
            "log",
            "accepted",
            "original_severity",
            "baseline",
            "duplicate_of",
        ];
        assert!(optional.iter().all(|k| known.contains(k)), "{path}: {optional:?} are not required");
    }
    for (path, wrong) in [
        ("/exit_code", json!(3)),
        ("/verdict", json!("fine")),
        ("/issues/0/offset", json!(-1)),
        ("/start_time", json!("now")),
    ] {
        let mut changed = report.clone();
        *changed.pointer_mut(path).unwrap() = wrong;
        assert!(!validator.is_valid(&changed), "{path}");
    }
}
