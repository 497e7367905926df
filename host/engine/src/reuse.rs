//! Results that serve again: for a file with the same bytes as an earlier one, in this scan or, through the [`ResultCache`], in one before.
//!
//! A result follows from the bytes and from what else the plugins looked at: the file's name, the names beside it. That is noted while they
//! run, so a result that came from the bytes alone serves under any name, and one that asked for the name only under that name. A result with
//! gaps is never kept: what kept it from being whole (time, a budget, a read that failed) may be gone.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use crate::model::ArtifactReport;
use crate::result_cache::ResultCache;
use crate::schedule::lock;
use crate::siblings::Siblings;

/// What a result depends on beside the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// The file's name, if a plugin or the identification looked at it.
    pub name: Option<String>,
    /// Digest of the names beside it, if a plugin looked at them.
    pub siblings: Option<[u8; 32]>,
}

impl Circumstances {
    fn hold(&self, name: &str, siblings: &Siblings) -> bool {
        self.name.as_ref().is_none_or(|n| n == name) && self.siblings.is_none_or(|digest| digest == siblings.digest())
    }
}

/// A whole result and what it depends on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// What must be the same.
    pub circumstances: Circumstances,
    /// The file itself first; its path is that of the file it was made for.
    pub artifacts: Vec<ArtifactReport>,
}

impl Kept {
    /// The artifacts under another path.
    pub fn artifacts_at(&self, path: &str) -> Vec<ArtifactReport> {
        let mut artifacts = self.artifacts.clone();
        for artifact in &mut artifacts {
            if let Some(first) = artifact.path.first_mut() {
                path.clone_into(first);
            }
        }
        artifacts
    }
}

/// The results of a scan that may serve again.
pub struct Reuse<'a> {
    /// Sizes of which there are several files: only their results can serve again in this scan.
    sizes: HashSet<u64>,
    memory: Mutex<HashMap<[u8; 32], Vec<Arc<Kept>>>>,
    disk: Option<&'a ResultCache>,
}

impl<'a> Reuse<'a> {
    /// For a scan of files of these sizes.
    pub fn new(sizes: impl Iterator<Item = u64>, disk: Option<&'a ResultCache>) -> Self {
        let mut seen = HashSet::new();
        Self { sizes: sizes.filter(|size| !seen.insert(*size)).collect(), memory: Mutex::default(), disk }
    }

    /// The result for these bytes under these circumstances, if it is known.
    pub fn find(&self, sha256: &[u8; 32], size: u64, name: &str, siblings: &Siblings) -> Option<Arc<Kept>> {
        let fits = |kept: &Arc<Kept>| kept.circumstances.hold(name, siblings);
        if self.sizes.contains(&size)
            && let Some(kept) = lock(&self.memory).get(sha256).and_then(|all| all.iter().find(|k| fits(k)).cloned())
        {
            return Some(kept);
        }
        self.disk?.load(sha256).into_iter().map(Arc::new).find(fits)
    }

    /// Keeps a result.
    pub fn keep(&self, sha256: [u8; 32], size: u64, kept: Kept) {
        if let Some(disk) = self.disk {
            // A cache that can't be written is slow and nothing worse.
            let _ = disk.store(&sha256, &kept);
        }
        if self.sizes.contains(&size) {
            lock(&self.memory).entry(sha256).or_default().push(Arc::new(kept));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(name: Option<&str>, siblings: Option<&Siblings>) -> Kept {
        Kept {
            circumstances: Circumstances { name: name.map(str::to_owned), siblings: siblings.map(Siblings::digest) },
            artifacts: vec![],
        }
    }

    #[test]
    fn a_result_serves_where_nothing_it_looked_at_differs() {
        let (here, there) = (Siblings::members(["a", "b"].into_iter()), Siblings::members(["a"].into_iter()));
        let reuse = Reuse::new([5, 5, 6].into_iter(), None);
        reuse.keep([1; 32], 5, kept(Some("a.pkl"), None));
        reuse.keep([2; 32], 5, kept(None, Some(&here)));
        reuse.keep([3; 32], 5, kept(None, None));
        reuse.keep([4; 32], 6, kept(None, None));
        let found = |content: u8, size, name, siblings| reuse.find(&[content; 32], size, name, siblings).is_some();
        assert!(found(1, 5, "a.pkl", &there) && !found(1, 5, "b.pkl", &there));
        assert!(found(2, 5, "b.pkl", &here) && !found(2, 5, "b.pkl", &there));
        assert!(found(3, 5, "whatever", &there) && !found(9, 5, "whatever", &there));
        assert!(!found(4, 6, "whatever", &there), "the only file of its size is not kept in memory");
    }
}
