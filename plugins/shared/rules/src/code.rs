//! S1xx: Python modules and builtins that run code, found as source text or as a reference to their name.
//!
//! Analysers of Python source (TorchServe handlers, TorchScript code, Lambda layers, files beside a model) report these. A
//! *call inside a pickle* is S2xx: there the opcode that runs it is the finding.

use modelaudit_plugin::{Rule, Severity};

/// What to do about code that comes with a model.
const READ_THE_CODE: &str =
    "read the code before running it, and run it only where it can do no harm (a container without network)";

/// `os` used to act on the system.
pub const S101: Rule = Rule {
    id: "S101",
    title: "os used to run commands",
    severity: Severity::Critical,
    why: "the code calls a function of os (or its twins posix and nt) that starts a process, deletes or renames files or changes \
          the environment. Paths (os.path), listing a folder and reading a variable do not fire it.",
    remedy: READ_THE_CODE,
    references: &["CWE-78", "https://docs.python.org/3/library/os.html"],
};

/// `sys` used to tamper with the interpreter.
pub const S102: Rule = Rule {
    id: "S102",
    title: "sys used to change the interpreter",
    severity: Severity::Critical,
    why: "the code changes the interpreter's import tables or hooks (sys.modules, sys.path, sys.meta_path, settrace, setprofile), so \
          other code is not what it seems any more. Reading sys.argv, sys.version or sys.platform does not fire it.",
    remedy: READ_THE_CODE,
    references: &["CWE-913"],
};

/// `subprocess` and its kin.
pub const S103: Rule = Rule {
    id: "S103",
    title: "process started",
    severity: Severity::Critical,
    why: "the code starts another program (subprocess, pty, multiprocessing's spawn, asyncio's subprocess). A model needs no program \
          but the one that loads it.",
    remedy: READ_THE_CODE,
    references: &["CWE-78", "https://docs.python.org/3/library/subprocess.html#security-considerations"],
};

/// `eval` and `exec`.
pub const S104: Rule = Rule {
    id: "S104",
    title: "eval or exec",
    severity: Severity::Critical,
    why: "the code runs a text as Python code, so what it does can not be seen by reading it. Methods of the same name \
          (model.eval(), DataFrame.eval) do not fire it.",
    remedy: READ_THE_CODE,
    references: &["CWE-95"],
};

/// `compile`.
pub const S105: Rule = Rule {
    id: "S105",
    title: "compile builds code",
    severity: Severity::Critical,
    why: "the code turns a text into a code object, the step before running it. re.compile, model.compile and torch.compile do not fire it.",
    remedy: READ_THE_CODE,
    references: &["CWE-95"],
};

/// `__import__`.
pub const S106: Rule = Rule {
    id: "S106",
    title: "__import__ call",
    severity: Severity::Critical,
    why: "the code imports a module inside an expression; ordinary code uses the import statement, hidden code this function",
    remedy: READ_THE_CODE,
    references: &["CWE-829"],
};

/// `importlib`.
pub const S107: Rule = Rule {
    id: "S107",
    title: "module imported by name",
    severity: Severity::Warning,
    why: "the code imports a module whose name is data (importlib, pkgutil.resolve_name, imp), so what it loads can not be told by reading it",
    remedy: READ_THE_CODE,
    references: &["CWE-829", "CVE-2026-3490"],
};

/// `runpy`.
pub const S108: Rule = Rule {
    id: "S108",
    title: "module or file run as a script",
    severity: Severity::Critical,
    why: "the code runs a module or a file from the disk as a program (runpy, execfile)",
    remedy: READ_THE_CODE,
    references: &["CWE-94"],
};

/// `webbrowser`.
pub const S109: Rule = Rule {
    id: "S109",
    title: "browser opened",
    severity: Severity::Critical,
    why: "the code opens an address in the user's browser, with the user's sessions; webbrowser also starts the program that the \
          BROWSER variable names",
    remedy: READ_THE_CODE,
    references: &["CWE-78"],
};

/// `ctypes`.
pub const S110: Rule = Rule {
    id: "S110",
    title: "native code called",
    severity: Severity::Warning,
    why: "the code loads a native library or calls into one (ctypes, cffi, load_library), past every protection of the interpreter",
    remedy: READ_THE_CODE,
    references: &["CWE-114", "CVE-2025-71323"],
};

/// `pty` (a code of the field's mapper that its catalogue lacks).
pub const S111: Rule = Rule {
    id: "S111",
    title: "pseudo-terminal opened",
    severity: Severity::Critical,
    why: "the code opens a pseudo-terminal and starts a program in it (pty.spawn), the usual last step of an interactive reverse shell",
    remedy: READ_THE_CODE,
    references: &["CWE-78", "CVE-2025-71322"],
};

/// `code` and `codeop`.
pub const S112: Rule = Rule {
    id: "S112",
    title: "interactive interpreter started",
    severity: Severity::Critical,
    why: "the code starts an interpreter that runs what it is given line by line (code.interact, InteractiveInterpreter, codeop)",
    remedy: READ_THE_CODE,
    references: &["CWE-94"],
};

/// Functions and code objects built by hand.
pub const S113: Rule = Rule {
    id: "S113",
    title: "function built from bytecode",
    severity: Severity::Critical,
    why: "the code builds a function or code object from its parts (types.CodeType, types.FunctionType, marshal.loads); bytecode hides \
          from everyone who reads source",
    remedy: READ_THE_CODE,
    references: &["CWE-94"],
};

/// `ast` used to make code.
pub const S114: Rule = Rule {
    id: "S114",
    title: "syntax tree turned into code",
    severity: Severity::Warning,
    why: "the code builds a syntax tree and compiles it, so what runs stands nowhere as text. ast.literal_eval and ast.parse alone do not fire it.",
    remedy: READ_THE_CODE,
    references: &["CWE-94"],
};

/// Builtins that lead to execution.
pub const S115: Rule = Rule {
    id: "S115",
    title: "builtins used to reach hidden functions",
    severity: Severity::Warning,
    why: "the code walks from a harmless object to a function that it does not name (getattr with a computed name, __subclasses__, \
          __globals__, __builtins__), the way out of a sandbox",
    remedy: READ_THE_CODE,
    references: &["CWE-913"],
};

/// All rules of this hundred.
pub const ALL: &[Rule] = &[S101, S102, S103, S104, S105, S106, S107, S108, S109, S110, S111, S112, S113, S114, S115];

#[cfg(test)]
mod tests {
    #[test]
    fn ids_run_on_and_texts_are_there() {
        crate::code::ALL.iter().zip(101..).for_each(|(rule, number)| {
            assert_eq!(rule.id, format!("S{number}"));
            assert!(!rule.title.ends_with('.') && rule.why.len() > 40 && rule.remedy.len() > 20, "{}", rule.id);
        });
    }
}
