use super::*;
use crate::place::is_unsafe;
use crate::samples;
use modelaudit_engine::model::Span;
use serde_json::{Value, json};

fn options() -> SarifOptions {
    SarifOptions { verbose: false, folder: Some("/work/my models".into()) }
}

fn text(report: &ScanReport, options: &SarifOptions) -> String {
    let mut out = Vec::new();
    write(report, options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn run(report: &ScanReport, options: &SarifOptions) -> Value {
    let mut log: Value = serde_json::from_str(&text(report, options)).unwrap();
    log["runs"][0].take()
}

#[test]
fn golden_logs() {
    // Validated against the official schema by tests/tests/formats.rs.
    for (name, report, verbose) in [
        ("everything.sarif", samples::everything(), false),
        ("hostile.sarif", samples::report(vec![samples::hostile()], true), true),
        ("nothing.sarif", samples::report(vec![], false), false),
    ] {
        let text = text(&report, &SarifOptions { verbose, ..options() });
        samples::assert_golden(name, text.replace(crate::VERSION, "[VERSION]").as_bytes());
    }
}

#[test]
fn a_finding_in_a_member_names_the_file_the_member_and_the_bytes_of_the_file() {
    let run = run(&samples::report(vec![samples::warning()], false), &options());
    let result = &run["results"][0];
    let place = &result["locations"][0];
    assert_eq!(
        place["physicalLocation"]["artifactLocation"],
        json!({"uri": "models/a.zip", "uriBaseId": "WORKDIR", "index": 0})
    );
    // The member is a view from byte 60 on, and the evidence is its byte 45: byte 105 of the file.
    assert_eq!(place["physicalLocation"]["region"], json!({"byteOffset": 105, "byteLength": 1}));
    assert_eq!(place["logicalLocations"][0]["fullyQualifiedName"], "data.pkl:layer 1");
    assert_eq!(
        place["logicalLocations"][1],
        json!({"name": "data.pkl", "fullyQualifiedName": "data.pkl", "kind": "archiveMember"})
    );
    assert_eq!(result["properties"]["artifactRegion"], json!({"byteOffset": 45, "byteLength": 1}));
    let member = &run["artifacts"][1];
    assert_eq!(
        (&member["location"]["uri"], &member["parentIndex"], &member["offset"]),
        (&json!("/data.pkl"), &json!(0), &json!(60))
    );
    assert_eq!(run["originalUriBaseIds"]["WORKDIR"]["uri"], "file:///work/my%20models/");
}

#[test]
fn an_unpacked_member_has_no_region_in_the_file() {
    let mut file = samples::warning();
    file.artifacts[1].view = None;
    let run = run(&samples::report(vec![file], false), &options());
    assert_eq!(run["results"][0]["locations"][0]["physicalLocation"].get("region"), None);
    assert_eq!(run["artifacts"][1].get("offset"), None);
    assert_eq!(run["results"][0]["properties"]["artifactRegion"]["byteOffset"], 45);
}

#[test]
fn rules_of_third_parties_are_their_extensions() {
    let run = run(&samples::everything(), &options());
    let extension = &run["tool"]["extensions"][0];
    assert_eq!((&extension["name"], &extension["locations"][0]["uri"]), (&json!("acme"), &json!("plugins/acme.wasm")));
    for result in run["results"].as_array().unwrap() {
        let rule = match result.get("rule") {
            Some(rule) => {
                &run["tool"]["extensions"][rule["toolComponent"]["index"].as_u64().unwrap() as usize]["rules"]
                    [rule["index"].as_u64().unwrap() as usize]
            }
            None => &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize],
        };
        assert_eq!(rule["id"], result["ruleId"]);
    }
    let rule = &run["tool"]["driver"]["rules"][0];
    assert_eq!(
        rule["properties"]["tags"],
        json!(["security", "machine-learning", "external/cwe/cwe-502", "CVE-2025-1716"])
    );
    assert_eq!(rule["properties"]["security-severity"], "9.5");
    assert!(rule["help"]["markdown"].as_str().unwrap().contains("**What to do:** Do not load the file"));
}

#[test]
fn rulings_are_suppressions_and_baseline_states() {
    let run = run(&samples::everything(), &options());
    let results = run["results"].as_array().unwrap();
    let accepted: Vec<_> = results.iter().filter(|r| r["suppressions"] != json!([])).collect();
    assert_eq!(accepted.len(), 2);
    assert_eq!(
        accepted[0]["suppressions"][0]["justification"],
        "accepted by the suppression S2*@models/old/* (--suppress)"
    );
    let states: Vec<_> = results.iter().map(|r| r["baselineState"].as_str().unwrap()).collect();
    assert_eq!(states.iter().filter(|s| **s == "unchanged").count(), 1);
    assert_eq!(states.iter().filter(|s| **s == "new").count(), results.len() - 1);
    let plain = self::run(&samples::report(vec![samples::critical()], false), &options());
    assert_eq!(plain["results"][0].get("baselineState"), None);
    assert_eq!(plain["results"][0]["suppressions"], json!([]));
}

#[test]
fn what_was_not_seen_is_a_notification() {
    let run = run(&samples::everything(), &options());
    let invocation = &run["invocations"][0];
    let ids = |key: &str| {
        let list = invocation[key].as_array().unwrap().iter();
        list.map(|n| n["descriptor"]["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let execution = [
        "unrecognised",
        "unrecognised",
        "incomplete",
        "not-scanned",
        "left-out",
        "left-out",
        "missing-shards",
        "duplicates",
    ];
    assert_eq!(ids("toolExecutionNotifications"), execution);
    assert!(ids("toolConfigurationNotifications").iter().all(|id| id == "policy"));
    assert_eq!((&invocation["exitCode"], &invocation["executionSuccessful"]), (&json!(1), &json!(false)));
    let clean = self::run(&samples::report(vec![samples::clean()], false), &options());
    assert_eq!(clean["invocations"][0]["executionSuccessful"], true);
    assert_eq!(clean["invocations"][0]["toolExecutionNotifications"], json!([]));
}

#[test]
fn standard_input_has_no_uri_and_other_folders_are_absolute() {
    let named = |path: &str| {
        let mut file = samples::critical();
        file.path = path.to_owned();
        file.artifacts[0].path = vec![path.to_owned()];
        run(&samples::report(vec![file], false), &options())["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"].clone()
    };
    assert_eq!(named("-"), json!({"index": 0, "description": {"text": "standard input"}}));
    assert_eq!(named("../x y.pkl"), json!({"uri": "file:///work/x%20y.pkl", "index": 0}));
}

#[test]
fn nothing_but_times_changes() {
    let mut later = samples::everything();
    later.started += 1000.0;
    later.duration *= 3;
    let untimed = |report: &ScanReport| {
        let text = text(report, &options());
        text.lines().filter(|l| !l.contains("TimeUtc\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(untimed(&samples::everything()), untimed(&later));
}

#[test]
fn hostile_text_makes_no_links_and_no_escapes() {
    let mut file = samples::hostile();
    file.artifacts[0].findings[0].message = "[click](https://evil.example)".to_owned();
    file.artifacts[0].findings[0].at = Some(Span { offset: u64::MAX, length: u64::MAX });
    let text = text(&samples::report(vec![file], true), &SarifOptions { verbose: true, ..options() });
    assert!(!text.contains(|c| c != '\n' && is_unsafe(c)), "{text:?}");
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(log["runs"][0]["results"][0]["message"]["text"], "[click\\](https://evil.example)");
    assert_eq!(log["runs"][0]["results"][0]["locations"][0]["physicalLocation"].get("region"), None);
    let uri = log["runs"][0]["artifacts"][0]["location"]["uri"].as_str().unwrap();
    assert!(uri.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%/".contains(&b)), "{uri}");
}
