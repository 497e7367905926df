//! The plugin on fixtures/orbax: checkpoints that Orbax wrote, and built ones.

// Its check compares rules alone; here what is handed over counts, too.
#[allow(dead_code)]
#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::Plugin;
use modelaudit_plugin::testing::{Report, conformance};
use modelaudit_plugin_orbax::Orbax;

const EVIL: &[u8] = b"\x80\x02cposix\nsystem\nX\x04\0\0\0echo\x85R.";

fn scan(file: &str, format: &str) -> Report {
    labels::scan_file::<Orbax>(&labels::fixtures().join("orbax").join(file), format)
}

/// Rows whose finding is in a child, which is a document of this plugin itself.
const IN_CHILDREN: &[&str] = &["bad/evil_metadata"];

#[test]
fn labels_hold() {
    let folder = labels::fixtures().join("orbax");
    let mut wrong = Vec::new();
    for row in labels::rows(&folder) {
        let [file, format, verdict, rules] = row.as_slice() else { panic!("{row:?}") };
        let report = scan(file, format);
        let inside = IN_CHILDREN.contains(&file.as_str());
        let own: Vec<&str> = rules.split_whitespace().filter(|rule| *rule != "S201" && !inside).collect();
        let mut fired: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
        fired.sort_unstable();
        fired.dedup();
        let handed_over = report.children.iter().any(|child| child.bytes == EVIL);
        let is = match report.worst().map(|worst| format!("{worst:?}").to_lowercase()) {
            _ if handed_over => "critical".to_owned(),
            Some(worst) if worst != "info" => worst,
            _ if !report.incomplete.is_empty() => "incomplete".to_owned(),
            Some(info) => info,
            None => "clean".to_owned(),
        };
        let verdict = if inside { "clean" } else { verdict.as_str() };
        if fired != own || is != verdict {
            wrong.push(format!("{file}: expected {verdict} {own:?}, is {is}: {report:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn documents_are_told_from_other_json() {
    for row in labels::rows(&labels::fixtures().join("orbax")) {
        if row[1] == "orbax-json" {
            let bytes = std::fs::read(labels::fixtures().join("orbax").join(&row[0])).unwrap();
            assert_eq!(Orbax::probe(&bytes[..bytes.len().min(4096)], bytes.len() as u64), ["orbax-json"], "{}", row[0]);
        }
    }
    for other in [
        &br#"{"model_type": "llama", "dtype": "float32"}"#[..],
        br#"{"driver": "pg", "host": "x"}"#,
        br#"{"text": "the restore_fn and \"zarr_format\" of orbax"}"#,
        br#"["zarr_format"]"#,
        b"{}",
        b"",
    ] {
        assert!(Orbax::probe(other, other.len() as u64).is_empty(), "{}", String::from_utf8_lossy(other));
    }
}

#[test]
fn metadata_of_arrays_come_out_of_real_nodes() {
    let folder = labels::fixtures().join("orbax/real/ocdbt/d");
    let node = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().file_name().into_string().unwrap();
    let report = scan(&format!("real/ocdbt/d/{node}"), "ocdbt");
    let names: Vec<&str> = report.children.iter().map(|child| child.name.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["params.dense.bias/.zarray", "params.dense.kernel/.zarray", "step/.zarray"]);
    assert!(report.children[1].bytes.starts_with(br#"{"chunks":[3,4]"#));
    assert_eq!(report.fact("ocdbt_keys"), Some("6"));
}

#[test]
fn metadata_in_nodes_are_documents_of_their_own() {
    let report = scan("bad/evil_metadata", "ocdbt");
    let child = &report.children[0];
    assert_eq!(Orbax::probe(&child.bytes, child.bytes.len() as u64), ["orbax-json"]);
    let inner = modelaudit_plugin::testing::scan::<Orbax>(&child.bytes, "orbax-json");
    assert_eq!(inner.of("S1196").len(), 1, "{inner:?}");
}

#[test]
fn small_files_hold_the_contract() {
    for (file, format) in [
        ("real/ocdbt/_METADATA", "orbax-json"),
        ("real/ocdbt/_sharding", "orbax-json"),
        ("bad/fill_value.zarray", "orbax-json"),
        ("bad/store_url.json", "orbax-json"),
        ("bad/trailing.json", "orbax-json"),
        ("real/ocdbt/manifest.ocdbt", "ocdbt"),
        ("good/nodes_among_values", "ocdbt"),
        ("bad/evil_behind.ocdbt", "ocdbt"),
        ("bad/shared_keys", "ocdbt"),
    ] {
        conformance::<Orbax>(file, &std::fs::read(labels::fixtures().join("orbax").join(file)).unwrap(), format);
    }
}
