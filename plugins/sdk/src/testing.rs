//! A native harness: drives a [`Plugin`] on byte slices and checks what every plugin must hold.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::{Artifact, ChildWriter, Finding, Hit, Manifest, Plugin, READ_LIMIT, Severity, Sink, Span, Tensor};

/// An artifact in memory. It serves reads as the host does and counts them.
pub struct Memory<'a> {
    name: String,
    bytes: &'a [u8],
    lineage: Vec<String>,
    siblings: Vec<String>,
    anchors: Vec<Vec<u8>>,
    served: Cell<u64>,
    read_limit: u32,
}

impl<'a> Memory<'a> {
    /// An artifact with a name and no neighbours.
    pub fn new(name: &str, bytes: &'a [u8]) -> Self {
        Self {
            name: name.to_owned(),
            bytes,
            lineage: Vec::new(),
            siblings: Vec::new(),
            anchors: Vec::new(),
            served: Cell::new(0),
            read_limit: READ_LIMIT,
        }
    }

    /// Names of the files beside it.
    pub fn siblings(mut self, names: &[&str]) -> Self {
        self.siblings = names.iter().map(|&n| n.to_owned()).collect();
        self
    }

    /// Names of its parents, outermost first.
    pub fn lineage(mut self, names: &[&str]) -> Self {
        self.lineage = names.iter().map(|&n| n.to_owned()).collect();
        self
    }

    /// The literals that [`Artifact::hits`] finds; [`scan_artifact`] sets them from the manifest.
    pub fn anchors(mut self, anchors: Vec<Vec<u8>>) -> Self {
        self.anchors = anchors;
        self
    }

    /// How many bytes were read so far.
    pub fn served(&self) -> u64 {
        self.served.get()
    }

    fn search<T: AsRef<[u8]>>(&self, literals: &[T], within: Span, limit: u32) -> Vec<Hit> {
        let within = within.within(self.bytes.len() as u64);
        let window = &self.bytes[within.offset as usize..within.end() as usize];
        let mut hits = Vec::new();
        // Straight-forward on purpose: the reference that the host's vectorised search is tested against.
        for start in 0..window.len() {
            for (anchor, literal) in literals.iter().enumerate() {
                if !literal.as_ref().is_empty() && window[start..].starts_with(literal.as_ref()) {
                    hits.push(Hit { anchor: anchor as u32, offset: within.offset + start as u64 });
                    if hits.len() as u64 >= u64::from(limit.min(65_536)) {
                        return hits;
                    }
                }
            }
        }
        hits
    }
}

impl Artifact for Memory<'_> {
    fn name(&self) -> String {
        self.name.clone()
    }
    fn lineage(&self) -> Vec<String> {
        self.lineage.clone()
    }
    fn siblings(&self) -> Vec<String> {
        self.siblings.clone()
    }
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
    fn read(&self, offset: u64, length: u32) -> Vec<u8> {
        let span = Span::new(offset, u64::from(length.min(self.read_limit))).within(self.size());
        self.served.set(self.served.get() + span.length);
        self.bytes[span.offset as usize..span.end() as usize].to_vec()
    }
    fn hits(&self, start: u64, limit: u32) -> Vec<Hit> {
        self.search(&self.anchors, Span::new(start, u64::MAX), limit)
    }
    fn find(&self, literals: &[&[u8]], within: Span, limit: u32) -> Vec<Hit> {
        self.search(literals, within, limit)
    }
    fn digest(&self, algorithm: &str, within: Span) -> Option<Vec<u8>> {
        let within = within.within(self.size());
        let bytes = &self.bytes[within.offset as usize..within.end() as usize];
        match algorithm {
            "crc32" => Some(crc32(bytes).to_be_bytes().to_vec()),
            // The harness has no sha256; a plugin must cope with an algorithm that the host does not offer.
            _ => None,
        }
    }
}

/// CRC-32 (IEEE), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |mut crc, byte| {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
        crc
    })
}

/// A child that a plugin embedded or unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Name inside its parent.
    pub name: String,
    /// Format hint, may be empty.
    pub hint: String,
    /// Where it stands in the parent; None if it was unpacked.
    pub at: Option<Span>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// All that a scan reported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Findings in the order they came.
    pub findings: Vec<Finding>,
    /// Reasons why the artifact is not wholly understood; the error of a failed scan is the last.
    pub incomplete: Vec<String>,
    /// Facts as key and JSON.
    pub facts: Vec<(String, String)>,
    /// Tensors.
    pub tensors: Vec<Tensor>,
    /// Children, views and unpacked ones.
    pub children: Vec<Child>,
    /// Log lines.
    pub log: Vec<String>,
}

impl Report {
    /// The findings of one rule.
    pub fn of(&self, rule: &str) -> Vec<&Finding> {
        self.findings.iter().filter(|f| f.rule == rule).collect()
    }

    /// The highest severity, if there is a finding.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|f| f.severity).max()
    }

    /// One fact's JSON.
    pub fn fact(&self, key: &str) -> Option<&str> {
        self.facts.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The child of that name.
    pub fn child(&self, name: &str) -> Option<&Child> {
        self.children.iter().find(|c| c.name == name)
    }
}

struct Collect<'a> {
    report: Report,
    bytes: &'a [u8],
    finished: Rc<RefCell<Vec<Child>>>,
    unpacked: Rc<Cell<u64>>,
    budget: u64,
}

struct CollectChild {
    child: Child,
    finished: Rc<RefCell<Vec<Child>>>,
    unpacked: Rc<Cell<u64>>,
    budget: u64,
}

impl ChildWriter for CollectChild {
    fn write(&mut self, bytes: &[u8]) -> bool {
        if self.unpacked.get() + bytes.len() as u64 > self.budget {
            return false;
        }
        self.unpacked.set(self.unpacked.get() + bytes.len() as u64);
        self.child.bytes.extend_from_slice(bytes);
        true
    }
    fn finish(self: Box<Self>) {}
}

impl Drop for CollectChild {
    fn drop(&mut self) {
        let child = Child { name: String::new(), hint: String::new(), at: None, bytes: Vec::new() };
        self.finished.borrow_mut().push(std::mem::replace(&mut self.child, child));
    }
}

impl Sink for Collect<'_> {
    fn finding(&mut self, finding: Finding) {
        self.report.findings.push(finding);
    }
    fn incomplete(&mut self, reason: &str) {
        self.report.incomplete.push(reason.to_owned());
    }
    fn fact(&mut self, key: &str, json: &str) {
        self.report.facts.push((key.to_owned(), json.to_owned()));
    }
    fn tensor(&mut self, tensor: Tensor) {
        self.report.tensors.push(tensor);
    }
    fn embed(&mut self, name: &str, at: Span, hint: &str) {
        let inside = at.within(self.bytes.len() as u64);
        let bytes = self.bytes[inside.offset as usize..inside.end() as usize].to_vec();
        let child = Child { name: name.to_owned(), hint: hint.to_owned(), at: Some(at), bytes };
        self.finished.borrow_mut().push(child);
    }
    fn child(&mut self, name: &str, hint: &str) -> Box<dyn ChildWriter> {
        Box::new(CollectChild {
            child: Child { name: name.to_owned(), hint: hint.to_owned(), at: None, bytes: Vec::new() },
            finished: Rc::clone(&self.finished),
            unpacked: Rc::clone(&self.unpacked),
            budget: self.budget,
        })
    }
    fn progress(&mut self, _done: u64) {}
    fn log(&mut self, message: &str) {
        self.report.log.push(message.to_owned());
    }
}

/// Bytes that a scan may unpack in the harness.
const UNPACK_BUDGET: u64 = 64 << 20;

/// Scans bytes as a file called `test`.
pub fn scan<P: Plugin>(bytes: &[u8], format: &str) -> Report {
    scan_artifact::<P>(Memory::new("test", bytes), format).0
}

/// Scans an artifact; also says how many bytes the plugin read.
pub fn scan_artifact<P: Plugin>(artifact: Memory<'_>, format: &str) -> (Report, u64) {
    let artifact = artifact.anchors(P::describe().anchors);
    run(&artifact, |a, s| P::scan(a, format, s))
}

/// Runs any logic on an artifact, for tests of a part of a plugin; also says how many bytes it read.
pub fn run(
    artifact: &Memory<'_>,
    logic: impl FnOnce(&dyn Artifact, &mut dyn Sink) -> Result<(), String>,
) -> (Report, u64) {
    let finished = Rc::new(RefCell::new(Vec::new()));
    let mut sink = Collect {
        report: Report::default(),
        bytes: artifact.bytes,
        finished: Rc::clone(&finished),
        unpacked: Rc::new(Cell::new(0)),
        budget: UNPACK_BUDGET,
    };
    let result = logic(artifact, &mut sink);
    let mut report = sink.report;
    if let Err(reason) = result {
        report.incomplete.push(reason);
    }
    report.children = finished.take();
    (report, artifact.served())
}

/// Checks a manifest as the host does; the error says what is wrong.
///
/// # Errors
/// The first rule of the contract that it breaks.
pub fn check_manifest(manifest: &Manifest) -> Result<(), String> {
    let identifier = |text: &str| {
        !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if !identifier(manifest.name) {
        return Err(format!("name '{}' is not lower-case letters, digits and '-'", manifest.name));
    }
    for format in &manifest.formats {
        if !identifier(format.id) {
            return Err(format!("format id '{}' is not lower-case letters, digits and '-'", format.id));
        }
        for magic in &format.magics {
            if !(2..=64).contains(&magic.bytes.len())
                || !(magic.mask.is_empty() || magic.mask.len() == magic.bytes.len())
            {
                return Err(format!("a magic of format '{}' is not 2 to 64 bytes with a mask as long", format.id));
            }
        }
    }
    if manifest.anchors.iter().any(|a| !(2..=64).contains(&a.len())) {
        return Err("an anchor is not 2 to 64 bytes long".to_owned());
    }
    let mut ids: Vec<&str> = manifest.rules.iter().map(|r| r.id).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|w| w[0] == w[1]) {
        return Err("a rule id is declared twice".to_owned());
    }
    for rule in &manifest.rules {
        if rule.id.is_empty() || rule.id.len() > 64 || !rule.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            return Err(format!("rule id '{}' is not letters, digits and '-'", rule.id));
        }
        if rule.title.is_empty() || rule.why.is_empty() || rule.remedy.is_empty() {
            return Err(format!("rule '{}' lacks a title, a why or a remedy", rule.id));
        }
    }
    Ok(())
}

/// Checks what a scan of `size` bytes reported against the manifest, as the host does.
///
/// # Errors
/// The first thing that breaks the contract.
pub fn check_report(manifest: &Manifest, size: u64, report: &Report) -> Result<(), String> {
    let printable =
        |text: &str| text.len() <= 16 << 10 && !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
    let inside = |at: &Span| at.offset.checked_add(at.length).is_some_and(|end| end <= size);
    for finding in &report.findings {
        if !manifest.rules.iter().any(|r| r.id == finding.rule) {
            return Err(format!("rule '{}' is not declared", finding.rule));
        }
        if finding.at.is_some_and(|at| !inside(&at)) {
            return Err(format!("finding outside the artifact: {finding:?}"));
        }
        let texts = finding.details.iter().map(|(_, v)| v).chain(finding.element.iter());
        if !printable(&finding.message) || !texts.into_iter().all(|t| printable(t)) {
            return Err(format!("text is not printable or too long: {finding:?}"));
        }
    }
    if report.findings.len() > 10_000 {
        return Err("more than 10,000 findings".to_owned());
    }
    for (index, finding) in report.findings.iter().enumerate() {
        if report.findings[..index.min(200)].contains(finding) {
            return Err(format!("duplicate finding: {finding:?}"));
        }
    }
    if let Some(reason) = report.incomplete.iter().find(|r| !printable(r)) {
        return Err(format!("reason is not printable: {reason:?}"));
    }
    if let Some(tensor) = report.tensors.iter().find(|t| !inside(&t.at) || !printable(&t.name)) {
        return Err(format!("tensor outside the artifact or with an unprintable name: {tensor:?}"));
    }
    if let Some(child) = report.children.iter().find(|c| c.at.is_some_and(|at| !inside(&at)) || !printable(&c.name)) {
        return Err(format!("child outside the artifact or with an unprintable name: {:?} {:?}", child.name, child.at));
    }
    Ok(())
}

/// What every plugin must hold on a fixture of its format: every prefix up to 4 KiB and 256 cuts beyond, 1,000 seeded bit
/// flips, and fields at 0, 1 and the maximum neither panic nor break the contract; two runs agree; how reads are cut
/// changes nothing; well-formed input is read at most twice. Panics with what broke.
pub fn conformance<P: Plugin>(name: &str, bytes: &[u8], format: &str) {
    let manifest = P::describe();
    check_manifest(&manifest).unwrap_or_else(|e| panic!("manifest: {e}"));
    assert_eq!(manifest, P::describe(), "two calls of describe differ");

    let check = |what: &str, input: &[u8]| {
        let (report, _) = scan_artifact::<P>(Memory::new(name, input), format);
        check_report(&manifest, input.len() as u64, &report).unwrap_or_else(|e| panic!("{name}, {what}: {e}"));
        report
    };

    let (whole, served) = scan_artifact::<P>(Memory::new(name, bytes), format);
    check_report(&manifest, bytes.len() as u64, &whole).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(whole, check("second run", bytes), "{name}: two runs differ");
    let limit = 2 * bytes.len() as u64 + (1 << 20);
    assert!(served <= limit, "{name}: {served} bytes read of {}", bytes.len());

    let mut short_reads = Memory::new(name, bytes);
    short_reads.read_limit = 1 + (bytes.len() as u32 / 7).max(4096);
    let (cut, _) = scan_artifact::<P>(short_reads, format);
    assert_eq!(whole, cut, "{name}: the size of the host's reads changes the report");

    for end in 0..bytes.len().min(4096) {
        check(&format!("cut at {end}"), &bytes[..end]);
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ bytes.len() as u64);
    if bytes.len() > 4096 {
        for _ in 0..256 {
            let end = 4096 + (random.next() as usize) % (bytes.len() - 4096);
            check(&format!("cut at {end}"), &bytes[..end]);
        }
    }
    if bytes.is_empty() {
        return;
    }
    let mut mutated = bytes.to_vec();
    for _ in 0..1000 {
        // Half of the flips go into the first kilobyte, where headers are.
        let range = if random.next() & 1 == 0 { bytes.len().min(1024) } else { bytes.len() };
        let index = (random.next() as usize) % range;
        let bit = 1u8 << (random.next() % 8);
        mutated[index] ^= bit;
        check(&format!("bit {bit:#x} of byte {index} flipped"), &mutated);
        mutated[index] ^= bit;
    }
    for _ in 0..256 {
        let width = [1usize, 2, 4, 8][(random.next() % 4) as usize];
        if bytes.len() < width {
            continue;
        }
        let index = (random.next() as usize) % (bytes.len() - width + 1).min(2048);
        let value = [0u64, 1, u64::MAX, u64::MAX >> 1, 1 << 32][(random.next() % 5) as usize];
        let saved = mutated[index..index + width].to_vec();
        let field = if random.next() & 1 == 0 { value.to_le_bytes() } else { value.to_be_bytes() };
        mutated[index..index + width].copy_from_slice(&field[..width]);
        check(&format!("{width} bytes at {index} set to {value:#x}"), &mutated);
        mutated[index..index + width].copy_from_slice(&saved);
    }
}

/// xorshift64*: the same sequence on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}
