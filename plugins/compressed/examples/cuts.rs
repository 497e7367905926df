fn main() {
    let f = std::env::args().nth(1).unwrap();
    let fmt = std::env::args().nth(2).unwrap();
    let b = std::fs::read(f).unwrap();
    for n in 14..=b.len() {
        let r = modelaudit_plugin::testing::scan::<modelaudit_plugin_compressed::Compressed>(&b[..n], &fmt);
        let o = r.children.first().map(|c| c.bytes.clone()).unwrap_or_default();
        println!(
            "{n} {} {} {}",
            r.incomplete.len(),
            r.findings.len(),
            o.iter().map(|b| format!("{b:02x}")).collect::<String>()
        );
    }
}
