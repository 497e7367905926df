//! What msgpack checkpoints of Flax and JAX can hold that weights never do. Our own numbers in the hundred of the frameworks: the
//! field reports these without a code.

use modelaudit_plugin::{Rule, Severity};

/// Keys or texts that only code has.
pub const S1140: Rule = Rule {
    id: "S1140",
    title: "code in a Flax checkpoint",
    severity: Severity::Warning,
    why: "a key is the name of a Python special method or a text is Python code or a shell command. Msgpack itself runs nothing, but a \
          loader that rebuilds objects from such keys does, and weights have no use for them. Names of layers, prompts and URLs do not fire it.",
    remedy: "do not load the checkpoint with a loader that rebuilds objects; ask the author for weights alone",
    references: &["CWE-502", "https://flax.readthedocs.io/en/latest/api_reference/flax.serialization.html"],
};

/// Keys that are paths.
pub const S1141: Rule = Rule {
    id: "S1141",
    title: "path in a Flax checkpoint's key",
    severity: Severity::Warning,
    why: "a key climbs out of its folder or is absolute: converters write one file for each parameter and join the key to a folder",
    remedy: "do not convert or unpack the checkpoint; ask the author for a regular export",
    references: &["CWE-22"],
};

/// Arrays and extensions that are not weights.
pub const S1142: Rule = Rule {
    id: "S1142",
    title: "Flax array is not what it says",
    severity: Severity::Warning,
    why: "an array's element type is Python objects, its shape does not fit its bytes, or an extension type is one that Flax does not write: \
          a reader falls back to pickle or believes a size that is not there. Types 1 to 3 with plain numbers do not fire it.",
    remedy: "do not load the checkpoint; ask the author for a regular export",
    references: &["CWE-502", "CWE-1284"],
};

/// A file in a value.
pub const S1143: Rule = Rule {
    id: "S1143",
    title: "foreign file in a Flax checkpoint",
    severity: Severity::Warning,
    why: "a binary value outside any array begins like a pickle, an executable or an archive: a place that scanners do not look at. Bytes of \
          number arrays do not fire it.",
    remedy: "find out what the value is for before anything unpickles or runs it",
    references: &["CWE-506"],
};
