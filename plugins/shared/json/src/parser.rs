//! The pull parser.

use modelaudit_plugin::{Artifact, Reader, Span};

use crate::error::{Defect, DefectKind, Error, ErrorKind};
use crate::keys::Keys;
use crate::number::{KEPT, Number, State as NumberState};
use crate::text::{Buffer, Text};

/// What a parse may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Levels of nesting; serde_json, which reads safetensors headers, stops at 128.
    pub depth: usize,
    /// Bytes kept of one string.
    pub text: usize,
    /// Keys of all open objects together; each takes about 20 bytes.
    pub keys: usize,
    /// Defects noted; later ones are counted only.
    pub defects: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 128, text: 1 << 20, keys: 1 << 22, defects: 64 }
    }
}

/// One step through a document.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'p> {
    /// `{` at this offset.
    BeginObject(u64),
    /// `}` at this offset.
    EndObject(u64),
    /// `[` at this offset.
    BeginArray(u64),
    /// `]` at this offset.
    EndArray(u64),
    /// A key; its value follows.
    Key(Text<'p>),
    /// A string.
    String(Text<'p>),
    /// A number. `NaN` and the infinities come as numbers, too, see [`DefectKind::NotFinite`].
    Number(Number<'p>),
    /// `true` or `false`, with its offset.
    Bool(bool, u64),
    /// `null` at this offset.
    Null(u64),
}

/// What the grammar allows next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Start,
    Value,
    ValueOrEnd,
    KeyOrEnd,
    Key,
    CommaOrEnd,
    Done,
}

/// One open object or array. Kept for reuse when it closes.
struct Level {
    array: bool,
    keys: Keys,
}

/// Reads one document off a range of an artifact.
pub struct Parser<'a> {
    reader: Reader<'a>,
    limits: Limits,
    levels: Vec<Level>,
    depth: usize,
    keys_held: usize,
    expect: Expect,
    text: Buffer,
    number: [u8; KEPT],
    defects: Vec<Defect>,
    defects_total: u64,
}

/// What a scanned token was, before its text is borrowed.
enum Token {
    String(Span),
    Number { at: Span, kept: usize },
    Bool(bool, u64),
    Null(u64),
}

impl<'a> Parser<'a> {
    /// A parser over a range of an artifact with the default limits.
    pub fn new(artifact: &'a dyn Artifact, span: Span) -> Self {
        Self::with_limits(Reader::over(artifact, span), Limits::default())
    }

    /// A parser that goes on where a reader stands.
    pub fn with_limits(reader: Reader<'a>, limits: Limits) -> Self {
        Self {
            reader,
            limits,
            levels: Vec::new(),
            depth: 0,
            keys_held: 0,
            expect: Expect::Start,
            text: Buffer::new(limits.text),
            number: [0; KEPT],
            defects: Vec::new(),
            defects_total: 0,
        }
    }

    /// Where the text left the standard, in order; at most [`Limits::defects`].
    pub fn defects(&self) -> &[Defect] {
        &self.defects
    }

    /// How many defects there were in all.
    pub fn defects_total(&self) -> u64 {
        self.defects_total
    }

    /// How many objects and arrays are open.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Offset of the next byte.
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    /// Goes over white space and says where the next byte that is none stands, if there is one: after the document that
    /// is what a reader takes for trailing data.
    pub fn rest(&mut self) -> Option<u64> {
        self.white();
        (self.reader.remaining() > 0).then(|| self.reader.position())
    }

    /// The next event; None when the document is complete.
    ///
    /// # Errors
    /// See [`ErrorKind`]; the parser is not to be used after one.
    pub fn event(&mut self) -> Result<Option<Event<'_>>, Error> {
        if self.expect == Expect::Start {
            self.expect = Expect::Value;
            if self.reader.peek(3) == b"\xef\xbb\xbf" {
                self.defect(self.reader.position(), DefectKind::ByteOrderMark);
                let _ = self.reader.skip(3);
            }
        }
        loop {
            if self.expect == Expect::Done {
                return Ok(None);
            }
            self.white();
            let offset = self.reader.position();
            let byte = self.peek_byte()?;
            match (self.expect, byte) {
                (Expect::CommaOrEnd, b',') => {
                    let _ = self.reader.skip(1);
                    self.expect = if self.in_array() { Expect::Value } else { Expect::Key };
                }
                (Expect::CommaOrEnd | Expect::ValueOrEnd, b']') if self.in_array() => {
                    self.close();
                    return Ok(Some(Event::EndArray(offset)));
                }
                (Expect::CommaOrEnd | Expect::KeyOrEnd, b'}') if !self.in_array() => {
                    self.close();
                    return Ok(Some(Event::EndObject(offset)));
                }
                (Expect::Key | Expect::KeyOrEnd, b'"') => {
                    let at = self.string()?;
                    self.key(at)?;
                    self.white();
                    match self.peek_byte()? {
                        b':' => {
                            let _ = self.reader.skip(1);
                        }
                        found => return Err(self.unexpected(found, "':'")),
                    }
                    self.expect = Expect::Value;
                    return Ok(Some(Event::Key(self.text.text(at))));
                }
                (Expect::Value | Expect::ValueOrEnd, b'{' | b'[') => {
                    self.open(byte == b'[', offset)?;
                    let begin = if byte == b'[' { Event::BeginArray(offset) } else { Event::BeginObject(offset) };
                    return Ok(Some(begin));
                }
                (Expect::Value | Expect::ValueOrEnd, _) => {
                    let token = self.scalar(byte, offset)?;
                    self.expect = if self.depth == 0 { Expect::Done } else { Expect::CommaOrEnd };
                    return Ok(Some(match token {
                        Token::String(at) => Event::String(self.text.text(at)),
                        Token::Number { at, kept } => {
                            let digits = self.number.get(..kept).unwrap_or_default();
                            Event::Number(Number { text: std::str::from_utf8(digits).unwrap_or(""), at })
                        }
                        Token::Bool(value, at) => Event::Bool(value, at),
                        Token::Null(at) => Event::Null(at),
                    }));
                }
                (expect, found) => {
                    let expected = match expect {
                        Expect::Key => "a key",
                        Expect::KeyOrEnd => "a key or '}'",
                        Expect::CommaOrEnd if self.in_array() => "',' or ']'",
                        Expect::CommaOrEnd => "',' or '}'",
                        _ => "a value",
                    };
                    return Err(self.unexpected(found, expected));
                }
            }
        }
    }

    /// Goes over the value that comes next (after a key, or in an array), with all that it holds.
    ///
    /// # Errors
    /// As [`Self::event`].
    pub fn skip_value(&mut self) -> Result<(), Error> {
        let depth = self.depth;
        while self.event()?.is_some() {
            if self.depth <= depth {
                break;
            }
        }
        Ok(())
    }

    fn in_array(&self) -> bool {
        self.depth.checked_sub(1).and_then(|top| self.levels.get(top)).is_some_and(|l| l.array)
    }

    fn open(&mut self, array: bool, offset: u64) -> Result<(), Error> {
        if self.depth >= self.limits.depth {
            return Err(Error { offset, kind: ErrorKind::TooDeep(self.limits.depth) });
        }
        match self.levels.get_mut(self.depth) {
            Some(level) => level.array = array,
            None => self.levels.push(Level { array, keys: Keys::default() }),
        }
        self.depth += 1;
        self.expect = if array { Expect::ValueOrEnd } else { Expect::KeyOrEnd };
        let _ = self.reader.skip(1);
        Ok(())
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        if let Some(level) = self.levels.get_mut(self.depth) {
            self.keys_held = self.keys_held.saturating_sub(level.keys.len());
            level.keys.clear();
        }
        self.expect = if self.depth == 0 { Expect::Done } else { Expect::CommaOrEnd };
        let _ = self.reader.skip(1);
    }

    fn key(&mut self, at: Span) -> Result<(), Error> {
        let hash = self.text.hash();
        let fresh = match self.depth.checked_sub(1).and_then(|top| self.levels.get_mut(top)) {
            Some(level) => level.keys.insert(hash),
            None => true,
        };
        if !fresh {
            let key = modelaudit_plugin::clip(self.text.text(at).value, 200);
            self.defect(at.offset, DefectKind::DuplicateKey(key));
            return Ok(());
        }
        self.keys_held += 1;
        if self.keys_held > self.limits.keys {
            return Err(Error { offset: at.offset, kind: ErrorKind::TooManyKeys(self.limits.keys) });
        }
        Ok(())
    }

    fn defect(&mut self, offset: u64, kind: DefectKind) {
        self.defects_total += 1;
        if self.defects.len() < self.limits.defects {
            self.defects.push(Defect { offset, kind });
        }
    }

    fn unexpected(&self, found: u8, expected: &'static str) -> Error {
        Error { offset: self.reader.position(), kind: ErrorKind::Unexpected { found, expected } }
    }

    fn end(&self) -> Error {
        Error { offset: self.reader.position(), kind: ErrorKind::End }
    }

    fn white(&mut self) {
        loop {
            let block = self.reader.buffered();
            if block.is_empty() {
                return;
            }
            let length = block.len();
            let run = block.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r')).unwrap_or(length);
            let _ = self.reader.skip(run as u64);
            if run < length {
                return;
            }
        }
    }

    fn peek_byte(&mut self) -> Result<u8, Error> {
        match self.reader.buffered().first() {
            Some(byte) => Ok(*byte),
            None => Err(self.end()),
        }
    }

    fn scalar(&mut self, byte: u8, offset: u64) -> Result<Token, Error> {
        match byte {
            b'"' => self.string().map(Token::String),
            b't' => self.word("true").map(|()| Token::Bool(true, offset)),
            b'f' => self.word("false").map(|()| Token::Bool(false, offset)),
            b'n' => self.word("null").map(|()| Token::Null(offset)),
            // Python's writer puts these where a float is not finite, and its reader takes them.
            b'N' => self.not_finite("NaN", offset),
            b'I' => self.not_finite("Infinity", offset),
            b'-' if self.reader.peek(2) == b"-I" => self.not_finite("-Infinity", offset),
            b'-' | b'0'..=b'9' => self.number(offset),
            found => Err(self.unexpected(found, "a value")),
        }
    }

    fn word(&mut self, word: &'static str) -> Result<(), Error> {
        let seen = self.reader.peek(word.len());
        if seen == word.as_bytes() {
            let _ = self.reader.skip(word.len() as u64);
            return Ok(());
        }
        if word.as_bytes().starts_with(seen) {
            return Err(Error { offset: self.reader.end(), kind: ErrorKind::End });
        }
        let found = seen.iter().zip(word.bytes()).find(|(a, b)| **a != *b).map_or(0, |(a, _)| *a);
        Err(self.unexpected(found, "a value"))
    }

    fn not_finite(&mut self, word: &'static str, offset: u64) -> Result<Token, Error> {
        self.word(word)?;
        self.defect(offset, DefectKind::NotFinite);
        for (to, from) in self.number.iter_mut().zip(word.bytes()) {
            *to = from;
        }
        Ok(Token::Number { at: Span::new(offset, word.len() as u64), kept: word.len() })
    }

    fn number(&mut self, offset: u64) -> Result<Token, Error> {
        let mut state = NumberState::Start;
        let mut kept = 0;
        while let Some(byte) = self.reader.buffered().first().copied() {
            let Some(next) = state.step(byte) else { break };
            state = next;
            if let Some(slot) = self.number.get_mut(kept) {
                *slot = byte;
                kept += 1;
            }
            let _ = self.reader.skip(1);
        }
        if !state.is_final() {
            let kind = if self.reader.remaining() == 0 { ErrorKind::End } else { ErrorKind::Number };
            return Err(Error { offset: self.reader.position(), kind });
        }
        Ok(Token::Number { at: Span::new(offset, self.reader.position() - offset), kept })
    }

    /// Reads a string literal into the text buffer.
    fn string(&mut self) -> Result<Span, Error> {
        let start = self.reader.position();
        let _ = self.reader.skip(1);
        self.text.clear();
        loop {
            let block = self.reader.buffered();
            if block.is_empty() {
                return Err(self.end());
            }
            let run = block.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f));
            let plain = run.unwrap_or(block.len());
            self.text.push(block.get(..plain).unwrap_or_default());
            let stop = block.get(plain).copied();
            let _ = self.reader.skip(plain as u64);
            match stop {
                None => {}
                Some(b'"') => {
                    let _ = self.reader.skip(1);
                    break;
                }
                Some(b'\\') => self.escape()?,
                Some(control) => {
                    self.defect(self.reader.position(), DefectKind::ControlCharacter);
                    self.text.push(&[control]);
                    let _ = self.reader.skip(1);
                }
            }
        }
        if !self.text.finish() {
            self.defect(start, DefectKind::InvalidUtf8);
        }
        Ok(Span::new(start, self.reader.position() - start))
    }

    fn escape(&mut self) -> Result<(), Error> {
        let offset = self.reader.position();
        let (code, length) = match self.reader.peek(2) {
            [_, b'u'] => (None, 6),
            [_, code] => (Some(*code), 2),
            _ => return Err(Error { offset: self.reader.end(), kind: ErrorKind::End }),
        };
        let c = match code {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(_) => return Err(Error { offset, kind: ErrorKind::Escape }),
            None => {
                let unit = self.unicode_escape(0)?;
                match unit {
                    // A pair makes one character beyond the basic plane.
                    0xd800..=0xdbff => match self.unicode_escape(6) {
                        Ok(low @ 0xdc00..=0xdfff) => {
                            let _ = self.reader.skip(6);
                            let code = 0x10000 + ((u32::from(unit) - 0xd800) << 10) + (u32::from(low) - 0xdc00);
                            char::from_u32(code).unwrap_or('\u{fffd}')
                        }
                        _ => {
                            self.defect(offset, DefectKind::LoneSurrogate);
                            '\u{fffd}'
                        }
                    },
                    0xdc00..=0xdfff => {
                        self.defect(offset, DefectKind::LoneSurrogate);
                        '\u{fffd}'
                    }
                    unit => char::from_u32(u32::from(unit)).unwrap_or('\u{fffd}'),
                }
            }
        };
        let _ = self.reader.skip(length);
        self.text.push_char(c);
        Ok(())
    }

    /// The code unit of the `\uXXXX` that stands `ahead` bytes on.
    fn unicode_escape(&mut self, ahead: usize) -> Result<u16, Error> {
        let offset = self.reader.position() + ahead as u64;
        let seen = self.reader.peek(ahead + 6);
        let Some([b'\\', b'u', digits @ ..]) = seen.get(ahead..).filter(|s| s.len() == 6) else {
            let kind = if seen.len() < ahead + 6 { ErrorKind::End } else { ErrorKind::Escape };
            return Err(Error { offset, kind });
        };
        let mut unit = 0u16;
        for digit in digits {
            let Some(value) = (*digit as char).to_digit(16) else {
                return Err(Error { offset, kind: ErrorKind::Escape });
            };
            unit = (unit << 4) | value as u16;
        }
        Ok(unit)
    }
}

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::Memory;

    use super::*;

    /// The document as a line of events, then its defects, then its error.
    fn trace(json: &[u8]) -> String {
        let artifact = Memory::new("x.json", json);
        let mut parser = Parser::new(&artifact, Span::new(0, json.len() as u64));
        let mut out = String::new();
        let error = loop {
            match parser.event() {
                Ok(Some(event)) => out.push_str(&match event {
                    Event::BeginObject(_) => "{ ".to_owned(),
                    Event::EndObject(_) => "} ".to_owned(),
                    Event::BeginArray(_) => "[ ".to_owned(),
                    Event::EndArray(_) => "] ".to_owned(),
                    Event::Key(t) => format!("{}: ", t.value),
                    Event::String(t) => format!("'{}' ", t.value),
                    Event::Number(n) => format!("{} ", n.text),
                    Event::Bool(b, _) => format!("{b} "),
                    Event::Null(_) => "null ".to_owned(),
                }),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        for defect in parser.defects() {
            out.push_str(&format!("| {defect} "));
        }
        match error {
            Some(error) => format!("{out}! {error}"),
            None => match parser.rest() {
                Some(offset) => format!("{out}! rest at {offset}"),
                None => out.trim_end().to_owned(),
            },
        }
    }

    #[test]
    fn reads_what_the_grammar_allows() {
        assert_eq!(
            trace(br#" {"a": [1, -0.5e+3, true, false, null], "b": {}, "c": [], "d\u00e4": "x\n\/\u0041"} "#),
            "{ a: [ 1 -0.5e+3 true false null ] b: { } c: [ ] dä: 'x\n/A' }"
        );
        assert_eq!(trace(b"\"only\""), "'only'");
        assert_eq!(trace(b"0"), "0");
    }

    #[test]
    fn errors_say_where() {
        assert_eq!(trace(b""), "! the JSON text ends early at offset 0");
        assert_eq!(trace(b"{\"a\": tru"), "{ a: ! the JSON text ends early at offset 9");
        assert_eq!(trace(b"[1,]"), "[ 1 ! ']' where JSON allows a value at offset 3");
        assert_eq!(trace(b"{,}"), "{ ! ',' where JSON allows a key or '}' at offset 1");
        assert_eq!(trace(b"{\"a\" 1}"), "{ ! '1' where JSON allows ':' at offset 5");
        assert_eq!(trace(b"[1}"), "[ 1 ! '}' where JSON allows ',' or ']' at offset 2");
        assert_eq!(trace(b"[01]"), "[ 0 ! '1' where JSON allows ',' or ']' at offset 2");
        assert_eq!(trace(b"[1.]"), "[ ! a malformed JSON number at offset 3");
        assert_eq!(trace(b"[\"\\x\"]"), "[ ! an escape that JSON does not know at offset 2");
        assert_eq!(trace(b"\x80\x02"), "! byte 0x80 where JSON allows a value at offset 0");
        assert_eq!(trace(b"{} x"), "{ } ! rest at 3");
        assert!(trace(&[b'['; 200]).ends_with("! JSON nested deeper than 128 levels at offset 128"));
    }

    #[test]
    fn defects_do_not_stop_the_parse() {
        assert_eq!(
            trace(br#"{"a":1,"b":{"a":2},"a":3}"#),
            "{ a: 1 b: { a: 2 } a: 3 } | the key 'a' stands twice at offset 19"
        );
        assert_eq!(
            trace(b"[NaN,-Infinity]"),
            "[ NaN -Infinity ] | a number is not finite at offset 1 | a number is not finite at offset 5"
        );
        assert_eq!(
            trace(br#"["\ud83d\ude00","\ud83dx","\ude00"]"#),
            "[ '😀' '\u{fffd}x' '\u{fffd}' ] | a string holds half of a surrogate pair at offset 17 | a string holds half of a surrogate pair at offset 27"
        );
        assert_eq!(
            trace(b"[\"a\xffb\",\"x\ny\"]"),
            "[ 'a\u{fffd}b' 'x\ny' ] | a string is not UTF-8 at offset 1 | a string holds a raw control character at offset 9"
        );
        assert_eq!(trace(b"\xef\xbb\xbf[]"), "[ ] | a byte order mark precedes the document at offset 0");
    }

    #[test]
    fn escaped_and_plain_keys_are_the_same_key() {
        assert!(trace(br#"{"ab":1,"\u0061b":2}"#).contains("stands twice"));
    }

    #[test]
    fn long_strings_are_checked_to_the_end_but_not_kept() {
        let mut json = b"[\"".to_vec();
        json.extend("ä".repeat(40_000).bytes());
        json.extend(b"\"]");
        let check = |json: &[u8]| {
            let artifact = Memory::new("x", json);
            let limits = Limits { text: 1001, ..Limits::default() };
            let mut parser = Parser::with_limits(Reader::new(&artifact), limits);
            parser.event().unwrap();
            let Some(Event::String(text)) = parser.event().unwrap() else { panic!("no string") };
            assert_eq!(text.value, "ä".repeat(500));
            assert!(text.truncated);
            assert_eq!(text.at, Span::new(1, json.len() as u64 - 2));
            parser.event().unwrap();
            assert!(parser.event().unwrap().is_none());
            parser.defects().len()
        };
        assert_eq!(check(&json), 0);
        let last = json.len() - 3;
        json[last] = b'x';
        assert_eq!(check(&json), 1);
    }

    #[test]
    fn numbers_are_exact_or_nothing() {
        let artifact = Memory::new("x", b"[18446744073709551615,18446744073709551616,1.0,-1,1e3]");
        let mut parser = Parser::new(&artifact, Span::new(0, u64::MAX));
        let mut values = Vec::new();
        while let Some(event) = parser.event().unwrap() {
            if let Event::Number(n) = event {
                values.push((n.as_u64(), n.as_f64()));
            }
        }
        assert_eq!(values[0].0, Some(u64::MAX));
        assert_eq!(values[1].0, None);
        assert_eq!(values[2], (None, Some(1.0)));
        assert_eq!(values[3], (None, Some(-1.0)));
        assert_eq!(values[4], (None, Some(1000.0)));
    }

    #[test]
    fn values_can_be_skipped() {
        let artifact = Memory::new("x", br#"{"a":{"b":[1,{"c":2}]},"d":3}"#);
        let mut parser = Parser::new(&artifact, Span::new(0, u64::MAX));
        parser.event().unwrap();
        parser.event().unwrap();
        parser.skip_value().unwrap();
        assert!(matches!(parser.event().unwrap(), Some(Event::Key(Text { value: "d", .. }))));
        parser.skip_value().unwrap();
        assert!(matches!(parser.event().unwrap(), Some(Event::EndObject(_))));
    }

    #[test]
    fn every_cut_of_a_document_is_an_early_end() {
        let json = br#"{"a": [1, 2.5e3, true, null, "x\u00e4\n"], "b": {"c": "d"}}"#;
        for end in 0..json.len() {
            let artifact = Memory::new("x", &json[..end]);
            let mut parser = Parser::new(&artifact, Span::new(0, u64::MAX));
            let error = loop {
                match parser.event() {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("complete at {end}"),
                    Err(error) => break error,
                }
            };
            assert!(error.is_end(), "{end}: {error}");
        }
    }
}
