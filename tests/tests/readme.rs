//! The README's list of formats comes out of the manifests: `UPDATE=1 cargo test --release -p modelaudit-tests --test readme`
//! writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use modelaudit_engine::Options;
use modelaudit_tests::{root, scanner};

const BEGIN: &str = "<!-- formats: begin -->\n";
const END: &str = "<!-- formats: end -->\n";

fn list() -> String {
    let scanner = scanner(Options::default());
    let mut formats: BTreeMap<String, (String, String, String)> = BTreeMap::new();
    let mut analysers = Vec::new();
    for plugin in scanner.plugins() {
        for format in &plugin.manifest.formats {
            let names = format.extensions.iter().map(|e| format!(".{e}")).chain(format.file_names.iter().cloned());
            let names = names.map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" ");
            formats.insert(format.title.to_lowercase(), (format.title.clone(), plugin.manifest.name.clone(), names));
        }
        if plugin.manifest.formats.is_empty() {
            analysers.push(format!("- **{}**: {}", plugin.manifest.name, plugin.manifest.summary));
        }
    }
    let mut text = String::from("| format | plugin | usual names (the content decides) |\n| --- | --- | --- |\n");
    for (title, plugin, names) in formats.values() {
        writeln!(text, "| {title} | {plugin} | {names} |").expect("a string takes all");
    }
    text + "\nAnalysers look into every file and every part of one, whatever its format:\n\n"
        + &analysers.join("\n")
        + "\n"
}

#[test]
fn the_formats_are_those_of_the_manifests() {
    let path = root().join("README.md");
    let readme = std::fs::read_to_string(&path).expect("README.md is there");
    let (before, rest) = readme.split_once(BEGIN).expect("the list's begin is marked");
    let (old, after) = rest.split_once(END).expect("the list's end is marked");
    let new = list();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{new}{END}{after}")).expect("README.md can be written");
        return;
    }
    assert_eq!(old, new, "README.md is behind the manifests: run this test with UPDATE=1");
}
