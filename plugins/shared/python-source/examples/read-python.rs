//! Reads Python files as a model's or plain code and prints what they do: `cargo run --example read-python -- [--model] [--all] FILE...`.

use std::collections::BTreeMap;

use modelaudit_plugin::Severity;
use modelaudit_python_source::{Mode, Role, analyse_source, looks_like_python, read};

fn main() {
    let (mut role, mut all) = (Role::Plain, false);
    let (mut files, mut probed, mut counts) = (0u64, 0u64, BTreeMap::new());
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--model" => role = Role::Model,
            "--all" => all = true,
            path => {
                let Ok(bytes) = std::fs::read(path) else { continue };
                files += 1;
                let head = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
                if looks_like_python(head, bytes.len() <= 4096) {
                    probed += 1;
                } else if all {
                    println!("{path}: not by its content");
                }
                let report = match analyse_source(&read(&bytes).text, role, Mode::Module) {
                    Ok(report) => report,
                    Err(error) => {
                        println!("{path}: REFUSED {error}");
                        continue;
                    }
                };
                if let Some((offset, error)) = &report.error {
                    *counts.entry("syntax error".to_owned()).or_insert(0) += 1;
                    if all {
                        println!("{path}: syntax error at {offset}: {error}");
                    }
                }
                for evidence in &report.evidence {
                    let severity = evidence.severity(role);
                    *counts.entry(format!("{severity:?}")).or_insert(0) += 1;
                    if severity > Severity::Info || all {
                        let line = bytes.iter().take(evidence.offset).filter(|b| **b == b'\n').count() + 1;
                        println!(
                            "{path}:{line}: {severity:?} {} {:?} {:?} {} {}",
                            evidence.rule.id, evidence.reach, evidence.weight, evidence.call, evidence.what
                        );
                    }
                }
            }
        }
    }
    println!("{files} files, {probed} by content, {counts:?}");
}
