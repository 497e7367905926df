//! What kind of file the artifact is, by its name: the same URL is nothing in a manual and something in a tensor's metadata.

use modelaudit_plugin::Artifact;

/// Who reads the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// People: documentation, licences, model cards.
    Prose,
    /// An interpreter: source code, which has analysers of its own.
    Source,
    /// A model loader or a program: weights, metadata, configuration.
    Data,
}

/// Extensions of documentation: markup languages and plain text.
const PROSE: &[&str] = &["md", "markdown", "mdx", "rst", "txt", "text", "adoc", "html", "htm", "tex", "bib", "cff"];

/// First words of names without an extension that are documentation (GitHub's community files, Python's metadata files).
const PROSE_NAMES: &[&str] = &[
    "readme",
    "license",
    "licence",
    "copying",
    "notice",
    "notices",
    "authors",
    "changelog",
    "changes",
    "history",
    "news",
    "contributing",
    "security",
    "model_card",
    "modelcard",
    "use_policy",
    "pkg",
    "metadata",
    "citation",
];

/// Extensions of source code.
const SOURCE: &[&str] = &[
    "py", "pyc", "pyi", "pyx", "ipynb", "js", "mjs", "cjs", "ts", "tsx", "c", "cc", "cpp", "h", "hpp", "cu", "java",
    "go", "rs", "rb", "php", "sh", "bash", "ps1", "lua", "r", "jl", "cs", "swift", "kt", "m", "map",
];

impl Place {
    /// Where the artifact's own name puts it.
    pub fn of(artifact: &dyn Artifact) -> Self {
        let name = artifact.name().to_lowercase();
        let base = name.rsplit('/').next().unwrap_or_default();
        let extension = base.rsplit_once('.').map_or("", |(_, extension)| extension);
        let first = base.split('-').next().unwrap_or_default();
        if SOURCE.contains(&extension) {
            Self::Source
        } else if PROSE.contains(&extension) || PROSE_NAMES.contains(&first) {
            Self::Prose
        } else {
            Self::Data
        }
    }
}
