//! A plugin written from wit/ alone, without the SDK: the contract is all that a stranger needs. It also does what the SDK
//! does not let one do.

#![allow(missing_docs, reason = "generated from wit/, where the documentation is")]
#![allow(unsafe_code, reason = "the canonical ABI's glue, generated")]

wit_bindgen::generate!({ world: "plugin", path: "../../wit/v0.1" });

use exports::modelaudit::scanner::scanner::{Guest, Manifest};
use modelaudit::scanner::artifact::Artifact;
use modelaudit::scanner::report::{Child, Finding};
use modelaudit::scanner::types::{Format, Magic, Rule, Severity};

struct Raw;

impl Guest for Raw {
    fn describe() -> Manifest {
        Manifest {
            name: "raw".to_owned(),
            version: "0.0.1".to_owned(),
            summary: "written from the contract alone".to_owned(),
            homepage: String::new(),
            formats: vec![Format {
                id: "raw".to_owned(),
                title: "raw file".to_owned(),
                extensions: vec![],
                file_names: vec![],
                magics: vec![Magic { offset: 0, bytes: b"RAW:".to_vec(), mask: vec![] }],
                first_bytes: vec![],
            }],
            anchors: vec![],
            rules: vec![Rule {
                id: "RAW-1".to_owned(),
                title: "raw".to_owned(),
                severity: Severity::Warning,
                why: "to see that it arrives".to_owned(),
                remedy: "none is needed".to_owned(),
                references: vec![],
            }],
        }
    }

    fn probe(_head: Vec<u8>, _size: u64) -> Vec<String> {
        Vec::new()
    }

    fn scan(input: &Artifact, _format: String) -> Result<(), String> {
        match input.read(4, 16).as_slice() {
            b"read" => {
                let beyond = input.read(input.size() + 1, u32::MAX);
                assert!(beyond.is_empty());
            }
            b"twice" => {
                let finding = Finding::new("RAW-1", "told twice");
                finding.emit();
                finding.emit();
                let never_emitted = Finding::new("RAW-1", "never told");
                never_emitted.element("nothing");
                let child = Child::new("part", "");
                assert!(child.write(b"RAW:read"));
                child.finish();
                child.finish();
                // The handle outlives its child: it reaches nothing.
                assert!(child.write(b"more"));
            }
            _ => Finding::new("RAW-1", "plain").emit(),
        }
        Ok(())
    }
}

export!(Raw);
