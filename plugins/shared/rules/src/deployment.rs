//! S11xx: what the formats that models are deployed in can do: ExecuTorch, TensorRT, LightGBM.
//!
//! S1109 is the field's code; those from S1170 on are ours, for the field reports them without a code or as S902.

use modelaudit_plugin::{Rule, Severity};

/// A library that a TensorRT engine names or carries.
pub const S1109: Rule = Rule {
    id: "S1109",
    title: "TensorRT plugin library",
    severity: Severity::Warning,
    why: "a layer of an engine can be a plugin, and TensorRT loads the plugin's native library: one that travels in the engine runs as soon \
          as the engine is deserialized, one that is named by a path into a folder that everybody may write, above its own or on another \
          machine is whoever's is there. NVIDIA's own libraries, bare names and paths of a build are a note, no more.",
    remedy: "build the engine yourself from the ONNX model, with plugins whose source you have",
    references: &[
        "CWE-829",
        "CWE-426",
        "https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/extending-custom-layers.html",
    ],
};

/// A backend that a program of ExecuTorch hands its data to.
pub const S1170: Rule = Rule {
    id: "S1170",
    title: "ExecuTorch delegate",
    severity: Severity::Warning,
    why: "a delegate hands bytes of the file to native code of a backend, which compiles, loads or runs them; nobody but the backend knows \
          what they do. It is a warning if no known backend has the name, if the backend loads the bytes as a native library (AOTInductor: \
          CUDA, Metal), or if an option names a library in a folder that everybody may write. The other backends of ExecuTorch are a note.",
    remedy: "export the model yourself, or run it only in an app that has no such backend",
    references: &[
        "CWE-829",
        "CWE-114",
        "https://docs.pytorch.org/executorch/stable/compiler-delegate-and-partitioner.html",
    ],
};

/// An operator that is not part of ExecuTorch.
pub const S1171: Rule = Rule {
    id: "S1171",
    title: "ExecuTorch custom operator",
    severity: Severity::Warning,
    why: "the operator is in a namespace that neither PyTorch nor ExecuTorch has: the program runs only in an app that registers the author's \
          native code for it. Operators of aten, quantized_decomposed, llama and the other libraries of ExecuTorch do not fire it.",
    remedy: "find out which library implements the operator and whether you trust it; never load one that came with the model",
    references: &["CWE-829", "https://docs.pytorch.org/executorch/stable/kernel-library-custom-aten-kernel.html"],
};

/// A program that leads the runtime out of its memory.
pub const S1172: Rule = Rule {
    id: "S1172",
    title: "ExecuTorch structure attacks its runtime",
    severity: Severity::Warning,
    why: "an offset, count, index or size leads outside the file, the segment or the list it belongs to, or two parts claim the same bytes; \
          the runtime checks the FlatBuffer only if it is asked to, and older releases believe the numbers in it. A file that merely ends \
          early is incomplete instead.",
    remedy: "do not load the file; get the model from its author again and compare the hash",
    references: &[
        "CWE-125",
        "CWE-190",
        "CWE-787",
        "https://github.com/advisories/GHSA-84m3-f99p-cqx5",
        "https://github.com/advisories/GHSA-f9hx-c6jf-3qxm",
        "https://github.com/advisories/GHSA-h952-963h-rv99",
    ],
};

/// A file that the parameters of a LightGBM model name.
pub const S1173: Rule = Rule {
    id: "S1173",
    title: "LightGBM parameter names a file or a machine",
    severity: Severity::Warning,
    why: "a model keeps the parameters of its training, and who continues or refits it hands them to LightGBM again, which reads or writes \
          the files and calls the machines they name. It is a warning if the path leads into the system, into hidden folders, above the \
          working folder or to another machine; folders of a user's data are a note, plain file names are not reported.",
    remedy: "clear the parameter in the model file before you continue its training",
    references: &["CWE-73", "CWE-22", "https://lightgbm.readthedocs.io/en/stable/Parameters.html"],
};

/// A tree that leads its reader out of the model.
pub const S1174: Rule = Rule {
    id: "S1174",
    title: "LightGBM tree leads outside the model",
    severity: Severity::Warning,
    why: "a child, a feature or a category of a tree has a number that does not exist, a list is shorter than the tree, or a node is its own \
          descendant: LightGBM does not check them when it loads a model, and reads foreign memory or never ends when it predicts",
    remedy: "do not load the model; get it from its author again and compare the hash",
    references: &["CWE-125", "CWE-835", "CWE-129"],
};

/// A compiled engine.
pub const S1175: Rule = Rule {
    id: "S1175",
    title: "TensorRT engine is opaque",
    severity: Severity::Info,
    why: "an engine is compiled code for one kind of GPU in a format that NVIDIA does not document: its strings, libraries and metadata were \
          looked at, its layers can not be",
    remedy: "load engines only from people whose code you would run; prefer the ONNX model, and build the engine yourself",
    references: &["https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/advanced.html"],
};
