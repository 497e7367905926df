//! S118x: formats whose models name code to load or carry a program (CNTK, NeMo, Hydra configurations, llamafile).
//!
//! All are ours: the field reports these things under codes of another meaning, or without one.

use modelaudit_plugin::{Rule, Severity};

/// A CNTK model that makes its loader open a native library.
pub const S1180: Rule = Rule {
    id: "S1180",
    title: "CNTK user function loads a library",
    severity: Severity::Warning,
    why: "the model holds a native user function: CNTK opens the library that the file names and calls the function that it names, as soon \
          as the model is loaded. A name with a path (a share on another machine, a folder that anyone can write to) is critical. Built-in \
          operators and the blocks of the layers library do not fire it.",
    remedy: "find out which library it is and who wrote it; never load one that came with the model",
    references: &[
        "CWE-114",
        "CWE-829",
        "https://learn.microsoft.com/cognitive-toolkit/extend-cntk-with-custom-operations",
    ],
};

/// A CNTK model that makes its Python loader import a class.
pub const S1181: Rule = Rule {
    id: "S1181",
    title: "CNTK user function runs Python",
    severity: Severity::Warning,
    why: "the model holds a Python user function: cntk.load_model puts module and class out of the file into an import statement which it \
          executes. Names that are no names are code and critical; so is a module that no model needs. The author's own modules are a \
          warning, cntk's own a note.",
    remedy: "read the named module before loading the model; do not load one whose names are code",
    references: &["CWE-95", "CWE-829"],
};

/// A class that NeMo would not build.
pub const S1182: Rule = Rule {
    id: "S1182",
    title: "NeMo target outside the known classes",
    severity: Severity::Info,
    why: "the configuration of a NeMo model names a class or function that is not one of those NeMo and its libraries build models of; \
          NeMo before 2.3.2 imported and called whatever stood there, later releases refuse it. A function (a name in lower case) is a \
          warning. Names that are known to do harm have rule S1013.",
    remedy: "find out where the class comes from and what it does before loading the model, with a NeMo that checks targets",
    references: &["CVE-2025-23304", "CWE-470"],
};

/// A NeMo configuration that names files outside of its archive.
pub const S1183: Rule = Rule {
    id: "S1183",
    title: "NeMo artifact outside the archive",
    severity: Severity::Warning,
    why: "a value with the prefix `nemo:` names a file of the archive, and NeMo opens it below the folder that it unpacked the archive to; \
          this one climbs out of the folder, so that a file of the machine is read as part of the model",
    remedy: "do not load the model; a regular export names members of its own archive",
    references: &["CWE-22", "CWE-73"],
};

/// An interpolation whose resolver evaluates code.
pub const S1184: Rule = Rule {
    id: "S1184",
    title: "interpolation evaluates code",
    severity: Severity::Critical,
    why: "a value calls a resolver that evaluates its text (`${eval:...}`, which many programs register), and the text is code that reaches \
          beyond arithmetic. Sums and products of other values do not fire it.",
    remedy: "do not resolve the configuration; ask its author what the expression is for",
    references: &["CWE-95", "https://omegaconf.readthedocs.io/en/latest/custom_resolvers.html"],
};

/// A model that is a program.
pub const S1185: Rule = Rule {
    id: "S1185",
    title: "llamafile: the model is a program",
    severity: Severity::Warning,
    why: "a llamafile is an executable for six operating systems with the weights and everything it needs in a zip archive at its end. Using \
          it means running it, with all rights of the user: nothing in the file can show that the program is the one which the llamafile \
          project released. Archives and executables without a model do not fire it.",
    remedy: "take the weights out (`unzip`) and load them with a program of your own, or compare the runtime's hash with the release",
    references: &["CWE-829", "https://github.com/mozilla-ai/llamafile"],
};

/// Default arguments of a llamafile that widen what it does.
pub const S1186: Rule = Rule {
    id: "S1186",
    title: "llamafile arguments widen its reach",
    severity: Severity::Warning,
    why: "the llamafile starts with arguments out of its own archive; these switch its sandbox off, load or fetch another model, hand work \
          to another machine, or read and write files at a path that the author chose. Listening on all interfaces, which the project's own \
          examples do, is a note; sampling, threads, context and prompts do not fire it.",
    remedy: "read the arguments, and start the program with arguments of your own",
    references: &["CWE-15", "CWE-668"],
};

/// A program inside a llamafile that its runtime does not need.
pub const S1187: Rule = Rule {
    id: "S1187",
    title: "additional program in a llamafile",
    severity: Severity::Warning,
    why: "the archive of the llamafile holds a native library, a program or a script that is not one of the GPU modules and sources which the \
          runtime unpacks and loads itself",
    remedy: "find out what starts it; a regular llamafile holds weights, arguments, GPU modules and web pages",
    references: &["CWE-506"],
};
