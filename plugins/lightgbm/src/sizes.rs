//! `tree_sizes`: LightGBM jumps from tree to tree by it, other readers look for `Tree=`; where the two differ, they read different models.

use modelaudit_plugin::{Finding, Severity, Sink};
use modelaudit_rules::structure::S902;

/// Sizes that are kept; models have some ten thousand trees.
const MOST: usize = 1 << 20;

/// The sizes that the header gives, and where trees are.
#[derive(Default)]
pub struct Sizes {
    said: Vec<u64>,
    /// Where the line stands.
    line: Option<u64>,
    more: u64,
    /// Where the next tree should begin, with carriage returns and without.
    next: u64,
    next_converted: u64,
    trees: u64,
    /// The first tree that is elsewhere: number, where it is, where it should be.
    first_wrong: Option<(u64, u64, u64)>,
    wrong_converted: bool,
}

impl Sizes {
    /// The header has the line at this offset.
    pub fn begin(&mut self, at: u64) {
        self.line = Some(at);
    }

    /// One more size.
    pub fn push(&mut self, size: u64) {
        if self.said.len() < MOST {
            self.said.push(size);
        } else {
            self.more += 1;
        }
    }

    /// A tree begins; `returns` carriage returns stand before it.
    pub fn tree(&mut self, at: u64, returns: u64) {
        let converted = at.saturating_sub(returns);
        if self.trees == 0 {
            (self.next, self.next_converted) = (at, converted);
        }
        let index = self.trees as usize;
        self.trees += 1;
        let Some(size) = self.said.get(index) else { return };
        if at != self.next && self.first_wrong.is_none() {
            self.first_wrong = Some((self.trees - 1, at, self.next));
        }
        self.wrong_converted |= converted != self.next_converted;
        self.next = self.next.saturating_add(*size);
        self.next_converted = self.next_converted.saturating_add(*size);
    }

    /// How many trees there were.
    pub fn trees(&self) -> u64 {
        self.trees
    }

    /// How many trees the header promises; None if it does not say.
    pub fn promised(&self) -> Option<u64> {
        self.line.map(|_| self.said.len() as u64 + self.more)
    }

    /// Reports what differs. `whole` is false if the file was cut.
    pub fn report(&self, whole: bool, sink: &mut dyn Sink) {
        let (Some(line), Some(promised)) = (self.line, self.promised()) else { return };
        let finding = |message: String| Finding::new(&S902, message).at(line, 10).element("tree_sizes");
        if let Some((index, at, expected)) = self.first_wrong {
            if self.wrong_converted {
                let message =
                    format!("tree {index} begins at {at}, by the sizes in the header it begins at {expected}");
                sink.finding(finding(message).detail("tree", index.to_string()));
            } else {
                let message = "the line ends were converted to those of Windows, so LightGBM does not find the trees";
                sink.finding(finding(message.to_owned()).severity(Severity::Info));
            }
        }
        if whole && self.trees != promised {
            let message = format!("the header gives the sizes of {promised} trees, {} are there", self.trees);
            sink.finding(finding(message).detail("trees", self.trees.to_string()));
        }
    }
}
