//! Licences: which terms a model, a data set or a file comes under, as facts and notes.
//!
//! A licence is no danger, but whoever takes a model into a product wants to know it before. This analyser looks at texts only (a name
//! of a licence inside weights or a vocabulary says nothing), and only at those in which one of its [`anchors`](Plugin::describe)
//! stands: at declarations (`declared`: front matter of model cards, metadata, SPDX tags), at whole texts (`fingerprints`, against a
//! table of all texts that SPDX lists), and at notices and titles (`said`). `identifiers` and `expression` turn what people write into
//! SPDX identifiers; licences of models that SPDX does not list (RAIL, Llama, Gemma, Qwen, ...) are in `data/named.txt`. `policy` says
//! what is said of each class. Nothing is above info, and nothing is ever incomplete: a text without a licence is an ordinary text.

mod class;
mod copyright;
mod declared;
mod expression;
mod fingerprints;
mod identifiers;
mod policy;
mod report;
mod said;
mod tables;
mod text;
mod words;

use modelaudit_plugin::{Artifact, Manifest, Plugin, Sink};
use modelaudit_rules::licences;

/// Literals of which one stands in every text that is looked at: each anchor more costs the host's pass over every file, so they are few.
/// The last three begin cards, which may lack a licence.
const ANCHORS: &[&[u8]] = &[
    b"icense",
    b"ICENSE",
    b"icence",
    b"edistribution and use",
    b"ermission to use",
    b"ermission is ",
    b"pipeline_tag:",
    b"library_name:",
    b"base_model",
];

/// One of these stands in every text of a licence; ordinary files speak of licences without them.
const BEGINNINGS: &[&[u8]] = &[
    b"ICENSE",
    b"edistribution and use",
    b"ermission to use",
    b"ermission is ",
    b"Public License",
    b"Creative Commons",
    b"Apache License",
];

/// Words that a licence has at least: a file with fewer only points at one.
const FEWEST_WORDS: usize = 60;
/// The analyser.
pub struct Licences;

impl Plugin for Licences {
    fn describe() -> Manifest {
        Manifest {
            name: "licences",
            version: env!("CARGO_PKG_VERSION"),
            summary: "names the licences of models, data sets and files",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: Vec::new(),
            anchors: ANCHORS.iter().map(|literal| literal.to_vec()).collect(),
            rules: licences::ALL.to_vec(),
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let Some(text) = text::read(artifact) else { return Ok(()) };
        let size = artifact.size();
        let start = text.bytes.trim_ascii_start();
        if start.starts_with(b"{") || start.starts_with(b"[") && text.base.ends_with(".json") {
            report::licences(&declared::json(&text), size, sink);
            return Ok(());
        }
        let within = modelaudit_plugin::Span::new(0, text.bytes.len() as u64);
        let may_hold_text = !artifact.find(BEGINNINGS, within, 1).is_empty();
        let mut found = Vec::new();
        let mut missing = false;
        if let Some((front, of_card, none)) = std::str::from_utf8(&text.bytes).ok().and_then(declared::card) {
            found.extend(of_card);
            missing = none;
            found.extend(said::statements(text.bytes.get(front.body..).unwrap_or_default(), front.body as u64));
        }
        found.extend(declared::lines(&text));
        found.extend(declared::tags(&text));
        found.extend(said::texts_and_notices(&text, may_hold_text));
        if missing && found.is_empty() {
            report::missing(sink);
        }
        if found.is_empty() && text.is_licence_file && is_unknown_licence(&text) {
            report::unknown_text(sink);
        }
        report::licences(&found, size, sink);
        if !found.is_empty() || text.is_licence_file {
            let notices = copyright::notices(&text);
            if !notices.is_empty() {
                sink.fact_list("copyright", &notices);
            }
        }
        Ok(())
    }
}

modelaudit_plugin::export!(Licences);

/// A file that is called a licence and reads like one: long enough, and with the words of terms.
fn is_unknown_licence(text: &text::Text) -> bool {
    let words = words::words(&text.bytes);
    let terms: Vec<u32> = ["license", "permission", "permitted", "rights", "grant", "granted"]
        .iter()
        .flat_map(|w| words::phrase(w))
        .collect();
    let named = ["licen", "copying", "eula"].iter().any(|n| text.base.starts_with(n));
    named && words.len() >= FEWEST_WORDS && words.iter().filter(|w| terms.contains(&w.hash)).count() >= 3
}
