//! Prints what the analyser says of files: `cargo run -p modelaudit-plugin-network --example network_report -- FILE...`.

use modelaudit_plugin::testing::{Memory, scan_artifact};

fn main() {
    for path in std::env::args().skip(1) {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let (report, _) = scan_artifact::<modelaudit_plugin_network::Network>(Memory::new(&path, &bytes), "");
        for finding in &report.findings {
            println!("{path}\t{}\t{:?}\t{}\t{:?}", finding.rule, finding.severity, finding.message, finding.details);
        }
    }
}
