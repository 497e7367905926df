//! S5xx: executables and scripts inside files that should hold data.
//!
//! S501 to S510 are the field's codes; S511 to S516 are ours, for kinds of code that the field has no code for.

use modelaudit_plugin::{Rule, Severity};

/// Windows image.
pub const S501: Rule = Rule {
    id: "S501",
    title: "Windows PE executable",
    severity: Severity::Critical,
    why: "a Windows program or library travels in a model: critical where it is a whole file (a member of an archive, or the \
          model file itself), a warning where it stands inside other data and needs a dropper. It counts only if its header is \
          valid as a whole (MZ, e_lfanew, PE signature, machine, sections, optional header); a program that is scanned under \
          a program's name is info.",
    remedy: "do not start it; get the model from its author in a format without programs",
    references: &["CWE-506", "https://learn.microsoft.com/windows/win32/debug/pe-format"],
};

/// ELF image.
pub const S502: Rule = Rule {
    id: "S502",
    title: "Linux ELF executable",
    severity: Severity::Critical,
    why: "a Linux program or library travels in a model: critical where it is a whole file, a warning where it stands inside \
          other data. It counts only if the fields that the kernel's loader checks are valid. Code for a GPU or DSP (cubin, \
          hsaco, Hexagon), which compiled models hold, and a program that is scanned under a program's name are info.",
    remedy: "do not start it; get the model from its author in a format without programs",
    references: &["CWE-506", "https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html"],
};

/// Mach-O image, thin or universal.
pub const S503: Rule = Rule {
    id: "S503",
    title: "macOS Mach-O executable",
    severity: Severity::Critical,
    why: "a macOS program or library travels in a model: critical where it is a whole file, a warning where it stands inside \
          other data. It counts only if CPU, file type and load commands fit each other.",
    remedy: "do not start it; get the model from its author in a format without programs",
    references: &["CWE-506"],
};

/// Shell or other interpreter's script with a shebang line.
pub const S504: Rule = Rule {
    id: "S504",
    title: "shell script",
    severity: Severity::Warning,
    why: "a script with a shebang line stands where a file, a member or a tensor starts. Critical if, as a file in an archive or \
          under a model's name, it downloads and runs code, opens a reverse shell or destroys data. Scripts quoted in \
          documentation, vocabularies and other texts do not fire it.",
    remedy: "read the script before anything runs it; a model needs none",
    references: &["CWE-506"],
};

/// Windows batch file.
pub const S505: Rule = Rule {
    id: "S505",
    title: "Windows batch script",
    severity: Severity::Warning,
    why: "a batch file stands where a file, a member or a tensor starts. Critical if, as a file in an archive or under a \
          model's name, it downloads and runs code or destroys data.",
    remedy: "read the script before anything runs it; a model needs none",
    references: &["CWE-506"],
};

/// PowerShell script or command line.
pub const S506: Rule = Rule {
    id: "S506",
    title: "PowerShell script or command",
    severity: Severity::Warning,
    why: "a complete PowerShell attack command stands in the file: an encoded command with its base64, a download that is \
          handed to Invoke-Expression, a policy bypass with a URL; or a PowerShell script stands where a file starts. The \
          word alone, and documentation, do not fire it.",
    remedy: "do not run it; find out how the command came into the file",
    references: &["CWE-506", "https://attack.mitre.org/techniques/T1059/001/"],
};

/// Python script.
pub const S507: Rule = Rule {
    id: "S507",
    title: "Python script",
    severity: Severity::Warning,
    why: "Python source stands where data is expected: in a tensor, or as a file that is not named like source code",
    remedy: "read the script before anything runs it",
    references: &["CWE-506"],
};

/// JavaScript program.
pub const S508: Rule = Rule {
    id: "S508",
    title: "JavaScript program",
    severity: Severity::Warning,
    why: "JavaScript source with a shebang line stands where data is expected: in a tensor, or as a file that is not named \
          like source code",
    remedy: "read the script before anything runs it",
    references: &["CWE-506"],
};

/// WebAssembly module or component.
pub const S509: Rule = Rule {
    id: "S509",
    title: "WebAssembly module",
    severity: Severity::Warning,
    why: "a WebAssembly module (magic, version and sections valid) travels in a model. It can do only what its host lets it, so \
          it is a warning; a .wasm file that is scanned by that name is info.",
    remedy: "find out what runs it, and with which rights",
    references: &["CWE-506"],
};

/// TorchScript code.
pub const S510: Rule = Rule {
    id: "S510",
    title: "TorchScript code",
    severity: Severity::Info,
    why: "the model holds compiled TorchScript, which the PyTorch runtime executes when the model is used",
    remedy: "load it only if you trust its author; prefer safetensors weights with code of your own",
    references: &["https://pytorch.org/docs/stable/jit.html"],
};

/// JVM or Android bytecode (ours).
pub const S511: Rule = Rule {
    id: "S511",
    title: "Java or Android bytecode",
    severity: Severity::Warning,
    why: "a Java class file or an Android DEX file with a valid header travels in a model; the field has no code for it",
    remedy: "find out what loads it; keep it off the class path",
    references: &["CWE-506"],
};

/// Lua or LuaJIT bytecode (ours).
pub const S512: Rule = Rule {
    id: "S512",
    title: "Lua bytecode",
    severity: Severity::Warning,
    why: "Lua or LuaJIT bytecode travels in the file (Torch7 stores functions that way). The interpreters do not verify \
          bytecode: a crafted chunk runs machine code. The field has no code for it.",
    remedy: "do not load the file with a Lua interpreter; convert the weights elsewhere",
    references: &["CWE-506", "https://www.lua.org/manual/5.4/manual.html#pdf-load"],
};

/// Windows shell link (ours).
pub const S513: Rule = Rule {
    id: "S513",
    title: "Windows shortcut",
    severity: Severity::Critical,
    why: "a Windows shortcut runs any command line when it is opened and is a usual first stage of malware; no model needs one. \
          The field has no code for it.",
    remedy: "do not open it; delete it",
    references: &["CWE-506", "https://attack.mitre.org/techniques/T1204/002/"],
};

/// Windows installer package (ours).
pub const S514: Rule = Rule {
    id: "S514",
    title: "Windows installer package",
    severity: Severity::Critical,
    why: "an installer database (MSI, MSP, MST) installs programs and runs its custom actions with the rights of the system when \
          it is opened; no model needs one. The field has no code for it.",
    remedy: "do not open it; get the model from its author in a format without programs",
    references: &["CWE-506"],
};

/// CPython bytecode (ours).
pub const S515: Rule = Rule {
    id: "S515",
    title: "Python bytecode",
    severity: Severity::Warning,
    why: "a compiled Python module travels in a model. Python prefers it over its source or imports it without one, so a review \
          of the source does not show what runs. The field has no code for it.",
    remedy: "delete the compiled file and let Python make it again from source that you have read",
    references: &["CWE-506", "https://peps.python.org/pep-3147/"],
};

/// A reverse shell as a string (ours).
pub const S516: Rule = Rule {
    id: "S516",
    title: "reverse shell command",
    severity: Severity::Critical,
    why: "a complete command line that connects a shell to a remote host stands in a configuration value or among binary data; \
          no model holds one by accident. Documentation and scripts (which have rules of their own) do not fire it.",
    remedy: "do not load the file; find out which field holds the command and what would run it",
    references: &["CWE-506", "https://attack.mitre.org/techniques/T1059/004/"],
};
