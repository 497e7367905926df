//! Which parts of a model call which.
//!
//! Functions of ONNX and TensorFlow, subgraphs of TensorFlow Lite: a file names callers and callees, and says nothing of what follows from
//! it. Two questions matter to a scanner. Does a part call itself, so that whoever follows the calls never ends ([`cycle`])? And what
//! can be reached from the parts that a loader runs ([`reach`])? Both take lists, need no stack and time in proportion to the calls.

use std::collections::{BTreeMap, BTreeSet};

/// A part that calls itself, by others or directly, or leads to one that does: what is left when those that call nobody are taken away, one after the other.
///
/// ```
/// use modelaudit_call_graph::cycle;
/// assert_eq!(cycle(&[("a", "b"), ("a", "c"), ("b", "c")]), None);
/// assert_eq!(cycle(&[("a", "a")]), Some("a"));
/// ```
pub fn cycle<T: Ord + Clone>(calls: &[(T, T)]) -> Option<T> {
    let mut callers: BTreeMap<&T, Vec<&T>> = BTreeMap::new();
    let mut open: BTreeMap<&T, u64> = BTreeMap::new();
    for (caller, callee) in calls {
        callers.entry(callee).or_default().push(caller);
        *open.entry(caller).or_default() += 1;
        open.entry(callee).or_default();
    }
    let mut done: Vec<&T> = open.iter().filter(|(_, calls)| **calls == 0).map(|(part, _)| *part).collect();
    while let Some(part) = done.pop() {
        open.remove(part);
        for caller in callers.remove(part).unwrap_or_default() {
            if let Some(left) = open.get_mut(caller) {
                *left -= 1;
                if *left == 0 {
                    done.push(caller);
                }
            }
        }
    }
    open.into_keys().next().cloned()
}

/// Every part that can be reached from the roots, each with the root that led to it first; the roots are among them.
///
/// ```
/// use modelaudit_call_graph::reach;
/// let reached = reach(&[("f", "g"), ("h", "f")], &["f"]);
/// assert_eq!(reached.get("g"), Some(&"f"));
/// assert_eq!(reached.get("h"), None);
/// ```
pub fn reach<T: Ord + Clone>(calls: &[(T, T)], roots: &[T]) -> BTreeMap<T, T> {
    let mut callees: BTreeMap<&T, BTreeSet<&T>> = BTreeMap::new();
    for (caller, callee) in calls {
        callees.entry(caller).or_default().insert(callee);
    }
    let mut reached: BTreeMap<T, T> = BTreeMap::new();
    for root in roots {
        let mut open = vec![root];
        while let Some(part) = open.pop() {
            if reached.contains_key(part) {
                continue;
            }
            reached.insert(part.clone(), root.clone());
            open.extend(callees.get(part).into_iter().flatten());
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_found() {
        assert_eq!(cycle::<u64>(&[]), None);
        assert_eq!(cycle(&[(0, 1), (0, 2), (1, 2)]), None);
        assert_eq!(cycle(&[(0, 1), (1, 2), (2, 1)]), Some(0));
        assert_eq!(cycle(&[(0, 1), (2, 3), (3, 2)]), Some(2));
        // Two calls of one part are two.
        assert_eq!(cycle(&[(0, 1), (0, 1)]), None);
    }

    #[test]
    fn what_is_reached_has_its_root() {
        let calls = [(1, 2), (2, 1), (3, 4), (9, 9)];
        let reached = reach(&calls, &[1, 3]);
        assert_eq!(reached.into_iter().collect::<Vec<_>>(), [(1, 1), (2, 1), (3, 3), (4, 3)]);
    }
}
