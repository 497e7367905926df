//! The command line as people see it: transcripts under tests/cmd, each command with its output and exit code.
//!
//! `TRYCMD=overwrite cargo test --release --workspace --test cli` writes down what is printed now; read the diff.

use std::process::Command;

use modelaudit_tests::{binary, root};
use serde_json::Value;

/// The binary without anything of the environment that changes what it writes.
fn modelaudit(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    for name in ["COLUMNS", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(name);
    }
    // Kept results would make a second scan say what the first one did.
    command.env("XDG_CACHE_HOME", "/dev/null/cache").env("XDG_CONFIG_HOME", "/nowhere");
    command.args(arguments).current_dir(root().join("tests/cmd/scan.in"));
    command
}

#[test]
fn transcripts() {
    trycmd::TestCases::new()
        .register_bin("modelaudit", binary())
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        // No cache can be made there: a transcript starts from nothing.
        .env("XDG_CACHE_HOME", "/dev/null/cache")
        .env("XDG_CONFIG_HOME", "/nowhere")
        .case(root().join("tests/cmd/*.trycmd"))
        .case(root().join("tests/cmd/*.toml"));
}

#[test]
fn reports_of_real_scans_follow_the_schema() {
    let schema = std::fs::read_to_string(root().join("host/report/schema/report-v1.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let fixtures = root().join("fixtures");
    for arguments in [
        &["-f", "json", "models", "good", "nosuch"][..],
        &["-f", "json", "-v", fixtures.to_str().unwrap()],
        &["-f", "json", "--no-builtin", "good"],
    ] {
        let output = modelaudit(arguments).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let errors: Vec<_> =
            validator.iter_errors(&report).take(10).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{arguments:?}: {errors:#?}");
        assert_eq!(report["exit_code"].as_i64(), output.status.code().map(i64::from), "{arguments:?}");
    }
}

#[test]
fn text_and_json_agree() {
    let json = modelaudit(&["-f", "json", "models"]).output().unwrap();
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    let text = modelaudit(&["models"]).output().unwrap();
    assert_eq!(text.status, json.status);
    let text = String::from_utf8(text.stdout).unwrap();
    for issue in report["issues"].as_array().unwrap() {
        if issue["severity"] == "info" {
            continue;
        }
        let place = format!("at    {}", issue["location"].as_str().unwrap());
        assert_eq!(text.matches(&place).count(), 1, "{place} in\n{text}");
    }
}

#[test]
fn the_number_of_jobs_changes_nothing() {
    let fixtures = root().join("fixtures");
    let report = |jobs: &str| {
        let output = modelaudit(&["-f", "json", "-j", jobs, fixtures.to_str().unwrap()]).output().unwrap();
        let mut report: Value = serde_json::from_slice(&output.stdout).unwrap();
        remove_times(&mut report);
        serde_json::to_string_pretty(&report).unwrap()
    };
    let (one, seven) = (report("1"), report("7"));
    // Line by line: the whole of it would fill a terminal a thousand times.
    assert_eq!(one.lines().zip(seven.lines()).find(|(a, b)| a != b), None);
    assert_eq!(one.len(), seven.len());
}

fn remove_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for name in ["start_time", "duration", "timestamp"] {
                fields.remove(name);
            }
            fields.values_mut().for_each(remove_times);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_times),
        _ => {}
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_is_no_trouble() {
    for stream in ["stdout", "stderr"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = modelaudit(&["models"]);
        match stream {
            "stdout" => command.stdout(writer).stderr(std::process::Stdio::piped()),
            _ => command.args(["--output", "/dev/null"]).stderr(writer),
        };
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(if stream == "stdout" { 1 } else { 2 }), "{stream}");
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[cfg(unix)]
#[test]
fn hostile_file_names_are_harmless_in_every_format() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let model = std::fs::read(root().join("tests/cmd/scan.in/models/absurd.npy")).unwrap();
    let names: [&[u8]; 5] = [
        b"\x1b[2J\x1b[31mCLEAN\x07.npy",
        b"line\nCLEAN  all.npy",
        "\u{202e}ypn.exe".as_bytes(),
        b"\xff\xfe.npy",
        b"\"><script>.npy",
    ];
    for name in names {
        std::fs::write(folder.path().join(std::ffi::OsStr::from_bytes(name)), &model).unwrap();
    }
    for format in ["text", "json"] {
        let output = modelaudit(&["-v", "-f", format, folder.path().to_str().unwrap()]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stdout).expect("a report is UTF-8");
        assert!(!text.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text:?}");
        assert!(text.lines().skip(1).all(|l| !l.starts_with("CLEAN")), "{text}");
        if format == "json" {
            let report: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(report["files_scanned"], names.len());
        }
    }
}
