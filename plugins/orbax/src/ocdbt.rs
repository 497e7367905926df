//! OCDBT, the key-value database that Orbax keeps arrays in: `manifest.ocdbt`, and nodes and values in files below `d/`.

use modelaudit_paths::classify;
use modelaudit_paths::members::printable;
use modelaudit_plugin::{Artifact, Finding, Sink, Span, quote};
use modelaudit_rules::files::S405;
use modelaudit_rules::structure::{S902, S904, S911};

use crate::body;
use crate::envelope::{self, Envelope, Failure, Kind};

/// Nodes that are looked for in one file.
const NODES: u32 = 20_000;

/// Values that are handed over.
const VALUES: u64 = 20_000;

/// Findings about paths.
const PATHS: u64 = 50;

/// Scans a manifest, or a file of nodes and values.
///
/// # Errors
/// There is no envelope at the start.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let kind = Kind::of(&artifact.read(0, 4)).ok_or("nothing of OCDBT stands at the start")?;
    let mut file = File { artifact, nodes: 0, values: 0, skipped: 0, paths: 0, keys: 0 };
    let mut offset = 0;
    // Envelopes stand one behind the other.
    while Kind::of(&artifact.read(offset, 4)).is_some() {
        match envelope::open(artifact, offset) {
            Ok(envelope) => {
                offset = envelope.at.end();
                file.envelope(&envelope, sink);
            }
            Err(failure) => {
                fail(artifact, offset, failure, sink);
                break;
            }
        }
        if kind == Kind::Manifest {
            break;
        }
    }
    if kind == Kind::Manifest {
        file.behind(offset, sink);
    } else {
        file.others(offset, sink);
    }
    file.finish(kind, sink);
    Ok(())
}

/// The state of one file.
struct File<'a> {
    artifact: &'a dyn Artifact,
    nodes: u64,
    keys: u64,
    values: u64,
    skipped: u64,
    paths: u64,
}

impl File<'_> {
    /// Judges what is in an envelope.
    fn envelope(&mut self, envelope: &Envelope, sink: &mut dyn Sink) {
        self.nodes += 1;
        let files = match envelope.kind {
            Kind::Manifest => body::manifest(&envelope.body).map(|manifest| manifest.files),
            Kind::Node => body::node(&envelope.body).map(|node| {
                self.keys += node.entries.len() as u64;
                for (key, value) in &node.entries {
                    self.entry(key, *value, envelope.at, sink);
                }
                node.files
            }),
            // Points at other nodes of versions; a reader follows it to nodes that are judged themselves.
            Kind::Versions => Some(Vec::new()),
        };
        let Some(files) = files else {
            let message =
                format!("the body of the {} at offset {} is malformed", envelope.kind.name(), envelope.at.offset);
            sink.incomplete(&message);
            sink.finding(Finding::new(&S902, message).at(envelope.at.offset, envelope.at.length));
            return;
        };
        for path in &files {
            self.path("a file that it points at", path, envelope, sink);
        }
    }

    /// A path that a reader joins to the folder of the database.
    fn path(&mut self, what: &str, path: &[u8], envelope: &Envelope, sink: &mut dyn Sink) {
        let class = classify(path);
        if !class.escapes() {
            return;
        }
        self.paths += 1;
        if self.paths > PATHS {
            return;
        }
        let message = format!("{what}, {}, {}", quote(path), class.reason());
        let finding = Finding::new(&S405, message).at(envelope.at.offset, envelope.at.length);
        sink.finding(match class.system_folder {
            Some(folder) => finding.detail("system_folder", folder),
            None => finding,
        });
    }

    /// A key, and its value where it stands in the node.
    fn entry(&mut self, key: &[u8], value: Option<&[u8]>, at: Span, sink: &mut dyn Sink) {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return };
        // Chunks of numbers are no files; one that begins as a pickle is looked at all the same.
        let pickle = matches!(value, [0x80, 2..=5, ..]);
        if is_chunk(key) && !pickle {
            return;
        }
        self.values += 1;
        if self.values > VALUES {
            self.skipped += 1;
            return;
        }
        // The offset keeps versions of one key apart.
        let mut child = sink.child(&format!("{} (node at {})", printable(key), at.offset), "");
        if child.write(value) {
            child.finish();
        }
    }

    /// What follows a manifest.
    fn behind(&self, offset: u64, sink: &mut dyn Sink) {
        let rest = Span::new(offset, self.artifact.size().saturating_sub(offset));
        if self.nodes > 0 && rest.length > 0 {
            let message = format!("{} bytes follow the manifest, from offset {offset} on", rest.length);
            sink.finding(Finding::new(&S911, message).at(rest.offset, rest.length));
            sink.embed(&format!("bytes at {offset}"), rest, "");
        }
    }

    /// Nodes that stand among values, further on in a data file.
    fn others(&mut self, offset: u64, sink: &mut dyn Sink) {
        let rest = Span::new(offset, self.artifact.size().saturating_sub(offset));
        if rest.length == 0 {
            return;
        }
        let magics = [Kind::Node.magic(), Kind::Versions.magic()];
        let hits = self.artifact.find(&[&magics[0], &magics[1]], rest, NODES);
        if hits.len() as u64 >= u64::from(NODES) {
            sink.incomplete(&format!("the file holds more than {NODES} nodes; those behind were not read"));
        }
        let mut end = offset;
        // Bytes that may be read for what turns out to be none.
        let mut spare = self.artifact.size().saturating_add(envelope::LIMIT);
        for hit in hits.iter().filter(|hit| envelope::may_begin(self.artifact, hit.offset)) {
            if hit.offset < end {
                continue;
            }
            // Four bytes of a chunk may look like a magic: only what holds together is a node.
            match envelope::open(self.artifact, hit.offset) {
                Ok(envelope) => {
                    end = envelope.at.end();
                    self.envelope(&envelope, sink);
                }
                Err(_) => {
                    let length = envelope::length(self.artifact, hit.offset).unwrap_or(0);
                    let Some(left) = spare.checked_sub(length) else {
                        let message = format!(
                            "nodes behind offset {} were not looked for: too many only look like one",
                            hit.offset
                        );
                        return sink.incomplete(&message);
                    };
                    spare = left;
                }
            }
        }
    }

    fn finish(self, kind: Kind, sink: &mut dyn Sink) {
        if kind != Kind::Manifest {
            sink.fact_number("ocdbt_nodes", self.nodes);
            sink.fact_number("ocdbt_keys", self.keys);
        }
        if self.skipped > 0 {
            sink.incomplete(&format!("{} values beyond the first {VALUES} were not handed over", self.skipped));
        }
        if let Some(more @ 1..) = self.paths.checked_sub(PATHS) {
            sink.finding(Finding::new(&S405, format!("{more} more paths leave the folder of the database")));
        }
    }
}

/// Says why an envelope could not be opened.
fn fail(artifact: &dyn Artifact, offset: u64, failure: Failure, sink: &mut dyn Sink) {
    let rest = artifact.size().saturating_sub(offset);
    let (rule, reason) = match failure {
        Failure::Cut(reason) | Failure::Unread(reason) => return sink.incomplete(&reason),
        Failure::Damaged(reason) => (&S902, reason),
        Failure::Bomb(reason) => (&S904, reason),
    };
    sink.incomplete(&reason);
    sink.finding(Finding::new(rule, reason).at(offset, rest.min(18)));
}

/// True for a key of a chunk: its last part is numbers (`0.0`, `3`), or it stands below `c` (Zarr 3).
fn is_chunk(key: &[u8]) -> bool {
    let last = key.rsplit(|byte| *byte == b'/').next().unwrap_or(key);
    last == b"c" || !last.is_empty() && last.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}
