//! Looks for pickles hidden in other files: behind an image, in a tensor, in a string of metadata.
//!
//! A pickle that nobody loads does nothing, and random bytes are full of things that resemble one; a scanner that reports
//! them is switched off (pickle-family, section 5). So a place counts only if a pickle begins there, runs to its `STOP`
//! and calls something dangerous on the way: that is never an accident, it is the second stage of an attack.
//!
//! One kind of pickle has to be found here although it begins with the first byte: one that pushes constants until the head,
//! from which the pickle plugin decides, is full.
//!
//! Artifacts that are pickles themselves are the pickle plugin's; here only what lies outside their streams counts. Archives
//! are looked at member by member, as children.

mod anchors;
mod encoded;

use anchors::{ANCHORS, Form};
use encoded::Encoded;
use modelaudit_pickle_machine::{Reading, ScanOptions, hidden_pickle, is_pickle, runs_code, scan_pickle, walk};
use modelaudit_plugin::{Artifact, Finding, Manifest, Plugin, Sink, Span};
use modelaudit_rules::pickle::{ALL, S213};

/// The plugin.
pub struct EmbeddedPickle;

/// Hits that are asked for at a time.
const PAGE: u32 = 4096;
/// Hits that are looked at; a gigabyte of random bytes has about 3,000.
const HITS: u64 = 1 << 20;
/// Bytes of one raw candidate. A payload is small; what is larger is a model, and some plugin's business.
const CANDIDATE: u64 = 64 << 20;
/// Characters of one encoded candidate.
const ENCODED: u64 = 8 << 20;
/// Characters of encoded candidates in all, and so many more for each of the artifact: chance costs a hundredth of that.
const ENCODED_ALL: u64 = 256 << 20;
/// Findings of one artifact.
const FINDINGS: u32 = 50;

struct Silent;
impl modelaudit_pickle_machine::Observer for Silent {}

/// What is known of the artifact as a whole.
struct Context<'a> {
    artifact: &'a dyn Artifact,
    size: u64,
    /// It is a pickle from its first byte on.
    is_pickle: bool,
    /// End of its pickle streams, once it was needed.
    streams_end: Option<u64>,
    /// End of the last pickle that was found.
    covered: u64,
    encoded_left: u64,
    /// Offset from which on encoded candidates were not looked at.
    encoded_spent: Option<u64>,
}

impl Plugin for EmbeddedPickle {
    fn describe() -> Manifest {
        Manifest {
            name: "embedded-pickle",
            version: env!("CARGO_PKG_VERSION"),
            summary: "pickles that hide in other files and would run code",
            homepage: "",
            formats: vec![],
            anchors: ANCHORS.iter().map(|(literal, _)| literal.to_vec()).collect(),
            rules: ALL.to_vec(),
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let size = artifact.size();
        let head = artifact.read(0, 4096);
        if hands_out_children(artifact, &head) {
            return Ok(());
        }
        let mut context = Context {
            artifact,
            size,
            is_pickle: is_pickle(&head, size),
            streams_end: None,
            covered: 0,
            encoded_left: ENCODED_ALL.saturating_add(size),
            encoded_spent: None,
        };
        search(&mut context, sink);
        if let Some(offset) = context.encoded_spent {
            sink.incomplete(&format!(
                "too many places that resemble an encoded pickle, those from offset {offset} on were not looked at"
            ));
        }
        Ok(())
    }
}

/// Looks at every place where an anchor stands.
fn search(context: &mut Context<'_>, sink: &mut dyn Sink) {
    let (artifact, size) = (context.artifact, context.size);
    let (mut start, mut seen, mut found) = (0, 0u64, 0);
    loop {
        let hits = artifact.hits(start, PAGE);
        if seen == 0 && !hits.is_empty() && !context.is_pickle && runs_code(artifact, Span::new(0, size)) {
            // The payload stands behind more constants than a probe sees. Loaders read it like any other pickle, so it is
            // told like any other; the same findings of the pickle plugin, asked because of an extension, merge with these.
            scan_pickle(artifact, Span::new(0, size), sink, &ScanOptions::default());
            context.is_pickle = true;
        }
        let Some(last) = hits.last().map(|h| h.offset) else { return };
        let full = hits.len() >= PAGE as usize;
        for hit in hits {
            seen += 1;
            let Some((_, form)) = ANCHORS.get(hit.anchor as usize) else { continue };
            let Some(finding) = look(context, hit.offset, *form) else { continue };
            sink.finding(finding);
            found += 1;
            if found >= FINDINGS {
                sink.incomplete(&format!("more than {FINDINGS} hidden pickles, looked at up to offset {}", hit.offset));
                return;
            }
        }
        if !full {
            return;
        }
        if seen >= HITS {
            sink.incomplete(&format!("too many places that resemble a pickle, looked at up to offset {last}"));
            return;
        }
        start = last.saturating_add(1);
    }
}

/// Compressed files; short ones hold their content literally. Source: the formats' specifications.
const COMPRESSED: &[&[u8]] = &[
    b"\x1f\x8b\x08",
    b"BZh",
    b"\xfd7zXZ\0",
    b"7z\xbc\xaf\x27\x1c",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"\x78\x01",
    b"\x78\x5e",
    b"\x78\x9c",
    b"\x78\xda",
];

/// Archives, compressed files and object arrays: plugins hand out what is inside, and it is looked at there.
fn hands_out_children(artifact: &dyn Artifact, head: &[u8]) -> bool {
    let zip = head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06");
    let tar = head.get(257..262) == Some(b"ustar");
    let objects =
        head.starts_with(b"\x93NUMPY") && head.get(..256).unwrap_or(head).windows(2).any(|w| w == b"|O" || w == b"'O");
    let compressed = COMPRESSED.iter().any(|magic| head.starts_with(magic));
    zip || tar || compressed || objects || zip_at_the_end(artifact)
}

/// A zip behind something else (a self-extractor, an image): the plugin for embedded zips hands out its members.
fn zip_at_the_end(artifact: &dyn Artifact) -> bool {
    let size = artifact.size();
    let tail = Span::new(size.saturating_sub(22 + 65_535), size);
    let ends = artifact.find(&[b"PK\x05\x06"], tail, 16);
    ends.iter().any(|hit| {
        // End of central directory: its comment's length reaches exactly to the end of the file.
        artifact.array::<2>(hit.offset.saturating_add(20)).is_some_and(|length| {
            hit.offset.saturating_add(22).saturating_add(u64::from(u16::from_le_bytes(length))) == size
        })
    })
}

/// A finding, if a pickle that does harm begins at the offset.
fn look(context: &mut Context<'_>, offset: u64, form: Form) -> Option<Finding> {
    if offset < context.covered || (offset == 0 && context.is_pickle) {
        return None;
    }
    match form {
        Form::Raw => {
            let span = Span::new(offset, CANDIDATE.min(context.size.saturating_sub(offset)));
            let hidden = hidden_pickle(context.artifact, span)?;
            if offset < streams_end(context) {
                return None;
            }
            context.covered = hidden.end;
            let length = hidden.end.saturating_sub(offset);
            let message =
                format!("a pickle of {length} bytes hides at offset {offset}; unpickled, it {}", hidden.phrase);
            Some(Finding::new(&S213, message).at(offset, length))
        }
        Form::Base64 | Form::Hex => {
            // Strings inside a pickle are the pickle plugin's.
            if context.is_pickle {
                return None;
            }
            if context.encoded_left == 0 {
                context.encoded_spent.get_or_insert(offset);
                return None;
            }
            let encoded = Encoded::new(context.artifact, form, offset, ENCODED.min(context.encoded_left));
            let hidden = hidden_pickle(&encoded, Span::new(0, encoded.size()));
            context.encoded_left = context.encoded_left.saturating_sub(encoded.taken());
            let hidden = hidden?;
            let length = encoded.characters(hidden.end);
            context.covered = offset.saturating_add(length);
            let encoding = if form == Form::Hex { "hex" } else { "base64" };
            let phrase = hidden.phrase;
            let message =
                format!("a pickle hides behind {encoding} at offset {offset}; decoded and unpickled, it {phrase}");
            Some(Finding::new(&S213, message).at(offset, length).detail("encoding", encoding))
        }
    }
}

/// End of the streams of an artifact that is a pickle. Only walked when something was found: most files never need it.
fn streams_end(context: &mut Context<'_>) -> u64 {
    if !context.is_pickle {
        return 0;
    }
    *context.streams_end.get_or_insert_with(|| {
        walk(context.artifact, Span::new(0, context.size), Reading::USUAL, 1 << 20, &mut Silent).end
    })
}

modelaudit_plugin::export!(EmbeddedPickle);
