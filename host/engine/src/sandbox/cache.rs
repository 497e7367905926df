//! Compiled code of third-party plugins, so that Cranelift runs once a plugin and not once a scan.
//!
//! Content-addressed: an entry's name is the hash of the component's bytes, the host's version, wasmtime's and the settings.
//! A bad entry is a miss. The folder must belong to the user alone: who can write to it can run code as the user.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::config::{SETTINGS_REVISION, WASMTIME_VERSION};
use crate::private_folder::{check as private, make as make_private};

/// A folder of compiled code.
#[derive(Clone, Debug)]
pub struct CodeCache {
    folder: PathBuf,
}

/// Code whose checksum and owner were checked.
pub(super) struct VerifiedCode(Vec<u8>);

impl VerifiedCode {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0[32..]
    }
}

impl CodeCache {
    /// A cache in that folder, which is made when something is stored.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.join("code") }
    }

    /// The key of a component: changes with its bytes, with us, with wasmtime and its settings, and with the processor family.
    fn path(&self, wasm: &[u8]) -> PathBuf {
        let mut hash = Sha256::new();
        for part in [env!("CARGO_PKG_VERSION"), WASMTIME_VERSION, std::env::consts::ARCH, std::env::consts::OS] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.update(SETTINGS_REVISION.to_le_bytes());
        hash.update(wasm);
        self.folder.join(format!("{:x}.cwasm", hash.finalize()))
    }

    /// The code of a component, if there is an entry that nobody else could have written and that is whole.
    pub(super) fn load(&self, wasm: &[u8]) -> Option<VerifiedCode> {
        let path = self.path(wasm);
        private(&self.folder).ok()?;
        private(&path).ok()?;
        let bytes = fs::read(&path).ok()?;
        let (sum, code) = bytes.split_at_checked(32)?;
        (Sha256::digest(code)[..] == *sum).then_some(VerifiedCode(bytes))
    }

    /// Stores code; the entry appears whole or not at all.
    ///
    /// # Errors
    /// The folder can't be made or written, or belongs to somebody else.
    pub(super) fn store(&self, wasm: &[u8], code: &[u8]) -> io::Result<()> {
        make_private(&self.folder)?;
        private(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&Sha256::digest(code))?;
        file.write_all(code)?;
        file.persist(self.path(wasm)).map_err(|e| e.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_back_and_a_damaged_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CodeCache::new(folder.path());
        assert!(cache.load(b"wasm").is_none());
        cache.store(b"wasm", b"code").unwrap();
        assert_eq!(cache.load(b"wasm").unwrap().bytes(), b"code");
        assert!(cache.load(b"other wasm").is_none());
        let path = cache.path(b"wasm");
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(cache.load(b"wasm").is_none());
        fs::write(&path, b"short").unwrap();
        assert!(cache.load(b"wasm").is_none());
    }

    #[cfg(unix)]
    #[test]
    fn an_entry_that_others_can_write_is_a_miss() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let cache = CodeCache::new(folder.path());
        cache.store(b"wasm", b"code").unwrap();
        fs::set_permissions(cache.path(b"wasm"), fs::Permissions::from_mode(0o666)).unwrap();
        assert!(cache.load(b"wasm").is_none());
        cache.store(b"wasm", b"code").unwrap();
        fs::set_permissions(&cache.folder, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(cache.load(b"wasm").is_none());
        assert!(cache.store(b"wasm", b"code").is_err());
    }
}
