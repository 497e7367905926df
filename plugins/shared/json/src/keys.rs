//! Which keys an object had: 64-bit hashes, so that a header with a million tensors takes megabytes, not its own size.
//!
//! Two different keys of one object with one hash would be taken for a duplicate: with a million keys once in about
//! 10^7 documents; a document made for it is hostile anyway.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// Up to this many keys are searched one by one, which is faster than any table and the normal case.
const LINEAR: usize = 24;

/// A hash is its own hash.
#[derive(Default)]
pub(crate) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// The keys of one open object.
#[derive(Default)]
pub(crate) struct Keys {
    few: Vec<u64>,
    many: Option<HashSet<u64, BuildHasherDefault<Identity>>>,
}

impl Keys {
    /// Adds a key; false if it was there.
    pub(crate) fn insert(&mut self, hash: u64) -> bool {
        if let Some(many) = &mut self.many {
            return many.insert(hash);
        }
        if self.few.contains(&hash) {
            return false;
        }
        self.few.push(hash);
        if self.few.len() > LINEAR {
            self.many = Some(self.few.drain(..).collect());
        }
        true
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.many.as_ref().map_or(self.few.len(), HashSet::len)
    }

    /// Forgets all, keeping the memory of small objects for the next.
    pub(crate) fn clear(&mut self) {
        self.few.clear();
        self.many = None;
    }
}

/// FNV-1a over 64 bits, finished with a multiply-xorshift so that the table's bits are mixed.
#[derive(Clone, Copy)]
pub(crate) struct KeyHash(u64);

impl KeyHash {
    pub(crate) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    pub(crate) fn finish(self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ (mixed >> 29)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> u64 {
        let mut hash = KeyHash::new();
        hash.update(text.as_bytes());
        hash.finish()
    }

    #[test]
    fn duplicates_are_seen_in_small_and_large_objects() {
        let mut keys = Keys::default();
        for n in 0..10_000 {
            assert!(keys.insert(hash(&format!("layer.{n}"))), "{n}");
        }
        assert_eq!(keys.len(), 10_000);
        for n in 0..10_000 {
            assert!(!keys.insert(hash(&format!("layer.{n}"))), "{n}");
        }
        keys.clear();
        assert!(keys.insert(hash("layer.1")));
        assert!(!keys.insert(hash("layer.1")));
    }
}
