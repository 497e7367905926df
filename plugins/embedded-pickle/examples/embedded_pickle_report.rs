//! Prints what the plugin says of files: `cargo run -p modelaudit-plugin-embedded-pickle --example embedded_pickle_report -- FILE...`

use modelaudit_plugin::testing::{Memory, scan_artifact};
use modelaudit_plugin_embedded_pickle::EmbeddedPickle;

fn main() {
    for path in std::env::args().skip(1) {
        let Ok(bytes) = std::fs::read(&path) else {
            println!("{path}: can not be read");
            continue;
        };
        let name = path.rsplit('/').next().unwrap_or(&path);
        let (report, _) = scan_artifact::<EmbeddedPickle>(Memory::new(name, &bytes), "");
        for finding in &report.findings {
            println!("{path}: {} {:?} {}", finding.rule, finding.severity, finding.message);
        }
        for reason in &report.incomplete {
            println!("{path}: incomplete: {reason}");
        }
    }
}
