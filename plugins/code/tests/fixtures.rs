//! The plugin on its own fixtures: what must fire fires, what must not does not, and hostile files end clearly.

use std::path::{Path, PathBuf};

use modelaudit_plugin::testing::{Memory, Report, conformance, scan_artifact};
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_code::Code;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/code")
}

/// As the host does it: by content, else by name.
fn scan(name: &str, bytes: &[u8]) -> (Report, String) {
    let head = &bytes[..bytes.len().min(4096)];
    let format = Code::probe(head, bytes.len() as u64).pop().or_else(|| {
        let extension = name.rsplit_once('.')?.1;
        let format = Code::describe().formats.into_iter().find(|f| f.extensions.contains(&extension))?;
        Some(format.id.to_owned())
    });
    match format {
        Some(format) => (scan_artifact::<Code>(Memory::new(name, bytes), &format).0, format),
        None => (Report::default(), String::new()),
    }
}

#[test]
fn own_fixtures() {
    let labels = std::fs::read_to_string(folder().join("labels.csv")).unwrap();
    let (mut checked, mut wrong) = (0, Vec::new());
    for line in labels.lines().skip(1) {
        let [file, format, verdict, rules] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let bytes = std::fs::read(folder().join(file)).unwrap();
        let (report, claimed) = scan(file, &bytes);
        assert_eq!(claimed, format, "{file}");
        let worst = match report.worst() {
            Some(Severity::Critical) => "critical",
            Some(Severity::Warning) => "warning",
            _ if !report.incomplete.is_empty() => "incomplete",
            Some(_) => "info",
            None => "clean",
        };
        let mut found: Vec<&str> = report.findings.iter().map(|finding| finding.rule).collect();
        found.sort_unstable();
        found.dedup();
        let found = found.join(" ");
        if (worst, found.as_str()) != (verdict, rules) || report.incomplete.is_empty() == (verdict == "incomplete") {
            wrong.push(format!("{file}: {worst} {found}, not {verdict} {rules}: {report:#?}"));
        }
        checked += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 50, "{checked} fixtures");
}

#[test]
fn evidence_says_where_and_what() {
    let bytes = std::fs::read(folder().join("attack/modeling_layers.py")).unwrap();
    let (report, _) = scan("modeling_layers.py", &bytes);
    let finding = &report.findings[0];
    assert!(finding.message.starts_with("line 3: exec() runs text that was decoded first"), "{}", finding.message);
    assert!(finding.message.contains("os.system('id')"), "{}", finding.message);
    let at = finding.at.unwrap();
    assert!(bytes[at.offset as usize..].starts_with(b"exec(z.decompress"));
    // A byte order mark moves the evidence.
    let marked = [b"\xef\xbb\xbf".as_slice(), &bytes].concat();
    assert_eq!(scan("modeling_layers.py", &marked).0.findings[0].at.unwrap().offset, at.offset + 3);
}

#[test]
fn the_role_decides() {
    let source = b"import os\nos.system('id')\n";
    let worst = |name: &str, lineage: &[&str]| {
        scan_artifact::<Code>(Memory::new(name, source).lineage(lineage), "python-source").0.worst()
    };
    assert_eq!(worst("modeling_x.py", &[]), Some(Severity::Critical));
    assert_eq!(worst("custom_generate/generate.py", &[]), Some(Severity::Critical));
    assert_eq!(worst("anything.py", &["model.mar"]), Some(Severity::Critical));
    assert_eq!(worst("anything.py", &[]), Some(Severity::Warning));
    // What torch prints into an archive is no Python, and the pytorch plugin judges it.
    let printed =
        Memory::new("model/code/__torch__.py", source).lineage(&["model.pt"]).siblings(&["model/constants.pkl"]);
    assert_eq!(scan_artifact::<Code>(printed, "python-source").0, Report::default());
}

#[test]
fn python_holds_the_contract() {
    for name in ["attack/modeling_layers.py", "attack/reverse.py", "good/latin.py", "attack/encoded.py"] {
        conformance::<Code>(name, &std::fs::read(folder().join(name)).unwrap(), "python-source");
    }
}

#[test]
fn notebooks_and_scripts_hold_the_contract() {
    for (name, format) in [
        ("notebook/attack.ipynb", "jupyter-notebook"),
        ("other/command.js", "javascript"),
        ("other/run.sh", "shell-script"),
    ] {
        conformance::<Code>(name, &std::fs::read(folder().join(name)).unwrap(), format);
    }
}
