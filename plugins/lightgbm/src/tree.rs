//! One tree: whether its lists are as long as it says, and whether its children, features and categories exist.
//!
//! LightGBM reads the lists (src/io/tree.cpp) and follows them when it predicts, without a look at the numbers.

use modelaudit_plugin::Span;
use modelaudit_rules::tensors::Tally;

use crate::text::Text;

/// Words of a list are numbers of two dozen characters; what is longer is none.
const LONGEST_WORD: usize = 64;
/// Nodes whose parents are counted, one bit each, and whose categories are kept: beyond that, ranges alone are checked.
const MOST_NODES: u64 = 1 << 20;

/// How long a list is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    /// One entry for each split.
    Splits,
    /// One for each leaf.
    Leaves,
    /// One for each categorical split, and one more.
    Categories,
    /// What other lists say.
    Free,
}

/// A list of a tree.
struct List {
    key: &'static str,
    length: Length,
    /// LightGBM does without it.
    optional: bool,
    /// Holds whole numbers.
    whole: bool,
}

const fn list(key: &'static str, length: Length, optional: bool, whole: bool) -> List {
    List { key, length, optional, whole }
}

/// The lists of a tree. Those from `internal_value` on are for statistics.
const LISTS: [List; 18] = [
    list("split_feature", Length::Splits, false, true),
    list("threshold", Length::Splits, false, false),
    list("decision_type", Length::Splits, true, true),
    list("left_child", Length::Splits, false, true),
    list("right_child", Length::Splits, false, true),
    list("leaf_value", Length::Leaves, false, false),
    list("cat_boundaries", Length::Categories, true, true),
    list("cat_threshold", Length::Free, true, true),
    list("leaf_const", Length::Leaves, true, false),
    list("num_features", Length::Leaves, true, true),
    list("leaf_features", Length::Free, true, true),
    list("leaf_coeff", Length::Free, true, false),
    list("split_gain", Length::Splits, true, false),
    list("internal_value", Length::Splits, true, false),
    list("internal_weight", Length::Splits, true, false),
    list("internal_count", Length::Splits, true, false),
    list("leaf_weight", Length::Leaves, true, false),
    list("leaf_count", Length::Leaves, true, false),
];

const SPLIT_FEATURE: usize = 0;
const THRESHOLD: usize = 1;
const DECISION: usize = 2;
const LEFT: usize = 3;
const RIGHT: usize = 4;
const BOUNDARIES: usize = 6;
const CATEGORIES: usize = 7;
const NUM_FEATURES: usize = 9;
const LEAF_FEATURES: usize = 10;

/// Single numbers of a tree.
const SCALARS: [&str; 5] = ["num_leaves", "num_cat", "is_linear", "shrinkage", "has_categorical"];

/// What was seen of a list.
#[derive(Clone, Copy, Default)]
struct Seen {
    at: u64,
    count: u64,
    least: i64,
    greatest: i64,
    sum: i64,
    last: i64,
    falls: bool,
}

/// A tree that is being read.
pub struct Tree {
    name: String,
    at: u64,
    leaves: Option<i64>,
    categorical: i64,
    seen: [Option<Seen>; LISTS.len()],
    /// Whether a node has a parent; bit by bit.
    parents: Vec<u64>,
    /// A node that is the root or has a parent already, and still is named as a child.
    shared: Option<i64>,
    thresholds: Vec<u32>,
    decisions: Vec<u8>,
}

impl Tree {
    /// A tree whose block begins at an offset.
    pub fn new(number: u64, at: u64) -> Self {
        Self {
            name: format!("Tree={number}"),
            at,
            leaves: None,
            categorical: 0,
            seen: [None; LISTS.len()],
            parents: Vec::new(),
            shared: None,
            thresholds: Vec::new(),
            decisions: Vec::new(),
        }
    }

    /// Leaves that it says it has.
    pub fn leaves(&self) -> u64 {
        self.leaves.and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
    }

    /// Reads the rest of the line of a key; false if no tree has such a key.
    pub fn line(&mut self, key: &str, at: u64, text: &mut Text<'_>, bad: &mut Tally) -> bool {
        if SCALARS.contains(&key) {
            let (value, length) = text.rest(LONGEST_WORD);
            let number = value.parse::<i64>().ok();
            match key {
                "num_leaves" => self.leaves = number.or(self.leaves),
                "num_cat" => self.categorical = number.unwrap_or(-1),
                _ => {}
            }
            if !is_number(value.as_bytes()) || (number.is_none() && key.starts_with("num")) {
                bad.add(&self.name, Span::new(at, key.len() as u64 + 1 + length), || {
                    format!("has a {key} that is no number")
                });
            }
            return true;
        }
        let Some(index) = LISTS.iter().position(|list| list.key == key) else { return false };
        let mut seen = Seen { at, least: i64::MAX, greatest: i64::MIN, ..Seen::default() };
        let mut strange = None;
        let whole = LISTS.get(index).is_some_and(|list| list.whole);
        text.words(LONGEST_WORD, |word| {
            let number = if whole || index == THRESHOLD { whole_number(word) } else { None };
            if !(is_number(word) && (number.is_some() || !whole)) && strange.is_none() {
                strange = Some(seen.count);
            }
            self.keep(index, number, seen.count);
            seen.take(number.unwrap_or(0));
        });
        let span = Span::new(at, text.position().saturating_sub(at));
        if let Some(position) = strange {
            bad.add(&self.name, span, || format!("has a {key} whose entry {position} is no number"));
        }
        if self.seen.get(index).copied().flatten().is_some() {
            bad.add(&self.name, span, || format!("has two lists of {key}"));
        }
        if let Some(slot) = self.seen.get_mut(index) {
            *slot = Some(seen);
        }
        true
    }

    /// Keeps what is compared with other lists.
    fn keep(&mut self, index: usize, number: Option<i64>, position: u64) {
        match (index, number) {
            (LEFT | RIGHT, Some(child)) if child >= 0 => self.child(child),
            (THRESHOLD, number) if position < MOST_NODES => {
                self.thresholds.push(number.and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX));
            }
            (DECISION, number) if position < MOST_NODES => self.decisions.push(number.unwrap_or(0) as u8),
            _ => {}
        }
    }

    /// A node that is the child of two, or the root as a child: only then can a walk from the root come back to where it was.
    fn child(&mut self, child: i64) {
        if child as u64 >= MOST_NODES {
            return;
        }
        let (word, bit) = ((child / 64) as usize, 1u64 << (child % 64));
        if self.parents.len() <= word {
            self.parents.resize(word + 1, 0);
        }
        if let Some(bits) = self.parents.get_mut(word) {
            if (*bits & bit != 0 || child == 0) && self.shared.is_none() {
                self.shared = Some(child);
            }
            *bits |= bit;
        }
    }

    fn of(&self, index: usize) -> Option<Seen> {
        self.seen.get(index).copied().flatten()
    }

    /// Compares what was read, once the block has ended. `features` is how many the model has, if it says so.
    pub fn check(&self, features: Option<u64>, bad: &mut Tally) {
        let whole = Span::new(self.at, 5);
        let Some(leaves) = self.leaves else {
            bad.add(&self.name, whole, || "does not say how many leaves it has".to_owned());
            return;
        };
        if leaves < 1 {
            bad.add(&self.name, whole, || format!("has {leaves} leaves"));
            return;
        }
        self.lengths(leaves as u64, bad);
        for index in [LEFT, RIGHT] {
            let Some(children) = self.of(index).filter(|seen| seen.count > 0) else { continue };
            let place = children.span();
            // A negative number is a leaf: -1 is leaf 0.
            if children.greatest >= leaves - 1 {
                bad.add(&self.name, place, || format!("has the child {} of {} nodes", children.greatest, leaves - 1));
            }
            if children.least < -leaves {
                bad.add(&self.name, place, || format!("has the leaf {} of {leaves}", -(children.least + 1)));
            }
        }
        if let Some(node) = self.shared {
            let what =
                if node == 0 { "its root is a child".to_owned() } else { format!("two nodes have the child {node}") };
            bad.add(&self.name, whole, || format!("is no tree: {what}"));
        }
        for index in [SPLIT_FEATURE, LEAF_FEATURES] {
            if let (Some(seen), Some(count)) = (self.of(index).filter(|seen| seen.count > 0), features) {
                let worst = if seen.least < 0 { seen.least } else { seen.greatest };
                if worst < 0 || worst as u64 >= count {
                    bad.add(&self.name, seen.span(), || format!("asks for feature {worst} of {count}"));
                }
            }
        }
        self.categories(bad);
        let (used, named) = (self.of(NUM_FEATURES), self.of(LEAF_FEATURES));
        if let (Some(used), Some(named)) = (used, named)
            && used.sum as u64 != named.count
        {
            bad.add(&self.name, named.span(), || {
                format!("names {} features for its leaves, {} by their numbers", named.count, used.sum)
            });
        }
    }

    fn lengths(&self, leaves: u64, bad: &mut Tally) {
        for (list, seen) in LISTS.iter().zip(&self.seen) {
            let wanted = match list.length {
                Length::Splits => leaves - 1,
                Length::Leaves => leaves,
                Length::Categories if self.categorical > 0 => self.categorical as u64 + 1,
                Length::Categories | Length::Free => continue,
            };
            let count = seen.map_or(0, |seen| seen.count);
            // A tree of one leaf has no splits, and its statistics may be left out.
            let left_out = count == 0 && (list.optional || leaves == 1);
            if count != wanted && !left_out {
                let place = seen.map_or(Span::new(self.at, 5), |seen| seen.span());
                bad.add(&self.name, place, || {
                    format!("has {count} entries of {}, {wanted} for its {leaves} leaves", list.key)
                });
            }
        }
    }

    /// A categorical split's threshold is the number of a set: `cat_boundaries` says where the set stands in `cat_threshold`.
    fn categories(&self, bad: &mut Tally) {
        let sets = u64::try_from(self.categorical).unwrap_or(0);
        let splits = self.decisions.iter().zip(&self.thresholds).enumerate();
        let mut wrong = splits.filter(|(_, (decision, set))| **decision & 1 != 0 && u64::from(**set) >= sets);
        if let Some((node, (_, set))) = wrong.next() {
            let set = if *set == u32::MAX { "no set".to_owned() } else { format!("set {set}") };
            bad.add(&self.name, Span::new(self.at, 5), || {
                format!("asks at node {node} for {set} of {sets} sets of categories")
            });
        }
        let Some(boundaries) = self.of(BOUNDARIES).filter(|seen| seen.count > 0 && sets > 0) else { return };
        let categories = self.of(CATEGORIES).map_or(0, |seen| seen.count);
        if boundaries.least < 0 || boundaries.falls || boundaries.last as u64 != categories {
            bad.add(&self.name, boundaries.span(), || {
                format!("has boundaries up to {} of {categories} words of categories", boundaries.greatest)
            });
        }
    }
}

impl Seen {
    fn take(&mut self, number: i64) {
        self.falls |= self.count > 0 && number < self.last;
        self.count += 1;
        self.least = self.least.min(number);
        self.greatest = self.greatest.max(number);
        self.sum = self.sum.saturating_add(number);
        self.last = number;
    }

    /// The start of the line.
    fn span(&self) -> Span {
        Span::new(self.at, 1)
    }
}

/// A whole number, also one that is written as `1.0000` or `3e0` (thresholds of categories are).
fn whole_number(word: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(word).ok()?;
    text.parse::<i64>().ok().or_else(|| {
        let number = text.parse::<f64>().ok()?;
        (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
    })
}

/// A number as LightGBM writes them: digits, or one of the names of what is not finite.
fn is_number(word: &[u8]) -> bool {
    let digits = word.iter().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    (digits && word.iter().any(u8::is_ascii_digit)) || {
        let name = word.strip_prefix(b"-").unwrap_or(word).to_ascii_lowercase();
        matches!(name.as_slice(), b"nan" | b"inf" | b"infinity" | b"nan(ind)" | b"1.#inf" | b"1.#qnan" | b"1.#ind")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for word in ["1", "-0.5", "1e-35", "2.5E+10", "nan", "-inf", "-nan"] {
            assert!(is_number(word.as_bytes()), "{word}");
        }
        for word in ["", "-", "exec", "1;id", "0x10", "$(id)"] {
            assert!(!is_number(word.as_bytes()), "{word}");
        }
        assert_eq!(whole_number(b"3.0"), Some(3));
        assert_eq!(whole_number(b"3.5"), None);
    }
}
