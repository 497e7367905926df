//! From a template's text to segments and tokens, as Jinja2 cuts them (`jinja2/lexer.py`, default delimiters).
//!
//! Its own lexer, because a difference to Jinja2 is a hiding place: string literals are decoded as Python's `unicode_escape`
//! (`'\x5f'`, `'\137'`, `'\N{LOW LINE}'`), and braces inside expressions are balanced before a closing delimiter counts.

/// Stands in a text for a character or a part that is not known.
pub(crate) const HOLE: char = '\u{fffc}';

/// One token of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind<'t> {
    /// An identifier or keyword.
    Name(&'t str),
    /// A string literal, decoded.
    Text(String),
    /// An integer.
    Int(i64),
    /// A float or an integer beyond 64 bits.
    Number,
    /// An operator.
    Op(&'static str),
}

/// A token and where it starts in the template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token<'t> {
    /// What it is.
    pub(crate) kind: Kind<'t>,
    /// Offset of its first byte.
    pub(crate) offset: usize,
}

/// A part of the template.
#[derive(Debug, PartialEq)]
pub(crate) enum Part<'t> {
    /// Text that is copied to the output.
    Data(&'t str),
    /// `{{ ... }}`.
    Output(Vec<Token<'t>>),
    /// `{% ... %}`.
    Block(Vec<Token<'t>>),
}

/// A part and its place.
#[derive(Debug, PartialEq)]
pub(crate) struct Segment<'t> {
    /// What it is.
    pub(crate) part: Part<'t>,
    /// Offset of its first byte.
    pub(crate) start: usize,
    /// The byte after its last.
    pub(crate) end: usize,
}

/// Operators, longest first (`jinja2.lexer.operators`).
const OPERATORS: &[&str] = &[
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".",
    ":", "|", ",", ";",
];

/// Cuts a template. The second value says what was not understood and where: the template breaks off there for Jinja2, too.
pub(crate) fn segments(source: &str) -> (Vec<Segment<'_>>, Option<(String, usize)>) {
    let mut out = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let rest = source.get(at..).unwrap_or_default();
        let Some(open) = next_open(rest) else {
            out.push(Segment { part: Part::Data(rest), start: at, end: source.len() });
            break;
        };
        if open > 0 {
            let data = rest.get(..open).unwrap_or_default();
            out.push(Segment { part: Part::Data(data), start: at, end: at + open });
        }
        let start = at + open;
        let inner = source.get(start..).unwrap_or_default();
        if inner.starts_with("{#") {
            match inner.find("#}") {
                Some(end) => at = start + end + 2,
                None => return (out, Some(("a comment without an end".to_owned(), start))),
            }
            continue;
        }
        if let Some(data_start) = tag(source, start, "raw") {
            // Without its end nothing behind it is a template; to search for the next one would search the rest again and again.
            let Some((data_end, end)) = raw_end(source, data_start) else {
                return (out, Some(("a 'raw' block without its end".to_owned(), start)));
            };
            let data = source.get(data_start..data_end).unwrap_or_default();
            out.push(Segment { part: Part::Data(data), start: data_start, end: data_end });
            at = end;
            continue;
        }
        let block = inner.starts_with("{%");
        match tokens(source, start + 2, if block { "%}" } else { "}}" }) {
            Ok((tokens, end)) => {
                let part = if block { Part::Block(tokens) } else { Part::Output(tokens) };
                out.push(Segment { part, start, end });
                at = end;
            }
            Err((tokens, reason, place)) => {
                // What was cut so far is still judged.
                let part = if block { Part::Block(tokens) } else { Part::Output(tokens) };
                out.push(Segment { part, start, end: source.len() });
                return (out, Some((reason, place)));
            }
        }
    }
    (out, None)
}

/// Where the next delimiter opens.
fn next_open(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(found) = bytes.get(from..)?.iter().position(|b| *b == b'{') {
        let at = from + found;
        if matches!(bytes.get(at + 1), Some(b'{' | b'%' | b'#')) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// Where the text of a `{% raw %}` block ends, and where its end tag does.
fn raw_end(source: &str, data_start: usize) -> Option<(usize, usize)> {
    let mut from = data_start;
    while let Some(found) = source.get(from..)?.find("{%") {
        if let Some(end) = tag(source, from + found, "endraw") {
            return Some((from + found, end));
        }
        from += found + 2;
    }
    None
}

/// The end of `{% word %}` if that stands at `start`.
fn tag(source: &str, start: usize, word: &str) -> Option<usize> {
    let inner = source.get(start..)?.strip_prefix("{%")?;
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner).trim_start();
    let inner = inner.strip_prefix(word)?.trim_start();
    let inner = inner.strip_prefix(['-', '+']).unwrap_or(inner).strip_prefix("%}")?;
    Some(source.len() - inner.len())
}

/// Tokens, with the end of the closing delimiter.
type Cut<'t> = Result<(Vec<Token<'t>>, usize), (Vec<Token<'t>>, String, usize)>;

/// Cuts tokens from `at` up to the closing delimiter.
fn tokens<'t>(source: &'t str, mut at: usize, close: &str) -> Cut<'t> {
    let mut out: Vec<Token<'t>> = Vec::new();
    let mut open = 0usize;
    if source.get(at..).is_some_and(|s| s.starts_with(['-', '+'])) {
        at += 1;
    }
    loop {
        let rest = source.get(at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if open == 0 {
            let signed = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
            for candidate in [trimmed, signed] {
                if candidate.starts_with(close) {
                    return Ok((out, at + (trimmed.len() - candidate.len()) + close.len()));
                }
            }
        }
        let Some(first) = trimmed.chars().next() else {
            return Err((out, format!("no '{close}' before the end"), at));
        };
        let after_dot = matches!(out.last(), Some(Token { kind: Kind::Op("."), .. }));
        let (kind, length) = if first == '\'' || first == '"' {
            match literal(trimmed, first) {
                Some((text, length)) => (Kind::Text(text), length),
                None => return Err((out, "a string without an end".to_owned(), at)),
            }
        } else if first.is_ascii_digit() {
            number(trimmed, after_dot)
        } else if first.is_alphanumeric() || first == '_' {
            let length = trimmed.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(trimmed.len());
            (Kind::Name(trimmed.get(..length).unwrap_or_default()), length)
        } else if let Some(op) = OPERATORS.iter().find(|op| trimmed.starts_with(**op)) {
            match *op {
                "(" | "[" | "{" => open += 1,
                ")" | "]" | "}" => open = open.saturating_sub(1),
                _ => {}
            }
            (Kind::Op(op), op.len())
        } else {
            return Err((out, "a character that no expression holds".to_owned(), at));
        };
        out.push(Token { kind, offset: at });
        at += length;
    }
}

/// A number, with its length.
fn number<'t>(text: &str, integer_only: bool) -> (Kind<'t>, usize) {
    let bytes = text.as_bytes();
    let radix = match bytes.get(1) {
        Some(b'x' | b'X') if bytes.first() == Some(&b'0') => 16,
        Some(b'o' | b'O') if bytes.first() == Some(&b'0') => 8,
        Some(b'b' | b'B') if bytes.first() == Some(&b'0') => 2,
        _ => 10,
    };
    let prefix = if radix == 10 { 0 } else { 2 };
    let run = |from: usize| {
        let digits = |b: &&u8| (b.is_ascii_alphanumeric() && (**b as char).is_digit(radix)) || **b == b'_';
        bytes.iter().skip(from).take_while(digits).count()
    };
    let mut length = prefix + run(prefix);
    let digits: String = text.get(prefix..length).unwrap_or_default().chars().filter(|c| *c != '_').collect();
    let mut float = false;
    if radix == 10 && !integer_only {
        if bytes.get(length) == Some(&b'.') && bytes.get(length + 1).is_some_and(u8::is_ascii_digit) {
            float = true;
            length += 1 + run(length + 1);
        }
        if matches!(bytes.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            if bytes.get(length + 1 + sign).is_some_and(u8::is_ascii_digit) {
                float = true;
                length += 1 + sign + run(length + 1 + sign);
            }
        }
    }
    let kind = match i64::from_str_radix(&digits, radix) {
        Ok(value) if !float => Kind::Int(value),
        _ => Kind::Number,
    };
    (kind, length.max(1))
}

/// A string literal, decoded, with the length of its source.
fn literal(text: &str, quote: char) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return Some((out, at + 1));
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        let (_, escape) = chars.next()?;
        let mut digits = |radix: u32, most: usize, first: u32| {
            let (mut value, mut count) = (first, 0);
            while count < most {
                let Some(digit) = chars.peek().and_then(|(_, c)| c.to_digit(radix)) else { break };
                value = value.wrapping_mul(radix).wrapping_add(digit);
                chars.next();
                count += 1;
            }
            char::from_u32(value).unwrap_or(HOLE)
        };
        match escape {
            '\n' => {}
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'a' => out.push('\x07'),
            'b' => out.push('\x08'),
            'f' => out.push('\x0c'),
            'v' => out.push('\x0b'),
            '\\' | '\'' | '"' => out.push(escape),
            'x' => out.push(digits(16, 2, 0)),
            'u' => out.push(digits(16, 4, 0)),
            'U' => out.push(digits(16, 8, 0)),
            '0'..='7' => out.push(digits(8, 2, escape.to_digit(8).unwrap_or(0))),
            'N' if chars.peek().is_some_and(|(_, c)| *c == '{') => {
                let name: String = chars.by_ref().map(|(_, c)| c).skip(1).take_while(|c| *c != '}').take(80).collect();
                // The one character that escapes need; other names stay unknown, which keeps the text from being taken for harmless.
                out.push(if name.eq_ignore_ascii_case("low line") { '_' } else { HOLE });
            }
            other => {
                out.push('\\');
                out.push(other);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(source: &str) -> Vec<Kind<'_>> {
        let (mut segments, problem) = segments(source);
        assert_eq!(problem, None, "{source}");
        match segments.remove(0).part {
            Part::Output(tokens) | Part::Block(tokens) => tokens.into_iter().map(|t| t.kind).collect(),
            Part::Data(_) => Vec::new(),
        }
    }

    #[test]
    fn literals_are_decoded_like_python() {
        for text in [r"'\x5f\137\u005f'", r"'\U0000005f__'", r"'\N{LOW LINE}__'"] {
            assert_eq!(one(&format!("{{{{ {text} }}}}")), [Kind::Text("___".to_owned())], "{text}");
        }
        assert_eq!(one(r"{{ 'a\q' }}"), [Kind::Text("a\\q".to_owned())]);
    }

    #[test]
    fn braces_inside_expressions_are_balanced() {
        assert_eq!(one("{{ {'a': {}} }}").len(), 6);
        assert_eq!(one("{{ '}}' }}"), [Kind::Text("}}".to_owned())]);
        assert_eq!(one("{%- if x -%}"), [Kind::Name("if"), Kind::Name("x")]);
        assert_eq!(one("{{ x.0.1 + 1.5 }}").iter().filter(|k| matches!(k, Kind::Int(_))).count(), 2);
    }

    #[test]
    fn raw_and_comments_are_not_code() {
        let (parts, problem) = segments("{# {{ a }} #}{% raw %}{{ b }}{% endraw %}c");
        assert_eq!(problem, None);
        assert!(parts.iter().all(|p| matches!(p.part, Part::Data(_))), "{parts:?}");
        assert!(segments("{{ 'a }}").1.is_some());
        assert!(segments("{% if x").1.is_some());
        assert!(segments("{# x").1.is_some());
    }
}
