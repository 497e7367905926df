//! Reads expressions and folds them while it reads: no tree is built, so nothing deep has to be walked or freed.
//!
//! The grammar is that of `jinja2/parser.py`, a little wider where a postfix may follow a filter. Only parentheses, brackets, braces
//! and arguments nest; they are counted.

use modelaudit_plugin::Severity;

use crate::context::{About, Context};
use crate::fold::{self, Arguments};
use crate::lexer::{Kind, Token};
use crate::names::{self, Access};
use crate::value::{MOST_ITEMS, Value};

/// Parentheses and arguments inside one another; templates in use stay below ten.
const DEEPEST: usize = 24;
/// The largest range that Jinja2's sandbox makes (`jinja2.sandbox.MAX_RANGE`).
const LONGEST_RANGE: i64 = 100_000;

/// Filters whose argument `attribute` names attributes, and its position.
const ATTRIBUTE_FILTERS: &[(&str, Option<usize>)] = &[
    ("groupby", Some(0)),
    ("join", Some(1)),
    ("map", None),
    ("max", Some(1)),
    ("min", Some(1)),
    ("rejectattr", Some(0)),
    ("selectattr", Some(0)),
    ("sort", Some(2)),
    ("sum", Some(0)),
    ("unique", Some(1)),
];

/// Binary operators and how tightly they bind (`jinja2.parser.Parser.parse_or` and below).
const BINARY: &[(&str, u8)] = &[
    ("or", 1),
    ("and", 2),
    ("==", 4),
    ("!=", 4),
    ("<", 4),
    (">", 4),
    ("<=", 4),
    (">=", 4),
    ("in", 4),
    ("+", 5),
    ("-", 5),
    ("~", 6),
    ("*", 7),
    ("/", 7),
    ("//", 7),
    ("%", 7),
    ("**", 8),
];

/// Where a syntax error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// What was expected.
    pub(crate) expected: &'static str,
    /// Offset in the template.
    pub(crate) offset: usize,
}

/// A reader over the tokens of one block.
pub(crate) struct Reader<'t, 'c> {
    tokens: &'t [Token<'t>],
    at: usize,
    depth: usize,
    end: usize,
    /// What is known.
    pub(crate) context: &'c mut Context,
}

/// A value on its way through a chain of postfixes.
struct Chain<'t> {
    value: Value,
    /// The dotted path of plain names that it is (`ns.x`), if it is one.
    path: Option<String>,
    /// The name that the chain begins with.
    root: Option<&'t str>,
    /// The last attribute, with the value it was taken from.
    method: Option<(String, Value)>,
}

impl<'t, 'c> Reader<'t, 'c> {
    /// A reader; `end` is the offset behind the block.
    pub(crate) fn new(tokens: &'t [Token<'t>], end: usize, context: &'c mut Context) -> Self {
        Self { tokens, at: 0, depth: 0, end, context }
    }

    /// Offset of the next token.
    pub(crate) fn offset(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |t| t.offset)
    }

    /// Whether all tokens were read.
    pub(crate) fn done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    fn peek(&self) -> Option<&'t Kind<'t>> {
        self.tokens.get(self.at).map(|t| &t.kind)
    }

    /// The next token, if it is a name.
    pub(crate) fn name(&mut self) -> Option<&'t str> {
        match self.peek() {
            Some(Kind::Name(name)) => {
                self.at += 1;
                Some(name)
            }
            _ => None,
        }
    }

    /// Takes this operator if it is next.
    pub(crate) fn op(&mut self, op: &str) -> bool {
        let found = matches!(self.peek(), Some(Kind::Op(o)) if *o == op);
        self.at += usize::from(found);
        found
    }

    /// Takes this keyword if it is next.
    pub(crate) fn keyword(&mut self, word: &str) -> bool {
        let found = self.is_keyword(word);
        self.at += usize::from(found);
        found
    }

    fn is_keyword(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Kind::Name(n)) if *n == word)
    }

    fn is_op(&self, op: &str) -> bool {
        matches!(self.peek(), Some(Kind::Op(o)) if *o == op)
    }

    /// An error at the next token.
    pub(crate) fn error(&self, expected: &'static str) -> SyntaxError {
        SyntaxError { expected, offset: self.offset() }
    }

    fn expect(&mut self, op: &'static str) -> Result<(), SyntaxError> {
        if self.op(op) { Ok(()) } else { Err(self.error(op)) }
    }

    /// An expression with its conditional (`a if b else c`).
    pub(crate) fn expression(&mut self) -> Result<Value, SyntaxError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error("less nesting"));
        }
        let mut value = self.binary(0)?;
        while self.keyword("if") {
            self.binary(0)?;
            // The else branch may have its own condition, which this loop reads: `a if b else c if d else e`.
            let other = if self.keyword("else") { self.binary(0)? } else { Value::text("") };
            value = value.either(other);
        }
        self.depth -= 1;
        Ok(value)
    }

    /// An expression without a conditional, as `for` and `if` take it.
    pub(crate) fn plain(&mut self) -> Result<Value, SyntaxError> {
        self.binary(0)
    }

    /// One or more expressions with commas: a tuple if there is a comma.
    pub(crate) fn tuple(&mut self, conditional: bool) -> Result<Value, SyntaxError> {
        let first = if conditional { self.expression()? } else { self.plain()? };
        if !self.is_op(",") {
            return Ok(first);
        }
        let mut items = vec![first];
        while self.op(",") && !self.done() && !self.is_op("=") && !self.is_keyword("in") {
            let item = if conditional { self.expression()? } else { self.plain()? };
            push(&mut items, item);
        }
        Ok(list(items))
    }

    fn binary(&mut self, least: u8) -> Result<Value, SyntaxError> {
        let mut negated = false;
        while least <= 3 && self.keyword("not") {
            negated = true;
        }
        let mut left = if negated { self.binary_from(4)? } else { self.unary()? };
        if negated {
            left = Value::Unknown;
        }
        self.operators(left, least)
    }

    /// The operand of `not`.
    fn binary_from(&mut self, least: u8) -> Result<Value, SyntaxError> {
        let left = self.unary()?;
        self.operators(left, least)
    }

    fn operators(&mut self, mut left: Value, least: u8) -> Result<Value, SyntaxError> {
        loop {
            let offset = self.offset();
            let (op, power) = match self.peek() {
                Some(Kind::Name("not"))
                    if matches!(self.tokens.get(self.at + 1), Some(Token { kind: Kind::Name("in"), .. })) =>
                {
                    if least > 4 {
                        return Ok(left);
                    }
                    self.at += 1;
                    ("in", 4)
                }
                Some(Kind::Op(word)) | Some(Kind::Name(word)) => match BINARY.iter().find(|row| row.0 == *word) {
                    Some(row) => *row,
                    None => return Ok(left),
                },
                _ => return Ok(left),
            };
            if power < least {
                return Ok(left);
            }
            self.at += 1;
            // Operators of the same kind group to the left, so the right side binds tighter: recursion ends with the table.
            let right = self.binary(power + 1)?;
            left = match op {
                "or" | "and" => left.either(right),
                "==" | "!=" | "<" | ">" | "<=" | ">=" | "in" => Value::Unknown,
                "*" => {
                    if let (Value::Text(_), Value::Int(n)) | (Value::Int(n), Value::Text(_)) = (&left, &right)
                        && *n > LONGEST_RANGE * 100
                    {
                        self.context.note(About::Size, Severity::Warning, "a text repeated without measure", offset);
                    }
                    fold::binary(op, &left, &right)
                }
                _ => fold::binary(op, &left, &right),
            };
        }
    }

    /// A value with its sign, postfixes, filters and tests.
    fn unary(&mut self) -> Result<Value, SyntaxError> {
        let (mut signed, mut minus) = (false, false);
        while let Some(Kind::Op(sign @ ("-" | "+"))) = self.peek() {
            minus ^= *sign == "-";
            signed = true;
            self.at += 1;
        }
        let mut chain = self.primary()?;
        if let (true, Value::Int(n)) = (signed, &chain.value) {
            chain.value = if minus { n.checked_neg().map_or(Value::Unknown, Value::Int) } else { Value::Int(*n) };
        }
        self.postfixes(chain)
    }

    fn primary(&mut self) -> Result<Chain<'t>, SyntaxError> {
        let token = self.peek().ok_or_else(|| self.error("an expression"))?;
        let mut chain = Chain { value: Value::Unknown, path: None, root: None, method: None };
        match token {
            Kind::Name(name) => {
                self.at += 1;
                chain.value = match *name {
                    "true" | "True" => Value::Bool(true),
                    "false" | "False" => Value::Bool(false),
                    "none" | "None" => Value::None,
                    name => {
                        chain.root = Some(name);
                        chain.path = Some(name.to_owned());
                        self.context.variable(name).unwrap_or(Value::Unknown)
                    }
                };
            }
            Kind::Text(_) => {
                let mut text = String::new();
                while let Some(Kind::Text(next)) = self.peek() {
                    text.push_str(next);
                    self.at += 1;
                }
                chain.value = Value::text(text);
            }
            Kind::Int(n) => {
                self.at += 1;
                chain.value = Value::Int(*n);
            }
            Kind::Number => self.at += 1,
            Kind::Op("(") => {
                self.at += 1;
                chain.value = self.parenthesis()?;
            }
            Kind::Op("[") => {
                self.at += 1;
                let mut items = Vec::new();
                while !self.op("]") {
                    let item = self.expression()?;
                    push(&mut items, item);
                    if !self.op(",") && !self.is_op("]") {
                        return Err(self.error("]"));
                    }
                }
                chain.value = list(items);
            }
            Kind::Op("{") => {
                self.at += 1;
                let mut pairs = Vec::new();
                while !self.op("}") {
                    let key = self.expression()?;
                    self.expect(":")?;
                    let value = self.expression()?;
                    if pairs.len() <= MOST_ITEMS {
                        pairs.push((key, value));
                    }
                    if !self.op(",") && !self.is_op("}") {
                        return Err(self.error("}"));
                    }
                }
                chain.value = Value::Map(pairs).capped();
            }
            Kind::Op(_) => return Err(self.error("an expression")),
        }
        Ok(chain)
    }

    /// What stands in parentheses: a tuple, or an expression.
    fn parenthesis(&mut self) -> Result<Value, SyntaxError> {
        let mut items = Vec::new();
        let mut comma = false;
        while !self.op(")") {
            let item = self.expression()?;
            push(&mut items, item);
            comma = self.op(",");
            if !comma && !self.is_op(")") {
                return Err(self.error(")"));
            }
        }
        Ok(if items.len() == 1 && !comma { items.swap_remove(0) } else { list(items) })
    }

    fn postfixes(&mut self, mut chain: Chain<'t>) -> Result<Value, SyntaxError> {
        loop {
            let offset = self.offset();
            if self.op(".") {
                match self.peek() {
                    Some(Kind::Name(name)) => {
                        self.at += 1;
                        self.attribute(&mut chain, name, offset);
                    }
                    Some(Kind::Int(n)) => {
                        self.at += 1;
                        chain = self.item(&chain, &Value::Int(*n), offset);
                    }
                    _ => return Err(self.error("a name")),
                }
            } else if self.op("[") {
                chain = self.subscript(&chain, offset)?;
            } else if self.is_op("(") {
                let arguments = self.arguments()?;
                chain = self.call(&chain, &arguments, offset);
            } else if self.op("|") {
                let name = self.dotted_name()?;
                let arguments = if self.is_op("(") { self.arguments()? } else { Arguments::default() };
                let value = self.filter(&name, &chain.value, &arguments, offset);
                chain = Chain { value, path: None, root: None, method: None };
            } else if self.keyword("is") {
                self.keyword("not");
                self.dotted_name()?;
                self.test_argument()?;
                chain = Chain { value: Value::Unknown, path: None, root: None, method: None };
            } else {
                return Ok(chain.value);
            }
        }
    }

    /// The name of a filter or test; extensions have dots in theirs.
    fn dotted_name(&mut self) -> Result<String, SyntaxError> {
        let mut name = self.name().ok_or_else(|| self.error("a name"))?.to_owned();
        while self.op(".") {
            name.push('.');
            name.push_str(self.name().ok_or_else(|| self.error("a name"))?);
        }
        Ok(name)
    }

    /// The argument of a test, with or without parentheses.
    fn test_argument(&mut self) -> Result<(), SyntaxError> {
        if self.is_op("(") {
            return self.arguments().map(|_| ());
        }
        let starts = match self.peek() {
            Some(Kind::Name(word)) => !matches!(
                *word,
                "and" | "or" | "else" | "is" | "if" | "in" | "not" | "recursive" | "ignore" | "with" | "without"
            ),
            Some(Kind::Text(_) | Kind::Int(_) | Kind::Number) => true,
            Some(Kind::Op(op)) => matches!(*op, "[" | "{"),
            None => false,
        };
        if starts {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(self.error("less nesting"));
            }
            let argument = self.primary()?;
            self.postfixes(argument)?;
            self.depth -= 1;
        }
        Ok(())
    }

    fn arguments(&mut self) -> Result<Arguments, SyntaxError> {
        self.expect("(")?;
        let mut arguments = Arguments::default();
        while !self.op(")") {
            if self.op("**") || self.op("*") {
                // What it spreads is not followed: arguments after it are at unknown positions.
                self.expression()?;
                push(&mut arguments.positional, Value::Unknown);
            } else if let (Some(Kind::Name(name)), Some(Token { kind: Kind::Op("="), .. })) =
                (self.peek(), self.tokens.get(self.at + 1))
            {
                self.at += 2;
                let value = self.expression()?;
                if arguments.named.len() <= MOST_ITEMS {
                    arguments.named.push(((*name).to_owned(), value));
                }
            } else {
                let value = self.expression()?;
                push(&mut arguments.positional, value);
            }
            if !self.op(",") && !self.is_op(")") {
                return Err(self.error(")"));
            }
        }
        Ok(arguments)
    }

    fn attribute(&mut self, chain: &mut Chain<'t>, name: &str, offset: usize) {
        if let Some(severity) = names::attribute(name, Access::Dot) {
            self.context.note(About::Attribute, severity, name, offset);
        }
        if let Some(root) = chain.path.as_deref().filter(|path| chain.root == Some(*path))
            && !self.context.assigned(root)
            && let Some(severity) = names::walk(root, name)
        {
            self.context.note(About::Global, severity, &format!("{root}.{name}"), offset);
        }
        let path = chain.path.as_ref().filter(|p| p.len() < 256).map(|path| format!("{path}.{name}"));
        let receiver = std::mem::replace(&mut chain.value, Value::Unknown);
        let assigned = path.as_deref().and_then(|p| self.context.variable(p));
        chain.value = assigned.unwrap_or_else(|| {
            receiver.map(|one| match one {
                Value::Map(_) => one.item(&Value::text(name)),
                _ => Value::Unknown,
            })
        });
        chain.path = path;
        chain.method = Some((name.to_owned(), receiver));
    }

    fn subscript(&mut self, chain: &Chain<'t>, offset: usize) -> Result<Chain<'t>, SyntaxError> {
        let mut bounds = [None, None, None];
        let mut count = 0;
        let mut slice = false;
        let mut tuple = false;
        while !self.op("]") {
            if self.op(":") {
                slice = true;
                count += 1;
                if count > 2 {
                    return Err(self.error("]"));
                }
            } else if self.op(",") {
                tuple = true;
            } else {
                let value = self.expression()?;
                if let Some(bound) = bounds.get_mut(count) {
                    *bound = Some(value);
                }
            }
        }
        if slice {
            let [start, stop, step] = &bounds;
            let value = chain.value.map(|one| one.slice([start.as_ref(), stop.as_ref(), step.as_ref()]));
            return Ok(Chain { value, path: None, root: None, method: None });
        }
        let [key, ..] = bounds;
        let key = key.ok_or_else(|| self.error("a subscript"))?;
        let key = if tuple { Value::Unknown } else { key };
        Ok(self.item(chain, &key, offset))
    }

    fn item(&mut self, chain: &Chain<'t>, key: &Value, offset: usize) -> Chain<'t> {
        self.context.access(key, Access::Subscript, offset);
        let root = chain.path.as_deref().filter(|path| chain.root == Some(*path));
        if let (Some(root), Value::Text(name)) = (root, key)
            && !self.context.assigned(root)
            && let Some(severity) = names::walk(root, name)
        {
            self.context.note(About::Global, severity, &format!("{root}.{name}"), offset);
        }
        let method = match key {
            Value::Text(name) => Some((name.clone(), chain.value.clone())),
            _ => None,
        };
        Chain { value: chain.value.zip(key, |one, key| one.item(key)), path: None, root: None, method }
    }

    fn call(&mut self, chain: &Chain<'t>, arguments: &Arguments, offset: usize) -> Chain<'t> {
        let plain = chain.path.as_deref().filter(|path| chain.root == Some(*path));
        let mut value = Value::Unknown;
        if let Some((method, receiver)) = &chain.method {
            let some = !arguments.positional.is_empty() || !arguments.named.is_empty();
            if some && names::runs(method) {
                self.context.note(About::Call, Severity::Critical, method, offset);
            }
            if method == "format" || method == "format_map" {
                self.format_fields(receiver, offset);
            }
            value = fold::method(method, receiver, arguments);
            self.grown(chain, method, receiver, arguments);
        } else if let Some(name) = plain {
            if let Some(severity) = names::function(name)
                && !self.context.assigned(name)
                && !self.context.macros.contains_key(name)
            {
                self.context.note(About::Call, severity, name, offset);
            }
            if name == "range"
                && arguments
                    .positional
                    .iter()
                    .any(|v| matches!(v, Value::Int(n) if n.unsigned_abs() > 10 * LONGEST_RANGE as u64))
            {
                self.context.note(About::Size, Severity::Warning, "a loop without measure", offset);
            }
            value = match (name, self.context.macros.get(name)) {
                (_, Some(text)) => text.clone(),
                ("dict" | "namespace", _) => arguments.as_map(),
                _ => Value::Unknown,
            };
        }
        Chain { value, path: None, root: None, method: None }
    }

    /// A list that a method makes longer is followed where it is simple, and unknown from then on where it is not.
    fn grown(&mut self, chain: &Chain<'t>, method: &str, receiver: &Value, arguments: &Arguments) {
        let owner = chain.path.as_deref().and_then(|p| p.rsplit_once('.')).map(|(owner, _)| owner.to_owned());
        let Some(owner) = owner.filter(|o| self.context.assigned(o)) else { return };
        let value = match (method, receiver, arguments.positional.as_slice()) {
            ("append", Value::List(items), [item]) => Value::List(items.iter().chain([item]).cloned().collect()),
            ("append" | "insert" | "extend" | "update" | "setdefault" | "reverse" | "sort" | "pop", ..) => {
                Value::Unknown
            }
            _ => return,
        };
        self.context.assign(&owner, value);
    }

    /// `'{0.__class__}'.format(x)` walks attributes without writing any in the template.
    fn format_fields(&mut self, text: &Value, offset: usize) {
        for choice in text.choices() {
            if let Value::Text(text) = choice {
                for name in fold::walked_fields(text) {
                    self.context.access(&Value::text(name), Access::Dot, offset);
                    // In a format field an unknown walk is as good as a filter's.
                }
            }
        }
    }

    fn filter(&mut self, name: &str, input: &Value, arguments: &Arguments, offset: usize) -> Value {
        if name == "attr" {
            let unknown = Value::Unknown;
            self.context.access(arguments.get(0, "name").unwrap_or(&unknown), Access::Filter, offset);
        }
        if let Some((_, position)) = ATTRIBUTE_FILTERS.iter().find(|row| row.0 == name) {
            let by_position = position.and_then(|p| arguments.positional.get(p));
            if let Some(attribute) = arguments.named("attribute").or(by_position) {
                // Other positional arguments stand at the same place (`sum(start)`), so only what is known counts there.
                let named = arguments.named("attribute").is_some();
                if named || matches!(attribute, Value::Text(_) | Value::OneOf(_)) {
                    self.context.access(attribute, Access::Filter, offset);
                }
            }
        }
        // `map('attr', '__class__')`, `select('attr', ...)`: filters and their arguments as texts.
        if matches!(name, "map" | "select" | "reject")
            && matches!(arguments.positional.first(), Some(Value::Text(f)) if f == "attr")
        {
            let unknown = Value::Unknown;
            self.context.access(arguments.positional.get(1).unwrap_or(&unknown), Access::Filter, offset);
        }
        fold::filter(name, input, arguments)
    }
}

/// Adds an item while the list is followed; one item more than the cap makes it unknown.
fn push(items: &mut Vec<Value>, item: Value) {
    if items.len() <= MOST_ITEMS {
        items.push(item);
    }
}

fn list(items: Vec<Value>) -> Value {
    Value::List(items).capped()
}
