//! Texts that name a native library, and whose library that would be.
//!
//! Compiled models name libraries: an engine those of its plugins, a delegate its driver's. The name alone is everyday. What makes a
//! difference is the folder: a library in a place where everybody may write, or on another machine, is whoever's is there when the
//! model is loaded (CWE-426).

use modelaudit_paths::{Parents, Root, classify};

/// A library that a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library<'t> {
    /// The path as it stands in the text.
    pub path: &'t str,
    /// Where it is.
    pub place: Place,
}

/// Where a library is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A bare name: the loader searches the system's folders.
    Name,
    /// A path into a folder of a system, a user or a build.
    Folder,
    /// A path into a folder that everybody may write.
    Writable,
    /// A path that climbs above its folder, or leads to another machine.
    Outside,
}

impl Place {
    /// For who else it is in reach, to follow the quoted path; empty if for nobody.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Name | Self::Folder => "",
            Self::Writable => "lies in a folder that everybody may write",
            Self::Outside => "leads above its folder or to another machine",
        }
    }
}

/// Endings of native libraries; a version may follow `.so`.
const ENDINGS: [&str; 3] = [".so", ".dll", ".dylib"];

/// Folders that everybody may write, in lower case with `/`: those of Unix, Android's for `adb push`, and Windows'.
const WRITABLE: &[&str] = &[
    "/tmp/",
    "/var/tmp/",
    "/private/tmp/",
    "/dev/shm/",
    "/run/shm/",
    "/data/local/tmp/",
    "/sdcard/",
    "c:/windows/temp/",
    "c:/temp/",
    "c:/tmp/",
    "c:/users/public/",
    "%temp%/",
    "%tmp%/",
];

/// Windows' temporary folder of a user.
const LOCAL_TEMP: &str = "/appdata/local/temp/";

/// The first library that a text names. Words around it are no part of the path.
pub fn library(text: &str) -> Option<Library<'_>> {
    let outside = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '<' | '>' | '|' | ';' | ',' | '(' | ')' | '=')
    };
    text.split(outside).filter(|word| word.len() > 3).find_map(|word| {
        let path = word.get(..end_of_library(word)?)?;
        // An ending alone (`.so`), or behind a separator, is no name.
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = name.split('.').next().unwrap_or_default();
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.' | '@' | '~' | '$' | '{' | '}');
        let named = stem.len() > usize::from(name.len() == path.len());
        (named && name.chars().all(plain)).then(|| Library { path, place: place(path) })
    })
}

/// Where the name of a library ends in a word, if it is one: behind `.so`, `.so.8.6`, `.dll`, `.dylib`.
fn end_of_library(word: &str) -> Option<usize> {
    let lower = word.to_ascii_lowercase();
    ENDINGS.iter().find_map(|ending| {
        let at = lower.rfind(ending)? + ending.len();
        let rest = lower.get(at..)?;
        let version = rest.strip_prefix('.').is_some_and(|v| v.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
        (rest.is_empty() || (*ending == ".so" && version)).then_some(word.len())
    })
}

fn place(path: &str) -> Place {
    if !path.contains(['/', '\\']) {
        return Place::Name;
    }
    let class = classify(path.as_bytes());
    if class.parents == Parents::Outside || matches!(class.root, Root::Unc | Root::DeviceNamespace | Root::Url) {
        return Place::Outside;
    }
    let lower = path.replace('\\', "/").to_ascii_lowercase();
    if WRITABLE.iter().any(|folder| lower.starts_with(folder)) || lower.contains(LOCAL_TEMP) {
        return Place::Writable;
    }
    Place::Folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_have_places() {
        for (text, place) in [
            ("libnvinfer_plugin.so.8", Place::Name),
            ("libQnnHtp.so", Place::Name),
            ("nvinfer_10.dll", Place::Name),
            ("/usr/lib/x86_64-linux-gnu/libnvinfer_plugin.so.8.6.1", Place::Folder),
            ("/workspace/build/libyolo_layer.so", Place::Folder),
            ("build/libmyplugins.so", Place::Folder),
            ("C:\\Program Files\\NVIDIA\\nvinfer.dll", Place::Folder),
            ("/tmp/libevil_plugin.so", Place::Writable),
            ("load /dev/shm/x.so now", Place::Writable),
            ("C:\\Users\\me\\AppData\\Local\\Temp\\a_plugin.dll", Place::Writable),
            ("/data/local/tmp/libx.so", Place::Writable),
            ("../../x/libevil.so.1", Place::Outside),
            ("\\\\host\\share\\evil.dll", Place::Outside),
            ("https://evil.example/lib.so", Place::Outside),
        ] {
            assert_eq!(library(text).map(|found| found.place), Some(place), "{text}");
        }
    }

    #[test]
    fn words_are_no_libraries() {
        for text in ["", ".so", "/tmp/build", "and so.", "exec", "a.so", "model.solution", "x/.so", "%s.so?", "q*.dll"]
        {
            assert_eq!(library(text), None, "{text}");
        }
    }
}
