//! Paths and references that a client opens or writes.

use modelaudit_json::Node;
use modelaudit_paths::{Root, classify};
use modelaudit_plugin::{Finding, Severity, quote};
use modelaudit_rules::containers::S1191;
use modelaudit_rules::files::S405;

use crate::findings::Findings;

/// Judges a path; `what` names it: `layer 2`, `the file name of layer 2`.
pub fn judge(node: &Node, path: &str, what: &str, findings: &mut Findings<'_>) {
    let class = classify(path.as_bytes());
    let finding = if class.root == Root::Url && class.scheme.as_deref() != Some("file") {
        Finding::new(&S1191, format!("{what} is fetched from {}", quote(path)))
    } else if class.escapes() {
        let severity = if class.disguise.is_some() { Severity::Warning } else { S405.severity };
        let message = format!("{what}, {}, {}", quote(path), class.reason());
        let finding = Finding::new(&S405, message).severity(severity);
        match class.system_folder {
            Some(folder) => finding.detail("system_folder", folder),
            None => finding,
        }
    } else {
        return;
    };
    findings.add(finding.at(node.at.offset, node.at.length));
}
