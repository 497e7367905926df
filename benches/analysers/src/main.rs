//! Runs every analyser natively over megabytes of base64, hexadecimal digits, random bytes, prose and a JSON vocabulary, and prints what
//! each costs: anchors hit, calls of `read` and `find`, bytes read for each byte of the artifact, CPU milliseconds for each MiB.
//!
//! The host's own search is not in the figures. Arguments: MiB of each input (32), or files to take instead of them.

use std::cell::Cell;

use aho_corasick::AhoCorasick;
use modelaudit_plugin::{Artifact, ChildWriter, Finding, Hit, Plugin, READ_LIMIT, Sink, Span, Tensor};

/// Scans that one figure is the mean of: the kernel's clock of CPU time ticks every few milliseconds.
const ROUNDS: u32 = 10;

/// CPU nanoseconds of this thread.
fn cpu_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or_default()
}

/// An artifact in memory that counts what is asked of it.
#[derive(Default)]
struct Counting<'a> {
    name: &'a str,
    bytes: &'a [u8],
    hits: Vec<Hit>,
    reads: Cell<u64>,
    bytes_read: Cell<u64>,
    finds: Cell<u64>,
}

impl Artifact for Counting<'_> {
    fn name(&self) -> String {
        self.name.to_owned()
    }
    fn lineage(&self) -> Vec<String> {
        Vec::new()
    }
    fn siblings(&self) -> Vec<String> {
        Vec::new()
    }
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
    fn read(&self, offset: u64, length: u32) -> Vec<u8> {
        let span = Span::new(offset, u64::from(length.min(READ_LIMIT))).within(self.size());
        self.reads.set(self.reads.get() + 1);
        self.bytes_read.set(self.bytes_read.get() + span.length);
        self.bytes[span.offset as usize..span.end() as usize].to_vec()
    }
    fn hits(&self, start: u64, limit: u32) -> Vec<Hit> {
        let first = self.hits.partition_point(|hit| hit.offset < start);
        self.hits[first..].iter().take(limit.min(65_536) as usize).copied().collect()
    }
    fn find(&self, literals: &[&[u8]], within: Span, limit: u32) -> Vec<Hit> {
        let within = within.within(self.size());
        self.finds.set(self.finds.get() + 1);
        let mut hits = search(literals, &self.bytes[within.offset as usize..within.end() as usize]);
        hits.truncate(limit as usize);
        hits.iter_mut().for_each(|hit| hit.offset += within.offset);
        hits
    }
    fn digest(&self, _algorithm: &str, _within: Span) -> Option<Vec<u8>> {
        None
    }
}

/// All places of the literals, in order.
fn search<T: AsRef<[u8]>>(literals: &[T], bytes: &[u8]) -> Vec<Hit> {
    let automaton = AhoCorasick::new(literals).expect("a few dozen literals");
    let place = |found: aho_corasick::Match| Hit { anchor: found.pattern().as_u32(), offset: found.start() as u64 };
    let mut hits: Vec<Hit> = automaton.find_overlapping_iter(bytes).map(place).collect();
    hits.sort_unstable();
    hits
}

/// Keeps findings and reasons.
#[derive(Default)]
struct Kept {
    said: Vec<String>,
}

struct Nowhere;

impl ChildWriter for Nowhere {
    fn write(&mut self, _bytes: &[u8]) -> bool {
        true
    }
    fn finish(self: Box<Self>) {}
}

impl Sink for Kept {
    fn finding(&mut self, finding: Finding) {
        self.said.push(format!("{:?} {} {}", finding.severity, finding.rule, finding.message));
    }
    fn incomplete(&mut self, reason: &str) {
        self.said.push(format!("incomplete: {reason}"));
    }
    fn fact(&mut self, _key: &str, _json: &str) {}
    fn tensor(&mut self, _tensor: Tensor) {}
    fn embed(&mut self, _name: &str, _at: Span, _hint: &str) {}
    fn child(&mut self, _name: &str, _hint: &str) -> Box<dyn ChildWriter> {
        Box::new(Nowhere)
    }
    fn progress(&mut self, _done: u64) {}
    fn log(&mut self, _message: &str) {}
}

fn run<P: Plugin>(name: &str, bytes: &[u8]) {
    let manifest = P::describe();
    let artifact = Counting { name, bytes, hits: search(&manifest.anchors, bytes), ..Counting::default() };
    let mut kept = Kept::default();
    let mut spent = 0;
    // The host starts an analyser only where one of its anchors stands.
    for _ in 0..if artifact.hits.is_empty() { 0 } else { ROUNDS } {
        kept = Kept::default();
        let begin = cpu_time();
        if let Err(reason) = P::scan(&artifact, "", &mut kept) {
            kept.incomplete(&reason);
        }
        spent += cpu_time() - begin;
    }
    let each = |count: u64| count / u64::from(ROUNDS);
    let mebibytes = bytes.len().max(1) as f64 / f64::from(1 << 20);
    println!(
        "  {:16} {:7} hits {:6} reads {:5} finds {:6.3} bytes/byte {:8.3} ms/MiB",
        manifest.name,
        artifact.hits.len(),
        each(artifact.reads.get()),
        each(artifact.finds.get()),
        each(artifact.bytes_read.get()) as f64 / bytes.len().max(1) as f64,
        spent as f64 / 1e6 / f64::from(ROUNDS) / mebibytes,
    );
    kept.said.iter().take(5).for_each(|line| println!("      {line}"));
}

fn all(name: &str, bytes: &[u8]) {
    println!("{name}: {} bytes", bytes.len());
    run::<modelaudit_plugin_secrets::Secrets>(name, bytes);
    run::<modelaudit_plugin_network::Network>(name, bytes);
    run::<modelaudit_plugin_executables::Executables>(name, bytes);
    run::<modelaudit_plugin_embedded_pickle::EmbeddedPickle>(name, bytes);
    run::<modelaudit_plugin_embedded_code::EmbeddedCode>(name, bytes);
    run::<modelaudit_plugin_embedded_zip::EmbeddedZip>(name, bytes);
    run::<modelaudit_plugin_identity::Identity>(name, bytes);
    run::<modelaudit_plugin_licences::Licences>(name, bytes);
}

/// Bytes of xorshift64*, or characters of an alphabet.
fn noise(length: usize, alphabet: Option<&[u8]>) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as usize
    };
    let mut draw = || {
        let value = next();
        alphabet.map_or(value as u8, |a| a[value % a.len()])
    };
    (0..length).map(|_| draw()).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mebibytes = arguments.first().map_or(Some(32), |first| first.parse::<usize>().ok());
    let Some(length) = mebibytes.map(|mebibytes| mebibytes << 20) else {
        for path in &arguments {
            match std::fs::read(path) {
                Ok(bytes) => all(path, &bytes),
                Err(error) => eprintln!("{path}: {error}"),
            }
        }
        return;
    };
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const BASE64_URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let line = noise(length, Some(BASE64));
    all("base64 in one line", &line);
    all(
        "base64 in lines of 76",
        &line.chunks(76).flat_map(|part| part.iter().copied().chain([b'\n'])).collect::<Vec<u8>>(),
    );
    all("base64 of URLs", &noise(length, Some(BASE64_URL)));
    all("hexadecimal", &noise(length, Some(b"0123456789abcdef")));
    all("random", &noise(length, None));
    // The texts of this project are full of what analysers look for.
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let texts =
        ["README.md", "CONTRIBUTING.md", "LICENSE", "plugins/secrets/src/tokens.rs", "plugins/network/src/services.rs"];
    let texts: Vec<u8> =
        texts.iter().flat_map(|name| std::fs::read(format!("{root}/{name}")).unwrap_or_default()).collect();
    all("prose.md", &texts.iter().copied().cycle().take(length).collect::<Vec<u8>>());
    let words: Vec<&[u8]> = texts.split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| word.len() > 2).collect();
    let mut vocabulary = b"{".to_vec();
    for index in 0.. {
        if vocabulary.len() >= length {
            break;
        }
        vocabulary.push(b'"');
        vocabulary.extend_from_slice(words[index * 7919 % words.len()]);
        vocabulary.extend_from_slice(format!("{index}\":{index},").as_bytes());
    }
    vocabulary.extend_from_slice(b"\"\":0}");
    all("vocabulary.json", &vocabulary);
}
