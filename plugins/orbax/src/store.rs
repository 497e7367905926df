//! Specifications of key-value stores: where TensorStore reads from.

use modelaudit_json::Node;
use modelaudit_paths::{Root, classify};
use modelaudit_plugin::{Finding, quote};
use modelaudit_rules::checkpoints::S1195;

use crate::document::Findings;

/// Drivers that talk to a network, and the member that says to whom. Source: TensorStore's list of key-value stores.
const REMOTE: &[(&str, &str)] = &[
    ("http", "base_url"),
    ("gcs", "bucket"),
    ("gcs_grpc", "bucket"),
    ("s3", "bucket"),
    ("gfile", "path"),
    ("tsgrpc_kvstore", "address"),
];

/// Members whose value may be the address of a store.
const ADDRESSES: &[&str] = &["kvstore", "base"];

/// Judges an object that may be a specification.
pub fn judge(node: &Node, findings: &mut Findings<'_>) {
    for key in ADDRESSES {
        for value in node.all(key) {
            if let Some(text) = value.as_str() {
                address(value, text, findings);
            }
        }
    }
    let Some(driver) = node.get("driver").and_then(Node::as_str) else { return };
    if let Some((_, member)) = REMOTE.iter().find(|(name, _)| *name == driver) {
        let Some(host) = node.get(member).and_then(Node::as_str) else { return };
        let message = format!("values are read through the driver '{driver}' from {}", quote(host));
        findings.add(Finding::new(&S1195, message).at(node.at.offset, node.at.length));
    }
    if driver == "file"
        && let Some(path) = node.get("path").and_then(Node::as_str)
    {
        place(node, path, findings);
    }
}

/// A store as a URL: `gs://bucket/x`, `file:///x`, with `|` before each adapter.
fn address(node: &Node, text: &str, findings: &mut Findings<'_>) {
    let first = text.split('|').next().unwrap_or(text);
    match classify(first.as_bytes()).scheme.as_deref() {
        Some("memory") => {}
        Some("file") => place(node, first.strip_prefix("file://").unwrap_or(first), findings),
        Some(_) => {
            let message = format!("values are read from {}", quote(text));
            findings.add(Finding::new(&S1195, message).at(node.at.offset, node.at.length));
        }
        None => {}
    }
}

/// A path of this machine.
fn place(node: &Node, path: &str, findings: &mut Findings<'_>) {
    let class = classify(path.as_bytes());
    if class.escapes() || class.root == Root::Home {
        let reason = if class.root == Root::Home { "is in the user's folder" } else { class.reason() };
        let message = format!("values are read from {}, which {reason}", quote(path));
        let finding = Finding::new(&S1195, message).at(node.at.offset, node.at.length);
        findings.add(match class.system_folder {
            Some(folder) => finding.detail("system_folder", folder),
            None => finding,
        });
    }
}
