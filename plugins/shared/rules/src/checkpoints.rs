//! What checkpoints of JAX (Orbax, OCDBT, Zarr) hold that arrays never need.

use modelaudit_plugin::{Rule, Severity};

/// The field's code for JAX.
pub const S1105: Rule = Rule {
    id: "S1105",
    title: "JAX checkpoint asks for code",
    severity: Severity::Warning,
    why: "a document of the checkpoint names a function to restore or transform values with (restore_fn and the like), which arrays have no \
          use for; critical if the value is code itself. Names of Orbax handlers and of parameters do not fire it.",
    remedy: "do not restore the checkpoint with a tool that acts on such names; ask the author for arrays alone",
    references: &["CWE-502", "CWE-94"],
};

/// A store of arrays that is somewhere else (ours).
pub const S1195: Rule = Rule {
    id: "S1195",
    title: "store outside the checkpoint",
    severity: Severity::Warning,
    why: "a TensorStore specification reads its values from the network (http, gcs, s3) or from an absolute path, so opening the checkpoint \
          talks to a host of the author's choice or reads a file of this machine. Relative paths that stay inside do not fire it.",
    remedy: "look at the address before opening it; ask the author for a checkpoint that holds its own values",
    references: &["CWE-829", "CWE-918", "https://google.github.io/tensorstore/kvstore/index.html"],
};

/// Python objects in an array (ours).
pub const S1196: Rule = Rule {
    id: "S1196",
    title: "pickled objects in a Zarr array",
    severity: Severity::Warning,
    why: "the array's codecs are pickle (numcodecs), so reading a chunk, and for records opening the array, unpickles what stands there. Info \
          for arrays of objects with a codec that only makes texts or numbers (vlen-utf8, json2, msgpack2), or with none.",
    remedy: "do not open the array with zarr-python; ask its author for plain numbers",
    references: &["CWE-502", "https://numcodecs.readthedocs.io/en/stable/other/pickles.html"],
};
