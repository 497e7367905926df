//! One file and everything in it: a tree of artifacts that grows wave by wave.
//!
//! A wave is up to 64 artifacts, those nearer to the file first. Its tasks run in any order on any thread; what they found is merged in the order of
//! artifacts and plugins once all are done. So budgets cut at the same place, and the report is the same, whatever the
//! number of threads.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::bytes::{Bytes, Window};
use crate::identify::Claim;
use crate::limits::Limits;
use crate::model::{Gap, Span, Tensor};
use crate::redaction::Secrets;
use crate::reuse::{Circumstances, Kept};
use crate::rules::{BLACKLIST, ENGINE, NESTING};
use crate::sandbox::{Child, ChildBytes, Outcome};
use crate::search::{Hits, Pass};
use crate::siblings::Siblings;
use crate::spool::SpoolMemory;
use crate::weights::Weighed;

/// Artifacts of a wave at most. Tasks of one wave know nothing of what the others unpack, so this bounds by how much they can
/// together overdraw the budget before it is noticed.
const WAVE: usize = 64;

/// A finding of the host itself.
pub struct EngineFinding {
    /// Index into the host's rules.
    pub rule: usize,
    /// One sentence.
    pub message: String,
    /// The bytes that are the evidence.
    pub at: Option<Span>,
    /// The named part.
    pub element: Option<String>,
    /// Key and value.
    pub details: Vec<(String, String)>,
}

impl EngineFinding {
    /// A finding about the whole artifact.
    pub fn new(rule: usize, message: String, details: Vec<(String, String)>) -> Self {
        Self { rule, message, at: None, element: None, details }
    }
}

/// An artifact of the tree.
pub struct Node {
    /// Name inside its parent; path below the scanned folder for the file itself. Printable.
    pub name: String,
    /// Index of the parent.
    pub parent: Option<usize>,
    /// Levels above it.
    pub depth: usize,
    /// Format id that the parent gave, may be empty.
    pub hint: String,
    /// The bytes; dropped once the wave after it was made.
    pub bytes: Option<Arc<dyn Bytes>>,
    /// Size in bytes.
    pub size: u64,
    /// Range in the parent if it is a view.
    pub view: Option<Span>,
    /// Index of the plugin that found it in the parent.
    pub finder: Option<usize>,
    /// Names beside it.
    pub siblings: Arc<Siblings>,
    /// What the host's pass found.
    pub pass: Option<Pass>,
    /// Plugins that scan it, with how that ended.
    pub tasks: Vec<(Claim, Option<Outcome>)>,
    /// Gaps that the host noted.
    pub gaps: Vec<Gap>,
    /// Findings of the host.
    pub findings: Vec<EngineFinding>,
    /// Children in order.
    pub children: Vec<usize>,
    /// True once its weights are being looked at.
    pub weights_begun: bool,
    /// Bytes of weights that were looked at.
    pub weights_read: u64,
    /// What is odd about its weights, by the first tensor of each share.
    pub weighed: BTreeMap<usize, Weighed>,
}

impl Node {
    fn new(name: String, bytes: Arc<dyn Bytes>, siblings: Arc<Siblings>) -> Self {
        Self {
            name,
            parent: None,
            depth: 0,
            hint: String::new(),
            size: bytes.size(),
            bytes: Some(bytes),
            view: None,
            finder: None,
            siblings,
            pass: None,
            tasks: Vec::new(),
            gaps: Vec::new(),
            findings: Vec::new(),
            children: Vec::new(),
            weights_begun: false,
            weights_read: 0,
            weighed: BTreeMap::new(),
        }
    }

    /// Makes findings and gaps of what was seen in the weights, in the order of the tensors.
    fn take_weighed(&mut self) {
        for (_, weighed) in std::mem::take(&mut self.weighed) {
            self.findings.extend(weighed.findings);
            weighed.gaps.into_iter().for_each(|gap| self.gap(gap));
            self.weights_read += weighed.bytes;
        }
    }

    /// The tensors that plugins named, with the format that they were named for.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        let ended = self.tasks.iter().filter_map(|(claim, outcome)| Some((claim.format.as_str(), outcome.as_ref()?)));
        ended.flat_map(|(format, outcome)| outcome.tensors.iter().map(move |tensor| (format, tensor)))
    }

    /// Notes something that the host did not look at.
    pub fn gap(&mut self, reason: impl Into<String>) {
        self.gaps.push(Gap { plugin: ENGINE.to_owned(), reason: reason.into() });
    }
}

/// The tree of a file, with what is left of its budgets.
pub struct Tree {
    /// All artifacts; the file itself is the first.
    pub nodes: Vec<Node>,
    /// Memory for spools.
    pub spool: Arc<SpoolMemory>,
    /// When its time is over.
    pub deadline: Instant,
    /// Bytes that may still be unpacked.
    pub unpacked_left: u64,
    /// Parts that may still be taken.
    pub children_left: usize,
    /// What must not be shown.
    pub secrets: Secrets,
    /// The whole result of a file with the same bytes, which serves here, too.
    pub kept: Option<Arc<Kept>>,
    /// Artifacts of waves to come.
    waiting: VecDeque<usize>,
    /// True once it was said that the budget for unpacked bytes is spent.
    bomb: bool,
    limits: Arc<Limits>,
}

impl Tree {
    /// A tree of one artifact, the file.
    pub fn new(name: String, bytes: Arc<dyn Bytes>, siblings: Arc<Siblings>, limits: &Arc<Limits>) -> Self {
        Self {
            spool: SpoolMemory::new(limits.spool_memory),
            deadline: Instant::now() + limits.timeout,
            unpacked_left: limits.unpacked_of(bytes.size()),
            children_left: limits.children,
            nodes: vec![Node::new(name, bytes, siblings)],
            secrets: Secrets::default(),
            kept: None,
            waiting: VecDeque::new(),
            bomb: false,
            limits: Arc::clone(limits),
        }
    }

    /// What the result depends on beside the bytes: what plugins asked for, and the name where no content decided.
    pub fn circumstances(&self) -> Circumstances {
        let file = &self.nodes[0];
        let by_name = file.tasks.iter().all(|(claim, _)| claim.by_name || claim.format.is_empty());
        // The host's own findings name places in the file, which begin with its name.
        let host = self.nodes.iter().flat_map(|node| &node.findings).any(|f| [NESTING, BLACKLIST].contains(&f.rule));
        let ended = || self.nodes.iter().flat_map(|node| &node.tasks).filter_map(|(_, outcome)| outcome.as_ref());
        let own = || file.tasks.iter().filter_map(|(_, outcome)| outcome.as_ref());
        // Parts have names and neighbours by the file's bytes alone, but for the name of the file in their lineage.
        let lineage = ended().any(|o| o.saw_lineage);
        let name = by_name || host || lineage || own().any(|o| o.saw_name);
        Circumstances {
            name: name.then(|| file.name.clone()),
            siblings: own().any(|o| o.saw_siblings).then(|| file.siblings.digest()),
        }
    }

    /// Names from the file down to a node.
    pub fn path(&self, mut node: usize) -> Vec<String> {
        let mut path = vec![self.nodes[node].name.clone()];
        while let Some(parent) = self.nodes[node].parent {
            path.push(self.nodes[parent].name.clone());
            node = parent;
        }
        path.reverse();
        path
    }

    /// Names of a node's parents, outermost first, each with the formats that claimed it.
    pub fn lineage(&self, node: usize) -> Vec<String> {
        let mut names = Vec::new();
        let mut at = self.nodes[node].parent;
        while let Some(parent) = at {
            names.push(self.nodes[parent].name.clone());
            at = self.nodes[parent].parent;
        }
        names.reverse();
        names
    }

    /// The hits that a view has from its parent.
    pub fn inherited(&self, node: usize, lengths: &[Vec<usize>]) -> Option<Arc<Vec<Hits>>> {
        let node = &self.nodes[node];
        let (view, parent) = (node.view?, node.parent?);
        let pass = self.nodes[parent].pass.as_ref()?;
        Some(Arc::new(
            pass.hits
                .iter()
                .zip(lengths)
                .map(|(hits, lengths)| hits.window(view.offset, view.length, lengths))
                .collect(),
        ))
    }

    /// Takes the children that a wave found, in the order of artifacts and tasks, as far as the budgets reach. Returns the next wave.
    pub fn merge(&mut self, wave: &[usize]) -> Vec<usize> {
        let mut next = Vec::new();
        for &index in wave {
            let tasks = std::mem::take(&mut self.nodes[index].tasks);
            let mut children: Vec<(usize, Child)> = Vec::new();
            for (claim, outcome) in &tasks {
                let Some(outcome) = outcome else { continue };
                let unpacked = outcome.unpacked;
                if unpacked > self.unpacked_left {
                    // Tasks of one wave share the budget that was left before it; this is where the sum is looked at.
                    self.unpacked_left = 0;
                    self.over_budget(index, &claim.format);
                } else {
                    self.unpacked_left -= unpacked;
                }
                if outcome.budget_spent {
                    self.over_budget(index, &claim.format);
                }
                children.extend(outcome.children.iter().map(|child| (claim.plugin, child.clone())));
            }
            self.nodes[index].tasks = tasks;
            self.take_children(index, children, &mut next);
            // Views hold what they need of it.
            self.nodes[index].bytes = None;
            self.nodes[index].take_weighed();
        }
        self.waiting.extend(next);
        let size = self.waiting.len().min(WAVE);
        self.waiting.drain(..size).collect()
    }

    fn take_children(&mut self, index: usize, children: Vec<(usize, Child)>, next: &mut Vec<usize>) {
        if children.is_empty() {
            return;
        }
        let depth = self.nodes[index].depth + 1;
        if depth > self.limits.depth {
            let limit = self.limits.depth;
            let node = &mut self.nodes[index];
            node.gap(format!("nested deeper than {limit} levels: {} embedded parts were not scanned", children.len()));
            node.findings.push(EngineFinding::new(
                NESTING,
                format!("holds {} parts below {limit} levels of nesting, deeper than any real model", children.len()),
                vec![("first_part".to_owned(), children[0].1.name.clone())],
            ));
            return;
        }
        if children.len() > self.children_left {
            let limit = self.limits.children;
            let lost = children.len() - self.children_left;
            self.nodes[index]
                .gap(format!("more than {limit} embedded parts in this file; {lost} of them were not scanned"));
        }
        let siblings = Siblings::members(children.iter().map(|(_, c)| c.name.as_str()));
        let Some(parent_bytes) = self.nodes[index].bytes.clone() else { return };
        let mut seen = HashSet::new();
        for (finder, child) in children.into_iter().take(self.children_left) {
            // The same bytes under two names (a zip whose headers disagree): one payload is told once.
            if let ChildBytes::View(span) = child.bytes
                && !seen.insert((span, child.hint.clone()))
            {
                continue;
            }
            let (bytes, view): (Arc<dyn Bytes>, Option<Span>) = match child.bytes {
                // The whole parent once more: those bytes are being scanned already.
                ChildBytes::View(span) if span.length == parent_bytes.size() => continue,
                ChildBytes::View(span) => match Window::new(Arc::clone(&parent_bytes), span.offset, span.length) {
                    Some(window) => (Arc::new(window), Some(span)),
                    None => continue,
                },
                ChildBytes::Unpacked(bytes) => (bytes, None),
            };
            self.children_left -= 1;
            let mut node = Node::new(child.name, bytes, Arc::clone(&siblings));
            node.parent = Some(index);
            node.depth = depth;
            node.hint = child.hint;
            node.view = view;
            node.finder = Some(finder);
            self.nodes.push(node);
            let new = self.nodes.len() - 1;
            self.nodes[index].children.push(new);
            next.push(new);
        }
    }

    /// The budget is the file's, so the file says once that it is spent, and where that was.
    fn over_budget(&mut self, index: usize, format: &str) {
        let size = self.nodes[0].size;
        let limit = self.limits.unpacked_of(size);
        let place = self.path(index).join(":");
        let file = &mut self.nodes[0];
        if self.bomb {
            return;
        }
        self.bomb = true;
        file.findings.push(EngineFinding::new(
            NESTING,
            format!("unpacks to more than {limit} bytes, out of a file of {size} bytes"),
            vec![("format".to_owned(), format.to_owned()), ("in".to_owned(), place)],
        ));
        file.gap(format!("only the first {limit} unpacked bytes of this file were scanned"));
    }
}
