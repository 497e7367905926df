//! Contents of containers, calls and objects, in rings of bounded size.
//!
//! A pickle may build a hundred million tuples, and the memory of a plugin is capped. So nodes live in a ring: the newest
//! hundred thousand are there, older ones are overwritten. What is needed long after (which global a value is, that it came out
//! of a call) stands in the value itself; what is lost is only what a very old container held, and a reader of it is told so.

use std::collections::HashMap;

use crate::value::{Kind, Value};

/// Nodes that are kept: 48 bytes each, 6 MiB: what fits into a cache is written fast.
const NODES: usize = 1 << 17;
/// Words of container contents that are kept: 8 bytes each.
const ITEMS: usize = 1 << 19;
/// Items of one container that are kept.
pub(crate) const KEPT_ITEMS: u64 = 4096;
const NO_CHUNK: u64 = u64::MAX;

/// Dangerous things that a value holds, directly or in a container it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holds {
    /// Mark of a call inside that was reported, 0 for none (see `Observer::call`).
    pub(crate) mark: u32,
    /// Index + 1 of a dangerous global inside, 0 for none.
    pub(crate) danger: u32,
    /// Values that walking the containers inside would meet, shared ones each time anew: what makes a "billion laughs".
    pub(crate) weight: u64,
}

impl Holds {
    /// Nothing.
    pub(crate) const NOTHING: Self = Self { mark: 0, danger: 0, weight: 0 };

    /// Takes over what `other` holds where nothing was known yet.
    #[inline]
    pub(crate) fn add(&mut self, other: Self) {
        if self.mark == 0 {
            self.mark = other.mark;
        }
        if self.danger == 0 {
            self.danger = other.danger;
        }
        self.weight = self.weight.saturating_add(other.weight);
    }

    /// A mark or a danger.
    #[inline]
    pub(crate) fn is_dangerous(self) -> bool {
        self.mark != 0 || self.danger != 0
    }
}

/// What stands behind a value with a node. For a container `a` and `b` are the first and the last chunk of its items and
/// `c` counts them; for everything that a call made `a` is the callee (receiver, class, persistent id), `b` the arguments (or a
/// method's name) and `c` the state of the last `BUILD`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) a: u64,
    pub(crate) b: u64,
    pub(crate) c: u64,
    /// Offset of the opcode that made it.
    pub(crate) offset: u64,
    pub(crate) holds: Holds,
}

/// The rings.
pub(crate) struct Store {
    nodes: Vec<Node>,
    next_node: u64,
    items: Vec<u64>,
    next_item: u64,
    node_limit: usize,
    item_limit: usize,
    /// What values hold, for the few that hold something dangerous: it must not be forgotten with the node.
    dangerous: HashMap<Value, Holds>,
}

/// Values with something dangerous inside that are remembered.
const DANGEROUS: usize = 1 << 16;

impl Store {
    /// An empty store; it takes memory as it fills.
    pub(crate) fn new() -> Self {
        Self::with_limits(NODES, ITEMS)
    }

    fn with_limits(node_limit: usize, item_limit: usize) -> Self {
        Self {
            nodes: Vec::new(),
            next_node: 0,
            items: Vec::new(),
            next_item: 0,
            node_limit,
            item_limit,
            dangerous: HashMap::new(),
        }
    }

    /// Forgets everything, for the next stream.
    pub(crate) fn clear(&mut self) {
        self.dangerous.clear();
        self.nodes.clear();
        self.items.clear();
        // Numbers go on, so that a handle of an older stream can not be mistaken for a new node.
        self.next_node = self.next_node.next_multiple_of(self.node_limit as u64);
        self.next_item = self.next_item.next_multiple_of(self.item_limit as u64);
    }

    #[inline]
    fn push_node(&mut self, kind: Kind, node: Node) -> Value {
        let id = self.next_node;
        self.next_node += 1;
        let slot = (id % self.node_limit as u64) as usize;
        match self.nodes.get_mut(slot) {
            Some(old) => *old = node,
            None => self.nodes.push(node),
        }
        let value = Value::new(kind, id);
        if node.holds.is_dangerous() {
            self.remember(value, node.holds);
        }
        value
    }

    #[cold]
    fn remember(&mut self, value: Value, holds: Holds) {
        if self.dangerous.len() < DANGEROUS || self.dangerous.contains_key(&value) {
            self.dangerous.insert(value, holds);
        }
    }

    /// What a value holds; it is known even when the node was overwritten.
    #[inline]
    pub(crate) fn holds(&self, value: Value) -> Holds {
        match self.node(value) {
            Some(node) => node.holds,
            None if self.dangerous.is_empty() => Holds::NOTHING,
            None => self.dangerous.get(&value).copied().unwrap_or_default(),
        }
    }

    /// Adds to what a value holds.
    pub(crate) fn add_holds(&mut self, value: Value, holds: Holds) {
        if let Some(node) = self.node_mut(value) {
            node.holds.add(holds);
            let all = node.holds;
            if all.is_dangerous() {
                self.remember(value, all);
            }
        } else if holds.is_dangerous() && value.has_node() {
            let mut all = self.dangerous.get(&value).copied().unwrap_or_default();
            all.add(holds);
            self.remember(value, all);
        }
    }

    /// Puts a mark on a value; false if it has no node.
    pub(crate) fn mark(&mut self, value: Value, mark: u32) -> bool {
        if !value.has_node() {
            return false;
        }
        let mut all = self.holds(value);
        all.mark = mark;
        if let Some(node) = self.node_mut(value) {
            node.holds = all;
        }
        self.remember(value, all);
        true
    }

    /// The node of a value, unless it was overwritten or has none.
    #[inline]
    pub(crate) fn node(&self, value: Value) -> Option<&Node> {
        let id = value.payload();
        if !value.has_node() || id >= self.next_node || self.next_node - id > self.node_limit as u64 {
            return None;
        }
        self.nodes.get((id % self.node_limit as u64) as usize)
    }

    /// The node of a value, to change it.
    #[inline]
    pub(crate) fn node_mut(&mut self, value: Value) -> Option<&mut Node> {
        let id = value.payload();
        if !value.has_node() || id >= self.next_node || self.next_node - id > self.node_limit as u64 {
            return None;
        }
        self.nodes.get_mut((id % self.node_limit as u64) as usize)
    }

    /// A container with these items.
    #[inline]
    pub(crate) fn container(&mut self, kind: Kind, items: &[Value], offset: u64, holds: Holds) -> Value {
        let chunk = if items.is_empty() { NO_CHUNK } else { self.push_chunk(items) };
        self.push_node(kind, Node { a: chunk, b: chunk, c: items.len() as u64, offset, holds })
    }

    /// An object, result, partial, method or persistent id: callee, arguments, offset of the call.
    pub(crate) fn record(&mut self, kind: Kind, callee: Value, arguments: Value, offset: u64, holds: Holds) -> Value {
        self.push_node(kind, Node { a: callee.raw(), b: arguments.raw(), c: Value::UNKNOWN.raw(), offset, holds })
    }

    /// Adds items to a container; what it holds grows, too.
    pub(crate) fn append(&mut self, container: Value, items: &[Value], holds: Holds) {
        let Some(node) = self.node(container).copied() else {
            self.add_holds(container, holds);
            return;
        };
        let kept = items.len().min(KEPT_ITEMS.saturating_sub(node.c) as usize);
        let items_kept = items.get(..kept).unwrap_or_default();
        let mut node = node;
        if !items_kept.is_empty() && !self.extend_last(node.b, items_kept) {
            let chunk = self.push_chunk(items_kept);
            if node.a == NO_CHUNK {
                node.a = chunk;
            } else if let Some(next) = self.word_mut(node.b) {
                *next = chunk;
            }
            node.b = chunk;
        }
        node.c = node.c.saturating_add(items.len() as u64);
        if let Some(slot) = self.node_mut(container) {
            *slot = node;
        }
        self.add_holds(container, holds);
    }

    /// Lengthens the last chunk in place if it is the newest thing in the ring: a list that grows one item at a time.
    fn extend_last(&mut self, chunk: u64, items: &[Value]) -> bool {
        let Some(&length) = self.word(chunk.wrapping_add(1)) else { return false };
        if chunk.wrapping_add(2).wrapping_add(length) != self.next_item || self.word(chunk).is_none() {
            return false;
        }
        for item in items {
            self.push_word(item.raw());
        }
        if let Some(slot) = self.word_mut(chunk + 1) {
            *slot = length + items.len() as u64;
        }
        true
    }

    fn push_chunk(&mut self, items: &[Value]) -> u64 {
        let items = items.get(..KEPT_ITEMS as usize).unwrap_or(items);
        let chunk = self.next_item;
        self.push_word(NO_CHUNK);
        self.push_word(items.len() as u64);
        for item in items {
            self.push_word(item.raw());
        }
        chunk
    }

    #[inline]
    fn push_word(&mut self, word: u64) {
        let slot = (self.next_item % self.item_limit as u64) as usize;
        self.next_item += 1;
        match self.items.get_mut(slot) {
            Some(old) => *old = word,
            None => self.items.push(word),
        }
    }

    fn word(&self, position: u64) -> Option<&u64> {
        if position >= self.next_item || self.next_item - position > self.item_limit as u64 {
            return None;
        }
        self.items.get((position % self.item_limit as u64) as usize)
    }

    fn word_mut(&mut self, position: u64) -> Option<&mut u64> {
        if position >= self.next_item || self.next_item - position > self.item_limit as u64 {
            return None;
        }
        self.items.get_mut((position % self.item_limit as u64) as usize)
    }

    /// The items of a container in order, at most `limit`; `true` if that is all of them.
    pub(crate) fn items(&self, container: Value, limit: usize) -> (Vec<Value>, bool) {
        if container == Value::EMPTY_TUPLE {
            return (Vec::new(), true);
        }
        let Some(node) = self.node(container).filter(|_| container.is_container()) else {
            return (Vec::new(), false);
        };
        let mut values = Vec::new();
        let mut chunk = node.a;
        while chunk != NO_CHUNK && values.len() < limit {
            let (Some(&next), Some(&length)) = (self.word(chunk), self.word(chunk.wrapping_add(1))) else { break };
            for index in 0..length.min(KEPT_ITEMS) {
                match self.word(chunk + 2 + index) {
                    Some(&word) if values.len() < limit => values.push(Value::from_raw(word)),
                    _ => break,
                }
            }
            if next <= chunk {
                break;
            }
            chunk = next;
        }
        let complete = values.len() as u64 == node.c;
        (values, complete)
    }

    /// Number of items of a container, if it is known.
    pub(crate) fn length(&self, container: Value) -> Option<u64> {
        if container == Value::EMPTY_TUPLE {
            return Some(0);
        }
        self.node(container).filter(|_| container.is_container()).map(|n| n.c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(n: i64) -> Value {
        Value::int(n).unwrap()
    }

    #[test]
    fn lists_grow_in_and_out_of_place() {
        let mut store = Store::with_limits(64, 256);
        let list = store.container(Kind::List, &[], 0, Holds::NOTHING);
        store.append(list, &[int(1)], Holds::NOTHING);
        store.append(list, &[int(2), int(3)], Holds::NOTHING);
        let other = store.container(Kind::Tuple, &[int(9)], 0, Holds::NOTHING);
        store.append(list, &[int(4)], Holds { mark: 7, ..Holds::NOTHING });
        assert_eq!(store.items(list, 100), (vec![int(1), int(2), int(3), int(4)], true));
        assert_eq!(store.items(other, 100), (vec![int(9)], true));
        assert_eq!(store.node(list).unwrap().holds.mark, 7);
        assert_eq!(store.items(list, 2), (vec![int(1), int(2)], false));
        assert_eq!(store.items(Value::EMPTY_TUPLE, 2), (vec![], true));
    }

    #[test]
    fn old_nodes_are_forgotten_not_confused() {
        let mut store = Store::with_limits(4, 16);
        let first = store.container(Kind::Tuple, &[int(1)], 0, Holds::NOTHING);
        for n in 0..10 {
            store.container(Kind::Tuple, &[int(n), int(n)], 0, Holds::NOTHING);
        }
        assert!(store.node(first).is_none());
        assert_eq!(store.items(first, 10), (vec![], false));
        store.append(first, &[int(1)], Holds::NOTHING);
        let last = store.container(Kind::Tuple, &[int(5)], 0, Holds::NOTHING);
        store.clear();
        assert!(store.node(last).is_none());
        let new = store.container(Kind::Tuple, &[int(6)], 0, Holds::NOTHING);
        assert_eq!(store.items(new, 10), (vec![int(6)], true));
        assert!(store.node(last).is_none());
    }

    #[test]
    fn huge_containers_are_counted_but_clipped() {
        let mut store = Store::new();
        let list = store.container(Kind::List, &[], 0, Holds::NOTHING);
        for _ in 0..10 {
            store.append(list, &[int(1); 1000], Holds::NOTHING);
        }
        assert_eq!(store.length(list), Some(10_000));
        let (items, complete) = store.items(list, usize::MAX);
        assert_eq!((items.len() as u64, complete), (KEPT_ITEMS, false));
    }
}
