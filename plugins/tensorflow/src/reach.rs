//! Which operators run when a model is loaded or called.
//!
//! A node of the graph runs if an output that somebody asks for depends on it; a function, if a node that runs calls it. Asked for are the
//! outputs of signatures (the initialiser is one), the operations that a collection names for the start, and the functions that the
//! saved objects hold for Python. What nothing leads to is dead code: still a reason to ask, but not to hurry.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use modelaudit_call_graph::reach;
use modelaudit_protobuf::{Malformed, Message};

use crate::registry;
use crate::resolve::Node;
use crate::scan::Scan;

/// Edges that are remembered: the largest graphs have some hundred thousand nodes.
const MAX_EDGES: usize = 400_000;
/// Entry points that are remembered.
const MAX_ROOTS: usize = 20_000;

/// A place in a model, by the hash of its name: names of a large graph take more memory than there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64);

impl Place {
    /// A node of the main graph.
    pub fn node(name: &str) -> Self {
        Self::hashed(0, name)
    }

    /// A function.
    pub fn function(name: &str) -> Self {
        Self::hashed(1, name)
    }

    fn hashed(kind: u8, name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (kind, name).hash(&mut hasher);
        Self(hasher.finish())
    }

    /// A node of a function, which stands for all of them, or of the main graph where the function's name is empty.
    fn of(function: &str, node: &str) -> Self {
        if function.is_empty() { Self::node(node) } else { Self::function(function) }
    }
}

/// What leads where.
#[derive(Default)]
pub struct Edges {
    edges: Vec<(Place, Place)>,
    roots: Vec<(Place, String)>,
    /// Functions that the graph defines.
    pub functions: BTreeSet<String>,
    full: bool,
}

/// What was reached, and from where.
pub struct Reached {
    from: BTreeMap<Place, Place>,
    names: BTreeMap<Place, String>,
}

impl Reached {
    /// The entry point that leads to a node of a function, or of the graph where the name of the function is empty.
    pub fn by(&self, function: &str, node: &str) -> String {
        let root = self.from.get(&Place::of(function, node)).and_then(|root| self.names.get(root));
        root.cloned().unwrap_or_else(|| "nothing that the model offers".to_owned())
    }
}

impl Edges {
    /// Takes in a node of a function, or of the main graph where the name is empty.
    pub fn node(&mut self, function: &str, node: &Node) {
        let from = Place::of(function, &node.name);
        if function.is_empty() {
            for input in &node.inputs {
                let name = input.trim_start_matches('^').split(':').next().unwrap_or_default();
                self.edge(from, Place::node(name));
            }
        }
        for callee in &node.functions {
            self.edge(from, Place::function(callee));
        }
        // Graphs of TensorFlow 1 call a function by using its name as an operator.
        if !registry::is_registered(&node.op) {
            self.edge(from, Place::function(&node.op));
        }
    }

    fn edge(&mut self, from: Place, to: Place) {
        if self.edges.len() < MAX_EDGES {
            self.edges.push((from, to));
        } else {
            self.full = true;
        }
    }

    /// Takes in an entry point.
    pub fn root(&mut self, place: Place, name: &str) {
        if self.roots.len() < MAX_ROOTS {
            self.roots.push((place, name.to_owned()));
        }
    }
}

impl Scan<'_, '_> {
    /// What the entry points lead to; None if the file names none, or there is too much to follow.
    pub fn reached(&mut self) -> Option<Reached> {
        let edges = std::mem::take(&mut self.edges);
        if edges.roots.is_empty() || edges.full {
            return None;
        }
        let roots: Vec<Place> = edges.roots.iter().map(|(place, _)| *place).collect();
        let from = reach(&edges.edges, &roots);
        let mut names = BTreeMap::new();
        for (place, name) in edges.roots {
            names.entry(place).or_insert(name);
        }
        Some(Reached { from, names })
    }

    /// An entry of `signature_def`: key 1, value 2 with outputs 2, each an entry with a `TensorInfo` whose name 1 is `node:0`.
    pub fn entry_point(&mut self, mut message: Message) -> Result<(), Malformed> {
        let mut signature = String::new();
        while let Some(field) = self.walker.next(&mut message)? {
            match (field.number, field.bytes()) {
                (1, Some(span)) => {
                    signature = self.name(span);
                    if self.signatures.len() < 64 {
                        self.signatures.push(signature.clone());
                    }
                }
                (2, Some(span)) => {
                    let mut definition = Message::over(span);
                    while let Some(part) = self.walker.next(&mut definition)? {
                        let (2, Some(span)) = (part.number, part.bytes()) else { continue };
                        if let Some(output) = self.output(Message::over(span))? {
                            let name = output.split(':').next().unwrap_or_default();
                            self.edges.root(Place::node(name), &format!("signature {signature}"));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The name of the tensor in an entry of a signature's outputs.
    fn output(&mut self, mut entry: Message) -> Result<Option<String>, Malformed> {
        let mut name = None;
        while let Some(field) = self.walker.next(&mut entry)? {
            let (2, Some(span)) = (field.number, field.bytes()) else { continue };
            let mut info = Message::over(span);
            while let Some(part) = self.walker.next(&mut info)? {
                if let (1, Some(span)) = (part.number, part.bytes()) {
                    name = Some(self.name(span));
                }
            }
        }
        Ok(name)
    }
}
