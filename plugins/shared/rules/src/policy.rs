//! S10xx: names, hashes and remote code that a policy speaks of.
//!
//! S1001 to S1010 are the field's codes; those from S1011 on are ours: the field reports chat templates and configurations
//! without a code, or not at all.

use modelaudit_plugin::{Rule, Severity};

/// A template that reaches Python's internals.
pub const S1011: Rule = Rule {
    id: "S1011",
    title: "template escapes its sandbox",
    severity: Severity::Critical,
    why: "a chat template is a program which the application renders for every prompt; this one reaches for Python's special attributes, \
          frames or the engine's globals, the way from a text to the operating system. Names that are put together from pieces are folded \
          first. The templates of chat models use messages, tools and filters only and do not fire it; an attribute whose name can't be \
          known before rendering is a warning.",
    remedy: "do not load the model in a program that renders its template; use a template from the model's original author",
    references: &["CVE-2024-34359", "CVE-2024-56326", "CVE-2025-27516", "CVE-2026-5760", "CWE-1336", "CWE-94"],
};

/// A repository whose configuration names Python code of its own.
pub const S1012: Rule = Rule {
    id: "S1012",
    title: "configuration asks for remote code",
    severity: Severity::Warning,
    why: "the configuration names Python files or classes that come with the model (or from another repository) and that the library \
          imports on loading, or switches the question about it off. Some programs ran them even when trust_remote_code was off. Classes \
          of the libraries themselves do not fire it.",
    remedy: "read the named Python files before loading the model, pin the revision, and leave trust_remote_code off",
    references: &["CVE-2025-66448", "CVE-2026-22807", "CVE-2026-27893", "CWE-829"],
};

/// A configuration that names a callable to be called.
pub const S1013: Rule = Rule {
    id: "S1013",
    title: "configuration instantiates a dangerous callable",
    severity: Severity::Critical,
    why: "frameworks with instantiation by name (Hydra, NeMo, Lightning, latent diffusion) import the dotted name in `_target_`, `target` or \
          `class_path` and call it with the values beside it; this one starts processes, runs code, or reads and writes files. Layers, \
          optimisers, data sets and the author's own classes do not fire it.",
    remedy: "do not load the configuration; ask its author what the callable is for",
    references: &["CVE-2025-23304", "CWE-470", "CWE-502"],
};

/// A YAML tag that makes a loader build objects.
pub const S1014: Rule = Rule {
    id: "S1014",
    title: "YAML tag builds objects",
    severity: Severity::Critical,
    why: "unsafe YAML loaders turn the tag into an import and a call (PyYAML's python/object family, HyperPyYAML's apply, SnakeYAML, \
          Ruby): code runs while the file is read. Tags of plain data (tuple, str) and classes known to be harmless do not fire it.",
    remedy: "do not load the file with an unsafe loader; ask its author for plain YAML",
    references: &["CVE-2017-18342", "CVE-2020-14343", "CVE-2022-1471", "CWE-502"],
};

/// Dependencies from places other than the public package index.
pub const S1015: Rule = Rule {
    id: "S1015",
    title: "packages from an unusual place",
    severity: Severity::Warning,
    why: "the dependency list takes packages from another index, a repository, an address or an untrusted host; installing a package \
          runs its author's code, and a second index lets anyone shadow a public name. The indexes of PyPI, PyTorch, NVIDIA, conda and \
          Hugging Face do not fire it.",
    remedy: "install the packages from the public index by name and version, or check who owns the address",
    references: &["CWE-829", "CWE-427", "CWE-494"],
};

/// A template that takes in another file.
pub const S1016: Rule = Rule {
    id: "S1016",
    title: "template loads another file",
    severity: Severity::Warning,
    why: "the template includes, imports or extends another one: what is rendered is not what was scanned, and where the engine has a file \
          loader, the content of the named file goes into the prompt. An absolute path or one that climbs is critical. No chat template \
          needs it.",
    remedy: "do not render the template; ask for one that stands on its own",
    references: &["CWE-98", "CWE-22"],
};

/// A value of a configuration that is a command.
pub const S1017: Rule = Rule {
    id: "S1017",
    title: "command in a configuration",
    severity: Severity::Critical,
    why: "a value is a complete attack command (a reverse shell, a download that is piped into a shell, an encoded PowerShell call): whatever \
          passes the value on to a shell runs it. Words, paths, prompts and ordinary launch commands do not fire it.",
    remedy: "do not use the configuration; find out which program reads the value",
    references: &["CWE-78", "CWE-506"],
};

/// A Python path configuration file with code.
pub const S1018: Rule = Rule {
    id: "S1018",
    title: "path configuration file runs code",
    severity: Severity::Critical,
    why: "every line of a .pth file in site-packages that starts with `import` is executed whenever Python starts; the extension is \
          shared with PyTorch checkpoints, which makes it a good disguise. Lines that are paths do not fire it, the known one-liners of \
          packaging tools are a note.",
    remedy: "delete the file, and look for it in the site-packages folders of machines that had it",
    references: &["https://docs.python.org/3/library/site.html", "CWE-506", "CWE-94"],
};

/// An MLflow model that loads the author's code.
pub const S1019: Rule = Rule {
    id: "S1019",
    title: "MLflow model loads custom code",
    severity: Severity::Warning,
    why: "MLflow imports the module named as loader (with the model's own code folder on the path) and calls it when the model is loaded. \
          MLflow's own flavours do not fire it.",
    remedy: "read the module and the code folder before loading the model",
    references: &["CWE-829", "https://mlflow.org/docs/latest/models.html"],
};
