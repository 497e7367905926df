//! Scans TensorRT engines (`.engine`, `.plan`, `.trt`).
//!
//! An engine is compiled code for one kind of GPU, in a format that NVIDIA does not document. What is known of it are its tag and version
//! (trtexec prints them, samples/common/sampleEngines.cpp), and the JSON that Ultralytics puts before it. Its layers can't be looked
//! at, and one note says so. What can be are strings, found by the host without reading the weights, and the libraries of plugins that
//! travel in it. That programs stand in it at all is the business of the analyser for executables.

mod embedded;
mod metadata;
mod strings;

use modelaudit_plugin::{Artifact, Finding, Format, Magic, Manifest, Plugin, Sink, Span, quote};
use modelaudit_rules::deployment::{S1109, S1175};
use modelaudit_rules::structure::{S902, S903, S905};

/// The plugin.
pub struct TensorRt;

/// The tag of a plan, `0x74727466` (`kPLAN_FILE_TAG`).
const TAG: &[u8] = b"ftrt";
/// Bytes of the header up to the end of the version.
const HEADER: u64 = 28;
/// Where the version stands, if the version of the serialization is 0: major, minor, patch, build.
const VERSION: u64 = 24;

impl Plugin for TensorRt {
    fn describe() -> Manifest {
        Manifest {
            name: "tensorrt",
            version: env!("CARGO_PKG_VERSION"),
            summary: "TensorRT engines: plugin libraries, strings, Ultralytics metadata",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("tensorrt", "TensorRT engine")
                    .extensions(&["engine", "plan", "trt"])
                    .magic(Magic::at(0, TAG))
                    // Metadata of less than 1 MiB as a JSON object, behind their length.
                    .magic(Magic::masked(2, b"\0\0{\"", &[0xf0, 0xff, 0xff, 0xff])),
            ],
            anchors: vec![],
            rules: vec![S902, S903, S905, S1109, S1175],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let size = artifact.size();
        let start = metadata::scan(artifact, sink)?;
        let head = artifact.read(start, HEADER as u32);
        if !head.starts_with(TAG) {
            if start > 0 {
                return Err(format!("no engine follows the metadata at offset {start}, but {}", quote(&head)));
            }
            // Engines before TensorRT 8 have another tag; a text, or a file of a few bytes, is no engine at all.
            let sample = artifact.read(0, 4096);
            if size < HEADER || !sample.contains(&0) {
                return Err(format!("the tag 'ftrt' is missing, the file begins with {}", quote(&head)));
            }
            sink.finding(
                Finding::new(&S903, "the engine does not begin with the tag 'ftrt' of TensorRT 8 and later").at(0, 4),
            );
        } else if (head.len() as u64) < HEADER {
            return Err(format!("the engine is cut off: {} bytes are less than its header", size - start));
        } else if let Some(serialization) = head.get(4..8).and_then(|b| b.first_chunk::<4>()) {
            let serialization = u32::from_le_bytes(*serialization);
            sink.fact_number("serialization_version", u64::from(serialization));
            if let (0, Some([major, minor, patch, build])) = (serialization, head.get(VERSION as usize..)) {
                sink.fact_text("tensorrt_version", &format!("{major}.{minor}.{patch}.{build}"));
            }
        }
        let engine = Span::new(start, size - start);
        let programs = embedded::find(artifact, engine, sink);
        programs.report(artifact, sink);
        strings::scan(artifact, engine, &programs, sink);
        let message = "the engine is compiled code that can't be looked into";
        sink.finding(Finding::new(&S1175, message).at(start, HEADER.min(size - start)));
        Ok(())
    }
}

modelaudit_plugin::export!(TensorRt);
