//! A file of a gigabyte that takes no gigabyte: a head and a tail with zeros between them, which counts the bytes that a plugin reads.
//! Other plugins with large arrays use it, too.

use std::cell::Cell;

use modelaudit_plugin::{Artifact, ChildWriter, Finding, Hit, Plugin, READ_LIMIT, Sink, Span, Tensor};

/// The file.
pub struct Gigabyte {
    /// Its first bytes.
    pub head: Vec<u8>,
    /// Zeros behind them.
    pub gap: u64,
    /// Its last bytes.
    pub tail: Vec<u8>,
    served: Cell<u64>,
}

/// What a plugin said of it.
#[derive(Debug, Default)]
pub struct Said {
    /// Its findings.
    pub findings: Vec<Finding>,
    /// Why it is not wholly understood.
    pub incomplete: Vec<String>,
    /// Its tensors.
    pub tensors: Vec<Tensor>,
    /// Views that were handed on.
    pub embedded: Vec<Span>,
    /// Bytes that were read.
    pub served: u64,
}

impl Gigabyte {
    /// A file with `gap` zeros between its head and its tail.
    pub fn new(head: Vec<u8>, gap: u64, tail: Vec<u8>) -> Self {
        Self { head, gap, tail, served: Cell::new(0) }
    }

    /// Scans it.
    pub fn scan<P: Plugin>(&self, format: &str) -> Said {
        let mut said = Said::default();
        if let Err(reason) = P::scan(self, format, &mut said) {
            said.incomplete.push(reason);
        }
        said.served = self.served.get();
        said
    }

    fn byte(&self, offset: u64) -> u8 {
        let head = self.head.len() as u64;
        if offset < head {
            self.head[offset as usize]
        } else if offset < head + self.gap {
            0
        } else {
            self.tail[(offset - head - self.gap) as usize]
        }
    }
}

impl Artifact for Gigabyte {
    fn name(&self) -> String {
        "gigabyte".to_owned()
    }
    fn lineage(&self) -> Vec<String> {
        Vec::new()
    }
    fn siblings(&self) -> Vec<String> {
        Vec::new()
    }
    fn size(&self) -> u64 {
        self.head.len() as u64 + self.gap + self.tail.len() as u64
    }
    fn read(&self, offset: u64, length: u32) -> Vec<u8> {
        let span = Span::new(offset, u64::from(length.min(READ_LIMIT))).within(self.size());
        self.served.set(self.served.get() + span.length);
        (span.offset..span.end()).map(|at| self.byte(at)).collect()
    }
    fn hits(&self, _start: u64, _limit: u32) -> Vec<Hit> {
        Vec::new()
    }
    fn find(&self, _literals: &[&[u8]], _within: Span, _limit: u32) -> Vec<Hit> {
        Vec::new()
    }
    fn digest(&self, _algorithm: &str, _within: Span) -> Option<Vec<u8>> {
        None
    }
}

struct Nothing;

impl ChildWriter for Nothing {
    fn write(&mut self, _bytes: &[u8]) -> bool {
        true
    }
    fn finish(self: Box<Self>) {}
}

impl Sink for Said {
    fn finding(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
    fn incomplete(&mut self, reason: &str) {
        self.incomplete.push(reason.to_owned());
    }
    fn fact(&mut self, _key: &str, _json: &str) {}
    fn tensor(&mut self, tensor: Tensor) {
        self.tensors.push(tensor);
    }
    fn embed(&mut self, _name: &str, at: Span, _hint: &str) {
        self.embedded.push(at);
    }
    fn child(&mut self, _name: &str, _hint: &str) -> Box<dyn ChildWriter> {
        Box::new(Nothing)
    }
    fn progress(&mut self, _done: u64) {}
    fn log(&mut self, _message: &str) {}
}
