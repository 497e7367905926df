//! The text form of protobuf (`.pbtxt`), token by token.
//!
//! Syntax: protobuf.dev/reference/protobuf/textformat-spec. Names, numbers, strings in either quote with C escapes, which join if they
//! stand beside each other, and signs. Comments begin with `#`.

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A name, number or enum value.
    Word(String),
    /// A string with its escapes resolved, and the offset of its first quote.
    Text(Vec<u8>, usize),
    /// `{`, `}`, `<`, `>`, `[`, `]`, `:`, `,`, `;` or another sign.
    Sign(u8),
}

/// Goes from token to token.
pub struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    /// At the start of a text.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Offset of the next byte.
    pub fn position(&self) -> usize {
        self.at
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'#' {
                self.at += self.bytes.iter().skip(self.at).take_while(|b| **b != b'\n').count();
            } else if byte.is_ascii_whitespace() {
                self.at += 1;
            } else {
                break;
            }
        }
    }

    /// The next token, None at the end.
    ///
    /// # Errors
    /// A string is not closed before the text ends.
    pub fn next(&mut self) -> Result<Option<Token>, String> {
        self.blanks();
        let Some(byte) = self.peek() else { return Ok(None) };
        if matches!(byte, b'"' | b'\'') {
            let start = self.at;
            let mut out = Vec::new();
            while let Some(quote @ (b'"' | b'\'')) = self.peek() {
                self.string(quote, &mut out)?;
                self.blanks();
            }
            return Ok(Some(Token::Text(out, start)));
        }
        let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'+' | b'/');
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest.iter().take_while(|b| is_word(b)).count();
        if length == 0 {
            self.at += 1;
            return Ok(Some(Token::Sign(byte)));
        }
        self.at += length;
        Ok(Some(Token::Word(String::from_utf8_lossy(rest.get(..length).unwrap_or_default()).into_owned())))
    }

    fn string(&mut self, quote: u8, out: &mut Vec<u8>) -> Result<(), String> {
        let start = self.at;
        self.at += 1;
        loop {
            let Some(byte) = self.peek() else {
                return Err(format!("the text ends inside the string at offset {start}"));
            };
            self.at += 1;
            match byte {
                b'\\' => self.escape(out),
                byte if byte == quote => return Ok(()),
                byte => out.push(byte),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, out: &mut Vec<u8>) {
        let Some(byte) = self.peek() else { return };
        self.at += 1;
        let simple = match byte {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'v' => 11,
            b'0'..=b'7' => {
                self.at -= 1;
                out.push(self.digits(8, 3) as u8);
                return;
            }
            b'x' | b'X' => {
                out.push(self.digits(16, 2) as u8);
                return;
            }
            b'u' | b'U' => {
                let value = self.digits(16, if byte == b'u' { 4 } else { 8 });
                let c = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return;
            }
            other => other,
        };
        out.push(simple);
    }

    fn digits(&mut self, base: u32, most: usize) -> u32 {
        let mut value = 0u32;
        for _ in 0..most {
            let Some(digit) = self.peek().and_then(|b| char::from(b).to_digit(base)) else { break };
            value = value.wrapping_mul(base).wrapping_add(digit);
            self.at += 1;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told() {
        let mut tokens = Tokens::new(b"node { # x\n name: \"a\\157\" 'b\\x41\\u00e9\\n' } f: -1.5e+3");
        let mut all = Vec::new();
        while let Some(token) = tokens.next().unwrap() {
            all.push(token);
        }
        let word = |w: &str| Token::Word(w.to_owned());
        assert_eq!(
            all,
            [
                word("node"),
                Token::Sign(b'{'),
                word("name"),
                Token::Sign(b':'),
                Token::Text("aobA\u{e9}\n".as_bytes().to_vec(), 18),
                Token::Sign(b'}'),
                word("f"),
                Token::Sign(b':'),
                word("-1.5e+3"),
            ]
        );
        assert!(Tokens::new(b"'abc").next().is_err());
        assert!(Tokens::new(b"\"\\").next().is_err());
    }
}
