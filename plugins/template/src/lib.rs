//! A modelaudit plugin for ACME models: the template to start your own from.
//!
//! An ACME file is `ACME`, a u32 (little-endian) count of records, then per record a u8 kind, a u32 length and that many
//! bytes. Kind 1 is weights, kind 2 a script that the ACME runtime runs when it loads the file.
//!
//! Build: `cargo build --release --target wasm32-unknown-unknown`
//! Use: `modelaudit scan --plugin target/wasm32-unknown-unknown/release/acme_scanner.wasm FILE`

use modelaudit_plugin::{
    Artifact, EndOfData, Finding, Format, Magic, Manifest, Plugin, Reader, Rule, Severity, Sink, Span, quote,
};

/// The scanner.
pub struct Acme;

const SCRIPT: Rule = Rule {
    id: "ACME-001",
    title: "script in an ACME model",
    severity: Severity::Critical,
    why: "the ACME runtime runs scripts while it loads the file; models without a script record never fire it",
    remedy: "ask the author for a model without scripts",
    references: &["CWE-94"],
};

const UNKNOWN_RECORD: Rule = Rule {
    id: "ACME-002",
    title: "unknown record",
    severity: Severity::Info,
    why: "a newer ACME version may give the record a meaning",
    remedy: "update this plugin",
    references: &[],
};

impl Plugin for Acme {
    fn describe() -> Manifest {
        Manifest {
            name: "acme",
            version: env!("CARGO_PKG_VERSION"),
            summary: "scans ACME models for scripts",
            homepage: "https://example.org/acme",
            formats: vec![Format::new("acme", "ACME model").extensions(&["acme"]).magic(Magic::at(0, b"ACME"))],
            anchors: vec![],
            rules: vec![SCRIPT, UNKNOWN_RECORD],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        // A length that does not fit the file ends here: the file is reported as incomplete, with where and why.
        records(artifact, sink).map_err(|end| format!("the file ends early: {end}"))
    }
}

fn records(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), EndOfData> {
    let mut reader = Reader::new(artifact);
    reader.skip(4)?;
    let count = reader.u32_le()?;
    for number in 0..count {
        let offset = reader.position();
        let kind = reader.u8()?;
        let length = u64::from(reader.u32_le()?);
        let content = Span::new(reader.position(), length);
        // Skipping costs nothing and fails where the file ends; nothing is allocated from an unchecked length.
        reader.skip(length)?;
        match kind {
            1 => {}
            2 => {
                let head = artifact.read(content.offset, length.min(64) as u32);
                let message = format!("record {number} is a script that runs on load: {}", quote(head));
                sink.finding(Finding::new(&SCRIPT, message).at(offset, content.end() - offset));
                // The script is a file of its own: analysers and other scanners look at it, too.
                sink.embed(&format!("script-{number}"), content, "");
            }
            other => {
                let message = format!("record {number} is of kind {other}, which this plugin does not know");
                sink.finding(Finding::new(&UNKNOWN_RECORD, message).at(offset, content.end() - offset));
            }
        }
    }
    sink.fact_number("records", u64::from(count));
    Ok(())
}

modelaudit_plugin::export!(Acme);

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::{conformance, scan};

    use super::*;

    fn file(records: &[(u8, &[u8])]) -> Vec<u8> {
        let mut file = b"ACME".to_vec();
        file.extend((records.len() as u32).to_le_bytes());
        for (kind, content) in records {
            file.push(*kind);
            file.extend((content.len() as u32).to_le_bytes());
            file.extend(*content);
        }
        file
    }

    #[test]
    fn a_script_is_critical_and_handed_over() {
        let report = scan::<Acme>(&file(&[(1, b"weights"), (2, b"echo hello")]), "acme");
        assert_eq!(report.worst(), Some(Severity::Critical));
        assert_eq!(report.of("ACME-001").len(), 1);
        assert_eq!(report.child("script-1").unwrap().bytes, b"echo hello");
    }

    #[test]
    fn weights_alone_are_silent() {
        let report = scan::<Acme>(&file(&[(1, b"weights")]), "acme");
        assert_eq!((report.findings.len(), report.incomplete.len()), (0, 0));
    }

    #[test]
    fn a_length_beyond_the_file_is_incomplete_and_nothing_is_allocated() {
        let report = scan::<Acme>(b"ACME\x01\0\0\0\x02\xff\xff\xff\xff", "acme");
        assert_eq!(report.incomplete.len(), 1);
    }

    #[test]
    fn it_holds_what_every_plugin_must() {
        conformance::<Acme>("test.acme", &file(&[(1, b"weights"), (2, b"echo hello"), (9, b"?")]), "acme");
    }
}
