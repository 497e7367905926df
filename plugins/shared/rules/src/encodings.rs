//! S6xx: encoded and obfuscated payloads. S608 is free in the field's catalogue.

use modelaudit_plugin::{Rule, Severity};

/// Base64 that decodes to something that runs.
pub const S601: Rule = Rule {
    id: "S601",
    title: "base64 payload",
    severity: Severity::Warning,
    why: "a text is base64 that decodes to code, a pickle or a program: a way to carry a payload past a search for words. Base64 \
          that decodes to plain data (weights, pictures, keys of a tokenizer) does not fire it.",
    remedy: "decode the text and look at it before loading the file",
    references: &["CWE-506"],
};

/// Hexadecimal text that decodes to something that runs.
pub const S602: Rule = Rule {
    id: "S602",
    title: "hex payload",
    severity: Severity::Warning,
    why: "a text is hexadecimal and decodes to code, a pickle or a program; hashes and identifiers do not fire it",
    remedy: "decode the text and look at it before loading the file",
    references: &["CWE-506"],
};

/// A compressed blob where none belongs.
pub const S603: Rule = Rule {
    id: "S603",
    title: "compressed payload",
    severity: Severity::Warning,
    why: "a field holds compressed data that unpacks to code, a pickle or a program; a whole file that is compressed does not fire it",
    remedy: "unpack the data and look at it before loading the file",
    references: &["CWE-506"],
};

/// Code made unreadable.
pub const S604: Rule = Rule {
    id: "S604",
    title: "encrypted or obfuscated code",
    severity: Severity::Warning,
    why: "code is encrypted or rewritten so that nobody can read it (packers, marshalled bytecode, chains of decoders before exec)",
    remedy: "do not load the file; ask its author for readable code",
    references: &["CWE-506"],
};

/// Text that looks like another text.
pub const S605: Rule = Rule {
    id: "S605",
    title: "deceptive Unicode",
    severity: Severity::Warning,
    why: "a name or code holds look-alike letters, invisible characters or bidirectional controls, so that a person reads something \
          else than the machine; natural-language text in other scripts does not fire it",
    remedy: "compare the name byte by byte with the one that you expect",
    references: &["CVE-2021-42574", "CWE-1007"],
};

/// A letter shift.
pub const S606: Rule = Rule {
    id: "S606",
    title: "shifted text",
    severity: Severity::Warning,
    why: "a text is code or a command once its letters are shifted (rot13)",
    remedy: "decode the text and look at it before loading the file",
    references: &["CWE-506"],
};

/// XOR with a short key.
pub const S607: Rule = Rule {
    id: "S607",
    title: "XOR-encoded payload",
    severity: Severity::Warning,
    why: "bytes are code or a program once they are combined with a short key",
    remedy: "decode the bytes and look at them before loading the file",
    references: &["CWE-506"],
};

/// Percent encoding around a payload.
pub const S609: Rule = Rule {
    id: "S609",
    title: "percent-encoded payload",
    severity: Severity::Warning,
    why: "a text is code, markup or a path once its percent encoding is undone; ordinary URLs do not fire it",
    remedy: "decode the text and look at it before using it",
    references: &["CWE-177"],
};

/// An encoding made for the purpose.
pub const S610: Rule = Rule {
    id: "S610",
    title: "custom encoding",
    severity: Severity::Warning,
    why: "the file carries its own decoder next to encoded data",
    remedy: "find out what the data decodes to before loading the file",
    references: &["CWE-506"],
};
