//! The plugin on fixtures/llamafile.

#[path = "../../safetensors/tests/labels/mod.rs"]
mod labels;

use modelaudit_plugin::testing::{Report, conformance};
use modelaudit_plugin::{Plugin, Severity};
use modelaudit_plugin_llamafile::Llamafile;

fn scan(file: &str) -> Report {
    labels::scan_file::<Llamafile>(&labels::fixtures().join("llamafile").join(file), "llamafile")
}

#[test]
fn labels_hold() {
    labels::check::<Llamafile>("llamafile");
}

#[test]
fn the_program_is_told_once() {
    for file in ["model.llamafile", "host.llamafile", "no_name", "elf.llamafile", "assimilated", "linux_only"] {
        let report = scan(file);
        assert_eq!(report.of("S1185").len(), 1, "{file}: {report:?}");
        assert!(report.incomplete.is_empty(), "{file}: {report:?}");
        // The archive is the embedded-zip plugin's to hand over.
        assert!(report.children.is_empty(), "{file}");
        assert_eq!(report.fact("llamafile_version"), Some("\"0.9.3\""), "{file}");
        assert_eq!(report.fact("llamafile_models"), Some("[\"model.gguf\"]"), "{file}");
    }
    assert_eq!(scan("host.llamafile").of("S1186")[0].severity, Severity::Info);
    assert_eq!(scan("gpu_module.llamafile").fact("llamafile_gpu_modules"), Some("[\"ggml-cuda.so\"]"));
}

#[test]
fn arguments_have_their_places() {
    let report = scan("args_other_model.llamafile");
    let bytes = std::fs::read(labels::fixtures().join("llamafile/args_other_model.llamafile")).unwrap();
    let at = report.of("S1186")[0].at.unwrap();
    assert_eq!(&bytes[at.offset as usize..at.end() as usize], b"-m");
    assert_eq!(scan("args_template.llamafile").child("chat_template.jinja").map(|c| c.hint.as_str()), Some("jinja"));
}

#[test]
fn what_is_cut_is_handed_over_and_incomplete() {
    let report = scan("cut.llamafile");
    assert_eq!(report.incomplete.len(), 1, "{report:?}");
    assert!(report.children.iter().any(|c| c.hint == "zip" && c.bytes.starts_with(b"PK\x03\x04")), "{report:?}");
    assert!(!scan("args_huge.llamafile").incomplete.is_empty());
    assert_eq!(scan("cut_program.llamafile").incomplete.len(), 1);
}

/// ELF files are known as llamafiles only where the portable executable shows that they were one.
#[test]
fn other_programs_are_not_claimed() {
    let folder = labels::fixtures();
    let probe = |path: &str| {
        let bytes = std::fs::read(folder.join(path)).unwrap();
        Llamafile::probe(&bytes[..bytes.len().min(4096)], bytes.len() as u64)
    };
    assert_eq!(probe("llamafile/assimilated"), ["llamafile-native"]);
    for path in ["llamafile/elf.llamafile", "embedded-zip/elf.bin", "embedded-zip/model.llamafile"] {
        assert!(probe(path).is_empty(), "{path}");
    }
}

#[test]
fn small_files_hold_the_contract() {
    for file in ["args_deflated.llamafile", "cut.llamafile"] {
        conformance::<Llamafile>(
            file,
            &std::fs::read(labels::fixtures().join("llamafile").join(file)).unwrap(),
            "llamafile",
        );
    }
}
