//! Reads a whole template: its blocks in order, loops over known items unrolled, so that a name put together in a loop is seen.

use modelaudit_plugin::Severity;

use crate::context::{About, Context, Evidence};
use crate::expression::{Reader, SyntaxError};
use crate::lexer::{HOLE, Kind, Part, Segment, Token, segments};
use crate::names::{self, Access};
use crate::value::Value;

/// Tokens read in all, loops unrolled; then loops are read once more without knowing their items.
const MOST_STEPS: usize = 200_000;
/// Blocks inside one another.
const DEEPEST: usize = 200;

/// What reading a template gave.
pub(crate) struct Outcome {
    /// What a harmless template does not do.
    pub(crate) evidence: Vec<Evidence>,
    /// Why it was not understood, and where; None if it was.
    pub(crate) problem: Option<(String, usize)>,
    /// Where the blocks are, for quotes.
    pub(crate) places: Vec<(usize, usize)>,
}

/// Blocks that end with `end...` (Jinja2's own, `trans` of its i18n extension, `generation` of transformers).
const PAIRED: &[&str] =
    &["autoescape", "block", "call", "filter", "for", "generation", "if", "macro", "set", "trans", "with"];

/// An open block.
enum Open {
    /// A loop with the items that are still to come.
    For { body: usize, names: Vec<String>, rest: std::vec::IntoIter<Value>, unrolled: bool },
    /// An `if`; its branches may happen or not.
    If,
    /// A `set` block, with what it assigns to.
    Set(String),
    /// A macro, with its name.
    Macro(String),
    /// Anything else that collects output.
    Capture(&'static str),
    /// Anything else.
    Plain(&'static str),
}

impl Open {
    fn word(&self) -> &'static str {
        match self {
            Self::For { .. } => "for",
            Self::If => "if",
            Self::Set(_) => "set",
            Self::Macro(_) => "macro",
            Self::Capture(word) | Self::Plain(word) => word,
        }
    }
}

/// Reads a template.
pub(crate) fn read(source: &str) -> Outcome {
    let (segments, mut problem) = segments(source);
    let mut walk = Walk { context: Context::default(), open: Vec::new(), steps: 0 };
    let mut at = 0;
    while let Some(segment) = segments.get(at) {
        walk.steps += 1 + match &segment.part {
            Part::Output(tokens) | Part::Block(tokens) => tokens.len(),
            Part::Data(_) => 0,
        };
        match walk.segment(segment, at) {
            Ok(next) => at = next,
            Err(error) => {
                // Jinja2 would refuse the template, but another engine, or a newer one, may not: the names are looked at anyway.
                if let Part::Output(tokens) | Part::Block(tokens) = &segment.part {
                    walk.names_only(tokens);
                }
                problem.get_or_insert((format!("syntax error, {} expected", error.expected), error.offset));
                at += 1;
            }
        }
    }
    if let Some(open) = walk.open.last() {
        problem.get_or_insert((format!("a '{}' block without its end", open.word()), source.len()));
    }
    let places = segments.iter().filter(|s| !matches!(s.part, Part::Data(_))).map(|s| (s.start, s.end)).collect();
    Outcome { evidence: walk.context.evidence, problem, places }
}

struct Walk {
    context: Context,
    open: Vec<Open>,
    steps: usize,
}

impl Walk {
    /// Reads one segment; the result is the index of the next.
    fn segment(&mut self, segment: &Segment<'_>, index: usize) -> Result<usize, SyntaxError> {
        match &segment.part {
            Part::Data(text) => self.context.emit(text),
            Part::Output(tokens) => {
                let mut reader = Reader::new(tokens, segment.end, &mut self.context);
                let value = reader.tuple(true)?;
                finished(&reader)?;
                let text = value.to_text();
                self.context.emit(&text);
            }
            Part::Block(tokens) => return self.block(tokens, segment.end, index),
        }
        Ok(index + 1)
    }

    fn block(&mut self, tokens: &[Token<'_>], end: usize, index: usize) -> Result<usize, SyntaxError> {
        let mut reader = Reader::new(tokens, end, &mut self.context);
        let Some(word) = reader.name() else { return Err(reader.error("a statement")) };
        let error = |expected| Err(SyntaxError { expected, offset: tokens.first().map_or(end, |t| t.offset) });
        if let Some(ended) = word.strip_prefix("end") {
            let Some(open) = self.open.pop_if(|open| open.word() == ended) else {
                return error("the end of the block that is open");
            };
            return Ok(self.close(open, index));
        }
        if PAIRED.contains(&word) && self.open.len() >= DEEPEST {
            return error("less nesting");
        }
        let open = match word {
            "if" | "elif" => {
                reader.tuple(true)?;
                finished(&reader)?;
                if word == "elif" {
                    return Ok(index + 1);
                }
                self.context.branches += 1;
                Some(Open::If)
            }
            "for" => Some(self.for_loop(tokens, end, index)?),
            "else" | "continue" | "break" | "debug" | "pluralize" => None,
            "set" => self.set(tokens, end)?,
            "macro" => {
                let Some(name) = reader.name() else { return Err(reader.error("a name")) };
                parameters(&mut reader)?;
                finished(&reader)?;
                let name = name.to_owned();
                self.context.captures.push(String::new());
                Some(Open::Macro(name))
            }
            "call" => {
                parameters(&mut reader)?;
                reader.expression()?;
                finished(&reader)?;
                self.context.captures.push(String::new());
                Some(Open::Capture("call"))
            }
            "with" => {
                while !reader.done() {
                    let targets = targets(&mut reader)?;
                    if !reader.op("=") {
                        return Err(reader.error("="));
                    }
                    let value = reader.expression()?;
                    bind(reader.context, &targets, value);
                    if !reader.op(",") {
                        break;
                    }
                }
                finished(&reader)?;
                Some(Open::Plain("with"))
            }
            "filter" => {
                // `filter upper|attr(...)`: a chain of filters on what the block puts out, of which nothing is taken as known.
                let mut chain = vec![
                    Token { kind: Kind::Text(HOLE.to_string()), offset: end },
                    Token { kind: Kind::Op("|"), offset: end },
                ];
                chain.extend(tokens.iter().skip(1).cloned());
                let mut reader = Reader::new(&chain, end, &mut self.context);
                reader.expression()?;
                finished(&reader)?;
                self.context.captures.push(String::new());
                Some(Open::Capture("filter"))
            }
            "include" | "import" | "from" | "extends" => {
                let offset = reader.offset();
                let value = reader.expression()?;
                self.taken_in(word, &value, offset);
                None
            }
            "do" | "print" => {
                reader.tuple(true)?;
                finished(&reader)?;
                None
            }
            "autoescape" => {
                reader.expression()?;
                finished(&reader)?;
                Some(Open::Plain("autoescape"))
            }
            "block" => {
                reader.name();
                Some(Open::Plain("block"))
            }
            "generation" => Some(Open::Plain("generation")),
            "trans" => {
                self.names_only(tokens);
                Some(Open::Plain("trans"))
            }
            _ => return error("a known statement"),
        };
        self.open.extend(open);
        Ok(index + 1)
    }

    /// `for a, b in items if condition recursive`.
    fn for_loop(&mut self, tokens: &[Token<'_>], end: usize, index: usize) -> Result<Open, SyntaxError> {
        let mut reader = Reader::new(tokens, end, &mut self.context);
        reader.keyword("for");
        let names = targets(&mut reader)?;
        if !reader.keyword("in") {
            return Err(reader.error("in"));
        }
        let items = reader.tuple(false)?;
        // The condition may use the loop's names.
        bind(reader.context, &names, Value::Unknown);
        if reader.keyword("if") {
            reader.expression()?;
        }
        reader.keyword("recursive");
        finished(&reader)?;
        let known = match &items {
            Value::OneOf(_) => None,
            one => one.items(),
        };
        let unrolled = self.steps < MOST_STEPS && known.as_ref().is_some_and(|k| !k.is_empty());
        let mut rest = known.unwrap_or_default().into_iter();
        if unrolled {
            bind(&mut self.context, &names, rest.next().unwrap_or(Value::Unknown));
        } else {
            let any = rest.by_ref().reduce(Value::either).unwrap_or(Value::Unknown);
            bind(&mut self.context, &names, any);
            self.context.branches += 1;
        }
        Ok(Open::For { body: index + 1, names, rest, unrolled })
    }

    /// `set a, b = value`, or a block that collects what is assigned.
    fn set(&mut self, tokens: &[Token<'_>], end: usize) -> Result<Option<Open>, SyntaxError> {
        let unrolling = self.open.iter().any(|o| matches!(o, Open::For { unrolled: false, .. }));
        let mut reader = Reader::new(tokens, end, &mut self.context);
        reader.keyword("set");
        let names = targets(&mut reader)?;
        if !reader.op("=") {
            if reader.op("|") {
                // Filters of a block: judged, but what they make of it is not followed.
                let mut chain = vec![Token { kind: Kind::Text(String::new()), offset: end }];
                chain.extend(tokens.iter().skip_while(|t| t.kind != Kind::Op("|")).cloned());
                let mut filters = Reader::new(&chain, end, &mut self.context);
                filters.expression()?;
                finished(&filters)?;
            } else {
                finished(&reader)?;
            }
            self.context.captures.push(String::new());
            return Ok(Some(Open::Set(names.first().cloned().unwrap_or_default())));
        }
        let mut value = reader.tuple(true)?;
        finished(&reader)?;
        if unrolling && names.iter().any(|n| n.contains('.')) {
            // Another round of the loop may add to what a namespace holds.
            value = value.either(Value::Unknown);
        }
        assign(&mut self.context, &names, value);
        Ok(None)
    }

    /// An end tag; the result is the index of the next segment.
    fn close(&mut self, open: Open, index: usize) -> usize {
        match open {
            Open::For { body, names, mut rest, unrolled } => {
                if unrolled
                    && self.steps < MOST_STEPS
                    && let Some(item) = rest.next()
                {
                    bind(&mut self.context, &names, item);
                    self.open.push(Open::For { body, names, rest, unrolled });
                    return body;
                }
                if unrolled && rest.len() > 0 {
                    // Out of steps: once more, with all that is left at once.
                    let any = rest.by_ref().fold(Value::Unknown, Value::either);
                    bind(&mut self.context, &names, any);
                    self.context.branches += 1;
                    self.open.push(Open::For { body, names, rest, unrolled: false });
                    return body;
                }
                if !unrolled {
                    self.context.branches = self.context.branches.saturating_sub(1);
                }
            }
            Open::If => self.context.branches = self.context.branches.saturating_sub(1),
            Open::Set(name) => {
                let text = self.context.captures.pop().unwrap_or_default();
                self.context.assign(&name, Value::text(text));
            }
            Open::Macro(name) => {
                let text = self.context.captures.pop().unwrap_or_default();
                if self.context.macros.len() < 256 {
                    self.context.macros.insert(name, Value::text(text));
                }
            }
            Open::Capture(_) => {
                let text = self.context.captures.pop().unwrap_or_default();
                let part = Value::text(text).unknown_part().to_text();
                self.context.emit(&part);
            }
            Open::Plain(_) => {}
        }
        index + 1
    }

    /// Another template is taken in.
    fn taken_in(&mut self, word: &str, name: &Value, offset: usize) {
        let names: Vec<String> = match name {
            Value::List(items) => items.iter().map(Value::to_text).collect(),
            other => other.choices().iter().map(Value::to_text).collect(),
        };
        for name in names {
            let outside = name.starts_with(['/', '\\', '~'])
                || name.split(['/', '\\']).any(|part| part == "..")
                || name.get(1..3).is_some_and(|colon| colon.starts_with(':'))
                || name.contains("://");
            let severity = if outside { Severity::Critical } else { Severity::Warning };
            self.context.note(About::File, severity, &format!("{word} {}", name.replace(HOLE, "?")), offset);
        }
    }

    /// Looks at the names and texts of tokens that are no sentence of the grammar.
    fn names_only(&mut self, tokens: &[Token<'_>]) {
        let mut joined = String::new();
        for token in tokens {
            match &token.kind {
                Kind::Name(name) => {
                    if let Some(severity) = names::attribute(name, Access::Subscript) {
                        self.context.note(About::Attribute, severity, name, token.offset);
                    }
                    joined.clear();
                }
                Kind::Text(text) => {
                    joined.push_str(text);
                    self.context.access(&Value::text(joined.clone()), Access::Subscript, token.offset);
                    joined.truncate(if joined.len() > 1024 { 0 } else { joined.len() });
                }
                _ => {}
            }
        }
    }
}

/// Nothing may be left of a block.
fn finished(reader: &Reader<'_, '_>) -> Result<(), SyntaxError> {
    if reader.done() { Ok(()) } else { Err(reader.error("the end of the block")) }
}

/// Names that something is assigned to, dotted for namespaces; parentheses group and are not told apart.
fn targets(reader: &mut Reader<'_, '_>) -> Result<Vec<String>, SyntaxError> {
    let mut names = Vec::new();
    loop {
        while reader.op("(") || reader.op("[") {}
        let Some(name) = reader.name() else { return Err(reader.error("a name")) };
        let mut name = name.to_owned();
        while reader.op(".") {
            name.push('.');
            name.push_str(reader.name().unwrap_or_default());
        }
        names.push(name);
        while reader.op(")") || reader.op("]") {}
        if !reader.op(",") || reader.done() || names.len() > 64 {
            return Ok(names);
        }
        while reader.op(")") {}
    }
}

/// Parameters of a macro or a call block with their defaults.
fn parameters(reader: &mut Reader<'_, '_>) -> Result<(), SyntaxError> {
    if !reader.op("(") {
        return Ok(());
    }
    while !reader.op(")") {
        let Some(name) = reader.name() else { return Err(reader.error("a name")) };
        let default = if reader.op("=") { reader.expression()? } else { Value::Unknown };
        reader.context.bind(name, default.either(Value::Unknown));
        if !reader.op(",") && !reader.done() {
            if reader.op(")") {
                break;
            }
            return Err(reader.error(")"));
        }
        if reader.done() {
            return Err(reader.error(")"));
        }
    }
    Ok(())
}

fn bind(context: &mut Context, names: &[String], value: Value) {
    spread(names, value, |name, value| context.bind(name, value));
}

fn assign(context: &mut Context, names: &[String], value: Value) {
    spread(names, value, |name, value| context.assign(name, value));
}

/// Gives each name its part of a value.
fn spread(names: &[String], value: Value, mut give: impl FnMut(&str, Value)) {
    match names {
        [name] => give(name, value),
        names => {
            for (n, name) in names.iter().enumerate() {
                let key = Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
                give(name, value.map(|one| one.item(&key)));
            }
        }
    }
}
