//! S4xx: what a file does to the file system: where paths point, what an unpacker would write, how much it would write.

use modelaudit_plugin::{Rule, Severity};

/// Python's `open` for writing or appending.
pub const S401: Rule = Rule {
    id: "S401",
    title: "file opened for writing",
    severity: Severity::Critical,
    why: "loading the file opens a file for writing or appending, at a place that the file's author chose; reading does not fire it",
    remedy: "do not load the file",
    references: &["CWE-502", "CWE-73"],
};

/// Writing, moving or deleting through `pathlib` and the like.
pub const S402: Rule = Rule {
    id: "S402",
    title: "file written through a path object",
    severity: Severity::Critical,
    why: "loading the file writes, renames or deletes through a path object (pathlib and the like); naming a path alone does not fire it",
    remedy: "do not load the file",
    references: &["CWE-502", "CWE-73"],
};

/// `shutil`: copies, moves, deletes whole trees, unpacks archives.
pub const S403: Rule = Rule {
    id: "S403",
    title: "file tree copied, moved or deleted",
    severity: Severity::Critical,
    why: "loading the file calls functions that copy, move, delete or unpack whole trees (shutil and the like)",
    remedy: "do not load the file",
    references: &["CWE-502", "CWE-73"],
};

/// `tempfile`.
pub const S404: Rule = Rule {
    id: "S404",
    title: "temporary file created",
    severity: Severity::Warning,
    why: "loading the file creates temporary files, which is how a payload is dropped before it is run",
    remedy: "find out what is written before loading the file",
    references: &["CWE-377"],
};

/// A name or reference that leaves the folder it belongs to.
pub const S405: Rule = Rule {
    id: "S405",
    title: "path traversal",
    severity: Severity::Critical,
    why: "a member name or a reference leaves the folder that it belongs to ('..' beyond the root, an absolute path, a drive or a \
          network share): unpacking or loading writes or reads a file of the author's choice. '..' inside a word, or one that stays \
          inside the folder, does not fire it.",
    remedy: "do not unpack the file; ask its author for one whose paths are relative and stay inside",
    references: &["CWE-22", "CWE-23", "CWE-36"],
};

/// A link in an archive whose target lies outside.
pub const S406: Rule = Rule {
    id: "S406",
    title: "link leaves the archive",
    severity: Severity::Critical,
    why: "a symbolic or hard link of the archive points outside the folder it is unpacked to, or a member is written through such a \
          link: unpacking or reading touches a file of the author's choice. Relative links that stay inside (as in model caches) \
          do not fire it.",
    remedy: "do not unpack the file; ask its author for one without links",
    references: &["CWE-59", "CWE-61"],
};

/// A dotfile.
pub const S407: Rule = Rule {
    id: "S407",
    title: "hidden file access",
    severity: Severity::Info,
    why: "a reference names a hidden file outside the model's own folder; hidden members of an archive do not fire it, torch writes some",
    remedy: "check what the hidden file is for",
    references: &["CWE-552"],
};

/// A path into the system's own folders.
pub const S408: Rule = Rule {
    id: "S408",
    title: "system file access",
    severity: Severity::Critical,
    why: "a link or a reference names a file of the operating system (/etc, /proc, /dev, C:\\Windows and the like): unpacking or \
          loading reads or replaces it",
    remedy: "do not unpack or load the file",
    references: &["CWE-22", "CWE-59", "CWE-73"],
};

/// A path into the user's home folder.
pub const S409: Rule = Rule {
    id: "S409",
    title: "home directory access",
    severity: Severity::Warning,
    why: "a reference names a file in the user's home folder, where keys, tokens and start-up scripts are",
    remedy: "check what the reference is for before loading the file",
    references: &["CWE-552", "CWE-73"],
};

/// Unpacks to far more than it is.
pub const S410: Rule = Rule {
    id: "S410",
    title: "archive bomb",
    severity: Severity::Warning,
    why: "the file unpacks to far more than it is (ratio, overlapping members, number of members, depth), or declares sizes that \
          make an unpacker fill the disk or the memory. Tensors of zeros compress well, too: a high ratio alone is judged by what \
          is really there.",
    remedy: "do not unpack the file; ask its author for a regular export",
    references: &["CWE-409", "CWE-400"],
};

/// Members of an archive that are more than files (ours).
pub const S411: Rule = Rule {
    id: "S411",
    title: "special file in an archive",
    severity: Severity::Warning,
    why: "the archive creates a device node, a named pipe, or a program that runs with its owner's rights (setuid, setgid): no model \
          needs one. Files, folders and the sticky bit do not fire it.",
    remedy: "unpack it without special files and permissions, as an ordinary user",
    references: &["CWE-732"],
};
