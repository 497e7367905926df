//! Reads zip archives the way loaders do, all of them at once.
//!
//! A zip describes each member twice (a local header before its data, a record in the central directory), finds its
//! directory by searching from the end, and lets every writer add extra fields; Python's zipfile, torch's miniz, Java, Go and
//! stream readers believe different parts of it. A scanner that believes one of them is shown something else than the loader
//! (CVE-2025-1944, CVE-2025-1945, CVE-2025-10156). So nothing here is chosen: [`Archive::entries`] yields the union of every
//! central directory that a reader could find and every local header that none of them lists, and each [`Entry`] says where
//! its descriptions differ and how it can be read. [`unpack`] unpacks a reading whatever its flags, sizes and checksum claim.
//!
//! It streams: headers are read as the iterator goes, member data are never read, memory holds 16 bytes a member and at most
//! [`MAX_ENTRIES`] of them. An artifact that is no zip has no entries; nothing here fails.
//!
//! ```
//! # use modelaudit_plugin::testing::Memory;
//! # let bytes: &[u8] = b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\x43\xbe\xb7\xe8\x01\0\0\0\x01\0\0\0\x01\0\0\0na";
//! # let artifact = Memory::new("a.zip", bytes);
//! let archive = modelaudit_zip_directory::Archive::open(&artifact);
//! for entry in archive.entries() {
//!     let Some(reading) = entry.reading() else { continue };
//!     assert_eq!(entry.name(), b"n");
//!     assert_eq!(modelaudit_zip_directory::unpack_all(&artifact, &reading, 1 << 20).as_deref(), Some(&b"a"[..]));
//! }
//! ```

mod entries;
mod entry;
mod gaps;
mod locate;
mod record;
mod unpack;
mod window;

use modelaudit_plugin::Artifact;

pub use entries::{Entries, Listing, MAX_ENTRIES, Summary};
pub use entry::{Difference, Entry, Reading};
pub use gaps::{Gap, Place};
pub use locate::{Directory, End};
pub use record::{
    Central, Descriptor, FLAG_DESCRIPTOR, FLAG_ENCRYPTED, FLAG_MASKED, FLAG_PATCH, FLAG_STRONG_ENCRYPTION, Local,
};
pub use unpack::{
    AES, BZIP2, DEFLATE64, DEFLATED, LZMA, Outcome, PPMD, STORED, Unpacked, XZ, ZSTD, is_supported, unpack, unpack_all,
};

/// A zip archive inside an artifact.
pub struct Archive<'a> {
    artifact: &'a dyn Artifact,
    ends: Vec<End>,
    directories: Vec<Directory>,
}

impl<'a> Archive<'a> {
    /// Looks for the directories. Never fails: without a directory the entries come from the local headers.
    pub fn open(artifact: &'a dyn Artifact) -> Self {
        let (ends, directories) = locate::locate(artifact);
        Self { artifact, ends, directories }
    }

    /// The end records that lead to a directory. More than one: readers disagree where the archive ends.
    pub fn ends(&self) -> &[End] {
        &self.ends
    }

    /// The central directories, the one that Python's zipfile reads first. None: it is missing. More than one: readers disagree.
    pub fn directories(&self) -> &[Directory] {
        &self.directories
    }

    /// All entries: those of the central directories in their order, then local headers that none of them lists.
    pub fn entries(&self) -> Entries<'a> {
        Entries::new(self.artifact, &self.ends, &self.directories, false)
    }

    /// Only the entries that a central directory lists. The rest of the artifact is not searched, so the [`Summary`] knows
    /// nothing of gaps and overlaps.
    pub fn listed(&self) -> Entries<'a> {
        Entries::new(self.artifact, &self.ends, &self.directories, true)
    }
}

#[cfg(test)]
mod tests;
