//! Folders of the user alone: what stands in a cache is believed later, so nobody else may write to it.

use std::io;
use std::path::Path;

/// Makes a folder, and those above it, that only the user can enter.
///
/// # Errors
/// It can't be made.
#[cfg(unix)]
pub fn make(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a folder and those above it.
///
/// # Errors
/// It can't be made.
#[cfg(not(unix))]
pub fn make(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}

/// Says no to a file or folder that is a link, belongs to somebody else, or that others can write.
///
/// # Errors
/// It is not the user's alone, or is not there.
#[cfg(unix)]
pub fn check(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    use std::sync::OnceLock;
    // The owner of a file we just made is us; the standard library has no other way to ask who we are.
    static US: OnceLock<Option<u32>> = OnceLock::new();
    let us = US.get_or_init(|| Some(tempfile::tempfile().ok()?.metadata().ok()?.uid()));
    let meta = std::fs::symlink_metadata(path)?;
    if meta.file_type().is_symlink() || Some(meta.uid()) != *us || meta.mode() & 0o022 != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "not the user's alone"));
    }
    Ok(())
}

/// Elsewhere the user's cache folder is private by its place.
///
/// # Errors
/// It is not there.
#[cfg(not(unix))]
pub fn check(path: &Path) -> io::Result<()> {
    std::fs::symlink_metadata(path).map(|_| ())
}
