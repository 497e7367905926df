//! Patterns of paths, for `--exclude GLOB` and `--suppress RULE@GLOB`.
//!
//! `*` and `?` stop at a slash, `**` does not; `[ab]` and `{a,b}` choose. A pattern without a slash fits the name of a file or of
//! any folder above it; one with a slash fits the path from its start, as it was typed or below the folder that was named.
//! What is in a folder that fits, fits. A slash at the end means folders only.

use globset::{GlobBuilder, GlobMatcher};

/// A pattern.
#[derive(Clone, Debug)]
pub struct PathPattern {
    matcher: GlobMatcher,
    /// True if it has a slash, so that it is laid at the start of a path.
    anchored: bool,
    folders_only: bool,
}

/// A file or folder that a pattern is held against.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The path as the user would type it.
    pub typed: &'a str,
    /// The path below the folder that the user named; None if the user named the file itself.
    pub below: Option<&'a str>,
    /// True if it is a folder.
    pub folder: bool,
}

impl PathPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It is none.
    pub fn new(text: &str) -> Result<Self, String> {
        let glob = text.strip_prefix("./").unwrap_or(text);
        let (glob, folders_only) = match glob.strip_suffix('/') {
            Some(glob) => (glob, true),
            None => (glob, false),
        };
        if glob.is_empty() {
            return Err("a pattern of paths is missing".to_owned());
        }
        let matcher = GlobBuilder::new(glob).literal_separator(true).backslash_escape(true).build();
        let matcher = matcher.map_err(|e| format!("'{text}' is no pattern of paths: {}", e.kind()))?.compile_matcher();
        Ok(Self { matcher, anchored: glob.contains('/'), folders_only })
    }

    /// True if it fits the place, or a folder that the place is in.
    pub fn matches(&self, place: &Place<'_>) -> bool {
        let typed = plain(place.typed);
        let below = place.below.map(plain);
        if self.anchored {
            self.fits_start(&typed, place.folder) || below.is_some_and(|below| self.fits_start(&below, place.folder))
        } else {
            // The names of folders above the one that was named are not for the user to exclude by a bare name.
            self.fits_name(below.as_deref().unwrap_or(&typed), place.folder)
        }
    }

    fn fits_start(&self, path: &str, folder: bool) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
        ends.map(|at| (at, true))
            .chain([(path.len(), folder)])
            .any(|(end, is_folder)| (is_folder || !self.folders_only) && self.matcher.is_match(&path[..end]))
    }

    fn fits_name(&self, path: &str, folder: bool) -> bool {
        let last = path.split('/').count() - 1;
        path.split('/')
            .enumerate()
            .any(|(i, name)| (i < last || folder || !self.folders_only) && self.matcher.is_match(name))
    }
}

/// With slashes, and without `./` before it.
fn plain(path: &str) -> String {
    let path = if std::path::MAIN_SEPARATOR == '/' { path.to_owned() } else { path.replace('\\', "/") };
    match path.strip_prefix("./") {
        Some(rest) => rest.to_owned(),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, typed: &str, below: Option<&str>) -> bool {
        PathPattern::new(pattern).unwrap().matches(&Place { typed, below, folder: false })
    }

    #[test]
    fn without_a_slash_any_name_on_the_way_fits() {
        for (pattern, below) in
            [("*.pkl", "a/b.pkl"), ("tests", "x/tests/b.pkl"), ("tests/", "tests/b.pkl"), ("?.pk[lt]", "b.pkl")]
        {
            assert!(fits(pattern, &format!("root/{below}"), Some(below)), "{pattern}");
        }
        for (pattern, below) in [("root", "b.pkl"), ("*.pkl", "b.pkl.gz"), ("b.pkl/", "b.pkl"), ("test", "tests/b.pkl")]
        {
            assert!(!fits(pattern, &format!("root/{below}"), Some(below)), "{pattern}");
        }
        assert!(fits("tests", "./tests/b.pkl", None));
    }

    #[test]
    fn with_a_slash_it_is_laid_at_the_start() {
        for pattern in ["a/*.pkl", "./a/*.pkl", "a/", "root/a/b.pkl", "root/a/", "**/b.pkl", "root/**", "{a,c}/b.pkl"] {
            assert!(fits(pattern, "root/a/b.pkl", Some("a/b.pkl")), "{pattern}");
        }
        for pattern in ["b/*.pkl", "root/*.pkl", "root/b.pkl", "root/a/b.pkl/", "A/b.pkl"] {
            assert!(!fits(pattern, "root/a/b.pkl", Some("a/b.pkl")), "{pattern}");
        }
        assert!(fits("/data/*", "/data/x/y.pkl", None));
        assert!(!fits("x/*", "/data/x/y.pkl", None));
    }

    #[test]
    fn what_is_no_pattern_says_so() {
        for pattern in ["", "./", "/", "[a", "{a", "a[z-a]"] {
            assert!(PathPattern::new(pattern).is_err(), "{pattern}");
        }
    }
}
