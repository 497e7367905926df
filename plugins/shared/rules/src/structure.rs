//! S9xx: the structure of a file.

use modelaudit_plugin::{Rule, Severity};

/// The name promises another format than the content is.
pub const S901: Rule = Rule {
    id: "S901",
    title: "file type mismatch",
    severity: Severity::Warning,
    why: "the extension promises a harmless format, the content is one that runs code or that another loader reads; tools that \
          trust the name look at it with the wrong eyes. An extension that several formats share does not fire it.",
    remedy: "find out why the file is named that way before loading it, and load it only with the loader of its real format",
    references: &["CWE-646"],
};

/// A header, count, length or offset contradicts the bytes that are there.
pub const S902: Rule = Rule {
    id: "S902",
    title: "corrupted structure",
    severity: Severity::Warning,
    why: "a header, count, length or offset contradicts the bytes that are there: the file is damaged, or made to confuse a \
          parser (memory corruption in a native loader starts like this). A file that merely ends early is incomplete instead.",
    remedy: "download the file again from its author and compare the hash; do not feed it to a native loader",
    references: &["CWE-20", "CWE-1284"],
};

/// A format's signature is missing or wrong.
pub const S903: Rule = Rule {
    id: "S903",
    title: "invalid magic",
    severity: Severity::Info,
    why: "the file does not start the way its format demands, so it was read as far as its structure allows",
    remedy: "check that the download is complete and that the file is what its name says",
    references: &[],
};

/// A size no real model needs, or that makes a loader allocate far more than the file holds.
pub const S904: Rule = Rule {
    id: "S904",
    title: "excessive size",
    severity: Severity::Warning,
    why: "a declared size makes a loader allocate or compute far more than the file itself holds (denial of service)",
    remedy: "do not load the file; ask its author for a regular export",
    references: &["CWE-789", "CWE-400"],
};

/// Metadata with content that has no business there.
pub const S905: Rule = Rule {
    id: "S905",
    title: "suspicious metadata",
    severity: Severity::Warning,
    why: "a metadata field holds code, markup or a path that a consumer may act on; names, prompts, licences, tags and URLs do not fire it",
    remedy: "read the field before showing it in a browser or passing it to another program",
    references: &["CWE-116"],
};

/// Valid as two formats at once.
pub const S908: Rule = Rule {
    id: "S908",
    title: "polyglot",
    severity: Severity::Warning,
    why: "the file is valid as two formats, so two programs see two different contents: one harmless, one not",
    remedy: "do not load the file; ask its author why it is two files in one",
    references: &["CWE-436"],
};

/// Two readers of the format see different content (ours; the field reports it as S902 or not at all).
pub const S910: Rule = Rule {
    id: "S910",
    title: "readers disagree about the content",
    severity: Severity::Warning,
    why: "two places of the file say different things about the same part (names, sizes, checksums, flags), and the readers in use \
          believe different ones: a scanner can be shown another content than the loader. Every reading was scanned.",
    remedy: "do not load the file; a regular writer never produces it",
    references: &["CWE-436", "CVE-2025-1944", "CVE-2025-10156"],
};

/// Bytes that no part of the structure accounts for (ours).
pub const S911: Rule = Rule {
    id: "S911",
    title: "bytes outside the structure",
    severity: Severity::Warning,
    why: "the file holds bytes that its own structure does not account for: a place to hide a payload. Zero padding and \
          alignment do not fire it.",
    remedy: "find out what the bytes are; a regular export has none",
    references: &["CWE-506"],
};

/// The content is encrypted, so nobody could look at it (ours).
pub const S912: Rule = Rule {
    id: "S912",
    title: "encrypted content",
    severity: Severity::Warning,
    why: "the content is encrypted, so it could not be scanned; encryption is a common way to carry a payload past scanners",
    remedy: "decrypt it with a password from a trusted source and scan the result",
    references: &["CWE-506"],
};
