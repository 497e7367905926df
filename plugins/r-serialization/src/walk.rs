//! The walk over the items, as `ReadItem` of R's `serialize.c` does it, with a list of what is still to come instead of recursion.

use modelaudit_pickle_policy::suspicious_text;
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, quote};
use modelaudit_rules::other_formats::{S1160, S1161};
use modelaudit_rules::structure::{S902, S911};

use crate::input::{Element, Input, Stop};
use crate::policy::{INDIRECT, TAKES_COMMAND, reaches_out};

/// Open items; R itself recurses and runs out of stack long before.
const DEEPEST: usize = 200_000;
/// Symbols whose names are kept for later references.
const MOST_SYMBOLS: usize = 200_000;
/// Bytes that are kept of a symbol and of a string.
const NAME: usize = 128;
const TEXT: usize = 4096;
/// Names and strings that are kept of one promise.
const EVIDENCE: usize = 64;
/// Findings of a rule.
const MOST_FINDINGS: usize = 100;

/// UNBOUNDVALUE_SXP: a binding or promise has no value.
const UNBOUND: u32 = 252;
/// Bits of the flags word (serialize.c: UnpackFlags).
const HAS_ATTRIBUTES: u32 = 1 << 9;
const HAS_TAG: u32 = 1 << 10;
/// An active binding calls its function at every access: bit 15 of the level bits, which begin at 12.
const ACTIVE_BINDING: u32 = 1 << (12 + 15);

/// What a promise without a value would do.
struct Promise {
    at: u64,
    /// Its expression is more than a name or a constant.
    is_call: bool,
    calls: Vec<String>,
    strings: Vec<String>,
    /// It stands in the environment of a function, where unforced arguments are everyday.
    in_environment: bool,
}

/// What is still to be read, last first.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// An item; the flag says that it is the function of a call.
    Item {
        head: bool,
    },
    /// That many items.
    Items(u64),
    /// The end of an environment.
    Leave,
    /// A promise's value, then its expression.
    PromiseValue(u64),
    /// The expression of a promise without a value.
    PromiseCode(u64),
    /// The expression is read.
    PromiseEnd,
    /// An item's number in the table of references.
    Reference,
    /// Byte code: `ReadBC1`, its constants, one of them, an expression among them.
    ByteCode,
    Constants,
    ConstantsLeft(u64),
    Language {
        head: bool,
    },
    /// The arguments of a call of one of [`TAKES_COMMAND`] end here.
    CallEnd,
}

struct Walk<'w, 'a> {
    input: &'w mut Input<'a>,
    sink: &'w mut dyn Sink,
    tasks: Vec<Task>,
    /// Names of the symbols in the table of references; None for environments and others.
    references: Vec<Option<Box<str>>>,
    promises: Vec<Promise>,
    environments: u64,
    /// Calls that take a command and whose arguments are being read.
    commands: Vec<String>,
    /// Names that follow `::` are functions.
    qualified: u32,
    unforced: u64,
    active_bindings: u64,
    items: u64,
    findings: usize,
}

/// Walks the whole stream and reports.
pub fn walk(artifact: &dyn Artifact, input: &mut Input<'_>, sink: &mut dyn Sink) {
    let mut walk = Walk {
        input,
        sink,
        tasks: vec![Task::Item { head: false }],
        references: Vec::new(),
        promises: Vec::new(),
        environments: 0,
        commands: Vec::new(),
        qualified: 0,
        unforced: 0,
        active_bindings: 0,
        items: 0,
        findings: 0,
    };
    let stop = walk.run().err();
    // What was read of a promise before the data broke off is evidence all the same.
    while let Some(promise) = walk.promises.pop() {
        walk.report(promise);
    }
    walk.sink.fact_number("items", walk.items);
    if walk.unforced > 0 {
        walk.sink.fact_number("unforced_arguments", walk.unforced);
    }
    if walk.active_bindings > 0 {
        walk.sink.fact_number("active_bindings", walk.active_bindings);
    }
    let size = artifact.size();
    match stop {
        Some(Stop::End(at)) => {
            walk.sink.incomplete(&format!(
                "the R stream is cut off: an item at offset {at} needs more than the {size} bytes of the file"
            ));
        }
        Some(Stop::Bad(at, what)) => {
            walk.sink.finding(Finding::new(&S902, format!("the R stream is malformed: {what}")).at(at.min(size), 0));
            walk.sink.incomplete(&format!("the R stream was read to offset {at}: {what}"));
        }
        None => {
            walk.input.skip_blank();
            let rest = walk.input.remaining();
            if rest > 0 {
                let at = walk.input.position();
                walk.sink.finding(Finding::new(&S911, format!("{rest} bytes follow the R object")).at(at, rest));
                walk.sink.embed("after the R object", modelaudit_plugin::Span::new(at, rest), "");
            }
        }
    }
}

impl Walk<'_, '_> {
    fn run(&mut self) -> Result<(), Stop> {
        while let Some(task) = self.tasks.pop() {
            if self.tasks.len() > DEEPEST {
                return Err(Stop::Bad(self.input.position(), format!("items nest more than {DEEPEST} deep")));
            }
            match task {
                Task::Item { head } => self.item(head)?,
                Task::Items(0) => {}
                Task::Items(left) => {
                    self.tasks.push(Task::Items(left - 1));
                    self.item(false)?;
                }
                Task::Leave => self.environments = self.environments.saturating_sub(1),
                Task::PromiseValue(at) => self.promise_value(at)?,
                Task::PromiseCode(at) => self.promise_code(at),
                Task::PromiseEnd => {
                    if let Some(promise) = self.promises.pop() {
                        self.report(promise);
                    }
                }
                Task::Reference => self.reference(None),
                Task::ByteCode => self.tasks.extend([Task::Constants, Task::Item { head: false }]),
                Task::Constants => {
                    let count = self.count()?;
                    self.tasks.push(Task::ConstantsLeft(count));
                }
                Task::ConstantsLeft(0) => {}
                Task::ConstantsLeft(left) => {
                    self.tasks.push(Task::ConstantsLeft(left - 1));
                    self.constant()?;
                }
                Task::Language { head } => self.language(head)?,
                Task::CallEnd => {
                    self.commands.pop();
                }
            }
        }
        Ok(())
    }

    /// A count of items, each of which takes some bytes.
    fn count(&mut self) -> Result<u64, Stop> {
        let at = self.input.position();
        let count = self.length()?;
        if count > self.input.remaining() / self.input.smallest_item() {
            return Err(Stop::End(at));
        }
        Ok(count)
    }

    /// `ReadLENGTH`: an int, or -1 and two of them.
    fn length(&mut self) -> Result<u64, Stop> {
        let at = self.input.position();
        match self.input.int()? {
            -1 => {
                let high = self.input.int()?;
                let low = self.input.int()?;
                // serialize.c refuses more than 65536 in the upper half.
                if !(0..=65_536).contains(&high) {
                    return Err(Stop::Bad(at, format!("a vector length with an upper half of {high}")));
                }
                Ok((u64::from(high.unsigned_abs()) << 32) | u64::from(low as u32))
            }
            length if length < 0 => Err(Stop::Bad(at, format!("a vector of length {length}"))),
            length => Ok(u64::from(length.unsigned_abs())),
        }
    }

    fn reference(&mut self, name: Option<&str>) {
        if self.references.len() < MOST_SYMBOLS {
            self.references.push(name.map(Box::from));
        }
    }

    /// One item: its flags, and what they say follows.
    fn item(&mut self, head: bool) -> Result<(), Stop> {
        let at = self.input.position();
        self.items += 1;
        let flags = self.input.int()? as u32;
        self.flagged(flags, at, head)
    }

    /// An item whose flags were read.
    fn flagged(&mut self, flags: u32, at: u64, head: bool) -> Result<(), Stop> {
        let attributes = flags & HAS_ATTRIBUTES != 0;
        match flags & 0xff {
            // NILVALUE, GLOBALENV, UNBOUNDVALUE, MISSINGARG, BASENAMESPACE, EMPTYENV, BASEENV
            254 | 253 | 252 | 251 | 250 | 242 | 241 => {}
            // REF: the number is in the flags, or follows
            255 => {
                let index = match flags >> 8 {
                    0 => self.input.int()?.unsigned_abs(),
                    packed => packed,
                };
                let index = usize::try_from(index).unwrap_or(usize::MAX);
                let name = index.checked_sub(1).and_then(|i| self.references.get(i)).cloned().flatten();
                if let Some(name) = name {
                    self.symbol(&name, head);
                }
            }
            // PERSIST, PACKAGE, NAMESPACE: InStringVec, an int that is 0, a count, and the strings
            247..=249 => {
                if self.input.int()? != 0 {
                    return Err(Stop::Bad(at, "names in a list of strings".to_owned()));
                }
                let count = self.count()?;
                self.tasks.extend([Task::Reference, Task::Items(count)]);
            }
            // SYM: its name is an item, a CHAR
            1 => {
                let name = self.symbol_name(at)?;
                self.reference(Some(&name));
                self.symbol(&name, head);
            }
            // ENV: locked, then enclosure, frame, hash table, attributes
            4 => {
                self.input.int()?;
                self.reference(None);
                self.environments += 1;
                self.tasks.extend([Task::Leave, Task::Items(4)]);
            }
            // LIST, CLO, LANG, DOT: attributes, tag, first, rest
            kind @ (2 | 3 | 6 | 17) => {
                if kind == 2 && flags & ACTIVE_BINDING != 0 {
                    self.active_bindings += 1;
                }
                self.pair(kind == 6, attributes, flags & HAS_TAG != 0);
            }
            // PROM: attributes, environment, value, expression
            5 => {
                self.tasks.push(Task::PromiseValue(at));
                let before = u64::from(attributes) + u64::from(flags & HAS_TAG != 0);
                self.tasks.push(Task::Items(before));
            }
            // EXTPTR: protected value and tag; WEAKREF: nothing
            22 => {
                self.reference(None);
                self.tasks.push(Task::Items(2 + u64::from(attributes)));
            }
            23 => {
                self.reference(None);
                self.tasks.push(Task::Items(u64::from(attributes)));
            }
            // SPECIAL, BUILTIN: the name of a primitive
            7 | 8 => {
                let length = self.length()?;
                let name = self.input.text(length, NAME)?;
                self.symbol(&String::from_utf8_lossy(&name), head);
                self.tasks.push(Task::Items(u64::from(attributes)));
            }
            9 => {
                let text = self.chars()?;
                self.tasks.push(Task::Items(u64::from(attributes)));
                self.string(&text, at);
            }
            kind @ (10 | 13 | 14 | 15 | 24) => {
                let count = self.length()?;
                let (element, each) = match kind {
                    10 | 13 => (Element::Int, 1),
                    14 => (Element::Real, 1),
                    15 => (Element::Real, 2),
                    _ => (Element::Raw, 1),
                };
                self.input.skip(element, count.saturating_mul(each))?;
                self.tasks.push(Task::Items(u64::from(attributes)));
                if self.input.position() - at > 1 << 20 {
                    self.sink.progress(self.input.position());
                }
            }
            // STR, VEC, EXPR
            16 | 19 | 20 => {
                let count = self.count()?;
                self.tasks.extend([Task::Items(u64::from(attributes)), Task::Items(count)]);
            }
            // BCODE
            21 => {
                self.input.int()?;
                if let Some(promise) = self.promises.last_mut() {
                    promise.is_call = true;
                }
                self.tasks.extend([Task::Items(u64::from(attributes)), Task::ByteCode]);
            }
            // S4
            25 => self.tasks.push(Task::Items(u64::from(attributes))),
            // ALTREP: class, state, attributes
            238 => self.tasks.push(Task::Items(3)),
            other => return Err(Stop::Bad(at, format!("item type {other}, which R does not have"))),
        }
        Ok(())
    }

    fn pair(&mut self, call: bool, attributes: bool, tag: bool) {
        if call && let Some(promise) = self.promises.last_mut() {
            promise.is_call = true;
        }
        self.tasks.push(Task::Item { head: false });
        self.tasks.push(Task::Item { head: call });
        self.tasks.push(Task::Items(u64::from(attributes) + u64::from(tag)));
    }

    /// The bytes of a `CHARSXP` behind its flags; `NA` has the length -1.
    fn chars(&mut self) -> Result<Vec<u8>, Stop> {
        let at = self.input.position();
        match self.input.int()? {
            -1 => Ok(Vec::new()),
            length if length < 0 => Err(Stop::Bad(at, format!("a string of {length} bytes"))),
            length => self.input.text(u64::from(length.unsigned_abs()), TEXT),
        }
    }

    fn symbol_name(&mut self, symbol: u64) -> Result<String, Stop> {
        let flags = self.input.int()? as u32;
        if flags & 0xff != 9 {
            return Err(Stop::Bad(symbol, format!("a symbol whose name is an item of type {}", flags & 0xff)));
        }
        let mut name = self.chars()?;
        name.truncate(NAME);
        Ok(String::from_utf8_lossy(&name).into_owned())
    }

    /// A name in code: a function if it heads a call or follows `::`.
    fn symbol(&mut self, name: &str, head: bool) {
        let function = head || self.qualified > 0;
        self.qualified = self.qualified.saturating_sub(1);
        if head && matches!(name, "::" | ":::") {
            self.qualified = 2;
            return;
        }
        if !function {
            return;
        }
        if let Some(promise) = self.promises.last_mut()
            && promise.calls.len() < EVIDENCE
            && !promise.calls.iter().any(|c| c == name)
        {
            promise.calls.push(name.to_owned());
        }
        if !TAKES_COMMAND.contains(&name) {
            return;
        }
        // The arguments are the next task on the list, and the mark goes under them; for `base::system(...)`, the rest of the
        // `::` comes before.
        let rest = if head { None } else { self.tasks.pop() };
        if let Some(arguments) = self.tasks.pop() {
            self.commands.push(name.to_owned());
            self.tasks.extend([Task::CallEnd, arguments]);
        }
        self.tasks.extend(rest);
    }

    fn string(&mut self, text: &[u8], at: u64) {
        if self.promises.is_empty() && self.commands.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(text);
        if let Some(promise) = self.promises.last_mut() {
            if promise.strings.len() < EVIDENCE {
                promise.strings.push(text.into_owned());
            }
            return;
        }
        let Some(call) = self.commands.last() else { return };
        if let Some(what) = suspicious_text(&text)
            && self.findings < MOST_FINDINGS
        {
            self.findings += 1;
            let message = format!("code in the file calls {call} with {what}: {}", quote(text.as_ref()));
            self.sink.finding(
                Finding::new(&S1161, message).at(at, 4).element(call.clone()).detail("function", call.clone()),
            );
        }
    }

    /// The value of a promise: one without a value is the item UNBOUNDVALUE.
    fn promise_value(&mut self, at: u64) -> Result<(), Stop> {
        let value_at = self.input.position();
        let flags = self.input.int()? as u32;
        if flags & 0xff == UNBOUND {
            self.tasks.push(Task::PromiseCode(at));
            return Ok(());
        }
        // It holds its value: the expression is history, both are read like anything else.
        self.tasks.push(Task::Item { head: false });
        self.flagged(flags, value_at, false)
    }

    fn promise_code(&mut self, at: u64) {
        self.promises.push(Promise {
            at,
            is_call: false,
            calls: Vec::new(),
            strings: Vec::new(),
            in_environment: self.environments > 0,
        });
        self.tasks.extend([Task::PromiseEnd, Task::Item { head: false }]);
    }

    /// A constant of byte code (ReadBCConsts).
    fn constant(&mut self) -> Result<(), Stop> {
        match self.input.int()? {
            21 => self.tasks.push(Task::ByteCode),
            kind @ (2 | 6 | 239 | 240 | 243 | 244) => self.language_of(kind, false)?,
            _ => self.tasks.push(Task::Item { head: false }),
        }
        Ok(())
    }

    /// An expression inside byte code (ReadBCLang).
    fn language(&mut self, head: bool) -> Result<(), Stop> {
        let kind = self.input.int()?;
        self.language_of(kind, head)
    }

    fn language_of(&mut self, kind: i32, head: bool) -> Result<(), Stop> {
        let kind = match kind {
            // BCREPDEF: a number under which it is referred to, and the kind.
            244 => {
                self.input.int()?;
                self.input.int()?
            }
            243 => {
                self.input.int()?;
                return Ok(());
            }
            kind => kind,
        };
        if !matches!(kind, 2 | 6 | 239 | 240) {
            self.tasks.push(Task::Item { head });
            return Ok(());
        }
        let call = matches!(kind, 6 | 240);
        if call && let Some(promise) = self.promises.last_mut() {
            promise.is_call = true;
        }
        self.tasks.push(Task::Language { head: false });
        self.tasks.push(Task::Language { head: call });
        self.tasks.push(Task::Items(1 + u64::from(kind >= 239)));
        Ok(())
    }

    fn report(&mut self, promise: Promise) {
        let indirect = promise.calls.iter().any(|c| INDIRECT.contains(&c.as_str()));
        let named = promise.strings.iter().filter(|_| indirect);
        let reached: Vec<(&str, &str)> = promise
            .calls
            .iter()
            .chain(named)
            .filter(|name| !promise.in_environment || TAKES_COMMAND.contains(&name.as_str()))
            .filter_map(|name| reaches_out(name).map(|what| (name.as_str(), what)))
            .collect();
        if promise.in_environment && reached.is_empty() {
            self.unforced += 1;
            return;
        }
        if self.findings >= MOST_FINDINGS {
            return;
        }
        self.findings += 1;
        let mut message = "a promise without a value ".to_owned();
        let severity = match (reached.first(), promise.calls.first()) {
            (Some((name, what)), _) => {
                message += &format!("calls {}, which {what}, when it is touched", quote(name));
                Severity::Critical
            }
            (None, Some(name)) => {
                message += &format!("calls {} when it is touched", quote(name));
                Severity::Critical
            }
            (None, None) if promise.is_call => {
                message += "runs an expression when it is touched";
                Severity::Critical
            }
            // A name or a constant: no code yet, but no regular writer leaves such a promise outside an environment.
            (None, None) => {
                message += "stands in the data";
                Severity::Warning
            }
        };
        let mut finding = Finding::new(&S1160, message).at(promise.at, 4).severity(severity);
        if !promise.calls.is_empty() {
            finding = finding.detail("calls", list(&promise.calls));
        }
        if !promise.strings.is_empty() {
            finding = finding.detail("strings", list(&promise.strings));
        }
        self.sink.finding(finding);
    }
}

/// Up to eight texts, quoted.
fn list(texts: &[String]) -> String {
    texts.iter().take(8).map(quote).collect::<Vec<_>>().join(", ")
}
