//! What a library call does to the machine, and how telling it is.

use std::net::Ipv4Addr;

use modelaudit_plugin::{Rule, clip, quote};
use modelaudit_rules::python::{S116, S117, S118};
use modelaudit_rules::{code, files, network};

use crate::calls::Arguments;
use crate::commands::{self, Kind};
use crate::effects::Place;
use crate::evidence::{Evidence, Reach, Weight};
use crate::expression::whole;
use crate::known::{self, Effect};
use crate::machine::Machine;
use crate::value::{HOLE, Marks, Shape, Value};

/// Levels of texts handed to exec that are read.
const DEEPEST_NESTING: usize = 4;
/// Longest text handed to exec that is read.
const LONGEST_NESTED: usize = 256 << 10;

/// Functions that give the output of a command.
const QUERIES: &[&str] = &["os.popen", "subprocess.getoutput", "subprocess.getstatusoutput", "subprocess.check_output"];

/// A call that is being judged.
struct Call<'c> {
    path: &'c str,
    callee: Marks,
    arguments: &'c Arguments,
    rule: &'static Rule,
}

impl Call<'_> {
    /// The call as it is shown: its name and its first text.
    fn shown(&self, text: Option<&str>) -> String {
        let name = self.path.strip_prefix("builtins.").unwrap_or(self.path);
        match text {
            Some(text) => format!("{name}({})", quote(text.replace(HOLE, "...").as_bytes())),
            None => format!("{name}()"),
        }
    }

    fn evidence(&self, reach: Reach, weight: Weight, what: &str, text: Option<&str>) -> Evidence {
        // Who hides the name of a function, or takes a detour to it, does not want it to be seen.
        let weight = if self.callee.has(Marks::COMPUTED) { weight.max(Weight::Odd) } else { weight };
        let what = if self.callee.has(Marks::COMPUTED) {
            format!("{what}, under a name that is put together")
        } else {
            what.to_owned()
        };
        Evidence {
            rule: self.rule,
            reach,
            weight,
            call: self.shown(text),
            what,
            decoded: None,
            offset: self.arguments.offset,
        }
    }
}

impl Machine<'_> {
    fn here(&self, call: &Call<'_>, text: Option<&str>) -> Place {
        Place { offset: call.arguments.offset, reach: self.reach, call: call.shown(text) }
    }

    fn flags(&mut self) -> &mut crate::effects::Flags {
        match self.scopes.last_mut() {
            Some(scope) => &mut scope.flags,
            None => &mut self.flags,
        }
    }

    /// Judges a call of a library function.
    pub(crate) fn act(&mut self, path: &str, callee: Marks, arguments: &Arguments) {
        let (effect, rule) = match known::effect(path) {
            Some(known) => known,
            None => return self.minor(path, callee, arguments),
        };
        let call = Call { path, callee, arguments, rule };
        match effect {
            Effect::Shell => self.start(&call, arguments.get(0, &["cmd", "command", "args"]), true),
            Effect::Program => {
                let shell = arguments.flag("shell") == Some(true);
                let command = arguments.get(0, &["args", "command", "cmd"]);
                // A text without `shell=True` is the name of one program.
                self.start(&call, command, shell);
            }
            Effect::Words => {
                let words = Value::list(arguments.values.clone());
                self.start(&call, Some(&words), false);
            }
            Effect::Terminal => {
                let place = self.here(&call, None);
                self.flags().shell.get_or_insert(place);
                let evidence =
                    call.evidence(self.reach, Weight::Unclear, "starts a program in a terminal of its own", None);
                self.note(evidence);
            }
            Effect::Run => self.run(&call),
            Effect::Compile => {
                let evidence = call.evidence(self.reach, Weight::Fact, "builds code out of a text", None);
                self.note(evidence);
            }
            Effect::RunFile => {
                let text = arguments.values.first().and_then(Value::as_text);
                let downloaded = text.is_some_and(|text| self.downloads.iter().any(|path| &**path == text));
                let mut evidence = call.evidence(self.reach, Weight::Fact, "runs a file or module as a program", text);
                if downloaded {
                    evidence = Evidence {
                        rule: &S117,
                        weight: Weight::Attack,
                        what: "runs a file that it downloaded".into(),
                        ..evidence
                    };
                }
                self.note(evidence);
            }
            Effect::Interpreter => {
                let evidence = call.evidence(self.reach, Weight::Fact, "starts an interpreter", None);
                self.note(evidence);
            }
            Effect::Bytecode => {
                let evidence = call.evidence(self.reach, Weight::Fact, "makes code out of bytecode", None);
                self.note(evidence);
            }
            Effect::Native => self.native(&call),
            Effect::Unpickle(bytes) => self.unpickle(&call, bytes),
            Effect::TensorLoad => {
                let unsafe_load =
                    arguments.flag("weights_only") == Some(false) || arguments.flag("allow_pickle") == Some(true);
                if unsafe_load {
                    self.unpickle(&call, false);
                }
            }
            Effect::Download | Effect::DownloadFile | Effect::Send => self.network(&call, effect),
            Effect::Socket => {
                if path.ends_with("create_connection") {
                    let place = self.here(&call, None);
                    self.flags().connected.get_or_insert(place);
                    self.address(&call);
                }
                let evidence = call.evidence(self.reach, Weight::Fact, "opens a connection", None);
                self.note(evidence);
            }
            Effect::Browser => {
                let text = arguments.values.first().and_then(Value::as_text);
                let evidence = call.evidence(self.reach, Weight::Unclear, "opens a page in the browser", text);
                self.note(evidence);
            }
            Effect::DeleteTree => {
                let text = arguments.values.first().and_then(Value::as_text);
                if let Some(text) =
                    text.filter(|t| matches!(*t, "/" | "~" | "~/" | "/home" | "/etc" | "/usr" | "/root" | "C:\\"))
                {
                    let evidence =
                        call.evidence(self.reach, Weight::Attack, "deletes the system or the user's files", Some(text));
                    self.note(evidence);
                }
            }
        }
    }

    /// A process is started.
    fn start(&mut self, call: &Call<'_>, command: Option<&Value>, shell: bool) {
        let Some(command) = command else {
            let evidence = call.evidence(self.reach, self.detour(call, Weight::Unclear), "starts a process", None);
            return self.note(evidence);
        };
        let redirected = self.scopes.last().is_some_and(|scope| scope.flags.redirected.is_some());
        for choice in command.choices() {
            let line = match &choice.shape {
                Shape::Text(text) => Some(text.to_string()),
                Shape::List(items) => {
                    Some(items.iter().map(|item| crate::fold::shown(Some(item))).collect::<Vec<_>>().join(" "))
                }
                _ => None,
            };
            let marks = choice.marks;
            let list = matches!(choice.shape, Shape::List(_));
            let program = (list && !shell).then(|| line.as_deref().map(commands::judge)).flatten();
            let kind = match (&program, &line) {
                (Some(kind), _) => kind.clone(),
                (None, Some(line)) => commands::judge(line),
                (None, None) => Kind::Unclear,
            };
            if redirected || line.as_deref().is_some_and(is_shell) {
                let place = self.here(call, line.as_deref());
                self.flags().shell.get_or_insert(place);
            }
            let text = line.as_deref();
            let downloaded =
                text.is_some_and(|text| self.downloads.iter().any(|path| path.len() > 2 && text.contains(&**path)));
            if downloaded
                || marks.has(Marks::DOWNLOADED)
                    && kind == Kind::Unclear
                    && (shell || text.is_some_and(|t| t.contains(" -c ")))
            {
                let what = if downloaded {
                    "runs a program that was downloaded before"
                } else {
                    "runs a command that comes over the network"
                };
                let evidence = Evidence { rule: &S117, ..call.evidence(self.reach, Weight::Attack, what, text) };
                self.note(evidence);
                continue;
            }
            // `python -c` starts what it is given: that is read, too.
            let inner = match &choice.shape {
                Shape::List(items) => match items.as_ref() {
                    [first, second, third, ..]
                        if second.as_text() == Some("-c") && crate::fold::shown(Some(first)).contains("python") =>
                    {
                        third.as_text().map(str::to_owned)
                    }
                    _ => None,
                },
                _ => text.and_then(commands::python_program).map(str::to_owned),
            };
            let nested = inner.as_deref().and_then(|source| self.nested(source));
            let (weight, what) = match &kind {
                Kind::Attack(what, _) => (Weight::Attack, format!("runs a command that {what}")),
                _ if nested.as_ref().is_some_and(|n| n.weight > Weight::Unclear) => {
                    let nested = nested
                        .as_ref()
                        .map(|n| (n.weight, format!("starts Python code in which {} {}", n.call, n.what)));
                    nested.unwrap_or((Weight::Act, String::new()))
                }
                _ if marks.hidden() && line.is_some() => {
                    (Weight::Attack, "runs a command that was decoded first".to_owned())
                }
                Kind::Ordinary => (Weight::Fact, "starts a process".to_owned()),
                Kind::Unclear => (self.detour(call, Weight::Unclear), "starts a process".to_owned()),
                // Whose output is read asks the machine a question.
                Kind::Other if QUERIES.contains(&call.path) && self.role == crate::evidence::Role::Plain => {
                    (self.detour(call, Weight::Fact), "starts a process".to_owned())
                }
                Kind::Other if shell || self.role == crate::evidence::Role::Model => {
                    (self.detour(call, Weight::Act), "runs a command".to_owned())
                }
                Kind::Other => (self.detour(call, Weight::Fact), "starts a process".to_owned()),
            };
            let evidence = call.evidence(self.reach, weight, &what, text);
            self.note(evidence);
        }
    }

    /// A detour to the function makes it odd.
    fn detour(&self, call: &Call<'_>, weight: Weight) -> Weight {
        if call.callee.has(Marks::ODD) { weight.max(Weight::Odd) } else { weight }
    }

    /// `exec` and `eval`.
    fn run(&mut self, call: &Call<'_>) {
        let Some(code) = call.arguments.get(0, &["source", "object"]) else { return };
        for choice in code.choices() {
            let marks = choice.marks;
            let evidence = match choice.as_source().and_then(whole) {
                Some(source) => {
                    let nested = self.nested(source);
                    let inside = nested.as_ref().map(|n| format!("{} {}", n.call, n.what));
                    if marks.hidden() {
                        let what = match inside {
                            Some(inside) => format!("runs text that was decoded first, in which {inside}"),
                            None => "runs text that was decoded first".to_owned(),
                        };
                        let evidence = call.evidence(self.reach, Weight::Attack, &what, None);
                        Evidence { rule: &S116, decoded: Some(clip(source, 400)), ..evidence }
                    } else if let Some((nested, inside)) = nested.zip(inside).filter(|(n, _)| n.weight > Weight::Fact) {
                        let reach = if nested.reach == Reach::Later { Reach::Later } else { self.reach };
                        let what = format!("runs a text in which {inside}");
                        call.evidence(reach, self.detour(call, nested.weight), &what, None)
                    } else {
                        call.evidence(self.reach, self.detour(call, Weight::Fact), "runs a text as code", None)
                    }
                }
                None if marks.has(Marks::DOWNLOADED) => {
                    let evidence =
                        call.evidence(self.reach, Weight::Attack, "runs code that comes over the network", None);
                    Evidence { rule: &S117, ..evidence }
                }
                // How Python's own importers of archives read compiled modules.
                None if marks.has(Marks::DECODED) && !marks.has(Marks::MARSHAL.and(Marks::FILE)) => {
                    let evidence = call.evidence(self.reach, Weight::Attack, "runs text that was decoded first", None);
                    Evidence { rule: &S116, ..evidence }
                }
                None => {
                    let weight = if marks.has(Marks::FILE) { Weight::Fact } else { Weight::Unclear };
                    call.evidence(self.reach, self.detour(call, weight), "runs a text as code", None)
                }
            };
            self.note(evidence);
        }
    }

    /// Reads a text that the code runs; the worst that it does.
    fn nested(&mut self, source: &str) -> Option<Evidence> {
        if self.nesting >= DEEPEST_NESTING
            || source.len() > LONGEST_NESTED
            || !self.pay(200 + source.len())
            || !self.has_room()
        {
            return None;
        }
        let inner = crate::analyse_nested(source, self).ok()?;
        self.too_deep |= inner.too_deep;
        let role = self.role;
        inner.evidence.into_iter().max_by_key(|e| (e.severity(role), e.weight))
    }

    fn native(&mut self, call: &Call<'_>) {
        let text = call.arguments.values.first().and_then(Value::as_text);
        let downloaded = text.is_some_and(|text| self.downloads.iter().any(|path| &**path == text));
        let mut evidence = call.evidence(self.reach, Weight::Fact, "loads a native library", text);
        if downloaded {
            evidence = Evidence {
                rule: &S117,
                weight: Weight::Attack,
                what: "loads a library that was downloaded before".into(),
                ..evidence
            };
        }
        self.note(evidence);
    }

    fn unpickle(&mut self, call: &Call<'_>, bytes: bool) {
        let Some(data) = call.arguments.values.first() else { return };
        let evidence = if bytes && data.marks.hidden() && matches!(data.shape, Shape::Bytes(_)) {
            let evidence =
                call.evidence(self.reach, Weight::Attack, "loads a pickle that stands encoded in the file", None);
            Evidence { rule: &S116, ..evidence }
        } else if data.marks.has(Marks::DOWNLOADED) {
            let evidence = call.evidence(self.reach, Weight::Odd, "loads a pickle that comes over the network", None);
            Evidence { rule: &S117, ..evidence }
        } else {
            call.evidence(self.reach, self.detour(call, Weight::Fact), "loads a pickle, which may run code", None)
        };
        self.note(evidence);
    }

    fn network(&mut self, call: &Call<'_>, effect: Effect) {
        let text = call.arguments.get(0, &["url"]).and_then(Value::as_text).map(str::to_owned);
        if call.arguments.marks().has(Marks::SECRET) {
            let place = self.here(call, text.as_deref());
            self.flags().sent.get_or_insert(place);
        }
        if effect == Effect::DownloadFile
            && let Some(target) = call.arguments.get(1, &["filename", "out", "dst"])
            && let Shape::Text(target) = &target.shape
            && whole(target).is_some()
        {
            self.downloads.push(target.clone());
        }
        let bare = text.as_deref().and_then(host).is_some_and(is_public);
        let weight = if bare { Weight::Odd } else { Weight::Fact };
        let what = match (effect, bare) {
            (_, true) => "talks to a machine by its bare address",
            (Effect::Send, _) => "opens a connection",
            _ => "talks HTTP",
        };
        let evidence = call.evidence(self.reach, weight, what, text.as_deref());
        self.note(evidence);
    }

    /// A connection to a bare public address is telling.
    fn address(&mut self, call: &Call<'_>) {
        let Some(Shape::List(parts)) = call.arguments.values.first().map(|v| &v.shape) else { return };
        let Some(host) = parts.first().and_then(Value::as_text) else { return };
        if is_public(host) {
            let text = host.to_owned();
            let evidence = Evidence {
                rule: &network::S301,
                ..call.evidence(self.reach, Weight::Odd, "connects to a machine by its bare address", Some(&text))
            };
            self.note(evidence);
        }
    }

    /// Calls that no table has under one name.
    fn minor(&mut self, path: &str, callee: Marks, arguments: &Arguments) {
        let call = Call { path, callee, arguments, rule: &code::S110 };
        let name = path.rsplit('.').next().unwrap_or(path);
        let on_socket = path.starts_with("socket.socket()")
            || path.starts_with("ssl.")
            || path.starts_with("socket.create_connection()");
        match name {
            "connect" | "connect_ex" | "accept" if on_socket => {
                let place = self.here(&call, None);
                self.flags().connected.get_or_insert(place);
                self.address(&call);
            }
            "send" | "sendall" | "sendto" if on_socket && arguments.marks().has(Marks::SECRET) => {
                let place = self.here(&call, None);
                self.flags().sent.get_or_insert(place);
            }
            "dup2" if path == "os.dup2" => {
                let place = self.here(&call, None);
                self.flags().redirected.get_or_insert(place);
            }
            "copy" | "copy2" | "copyfile" | "move" if path.starts_with("shutil.") => {
                if let Some(target) = arguments.get(1, &["dst"]).and_then(Value::as_text) {
                    self.writes(target, path, arguments);
                }
            }
            "rename" | "replace" | "symlink" | "link" if path.starts_with("os.") => {
                if let Some(target) = arguments.get(1, &["dst"]).and_then(Value::as_text) {
                    self.writes(target, path, arguments);
                }
            }
            "OpenKey" | "CreateKey" | "CreateKeyEx" | "OpenKeyEx" if path.contains("winreg.") => {
                let runs =
                    |v: &Value| v.as_text().is_some_and(|t| t.to_ascii_lowercase().contains("currentversion\\run"));
                let writes = arguments.all().any(|v| {
                    v.as_path().is_some_and(|p| {
                        p.ends_with("KEY_SET_VALUE") || p.ends_with("KEY_ALL_ACCESS") || p.ends_with("KEY_WRITE")
                    })
                });
                if arguments.all().any(runs) && (writes || name.starts_with("Create")) {
                    let evidence = call.evidence(
                        self.reach,
                        Weight::Attack,
                        "installs a program that starts with the system",
                        None,
                    );
                    self.note(Evidence { rule: &S118, ..evidence });
                }
            }
            "FunctionType" | "LambdaType" if path.starts_with("types.") => {
                let marks = arguments.marks();
                let hidden = marks.has(Marks::MARSHAL) && marks.hidden();
                // keras reads Lambda layers that way, in a function.
                let weight = if hidden && self.reach > Reach::Later { Weight::Attack } else { Weight::Fact };
                let evidence = call.evidence(self.reach, weight, "makes a function out of a code object", None);
                self.note(Evidence { rule: &code::S113, ..evidence });
            }
            _ => {
                if path.starts_with("ctypes")
                    && let Some(known) = known::INJECTION.iter().find(|known| **known == name)
                {
                    let place = self.here(&call, None);
                    self.flags().inject(known, place);
                }
                if path.starts_with("?.")
                    && path.ends_with("__subclasses__")
                    && ["__base__", "__bases__", "__mro__"].iter().any(|step| path.contains(step))
                {
                    let evidence = call.evidence(
                        self.reach,
                        Weight::Odd,
                        "walks from a harmless object to every class there is",
                        None,
                    );
                    self.note(Evidence { rule: &code::S115, ..evidence });
                }
            }
        }
    }

    /// A file is written: does the system run or trust what stands there?
    pub(crate) fn writes(&mut self, path: &str, call: &str, arguments: &Arguments) {
        if let Some(what) = known::startup(path) {
            self.note(Evidence {
                rule: &S118,
                reach: self.reach,
                weight: Weight::Attack,
                call: format!("{call}({})", quote(path.replace(HOLE, "...").as_bytes())),
                what: what.to_owned(),
                decoded: None,
                offset: arguments.offset,
            });
        }
    }

    /// A file is opened.
    pub(crate) fn opened(&mut self, path: &Value, mode: Option<&Value>, call: &str, arguments: &Arguments) -> Value {
        let name = path.as_text().unwrap_or_default();
        let written = mode.and_then(Value::as_text).is_some_and(|mode| mode.contains(['w', 'a', 'x', '+']));
        if written {
            self.writes(name, call, arguments);
        }
        let secret = if !written && known::holds_credentials(name) { Marks::SECRET } else { Marks::NONE };
        let kept = if whole(name).is_some() { name } else { "" };
        Value::new(Shape::File(kept.into()), secret.and(Marks::FILE))
    }
}

/// A shell and nothing for it to do: it waits for orders.
fn is_shell(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let Some(program) = words.next().and_then(|word| word.rsplit(['/', '\\']).next()) else { return false };
    matches!(
        program,
        "sh" | "bash" | "zsh" | "dash" | "ksh" | "ash" | "cmd" | "cmd.exe" | "powershell" | "powershell.exe"
    ) && words
        .all(|word| matches!(word, "-i" | "-l" | "-p" | "--login" | "sh" | "bash" | "/bin/sh" | "/bin/bash" | "-"))
}

/// The host of a URL.
fn host(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    authority.rsplit('@').next()?.split(':').next()
}

/// A dotted address that is neither private nor one of the name servers that scripts ask to learn their own address.
fn is_public(host: &str) -> bool {
    const NAME_SERVERS: &[&str] = &["8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "114.114.114.114"];
    let Ok(address) = host.parse::<Ipv4Addr>() else { return false };
    !NAME_SERVERS.contains(&host)
        && !(address.is_private()
            || address.is_loopback()
            || address.is_link_local()
            || address.is_unspecified()
            || address.is_broadcast()
            || address.is_multicast()
            || address.octets()[0] == 0
            || address.octets()[0] >= 240)
}

/// Rules that this crate's evidence may fall under.
pub(crate) const RULES: &[Rule] = &[
    code::S101,
    code::S103,
    code::S104,
    code::S105,
    code::S108,
    code::S109,
    code::S110,
    code::S111,
    code::S112,
    code::S113,
    code::S115,
    network::S301,
    network::S302,
    network::S303,
    network::S304,
    network::S305,
    network::S306,
    network::S310,
    files::S403,
    modelaudit_rules::python::S116,
    modelaudit_rules::python::S117,
    modelaudit_rules::python::S118,
    modelaudit_rules::python::S119,
    modelaudit_rules::python::S120,
];
