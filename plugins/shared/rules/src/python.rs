//! S116 to S122: what Python code does, beyond the modules of S101 to S115. The field has no codes for these.

use modelaudit_plugin::{Rule, Severity};

/// What to do about code that attacks.
const DO_NOT_RUN: &str =
    "do not import or run the file, and do not load the model that it belongs to; report it to the hub that serves it";

/// What to do about code that trusts others.
const READ_THE_CODE: &str =
    "read the code before running it, and run it only where it can do no harm (a container without network)";

/// Decoded text that is run (ours).
pub const S116: Rule = Rule {
    id: "S116",
    title: "decoded text is run as code",
    severity: Severity::Critical,
    why: "the code hands to exec, eval or an unpickler what it decoded before (base64, hex, zlib, XOR, character codes, a reversed \
          text, marshalled bytecode): nobody hides what they would show. Decoding data, and exec of a text that stands there, do not \
          fire it.",
    remedy: DO_NOT_RUN,
    references: &["CWE-506", "https://attack.mitre.org/techniques/T1027/"],
};

/// Downloaded data that is run (ours).
pub const S117: Rule = Rule {
    id: "S117",
    title: "download is run as code",
    severity: Severity::Critical,
    why: "the code runs what it gets over the network: exec, eval or an unpickler on a response, a command that a connection sends, a \
          program that was downloaded before. Downloading data does not fire it.",
    remedy: DO_NOT_RUN,
    references: &["CWE-494", "https://attack.mitre.org/techniques/T1105/"],
};

/// Persistence (ours).
pub const S118: Rule = Rule {
    id: "S118",
    title: "writes where the system runs it",
    severity: Severity::Critical,
    why: "the code writes to a file that a shell, the system or Python runs or trusts by itself: start files, timed jobs, services, \
          keys that may log in. Reading such a file, and other files, do not fire it.",
    remedy: DO_NOT_RUN,
    references: &["CWE-506", "https://attack.mitre.org/tactics/TA0003/"],
};

/// `trust_remote_code=True` (ours).
pub const S119: Rule = Rule {
    id: "S119",
    title: "code of a repository is trusted",
    severity: Severity::Info,
    why: "the code passes trust_remote_code=True, so that a library downloads Python files of a model's repository and runs them. It is \
          a fact about many honest scripts.",
    remedy: "pin the revision of the repository and read its code",
    references: &["CWE-829", "https://huggingface.co/docs/transformers/custom_models"],
};

/// Pickles loaded (ours).
pub const S120: Rule = Rule {
    id: "S120",
    title: "pickle is loaded",
    severity: Severity::Info,
    why: "the code loads a pickle (pickle, dill, joblib, torch.load with weights_only=False, numpy.load with allow_pickle=True): the \
          file it loads can run code. Loaders that take data alone do not fire it.",
    remedy: "scan the files that it loads; prefer weights_only=True and safetensors",
    references: &["CWE-502", "https://docs.python.org/3/library/pickle.html"],
};

/// Source in an encoding that hides it (ours).
pub const S121: Rule = Rule {
    id: "S121",
    title: "source in an encoding that hides it",
    severity: Severity::Warning,
    why: "the file declares an encoding (PEP 263) in which code does not look like code: utf-7, unicode_escape, rot13, punycode. An editor \
          shows comments or noise where Python runs statements. utf-8, latin-1 and the encodings of languages do not fire it.",
    remedy: DO_NOT_RUN,
    references: &["CWE-506", "https://peps.python.org/pep-0263/"],
};

/// Python text among data (ours).
pub const S122: Rule = Rule {
    id: "S122",
    title: "Python code among data",
    severity: Severity::Warning,
    why: "a text among binary data parses as Python and does what an attack does (runs commands, decoded or downloaded code, opens a \
          reverse shell). Words of a vocabulary, documentation, and code that only computes do not fire it.",
    remedy: READ_THE_CODE,
    references: &["CWE-506"],
};

/// All rules of this file.
pub const ALL: &[Rule] = &[S116, S117, S118, S119, S120, S121, S122];

#[cfg(test)]
mod tests {
    #[test]
    fn ids_run_on_and_texts_are_there() {
        crate::python::ALL.iter().zip(116..).for_each(|(rule, number)| {
            assert_eq!(rule.id, format!("S{number}"));
            assert!(!rule.title.ends_with('.') && rule.why.len() > 40 && rule.remedy.len() > 20, "{}", rule.id);
        });
    }
}
