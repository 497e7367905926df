//! Prints what the analyser says of the files whose names stand on standard input, one a line:
//! `find . -type f | cargo run -p modelaudit-plugin-identity --example identity_report`.

use std::io::BufRead;

use modelaudit_plugin::testing::{Memory, scan_artifact};
use modelaudit_plugin::{Artifact, Plugin};
use modelaudit_plugin_identity::Identity;

fn main() {
    let (mut seen, mut started) = (0u64, 0u64);
    for path in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        seen += 1;
        let artifact = Memory::new(&path, &bytes).anchors(Identity::describe().anchors);
        if artifact.hits(0, 1).is_empty() {
            continue;
        }
        started += 1;
        for finding in &scan_artifact::<Identity>(artifact, "").0.findings {
            println!("{path}\t{}\t{}", finding.rule, finding.message);
        }
    }
    println!("{seen} files, the analyser was started for {started}");
}
