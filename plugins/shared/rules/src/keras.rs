//! What Keras models (`.keras`, HDF5, Keras metadata of a SavedModel) can do. S1103, the Lambda layer, stands with the frameworks.
//!
//! S810 is the field's; those from S1130 on are ours, for the field reports them without a code or by CVE number only.

use modelaudit_plugin::{Rule, Severity};

/// Classes that Keras does not have.
pub const S810: Rule = Rule {
    id: "S810",
    title: "Keras custom objects",
    severity: Severity::Info,
    why: "the model is built from classes or functions that Keras does not have, so loading it needs code from its author. A warning if the \
          configuration hands them a command or code, or if it names a module outside the known frameworks, which Keras before 3.9 imports.",
    remedy: "get the code from the model's author and read it before loading the model with custom_objects",
    references: &["CWE-829", "CVE-2025-1550", "https://keras.io/guides/serialization_and_saving/"],
};

/// A configuration that names a dangerous function or class.
pub const S1130: Rule = Rule {
    id: "S1130",
    title: "Keras configuration calls dangerous code",
    severity: Severity::Critical,
    why: "Keras builds what the configuration names by module and class and calls functions with the arguments that stand beside them; \
          this one runs code, reads or writes files, talks to the network or switches Keras' own protection off. Layers, \
          losses, metrics, activations and operations of Keras do not fire it.",
    remedy: "do not load the model, with safe_mode or without; ask its author for one built from Keras' own layers",
    references: &[
        "CVE-2025-1550",
        "CVE-2025-8747",
        "CVE-2025-9906",
        "CVE-2025-12060",
        "CVE-2025-49655",
        "CWE-502",
        "CWE-94",
    ],
};

/// A layer that opens a file or URL of the configuration's choice.
pub const S1131: Rule = Rule {
    id: "S1131",
    title: "Keras layer reads a file or URL",
    severity: Severity::Warning,
    why: "the layer opens the path or URL in its configuration when the model is loaded (vocabularies of lookup and text layers, the \
          folder of a TFSMLayer, the handle of a layer of TensorFlow Hub), so the file decides what is read on the machine or fetched from the network. Vocabularies \
          that stand in the model itself do not fire it.",
    remedy: "do not load the model, or update Keras to 3.12 or later; ask the author for a model that holds its vocabulary",
    references: &["CVE-2025-12058", "CWE-918", "CWE-73"],
};

/// HDF5 that reads other files.
pub const S1132: Rule = Rule {
    id: "S1132",
    title: "HDF5 reads another file",
    severity: Severity::Warning,
    why: "an external link, external storage or a virtual dataset makes the HDF5 library open another file when weights are read, so the \
          model decides which files of the machine end up in it. Keras never writes one. Critical where the path is absolute or \
          leaves the folder.",
    remedy: "do not load the file; update Keras to 3.12.1 or 3.13.2 and ask the author for a self-contained file",
    references: &["CVE-2026-1669", "CWE-73", "CWE-22"],
};

/// HDF5 filters that load native code.
pub const S1133: Rule = Rule {
    id: "S1133",
    title: "HDF5 filter plugin",
    severity: Severity::Info,
    why: "a dataset is packed with a filter that the HDF5 library does not have, so it loads a native library of that number from its plugin \
          path. A warning for numbers that nobody registered; registered ones (blosc, zstd, lz4 ...) are common in science.",
    remedy: "make sure that HDF5_PLUGIN_PATH names no folder that others can write to",
    references: &["CWE-427", "https://github.com/HDFGroup/hdf5_plugins/blob/master/docs/RegisteredFilterPlugins.md"],
};

/// A payload in an HDF5 dataset.
pub const S1134: Rule = Rule {
    id: "S1134",
    title: "HDF5 dataset holds a foreign file",
    severity: Severity::Warning,
    why: "an opaque or text dataset, or the block before the HDF5 data, holds a pickle, an executable or a script: a place where weights are \
          expected and scanners do not look. Numbers do not fire it, whatever their bytes look like.",
    remedy: "do not read the dataset with pickle; ask the author what it is for",
    references: &["CWE-506", "CWE-502"],
};

/// Python source in a Keras archive.
pub const S1135: Rule = Rule {
    id: "S1135",
    title: "Python source in a Keras archive",
    severity: Severity::Warning,
    why: "Keras writes a configuration, weights and assets into its archives and never source code; code beside them waits for a loader, or \
          for a user, that runs it",
    remedy: "read the file before running anything of the archive",
    references: &["CWE-506"],
};
