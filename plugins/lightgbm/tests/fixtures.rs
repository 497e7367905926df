//! The plugin on fixtures/lightgbm, where `trained` holds models that LightGBM wrote, and on the real model.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use std::fmt::Write as _;

use modelaudit_plugin::Plugin;
use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};
use modelaudit_plugin_lightgbm::LightGbm;

fn head(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(4096)]
}

#[test]
fn labels_hold() {
    labels::check::<LightGbm>("lightgbm");
}

#[test]
fn real_models_are_recognised_and_silent() {
    let real = labels::fixtures().join("real/lightgbm_txt__hyperopt__model-secondaryLockingMode.txt");
    let report = labels::scan_file::<LightGbm>(&real, "lightgbm");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:?}");
    assert_eq!(report.fact("trees"), Some("2"));
    assert_eq!(report.fact("leaves"), Some("62"));
    assert_eq!(report.fact("feature_count"), Some("119"));
    let bytes = std::fs::read(real).unwrap();
    assert_eq!(LightGbm::probe(head(&bytes), bytes.len() as u64), ["lightgbm"]);
}

#[test]
fn content_tells_models_from_texts() {
    let folder = labels::fixtures().join("lightgbm");
    for row in labels::rows(&folder) {
        let bytes = std::fs::read(folder.join(&row[0])).unwrap();
        let is_model = !["not_a_model.txt", "bad/empty.lgb", "bad/binary.lgb"].contains(&row[0].as_str());
        assert_eq!(LightGbm::probe(head(&bytes), bytes.len() as u64).len(), usize::from(is_model), "{}", row[0]);
    }
    for text in [
        "tree",
        "tree\n",
        "tree\nnum_class=1\n",
        "trees\nversion=v4\nnum_class=1\n",
        "tree of life\nversion=v1\nnum_class=2\n",
    ] {
        assert!(LightGbm::probe(text.as_bytes(), text.len() as u64).is_empty(), "{text}");
    }
}

#[test]
fn what_follows_is_handed_on() {
    let path = labels::fixtures().join("lightgbm/bad/after.txt");
    let report = labels::scan_file::<LightGbm>(&path, "lightgbm");
    assert_eq!(report.child("after the model").unwrap().bytes, b"import os\nos.system('id')\n");
}

#[test]
fn small_files_hold_the_contract() {
    let folder = labels::fixtures().join("lightgbm");
    for file in [
        "model.txt",
        "categories.txt",
        "linear.txt",
        "pandas.txt",
        "windows.txt",
        "bad/loop.txt",
        "bad/after.txt",
        "bad/nul.txt",
        "bad/empty.lgb",
    ] {
        conformance::<LightGbm>(file, &std::fs::read(folder.join(file)).unwrap(), "lightgbm");
    }
}

/// A chain of nodes as long as lists get: each split has a leaf at its left and the next split at its right.
#[test]
fn a_tree_with_a_million_leaves_is_read_once() {
    let leaves = 1_000_000i64;
    let mut tree = format!("Tree=0\nnum_leaves={leaves}\nnum_cat=0\n");
    for (key, count) in [("split_feature", leaves - 1), ("threshold", leaves - 1), ("leaf_value", leaves)] {
        let _ = writeln!(tree, "{key}={}", "0 ".repeat(count as usize));
    }
    let left: Vec<String> = (0..leaves - 1).map(|node| (-(node + 1)).to_string()).collect();
    let right: Vec<String> =
        (0..leaves - 1).map(|node| if node + 2 < leaves { node + 1 } else { -leaves }.to_string()).collect();
    let _ = write!(tree, "left_child={}\nright_child={}\nshrinkage=1\n\n\n", left.join(" "), right.join(" "));
    let text = format!(
        "tree\nversion=v4\nnum_class=1\nmax_feature_idx=0\nfeature_names=a\nfeature_infos=[0:1]\ntree_sizes={}\n\n{tree}end of trees\n",
        tree.len()
    );
    let (report, served) = scan_artifact::<LightGbm>(Memory::new("m.txt", text.as_bytes()), "lightgbm");
    assert!(report.findings.is_empty() && report.incomplete.is_empty(), "{report:?}");
    assert!(served < text.len() as u64 + (1 << 20), "{served} bytes read of {}", text.len());

    let broken = text.replace(&format!(" {} ", leaves - 5), " 7 ");
    let (report, _) = scan_artifact::<LightGbm>(Memory::new("m.txt", broken.as_bytes()), "lightgbm");
    assert_eq!(report.of("S1174").len(), 1, "{report:?}");
}
