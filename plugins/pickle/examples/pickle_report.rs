//! Prints what the plugin says of files: `cargo run -p modelaudit-plugin-pickle --example pickle_report -- FILE...`

use modelaudit_plugin::Plugin;
use modelaudit_plugin::testing::{Memory, scan_artifact};
use modelaudit_plugin_pickle::Pickle;

fn main() {
    for path in std::env::args().skip(1) {
        let Ok(bytes) = std::fs::read(&path) else {
            println!("{path}: can not be read");
            continue;
        };
        let name = path.rsplit('/').next().unwrap_or(&path);
        let claimed = !Pickle::probe(&bytes[..bytes.len().min(4096)], bytes.len() as u64).is_empty();
        let (report, _) = scan_artifact::<Pickle>(Memory::new(name, &bytes), "pickle");
        println!("{path}\t{}\t{:?}", if claimed { "pickle" } else { "-" }, report.worst());
        for finding in &report.findings {
            println!(
                "    {} {:?} {:?} {}",
                finding.rule,
                finding.severity,
                finding.at.map(|a| a.offset),
                finding.message
            );
            if std::env::var_os("DETAILS").is_some() {
                for (key, value) in &finding.details {
                    println!("        {key}: {value}");
                }
            }
        }
        for reason in &report.incomplete {
            println!("    incomplete: {reason}");
        }
        for child in &report.children {
            println!("    child: {} {} bytes, hint '{}'", child.name, child.bytes.len(), child.hint);
        }
    }
}
