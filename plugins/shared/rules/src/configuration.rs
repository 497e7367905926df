//! S1030 to S1033 (ours): settings that switch protections off, and the configurations of servers and image builders.

use modelaudit_plugin::{Rule, Severity};

/// A setting that a library names unsafe.
pub const S1030: Rule = Rule {
    id: "S1030",
    title: "setting switches a protection off",
    severity: Severity::Warning,
    why: "the configuration sets an option that exists to allow what its library forbids by default: unpickling what comes with the \
          model, running code that a model wrote, taking Python files from a repository without asking. Options that merely choose an \
          older file format (weights_only, allow_pickle) are a fact. The same options switched off do not fire it.",
    remedy: "remove the setting, and load the model with the library's defaults",
    references: &["CWE-1188", "CWE-502", "CWE-829"],
};

/// A Triton model that runs code.
pub const S1031: Rule = Rule {
    id: "S1031",
    title: "Triton model runs code of its author",
    severity: Severity::Warning,
    why: "the model configuration of Triton Inference Server has the server run Python files or native libraries that come with the \
          model (the Python backend, an execution environment, libraries of custom operators), or names a backend or a file by a path \
          that leaves the model's folder. Backends that interpret a graph do not fire it.",
    remedy: "read the model's Python files and find out where its libraries come from before the server loads it",
    references: &["CWE-829", "CWE-22", "https://github.com/triton-inference-server/python_backend"],
};

/// A Dockerfile that takes foreign code.
pub const S1032: Rule = Rule {
    id: "S1032",
    title: "image build takes code from an unusual place",
    severity: Severity::Warning,
    why: "building the image fetches code without a way to know whose it is: over plain HTTP or from a bare IP address, through a build \
          frontend that is not Docker's, or with the builder's sandbox off. Installers that are piped into a shell over HTTPS, as \
          many projects document them, are a fact.",
    remedy: "do not build the image before you have read what is fetched; pin it by its digest",
    references: &["CWE-494", "CWE-829"],
};

/// A Modelfile that takes parts from elsewhere.
pub const S1033: Rule = Rule {
    id: "S1033",
    title: "Modelfile takes its model from elsewhere",
    severity: Severity::Warning,
    why: "the Ollama Modelfile takes weights or an adapter from a registry that is not one of the public hubs, over plain HTTP, or by a \
          path that climbs out of its folder. Names of Ollama's own library, of Hugging Face and files beside it do not fire it.",
    remedy: "find out who runs the registry, and scan the model that it serves",
    references: &["CWE-829", "CWE-22", "https://github.com/ollama/ollama/blob/main/docs/modelfile.md"],
};

/// All rules of this file.
pub const ALL: &[Rule] = &[S1030, S1031, S1032, S1033];
