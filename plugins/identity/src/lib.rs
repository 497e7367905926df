//! What a text shows a person and what it tells a machine: hidden text, reordered lines, and names that pass for well-known ones.
//!
//! The host finds the first bytes of invisible characters and the keys under which models are named ([`anchors`](Plugin::describe)), so
//! this analyser is started only where one stands. `invisible` looks at the text around each (in weights, too: a header or a template may
//! hold one; random bytes do not make a run of them), `fields` at the names of models in configurations and cards, which `squatting`
//! holds against the tables of `popular`. Ordinary emoji, scripts that need joiners, right-to-left text and vocabularies are silent.

mod fields;
mod invisible;
mod popular;
mod squatting;
mod windows;

use modelaudit_plugin::{Artifact, Manifest, Plugin, Sink};
use modelaudit_rules::encodings::S605;
use modelaudit_rules::identity::{S915, S1003};

/// The analyser.
pub struct Identity;

/// What an anchor announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Announces {
    /// The first bytes of a character that shows nothing.
    Invisible,
    /// The same as an escape of JSON.
    Escape,
    /// A key under which a model is named.
    Name,
}

const ANCHORS: &[(&[u8], Announces)] = &[
    // The tag block (U+E0000 to U+E007F).
    (b"\xf3\xa0\x80", Announces::Invisible),
    (b"\xf3\xa0\x81", Announces::Invisible),
    // Variation selectors 17 to 256, which stand for the values of bytes from 16 on; those below are in every emoji.
    (b"\xf3\xa0\x84", Announces::Invisible),
    (b"\xf3\xa0\x85", Announces::Invisible),
    (b"\xf3\xa0\x86", Announces::Invisible),
    (b"\xf3\xa0\x87", Announces::Invisible),
    // Zero-width space, non-joiner, word joiner: digits of a code. Joiners, which emoji have, need one of these beside them.
    (b"\xe2\x80\x8b", Announces::Invisible),
    (b"\xe2\x80\x8c", Announces::Invisible),
    (b"\xe2\x81\xa0", Announces::Invisible),
    // Overrides and isolates, the controls of CVE-2021-42574.
    (b"\xe2\x80\xad", Announces::Invisible),
    (b"\xe2\x80\xae", Announces::Invisible),
    (b"\xe2\x81\xa6", Announces::Invisible),
    (b"\xe2\x81\xa7", Announces::Invisible),
    (b"\xe2\x81\xa8", Announces::Invisible),
    (b"\\udb40", Announces::Escape),
    (b"\\uDB40", Announces::Escape),
    (b"\\u202", Announces::Escape),
    (b"\\u200", Announces::Escape),
    (b"base_model", Announces::Name),
    (b"name_or_path", Announces::Name),
    (b"\"model_name\"", Announces::Name),
    (b"\"repo_id\"", Announces::Name),
    (b"\"auto_map\"", Announces::Name),
];

/// Hits of anchors that are looked at; emoji in a vocabulary are the most that real files have.
const MOST_HITS: u32 = 1 << 16;

impl Plugin for Identity {
    fn describe() -> Manifest {
        Manifest {
            name: "identity",
            version: env!("CARGO_PKG_VERSION"),
            summary: "finds hidden text, reordered lines, and names close to well-known ones",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: Vec::new(),
            anchors: ANCHORS.iter().map(|(literal, _)| literal.to_vec()).collect(),
            rules: vec![S605, S915, S1003],
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let hits = artifact.hits(0, MOST_HITS);
        let announces = |anchor: u32| ANCHORS.get(anchor as usize).map(|(_, what)| *what);
        let places: Vec<u64> =
            hits.iter().filter(|h| announces(h.anchor) == Some(Announces::Invisible)).map(|h| h.offset).collect();
        invisible::scan(artifact, &places, sink);
        if places.len() < hits.len() {
            fields::scan(artifact, sink);
        }
        if hits.len() as u64 >= u64::from(MOST_HITS) {
            let last = hits.last().map_or(0, |h| h.offset);
            sink.log(&format!("more than {MOST_HITS} places to look at; those behind offset {last} were left out"));
        }
        Ok(())
    }
}

modelaudit_plugin::export!(Identity);
