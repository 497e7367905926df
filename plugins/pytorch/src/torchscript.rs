//! The source code of a TorchScript archive (`code/**/*.py`).
//!
//! It looks like Python and is none: `torch.jit` has its own lexer and parser, and its printer (`PythonPrint`) writes
//! tensors, operators (`torch.add`, `ops.torchvision.nms`), the archive's own classes (`__torch__...`) and `CONSTANTS.cN`.
//! So what has a meaning in Python alone (imports, `eval`, `os.system`, `x.__class__`) was put there by hand for whoever runs
//! the file as Python, or for a scanner's eyes. The source is cut into tokens first: comments, strings, attributes of the
//! same name and definitions do not count.

use std::collections::BTreeMap;

use modelaudit_plugin::Severity;

/// Something in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// What it is.
    pub kind: Kind,
    /// Its severity.
    pub severity: Severity,
    /// The name as written, dots included.
    pub name: String,
    /// Line of its first occurrence, from 1.
    pub line: u32,
    /// Its line, cut at 200 characters.
    pub text: String,
    /// How often it stands there.
    pub count: u64,
}

/// The kinds of [`Sign`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `import os`.
    Import,
    /// A call that runs code, starts processes, opens files.
    Call,
    /// An attribute by which Python's internals are reached.
    Internals,
    /// An operator that touches files.
    FileOperator,
    /// An operator of a library outside torch.
    CustomOperator,
    /// `^Name(...)`: a Python function inside the graph, which a saved archive never has.
    PythonOperator,
}

/// Builtins that no TorchScript has as a function, with the severity of a call. `getattr` is judged by its arguments.
const BUILTINS: &[(&str, Severity)] = &[
    ("__import__", Severity::Critical),
    ("breakpoint", Severity::Critical),
    ("compile", Severity::Critical),
    ("delattr", Severity::Warning),
    ("eval", Severity::Critical),
    ("exec", Severity::Critical),
    ("execfile", Severity::Critical),
    ("globals", Severity::Warning),
    ("load_library", Severity::Critical),
    ("open", Severity::Critical),
    ("setattr", Severity::Warning),
    ("vars", Severity::Warning),
];

/// Modules whose functions run code, start processes, touch files or the network; also torch's own loaders of code.
/// Source: pickle-family.md 2.1, first column.
const MODULES: &[&str] = &[
    "asyncio",
    "bdb",
    "builtins",
    "cPickle",
    "cloudpickle",
    "code",
    "codeop",
    "commands",
    "ctypes",
    "dill",
    "distutils",
    "ftplib",
    "http",
    "imaplib",
    "importlib",
    "io",
    "joblib",
    "marshal",
    "multiprocessing",
    "nt",
    "os",
    "pathlib",
    "pdb",
    "pickle",
    "pip",
    "pkgutil",
    "platform",
    "popen2",
    "posix",
    "poplib",
    "pty",
    "requests",
    "runpy",
    "setuptools",
    "shelve",
    "shutil",
    "signal",
    "site",
    "smtplib",
    "socket",
    "ssl",
    "subprocess",
    "sys",
    "telnetlib",
    "tempfile",
    "threading",
    "timeit",
    "trace",
    "urllib",
    "urllib2",
    "webbrowser",
    "xmlrpc",
    "zipfile",
    "zipimport",
];

/// Functions of these modules that count even where the archive has a variable of the module's name.
const FUNCTIONS: &[&str] = &[
    "CDLL",
    "Popen",
    "call",
    "check_call",
    "check_output",
    "eval",
    "exec",
    "execl",
    "execv",
    "execve",
    "getoutput",
    "import_module",
    "loads",
    "popen",
    "posix_spawn",
    "rmtree",
    "spawn",
    "spawnl",
    "spawnv",
    "system",
    "unlink",
    "urlopen",
    "urlretrieve",
];

/// Dotted names under `torch` that load code or files in Python.
const TORCH_LOADERS: &[&str] =
    &["torch.hub", "torch.load", "torch.ops.load_library", "torch.classes.load_library", "torch.utils.cpp_extension"];

/// Attributes by which one object leads to any other. Source: pickle-family.md 2.1 (reflection); names that TorchScript itself
/// prints (`__torch__`, `__len__`, `__getitem__`, `__constants__` ...) are not among them.
const INTERNALS: &[&str] = &[
    "__base__",
    "__bases__",
    "__builtins__",
    "__class__",
    "__closure__",
    "__code__",
    "__dict__",
    "__func__",
    "__getattribute__",
    "__globals__",
    "__import__",
    "__loader__",
    "__mro__",
    "__reduce__",
    "__reduce_ex__",
    "__self__",
    "__spec__",
    "__subclasses__",
];

/// Operators of torch that open files, with their severity. Source: native_functions.yaml (`from_file`), register_prim_ops (`save`).
const FILE_OPERATORS: &[(&str, Severity)] = &[("from_file", Severity::Warning), ("save", Severity::Critical)];

/// Namespaces of operators that come with torch itself.
const NAMESPACES: &[&str] = &[
    "_c10d_functional",
    "_quantized",
    "aten",
    "c10d",
    "c10d_functional",
    "cuda",
    "higher_order",
    "inductor",
    "metal",
    "metal_prepacked",
    "mkl",
    "mkldnn",
    "mkldnn_prepacked",
    "mps",
    "onednn",
    "onnx",
    "prepacked",
    "prim",
    "prims",
    "profiler",
    "quantized",
    "rpc",
    "sparse",
    "static_runtime",
    "symm_mem",
    "tensorexpr",
    "vulkan",
    "vulkan_prepack",
    "xnnpack",
];

/// Different signs kept of one source.
const MAX_SIGNS: usize = 32;
/// Tokens looked at beyond a parenthesis.
const LOOK_AHEAD: usize = 64;

/// What a source holds that TorchScript's printer does not write, plus its operators outside torch.
pub fn inspect(source: &str) -> Vec<Sign> {
    let mut found: BTreeMap<(Kind, String), Sign> = BTreeMap::new();
    let mut bound: Vec<&str> = Vec::new();
    let mut lexer = Lexer { source, at: 0, line: 1 };
    let mut previous = Token::Line;
    while let Some(token) = lexer.next() {
        let line = lexer.line;
        let mut report = |kind: Kind, severity: Severity, name: String, at: usize| {
            if let Some(sign) = found.get_mut(&(kind, name.clone())) {
                sign.count += 1;
                sign.severity = sign.severity.max(severity);
            } else if found.len() < MAX_SIGNS {
                let text = line_around(source, at);
                found.insert((kind, name.clone()), Sign { kind, severity, name, line, text, count: 1 });
            }
        };
        let (name, start) = match token {
            Token::Name(name) => (name, lexer.at - name.len()),
            Token::Mark(b'^') if previous == Token::Mark(b'=') || previous == Token::Line => {
                if let Some(Token::Name(name)) = lexer.peek() {
                    report(Kind::PythonOperator, Severity::Warning, format!("^{name}"), lexer.at);
                }
                previous = token;
                continue;
            }
            _ => {
                previous = token;
                continue;
            }
        };
        let before = previous;
        previous = token;
        if before == Token::Mark(b'.') {
            if INTERNALS.contains(&name) {
                report(Kind::Internals, Severity::Critical, name.to_owned(), start);
            }
            continue;
        }
        let starts = matches!(before, Token::Line | Token::Mark(b';' | b':'));
        if starts && matches!(name, "import" | "from") {
            let module = lexer.dotted();
            // Before version 3 the printer wrote `import __torch__.x` for the archive's own classes.
            if !module.is_empty() && module.split('.').next() != Some("__torch__") {
                let root = module.split('.').next().unwrap_or_default();
                let severity = if MODULES.contains(&root) { Severity::Critical } else { Severity::Warning };
                report(Kind::Import, severity, module, start);
            }
            continue;
        }
        if matches!(before, Token::Name("def" | "class")) {
            continue;
        }
        let rest = lexer;
        let chain = format!("{name}{}", lexer.attributes());
        let called = lexer.peek() == Some(Token::Mark(b'('));
        if MODULES.contains(&name) && !bound.contains(&name) && matches!(lexer.peek(), Some(Token::Mark(b'=' | b':'))) {
            bound.push(name);
        }
        if let Some((severity, kind)) = judge(name, &chain, called, &lexer, &bound) {
            report(kind, severity, chain.clone(), start);
        }
        // Attributes are looked at one by one, for internals in the middle of a chain.
        lexer = rest;
    }
    found.into_values().collect()
}

/// Judges a dotted name that is not the attribute of something else; `after` stands behind it.
fn judge(name: &str, chain: &str, called: bool, after: &Lexer<'_>, bound: &[&str]) -> Option<(Severity, Kind)> {
    let second = chain.split('.').nth(1);
    let last = chain.rsplit('.').next().unwrap_or_default();
    // `__builtins__["eval"]`, `f = __import__`: no name of TorchScript, called or not.
    if INTERNALS.contains(&name) && !(second.is_none() && called) {
        return Some((Severity::Critical, Kind::Internals));
    }
    if second.is_none() && called {
        if name == "getattr" {
            return hides_attribute(after).then_some((Severity::Critical, Kind::Internals));
        }
        return BUILTINS.iter().find(|(known, _)| *known == name).map(|(_, severity)| (*severity, Kind::Call));
    }
    if second.is_some() && MODULES.contains(&name) && (called || FUNCTIONS.contains(&last)) {
        return (!bound.contains(&name) || FUNCTIONS.contains(&last)).then_some((Severity::Critical, Kind::Call));
    }
    let path = chain.strip_prefix("torch.").unwrap_or(chain);
    if name == "torch"
        && called
        && TORCH_LOADERS.iter().any(|l| chain == *l || chain.strip_prefix(l).is_some_and(|r| r.starts_with('.')))
    {
        return Some((Severity::Critical, Kind::Call));
    }
    let file = |operator: &str| {
        FILE_OPERATORS.iter().find(|(known, _)| *known == operator).map(|(_, s)| (*s, Kind::FileOperator))
    };
    let mut parts = path.split('.');
    match (name, parts.next(), parts.next(), parts.next()) {
        ("ops" | "torch", Some("ops"), Some("aten"), Some(operator)) => file(operator),
        ("ops" | "torch", Some("ops"), Some(namespace), Some(_)) if !NAMESPACES.contains(&namespace) => {
            Some((Severity::Info, Kind::CustomOperator))
        }
        ("torch", Some(operator), None, _) if called => file(operator),
        _ => None,
    }
}

/// True if a `getattr(` asks for more than the printer does: it writes `getattr(self.layers, "0")` for names that are no
/// identifiers, never an attribute of a Python module.
fn hides_attribute(after: &Lexer<'_>) -> bool {
    let mut lexer = *after;
    let mut depth = 0;
    let mut ahead = lexer;
    ahead.next();
    if matches!(ahead.next(), Some(Token::Name(name)) if MODULES.contains(&name) || INTERNALS.contains(&name)) {
        return true;
    }
    for _ in 0..LOOK_AHEAD {
        match lexer.next() {
            Some(Token::Mark(b'(' | b'[')) => depth += 1,
            Some(Token::Mark(b')' | b']')) => depth -= 1,
            Some(Token::Mark(b',')) if depth == 1 => {
                return match (lexer.next(), lexer.next()) {
                    (Some(Token::Text(text)), Some(Token::Mark(b')'))) => text.starts_with("__"),
                    _ => true,
                };
            }
            None => return true,
            _ => {}
        }
        if depth <= 0 {
            return true;
        }
    }
    true
}

fn line_around(source: &str, at: usize) -> String {
    let start = source.get(..at).and_then(|s| s.rfind('\n')).map_or(0, |i| i + 1);
    let line = source.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
    modelaudit_plugin::clip(&modelaudit_plugin::escape(line.trim()), 200)
}

/// A token; text is what stands between the quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'s> {
    Name(&'s str),
    Text(&'s str),
    Number,
    Mark(u8),
    Line,
}

/// Cuts a source into tokens. It is copied to look ahead.
#[derive(Clone, Copy)]
struct Lexer<'s> {
    source: &'s str,
    at: usize,
    line: u32,
}

impl<'s> Lexer<'s> {
    fn next(&mut self) -> Option<Token<'s>> {
        loop {
            let bytes = self.source.as_bytes();
            let byte = *bytes.get(self.at)?;
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.line = self.line.saturating_add(1);
                    return Some(Token::Line);
                }
                b' ' | b'\t' | b'\r' | 0x0c => self.at += 1,
                b'\\' if bytes.get(self.at + 1) == Some(&b'\n') => self.at += 2,
                b'#' => {
                    let rest = bytes.get(self.at..).unwrap_or_default();
                    self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                }
                b'"' | b'\'' => return Some(self.text(byte)),
                b'0'..=b'9' => {
                    self.run(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_');
                    return Some(Token::Number);
                }
                b if is_name(b) => return Some(self.name_or_text()),
                _ => {
                    self.at += 1;
                    return Some(Token::Mark(byte));
                }
            }
        }
    }

    fn peek(&self) -> Option<Token<'s>> {
        let mut copy = *self;
        copy.next()
    }

    fn run(&mut self, inside: impl Fn(u8) -> bool) -> &'s str {
        let start = self.at;
        let rest = self.source.as_bytes().get(start..).unwrap_or_default();
        self.at += rest.iter().position(|b| !inside(*b)).unwrap_or(rest.len());
        self.source.get(start..self.at).unwrap_or_default()
    }

    /// A name, or a string with a prefix (`r"..."`, `b'...'`).
    fn name_or_text(&mut self) -> Token<'s> {
        let name = self.run(is_name);
        match self.source.as_bytes().get(self.at) {
            Some(quote @ (b'"' | b'\'')) if name.len() <= 2 && name.bytes().all(|b| b"rRbBuUfF".contains(&b)) => {
                self.text(*quote)
            }
            _ => Token::Name(name),
        }
    }

    fn text(&mut self, quote: u8) -> Token<'s> {
        let bytes = self.source.as_bytes();
        let triple = bytes.get(self.at..).unwrap_or_default().starts_with(&[quote; 3]);
        self.at += if triple { 3 } else { 1 };
        let start = self.at;
        while let Some(byte) = bytes.get(self.at) {
            match *byte {
                b'\\' => self.at += 1,
                // A string that a line end breaks is an error in Python; what follows is looked at as code.
                b'\n' if !triple => break,
                b'\n' => self.line = self.line.saturating_add(1),
                b if b == quote && (!triple || bytes.get(self.at..).unwrap_or_default().starts_with(&[quote; 3])) => {
                    let text = self.source.get(start..self.at).unwrap_or_default();
                    self.at += if triple { 3 } else { 1 };
                    return Token::Text(text);
                }
                _ => {}
            }
            self.at += 1;
        }
        self.at = self.at.min(bytes.len());
        Token::Text(self.source.get(start..self.at).unwrap_or_default())
    }

    /// A dotted name that follows on the same line.
    fn dotted(&mut self) -> String {
        match self.peek() {
            Some(Token::Name(name)) => {
                self.next();
                format!("{name}{}", self.attributes())
            }
            _ => String::new(),
        }
    }

    /// `.name` as often as it follows.
    fn attributes(&mut self) -> String {
        let mut out = String::new();
        loop {
            let mut copy = *self;
            match (copy.next(), copy.next()) {
                (Some(Token::Mark(b'.')), Some(Token::Name(name))) if out.len() < 500 => {
                    out.push('.');
                    out.push_str(name);
                    *self = copy;
                }
                _ => return out,
            }
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(source: &str) -> Vec<(Kind, Severity, String)> {
        inspect(source).into_iter().map(|s| (s.kind, s.severity, s.name)).collect()
    }

    #[test]
    fn what_the_printer_writes_is_silent() {
        let source = "op_version_set = 1\nimport __torch__.torch.nn.modules\nclass M(Module):\n  __parameters__ = [\"weight\", ]\n  \
            __annotations__ = []\n  training : bool\n  layers : __torch__.torch.nn.modules.container.___torch_mangle_3.Sequential\n  \
            def forward(self: __torch__.M,\n    input: Tensor,\n    code: Tensor) -> Tensor:\n    \
            _0 = getattr(self.layers, \"0\")\n    _1 = (_0).forward(input, )  # os.system(\"id\")\n    \
            _2 = \"__import__('os').system('id')\"\n    _3 = torch.__contains__(CONSTANTS.c0, 3)\n    \
            _4 = ops.prim.RaiseException(\"eval('x')\")\n    _5 = torch.size(code, 0)\n    _6 = (self.eval).open(_5)\n    \
            _7 = ops.quantized.linear(_5, self._packed_params._packed_params)\n    _8 = annotate(List[int], [])\n    \
            _9 = torch.__range_length(0, 9, 1)\n    print(_9)\n    _10 = self.os.system(_9)\n    return torch.add(_1, 1, alpha=1)\n  \
            def compile(self: __torch__.M) -> None:\n    code = self.code\n    _11 = code.size(0)\n    return None\n";
        assert_eq!(signs(source), []);
    }

    #[test]
    fn code_is_found() {
        for (source, kind, name) in [
            ("import os\n", Kind::Import, "os"),
            ("  from subprocess import Popen\n", Kind::Import, "subprocess"),
            ("x = 1; import socket\n", Kind::Import, "socket"),
            ("_0 = os.system(\"id\")\n", Kind::Call, "os.system"),
            ("_0 = os . \\\n system (\"id\")\n", Kind::Call, "os.system"),
            ("os = self.os\nos.system(\"id\")\n", Kind::Call, "os.system"),
            ("f = subprocess.Popen\n", Kind::Call, "subprocess.Popen"),
            ("_0 = eval(\"1\")\n", Kind::Call, "eval"),
            ("_0 = __import__(\"os\")\n", Kind::Call, "__import__"),
            ("_0 = open(\"/etc/passwd\")\n", Kind::Call, "open"),
            ("torch.ops.load_library(\"x.so\")\n", Kind::Call, "torch.ops.load_library"),
            ("torch.hub.load(\"a\", \"b\")\n", Kind::Call, "torch.hub.load"),
            ("_0 = (x).__class__.y\n", Kind::Internals, "__class__"),
            ("_0 = x.__class__.__mro__\n", Kind::Internals, "__class__"),
            ("_0 = getattr(x, \"__globals__\")\n", Kind::Internals, "getattr"),
            ("_0 = getattr(x, name)\n", Kind::Internals, "getattr"),
            ("getattr(os, \"system\")(\"id\")\n", Kind::Internals, "getattr"),
            ("__builtins__[\"eval\"](\"1\")\n", Kind::Internals, "__builtins__"),
            ("f = __import__\n", Kind::Internals, "__import__"),
            ("_0 = getattr(x, \"a\" + \"b\")\n", Kind::Internals, "getattr"),
            ("_0 = torch.from_file(\"/tmp/x\", True, 10)\n", Kind::FileOperator, "torch.from_file"),
            ("ops.aten.save(x, \"/tmp/x\")\n", Kind::FileOperator, "ops.aten.save"),
            ("_0 = ops.torchvision.nms(a, b)\n", Kind::CustomOperator, "ops.torchvision.nms"),
            ("_0 = ^MyFunction()(x)\n", Kind::PythonOperator, "^MyFunction"),
        ] {
            let found = signs(source);
            assert!(found.iter().any(|(k, _, n)| *k == kind && n == name), "{source}: {found:?}");
        }
    }

    #[test]
    fn places_are_told() {
        let found = inspect("# one\n# two\n_0 = os.system(\"id\")\n_1 = os.system(\"x\")\n");
        assert_eq!((found[0].line, found[0].count, found[0].text.as_str()), (3, 2, "_0 = os.system(\"id\")"));
    }

    #[test]
    fn broken_sources_end() {
        for source in
            ["\"", "'''", "\\", "getattr(", "import", "os.", "\u{fffd}\"\u{fffd}", "x.\"y\"", "^", "b\"", "\"\\"]
        {
            inspect(source);
        }
    }
}
