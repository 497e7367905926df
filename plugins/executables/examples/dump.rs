//! tmp
use modelaudit_plugin::testing::{Memory, scan_artifact};
fn main() {
    let embed = std::env::args().nth(1).as_deref() == Some("embed");
    for line in std::io::stdin().lines() {
        let path = line.unwrap();
        let Ok(mut bytes) = std::fs::read(&path) else { continue };
        bytes.truncate(2 << 20);
        let name = path.rsplit('/').next().unwrap().to_owned();
        let name = if embed { let mut b = vec![0x3d, 0x81, 0xc2]; bytes.truncate(1<<16); b.append(&mut bytes); bytes = b; "x.bin".to_owned() } else { name };
        let (report, served) = scan_artifact::<modelaudit_plugin_executables::Executables>(Memory::new(&name, &bytes), "");
        if report.findings.is_empty() && report.incomplete.is_empty() { println!("{path}: -"); }
        for f in &report.findings { println!("{path}: {:?} {} {} {:?}", f.severity, f.rule, f.message, f.at); }
        for i in &report.incomplete { println!("{path}: INC {i}"); }
        let _ = served;
    }
}
