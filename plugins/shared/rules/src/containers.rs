//! What OCI, Docker and Ollama manifests can say that pulling or running them acts on. Our own numbers in the hundred of the
//! frameworks: the field reports these without a code, or not at all.

use modelaudit_plugin::{Rule, Severity};

/// A descriptor that is not what the specification says.
pub const S1190: Rule = Rule {
    id: "S1190",
    title: "malformed OCI descriptor",
    severity: Severity::Warning,
    why: "a descriptor of a manifest lacks a valid digest or size, or its embedded data are no base64: clients build a file name out of the \
          digest and trust the size. Digests of other registered algorithms do not fire it; one that climbs out of its folder is S405.",
    remedy: "do not pull the image with a client that does not validate manifests; ask its author to push it again",
    references: &["CWE-20", "CVE-2024-37032", "https://github.com/opencontainers/image-spec/blob/main/descriptor.md"],
};

/// Content that is fetched from somewhere else than the registry.
pub const S1191: Rule = Rule {
    id: "S1191",
    title: "layer fetched from elsewhere",
    severity: Severity::Warning,
    why: "a descriptor names URLs, so that pulling the image talks to hosts that its author chose (containerd sent them the registry's \
          credentials once), or a layer is a URL. Layers of a type that may not be distributed, with https URLs, are info: the base images of \
          Windows have those.",
    remedy: "check the hosts before pulling; prefer images whose layers are all in the registry",
    references: &["CVE-2020-15157", "CWE-829", "CWE-918"],
};

/// A document that two clients read as two things.
pub const S1192: Rule = Rule {
    id: "S1192",
    title: "ambiguous OCI document",
    severity: Severity::Warning,
    why: "the document is an index and a manifest at once, or its media type says one and its content the other: clients that pull by digest \
          see different images in it, so what was scanned or signed is not what runs",
    remedy: "do not pull the image; a regular builder never writes such a document",
    references: &["CVE-2021-41190", "CWE-843", "CWE-436"],
};

/// What a container runs when it is started.
pub const S1193: Rule = Rule {
    id: "S1193",
    title: "dangerous start of an image",
    severity: Severity::Warning,
    why: "the arguments of the entry point, command, health check or a build trigger, taken together, download and run code or give a shell \
          away (critical where only an attack does it; a command line in one argument is S1017), or the environment makes programs load \
          code out of a folder that anybody may write. Ordinary commands do not fire it.",
    remedy: "do not run the image; read the script it starts",
    references: &["CWE-506", "CWE-426", "https://github.com/opencontainers/image-spec/blob/main/config.md"],
};

/// A blob that is not there.
pub const S1194: Rule = Rule {
    id: "S1194",
    title: "missing blob",
    severity: Severity::Info,
    why: "the document names blobs that are not beside it, so they were not scanned with it. Images for several platforms are often stored in \
          part.",
    remedy: "pull the image as a whole and scan it again",
    references: &[],
};
