//! What a path out of a hostile file would do to whoever follows it: the one classifier of all plugins.
//!
//! Member names of archives, link targets, `external_data` locations of ONNX, assets of a SavedModel, shards of an index: each is a
//! string that some loader joins to a folder and opens. Path traversal (CWE-22) starts where the joined path leaves that folder.
//! Loaders differ in what they do to the string first (Windows takes `\`, web code decodes `%2e`, some normalise Unicode), so
//! the string is looked at as it stands *and* decoded; [`PathClass::disguise`] says which of the two showed the danger.
//!
//! [`members`] is what every archive plugin does with the names and links of its members.
//!
//! ```
//! use modelaudit_paths::{Parents, Root, classify};
//! assert!(classify(b"../../etc/passwd").escapes());
//! assert!(classify(br"C:\Windows\x").escapes());
//! assert!(!classify(b"v1..2/config..json").escapes());
//! assert!(!classify(b"snapshots/../blobs/x").escapes());
//! assert_eq!(classify(b"/etc/shadow").system_folder, Some("/etc"));
//! ```

mod decode;
pub mod members;
mod tables;

use tables::{BARE_SCHEMES, DEVICE_NAMES, SYSTEM_FOLDERS};

/// What a path starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Root {
    /// The folder it is joined to.
    #[default]
    Relative,
    /// The file system: `/x`, or `\x` on Windows.
    Absolute,
    /// A drive's root: `C:\x`, `C:/x`.
    Drive,
    /// A drive's current folder: `C:x`. A digit behind the colon does not count: `w:0` is a TensorFlow variable.
    DriveRelative,
    /// A share of another machine: `//host/x`, `\\host\x`.
    Unc,
    /// The Windows device namespace: `\\?\x`, `\\.\x`.
    DeviceNamespace,
    /// A home folder, if a shell or `expanduser` sees it: `~`, `~name/x`.
    Home,
    /// A URL: `http://`, `s3://`, `file:` ...; see [`PathClass::scheme`].
    Url,
}

/// What its `..` components do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Parents {
    /// There are none.
    #[default]
    None,
    /// They stay below the start.
    Inside,
    /// They climb above the start.
    Outside,
}

/// What a loader must undo before the danger shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disguise {
    /// Percent encoding, up to three layers.
    Percent,
    /// Compatibility characters such as the full-width full stop (NFKC).
    Unicode,
    /// Over-long UTF-8 such as `C0 AE` for a full stop.
    Overlong,
}

/// What a path is; see [`classify`].
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PathClass {
    /// What it starts from.
    pub root: Root,
    /// What its `..` components do.
    pub parents: Parents,
    /// Set if [`Self::root`] or [`Self::parents`] are what they are only after decoding.
    pub disguise: Option<Disguise>,
    /// Lower-case scheme of a URL.
    pub scheme: Option<String>,
    /// The folder of the operating system that it names, if it is absolute and names one.
    pub system_folder: Option<&'static str>,
    /// Holds `$X`, `${X}` or `%X%`.
    pub environment: bool,
    /// Holds a NUL byte: C code reads it to there.
    pub nul: bool,
    /// Holds control characters (NUL not counted).
    pub control: bool,
    /// Holds bidirectional formatting characters.
    pub bidi: bool,
    /// A component is a device name of Windows (`CON`, `NUL`, `COM1` ...), with or without an extension.
    pub device_name: bool,
    /// A component ends in a full stop or a space, which Windows drops.
    pub trailing_dot_or_space: bool,
    /// A component is longer than 255 bytes.
    pub long_component: bool,
    /// Separators are backslashes.
    pub backslash: bool,
}

impl PathClass {
    /// A file function that follows it leaves the folder it was joined to: `..` above the start, absolute, drive, share,
    /// device namespace, URL. True for disguised ones, too: see [`Self::disguise`].
    pub fn escapes(&self) -> bool {
        self.parents == Parents::Outside || !matches!(self.root, Root::Relative | Root::Home)
    }

    /// In a few words, why [`Self::escapes`] is true, to follow the quoted path: `climbs out of its folder` ... Empty otherwise.
    pub fn reason(&self) -> &'static str {
        match self.root {
            Root::Absolute => "is an absolute path",
            Root::Drive => "is an absolute path on a drive",
            Root::DriveRelative => "names a drive",
            Root::Unc => "names a share of another machine",
            Root::DeviceNamespace => "names a device",
            Root::Url => "is a URL",
            Root::Relative | Root::Home if self.parents == Parents::Outside => "climbs out of its folder",
            Root::Relative | Root::Home => "",
        }
    }
}

/// Classifies a path as it stands in a file: bytes, no encoding assumed.
pub fn classify(path: &[u8]) -> PathClass {
    let mut class = PathClass {
        environment: names_variable(path),
        nul: path.contains(&0),
        control: path.iter().any(|b| (1..0x20).contains(b) || *b == 0x7f),
        bidi: holds_bidi(path),
        backslash: path.contains(&b'\\') && !path.contains(&b'/'),
        ..PathClass::default()
    };
    for component in path.split(|b| is_separator(*b)) {
        class.long_component |= component.len() > 255;
        class.device_name |= is_device(component);
        class.trailing_dot_or_space |=
            matches!(component.last(), Some(b'.' | b' ')) && !matches!(component, b"." | b"..");
    }
    class.take(path, None);
    if class.escapes() {
        return class;
    }
    if let Some(plain) = decode::overlong(path) {
        class.take(&plain, Some(Disguise::Overlong));
    }
    if let Some(plain) = decode::unicode(path) {
        class.take(&plain, Some(Disguise::Unicode));
    }
    // Three layers: a proxy, a framework and the loader may each take one off.
    let mut layer = decode::percent(path);
    for _ in 0..3 {
        let Some(plain) = layer else { break };
        class.take(&plain, Some(Disguise::Percent));
        layer = decode::percent(&plain);
    }
    class
}

impl PathClass {
    /// Takes over root and parents of `path`; of a disguised one, only if it leaves the folder and nothing did before.
    fn take(&mut self, path: &[u8], disguise: Option<Disguise>) {
        if disguise.is_some() && self.escapes() {
            return;
        }
        let path: Vec<u8> = path.iter().filter(|b| **b != 0).map(|b| if *b == b'\\' { b'/' } else { *b }).collect();
        let (root, scheme) = root_of(&path);
        let (parents, below) = climb(&path);
        let seen = PathClass { root, parents, ..PathClass::default() };
        if disguise.is_some() && !seen.escapes() {
            return;
        }
        self.root = root;
        self.scheme = scheme;
        self.parents = parents;
        self.disguise = disguise;
        self.system_folder = system_folder(root, parents, &path, below);
    }
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// What a path with `/` as its only separator starts from, and a URL's scheme.
fn root_of(path: &[u8]) -> (Root, Option<String>) {
    let root = match path {
        [b'/', b'/', b'?' | b'.', b'/', ..] => Root::DeviceNamespace,
        [b'/', b'/', host, ..] if *host != b'/' => Root::Unc,
        [b'/', ..] => Root::Absolute,
        [drive, b':', b'/', ..] if drive.is_ascii_alphabetic() => Root::Drive,
        [drive, b':', next, ..] if drive.is_ascii_alphabetic() && !next.is_ascii_digit() => Root::DriveRelative,
        [b'~'] | [b'~', b'/', ..] => Root::Home,
        [b'~', user @ ..] if user.first().is_some_and(u8::is_ascii_lowercase) && user.contains(&b'/') => Root::Home,
        _ => Root::Relative,
    };
    if root == Root::Relative
        && let Some(colon) = path.iter().take(32).position(|b| *b == b':')
        && let Some((scheme, rest)) = path.split_at_checked(colon)
        && scheme.len() > 1
        && scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    {
        let scheme = String::from_utf8_lossy(scheme).to_ascii_lowercase();
        if rest.starts_with(b"://") || BARE_SCHEMES.contains(&scheme.as_str()) {
            return (Root::Url, Some(scheme));
        }
    }
    (root, None)
}

/// What the `..` components do, and where the part begins that lies below the highest point reached.
fn climb(path: &[u8]) -> (Parents, usize) {
    let (mut depth, mut parents, mut below, mut offset) = (0i64, Parents::None, 0, 0);
    for component in path.split(|b| *b == b'/') {
        offset += component.len() + 1;
        if is_parent(component) {
            parents = parents.max_of(Parents::Inside);
            depth -= 1;
            if depth < 0 {
                parents = Parents::Outside;
                depth = 0;
                below = offset;
            }
        } else if !component.is_empty() && component != b"." {
            depth += 1;
        }
    }
    (parents, below)
}

impl Parents {
    fn max_of(self, other: Self) -> Self {
        if self == Self::Outside { self } else { other }
    }
}

/// `..`, also with the trailing spaces that Windows drops.
fn is_parent(component: &[u8]) -> bool {
    component.strip_prefix(b"..").is_some_and(|rest| rest.iter().all(|b| *b == b' '))
}

fn system_folder(root: Root, parents: Parents, path: &[u8], below: usize) -> Option<&'static str> {
    let rest = match root {
        Root::Absolute | Root::Drive => path,
        Root::Url => path.strip_prefix(b"file://")?,
        _ if parents == Parents::Outside => path.get(below..)?,
        _ => return None,
    };
    let mut wanted = String::from_utf8_lossy(rest.get(..rest.len().min(64)).unwrap_or_default()).to_ascii_lowercase();
    let climbing = root == Root::Relative;
    if climbing {
        wanted.insert(0, '/');
    }
    let names = |folder: &str| wanted.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    SYSTEM_FOLDERS.iter().find(|(folder, alone)| (*alone || !climbing) && names(folder)).map(|(folder, _)| *folder)
}

/// `$X`, `${X}`, `%NAME%`; two hex digits behind a `%` are an encoded byte.
fn names_variable(path: &[u8]) -> bool {
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        match (byte, tail.first()) {
            (b'$', Some(b'{')) => return true,
            (b'$', Some(next)) if next.is_ascii_alphabetic() || *next == b'_' => return true,
            (b'%', Some(next)) if next.is_ascii_alphabetic() => {
                let length = tail.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
                if length > 2 && tail.get(length) == Some(&b'%') {
                    return true;
                }
            }
            _ => {}
        }
        rest = tail;
    }
    false
}

/// Bidirectional formatting characters show a name in another order than it has (CVE-2021-42574).
fn holds_bidi(path: &[u8]) -> bool {
    !path.is_ascii()
        && String::from_utf8_lossy(path).chars().any(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

fn is_device(component: &[u8]) -> bool {
    let stem = component.split(|b| *b == b'.').next().unwrap_or_default();
    (3..=7).contains(&stem.len()) && DEVICE_NAMES.iter().any(|name| stem.eq_ignore_ascii_case(name.as_bytes()))
}

/// The path with `\` as `/` and without empty, `.` and `..` components, as an unpacker would create it below its root; None if
/// it escapes as it stands. Bytes, so `%2e` and Unicode stay as they are; NUL bytes are dropped.
pub fn normalise(path: &[u8]) -> Option<Vec<u8>> {
    join(Vec::new(), path)
}

/// Where a link at `link` with the target `target` points, as a path from the root that `link` is relative to, in the form of
/// [`normalise`]; None if either is not relative or leaves the root on the way. Lexical: other links on the way are not
/// followed.
pub fn resolve_link(link: &[u8], target: &[u8]) -> Option<Vec<u8>> {
    let mut folder = normalise(link)?;
    let parent = folder.iter().rposition(|b| *b == b'/').unwrap_or(0);
    folder.truncate(parent);
    join(folder, target)
}

fn join(mut base: Vec<u8>, path: &[u8]) -> Option<Vec<u8>> {
    let path: Vec<u8> = path.iter().filter(|b| **b != 0).map(|b| if *b == b'\\' { b'/' } else { *b }).collect();
    // `~` is a plain character to the file system; only a shell expands it.
    if !matches!(root_of(&path).0, Root::Relative | Root::Home) {
        return None;
    }
    for component in path.split(|b| *b == b'/') {
        if is_parent(component) {
            if base.is_empty() {
                return None;
            }
            let end = base.iter().rposition(|b| *b == b'/').unwrap_or(0);
            base.truncate(end);
        } else if !component.is_empty() && component != b"." {
            if !base.is_empty() {
                base.push(b'/');
            }
            base.extend_from_slice(component);
        }
    }
    Some(base)
}

#[cfg(test)]
mod tests;
