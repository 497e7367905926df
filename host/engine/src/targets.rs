//! What the user's paths mean: files, folders, standard input. Everything below a folder is opened through a handle on that
//! folder, so that a link which leaves it is not followed, whoever swaps it in while we look.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use crate::bytes::{Bytes, FileBytes};
use crate::model::ScanError;
use crate::nearest::nearest;
use crate::policy::{Place, Ruleset};
use crate::siblings::Siblings;
use crate::spool::{Spool, SpoolMemory};

/// What to scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file or a folder.
    Path(PathBuf),
    /// Standard input.
    Stdin,
}

/// A file that will be scanned.
pub struct Found {
    /// Path as the user would type it, printable.
    pub display: String,
    /// Path below the folder that the user named, printable; the base name for a file that was named itself.
    pub name: String,
    /// True if the user named this very file.
    pub named: bool,
    /// Size when it was found.
    pub size: u64,
    /// The names beside it.
    pub siblings: Arc<Siblings>,
    source: Source,
    /// The file itself, whatever path led to it.
    identity: Option<Identity>,
    /// True if the path is a link.
    link: bool,
}

/// Device and number of a file.
type Identity = (u64, u64);

enum Source {
    File(PathBuf),
    Below { root: Arc<Dir>, folder: PathBuf, relative: PathBuf },
    Memory(Arc<dyn Bytes>),
}

impl Found {
    /// Opens it for reading.
    ///
    /// # Errors
    /// It vanished, may not be read, or is no regular file any more.
    pub fn open(&self) -> io::Result<Arc<dyn Bytes>> {
        let file = match &self.source {
            Source::Memory(bytes) => return Ok(Arc::clone(bytes)),
            Source::File(path) => std::fs::File::open(path)?,
            Source::Below { root, relative, .. } => root.open(relative)?.into_std(),
        };
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file any more"));
        }
        Ok(Arc::new(FileBytes::new(file)?))
    }

    /// Its path, byte for byte; None for standard input. What is shown is escaped and cut, so two files may look the same.
    fn path(&self) -> Option<PathBuf> {
        match &self.source {
            Source::Memory(_) => None,
            Source::File(path) => Some(path.clone()),
            Source::Below { folder, relative, .. } => Some(folder.join(relative)),
        }
    }

    /// The folder it is in.
    fn folder(&self) -> Option<PathBuf> {
        match &self.source {
            Source::Memory(_) => None,
            Source::File(path) => Some(match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                _ => PathBuf::from("."),
            }),
            Source::Below { folder, relative, .. } => relative.parent().map(|parent| folder.join(parent)),
        }
    }
}

/// Everything that the targets name, in order of their paths, each file once; what could not be found or is not followed; and what
/// the policy leaves out: files, and folders with a slash at their end.
pub fn find(
    targets: &[Target],
    memory: &Arc<SpoolMemory>,
    policy: &Ruleset,
) -> (Vec<Found>, Vec<ScanError>, Vec<String>) {
    let mut search = Search { policy, found: Vec::new(), errors: Vec::new(), excluded: BTreeSet::new() };
    for target in targets {
        search.target(target, memory);
    }
    let Search { mut found, mut errors, excluded, .. } = search;
    found.sort_by(|a, b| (&a.display, a.path(), b.named).cmp(&(&b.display, b.path(), a.named)));
    let mut seen = HashSet::new();
    found.retain(|f| seen.insert(f.path()));
    without_blobs(&mut found);
    tell_apart(&mut found);
    // Read once a folder, not once a file.
    let mut folders: HashMap<Option<PathBuf>, Arc<Siblings>> = HashMap::new();
    for file in &mut found {
        let folder = file.folder();
        let siblings = folders.entry(folder.clone()).or_insert_with(|| Siblings::in_folder(folder));
        file.siblings = Arc::clone(siblings);
    }
    errors.sort_by(|a, b| a.path.cmp(&b.path));
    errors.dedup();
    (found, errors, excluded.into_iter().collect())
}

/// In a Hugging Face cache (`models--ORG--NAME` with `blobs`, `refs` and `snapshots`) each file stands in `blobs` under its hash, and a link
/// in `snapshots` has its name. The name is what people know it by and what a loader goes by: the blob is left out where a
/// link leads to it.
fn without_blobs(found: &mut Vec<Found>) {
    let linked: HashSet<Identity> = found.iter().filter(|f| f.link).filter_map(|f| f.identity).collect();
    let is_blob = |f: &Found| f.folder().is_some_and(|folder| folder.file_name().is_some_and(|name| name == "blobs"));
    found.retain(|f| f.named || f.link || !f.identity.is_some_and(|i| linked.contains(&i)) || !is_blob(f));
}

/// Names that look the same once they are escaped and cut (`a\x1b` typed out beside a real escape character, what is not UTF-8, long ones) get
/// a number: no file may hide behind another one's name, in no report.
fn tell_apart(found: &mut [Found]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for file in found {
        let number = seen.entry(file.display.clone()).or_insert(0);
        *number += 1;
        if *number > 1 {
            file.display = format!("{} (file {number} of this name)", file.display);
        }
    }
}

#[cfg(unix)]
fn identity(meta: &cap_std::fs::Metadata) -> Option<Identity> {
    use cap_std::fs::MetadataExt;
    Some((meta.dev(), meta.ino()))
}

#[cfg(not(unix))]
fn identity(_meta: &cap_std::fs::Metadata) -> Option<Identity> {
    None
}

fn display(path: &Path) -> String {
    crate::text::name(&path.to_string_lossy())
}

/// What was found so far.
struct Search<'a> {
    policy: &'a Ruleset,
    found: Vec<Found>,
    errors: Vec<ScanError>,
    excluded: BTreeSet<String>,
}

impl Search<'_> {
    fn target(&mut self, target: &Target, memory: &Arc<SpoolMemory>) {
        match target {
            Target::Stdin => match read_stdin(io::stdin().lock(), memory) {
                Ok(bytes) => self.found.push(Found {
                    display: "-".to_owned(),
                    name: "stdin".to_owned(),
                    named: true,
                    size: bytes.size(),
                    siblings: Siblings::in_folder(None),
                    source: Source::Memory(bytes),
                    identity: None,
                    link: false,
                }),
                Err(e) => self.error("-", format!("reading standard input failed: {e}")),
            },
            Target::Path(path) => self.path(path),
        }
    }

    fn error(&mut self, path: &str, message: impl Into<String>) {
        self.errors.push(ScanError { path: path.to_owned(), message: message.into() });
    }

    fn path(&mut self, path: &Path) {
        let shown = display(path);
        let meta = match std::fs::metadata(path) {
            Ok(meta) => meta,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return self.error(&shown, format!("path does not exist; {}", advice(path)));
            }
            Err(e) => return self.error(&shown, format!("can't be read: {e}")),
        };
        if meta.is_dir() {
            return self.folder(path);
        }
        if !meta.is_file() {
            return self.error(&shown, "neither a regular file nor a folder; pipe it in and scan '-'");
        }
        if self.policy.excludes(&Place { typed: &shown, below: None, folder: false }) {
            self.excluded.insert(shown);
            return;
        }
        let name = path.file_name().map_or_else(|| shown.clone(), |n| crate::text::name(&n.to_string_lossy()));
        self.found.push(Found {
            display: shown,
            name,
            named: true,
            size: meta.len(),
            siblings: Siblings::in_folder(None),
            source: Source::File(path.to_owned()),
            identity: None,
            link: false,
        });
    }

    fn folder(&mut self, folder: &Path) {
        let root = match Dir::open_ambient_dir(folder, ambient_authority()) {
            Ok(root) => Arc::new(root),
            Err(e) => return self.error(&display(folder), format!("the folder can't be opened: {e}")),
        };
        // Links are looked at by hand: walkdir would follow them anywhere.
        let mut walk = walkdir::WalkDir::new(folder).follow_links(false).sort_by_file_name().into_iter();
        while let Some(entry) = walk.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(e) => {
                    let path = e.path().map_or_else(|| display(folder), display);
                    let reason = e.io_error().map_or_else(|| "a loop of links".to_owned(), ToString::to_string);
                    self.error(&path, format!("can't be read: {reason}"));
                    continue;
                }
            };
            let shown = display(entry.path());
            let Ok(relative) = entry.path().strip_prefix(folder) else { continue };
            let kind = entry.file_type();
            let name = display(relative).replace('\\', "/");
            if self.policy.excludes(&Place { typed: &shown, below: Some(&name), folder: kind.is_dir() }) {
                if kind.is_dir() {
                    walk.skip_current_dir();
                    self.excluded.insert(shown + "/");
                } else {
                    self.excluded.insert(shown);
                }
                continue;
            }
            if kind.is_dir() {
                continue;
            }
            // Through the root's handle: a link is followed as long as it stays below the folder.
            let meta = match root.metadata(relative) {
                Ok(meta) => meta,
                Err(_) if kind.is_symlink() => {
                    self.error(
                        &shown,
                        "the link is broken or leaves the scanned folder, so it was not followed; scan its target by name",
                    );
                    continue;
                }
                Err(e) => {
                    self.error(&shown, format!("can't be read: {e}"));
                    continue;
                }
            };
            if meta.is_dir() {
                // A link to a folder of the same tree: its files are found where they really are.
                continue;
            }
            if !meta.is_file() {
                self.error(&shown, "not a regular file (a socket, pipe or device), so it was not scanned");
                continue;
            }
            self.found.push(Found {
                display: shown,
                name,
                named: false,
                size: meta.len(),
                siblings: Siblings::in_folder(None),
                source: Source::Below {
                    root: Arc::clone(&root),
                    folder: folder.to_owned(),
                    relative: relative.to_owned(),
                },
                identity: identity(&meta),
                link: kind.is_symlink(),
            });
        }
    }
}

/// What may have been meant by a path that does not exist.
fn advice(path: &Path) -> String {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = path.file_name().map(|n| n.to_string_lossy()) else { return "check its spelling".to_owned() };
    let Ok(entries) = std::fs::read_dir(folder) else {
        return format!("there is no folder {}", display(folder));
    };
    let names = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    let near: Vec<String> = nearest(&name, names).iter().map(|n| display(&path.with_file_name(n))).collect();
    if near.is_empty() { "check its spelling".to_owned() } else { format!("did you mean {}?", near.join(", ")) }
}

fn read_stdin(mut input: impl Read, memory: &Arc<SpoolMemory>) -> io::Result<Arc<dyn Bytes>> {
    let mut spool = Spool::new(Arc::clone(memory));
    let mut block = vec![0; 256 << 10];
    loop {
        match input.read(&mut block) {
            Ok(0) => return spool.finish(),
            Ok(n) => spool.write(&block[..n])?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{PolicyOptions, Stated};

    fn policy(exclude: &[&str]) -> Ruleset {
        let exclude = exclude.iter().map(|text| Stated::new(*text, "--exclude")).collect();
        Ruleset::new(PolicyOptions { exclude, ..PolicyOptions::default() }, &[], &[]).unwrap()
    }

    fn names(folder: &Path) -> (Vec<String>, Vec<String>) {
        let (found, errors, _) = find(&[Target::Path(folder.to_owned())], &SpoolMemory::new(0), &policy(&[]));
        (found.into_iter().map(|f| f.name).collect(), errors.into_iter().map(|e| e.path).collect())
    }

    #[cfg(unix)]
    #[test]
    fn links_inside_are_followed_and_links_that_leave_are_not() {
        let tree = tempfile::tempdir().unwrap();
        let (root, outside) = (tree.path().join("root"), tree.path().join("secret"));
        std::fs::create_dir_all(root.join("blobs")).unwrap();
        std::fs::write(root.join("blobs/abc"), "x").unwrap();
        std::fs::write(&outside, "y").unwrap();
        for (link, target) in [
            ("model.bin", "blobs/abc"),
            ("out", "../secret"),
            ("loop", "loop"),
            ("dir", "blobs"),
            ("abs", outside.to_str().unwrap()),
        ] {
            std::os::unix::fs::symlink(target, root.join(link)).unwrap();
        }
        let (found, errors) = names(&root);
        assert_eq!(found, ["model.bin"], "the blob is known by the link's name");
        assert_eq!(errors.len(), 3, "{errors:?}");
    }

    #[cfg(unix)]
    #[test]
    fn no_file_hides_behind_a_name_that_looks_the_same() {
        use std::os::unix::ffi::OsStrExt;
        let tree = tempfile::tempdir().unwrap();
        let names: [&[u8]; 5] = [b"a\\x1b.pkl", b"a\x1b.pkl", b"b\xff.pkl", b"b\xfe.pkl", "b\u{fffd}.pkl".as_bytes()];
        for name in names {
            std::fs::write(tree.path().join(std::ffi::OsStr::from_bytes(name)), "x").unwrap();
        }
        let (found, _, _) = find(&[Target::Path(tree.path().to_owned())], &SpoolMemory::new(0), &policy(&[]));
        assert_eq!(found.len(), 5);
        let shown: BTreeSet<&str> = found.iter().map(|f| f.display.as_str()).collect();
        assert_eq!(shown.len(), 5, "{shown:?}");
    }

    #[test]
    fn a_file_that_is_named_twice_is_scanned_once_and_a_missing_one_is_an_error() {
        let tree = tempfile::tempdir().unwrap();
        let file = tree.path().join("a.pkl");
        std::fs::write(&file, "x").unwrap();
        let targets = [&file, &tree.path().to_owned(), &file, &tree.path().join("missing")];
        let targets: Vec<Target> = targets.iter().map(|p| Target::Path((*p).clone())).collect();
        let (found, errors, _) = find(&targets, &SpoolMemory::new(0), &policy(&[]));
        assert_eq!(found.len(), 1);
        assert!(found[0].named);
        assert!(errors[0].message.contains("does not exist"));
        assert_eq!(found[0].siblings.names(), ["a.pkl"]);
    }

    #[test]
    fn what_is_excluded_is_named_and_not_walked() {
        let tree = tempfile::tempdir().unwrap();
        for file in ["a.pkl", "b.txt", ".git/x", ".git/y/z", "sub/c.txt"] {
            let path = tree.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let root = tree.path().to_str().unwrap();
        let targets = [Target::Path(tree.path().to_owned()), Target::Path(tree.path().join("b.txt"))];
        let (found, errors, excluded) = find(&targets, &SpoolMemory::new(0), &policy(&[".git/", "*.txt"]));
        assert!(errors.is_empty());
        assert_eq!(found.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["a.pkl"]);
        assert_eq!(excluded, ["/.git/", "/b.txt", "/sub/c.txt"].map(|p| format!("{root}{p}")));
    }

    #[test]
    fn a_path_that_is_nearly_one_gets_a_hint() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::write(tree.path().join("model.safetensors"), "x").unwrap();
        let advice = |name: &str| advice(&tree.path().join(name));
        assert!(advice("model.safetensor").ends_with("/model.safetensors?"));
        assert_eq!(advice("whatever"), "check its spelling");
        assert!(advice("none/model.safetensors").starts_with("there is no folder "));
    }
}
