//! The vocabulary of the policy: what a global can do, how it may be used, what is thought of it.

use modelaudit_plugin::Severity;

/// What a global can do, for grouping and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Starts processes.
    Process,
    /// Runs text, bytecode or expressions as code.
    CodeEvaluation,
    /// Runs code in another interpreter of the process.
    SubInterpreter,
    /// Imports modules or turns names into objects.
    Import,
    /// Reaches objects that the pickle could not name, or calls a function handed to it.
    Reflection,
    /// Changes state of the interpreter: hooks, handlers, threads, import tables.
    Registry,
    /// Opens, writes, unpacks or deletes files.
    FileSystem,
    /// Talks to the network.
    Network,
    /// Loads or calls native code.
    NativeCode,
    /// Deserialises further data (a second pickle, YAML with tags, a model file).
    ReEntry,
    /// Debuggers, which run what they are given.
    Debugger,
    /// Installs packages or creates environments.
    Packaging,
    /// Test frameworks, which import and run what they are given.
    TestFramework,
    /// Decodes text or bytes: harmless alone, the feeder of an evaluator in a chain.
    Decoder,
    /// Reaches into a scanner of models.
    ScannerTampering,
}

impl Group {
    /// The name in the data file, in reports and in details (`code-evaluation`).
    pub fn id(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::CodeEvaluation => "code-evaluation",
            Self::SubInterpreter => "sub-interpreter",
            Self::Import => "import",
            Self::Reflection => "reflection",
            Self::Registry => "registry",
            Self::FileSystem => "file-system",
            Self::Network => "network",
            Self::NativeCode => "native-code",
            Self::ReEntry => "re-entry",
            Self::Debugger => "debugger",
            Self::Packaging => "packaging",
            Self::TestFramework => "test-framework",
            Self::Decoder => "decoder",
            Self::ScannerTampering => "scanner-tampering",
        }
    }
}

/// How a safe name may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A class that is constructed without running its `__init__`: NEWOBJ, `copyreg._reconstructor`, then BUILD. A call by
    /// REDUCE is *not* covered (its arguments would reach `__init__`).
    Class,
    /// A function or class that may be called by REDUCE with any arguments, and constructed as a [`Role::Class`] may.
    Callable,
    /// Safe only if its arguments pass the machine's own check, named by the tag (see `data/checks.txt` for the list).
    Checked(&'static str),
}

/// What the policy thinks of a global.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement<'t> {
    /// Listed as dangerous.
    Dangerous(&'t Entry),
    /// Reviewed and harmless in this role.
    Safe(Role),
    /// `__main__` and similar: defined by the author's own script.
    Main,
    /// In no table.
    Unknown {
        /// The top-level package is one that the package index is known to hold (a list is shipped), or the standard library.
        known_package: bool,
        /// It is a module of the standard library (CPython 3.8 to 3.14, or 2.7).
        standard_library: bool,
    },
}

/// One dangerous global, or a family of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Canonical module.
    pub module: &'static str,
    /// Name inside it, dotted for attributes of classes. `*` is every name of the module and of its submodules.
    pub name: &'static str,
    /// What it can do.
    pub group: Group,
    /// Severity when the pickle calls it.
    pub called: Severity,
    /// Severity when it is imported, stored or passed on, but not called by the pickle.
    pub imported: Severity,
    /// `NEWOBJ` of a class runs only its `__new__`: true if that alone does the harm.
    pub dangerous_by_new: bool,
    /// Where the entry comes from: an advisory, a reference section, a review.
    pub source: &'static str,
    /// Half a sentence for the message: "starts a process".
    pub why: &'static str,
}
