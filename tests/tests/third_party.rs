//! A third party's plugin works: the template is built as a stranger would build it, and its finding is in the report.

use std::process::Command;

use modelaudit_engine::model::{Origin, Verdict};
use modelaudit_engine::{Options, Target};
use modelaudit_tests::{root, scan_bytes, scanner, template_plugin};

const ACME: &[u8] = b"ACME\x02\0\0\0\x01\x04\0\0\0\0\0\0\0\x02\x09\0\0\0echo hell";

#[test]
fn its_finding_is_in_the_report_with_its_origin() {
    let plugin = template_plugin();
    let scanner = scanner(Options { plugin_files: vec![plugin.clone()], ..Options::default() });
    assert_eq!(scanner.failures().len(), 0, "{:?}", scanner.failures());
    let (report, file) = scan_bytes(&scanner, "model.acme", ACME);
    assert_eq!(file.verdict(), Verdict::Critical);
    let (artifact, finding) =
        file.findings().find(|(_, f)| report.rules[f.rule].id == "ACME-001").expect("the script is found");
    assert_eq!(artifact.formats, ["acme"]);
    assert_eq!(report.plugins[finding.plugin].origin, Origin::File(plugin.to_string_lossy().into_owned()));
    assert!(finding.message.contains("'echo hell'"));
    assert_eq!(file.artifacts[1].path[1], "script-1");

    let (report, file) = scan_bytes(&scanner, "model.acme", &ACME[..20]);
    assert_eq!((file.verdict(), report.exit_code()), (Verdict::Incomplete, 2));
}

#[test]
fn a_folder_of_plugins_is_loaded_and_a_bad_one_in_it_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::copy(template_plugin(), folder.path().join("acme.wasm")).expect("it was just built");
    std::fs::write(folder.path().join("bad.wasm"), "nonsense").expect("it can be written to");
    std::fs::write(folder.path().join("notes.txt"), "no plugin").expect("it can be written to");
    let options = Options { plugin_dirs: vec![folder.path().to_owned()], builtin: false, ..Options::default() };
    let scanner = scanner(options);
    assert_eq!(scanner.plugins()[0].manifest.name, "acme");
    assert_eq!(scanner.failures().len(), 1);
    let report = scanner.scan(&[Target::Path(folder.path().join("notes.txt"))], &modelaudit_engine::Quiet);
    assert_eq!(report.exit_code(), 2);
}

#[test]
fn its_authors_tests_run_natively() {
    let output = Command::new(env!("CARGO"))
        .args(["test", "--manifest-path"])
        .arg(root().join("plugins/template/Cargo.toml"))
        .arg("--target-dir")
        .arg(root().join("target/template"))
        .output()
        .expect("cargo runs the tests, so it runs here");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("4 passed"), "{text}");
}
