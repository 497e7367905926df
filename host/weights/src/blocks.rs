//! Blocks of bytes that stand several times, and long runs of one number in the middle of others.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::Oddity;

/// Bytes compared as one.
const SIZE: usize = 4096;
/// Blocks remembered; a longer tensor is looked at as far as this.
const REMEMBERED: usize = 1 << 20;
/// A run of one number inside other weights from which it is worth a note.
const RUN: u64 = 1 << 20;

/// What was seen of a tensor's blocks.
pub struct Repeats {
    seen: HashSet<u64>,
    blocks: u64,
    repeated: u64,
    run: Run,
    longest: Run,
    at: u64,
    /// A constant block at an end of the tensor is padding (vocabularies are rounded up); one between others is not.
    varied_before: bool,
    varied_after: bool,
    width: usize,
}

#[derive(Clone, Copy, Default)]
struct Run {
    offset: u64,
    length: u64,
}

impl Repeats {
    /// For elements of `width` bytes.
    pub fn new(width: u64) -> Self {
        Self {
            seen: HashSet::new(),
            blocks: 0,
            repeated: 0,
            run: Run::default(),
            longest: Run::default(),
            at: 0,
            varied_before: false,
            varied_after: false,
            width: width as usize,
        }
    }

    /// Adds bytes, in their order.
    pub fn take(&mut self, bytes: &[u8]) {
        for block in bytes.chunks(SIZE) {
            let whole = block.len() == SIZE;
            if is_one_number(block, self.width) {
                if self.run.length == 0 {
                    self.run.offset = self.at;
                }
                self.run.length += block.len() as u64;
            } else {
                self.end_run();
                self.varied_before = true;
                if whole && self.seen.len() < REMEMBERED {
                    self.blocks += 1;
                    let mut hasher = DefaultHasher::new();
                    block.hash(&mut hasher);
                    self.repeated += u64::from(!self.seen.insert(hasher.finish()));
                }
            }
            self.at += block.len() as u64;
        }
    }

    fn end_run(&mut self) {
        if self.run.length > 0 && self.varied_before && self.run.length > self.longest.length {
            self.longest = self.run;
            self.varied_after = true;
        }
        self.run = Run::default();
    }

    /// What is odd.
    pub fn oddities(&self, constant: bool) -> Vec<Oddity> {
        let mut found = Vec::new();
        if constant {
            // A bias, a fresh normalisation layer: every model has some.
            return found;
        }
        if self.blocks >= 64 && self.repeated * 4 > self.blocks {
            found.push(Oddity::Repeated { blocks: self.repeated, of: self.blocks });
        }
        if self.varied_after && self.longest.length >= RUN {
            found.push(Oddity::Constant { length: self.longest.length, offset: self.longest.offset });
        }
        found
    }
}

fn is_one_number(block: &[u8], width: usize) -> bool {
    let first = &block[..width.min(block.len())];
    block.chunks(width).all(|number| first.starts_with(number))
}
