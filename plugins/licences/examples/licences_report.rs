//! Prints what the analyser says of files: `cargo run -p modelaudit-plugin-licences --example licences_report -- FILE...`; a `-` reads
//! the names from standard input. Files without an anchor are left out, as the host does.

use std::io::BufRead;

use modelaudit_plugin::testing::{Memory, scan_artifact};
use modelaudit_plugin::{Artifact, Plugin};
use modelaudit_plugin_licences::Licences;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let stdin = std::io::stdin().lock().lines().map_while(Result::ok);
    let names: Vec<String> = if arguments == ["-"] { stdin.collect() } else { arguments };
    for path in names {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let artifact = Memory::new(&path, &bytes).anchors(Licences::describe().anchors);
        if artifact.hits(0, 1).is_empty() {
            println!("{path}\t-");
            continue;
        }
        let started = std::time::Instant::now();
        let (report, _) = scan_artifact::<Licences>(artifact, "");
        println!("{path}\t{:?}\t{:?}", started.elapsed(), report.facts);
        for finding in &report.findings {
            println!("{path}\t{}\t{:?}\t{}\t{:?}", finding.rule, finding.severity, finding.message, finding.at);
        }
        for reason in &report.incomplete {
            println!("{path}\tincomplete\t{reason}");
        }
    }
}
