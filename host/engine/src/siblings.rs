//! The names beside an artifact, read only if a plugin asks for them.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

/// The most names that are served.
const LIMIT: usize = 10_000;

/// Names of the files in the same folder, or of the members of the same archive.
pub struct Siblings {
    folder: Option<PathBuf>,
    names: OnceLock<Vec<String>>,
}

impl Siblings {
    /// Of a file on disk: the names in its folder.
    pub fn in_folder(folder: Option<PathBuf>) -> Arc<Self> {
        Arc::new(Self { folder, names: OnceLock::new() })
    }

    /// Of a member: the names that its parent gave to its parts.
    pub fn members<'a>(names: impl Iterator<Item = &'a str>) -> Arc<Self> {
        let names: Vec<String> = names.take(LIMIT).map(str::to_owned).collect();
        Arc::new(Self { folder: None, names: OnceLock::from(names) })
    }

    /// SHA-256 over the names: whether two files stand among the same names.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for name in self.names() {
            hasher.update((name.len() as u64).to_le_bytes());
            hasher.update(name);
        }
        hasher.finalize().into()
    }

    /// The names, printable, in order.
    pub fn names(&self) -> &[String] {
        self.names.get_or_init(|| {
            let Some(entries) = self.folder.as_ref().and_then(|f| std::fs::read_dir(f).ok()) else { return Vec::new() };
            let mut names: Vec<String> =
                entries.flatten().take(LIMIT).map(|e| crate::text::name(&e.file_name().to_string_lossy())).collect();
            names.sort();
            names
        })
    }
}
