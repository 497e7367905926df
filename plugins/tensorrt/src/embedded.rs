//! Programs inside an engine: code for the GPU, which belongs there, runtimes of version-compatible engines, and libraries of plugins.
//!
//! What they are is told by their whole headers. The analyser for executables reports that they are there; here they matter for two
//! things: a library of plugins is loaded when the engine is deserialized (`IBuilderConfig::setPluginsToSerialize`), and the strings
//! inside of programs are no strings of the engine.

use modelaudit_executable_headers::{Kind, SEARCH_BACK, find_pe_start, identify_at};
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span};
use modelaudit_rules::deployment::S1109;

/// Signatures of ELF and of PE, whose header lies before it.
const SIGNATURES: [&[u8]; 2] = [b"\x7fELF", b"PE\0\0"];
/// Functions that TensorRT asks a library of plugins for (NvInferRuntime.h, "dynamic plugin loading").
const PLUGIN_ENTRIES: [&[u8]; 3] = [b"getPluginCreators", b"getCreators", b"setLoggerFinder"];
/// What a runtime exports; it names the functions above because it asks for them.
const RUNTIME_ENTRIES: [&[u8]; 1] = [b"createInferRuntime_INTERNAL"];
/// Places that are looked at; an engine holds some thousand kernels.
const MOST_PLACES: u32 = 65_536;

/// Programs in the order of their place.
pub struct Programs {
    found: Vec<(Span, Kind)>,
}

/// Finds them.
pub fn find(artifact: &dyn Artifact, engine: Span, sink: &mut dyn Sink) -> Programs {
    let (mut found, mut covered): (Vec<(Span, Kind)>, u64) = (Vec::new(), engine.offset);
    let hits = artifact.find(&SIGNATURES, engine, MOST_PLACES);
    if hits.len() as u64 >= u64::from(MOST_PLACES) {
        sink.incomplete(&format!("more than {MOST_PLACES} places look like programs: the rest was not looked at"));
    }
    for hit in hits {
        if hit.offset < covered {
            continue;
        }
        let [near, _] = SEARCH_BACK;
        let start = match hit.anchor {
            0 => Some(hit.offset),
            _ => find_pe_start(artifact, hit.offset, near),
        };
        let Some(start) = start.filter(|start| *start >= covered) else { continue };
        let Some(program) = identify_at(artifact, start) else { continue };
        covered = start.saturating_add(program.extent).min(engine.end());
        found.push((Span::new(start, covered - start), program.kind));
    }
    Programs { found }
}

impl Programs {
    /// Whether an offset lies in a program.
    pub fn contain(&self, offset: u64) -> bool {
        let after = self.found.partition_point(|(span, _)| span.offset <= offset);
        after.checked_sub(1).and_then(|index| self.found.get(index)).is_some_and(|(span, _)| offset < span.end())
    }

    /// Reports libraries of plugins, and says how much of the rest there is.
    pub fn report(&self, artifact: &dyn Artifact, sink: &mut dyn Sink) {
        let (mut kernels, mut runtimes) = (0u64, 0u64);
        for (span, kind) in &self.found {
            if kind.is_accelerator() {
                kernels += 1;
                continue;
            }
            if !kind.is_native() || artifact.find(&PLUGIN_ENTRIES, *span, 1).is_empty() {
                continue;
            }
            if !artifact.find(&RUNTIME_ENTRIES, *span, 1).is_empty() {
                runtimes += 1;
                continue;
            }
            let message = format!(
                "a library of plugins travels in the engine ({}): TensorRT loads it with the engine",
                kind.title()
            );
            let finding = Finding::new(&S1109, message).severity(Severity::Critical);
            sink.finding(finding.at(span.offset, span.length).detail("kind", kind.title()));
        }
        sink.fact_number("gpu_programs", kernels);
        if runtimes > 0 {
            sink.fact_number("runtimes", runtimes);
        }
    }
}
