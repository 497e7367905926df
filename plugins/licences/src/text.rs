//! Which artifacts are text that may speak of licences, and how much of each is read.

use modelaudit_plugin::Artifact;

/// Bytes read of a file that is called after a licence: bundles of a hundred licences have 400 KB.
const LICENCE_FILE: u64 = 512 << 10;
/// Bytes read of other texts: the first page says it.
const OTHER_FILE: u64 = 64 << 10;
/// Longest JSON document that is read: configurations; vocabularies are longer and have no licence of their own.
pub const JSON_FILE: u64 = 1 << 20;

/// A text under scan.
pub struct Text {
    /// Its first bytes.
    pub bytes: Vec<u8>,
    /// The name says that it is a licence, a notice or the like.
    pub is_licence_file: bool,
    /// Last part of the name, lower case.
    pub base: String,
}

/// First words of names of licence files (GitHub's licensee, REUSE and Debian know these).
const LICENCE_NAMES: &[&str] =
    &["license", "licence", "licenses", "licences", "copying", "copyright", "unlicense", "eula", "ofl", "patents"];
/// Endings that licence files have.
const LICENCE_ENDINGS: &[&str] =
    &["", "txt", "md", "markdown", "rst", "text", "apache", "mit", "bsd", "lesser", "gpl", "lgpl", "third-party"];

/// Reads the start of an artifact; None if it is no text.
pub fn read(artifact: &dyn Artifact) -> Option<Text> {
    let name = artifact.name().to_lowercase();
    let base = name.rsplit('/').next().unwrap_or_default().to_owned();
    let is_licence_file = is_licence_name(&name, &base);
    let head = artifact.read(0, 4096);
    let control = head.iter().filter(|b| **b < 9 || (14..32).contains(*b)).count();
    if head.is_empty() || head.contains(&0) || control > head.len() / 64 {
        return None;
    }
    let json = head.trim_ascii_start().starts_with(b"{") || head.trim_ascii_start().starts_with(b"[");
    let limit = match (is_licence_file, json) {
        (true, _) => LICENCE_FILE,
        (false, true) if artifact.size() > JSON_FILE => return None,
        (false, true) => JSON_FILE,
        (false, false) => OTHER_FILE,
    };
    let length = artifact.size().min(limit);
    let bytes = artifact.read_span(modelaudit_plugin::Span::new(0, length), limit)?;
    Some(Text { bytes, is_licence_file, base })
}

fn is_licence_name(name: &str, base: &str) -> bool {
    let (stem, ending) = base.split_once('.').unwrap_or((base, ""));
    let words = || stem.split(['-', '_', ' ']);
    let named = words().next().is_some_and(|w| LICENCE_NAMES.contains(&w))
        || words().next_back().is_some_and(|w| LICENCE_NAMES[..4].contains(&w));
    let in_folder = name.contains("licenses/") && !base.ends_with(".py");
    let ending = ending.rsplit('.').next().unwrap_or_default();
    // `LICENSE.10.0` and `LICENSE-1.2`: a version is no ending.
    (named && (LICENCE_ENDINGS.contains(&ending) || ending.bytes().all(|b| b.is_ascii_digit()))) || in_folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_files_by_their_names() {
        for name in [
            "LICENSE",
            "a/LICENSE.txt",
            "LICENSE-MIT",
            "COPYING.LESSER",
            "licence.md",
            "x.dist-info/licenses/AUTHORS",
            "THIRD_PARTY_LICENSES.txt",
            "copyright",
        ] {
            let lower = name.to_lowercase();
            assert!(is_licence_name(&lower, lower.rsplit('/').next().unwrap()), "{name}");
        }
        for name in
            ["README.md", "license.py", "license_check.rs", "model.safetensors", "licensed_words.json", "config.json"]
        {
            assert!(!is_licence_name(name, name), "{name}");
        }
    }
}
