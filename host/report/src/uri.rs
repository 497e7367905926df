//! Paths as URIs (RFC 3986, RFC 8089).

use std::path::{Component, Path, Prefix};

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uri {
    /// Below the working directory: relative to it.
    Below(String),
    /// Elsewhere, as `file:///...`.
    Absolute(String),
}

/// The URI of a file that the user would type as `path` in `folder` (absolute). Without a folder, a path that leaves it stays relative.
pub fn of_file(path: &str, folder: Option<&Path>) -> Uri {
    let path = Path::new(path);
    let parts = |path: &Path| path.components().map(segment).collect::<Vec<_>>();
    let base = folder.map(parts).unwrap_or_default();
    let absolute = path.is_absolute();
    let whole = if absolute { parts(path) } else { base.iter().cloned().chain(parts(path)).collect() };
    // A reader of URIs takes dot segments out by their letters, so nothing is lost by doing it here.
    let mut clean: Vec<String> = Vec::with_capacity(whole.len());
    for part in whole {
        match part.as_str() {
            "" | "." => {}
            ".." if clean.last().is_some_and(|last| last != "..") => drop(clean.pop()),
            // Above the root is the root.
            ".." if absolute || folder.is_some() => {}
            _ => clean.push(part),
        }
    }
    let base: Vec<_> = base.into_iter().filter(|part| !part.is_empty()).collect();
    match clean.strip_prefix(base.as_slice()) {
        // No segment holds a colon that could be read as a scheme's: it is encoded.
        Some(rest) if !(rest.is_empty() || absolute && folder.is_none()) => Uri::Below(rest.join("/")),
        _ => Uri::Absolute(format!("file:///{}", clean.join("/"))),
    }
}

/// The URI of a folder, with a slash at its end.
pub fn of_folder(folder: &Path) -> String {
    let parts: Vec<_> = folder.components().map(segment).filter(|part| !part.is_empty()).collect();
    parts.iter().fold("file:///".to_owned(), |uri, part| uri + part + "/")
}

/// A name as a relative reference of one segment or more; slashes stay slashes.
pub fn of_name(name: &str) -> String {
    name.split('/').map(encode).collect::<Vec<_>>().join("/")
}

/// One component, percent-encoded; empty for the root.
fn segment(component: Component<'_>) -> String {
    match component {
        Component::RootDir => String::new(),
        Component::CurDir => ".".to_owned(),
        Component::ParentDir => "..".to_owned(),
        Component::Normal(name) => encode(&name.to_string_lossy()),
        Component::Prefix(prefix) => match prefix.kind() {
            Prefix::Disk(letter) | Prefix::VerbatimDisk(letter) => format!("{}:", char::from(letter)),
            _ => encode(&prefix.as_os_str().to_string_lossy().replace('\\', "/")),
        },
    }
}

/// Everything but the unreserved characters as `%XX` of its UTF-8.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn files() {
        let folder = Some(Path::new("/home/a b"));
        let below = |s: &str| Uri::Below(s.to_owned());
        let absolute = |s: &str| Uri::Absolute(s.to_owned());
        for (path, uri) in [
            ("models/x.pkl", below("models/x.pkl")),
            ("./models//x.pkl", below("models/x.pkl")),
            ("a:b c#?%.pkl", below("a%3Ab%20c%23%3F%25.pkl")),
            ("/home/a b/c.pkl", below("c.pkl")),
            ("models/../x", below("x")),
            ("../x", absolute("file:///home/x")),
            ("../../../../x", absolute("file:///x")),
            ("/etc/ä", absolute("file:///etc/%C3%A4")),
            ("/home/a bc/x", absolute("file:///home/a%20bc/x")),
        ] {
            assert_eq!(of_file(path, folder), uri, "{path}");
        }
        assert_eq!(of_file("../x", None), below("../x"));
        assert_eq!(of_file("/etc/x", None), absolute("file:///etc/x"));
        assert_eq!(of_folder(Path::new("/home/a b")), "file:///home/a%20b/");
        assert_eq!(of_folder(Path::new("/")), "file:///");
        assert_eq!(of_name("a b/c\"\u{202e}"), "a%20b/c%22%E2%80%AE");
    }
}
