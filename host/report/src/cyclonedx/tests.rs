use super::*;
use crate::place::is_unsafe;
use crate::samples;
use serde_json::{Value, json};

fn text(report: &ScanReport) -> String {
    let mut out = Vec::new();
    write(report, &CycloneDxOptions::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn value(report: &ScanReport) -> Value {
    serde_json::from_str(&text(report)).unwrap()
}

fn component<'a>(bom: &'a Value, name: &str) -> &'a Value {
    bom["components"].as_array().unwrap().iter().find(|c| c["bom-ref"] == name).unwrap_or_else(|| panic!("no {name}"))
}

fn property_of(component: &Value, name: &str) -> Option<String> {
    let properties = component["properties"].as_array()?;
    let found = properties.iter().find(|p| p["name"] == format!("modelaudit:{name}"))?;
    found["value"].as_str().map(str::to_owned)
}

fn edges<'a>(bom: &'a Value, name: &str) -> &'a Value {
    &bom["dependencies"].as_array().unwrap().iter().find(|d| d["ref"] == name).unwrap()["dependsOn"]
}

#[test]
fn golden_bills() {
    // Validated against the official schema by tests/tests/formats.rs.
    for (name, report) in [
        ("everything.cdx.json", samples::everything()),
        ("hostile.cdx.json", samples::report(vec![samples::hostile()], true)),
        ("nothing.cdx.json", samples::report(vec![], false)),
    ] {
        // The serial number is made of everything, the version included.
        let text = text(&report);
        let serial = text.lines().find(|l| l.contains("\"serialNumber\"")).unwrap().to_owned();
        samples::assert_golden(
            name,
            text.replace(crate::VERSION, "[VERSION]")
                .replace(&serial, "  \"serialNumber\": \"urn:uuid:00000000-0000-8000-8000-000000000000\",")
                .as_bytes(),
        );
    }
}

#[test]
fn equal_input_gives_equal_output() {
    let serial = |report: &ScanReport| value(report)["serialNumber"].as_str().unwrap().to_owned();
    let mut later = samples::everything();
    later.started += 1000.0;
    later.duration *= 2;
    assert_eq!(serial(&samples::everything()), serial(&later));
    later.files[0].artifacts[0].sha256 = Some([0xee; 32]);
    assert_ne!(serial(&samples::everything()), serial(&later));
    let serial = serial(&later);
    assert_eq!((serial.len(), serial.as_bytes()[23], serial.starts_with("urn:uuid:")), (45, b'8', true), "{serial}");
}

#[test]
fn risk_follows_the_findings() {
    let bom = value(&samples::everything());
    let risk = |name: &str| property_of(component(&bom, name), "risk_score").unwrap();
    assert_eq!(risk("models/evil.pkl"), "5");
    // A finding in a member is a risk of the archive.
    assert_eq!((risk("models/a.zip"), risk("models/a.zip:data.pkl")), ("2".to_owned(), "2".to_owned()));
    assert_eq!((risk("models/info.pkl"), risk("models/old/known.pkl")), ("0".to_owned(), "0".to_owned()));
    assert_eq!(property_of(component(&bom, "models/old/known.pkl"), "accepted").unwrap(), "2");
    assert_eq!(property_of(&bom["metadata"]["component"], "risk_score").unwrap(), "7");
}

#[test]
fn a_cve_is_listed_where_a_finding_fired() {
    let bom = value(&samples::everything());
    let vulnerability = &bom["vulnerabilities"][0];
    assert_eq!((&vulnerability["id"], &vulnerability["cwes"]), (&json!("CVE-2025-1716"), &json!([502])));
    let affected = ["models/a.zip:data.pkl", "models/evil.pkl", "models/info.pkl", "models/old/known.pkl"]
        .map(|r| json!({"ref": r}));
    assert_eq!(vulnerability["affects"], json!(affected));
    assert_eq!(value(&samples::report(vec![samples::clean(), samples::gap()], false)).get("vulnerabilities"), None);
    let accepted = value(&samples::report(vec![samples::accepted()], false));
    assert_eq!(accepted["vulnerabilities"][0]["analysis"]["response"], json!(["will_not_fix"]));
}

#[test]
fn the_graph_knows_archives_shards_and_indexes() {
    let bom = value(&samples::everything());
    assert_eq!(edges(&bom, "models/a.zip"), &json!(["models/a.zip:data.pkl"]));
    let shards = json!(["models/big-00001-of-00003.safetensors", "models/big-00003-of-00003.safetensors"]);
    assert_eq!(edges(&bom, "models/big-*-of-00003.safetensors"), &shards);
    assert_eq!(edges(&bom, "models/big.safetensors.index.json"), &shards);
    let top = edges(&bom, "scan").as_array().unwrap();
    assert!(top.contains(&json!("models/big-*-of-00003.safetensors")) && !top.contains(&shards[0]), "{top:?}");
    let incomplete = bom["compositions"][0]["assemblies"].as_array().unwrap();
    for name in ["models/trunc.pkl", "models/big-*-of-00003.safetensors", "scan"] {
        assert!(incomplete.contains(&json!(name)), "{name}");
    }
}

#[test]
fn models_have_cards_and_licences() {
    let bom = value(&samples::everything());
    let shard = component(&bom, "models/big-00001-of-00003.safetensors");
    assert_eq!(shard["type"], "machine-learning-model");
    assert_eq!(shard["licenses"], json!([{"license": {"id": "Apache-2.0"}}]));
    assert_eq!(shard["modelCard"]["modelParameters"]["modelArchitecture"], "LlamaForCausalLM");
    assert_eq!(property_of(&shard["modelCard"], "parameters").unwrap(), "7000000");
    assert_eq!(property_of(&component(&bom, "models/a.zip")["modelCard"], "parameters").unwrap(), "6");
    assert_eq!(component(&bom, "models/clean.pkl").get("modelCard"), None);
}

#[test]
fn references_are_unique_whatever_the_names() {
    let mut file = samples::hostile();
    for _ in 0..3 {
        let mut member = file.artifacts[0].clone();
        member.path.push("same".to_owned());
        file.artifacts.push(member);
    }
    let mut root = samples::clean();
    root.artifacts[0].path = vec!["scan".to_owned()];
    let text = text(&samples::report(vec![file, root], true));
    assert!(!text.contains(|c| c != '\n' && is_unsafe(c)), "{text:?}");
    let bom: Value = serde_json::from_str(&text).unwrap();
    let refs: Vec<_> = bom["components"].as_array().unwrap().iter().map(|c| c["bom-ref"].as_str().unwrap()).collect();
    let unique: std::collections::BTreeSet<_> = refs.iter().chain(&["scan"]).collect();
    assert_eq!(unique.len(), refs.len() + 1, "{refs:?}");
    let known = |r: &Value| refs.contains(&r.as_str().unwrap()) || r == "scan";
    for dependency in bom["dependencies"].as_array().unwrap() {
        assert!(known(&dependency["ref"]));
        assert!(dependency["dependsOn"].as_array().into_iter().flatten().all(known));
    }
}
