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
/// Categories of splits: all of them in a row, and for each such split its node, where its categories begin, and how many they are.
const CATEGORIES: usize = 4;
const CATEGORY_NODES: usize = 5;
const CATEGORY_STARTS: usize = 6;
const CATEGORY_SIZES: usize = 7;
const LISTS: [&str; 8] = [
    "left_children",
    "right_children",
    "parents",
    "split_indices",
    "categories",
    "categories_nodes",
    "categories_segments",
    "categories_sizes",
];
/// Nodes of a tree of which it is known whether a parent leads to them; one bit each.
const MOST_NODES: usize = 1 << 26;
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
#[derive(Clone)]
struct Tree {
    at: u64,
    /// Open containers around it.
    depth: usize,
    lists: [Option<Range>; 8],
    nodes: Option<u64>,
    features: Option<u64>,
    /// Nodes without a left child.
    leaves: Vec<u64>,
    /// Nodes that a parent leads to.
    reached: Vec<u64>,
    /// The first node that two parents lead to, or the root if one does: predictors that go down the tree may never end.
    twice: Option<i64>,
}

impl Tree {
    /// Notes a child. Leaves of trees with several outputs keep the number of their leaf where inner nodes have the right child, so
    /// that counts only where there is a left one.
    fn child(&mut self, list: usize, value: i64) {
        let position = self.lists.get(list).copied().flatten().map_or(0, |range| range.count);
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        if list == LEFT {
            if value < 0 && position < MOST_NODES {
                set(&mut self.leaves, position);
            }
            self.reach(value);
        } else if list == RIGHT && !is_set(&self.leaves, position) {
            self.reach(value);
        }
    }

    /// Notes that a parent leads to a node.
    fn reach(&mut self, node: i64) {
        let Ok(index) = usize::try_from(node) else { return };
        if index >= MOST_NODES {
            return;
        }
        if index == 0 || is_set(&self.reached, index) {
            self.twice.get_or_insert(node);
        }
        set(&mut self.reached, index);
    }
}

fn set(bits: &mut Vec<u64>, index: usize) {
    if index / 64 >= bits.len() {
        bits.resize(index / 64 + 1, 0);
    }
    if let Some(word) = bits.get_mut(index / 64) {
        *word |= 1 << (index % 64);
    }
}

fn is_set(bits: &[u64], index: usize) -> bool {
    bits.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 != 0)
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
    /// A list of trees was there: the document is a model and not only its parameters (`Booster.save_config`).
    has_trees: bool,
    /// The output that each tree adds to, and how many there are.
    groups: Option<Range>,
    classes: u64,
    version: Vec<i64>,
    findings: usize,
}

impl<'s> Model<'s> {
    /// Nothing is known.
    pub fn new(sink: &'s mut dyn Sink) -> Self {
        Self {
            sink,
            open: Vec::new(),
            key: String::new(),
            tree: None,
            trees: 0,
            declared: None,
            has_trees: false,
            groups: None,
            classes: 1,
            version: Vec::new(),
            findings: 0,
        }
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
            let (leaves, reached) = (Vec::new(), Vec::new());
            let lists = [None; 8];
            self.tree = Some(Tree { at, depth, lists, nodes: None, features: None, leaves, reached, twice: None });
        } else if let Some(index) = self.list_of(&self.key)
            && let Some(tree) = &mut self.tree
            && let Some(list) = tree.lists.get_mut(index)
        {
            *list = Some(Range::EMPTY);
        }
        self.has_trees |= !object && self.key == "trees";
        if !object && self.key == "tree_info" && parent == Some("model") {
            self.groups = Some(Range::EMPTY);
        }
        self.open.push(std::mem::take(&mut self.key));
    }

    /// The innermost container ends.
    pub fn end(&mut self, at: u64) {
        if self.tree.as_ref().is_some_and(|tree| tree.depth == self.open.len())
            && let Some(tree) = self.tree.take()
        {
            self.check(&tree, at);
        }
        self.open.pop();
        self.key.clear();
    }

    /// Which list of a tree the key is, if it stands right in one.
    fn list_of(&self, key: &str) -> Option<usize> {
        let tree = self.tree.as_ref()?;
        if tree.depth != self.open.len() { None } else { LISTS.iter().position(|name| *name == key) }
    }

    /// The list of a tree whose items are being read.
    fn open_list(&self) -> Option<usize> {
        let tree = self.tree.as_ref()?;
        let inside = self.open.len() == tree.depth + 1;
        let name = self.open.last()?;
        if inside { LISTS.iter().position(|list| list == name) } else { None }
    }

    /// True if the numbers of the innermost list are wanted one by one.
    pub fn wants_numbers(&self) -> bool {
        self.open_list().is_some() || self.tree.is_none() && matches!(self.list(), Some("tree_info" | "version"))
    }

    /// The key of the innermost container.
    fn list(&self) -> Option<&str> {
        self.open.last().map(String::as_str)
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        if let Some(index) = self.open_list()
            && let Some(tree) = &mut self.tree
        {
            tree.child(index, value);
            if let Some(Some(range)) = tree.lists.get_mut(index) {
                // The mark for "none" is no index.
                let value = if value == NONE && matches!(index, PARENTS | FEATURES) { -1 } else { value };
                range.add(value);
            }
        } else if self.list() == Some("version") && self.open.len() == 2 && self.version.len() < 8 {
            self.version.push(value);
        } else if self.list() == Some("tree_info")
            && let Some(groups) = &mut self.groups
        {
            groups.add(value);
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
            ("learner_model_param", "num_class" | "num_target") => {
                self.classes = self.classes.max(text.parse().unwrap_or(0));
            }
            ("learner_model_param", "num_feature") => {
                if let Ok(features) = text.parse() {
                    self.sink.fact_number("feature_count", features);
                }
            }
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
        let categories = || categories(&tree.lists, nodes);
        let mut what = lists.into_iter().find_map(|list| tree.lists[list].and_then(|range| bad(list, range)));
        if what.is_none() && tree.nodes.is_some_and(|declared| declared != nodes) {
            what = Some(format!("num_nodes says {}, {nodes} are there", tree.nodes.unwrap_or(0)));
        }
        if what.is_none()
            && let Some(node) = tree.twice
        {
            what = Some(format!("two ways lead to node {node}, so that its paths may never end"));
        }
        if let Some(what) = what.or_else(categories) {
            let finding = Finding::new(&S902, format!("tree {number} is malformed: {what}"));
            self.report(finding.at(tree.at, end.saturating_sub(tree.at)).element(format!("tree {number}")));
        }
    }

    /// The document ended; `complete` if it was all there.
    pub fn finish(&mut self, complete: bool) {
        self.sink.fact_text("framework", "xgboost");
        if !self.version.is_empty() {
            let version: Vec<String> = self.version.iter().map(i64::to_string).collect();
            self.sink.fact_text("format_version", &version.join("."));
        }
        if !self.has_trees {
            return;
        }
        self.sink.fact_number("trees", self.trees);
        if let Some(groups) = self.groups.filter(|g| g.count > 0 && complete) {
            let limit = i64::try_from(self.classes).unwrap_or(i64::MAX);
            let what = if groups.count != self.trees {
                Some(format!("tree_info has {} entries for {} trees", groups.count, self.trees))
            } else if groups.least < 0 || groups.most >= limit {
                let wrong = if groups.least < 0 { groups.least } else { groups.most };
                Some(format!("tree_info refers to output {wrong}, of {limit}"))
            } else {
                None
            };
            if let Some(what) = what {
                self.report(Finding::new(&S902, format!("the model is malformed: {what}")).at(0, 1));
            }
        }
        if let Some(declared) = self.declared
            && complete
            && declared != self.trees
        {
            let message = format!("the model says it has {declared} trees, {} are there", self.trees);
            self.report(Finding::new(&S902, message).at(0, 1));
        }
    }
}

/// What is wrong with the categories of a tree's splits: native predictors build bit sets from them without a look.
fn categories(lists: &[Option<Range>; 8], nodes: u64) -> Option<String> {
    let range = |index: usize| lists.get(index).copied().flatten().filter(|range| range.count > 0);
    let all = lists.get(CATEGORIES).copied().flatten()?.count;
    let splits = range(CATEGORY_NODES)?;
    for index in [CATEGORY_STARTS, CATEGORY_SIZES] {
        let count = range(index).map_or(0, |range| range.count);
        if count != splits.count {
            return Some(format!("{} has {count} entries for {} splits by category", LISTS[index], splits.count));
        }
    }
    for (index, limit) in [(CATEGORY_NODES, nodes), (CATEGORY_STARTS, all), (CATEGORY_SIZES, all.saturating_add(1))] {
        let range = range(index)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        if range.least < 0 || range.most >= limit {
            let wrong = if range.least < 0 { range.least } else { range.most };
            return Some(format!("{} has {wrong}, which must be below {limit}", LISTS[index]));
        }
    }
    range(CATEGORIES).filter(|range| range.least < 0).map(|range| format!("the category {} is negative", range.least))
}
