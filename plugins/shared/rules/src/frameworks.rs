//! S11xx: what one framework's format can do.
//!
//! S1101 to S1111 are the field's codes; those from S1112 on are ours, for the field reports them without a code or under a code of
//! another meaning.

pub mod tensorflow_ops;

use modelaudit_plugin::{Rule, Severity};

/// An operator of a TensorFlow graph that runs code or changes files.
pub const S1102: Rule = Rule {
    id: "S1102",
    title: "TensorFlow operator runs code or writes files",
    severity: Severity::Critical,
    why: "a graph is a program, and this operator runs Python, loads a native library or creates, changes or deletes files as soon as the \
          graph is restored or called; no sandbox stands between. What every export holds for its own checkpoints (SaveV2, RestoreV2, \
          MergeV2Checkpoints), Assert and Print do not fire it.",
    remedy: "do not load the model; ask its author for an export without the operator, or for weights alone",
    references: &[
        "CWE-94",
        "CWE-73",
        "https://github.com/tensorflow/tensorflow/blob/master/SECURITY.md",
        "https://github.com/ZJU-SEC/TensorAbuse",
    ],
};

/// A Keras Lambda layer.
pub const S1103: Rule = Rule {
    id: "S1103",
    title: "Keras Lambda layer",
    severity: Severity::Critical,
    why: "a Lambda layer keeps Python bytecode in the model, which Keras unpacks and runs when the model is loaded",
    remedy: "do not load the model; ask its author for one whose layers are classes",
    references: &["CWE-502", "CVE-2024-3660", "https://keras.io/api/layers/core_layers/lambda/"],
};

/// GGUF and GGML headers that break native parsers.
pub const S1110: Rule = Rule {
    id: "S1110",
    title: "GGUF header attacks its parser",
    severity: Severity::Warning,
    why: "a count, length, type, dimension or sum of sizes in the header can't be true for any file; native parsers that believe it write \
          or read outside their memory. Files that merely end early, and quantisations that are not known yet, do not fire it.",
    remedy: "do not load the file; get the model from its author again and compare the hash",
    references: &[
        "CVE-2024-21802",
        "CVE-2024-21825",
        "CVE-2024-21836",
        "CVE-2024-23496",
        "CVE-2024-23605",
        "CVE-2025-53630",
        "CVE-2026-27940",
        "CWE-190",
        "CWE-787",
    ],
};

/// An ONNX operator that the runtime does not have.
pub const S1111: Rule = Rule {
    id: "S1111",
    title: "ONNX custom operator",
    severity: Severity::Warning,
    why: "the graph calls an operator of a domain that neither ONNX nor a runtime in use defines and that no function of the model \
          implements: to run it, the user must load the author's native library. Known extension packages are a note, no more.",
    remedy: "find out which library implements the operator and whether you trust it; never load one that came with the model",
    references: &["CWE-829", "https://onnxruntime.ai/docs/reference/operators/add-custom-op.html"],
};

/// An operator of a TensorFlow graph that reads files.
pub const S1112: Rule = Rule {
    id: "S1112",
    title: "TensorFlow operator reads files",
    severity: Severity::Warning,
    why: "the operator reads files of the machine that runs the graph, at a path that the graph itself builds or names; the content can \
          leave with the model's output. Vocabularies among the model's own assets do not fire it.",
    remedy: "find out why the model reads the file before loading it",
    references: &["CWE-73", "CWE-200", "https://github.com/ZJU-SEC/TensorAbuse"],
};

/// An operator of a TensorFlow graph that talks to the network.
pub const S1113: Rule = Rule {
    id: "S1113",
    title: "TensorFlow operator talks to the network",
    severity: Severity::Warning,
    why: "the operator connects to another machine when the graph runs: it can send out what the model sees, or fetch more",
    remedy: "find out which machine it talks to and why, and run the model without network access",
    references: &["CWE-918", "CWE-200", "https://github.com/ZJU-SEC/TensorAbuse"],
};

/// An operator that TensorFlow does not have and whose name promises a process.
pub const S1114: Rule = Rule {
    id: "S1114",
    title: "suspicious TensorFlow custom operator",
    severity: Severity::Warning,
    why: "the operator is not part of TensorFlow, so a native library must be loaded to run it, and its name speaks of shells, processes or \
          downloads. Custom operators with other names do not fire it.",
    remedy: "find out which library defines the operator; never load one that came with the model",
    references: &["CWE-829"],
};

/// An ONNX operator that runs Python or a foreign engine.
pub const S1115: Rule = Rule {
    id: "S1115",
    title: "ONNX operator runs foreign code",
    severity: Severity::Critical,
    why: "the operator hands control to Python, to a native function or to a compiled engine that the model names or carries",
    remedy: "do not load the model; ask its author for an export with standard operators",
    references: &["CWE-94", "https://onnxruntime.ai/docs/reference/operators/contrib/"],
};

/// External data of an ONNX tensor that does not make sense.
pub const S1116: Rule = Rule {
    id: "S1116",
    title: "ONNX external data is malformed",
    severity: Severity::Warning,
    why: "the reference to a file with tensor data has a NUL byte, a negative or overflowing range, a key that stands twice or one that \
          the format does not know: loaders read another file or range than a reviewer sees",
    remedy: "do not load the model; a regular exporter never writes it",
    references: &["CVE-2026-34445", "CVE-2024-27318", "CWE-20", "CWE-158"],
};

/// A function of an ONNX model that replaces a standard operator.
pub const S1117: Rule = Rule {
    id: "S1117",
    title: "ONNX function replaces a standard operator",
    severity: Severity::Warning,
    why: "the model defines a function in the domain of the standard operators: where a reviewer reads a well-known name, the runtime \
          runs the model's own graph",
    remedy: "read the function before running the model",
    references: &["CWE-349"],
};

/// A TensorFlow Lite operator that the interpreter does not have.
pub const S1118: Rule = Rule {
    id: "S1118",
    title: "TensorFlow Lite custom operator",
    severity: Severity::Warning,
    why: "the operator is not built in: the model runs only in a program that registers the author's native code for it. Operators of \
          MediaPipe, TF Text, the accelerators' delegates and those that TensorFlow itself has are everyday and a note, no more.",
    remedy: "find out which library implements the operator and whether you trust it; never load one that came with the model",
    references: &["CWE-829", "https://ai.google.dev/edge/litert/models/ops_custom"],
};

/// A FlatBuffer that leads its readers out of the file.
pub const S1119: Rule = Rule {
    id: "S1119",
    title: "TensorFlow Lite structure attacks its parser",
    severity: Severity::Warning,
    why: "an offset, count or index leads outside the file or the table it belongs to; interpreters that skip the verifier read or write \
          memory that is not theirs",
    remedy: "do not load the file; get the model from its author again and compare the hash",
    references: &["CWE-125", "CWE-787", "CVE-2020-15211", "CVE-2021-37681", "CVE-2022-23558"],
};
