//! An analyser that reports every artifact it is shown: its findings must stand, whatever another plugin does.

use modelaudit_plugin::{Artifact, Finding, Manifest, Plugin, Rule, Severity, Sink};

/// The analyser.
pub struct Witness;

const SEEN: Rule = Rule {
    id: "WITNESS-1",
    title: "seen",
    severity: Severity::Info,
    why: "the witness was started",
    remedy: "none is needed",
    references: &[],
};

impl Plugin for Witness {
    fn describe() -> Manifest {
        Manifest {
            name: "witness",
            version: "1.0.0",
            summary: "sees everything",
            homepage: "",
            formats: vec![],
            anchors: vec![],
            rules: vec![SEEN],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        // A file that asks for it gets a warning, to see that findings win over gaps.
        let loud = !artifact.find(&[b"LOUD"], modelaudit_plugin::Span::new(0, artifact.size()), 1).is_empty();
        let severity = if loud { Severity::Warning } else { Severity::Info };
        sink.finding(Finding::new(&SEEN, format!("{} bytes", artifact.size())).severity(severity));
        Ok(())
    }
}

modelaudit_plugin::export!(Witness);
