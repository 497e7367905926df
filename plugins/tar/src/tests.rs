use super::*;
use modelaudit_plugin::testing::{Memory, scan_artifact};

#[test]
#[ignore = "shows what the corpus gives"]
fn corpus() {
    for path in std::env::var("TARS").unwrap_or_default().split_whitespace() {
        let bytes = std::fs::read(path).unwrap();
        let (report, served) = scan_artifact::<Tar>(Memory::new(path, &bytes), "tar");
        println!("== {path} {} served {served}", bytes.len());
        for f in report.findings.iter().take(8) {
            println!("   {:?} {} {} {:?} {:?} {:?}", f.severity, f.rule, f.message, f.at, f.element, f.details);
        }
        for i in &report.incomplete {
            println!("   incomplete {i}");
        }
        let names: Vec<_> = report.children.iter().take(12).map(|c| format!("{}:{}", c.name, c.bytes.len())).collect();
        println!("   {} children {names:?}", report.children.len());
    }
}
