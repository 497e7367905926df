//! S11xx: what the formats of the smaller frameworks can do.
//!
//! S1106 to S1108 are the field's codes; those from S1160 on are ours, for the field reports them without a code or as S902.

use modelaudit_plugin::{Rule, Severity};

/// An operator of an MXNet graph that needs code from elsewhere.
pub const S1106: Rule = Rule {
    id: "S1106",
    title: "MXNet custom operator",
    severity: Severity::Warning,
    why: "the operator Custom, Native or _NDArray calls Python that the program registered under the name in op_type, or an attribute \
          names a native library: the graph runs only with code from elsewhere, which the model picks",
    remedy: "find out which code implements the operator and whether you trust it; never load a library that came with the model",
    references: &["CWE-829", "https://mxnet.apache.org/versions/1.9.1/api/python/docs/tutorials/extend/customop.html"],
};

/// An operator of a Paddle program that leaves the computation.
pub const S1107: Rule = Rule {
    id: "S1107",
    title: "Paddle operator leaves the computation",
    severity: Severity::Warning,
    why: "a Paddle program is a list of operators that the executor runs, and this one calls Python (py_func), reads or writes files, \
          or talks to other machines. Feeding, fetching, Print and Assert do not fire it.",
    remedy: "do not run the program; ask its author for an inference export (save_inference_model) without the operator",
    references: &["CWE-94", "CWE-73", "https://github.com/PaddlePaddle/Paddle/blob/develop/SECURITY.md"],
};

/// A CoreML layer or model whose code is not in the file.
pub const S1108: Rule = Rule {
    id: "S1108",
    title: "CoreML custom layer or model",
    severity: Severity::Warning,
    why: "the model asks the app for a class of this name and hands it weights and parameters: what the layer does is nowhere in the file. \
          Inert in an app that has no such class.",
    remedy: "find out which class implements it and read that class before shipping the model",
    references: &["CWE-829", "https://apple.github.io/coremltools/mlmodel/Format/NeuralNetwork.html"],
};

/// An unevaluated promise in serialized R data.
pub const S1160: Rule = Rule {
    id: "S1160",
    title: "R promise runs code when it is touched",
    severity: Severity::Critical,
    why: "a promise holds an expression that R evaluates the first time the value is used, printing included; before R 4.4.0, readRDS and \
          load hand out promises from any file. Promises that hold their value, and unforced arguments in the environment of a function, \
          as real models have them, do not fire it unless they call a function that starts programs, loads code or changes files.",
    remedy: "do not load the file; if you must, use R 4.4.0 or later and look at the expression first",
    references: &["CVE-2024-27322", "CWE-502", "https://nvd.nist.gov/vuln/detail/CVE-2024-27322"],
};

/// A call in serialized R code that starts a program.
pub const S1161: Rule = Rule {
    id: "S1161",
    title: "R code starts programs",
    severity: Severity::Warning,
    why: "a function or expression in the file calls one that starts programs or loads code, with a command or a payload's address as its \
          argument. Functions, formulas and calls alone are everyday in R models and do not fire it.",
    remedy: "read the function before using the model",
    references: &["CWE-78"],
};

/// Lua in a Torch7 file that reaches the system.
pub const S1162: Rule = Rule {
    id: "S1162",
    title: "Lua code reaches the system",
    severity: Severity::Critical,
    why: "a function that is stored in the file names os.execute, io.popen, loadstring, ffi or another way out of Lua; Torch7 rebuilds the \
          function when it loads the file, and the model calls it when it is used",
    remedy: "do not load the file; convert the weights where nothing can be harmed",
    references: &["CWE-502", "https://github.com/torch/torch7/blob/master/doc/serialization.md"],
};

/// A document that makes its parser read another file.
pub const S1163: Rule = Rule {
    id: "S1163",
    title: "XML external entity",
    severity: Severity::Warning,
    why: "the document type declares an entity or a subset that stands in another file or on another machine, or the document includes one: \
          a parser that follows it leaks local files or connects out. The old document types of dmg.org are a note, no more.",
    remedy: "do not parse the file with entities switched on; a regular export has none",
    references: &[
        "CWE-611",
        "CWE-918",
        "https://cheatsheetseries.owasp.org/cheatsheets/XML_External_Entity_Prevention_Cheat_Sheet.html",
    ],
};

/// Entities that expand to far more than the file holds.
pub const S1164: Rule = Rule {
    id: "S1164",
    title: "XML entity expansion",
    severity: Severity::Warning,
    why: "entities refer to entities, or one is used so often that the text expands to far more than the file holds (billion laughs)",
    remedy: "do not parse the file with entities switched on; a regular export has none",
    references: &["CWE-776", "CVE-2003-1564"],
};

/// A document type where the format has none.
pub const S1165: Rule = Rule {
    id: "S1165",
    title: "XML document type",
    severity: Severity::Info,
    why: "the document declares a type or entities of its own, which no exporter of today writes; what they do is harmless by itself",
    remedy: "parse the file with document types switched off",
    references: &["CWE-827"],
};

/// Code where a document has data.
pub const S1166: Rule = Rule {
    id: "S1166",
    title: "PMML asks for code",
    severity: Severity::Warning,
    why: "an element or a function name asks the scoring engine to run a script or to load a Java class that is no function of PMML",
    remedy: "score the model only with an engine that has no extensions, and ask its author what the code is for",
    references: &["CWE-94", "CWE-470", "https://dmg.org/pmml/v4-4-1/GeneralStructure.html"],
};

/// An OpenVINO layer that needs a library.
pub const S1150: Rule = Rule {
    id: "S1150",
    title: "OpenVINO extension layer",
    severity: Severity::Warning,
    why: "the layer belongs to no operator set of OpenVINO: it runs only if the user loads a native library with it, and the model may even \
          name the library. The layers of openvino_tokenizers and openvino_contrib are a note, no more.",
    remedy: "find out which library implements the layer and whether you trust it; never load one that came with the model",
    references: &["CWE-829", "https://docs.openvino.ai/2025/documentation/openvino-extensibility.html"],
};

/// A name that is made for a regular expression.
pub const S1151: Rule = Rule {
    id: "S1151",
    title: "MXNet operator name attacks a regular expression",
    severity: Severity::Warning,
    why: "the name of an operator is long and full of what regular expressions take for syntax; MXNet before 1.9.1 builds one of it and \
          computes for ever",
    remedy: "do not load the model; a regular exporter never writes such a name",
    references: &["CVE-2022-24294", "CWE-1333"],
};
