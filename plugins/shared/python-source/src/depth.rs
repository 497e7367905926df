//! Refuses source whose syntax tree would be too deep, before it is parsed.
//!
//! The parser, the tree's destructor and the walk over it recurse; in the sandbox the stack has 1 MiB and can't grow. So the
//! tokens are counted first. The bounds are CPython's own where it has some (`MAXLEVEL` 200 brackets, `MAXINDENT` 100 levels of
//! indentation, Parser/lexer/state.h), else far above what people and formatters write.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer::lex};

/// Open brackets plus operators that take their operand on the right (`not`, `-`, `**`, `lambda`, `if`/`else`, `await`).
const DEEPEST_NESTING: usize = 200;
/// Levels of indentation; CPython refuses more than 100.
const DEEPEST_INDENT: usize = 100;
/// Operators in a row that take their operand on the left (`a + b + ...`).
const LONGEST_CHAIN: usize = 3000;
/// Tokens of a source: each costs some hundred bytes of tokens and tree. Three megabytes of dense code have that many.
const MOST_TOKENS: usize = 2_000_000;
/// Calls, subscripts and attributes in a row (`a.b().c()...`).
const LONGEST_TRAILER: usize = 400;

/// What is open at a place.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Operators on the right of which anything may stand: `not`, `lambda`, `if`.
    right: usize,
    /// Those that end at the next operator: signs, `**`, `await`.
    tight: usize,
    chain: usize,
    trailers: usize,
}

/// Checks the source.
///
/// # Errors
/// What is nested too deeply and in which line, for a message.
pub(crate) fn check(source: &str, mode: Mode) -> Result<(), String> {
    let mut lexer = lex(source, mode);
    let (mut levels, mut sum, mut indent, mut line) = (vec![Level::default()], 0usize, 0usize, 1usize);
    let mut before = TokenKind::Newline;
    let mut tokens = 0usize;
    loop {
        let kind = lexer.next_token();
        tokens += 1;
        if tokens > MOST_TOKENS {
            return Err(format!("the source has more than {MOST_TOKENS} tokens, from line {line} on"));
        }
        let nested = levels.len() > 1;
        let Some(level) = levels.last_mut() else { return Ok(()) };
        match kind {
            TokenKind::EndOfFile => return Ok(()),
            TokenKind::Newline | TokenKind::NonLogicalNewline => {
                line += 1;
                if kind == TokenKind::Newline {
                    levels = vec![Level::default()];
                    sum = 0;
                }
            }
            TokenKind::Indent => indent += 1,
            TokenKind::Dedent => indent = indent.saturating_sub(1),
            TokenKind::Comma | TokenKind::Semi => {
                sum -= level.right + level.tight;
                *level = Level::default();
            }
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                level.trailers += 1;
                sum += 1;
                levels.push(Level::default());
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace | TokenKind::FStringEnd | TokenKind::TStringEnd
                if nested =>
            {
                sum -= 1 + level.right + level.tight;
                levels.pop();
            }
            TokenKind::Dot => level.trailers += 1,
            TokenKind::Plus | TokenKind::Minus if !ends_operand(before) => {
                level.tight += 1;
                sum += 1;
            }
            TokenKind::Tilde | TokenKind::DoubleStar | TokenKind::Await => {
                level.tight += 1;
                sum += 1;
            }
            TokenKind::Not
            | TokenKind::Lambda
            | TokenKind::If
            | TokenKind::Async
            | TokenKind::Yield
            | TokenKind::ColonEqual => {
                level.right += 1;
                sum += 1;
            }
            TokenKind::Plus
            | TokenKind::Minus
            | TokenKind::Star
            | TokenKind::Slash
            | TokenKind::DoubleSlash
            | TokenKind::Percent
            | TokenKind::At
            | TokenKind::Vbar
            | TokenKind::Amper
            | TokenKind::CircumFlex
            | TokenKind::LeftShift
            | TokenKind::RightShift => {
                sum -= level.tight;
                *level = Level { right: level.right, chain: level.chain + 1, ..Level::default() };
            }
            TokenKind::And | TokenKind::Or => {
                sum -= level.right + level.tight;
                *level = Level::default();
            }
            _ => {}
        }
        before = kind;
        let Some(level) = levels.last() else { return Ok(()) };
        let what = if sum > DEEPEST_NESTING {
            "an expression that is nested too deeply"
        } else if indent > DEEPEST_INDENT {
            "too many levels of indentation"
        } else if level.chain > LONGEST_CHAIN {
            "a chain of too many operators"
        } else if level.trailers > LONGEST_TRAILER {
            "a chain of too many calls"
        } else {
            continue;
        };
        return Err(format!("line {line} has {what}"));
    }
}

/// Whether a sign behind that token has two operands.
fn ends_operand(token: TokenKind) -> bool {
    matches!(
        token,
        TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::FStringEnd
            | TokenKind::TStringEnd
            | TokenKind::Rpar
            | TokenKind::Rsqb
            | TokenKind::Rbrace
            | TokenKind::True
            | TokenKind::False
            | TokenKind::None
            | TokenKind::Ellipsis
            | TokenKind::Match
            | TokenKind::Case
            | TokenKind::Type
            | TokenKind::Lazy
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn towers_are_refused_and_long_lists_are_not() {
        let refused = |source: &str| check(source, Mode::Module).is_err();
        assert!(refused(&"(".repeat(100_000)));
        assert!(refused(&format!("x = {}1", "- ".repeat(100_000))));
        assert!(refused(&format!("x = {}1", "not ".repeat(100_000))));
        assert!(refused(&format!("x = {}0", "lambda: ".repeat(5000))));
        assert!(refused(&format!("x = {}0", "1 if a else ".repeat(5000))));
        assert!(refused(&format!("x = {}0", "1 + ".repeat(5000))));
        assert!(refused(&format!("x{}", "()".repeat(5000))));
        assert!(refused(&format!("x{}", ".a".repeat(5000))));
        assert!(refused(&"async ".repeat(5000)));
        let towers: String = (0..150).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect();
        assert!(refused(&towers));
        assert!(refused(&format!("x = {}1", "a ** ".repeat(5000))));
        assert!(!refused(&format!("x = {}1", "-a ** 2 * ~b + ".repeat(700))));
        assert!(refused(&"a\n".repeat(1_100_000)));
        assert!(!refused(&format!("x = [{}]", "-1, ".repeat(100_000))));
        assert!(!refused(&format!("x = [{}]", "f(a.b), ".repeat(100_000))));
        assert!(!refused(&"x = not (a.b(c) + -1)\n".repeat(100_000)));
        assert!(!refused(&format!("x = {}c", "a(b) or ".repeat(1000))));
    }
}
