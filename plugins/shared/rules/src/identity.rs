//! S1003 and S913 to S916: what a file claims to be. S1003 is the field's code; the others are ours: the field reports pointers of Git LFS
//! without a code, and the rest not at all.

use modelaudit_plugin::{Rule, Severity};

/// A text in the place of the model.
pub const S913: Rule = Rule {
    id: "S913",
    title: "pointer instead of the file",
    severity: Severity::Info,
    why: "the file is a pointer of Git LFS, Xet or git-annex: a text of a few lines that stands for a file which was not downloaded. \
          Nothing of the model was scanned, so the file is incomplete, not clean.",
    remedy: "fetch the file (`git lfs pull`, `git annex get`, or download it through the hub's client) and scan it again",
    references: &["https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"],
};

/// A name that shows a harmless extension and has another.
pub const S914: Rule = Rule {
    id: "S914",
    title: "deceptive extension",
    severity: Severity::Warning,
    why: "the name shows the extension of a model or a document and ends in one that the system runs (`model.safetensors.exe`), or hides \
          the last one behind white space; file managers leave known extensions out. Archives (`.tar.gz`), backups and scripts of \
          toolchains (`.json.py`) do not fire it.",
    remedy: "do not open the file by its name; look at what it is first",
    references: &["CWE-451", "CWE-646"],
};

/// Text that a reader does not see and a machine does.
pub const S915: Rule = Rule {
    id: "S915",
    title: "hidden text",
    severity: Severity::Warning,
    why: "a run of invisible characters (Unicode tags, variation selectors, zero-width characters) carries a text or data: people do not \
          see it, language models and programs read it (prompt injection, smuggled instructions). Emoji, flags, scripts that need joiners, \
          and vocabularies of tokenizers do not fire it.",
    remedy: "read the decoded text, and take the invisible characters out before the file reaches a language model",
    references: &["CWE-1007", "CWE-506", "https://www.unicode.org/reports/tr36/"],
};

/// A name close to a well-known one.
pub const S1003: Rule = Rule {
    id: "S1003",
    title: "name close to a well-known one",
    severity: Severity::Warning,
    why: "the metadata names a model whose organisation differs from a well-known one by a letter or a look-alike character \
          (typosquatting): loading by that name fetches somebody else's model. Fine-tunes, mirrors, versions and names that merely contain \
          a known one do not fire it.",
    remedy: "compare the name with the one on the publisher's page before anything downloads by it",
    references: &["CWE-1007", "CWE-829"],
};
