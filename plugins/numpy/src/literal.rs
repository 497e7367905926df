//! Python literals: the header of a .npy file is one.
//!
//! numpy evaluates it with `ast.literal_eval`, which takes constants and containers and nothing that runs. Everything else
//! (a name, a call, an operator) is an expression: it makes the loader fail, or was written for a reader that calls `eval`.
//! The parser has no recursion; depth and number of values are bounded.

/// Levels of nesting. A structured dtype nests a few.
const MAX_DEPTH: usize = 32;
/// Values in all. A dtype with 50,000 fields has 150,000.
const MAX_VALUES: usize = 500_000;

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer; None if it does not fit 128 bits.
    Integer(Option<i128>),
    /// A float or an imaginary number, which nothing in a header is.
    Float,
    /// A string.
    Text(String),
    /// A bytes literal, as Latin-1.
    Bytes(String),
    /// `( ... )` with a comma.
    Tuple(Vec<Literal>),
    /// `[ ... ]`.
    List(Vec<Literal>),
    /// `{k: v}` in the order written.
    Dict(Vec<(Literal, Literal)>),
    /// `{v, w}`.
    Set(Vec<Literal>),
}

/// Why a text is no literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Byte offset in the text.
    pub offset: usize,
    /// What stands there, for a message.
    pub what: String,
    /// True if a bound of ours was hit, and the text may be a literal.
    pub limit: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bracket {
    Round,
    Square,
    Curly,
}

/// An open bracket.
struct Open {
    bracket: Bracket,
    items: Vec<Literal>,
    /// Keys of a dict, as long as `items` or one longer while a value is awaited.
    keys: Vec<Literal>,
    comma: bool,
    /// A value may stand next.
    ready: bool,
}

/// Parses a whole text; white space may surround the literal.
///
/// # Errors
/// What stands where no literal has it.
pub fn parse(text: &str) -> Result<Literal, Failure> {
    let mut parser = Parser { text, bytes: text.as_bytes(), at: 0 };
    let mut stack: Vec<Open> = Vec::new();
    let mut values = 0usize;
    let mut result: Option<Literal> = None;
    loop {
        parser.white(!stack.is_empty());
        let Some(byte) = parser.peek() else { break };
        if result.is_some() {
            return Err(parser.failure("after the literal"));
        }
        let value = match (byte, stack.last_mut()) {
            (b',', Some(open)) if !open.ready && open.keys.len() <= open.items.len() => {
                parser.at += 1;
                open.comma = true;
                open.ready = true;
                continue;
            }
            (b':', Some(open))
                if open.bracket == Bracket::Curly && !open.ready && open.items.len() == open.keys.len() + 1 =>
            {
                parser.at += 1;
                let key = open.items.pop().unwrap_or(Literal::None);
                open.keys.push(key);
                open.ready = true;
                continue;
            }
            (b')' | b']' | b'}', Some(_)) => {
                let Some(open) = stack.pop() else { continue };
                parser.close(byte, open)?
            }
            (b'(' | b'[' | b'{', open) if open.as_ref().is_none_or(|o| o.ready) => {
                let bracket = match byte {
                    b'(' => Bracket::Round,
                    b'[' => Bracket::Square,
                    _ => Bracket::Curly,
                };
                if stack.len() >= MAX_DEPTH {
                    return Err(Failure { limit: true, ..parser.failure("nested too deeply") });
                }
                parser.at += 1;
                stack.push(Open { bracket, items: Vec::new(), keys: Vec::new(), comma: false, ready: true });
                continue;
            }
            (_, open) => {
                // Adjacent strings are one string.
                if let Some(open) = open
                    && !open.ready
                {
                    let piece = match parser.quote_ahead() {
                        true => parser.scalar()?,
                        false => return Err(parser.failure("where a comma or a bracket should be")),
                    };
                    match (open.items.last_mut(), piece) {
                        (Some(Literal::Text(text)), Literal::Text(more)) => text.push_str(&more),
                        (Some(Literal::Bytes(text)), Literal::Bytes(more)) => text.push_str(&more),
                        _ => return Err(parser.failure("after a value")),
                    }
                    continue;
                }
                parser.scalar()?
            }
        };
        values += 1;
        if values > MAX_VALUES {
            return Err(Failure { limit: true, ..parser.failure("too many values") });
        }
        match stack.last_mut() {
            Some(open) => {
                open.items.push(value);
                open.ready = false;
            }
            None => result = Some(value),
        }
    }
    match result {
        Some(value) if stack.is_empty() => Ok(value),
        _ => Err(parser.failure("the text ends")),
    }
}

struct Parser<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn failure(&self, why: &str) -> Failure {
        let rest = self.rest();
        let word = rest.bytes().take(60).take_while(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b == b'.').count();
        let shown = match word {
            0 => rest.chars().take(1).collect::<String>(),
            n => rest.get(..n).unwrap_or_default().to_owned(),
        };
        let what = if shown.is_empty() { why.to_owned() } else { format!("{} {why}", modelaudit_plugin::quote(shown)) };
        Failure { offset: self.at, what, limit: false }
    }

    /// Skips white space, and comments and line ends where brackets allow them.
    fn white(&mut self, inside: bool) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | 0x0c => self.at += 1,
                b'#' if inside => {
                    let rest = self.bytes.get(self.at..).unwrap_or_default();
                    self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    fn close(&mut self, byte: u8, open: Open) -> Result<Literal, Failure> {
        let fits =
            matches!((byte, open.bracket), (b')', Bracket::Round) | (b']', Bracket::Square) | (b'}', Bracket::Curly));
        let Open { bracket, mut items, keys, comma, ready } = open;
        let dangling = ready && !comma && !items.is_empty();
        if !fits || dangling || (!keys.is_empty() && keys.len() != items.len()) || (comma && items.is_empty()) {
            return Err(self.failure("where the brackets do not match"));
        }
        self.at += 1;
        Ok(match bracket {
            // Parentheses around one value without a comma only group.
            Bracket::Round if items.len() == 1 && !comma => items.pop().unwrap_or(Literal::None),
            Bracket::Round => Literal::Tuple(items),
            Bracket::Square => Literal::List(items),
            Bracket::Curly if keys.is_empty() && !items.is_empty() => Literal::Set(items),
            Bracket::Curly => Literal::Dict(keys.into_iter().zip(items).collect()),
        })
    }

    /// True if a string literal, with or without a prefix, stands here.
    fn quote_ahead(&self) -> bool {
        let letters = self.rest().bytes().take(3).take_while(|b| b.is_ascii_alphabetic()).count();
        matches!(self.bytes.get(self.at + letters), Some(b'\'' | b'"')) && letters <= 2
    }

    fn scalar(&mut self) -> Result<Literal, Failure> {
        if self.quote_ahead() {
            return self.string();
        }
        match self.peek() {
            Some(b'0'..=b'9' | b'+' | b'-' | b'.') => self.number(),
            _ => {
                for (word, value) in
                    [("None", Literal::None), ("True", Literal::Bool(true)), ("False", Literal::Bool(false))]
                {
                    let next = self.bytes.get(self.at + word.len());
                    if self.rest().starts_with(word) && !next.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
                        self.at += word.len();
                        return Ok(value);
                    }
                }
                Err(self.failure("is not a literal"))
            }
        }
    }

    /// An integer in any base with `_` and Python 2's `L`, or a float.
    fn number(&mut self) -> Result<Literal, Failure> {
        let start = self.at;
        let mut negative = false;
        while let Some(sign @ (b'+' | b'-' | b' ')) = self.peek() {
            negative ^= sign == b'-';
            self.at += 1;
        }
        let length = self.rest().bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.')).count();
        let word = self.rest().get(..length).unwrap_or_default();
        let clean: String = word.chars().filter(|c| *c != '_').collect::<String>().to_ascii_lowercase();
        let digits = clean.strip_suffix('l').unwrap_or(&clean);
        let (digits, radix) = match digits.get(..2) {
            Some("0x") => (digits.get(2..).unwrap_or_default(), 16),
            Some("0o") => (digits.get(2..).unwrap_or_default(), 8),
            Some("0b") => (digits.get(2..).unwrap_or_default(), 2),
            _ => (digits, 10),
        };
        if !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix)) {
            self.at += length;
            let value = i128::from_str_radix(digits, radix).ok();
            return Ok(Literal::Integer(value.map(|v| if negative { -v } else { v })));
        }
        let float = clean.strip_suffix('j').unwrap_or(&clean);
        if float.starts_with(|c: char| c.is_ascii_digit() || c == '.') && float.parse::<f64>().is_ok() {
            self.at += length;
            return Ok(Literal::Float);
        }
        self.at = start;
        Err(self.failure("is not a number"))
    }

    fn string(&mut self) -> Result<Literal, Failure> {
        let start = self.at;
        let (mut raw, mut bytes) = (false, false);
        while let Some(prefix) = self.peek().filter(u8::is_ascii_alphabetic) {
            match prefix.to_ascii_lowercase() {
                b'r' => raw = true,
                b'b' => bytes = true,
                b'u' => {}
                // An f-string is an expression.
                _ => return Err(self.failure("is not a literal")),
            }
            self.at += 1;
        }
        let quote = self.peek().unwrap_or(b'\'');
        let triple = self.rest().as_bytes().starts_with(&[quote; 3]);
        self.at += if triple { 3 } else { 1 };
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let Some(c) = rest.chars().next() else {
                self.at = start;
                return Err(self.failure("starts a string without an end"));
            };
            if c as u32 == u32::from(quote) && (!triple || rest.as_bytes().starts_with(&[quote; 3])) {
                self.at += if triple { 3 } else { 1 };
                break;
            }
            self.at += c.len_utf8();
            if c == '\\' {
                self.escape(raw, &mut out);
            } else {
                out.push(c);
            }
        }
        Ok(if bytes { Literal::Bytes(out) } else { Literal::Text(out) })
    }

    /// What follows a backslash. `\N{...}` and the like stay as they are: no field name depends on it.
    fn escape(&mut self, raw: bool, out: &mut String) {
        let Some(c) = self.rest().chars().next() else { return };
        self.at += c.len_utf8();
        if raw {
            out.push('\\');
            out.push(c);
            return;
        }
        let (digits, radix) = match c {
            'x' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='7' => (3, 8),
            _ => (0, 16),
        };
        if digits > 0 {
            if radix == 8 {
                self.at -= 1;
            }
            let length = self.rest().chars().take(digits).take_while(|d| d.is_digit(radix)).count();
            let code = u32::from_str_radix(self.rest().get(..length).unwrap_or_default(), radix).ok();
            self.at += length;
            out.push(code.and_then(char::from_u32).unwrap_or('\u{fffd}'));
            return;
        }
        match c {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'v' => out.push('\u{b}'),
            '\n' => {}
            '\\' | '\'' | '"' => out.push(c),
            other => {
                out.push('\\');
                out.push(other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(value: i128) -> Literal {
        Literal::Integer(Some(value))
    }

    fn text(value: &str) -> Literal {
        Literal::Text(value.to_owned())
    }

    #[test]
    fn literals_are_read() {
        let header = parse("{'descr': '<f8', 'fortran_order': False, 'shape': (10L, 0x_ff,), }   \n").unwrap();
        let Literal::Dict(members) = header else { panic!() };
        assert_eq!(members[0], (text("descr"), text("<f8")));
        assert_eq!(members[2].1, Literal::Tuple(vec![int(10), int(255)]));
        assert_eq!(
            parse("[('a', '|O'), (('t', \"n\"), u'<i4', (2,))]").unwrap(),
            Literal::List(vec![
                Literal::Tuple(vec![text("a"), text("|O")]),
                Literal::Tuple(vec![
                    Literal::Tuple(vec![text("t"), text("n")]),
                    text("<i4"),
                    Literal::Tuple(vec![int(2)])
                ]),
            ])
        );
        assert_eq!(parse("()").unwrap(), Literal::Tuple(vec![]));
        assert_eq!(parse("(1)").unwrap(), int(1));
        assert_eq!(parse("- 3").unwrap(), int(-3));
        assert_eq!(parse("1.5e3").unwrap(), Literal::Float);
        assert_eq!(
            parse("('a' 'b', # note\n b'c')").unwrap(),
            Literal::Tuple(vec![text("ab"), Literal::Bytes("c".to_owned())])
        );
        assert_eq!(parse("'\\x41\\u00e4\\101\\n\\q'").unwrap(), text("AäA\n\\q"));
        assert_eq!(parse("{1, 2}").unwrap(), Literal::Set(vec![int(1), int(2)]));
        assert_eq!(parse("'''a'b'''").unwrap(), text("a'b"));
    }

    #[test]
    fn expressions_are_not() {
        for bad in [
            "",
            "{",
            "}",
            "(1 2)",
            "[1,,2]",
            "[,]",
            "{'a': }",
            "{'a': 1 'b'}",
            "{:1}",
            "{'a' 1}",
            "__import__('os')",
            "(1",
            "'a",
            "f'{x}'",
            "1 + 2",
            "{'a': os.system('id')}",
            "lambda: 0",
            "[x for x in ()]",
            "1 1",
            "0xg",
            "a",
            "{'a': 1, 'b'}",
            "(1, 'a' 2)",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let failure = parse("{'descr': __import__('os').system('id')}").unwrap_err();
        assert_eq!((failure.offset, failure.what.as_str()), (10, "'__import__' is not a literal"));
        assert!(parse(&"(".repeat(100)).unwrap_err().limit);
        assert!(!parse(&"[".repeat(10)).unwrap_err().limit);
    }
}
