//! S8xx: shapes, weights and layers, and what the containers of weights say about them.
//!
//! S811 to S819 are ours: the field has no code for what a torch, TorchServe or skops archive adds to a zip.

use modelaudit_plugin::{Finding, Rule, Severity, Sink, Span, clip, escape, quote};

/// A tensor that needs more bytes than its storage has, or a storage that is not as large as it says.
pub const S811: Rule = Rule {
    id: "S811",
    title: "tensor does not fit its storage",
    severity: Severity::Warning,
    why: "the pickle of a torch file names a storage that is missing or whose size is not its number of elements times their size, \
          or a tensor whose size, stride and offset reach beyond its storage: torch before 2.10 reads memory outside it \
          (CVE-2026-24747), and bytes that no element covers are a place to hide a payload. Views that share a storage do not \
          fire it.",
    remedy: "do not load the file with an older torch; ask its author for one that torch.save wrote",
    references: &["CVE-2026-24747", "CWE-125", "CWE-1284"],
};

/// Source code in a TorchScript archive that no compiler of TorchScript writes.
pub const S812: Rule = Rule {
    id: "S812",
    title: "TorchScript source runs code",
    severity: Severity::Critical,
    why: "a file under code/ is written by the TorchScript compiler and knows tensors, operators and its own classes; one that \
          imports Python modules, calls eval, exec, open or a process function, or walks Python internals was made by hand for \
          whoever executes it as Python. Comments, strings and attribute names do not fire it.",
    remedy: "do not load the file; ask its author for one that torch.jit.save wrote",
    references: &["CWE-94", "CVE-2025-32434"],
};

/// A TorchScript operator that touches files.
pub const S813: Rule = Rule {
    id: "S813",
    title: "TorchScript operator touches files or native code",
    severity: Severity::Warning,
    why: "aten::save writes a file and aten::from_file maps or creates one, at a path that the model chooses, whenever the model \
          runs; weights_only does not apply to TorchScript. Operators of a library (torchvision::nms) need native code that must \
          be loaded first; they are listed, no more.",
    remedy: "find out why the model touches files before running it",
    references: &["CWE-73", "CVE-2025-32434"],
};

/// Python sources in a torch archive.
pub const S814: Rule = Rule {
    id: "S814",
    title: "Python source in a torch archive",
    severity: Severity::Info,
    why: "torch.package archives carry Python modules that PackageImporter executes when the model is loaded; a plain torch.save \
          archive has none. It is a warning if a source starts processes or evaluates text.",
    remedy: "read the sources before loading the package",
    references: &["CWE-829"],
};

/// An archive with the name of a torch file that torch can't load.
pub const S815: Rule = Rule {
    id: "S815",
    title: "no torch model in the archive",
    severity: Severity::Info,
    why: "the file has the name of a torch checkpoint and is a zip archive, but holds no data.pkl, which torch.load reads",
    remedy: "find out which program wrote the file and which one is meant to read it",
    references: &[],
};

/// A node of a skops schema that builds something dangerous.
pub const S816: Rule = Rule {
    id: "S816",
    title: "skops node loads a dangerous name",
    severity: Severity::Critical,
    why: "schema.json of a skops file names the modules, classes and functions that loading imports and calls; one of them runs \
          code, starts processes, opens files or connects. skops asks for trust in the names it sees, which CVE-2025-54412 and \
          CVE-2025-54413 get around. Estimators of known libraries do not fire it.",
    remedy: "do not load the file, whatever its list of untrusted types says",
    references: &["CVE-2025-54412", "CVE-2025-54413", "CWE-502"],
};

/// A node of a skops schema whose claimed type is not what is built.
pub const S817: Rule = Rule {
    id: "S817",
    title: "skops node hides what it builds",
    severity: Severity::Critical,
    why: "a node's class and module, which skops shows to the user who must trust them, are not what its loader builds: the \
          function of an OperatorFuncNode outside the operator module, an attribute that a MethodNode takes from an object of \
          another type (CVE-2025-54412, CVE-2025-54413). skops' own writer never produces it.",
    remedy: "do not load the file; update skops to 0.13 or later",
    references: &["CVE-2025-54412", "CVE-2025-54413", "CWE-351"],
};

/// A TorchServe archive that fetches code.
pub const S818: Rule = Rule {
    id: "S818",
    title: "TorchServe archive fetches code",
    severity: Severity::Warning,
    why: "TorchServe installs the requirements of a model archive and loads the files its manifest names; one of them is a URL, a \
          repository, or comes from another package index. Plain names with versions do not fire it.",
    remedy: "install the requirements yourself from an index you trust, and switch install_py_dep_per_model off",
    references: &["CVE-2023-48299", "CWE-829", "CWE-494"],
};

/// A manifest that does not fit its archive.
pub const S819: Rule = Rule {
    id: "S819",
    title: "TorchServe manifest does not fit the archive",
    severity: Severity::Warning,
    why: "the manifest of a TorchServe archive is missing, stands there twice, is not the JSON it should be or names files that the archive \
          does not hold: the server reads something else than a reviewer",
    remedy: "ask the author for an archive that torch-model-archiver wrote",
    references: &["CWE-345"],
};

/// Names shown of each kind.
const SHOWN: usize = 5;

/// Defects of one kind in a file of many tensors, so that a million bad entries make one finding and not a million: how many, which were the first, where the first stands.
#[derive(Default)]
pub struct Tally {
    count: u64,
    names: Vec<String>,
    first: Option<(Span, String)>,
}

impl Tally {
    /// Counts one: the tensor or key, its place, and what is wrong in half a sentence.
    pub fn add(&mut self, name: &str, at: Span, what: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some((at, what()));
        }
        if self.names.len() < SHOWN {
            self.names.push(clip(&escape(name), 120));
        }
    }

    /// Reports them as one finding: `subject 'name' what`, and how many more there are.
    pub fn report(&self, rule: &Rule, severity: Option<Severity>, subject: &str, sink: &mut dyn Sink) {
        let (Some((at, what)), Some(name)) = (&self.first, self.names.first()) else { return };
        let more = match self.count {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        let message = format!("{subject} {} {what}{more}", quote(name));
        let mut finding = Finding::new(rule, message).at(at.offset, at.length).element(name.clone());
        if let Some(severity) = severity {
            finding = finding.severity(severity);
        }
        if self.count > 1 {
            finding = finding.detail("count", self.count.to_string()).detail("names", self.names.join(", "));
        }
        sink.finding(finding);
    }
}
