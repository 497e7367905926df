//! Prints the names, one a line on standard input, that deceive: `find / -printf '%f\n' | cargo run -p modelaudit-plugin-names
//! --example names_report`. A name that is a path of a file is held against its content, too.

use std::io::BufRead;

use modelaudit_plugin::testing::{Memory, scan_artifact};
use modelaudit_plugin_names::Names;

fn main() {
    let (mut seen, mut other) = (0u64, 0u64);
    for name in std::io::stdin().lock().lines().map_while(Result::ok) {
        seen += 1;
        other += u64::from(!name.is_ascii());
        let bytes = if name.contains('/') { std::fs::read(&name).unwrap_or_default() } else { Vec::new() };
        for finding in &scan_artifact::<Names>(Memory::new(&name, &bytes), "").0.findings {
            println!("{name}\t{}\t{}", finding.rule, finding.message);
        }
    }
    println!("{seen} names, {other} of them not ASCII");
}
