//! Finds zip archives at the end of files that are something else at the start.
//!
//! A zip is found from its end, so a file can be an ELF, a PNG or a safetensors for whoever reads it from the front and an
//! archive for `zipfile`, `torch.load` of old, Java or a self-extractor's stub: a polyglot. Formats are told by bytes at a fixed
//! offset, so no format scanner would look; this analyser starts where the host finds an end record, checks that a
//! directory with a real member belongs to it, and hands the archive over.
//!
//! An archive that reaches exactly to the end of the file makes it a polyglot, which is reported. One that ends a little before
//! is what a container with a zip as its last member looks like (a tar, a pickled model), so it is only handed over.
//! TensorFlow Lite puts its metadata into such a zip, and is left in peace.

use modelaudit_executable_headers::identify;
use modelaudit_plugin::{Artifact, Finding, Manifest, Plugin, Severity, Sink, Span};
use modelaudit_rules::structure::S908;
use modelaudit_zip_directory::Archive;

/// The plugin.
pub struct EmbeddedZip;

/// An end record with the longest comment: readers look no further back.
const TAIL: u64 = 22 + 0xffff;

/// What an artifact starts with that is a zip to the format scanner (its magics).
const ZIP: &[&[u8]] = &[b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x01\x02", b"PK\x07\x08PK", b"PK00PK"];

/// Formats that carry a zip at their end by specification: offset, bytes.
/// TensorFlow Lite: tensorflow.org/lite/models/convert/metadata, "associated files". Actually portable executables (cosmopolitan's
/// ape/specification.md) keep their files in one; the llamafile plugin says what such a program is.
const CARRIERS: &[(usize, &[u8])] = &[(4, b"TFL3"), (0, b"MZqFpD='"), (0, b"jartsr='"), (0, b"APEDBG='")];

/// What is left in the head of a portable executable that was made an ELF or Mach-O file in place.
const ASSIMILATED: &[u8] = b"printf '\\177ELF";

/// Formats whose last member may be a zip: offset, bytes. Their plugins hand it over.
const CONTAINERS: &[(usize, &[u8])] = &[(257, b"ustar")];

impl Plugin for EmbeddedZip {
    fn describe() -> Manifest {
        Manifest {
            name: "embedded-zip",
            version: env!("CARGO_PKG_VERSION"),
            summary: "finds zip archives at the end of files that start as something else",
            homepage: env!("CARGO_PKG_HOMEPAGE"),
            formats: vec![],
            anchors: vec![b"PK\x05\x06".to_vec()],
            rules: vec![S908],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let size = artifact.size();
        let head = artifact.read(0, 4096);
        if ZIP.iter().any(|magic| head.starts_with(magic)) || artifact.hits(size.saturating_sub(TAIL), 1).is_empty() {
            return Ok(());
        }
        let archive = Archive::open(artifact);
        let Some(end) = archive.ends().iter().map(|end| end.at.end()).max() else { return Ok(()) };
        let locals = archive.listed().filter_map(|entry| entry.local.map(|local| local.at.offset));
        let Some(start) = locals.min() else { return Ok(()) };
        let exact = end == size;
        let starts = |table: &[(usize, &[u8])]| {
            table.iter().any(|(at, magic)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic)))
        };
        if !exact && starts(CONTAINERS) {
            return Ok(());
        }
        sink.embed(&format!("(zip at {start})"), Span::new(start, end.saturating_sub(start)), "zip");
        // A llamafile is an executable with its weights in a zip; its plugin says so once.
        let executable = identify(&head, size);
        let named = artifact.name().to_ascii_lowercase().ends_with(".llamafile");
        let llamafile =
            executable.is_some() && (named || head.windows(ASSIMILATED.len()).any(|bytes| bytes == ASSIMILATED));
        if exact && !starts(CARRIERS) && !llamafile {
            let (what, severity) = match &executable {
                Some(kind) => (kind.title(), Severity::Critical),
                None => ("another format".to_owned(), Severity::Warning),
            };
            sink.finding(
                Finding::new(&S908, format!("{what} at the start, a zip archive from offset {start} to the end"))
                    .severity(severity)
                    .at(start, size.saturating_sub(start))
                    .detail("archive_at", start.to_string()),
            );
        }
        Ok(())
    }
}

modelaudit_plugin::export!(EmbeddedZip);

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::{Memory, conformance, scan_artifact};

    use super::*;

    fn fixture(file: &str) -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/embedded-zip/");
        std::fs::read(format!("{folder}{file}")).unwrap_or_else(|e| panic!("{file}: {e}"))
    }

    #[test]
    fn fixtures_have_their_labels() {
        let labels = String::from_utf8(fixture("labels.csv")).unwrap();
        for line in labels.lines().skip(1) {
            let [file, _, expected, rules] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let (report, _) = scan_artifact::<EmbeddedZip>(Memory::new(file, &fixture(file)), "");
            let verdict = report.worst().map_or("clean".to_owned(), |worst| format!("{worst:?}").to_lowercase());
            let found: Vec<&str> = report.findings.iter().map(|f| f.rule).collect();
            assert_eq!((verdict.as_str(), found), (expected, rules.split_whitespace().collect()), "{file}");
            assert!(report.incomplete.is_empty(), "{file}");
            let quiet = ["last_member.tar", "signature_only.bin"].contains(&file);
            assert_eq!(report.children.len(), usize::from(!quiet), "{file}");
            assert!(report.children.iter().all(|child| child.bytes.starts_with(b"PK\x03\x04") && child.hint == "zip"));
        }
    }

    #[test]
    fn archives_are_left_to_the_format_scanner() {
        let bytes = fixture("png.png");
        let start = bytes.windows(4).position(|w| w == b"PK\x03\x04").unwrap();
        let (report, _) = scan_artifact::<EmbeddedZip>(Memory::new("x", &bytes[start..]), "");
        assert!(report.findings.is_empty() && report.children.is_empty());
    }

    #[test]
    fn conformance_on_good_and_bad() {
        for file in ["metadata.tflite", "elf_absolute_offsets.bin", "signature_only.bin"] {
            conformance::<EmbeddedZip>(file, &fixture(file), "");
        }
    }
}
