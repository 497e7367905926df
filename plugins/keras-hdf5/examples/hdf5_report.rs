//! Scans files and prints what was reported: for looking at files that are too large or too many for fixtures.
use modelaudit_plugin::testing::{Memory, scan_artifact};
use modelaudit_plugin_keras_hdf5::KerasHdf5;

fn main() {
    for path in std::env::args().skip(1) {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let (report, served) = scan_artifact::<KerasHdf5>(Memory::new(&path, &bytes), "keras-hdf5");
        println!("== {path}: {} bytes, {served} read, {} tensors", bytes.len(), report.tensors.len());
        report.facts.iter().for_each(|(key, value)| println!("   {key} = {value}"));
        report.findings.iter().for_each(|f| println!("   {} {:?} {:?} {}", f.rule, f.severity, f.element, f.message));
        report.incomplete.iter().for_each(|reason| println!("   incomplete: {reason}"));
        report.children.iter().for_each(|c| println!("   child {} {:?}", c.name, c.at));
    }
}
