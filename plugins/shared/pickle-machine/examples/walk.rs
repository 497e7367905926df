//! How fast the machine walks opcodes: `cargo run --release -p modelaudit-pickle-machine --example walk`.
//!
//! Three files of 100 MB each, made on the spot: many small values in memoized containers (what a vocabulary or a tree looks
//! like), a list of floats, and large bytes payloads.

use std::time::Instant;

use modelaudit_pickle_machine::{Observer, Reading, Slice, walk};
use modelaudit_plugin::Span;

struct Silent;
impl Observer for Silent {}

const SIZE: usize = 100 << 20;

fn main() {
    run("memoized strings, ints and tuples in dicts", small_values());
    run("floats in lists", floats());
    run("bytes payloads of 1 MiB", payloads());
}

fn run(what: &str, pickle: Vec<u8>) {
    let slice = Slice(&pickle);
    let begin = Instant::now();
    let outcome = walk(&slice, Span::new(0, pickle.len() as u64), Reading::USUAL, 1, &mut Silent);
    let seconds = begin.elapsed().as_secs_f64();
    assert!(outcome.stopped, "{what}: {outcome:?}");
    println!("{what}: {:.0} MB/s", pickle.len() as f64 / 1e6 / seconds);
}

fn small_values() -> Vec<u8> {
    let mut pickle = b"\x80\x04}\x94(".to_vec();
    let mut n = 0u32;
    while pickle.len() < SIZE {
        let word = format!("word{n}");
        pickle.extend_from_slice(&[0x8c, word.len() as u8]);
        pickle.extend_from_slice(word.as_bytes());
        pickle.push(0x94);
        pickle.extend_from_slice(&[b'K', n as u8, b'M', 1, 2, 0x86, 0x94]);
        n += 1;
        if n.is_multiple_of(1000) {
            pickle.extend_from_slice(b"u(");
        }
    }
    pickle.extend_from_slice(b"u.");
    pickle
}

fn floats() -> Vec<u8> {
    let mut pickle = b"\x80\x04]\x94(".to_vec();
    let mut n = 0u32;
    while pickle.len() < SIZE {
        pickle.push(b'G');
        pickle.extend_from_slice(&f64::from(n).to_be_bytes());
        n += 1;
        if n.is_multiple_of(1000) {
            pickle.extend_from_slice(b"e(");
        }
    }
    pickle.extend_from_slice(b"e.");
    pickle
}

fn payloads() -> Vec<u8> {
    let mut pickle = b"\x80\x04]\x94(".to_vec();
    while pickle.len() < SIZE {
        pickle.push(b'B');
        pickle.extend_from_slice(&(1u32 << 20).to_le_bytes());
        pickle.resize(pickle.len() + (1 << 20), 7);
    }
    pickle.extend_from_slice(b"e.");
    pickle
}
