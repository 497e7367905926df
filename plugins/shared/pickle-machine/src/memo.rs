//! The memo: index -> value, for pickles with any number of entries.
//!
//! Picklers number their entries from 0 on, so a dense table of pages is right for real files. Attackers write any index
//! (`LONG_BINPUT` of 2^31 makes the C loader allocate 32 GiB, pickle-family 1.4), so whatever lies far from the rest goes
//! into a map. Beyond some millions of entries one byte an entry is kept, the kind of the value; interesting values
//! (globals, call results) are kept whole even then.

use std::collections::HashMap;

use crate::value::{Kind, Value};

const PAGE: usize = 1 << 14;
/// Whole entries: 8 bytes each, 48 MiB.
const WHOLE: u64 = 6 << 20;
/// Entries of which the kind is kept: 1 byte each, 56 MiB.
const KINDS: u64 = 56 << 20;
/// Entries far from the rest.
const FAR: usize = 1 << 18;
/// Interesting values beyond the whole entries.
const INTERESTING: usize = 1 << 18;

/// What `get` found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The value.
    Value(Value),
    /// There is an entry of this kind, its content was not kept.
    Forgotten(Kind),
    /// No entry: the loader stops here.
    Missing,
}

/// The memo of one stream.
#[derive(Default)]
pub(crate) struct Memo {
    pages: Vec<Vec<u64>>,
    kinds: Vec<Vec<u8>>,
    far: HashMap<u64, Value>,
    /// Number of entries; `MEMOIZE` writes there.
    count: u64,
    /// An entry could not be kept.
    overflowed: bool,
}

/// No entry, in a page. No value has this tag.
const EMPTY: u64 = u64::MAX;

impl Memo {
    /// Number of entries: where `MEMOIZE` writes.
    pub(crate) fn len(&self) -> u64 {
        self.count
    }

    /// More entries than could be kept.
    pub(crate) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// `PUT`: memo[index] = value, overwriting.
    #[inline]
    pub(crate) fn put(&mut self, index: u64, value: Value) {
        // Pages are only opened near those that are filled: a far index would buy 128 KiB with five bytes.
        let near = self.count.saturating_mul(2).saturating_add(4 * PAGE as u64);
        if index < WHOLE && index < near {
            let page = (index / PAGE as u64) as usize;
            while self.pages.len() <= page {
                self.pages.push(Vec::new());
            }
            if let Some(slots) = self.pages.get_mut(page) {
                if slots.is_empty() {
                    // The first page of a small pickle stays small.
                    slots.resize(if page == 0 && index < 512 { 512 } else { PAGE }, EMPTY);
                }
                let slot = (index % PAGE as u64) as usize;
                if slot >= slots.len() {
                    slots.resize(PAGE, EMPTY);
                }
                if let Some(old) = slots.get_mut(slot) {
                    self.count += u64::from(*old == EMPTY);
                    *old = value.raw();
                }
                // An index that was far once may have become near.
                if !self.far.is_empty() && self.far.remove(&index).is_some() {
                    self.count -= 1;
                }
                return;
            }
        }
        self.put_elsewhere(index, value, near);
    }

    fn put_elsewhere(&mut self, index: u64, value: Value, near: u64) {
        if index >= near || index < WHOLE {
            if self.far.len() < FAR || self.far.contains_key(&index) {
                let existing = self.near_exists(index);
                if self.far.insert(index, value).is_none() && !existing {
                    self.count += 1;
                }
            } else {
                self.overflowed = true;
            }
            return;
        }
        let existed = self.near_exists(index) || self.far.contains_key(&index);
        if index - WHOLE < KINDS {
            let place = index - WHOLE;
            let page = (place / PAGE as u64) as usize;
            while self.kinds.len() <= page {
                self.kinds.push(Vec::new());
            }
            if let Some(slots) = self.kinds.get_mut(page) {
                if slots.is_empty() {
                    slots.resize(PAGE, 0);
                }
                if let Some(slot) = slots.get_mut((place % PAGE as u64) as usize) {
                    *slot = (value.kind() as u8) + 1;
                }
            }
        } else {
            self.overflowed = true;
        }
        if value.is_constant() || value.is_container() {
            if !self.far.is_empty() {
                self.far.remove(&index);
            }
        } else if self.far.len() < FAR + INTERESTING || self.far.contains_key(&index) {
            self.far.insert(index, value);
        } else {
            self.overflowed = true;
        }
        self.count += u64::from(!existed);
    }

    fn near_exists(&self, index: u64) -> bool {
        let slot = (index % PAGE as u64) as usize;
        if index < WHOLE {
            let page = (index / PAGE as u64) as usize;
            return self.pages.get(page).and_then(|p| p.get(slot)).is_some_and(|&raw| raw != EMPTY);
        }
        self.kind(index).is_some()
    }

    fn kind(&self, index: u64) -> Option<Kind> {
        let place = index.checked_sub(WHOLE)?;
        let page = usize::try_from(place / PAGE as u64).ok()?;
        let tag = *self.kinds.get(page)?.get((place % PAGE as u64) as usize)?;
        let tag = tag.checked_sub(1)?;
        Some(Value::from_raw(u64::from(tag) << 56).kind())
    }

    /// Keeps a value whole although it would be forgotten: a string that turned out to be a name.
    pub(crate) fn pin(&mut self, index: u64, value: Value) {
        if index >= WHOLE && self.far.len() < FAR + INTERESTING && self.kind(index).is_some() {
            self.far.insert(index, value);
        }
    }

    /// `GET`.
    #[inline]
    pub(crate) fn get(&self, index: u64) -> Entry {
        if index < WHOLE {
            let page = (index / PAGE as u64) as usize;
            let slot = self.pages.get(page).and_then(|p| p.get((index % PAGE as u64) as usize));
            if let Some(&raw) = slot
                && raw != EMPTY
            {
                return Entry::Value(Value::from_raw(raw));
            }
        }
        if let Some(value) = self.far.get(&index) {
            return Entry::Value(*value);
        }
        match self.kind(index) {
            Some(kind) => Entry::Forgotten(kind),
            None if self.overflowed => Entry::Forgotten(Kind::Unknown),
            None => Entry::Missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(n: i64) -> Value {
        Value::int(n).unwrap()
    }

    #[test]
    fn memoize_counts_entries_not_indices() {
        let mut memo = Memo::default();
        memo.put(5, int(5));
        memo.put(5, int(6));
        memo.put(memo.len(), int(1));
        assert_eq!(memo.get(1), Entry::Value(int(1)));
        assert_eq!(memo.get(5), Entry::Value(int(6)));
        assert_eq!(memo.get(0), Entry::Missing);
        assert_eq!(memo.len(), 2);
    }

    #[test]
    fn far_indices_do_not_allocate() {
        let mut memo = Memo::default();
        for n in 0..1000u64 {
            memo.put((n + 1) << 21, int(n as i64));
        }
        memo.put(u64::MAX, int(3));
        assert!(memo.pages.len() <= 1);
        assert_eq!(memo.get(7 << 21), Entry::Value(int(6)));
        assert_eq!(memo.get(u64::MAX), Entry::Value(int(3)));
        assert_eq!(memo.len(), 1001);
    }

    #[test]
    fn millions_of_entries_keep_their_kind() {
        let mut memo = Memo::default();
        let global = Value::new(Kind::Global, 3);
        for n in 0..WHOLE + 1000 {
            memo.put(n, if n == WHOLE + 7 { global } else { int(1) });
        }
        assert_eq!(memo.get(WHOLE - 1), Entry::Value(int(1)));
        assert_eq!(memo.get(WHOLE), Entry::Forgotten(Kind::Int));
        assert_eq!(memo.get(WHOLE + 7), Entry::Value(global));
        memo.pin(WHOLE + 2, int(9));
        assert_eq!(memo.get(WHOLE + 2), Entry::Value(int(9)));
        assert_eq!(memo.get(WHOLE + 1000), Entry::Missing);
        assert_eq!(memo.len(), WHOLE + 1000);
        assert!(!memo.overflowed());
    }
}
