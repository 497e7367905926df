//! Follows the links that an archive has made so far, the way the file system will while it is unpacked.
//!
//! A path that looks as if it stayed inside may leave through a link made before it: `d -> /tmp`, then `d/x`; or `a -> .`, then
//! `a/b -> ..`. So paths are walked component by component (as in CVE-2025-4517, where only text was looked at).

use std::collections::HashMap;

use modelaudit_paths::{Root, classify};

/// Links that are followed on one path (ELOOP); a loop stays inside.
const HOPS: u32 = 40;

/// Bytes of links that are remembered.
const MEMORY: usize = 16 << 20;

/// The links so far.
#[derive(Default)]
pub(crate) struct Links {
    targets: HashMap<Vec<u8>, Vec<u8>>,
    used: usize,
    /// Links were forgotten for lack of memory.
    pub(crate) full: bool,
}

impl Links {
    /// Where `path` leads, from the folder `base` (both relative to the root); None if it leaves the root.
    fn walk(&self, base: &[u8], path: &[u8], follow_last: bool) -> Option<Vec<u8>> {
        if !is_relative(path) {
            return None;
        }
        let mut here = base.to_vec();
        let mut todo: Vec<Vec<u8>> = components(path).rev().map(<[u8]>::to_vec).collect();
        let mut hops = 0;
        while let Some(component) = todo.pop() {
            if component == b".." {
                if here.is_empty() {
                    return None;
                }
                up(&mut here);
                continue;
            }
            let before = here.len();
            if before > 0 {
                here.push(b'/');
            }
            here.extend_from_slice(&component);
            if todo.is_empty() && !follow_last {
                continue;
            }
            if let Some(target) = self.targets.get(&here).filter(|_| hops < HOPS) {
                if !is_relative(target) {
                    return None;
                }
                hops += 1;
                here.truncate(before);
                todo.extend(components(target).rev().map(<[u8]>::to_vec));
            }
        }
        Some(here)
    }

    /// A member is written at `path`; false if that is outside.
    pub(crate) fn stays_inside(&self, path: &[u8]) -> bool {
        self.targets.is_empty() || self.walk(b"", path, true).is_some()
    }

    /// Makes a symbolic link; false if it leads outside.
    pub(crate) fn symbolic(&mut self, path: &[u8], target: &[u8]) -> bool {
        let Some(place) = self.walk(b"", path, false) else { return false };
        let mut folder = place.clone();
        up(&mut folder);
        let inside = self.walk(&folder, target, true).is_some();
        self.used += place.len() + target.len() + 64;
        if self.used <= MEMORY {
            self.targets.insert(place, target.to_vec());
        } else {
            self.full = true;
        }
        inside
    }

    /// Makes a hard link; false if it leads outside. Its target counts from the archive's root.
    pub(crate) fn hard(&self, target: &[u8]) -> bool {
        self.walk(b"", target, true).is_some()
    }
}

fn is_relative(path: &[u8]) -> bool {
    // Only `..` and the root matter here, and those of decoded forms do not.
    let class = classify(path);
    class.disguise.is_some() || matches!(class.root, Root::Relative | Root::Home)
}

fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|b| matches!(b, b'/' | b'\\')).filter(|c| !c.is_empty() && *c != b".")
}

/// Goes to the parent.
fn up(path: &mut Vec<u8>) {
    let end = path.iter().rposition(|b| *b == b'/').unwrap_or(0);
    path.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_links() {
        let mut links = Links::default();
        assert!(links.symbolic(b"snapshots/abc/model", b"../../blobs/deadbeef"));
        assert!(links.stays_inside(b"snapshots/abc/model"));
        assert!(!links.symbolic(b"w", b"/etc/passwd"));
        assert!(!links.symbolic(b"a/w", b"../../x"));
        assert!(!links.hard(b"/etc/shadow") && !links.hard(b"../x") && links.hard(b"a/b"));
    }

    #[test]
    fn writes_through_links() {
        let mut links = Links::default();
        assert!(!links.symbolic(b"d", b"/tmp"));
        assert!(!links.stays_inside(b"d/pwned") && !links.stays_inside(b"d") && links.stays_inside(b"e"));
    }

    #[test]
    fn links_through_links() {
        let mut links = Links::default();
        assert!(links.symbolic(b"a", b"."));
        assert!(!links.symbolic(b"a/b", b".."), "a/b is b in the root");
        assert!(links.symbolic(b"loop", b"loop"));
        assert!(links.stays_inside(b"loop/x"));
        let mut links = Links::default();
        assert!(links.symbolic(b"x/deep", b"y/z"));
        assert!(links.symbolic(b"q", b"x/deep/../.."), "x/y/z/../.. is x");
        assert!(!links.symbolic(b"r", b"q/../.."));
    }
}
