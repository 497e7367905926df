//! The analyser on names of its own list, of the fixtures and of real archives.

use std::path::{Path, PathBuf};

use modelaudit_plugin::Plugin;
use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Memory, Report, check_report, conformance, scan_artifact};
use modelaudit_plugin_names::Names;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn scan(name: &str) -> Report {
    let report = scan_artifact::<Names>(Memory::new(name, b"content"), "").0;
    check_report(&Names::describe(), 7, &report).unwrap_or_else(|e| panic!("{name:?}: {e}"));
    report
}

/// Names are kept in a table, one a line with escapes: file systems and git change or refuse some of them.
#[test]
fn names_of_the_table() {
    let table = std::fs::read_to_string(fixtures().join("names/names.csv")).unwrap();
    let mut seen = 0;
    for line in table.lines().skip(1) {
        let (rules, escaped) = line.split_once(',').unwrap();
        let name: String = serde_like(escaped);
        let report = scan(&name);
        let found: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
        assert_eq!(found.join(" "), rules, "{escaped}: {report:#?}");
        assert!(report.worst().is_none_or(|w| w == Severity::Warning) && report.incomplete.is_empty());
        let shown =
            format!("{:?}", report.findings.iter().map(|f| (&f.message, &f.details, &f.element)).collect::<Vec<_>>());
        assert!(!shown.contains(['\u{202e}', '\u{200b}', '\u{2066}']), "{escaped}");
        assert!(!shown.chars().any(|c| ('\u{e0000}'..='\u{e007f}').contains(&c)), "{escaped}");
        seen += 1;
    }
    assert!(seen > 40, "{seen} names");
}

/// `\uXXXX` and `\UXXXXXXXX` as the table writes them.
fn serde_like(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let digits = match (c, chars.clone().next()) {
            ('\\', Some('u')) => 4,
            ('\\', Some('U')) => 8,
            _ => {
                out.push(c);
                continue;
            }
        };
        chars.next();
        let code: String = chars.by_ref().take(digits).collect();
        out.push(char::from_u32(u32::from_str_radix(&code, 16).unwrap()).unwrap());
    }
    out
}

#[test]
fn names_and_contents() {
    let labels = std::fs::read_to_string(fixtures().join("names/labels.csv")).unwrap();
    let mut seen = 0;
    for line in labels.lines().skip(1) {
        let [file, _, _, rules] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let bytes = std::fs::read(fixtures().join("names").join(file)).unwrap();
        let report = scan_artifact::<Names>(Memory::new(file, &bytes), "").0;
        let found: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
        // Members of archives are artifacts of their own.
        let own = if file.ends_with("_member.zip") { "" } else { rules };
        assert_eq!(found.join(" "), own, "{file}: {report:#?}");
        seen += 1;
    }
    assert!(seen > 10, "{seen} files");
    let tar = [vec![0; 257], b"ustar".to_vec(), vec![0; 250]].concat();
    let safetensors = [&8u64.to_le_bytes()[..], b"{\"a\":{}}", &[0; 8]].concat();
    for (name, bytes, rules) in [
        ("model.gguf", &tar[..], 1),
        ("model.tar", &tar, 0),
        ("x.h5", &safetensors, 1),
        ("x.safetensors", &safetensors, 0),
        ("x.bin", &safetensors, 0),
        ("x.onnx", b"\x1f\x8b\x08\0", 1),
        ("x.json", b"\x1f\x8b\x08\0", 0),
        ("x.keras", b"\x89HDF\r\n\x1a\n", 0),
        ("x.tflite", b"\x1c\0\0\0TFL3", 0),
        ("x.onnx", b"\x08\x08\x12\x07pytorch", 0),
    ] {
        let found = scan_artifact::<Names>(Memory::new(name, bytes), "").0.of("S901").len();
        assert_eq!(found, rules, "{name}");
    }
}

#[test]
fn what_the_host_has_escaped_is_seen() {
    let report = scan("models/model\\u{202e}gpj.exe");
    assert_eq!(report.of("S605")[0].details, [("kind", "bidirectional-control".to_owned())]);
    assert!(report.of("S605")[0].message.contains("model\\u{202e}gpj.exe"), "{report:?}");
}

/// Names of models, attacks of other kinds and fixtures of other plugins, with their contents.
#[test]
fn real_names_are_silent() {
    let mut seen = 0;
    let mut todo = ["corpus", "real", "pickle", "zip", "pytorch", "onnx", "numpy", "keras-hdf5", "safetensors"]
        .map(|f| fixtures().join(f))
        .to_vec();
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() {
                todo.push(entry.path());
                continue;
            }
            seen += 1;
            let bytes = std::fs::read(entry.path()).unwrap();
            let report = scan_artifact::<Names>(Memory::new(&name, &bytes), "").0;
            assert_eq!(report, Report::default(), "{}", entry.path().display());
        }
    }
    assert!(seen > 900, "{seen} names");
}

#[test]
fn conforms() {
    conformance::<Names>("m\u{43e}del.safetensors.exe", b"content", "");
}
