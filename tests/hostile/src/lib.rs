//! A plugin that was taken over: the file it scans says how it misbehaves (`HOSTILE:` and a word).

use std::hint::black_box;

use modelaudit_plugin::{Artifact, Finding, Format, Magic, Manifest, Plugin, Rule, Severity, Sink, Span, Tensor};

/// The plugin.
pub struct Hostile;

const DECLARED: Rule = Rule {
    id: "HOSTILE-1",
    title: "declared",
    severity: Severity::Info,
    why: "a rule that it may report",
    remedy: "none is needed",
    references: &[],
};

const UNDECLARED: Rule = Rule { id: "HOSTILE-2", ..DECLARED };

impl Plugin for Hostile {
    fn describe() -> Manifest {
        Manifest {
            name: "hostile",
            version: "1.0.0",
            summary: "misbehaves",
            homepage: "",
            formats: vec![
                Format::new("hostile", "hostile file").magic(Magic::at(0, b"HOSTILE:")),
                Format::new("hostile-probe", "file that attacks the probe"),
            ],
            anchors: vec![b"ANCHOR".to_vec()],
            rules: vec![DECLARED],
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        if head.starts_with(b"PROBE:loop") {
            spin();
        }
        if head.starts_with(b"PROBE:panic") {
            panic!("the probe was attacked");
        }
        // Claims that are not its to make: another plugin's format, one that does not exist, one that has a magic.
        vec!["witness".to_owned(), "no such format".to_owned(), "hostile".to_owned()]
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        sink.finding(Finding::new(&DECLARED, "before the break"));
        let text = artifact.read_all(1 << 20).ok_or("too large")?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let word = text.trim_start_matches("HOSTILE:").split_whitespace().next().unwrap_or_default().to_owned();
        let everything = Span::new(0, artifact.size());
        match word.as_str() {
            "loop" => spin(),
            "loop-calls" => loop {
                black_box(artifact.name());
            },
            "recurse" => {
                black_box(recurse(black_box(0)));
            }
            "recurse-on-the-stack" => {
                black_box(recurse_on_the_stack(black_box(0)));
            }
            "grow" => {
                let mut blocks: Vec<Vec<u8>> = Vec::new();
                loop {
                    blocks.push(vec![1; 1 << 20]);
                    black_box(&blocks);
                }
            }
            "panic" => panic!("a panic with a \x1b[31mcolour\x1b[0m"),
            "error" => return Err("an error with a \x1b[31mcolour\x1b[0m and\na line feed".to_owned()),
            "findings" => (0..20_000).for_each(|n| sink.finding(Finding::new(&DECLARED, format!("finding {n}")))),
            "children" => (0..200_000).for_each(|n| sink.embed(&format!("child {n}"), Span::new(0, 1), "")),
            "open-children" => {
                let mut open = Vec::new();
                for n in 0..100_000 {
                    open.push(sink.child(&format!("child {n}"), ""));
                }
            }
            "log" => (0..1000).for_each(|n| sink.log(&format!("line {n}"))),
            "facts" => (0..5000).for_each(|n| sink.fact(&format!("fact_{n}"), "1")),
            "no-json" => sink.fact("fact", "{not json"),
            "incompletes" => (0..10_000).for_each(|n| sink.incomplete(&format!("reason {n}"))),
            "tensors" => (0..1_100_000).for_each(|_| {
                sink.tensor(Tensor {
                    name: "t".to_owned(),
                    dtype: "u8".to_owned(),
                    shape: vec![1],
                    at: Span::new(0, 1),
                });
            }),
            "dimensions" => sink.tensor(Tensor {
                name: "t".to_owned(),
                dtype: "u8".to_owned(),
                shape: vec![1; 100_000],
                at: Span::new(0, 1),
            }),
            "long" => sink.finding(Finding::new(&DECLARED, "x".repeat(1 << 20))),
            "longer" => sink.finding(Finding::new(&DECLARED, "x".repeat(32 << 20))),
            "control" => sink.finding(Finding::new(&DECLARED, "\x1b]0;owned\x07\u{202e}desrever")),
            "details" => {
                let finding =
                    (0..1000).fold(Finding::new(&DECLARED, "many details"), |f, n| f.detail("key", n.to_string()));
                sink.finding(finding);
            }
            "rule" => sink.finding(Finding::new(&UNDECLARED, "a rule nobody declared")),
            "offset" => sink.finding(Finding::new(&DECLARED, "far away").at(u64::MAX - 1, u64::MAX)),
            "tensor-offset" => sink.tensor(Tensor {
                name: "t".to_owned(),
                dtype: "f32".to_owned(),
                shape: vec![u64::MAX],
                at: Span::new(artifact.size(), 1),
            }),
            "embed-offset" => sink.embed("child", Span::new(1, artifact.size()), ""),
            "unpack" => {
                let mut child = sink.child("bomb", "");
                let block = vec![0; 1 << 20];
                for _ in 0..100 {
                    child.write(&block);
                }
                child.finish();
            }
            "literals" => drop(artifact.find(&[b"x" as &[u8]; 1000], everything, 10)),
            "empty-literal" => drop(artifact.find(&[b""], everything, 10)),
            "native-work" => loop {
                black_box(artifact.digest("sha256", everything));
            },
            "hits" => {
                let hits = artifact.hits(0, u32::MAX);
                sink.finding(Finding::new(&DECLARED, format!("{} hits", hits.len())));
            }
            "name" => {
                let known = (artifact.name(), artifact.lineage(), artifact.siblings());
                sink.finding(Finding::new(&DECLARED, format!("{known:?}")));
            }
            "nest" => sink.embed("inner", Span::new(13, artifact.size() - 13), "hostile"),
            _ => {}
        }
        Ok(())
    }
}

fn spin() {
    let mut n = 0u64;
    loop {
        n = black_box(n.wrapping_add(1));
    }
}

/// Needs no linear memory: only the stack of the machine code grows.
fn recurse_on_the_stack(n: u64) -> u64 {
    if n == u64::MAX { n } else { recurse_on_the_stack(n + 1) ^ recurse_on_the_stack(n + 2) }
}

/// Grows the stack that Rust keeps in linear memory.
#[allow(unconditional_recursion, reason = "that is the attack")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    recurse(depth + 1).wrapping_add(frame[(depth % 32) as usize])
}

modelaudit_plugin::export!(Hostile);
