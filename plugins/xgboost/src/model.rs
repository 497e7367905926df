//! The checks: fed with the events of a document, whatever it is encoded in.

use modelaudit_metadata_text::{judge, label};
use modelaudit_plugin::{Finding, Sink, Span, quote};
use modelaudit_rules::structure::S902;

/// Findings of one scan.
const MOST: usize = 200;
/// Bytes of a key that are kept.
const KEY: usize = 64;
/// What XGBoost has for no parent, and for the feature of a deleted node (include/xgboost/tree_model.h).
const NONE: i64 = i32::MAX as i64;
/// Lists of a tree with an entry for each node, whose entries are indexes.
const LEFT: usize = 0;
const RIGHT: usize = 1;
const PARENTS: usize = 2;
const FEATURES: usize = 3;
const LISTS: [&str; 4] = ["left_children", "right_children", "parents", "split_indices"];
/// Keys under which users have their own words.
const USERS: &[&str] = &["feature_names", "feature_types", "cats"];

/// How many numbers a list has, and between what they lie.
#[derive(Clone, Copy, Debug)]
struct Range {
    count: u64,
    least: i64,
    most: i64,
}

impl Range {
    const EMPTY: Self = Self { count: 0, least: i64::MAX, most: i64::MIN };

    fn add(&mut self, value: i64) {
        self.count += 1;
        self.least = self.least.min(value);
        self.most = self.most.max(value);
    }
}

/// A tree that is being read.
#[derive(Clone, Copy)]
struct Tree {
    at: u64,
    /// Open containers around it.
    depth: usize,
    lists: [Option<Range>; 4],
    nodes: Option<u64>,
    features: Option<u64>,
}

/// What is known of the model so far.
pub struct Model<'s> {
    sink: &'s mut dyn Sink,
    /// The key of each open container; empty for items of lists.
    open: Vec<String>,
    key: String,
    tree: Option<Tree>,
    trees: u64,
    declared: Option<u64>,
    findings: usize,
}

impl<'s> Model<'s> {
    /// Nothing is known.
    pub fn new(sink: &'s mut dyn Sink) -> Self {
        Self { sink, open: Vec::new(), key: String::new(), tree: None, trees: 0, declared: None, findings: 0 }
    }

    /// Reports a finding, within a bound.
    pub fn report(&mut self, finding: Finding) {
        self.findings += 1;
        if self.findings <= MOST {
            self.sink.finding(finding);
        }
    }

    /// Where findings go.
    pub fn sink(&mut self) -> &mut dyn Sink {
        self.sink
    }

    /// A key; its value follows.
    pub fn key(&mut self, key: &str) {
        self.key = modelaudit_plugin::clip(key, KEY);
    }

    /// An object or a list begins.
    pub fn begin(&mut self, object: bool, at: u64) {
        let parent = self.open.last().map(String::as_str);
        if object && parent == Some("trees") && self.key.is_empty() {
            self.trees += 1;
            let depth = self.open.len() + 1;
            self.tree = Some(Tree { at, depth, lists: [None; 4], nodes: None, features: None });
        } else if let Some(index) = self.list_of(&self.key)
            && let Some(tree) = &mut self.tree
            && let Some(list) = tree.lists.get_mut(index)
        {
            *list = Some(Range::EMPTY);
        }
        self.open.push(std::mem::take(&mut self.key));
    }

    /// The innermost container ends.
    pub fn end(&mut self, at: u64) {
        if let Some(tree) = self.tree
            && tree.depth == self.open.len()
        {
            self.tree = None;
            self.check(&tree, at);
        }
        self.open.pop();
        self.key.clear();
    }

    /// Which list of a tree the key is, if it stands right in one.
    fn list_of(&self, key: &str) -> Option<usize> {
        let tree = self.tree?;
        if tree.depth != self.open.len() { None } else { LISTS.iter().position(|name| *name == key) }
    }

    /// The list of a tree whose items are being read.
    fn open_list(&self) -> Option<usize> {
        let tree = self.tree?;
        let inside = self.open.len() == tree.depth + 1;
        let name = self.open.last()?;
        if inside { LISTS.iter().position(|list| list == name) } else { None }
    }

    /// True if the numbers of the innermost list are wanted one by one.
    pub fn wants_numbers(&self) -> bool {
        self.open_list().is_some()
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        if let Some(index) = self.open_list()
            && let Some(tree) = &mut self.tree
            && let Some(Some(range)) = tree.lists.get_mut(index)
        {
            // The mark for "none" is no index.
            let value = if value == NONE && matches!(index, PARENTS | FEATURES) { -1 } else { value };
            range.add(value);
        }
        self.key.clear();
    }

    /// A value that is neither a text nor an integer.
    pub fn other(&mut self) {
        self.key.clear();
    }

    /// A text.
    pub fn text(&mut self, text: &str, at: Span) {
        let key = std::mem::take(&mut self.key);
        let owner = self.open.last().map_or("", String::as_str);
        // Numbers of parameters are texts in XGBoost's JSON.
        match (owner, key.as_str()) {
            ("gbtree_model_param", "num_trees") => self.declared = text.parse().ok(),
            ("tree_param", "num_nodes") => self.tree.iter_mut().for_each(|t| t.nodes = text.parse().ok()),
            ("tree_param", "num_feature") => self.tree.iter_mut().for_each(|t| t.features = text.parse().ok()),
            ("objective", "name") => self.sink.fact_text("objective", &modelaudit_plugin::clip(text, 200)),
            ("gradient_booster", "name") => self.sink.fact_text("booster", &modelaudit_plugin::clip(text, 200)),
            _ => {}
        }
        if self.open.iter().any(|open| USERS.contains(&open.as_str())) {
            return;
        }
        if let Some(found) = judge(text) {
            let name = if key.is_empty() { owner } else { &key };
            let finding = modelaudit_metadata_text::finding(&format!("the field {}", quote(name)), &found);
            let name = label(name);
            self.report(finding.at(at.offset, at.length).element(name));
        }
    }

    /// The indexes of a tree, which ends at `end`.
    fn check(&mut self, tree: &Tree, end: u64) {
        let number = self.trees - 1;
        let Some(left) = tree.lists[LEFT] else { return };
        let nodes = left.count;
        let bad = |list: usize, range: Range| -> Option<String> {
            let name = LISTS[list];
            if range.count != nodes {
                return Some(format!("{name} has {} entries for {nodes} nodes", range.count));
            }
            if range.count == 0 {
                return None;
            }
            let limit = if list == FEATURES { tree.features.filter(|n| *n > 0)? } else { nodes };
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let wrong = if range.least < -1 { range.least } else { range.most };
            (range.least < -1 || range.most >= limit).then(|| format!("{name} refers to {wrong}, of {limit}"))
        };
        let lists = [LEFT, RIGHT, PARENTS, FEATURES];
        let mut what = lists.into_iter().find_map(|list| tree.lists[list].and_then(|range| bad(list, range)));
        if what.is_none() && tree.nodes.is_some_and(|declared| declared != nodes) {
            what = Some(format!("num_nodes says {}, {nodes} are there", tree.nodes.unwrap_or(0)));
        }
        if let Some(what) = what {
            let finding = Finding::new(&S902, format!("tree {number} is malformed: {what}"));
            self.report(finding.at(tree.at, end.saturating_sub(tree.at)).element(format!("tree {number}")));
        }
    }

    /// The document ended; `complete` if it was all there.
    pub fn finish(&mut self, complete: bool) {
        self.sink.fact_number("trees", self.trees);
        if let Some(declared) = self.declared
            && complete
            && declared != self.trees
        {
            let message = format!("the model says it has {declared} trees, {} are there", self.trees);
            self.report(Finding::new(&S902, message).at(0, 1));
        }
    }
}
