//! S1120 to S1129: what the graphs of ONNX, TensorFlow and TensorFlow Lite do besides arithmetic.
//!
//! All ours: the field has no code for them. They stand beside S1102 and S1111 to S1119 in [`crate::frameworks`].

use modelaudit_plugin::{Rule, Severity};

/// An ONNX operator that calls a web service.
pub const S1120: Rule = Rule {
    id: "S1120",
    title: "ONNX operator talks to the network",
    severity: Severity::Warning,
    why: "an operator of onnxruntime-extensions sends its inputs, an access token among them, to the address that the model names whenever \
          the model runs; any other operator of the package (tokenizers, image decoders) does not fire it",
    remedy: "find out whose address it is before running the model, and never give it a token of yours",
    references: &[
        "CWE-200",
        "CWE-918",
        "https://github.com/microsoft/onnxruntime-extensions/blob/main/docs/custom_ops.md",
    ],
};

/// A TensorFlow operator that runs a graph which is not to be seen.
pub const S1121: Rule = Rule {
    id: "S1121",
    title: "TensorFlow runs a graph that can't be seen",
    severity: Severity::Warning,
    why: "DatasetFromGraph takes a serialised graph from a string and runs it. Where the string is a constant, plain, joined of parts, in \
          base64 or compressed, the graph inside was scanned; here it is computed or given by the caller, so nobody knows what runs. No \
          export of Keras or of tf.saved_model holds the operator.",
    remedy: "do not load the model; ask its author for an export whose graph is open",
    references: &["CWE-94", "CWE-506"],
};

/// Operators that TensorFlow does not register.
pub const S1122: Rule = Rule {
    id: "S1122",
    title: "TensorFlow custom operator",
    severity: Severity::Info,
    why: "the graph calls operators that TensorFlow itself does not register and that are no functions of the graph: to run it, the user \
          must load a native library. Packages such as TensorFlow Text, Addons or Decision Forests do this, so it is a note.",
    remedy: "find out which library implements the operators and whether you trust it; never load one that came with the model",
    references: &["CWE-829", "https://www.tensorflow.org/guide/create_op"],
};

/// A Flex operator whose options name another operation.
pub const S1123: Rule = Rule {
    id: "S1123",
    title: "TensorFlow Lite operator is not what it is called",
    severity: Severity::Warning,
    why: "the Flex delegate runs the TensorFlow operation that the operator's custom options name, not the one in its custom code, which \
          every viewer shows; the two differ here, which no converter writes. What really runs is judged by its own rule.",
    remedy: "do not load the model; a regular converter never writes it",
    references: &["CWE-451", "CWE-436"],
};
