//! Results on disk, so that a second scan of the same files is quick.
//!
//! An entry's name is the hash of the file's content and of all that decides what a scan says of it: this program, every plugin's bytes, limits and
//! options. An entry carries its own checksum; one that is torn, damaged, or could have been written by somebody else is a miss.
//! Whoever can write here can have a file called clean, so the folder is the user's alone.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::private_folder;
use crate::reuse::Kept;

/// Changes whenever an entry's form does.
const FORM: &str = "modelaudit result 1";
/// Results of equal content under different circumstances that are kept.
const VARIANTS: usize = 8;
/// Larger entries are not read: ours are smaller.
const ENTRY_LIMIT: u64 = 256 << 20;

/// A folder of results.
#[derive(Clone, Debug)]
pub struct ResultCache {
    folder: PathBuf,
    /// Hash of all that decides what a scan says, but for the file.
    scan: [u8; 32],
}

/// How much is in a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CacheStats {
    /// Entries.
    pub entries: u64,
    /// Their sizes added up, in bytes.
    pub bytes: u64,
}

impl ResultCache {
    /// A cache in `folder`, which is made when something is stored, for scans that `decides` describes.
    pub fn new<T: AsRef<[u8]>>(folder: &Path, decides: &[T]) -> Self {
        let mut hasher = Sha256::new();
        let ours = [FORM, env!("CARGO_PKG_VERSION"), env!("ENGINE_SOURCES")].map(str::as_bytes);
        for part in ours.into_iter().chain(decides.iter().map(AsRef::as_ref)) {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self { folder: results(folder), scan: hasher.finalize().into() }
    }

    fn path(&self, sha256: &[u8; 32]) -> PathBuf {
        let name = format!("{:x}", Sha256::new().chain_update(self.scan).chain_update(sha256).finalize());
        self.folder.join(&name[..2]).join(name)
    }

    /// What is known of a content.
    pub fn load(&self, sha256: &[u8; 32]) -> Vec<Kept> {
        self.read(&self.path(sha256)).unwrap_or_default()
    }

    fn read(&self, path: &Path) -> Option<Vec<Kept>> {
        for place in [self.folder.as_path(), path.parent()?, path] {
            private_folder::check(place).ok()?;
        }
        if fs::metadata(path).ok()?.len() > ENTRY_LIMIT {
            return None;
        }
        let bytes = fs::read(path).ok()?;
        let (sum, entry) = bytes.split_at_checked(32)?;
        // The name is part of the sum: an entry under another's name is damaged, too.
        (checksum(path, entry)?[..] == *sum).then(|| serde_json::from_slice(entry).ok())?
    }

    /// Adds a result; the entry appears whole or not at all.
    ///
    /// # Errors
    /// The folder can't be made or written, or is not the user's alone.
    pub fn store(&self, sha256: &[u8; 32], kept: &Kept) -> io::Result<()> {
        let path = self.path(sha256);
        let mut all = self.load(sha256);
        all.retain(|k| k.circumstances != kept.circumstances);
        all.insert(0, kept.clone());
        all.truncate(VARIANTS);
        let entry = serde_json::to_vec(&all)?;
        let folder = path.parent().unwrap_or(&self.folder);
        private_folder::make(folder)?;
        private_folder::check(&self.folder)?;
        private_folder::check(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&checksum(&path, &entry).ok_or_else(|| io::Error::other("the entry has no name"))?)?;
        file.write_all(&entry)?;
        file.persist(&path).map_err(|e| e.error)?;
        Ok(())
    }
}

fn checksum(path: &Path, entry: &[u8]) -> Option<[u8; 32]> {
    Some(Sha256::new().chain_update(path.file_name()?.as_encoded_bytes()).chain_update(entry).finalize().into())
}

fn results(folder: &Path) -> PathBuf {
    folder.join("results")
}

/// Counts the entries of the cache in `folder`.
///
/// # Errors
/// It can't be read. One that was never made is empty.
pub fn stats(folder: &Path) -> io::Result<CacheStats> {
    let mut stats = CacheStats::default();
    each(folder, &mut |_, meta| {
        stats.entries += 1;
        stats.bytes += meta.len();
        Ok(())
    })?;
    Ok(stats)
}

/// Removes entries that were last written longer ago than `age`; all of them for None. Returns what was removed.
///
/// # Errors
/// An entry can't be removed.
pub fn remove(folder: &Path, age: Option<Duration>) -> io::Result<CacheStats> {
    let now = SystemTime::now();
    let mut removed = CacheStats::default();
    each(folder, &mut |path, meta| {
        let old = |age| meta.modified().ok().and_then(|m| now.duration_since(m).ok()).is_some_and(|is| is > age);
        if age.is_none_or(old) {
            fs::remove_file(path)?;
            removed.entries += 1;
            removed.bytes += meta.len();
        }
        Ok(())
    })?;
    Ok(removed)
}

/// Calls `with` for each entry: two levels of folders that we made, no link followed.
fn each(folder: &Path, with: &mut dyn FnMut(&Path, &fs::Metadata) -> io::Result<()>) -> io::Result<()> {
    let results = results(folder);
    let list = |folder: &Path| match fs::read_dir(folder) {
        Ok(entries) => entries.collect::<io::Result<Vec<_>>>(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    };
    for shelf in list(&results)? {
        if !shelf.file_type()?.is_dir() {
            continue;
        }
        for entry in list(&shelf.path())? {
            let meta = entry.metadata()?;
            if meta.is_file() {
                with(&entry.path(), &meta)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reuse::Circumstances;

    fn kept(name: &str) -> Kept {
        Kept { circumstances: Circumstances { name: Some(name.to_owned()), siblings: None }, artifacts: vec![] }
    }

    #[test]
    fn results_come_back_by_content_and_scan_and_under_each_circumstance() {
        let folder = tempfile::tempdir().unwrap();
        let cache = ResultCache::new(folder.path(), &[b"plugins"]);
        assert!(cache.load(&[1; 32]).is_empty());
        cache.store(&[1; 32], &kept("a")).unwrap();
        cache.store(&[1; 32], &kept("b")).unwrap();
        cache.store(&[1; 32], &kept("b")).unwrap();
        assert_eq!(cache.load(&[1; 32]), [kept("b"), kept("a")]);
        assert!(cache.load(&[2; 32]).is_empty());
        assert!(ResultCache::new(folder.path(), &[b"other plugins"]).load(&[1; 32]).is_empty());
        assert_eq!(stats(folder.path()).unwrap().entries, 1);
        assert_eq!(remove(folder.path(), Some(Duration::from_secs(60))).unwrap().entries, 0);
        assert_eq!(remove(folder.path(), None).unwrap().entries, 1);
        assert_eq!(stats(folder.path()).unwrap(), CacheStats::default());
    }

    #[test]
    fn a_torn_or_moved_entry_is_a_miss() {
        let folder = tempfile::tempdir().unwrap();
        let cache = ResultCache::new::<&[u8]>(folder.path(), &[]);
        cache.store(&[1; 32], &kept("a")).unwrap();
        let path = cache.path(&[1; 32]);
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(cache.load(&[1; 32]).is_empty(), "cut at {cut}");
        }
        let other = cache.path(&[2; 32]);
        private_folder::make(other.parent().unwrap()).unwrap();
        fs::write(&other, &whole).unwrap();
        assert!(cache.load(&[2; 32]).is_empty(), "an entry under another's name");
    }

    #[cfg(unix)]
    #[test]
    fn an_entry_or_folder_that_others_can_write_is_a_miss() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let cache = ResultCache::new::<&[u8]>(folder.path(), &[]);
        for at in 0..3 {
            cache.store(&[1; 32], &kept("a")).unwrap();
            let path = cache.path(&[1; 32]);
            let place = path.ancestors().nth(at).unwrap();
            let private = fs::metadata(place).unwrap().permissions();
            fs::set_permissions(place, fs::Permissions::from_mode(0o777)).unwrap();
            assert!(cache.load(&[1; 32]).is_empty(), "{}", place.display());
            fs::set_permissions(place, private).unwrap();
            assert_eq!(cache.load(&[1; 32]).len(), 1);
        }
    }
}
