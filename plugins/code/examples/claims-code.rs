//! Prints which of the files named are claimed as source code by their content, and what is said of them.

use modelaudit_plugin::Plugin;
use modelaudit_plugin::testing::{Memory, scan_artifact};
use modelaudit_plugin_code::Code;

fn main() {
    for path in std::env::args().skip(1) {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let head = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
        for format in Code::probe(head, bytes.len() as u64) {
            let report = scan_artifact::<Code>(Memory::new(&path, &bytes), &format).0;
            println!("{path}: {format} {:?}", report.worst());
            report.findings.iter().for_each(|f| println!("    {:?} {} {}", f.severity, f.rule, f.message));
            report.incomplete.iter().for_each(|reason| println!("    incomplete: {reason}"));
        }
    }
}
