//! A file of gigabytes that takes no memory: a few pieces, and zeros between them. Shows that a plugin reads headers and not weights.
//! Shared by the tests of the formats that hold tensors.

use std::cell::Cell;

use modelaudit_plugin::{Artifact, ChildWriter, Finding, Hit, Plugin, Sink, Span, Tensor};

/// The size of the weights in the tests.
pub const GIGABYTE: u64 = 1 << 30;

/// The artifact.
pub struct Sparse {
    name: String,
    size: u64,
    pieces: Vec<(u64, Vec<u8>)>,
    served: Cell<u64>,
}

impl Sparse {
    /// A file of that many zeros.
    pub fn new(name: &str, size: u64) -> Self {
        Self { name: name.to_owned(), size, pieces: Vec::new(), served: Cell::new(0) }
    }

    /// Puts bytes at an offset.
    pub fn put(mut self, offset: u64, bytes: &[u8]) -> Self {
        self.pieces.push((offset, bytes.to_vec()));
        self
    }
}

impl Artifact for Sparse {
    fn name(&self) -> String {
        self.name.clone()
    }
    fn lineage(&self) -> Vec<String> {
        Vec::new()
    }
    fn siblings(&self) -> Vec<String> {
        Vec::new()
    }
    fn size(&self) -> u64 {
        self.size
    }
    fn read(&self, offset: u64, length: u32) -> Vec<u8> {
        let span = Span::new(offset, u64::from(length)).within(self.size);
        self.served.set(self.served.get() + span.length);
        let mut out = vec![0; span.length as usize];
        for (at, bytes) in &self.pieces {
            for (index, byte) in bytes.iter().enumerate() {
                if let Some(slot) = (at + index as u64).checked_sub(span.offset).and_then(|i| out.get_mut(i as usize)) {
                    *slot = *byte;
                }
            }
        }
        out
    }
    fn hits(&self, _start: u64, _limit: u32) -> Vec<Hit> {
        Vec::new()
    }
    fn find(&self, literals: &[&[u8]], within: Span, limit: u32) -> Vec<Hit> {
        let mut hits = Vec::new();
        for (at, bytes) in &self.pieces {
            for (anchor, literal) in literals.iter().enumerate() {
                let places = bytes.windows(literal.len()).enumerate().filter(|(_, window)| window == literal);
                hits.extend(places.map(|(i, _)| Hit { anchor: anchor as u32, offset: at + i as u64 }));
            }
        }
        hits.retain(|hit| hit.offset >= within.offset && hit.offset < within.end());
        hits.sort_by_key(|hit| hit.offset);
        hits.truncate(limit as usize);
        hits
    }
    fn digest(&self, _algorithm: &str, _within: Span) -> Option<Vec<u8>> {
        None
    }
}

/// What a scan of it said.
#[derive(Default)]
pub struct Outcome {
    /// Findings.
    pub findings: Vec<Finding>,
    /// Reasons for being incomplete.
    pub incomplete: Vec<String>,
    /// Names and lengths of tensors.
    pub tensors: Vec<(String, u64)>,
}

struct Nowhere;

impl ChildWriter for Nowhere {
    fn write(&mut self, _bytes: &[u8]) -> bool {
        true
    }
    fn finish(self: Box<Self>) {}
}

impl Sink for Outcome {
    fn finding(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
    fn incomplete(&mut self, reason: &str) {
        self.incomplete.push(reason.to_owned());
    }
    fn fact(&mut self, _key: &str, _json: &str) {}
    fn tensor(&mut self, tensor: Tensor) {
        self.tensors.push((tensor.name, tensor.at.length));
    }
    fn embed(&mut self, _name: &str, _at: Span, _hint: &str) {}
    fn child(&mut self, _name: &str, _hint: &str) -> Box<dyn ChildWriter> {
        Box::new(Nowhere)
    }
    fn progress(&mut self, _done: u64) {}
    fn log(&mut self, _message: &str) {}
}

/// Scans the file and sees that it is clean and that at most `most` of its bytes were read.
pub fn is_clean_and_read_up_to<P: Plugin>(file: &Sparse, format: &str, most: u64) -> Outcome {
    let mut outcome = Outcome::default();
    if let Err(reason) = P::scan(file, format, &mut outcome) {
        outcome.incomplete.push(reason);
    }
    assert_eq!((&outcome.findings, &outcome.incomplete), (&Vec::new(), &Vec::new()));
    let served = file.served.get();
    assert!(served <= most, "{served} bytes of {} read", file.size);
    outcome
}
