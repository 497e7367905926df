//! Both legs of the contract as WebAssembly sees them: the generated bindings, and the adapters onto this crate's traits.

#![allow(missing_docs, reason = "generated from wit/, where the documentation is")]
#![allow(unsafe_code, reason = "the canonical ABI's glue, generated")]

use crate::{Artifact, ChildWriter, Finding, Hit, Plugin, Severity, Sink, Span, Tensor};

wit_bindgen::generate!({
    world: "plugin",
    path: "../../wit/v0.1",
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "modelaudit_plugin::bindings",
});

pub use exports::modelaudit::scanner::scanner::{Guest, Manifest};
pub use modelaudit::scanner::artifact::Artifact as HostArtifact;
use modelaudit::scanner::{report, types};

/// Sends panics to the host's log: without it a trap says no more than "unreachable".
fn speak_when_panicking() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|info| report::log(&crate::escape(&format!("panic: {info}"))))));
}

pub fn describe<P: Plugin>() -> Manifest {
    speak_when_panicking();
    let manifest = P::describe();
    Manifest {
        name: manifest.name.to_owned(),
        version: manifest.version.to_owned(),
        summary: manifest.summary.to_owned(),
        homepage: manifest.homepage.to_owned(),
        formats: manifest
            .formats
            .into_iter()
            .map(|format| types::Format {
                id: format.id.to_owned(),
                title: format.title.to_owned(),
                extensions: format.extensions.iter().map(|&e| e.to_owned()).collect(),
                file_names: format.file_names.iter().map(|&n| n.to_owned()).collect(),
                magics: format
                    .magics
                    .into_iter()
                    .map(|m| types::Magic { offset: m.offset, bytes: m.bytes, mask: m.mask })
                    .collect(),
                first_bytes: format.first_bytes,
            })
            .collect(),
        anchors: manifest.anchors,
        rules: manifest
            .rules
            .into_iter()
            .map(|rule| types::Rule {
                id: rule.id.to_owned(),
                title: rule.title.to_owned(),
                severity: severity(rule.severity),
                why: rule.why.to_owned(),
                remedy: rule.remedy.to_owned(),
                references: rule.references.iter().map(|&r| r.to_owned()).collect(),
            })
            .collect(),
    }
}

pub fn probe<P: Plugin>(head: &[u8], size: u64) -> Vec<String> {
    speak_when_panicking();
    P::probe(head, size)
}

pub fn scan<P: Plugin>(input: &HostArtifact, format: &str) -> Result<(), String> {
    speak_when_panicking();
    P::scan(&Imported { artifact: input, size: input.size() }, format, &mut Imports)
}

fn severity(severity: Severity) -> types::Severity {
    match severity {
        Severity::Debug => types::Severity::Debug,
        Severity::Info => types::Severity::Info,
        Severity::Warning => types::Severity::Warning,
        Severity::Critical => types::Severity::Critical,
    }
}

fn span(span: Span) -> types::Span {
    types::Span { offset: span.offset, length: span.length }
}

fn hits(hits: Vec<types::Hit>) -> Vec<Hit> {
    hits.into_iter().map(|h| Hit { offset: h.offset, anchor: h.anchor }).collect()
}

struct Imported<'a> {
    artifact: &'a HostArtifact,
    size: u64,
}

impl Artifact for Imported<'_> {
    fn name(&self) -> String {
        self.artifact.name()
    }
    fn lineage(&self) -> Vec<String> {
        self.artifact.lineage()
    }
    fn siblings(&self) -> Vec<String> {
        self.artifact.siblings()
    }
    fn size(&self) -> u64 {
        self.size
    }
    fn read(&self, offset: u64, length: u32) -> Vec<u8> {
        // The host takes a read behind the end for a parser that follows unchecked offsets.
        if offset > self.size {
            return Vec::new();
        }
        self.artifact.read(offset, length)
    }
    fn hits(&self, start: u64, limit: u32) -> Vec<Hit> {
        hits(self.artifact.hits(start, limit))
    }
    fn find(&self, literals: &[&[u8]], within: Span, limit: u32) -> Vec<Hit> {
        let literals: Vec<Vec<u8>> = literals.iter().map(|l| l.to_vec()).collect();
        hits(self.artifact.find(&literals, span(within), limit))
    }
    fn digest(&self, algorithm: &str, within: Span) -> Option<Vec<u8>> {
        self.artifact.digest(algorithm, span(within))
    }
}

struct Imports;

impl Sink for Imports {
    fn finding(&mut self, finding: Finding) {
        let out = report::Finding::new(finding.rule, &finding.message);
        if let Some(at) = finding.at {
            out.at(span(at));
        }
        if let Some(element) = &finding.element {
            out.element(element);
        }
        out.severity(severity(finding.severity));
        for (key, value) in &finding.details {
            out.detail(key, value);
        }
        out.emit();
    }
    fn incomplete(&mut self, reason: &str) {
        report::incomplete(reason);
    }
    fn fact(&mut self, key: &str, json: &str) {
        report::fact(key, json);
    }
    fn tensor(&mut self, tensor: Tensor) {
        report::tensor(&tensor.name, &tensor.dtype, &tensor.shape, span(tensor.at));
    }
    fn embed(&mut self, name: &str, at: Span, hint: &str) {
        report::embed(name, span(at), hint);
    }
    fn child(&mut self, name: &str, hint: &str) -> Box<dyn ChildWriter> {
        Box::new(ImportedChild(report::Child::new(name, hint)))
    }
    fn progress(&mut self, done: u64) {
        report::progress(done);
    }
    fn log(&mut self, message: &str) {
        report::log(message);
    }
}

struct ImportedChild(report::Child);

impl ChildWriter for ImportedChild {
    fn write(&mut self, bytes: &[u8]) -> bool {
        // A list crosses the border as one copy; blocks keep the host's side of it small.
        bytes.chunks(1 << 20).all(|block| self.0.write(block))
    }
    fn finish(self: Box<Self>) {
        self.0.finish();
    }
}
