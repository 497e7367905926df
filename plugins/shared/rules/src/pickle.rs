//! S2xx: what pickle opcodes do.

use modelaudit_plugin::{Rule, Severity};

/// What every remedy for code in a pickle comes down to.
const DO_NOT_LOAD: &str =
    "do not load the file; delete it, and ask its author for a format without code (safetensors, ONNX)";

/// `REDUCE` of a dangerous callable.
pub const S201: Rule = Rule {
    id: "S201",
    title: "code runs while the pickle is loaded",
    severity: Severity::Critical,
    why: "the REDUCE opcode calls a function that can start processes, evaluate code, write files, use the network or load \
          further code, with arguments that stand in the file. Calls of the functions that rebuild arrays, tensors and \
          estimators do not fire it.",
    remedy: DO_NOT_LOAD,
    references: &["CWE-502", "https://docs.python.org/3/library/pickle.html#restricting-globals"],
};

/// `INST` of a dangerous callable.
pub const S202: Rule = Rule {
    id: "S202",
    title: "code runs through the INST opcode",
    severity: Severity::Critical,
    why: "the protocol 0 opcode INST imports and calls in one step; no pickler has written it since Python 2. Here it calls \
          something that can do harm.",
    remedy: DO_NOT_LOAD,
    references: &["CWE-502"],
};

/// `OBJ` of a dangerous callable.
pub const S203: Rule = Rule {
    id: "S203",
    title: "code runs through the OBJ opcode",
    severity: Severity::Critical,
    why: "the protocol 1 opcode OBJ calls a class or function with the items above the mark. Here it calls something that can do harm.",
    remedy: DO_NOT_LOAD,
    references: &["CWE-502"],
};

/// `NEWOBJ` of a dangerous class.
pub const S204: Rule = Rule {
    id: "S204",
    title: "dangerous class is constructed",
    severity: Severity::Critical,
    why: "NEWOBJ constructs a class that can do harm, with arguments that stand in the file. Only __new__ runs, but no model \
          needs such an object.",
    remedy: DO_NOT_LOAD,
    references: &["CWE-502"],
};

/// `STACK_GLOBAL` with computed operands.
pub const S205: Rule = Rule {
    id: "S205",
    title: "name of an import is computed",
    severity: Severity::Critical,
    why: "the name of what is imported is put together while the file is loaded. Picklers write names as constants; the only \
          reason to compute one is to hide it from scanners.",
    remedy: DO_NOT_LOAD,
    references: &["CWE-502", "CWE-506"],
};

/// A dangerous global that is imported or stored, not called.
pub const S206: Rule = Rule {
    id: "S206",
    title: "dangerous function is imported",
    severity: Severity::Warning,
    why: "the pickle names a function that can do harm and stores it without calling it; it runs when the object is used. It is \
          critical when a function that starts processes or evaluates code becomes part of an object.",
    remedy: "find out why a model holds this function before using it; load it only in a sandbox",
    references: &["CWE-502"],
};

/// `BUILD` with state that makes code run.
pub const S207: Rule = Rule {
    id: "S207",
    title: "object state makes code run",
    severity: Severity::Critical,
    why: "BUILD sets the state of an object. Here the state replaces __setstate__, __reduce__, __class__ or the function that a \
          partial calls, which makes a later opcode, or the program that uses the object, run it; or it is a text that the class itself runs \
          (templates of scipy.stats distributions).",
    remedy: DO_NOT_LOAD,
    references: &["CWE-502"],
};

/// `BUILD` on a module, class or function.
pub const S208: Rule = Rule {
    id: "S208",
    title: "attributes of a module, class or function are set",
    severity: Severity::Warning,
    why: "BUILD on something that was imported writes its attributes for the whole process: trusted code is patched, or a \
          value is parked for a later dotted import. Picklers do it to instances only.",
    remedy: DO_NOT_LOAD,
    references: &["CWE-502", "CWE-913"],
};

/// `SETITEM` on something imported.
pub const S209: Rule = Rule {
    id: "S209",
    title: "item of an imported object is set",
    severity: Severity::Critical,
    why: "SETITEM changes an object that belongs to the process (sys.modules, os.environ, a module's dict) without any call",
    remedy: DO_NOT_LOAD,
    references: &["CWE-502", "CWE-913"],
};

/// `APPEND`, `SETITEMS`, `ADDITEMS` on something imported.
pub const S210: Rule = Rule {
    id: "S210",
    title: "imported object is changed",
    severity: Severity::Critical,
    why: "the pickle appends to or updates an object that belongs to the process (sys.path, sys.meta_path, a registry) without any call",
    remedy: DO_NOT_LOAD,
    references: &["CWE-502", "CWE-913"],
};

/// Extension registry.
pub const S211: Rule = Rule {
    id: "S211",
    title: "object of the extension registry",
    severity: Severity::Warning,
    why: "EXT1, EXT2 and EXT4 name an object by a number that copyreg of the loading process resolves, so nobody can tell from \
          the file what it is. Codes that the file itself registers are resolved and judged.",
    remedy: "ask the author which extension codes the file relies on, or for a pickle without them",
    references: &["CWE-502"],
};

/// Persistent ids of unknown shape.
pub const S212: Rule = Rule {
    id: "S212",
    title: "persistent id",
    severity: Severity::Info,
    why: "the loader's persistent_load is called with what stands in the file; a plain pickle.load refuses such a file. The \
          storages of torch files do not fire it.",
    remedy: "load the file only with the program that wrote it",
    references: &[],
};

/// A pickle inside of data.
pub const S213: Rule = Rule {
    id: "S213",
    title: "pickle hidden in data",
    severity: Severity::Warning,
    why: "a string, a bytes object or raw data is a complete pickle that calls something dangerous: the second stage of an \
          attack, one pickle.loads away from running. Data that merely resembles a pickle does not fire it.",
    remedy: "find out what reads this data; do not unpickle it",
    references: &["CWE-502", "CWE-506"],
};

/// Resource exhaustion.
pub const S214: Rule = Rule {
    id: "S214",
    title: "pickle exhausts memory or time",
    severity: Severity::Warning,
    why: "a few bytes make the loader allocate gigabytes (a memo index, a length far beyond the end of the file) or build a \
          structure whose walk never ends (containers that hold each other many times)",
    remedy: "do not load the file; a real model is as large as its content",
    references: &["CWE-400", "CWE-789"],
};

/// Frames that lie (ours).
pub const S215: Rule = Rule {
    id: "S215",
    title: "loaders read the pickle differently",
    severity: Severity::Warning,
    why: "a FRAME announces other bytes than follow, so CPython's loaders (and scanners) read different opcodes from the same \
          file. Every reading was scanned. A file that was cut off does not fire it.",
    remedy: "do not load the file; no pickler writes it",
    references: &["CWE-436", "https://github.com/python/cpython/issues/154848"],
};

/// Unknown globals (ours).
pub const S216: Rule = Rule {
    id: "S216",
    title: "pickle needs other packages",
    severity: Severity::Info,
    why: "the pickle names classes or functions outside of the reviewed list. Loading it imports their modules, which runs the \
          code of whatever is installed under these names.",
    remedy: "make sure that these packages come from whom you think before loading the file",
    references: &["CWE-829"],
};

/// Unknown callables with suspicious arguments (ours).
pub const S217: Rule = Rule {
    id: "S217",
    title: "unknown function is called with suspicious arguments",
    severity: Severity::Warning,
    why: "a function that nobody reviewed is called while the file is loaded, with a text that looks like code, a command, a URL \
          or a path, or as the result of another call. Classes that are constructed do not fire it.",
    remedy: "read the source of this function before loading the file",
    references: &["CWE-502"],
};

/// Code objects (ours).
pub const S218: Rule = Rule {
    id: "S218",
    title: "pickle holds Python bytecode",
    severity: Severity::Info,
    why: "functions are stored as bytecode (dill, cloudpickle) and run when the object is used. It is a warning if the bytecode \
          names functions that start processes or evaluate code, and critical if the pickle calls it itself.",
    remedy: "use the model only if you trust its author as you trust a program's",
    references: &["CWE-502"],
};

/// Companion files (ours).
pub const S219: Rule = Rule {
    id: "S219",
    title: "pickle loads a file beside it",
    severity: Severity::Info,
    why: "the wrapper classes of joblib before 0.10 keep arrays in .npy files beside the pickle, which are loaded (with \
          pickles inside, if they hold objects) together with it",
    remedy: "scan the folder, not the file alone",
    references: &[],
};

/// All rules that [`S201`] and its neighbours form, for manifests.
pub const ALL: &[Rule] =
    &[S201, S202, S203, S204, S205, S206, S207, S208, S209, S210, S211, S212, S213, S214, S215, S216, S217, S218, S219];
