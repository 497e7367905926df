//! The pull tokenizer.

use std::fmt;

use modelaudit_plugin::{Artifact, Reader, Slice, Span};

use crate::doctype::Doctype;
use crate::source::{Encoding, Source};

/// Bytes of a name; of a value or a piece of text; of all values of an element; attributes of an element; open elements.
const NAME: usize = 1024;
const PIECE: usize = 64 << 10;
const VALUES: usize = 1 << 20;
const ATTRIBUTES: usize = 4096;
const OPEN: usize = 1 << 20;
/// Places kept of XIncludes.
const INCLUDES: usize = 16;
/// Encodings in which markup does not look like ASCII, by the beginning of their lower-case names (IANA character sets). UTF-16 is
/// decoded, so it is odd only where the bytes are something else.
const ODD: &[&str] = &[
    "utf-7",
    "utf7",
    "utf-32",
    "ucs-4",
    "iso-10646-ucs-4",
    "cp037",
    "ibm",
    "ebcdic",
    "iso-2022",
    "hz",
    "cp1047",
    "utf-ebcdic",
    "cp500",
    "scsu",
    "bocu",
];

/// Why the document could not be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Offset in the artifact.
    pub offset: u64,
    /// What.
    pub kind: ErrorKind,
}

/// The kinds of [`Error`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The file ended inside the document.
    End,
    /// It is not XML.
    Malformed(String),
    /// A limit of ours.
    Limit(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ErrorKind::End => write!(f, "the text ends early")?,
            ErrorKind::Malformed(what) => write!(f, "{what}")?,
            ErrorKind::Limit(what) => write!(f, "more {what} than are looked at")?,
        }
        write!(f, " at offset {}", self.offset)
    }
}

/// An attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name with its prefix.
    pub name: String,
    /// Its value, character references resolved, entities of the document left out; cut at 64 KiB.
    pub value: String,
    /// Offset of the name.
    pub at: u64,
}

/// A start tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its name with its prefix.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// Where it stands.
    pub at: Span,
    /// `<x/>`: no end follows.
    pub empty: bool,
}

impl Element {
    /// The name without its prefix.
    pub fn local(&self) -> &str {
        self.name.rsplit(':').next().unwrap_or_default()
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.name == name).map(|a| a.value.as_str())
    }
}

/// A piece of text or of a CDATA section; long ones come in several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text, references resolved as in attributes.
    pub text: String,
    /// Where it stands.
    pub at: Span,
}

/// One step through a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A start tag.
    Start(Element),
    /// An end tag.
    End,
    /// Text that is not only white space.
    Text(Text),
}

/// Reads a document from front to back.
pub struct Tokenizer<'a> {
    pub(crate) source: Source<'a>,
    /// Hashes of the names of the open elements.
    open: Vec<u64>,
    deepest: usize,
    had_root: bool,
    pub(crate) doctype: Option<Doctype>,
    expansion: u64,
    includes: Vec<(u64, String)>,
    odd_encoding: Option<String>,
    last_name: String,
}

impl<'a> Tokenizer<'a> {
    /// A tokenizer over an artifact.
    pub fn new(artifact: &'a dyn Artifact) -> Self {
        Self {
            source: Source::new(Reader::new(artifact)),
            open: Vec::new(),
            deepest: 0,
            had_root: false,
            doctype: None,
            expansion: 0,
            includes: Vec::new(),
            odd_encoding: None,
            last_name: String::new(),
        }
    }

    /// The document type, once it was read.
    pub fn doctype(&self) -> Option<&Doctype> {
        self.doctype.as_ref()
    }

    /// Bytes that the references to entities in the content would expand to.
    pub fn expansion(&self) -> u64 {
        self.expansion
    }

    /// Where the document includes another, and which.
    pub fn includes(&self) -> &[(u64, String)] {
        &self.includes
    }

    /// The declared encoding, if markup does not look like ASCII in it.
    pub fn odd_encoding(&self) -> Option<&str> {
        self.odd_encoding.as_deref()
    }

    /// The deepest nesting so far.
    pub fn deepest(&self) -> usize {
        self.deepest
    }

    /// How many elements are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// The next event; None at the end of the document.
    ///
    /// # Errors
    /// The document is malformed, cut off, or beyond a limit.
    pub fn event(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let at = self.source.position();
            let Some(byte) = self.source.next() else {
                return if self.open.is_empty() && self.had_root { Ok(None) } else { Err(self.fail(ErrorKind::End)) };
            };
            if byte != b'<' {
                if self.open.is_empty() {
                    // Zero bytes behind the root are padding of block devices and tar members.
                    if byte.is_ascii_whitespace() || byte == 0 && self.had_root {
                        continue;
                    }
                    return Err(self.malformed("text outside the root element"));
                }
                self.source.back(byte);
                if let Some(text) = self.text(at)? {
                    return Ok(Some(Event::Text(text)));
                }
                continue;
            }
            match self.need()? {
                b'?' => self.instruction()?,
                b'!' => {
                    if let Some(text) = self.declaration(at)? {
                        return Ok(Some(Event::Text(text)));
                    }
                }
                b'/' => {
                    let name = self.name()?;
                    self.blank_then(b'>')?;
                    if self.open.pop() != Some(hash(&name)) {
                        return Err(self.malformed(&format!(
                            "the end of {} where another element is open",
                            modelaudit_plugin::quote(&name)
                        )));
                    }
                    return Ok(Some(Event::End));
                }
                first => {
                    self.source.back(first);
                    return self.element(at).map(|e| Some(Event::Start(e)));
                }
            }
        }
    }

    pub(crate) fn fail(&self, kind: ErrorKind) -> Error {
        Error { offset: self.source.position(), kind }
    }

    pub(crate) fn malformed(&self, what: &str) -> Error {
        self.fail(ErrorKind::Malformed(what.to_owned()))
    }

    pub(crate) fn need(&mut self) -> Result<u8, Error> {
        self.source.next().ok_or_else(|| self.fail(ErrorKind::End))
    }

    /// The next byte that is not white space.
    pub(crate) fn blank(&mut self) -> Result<u8, Error> {
        loop {
            let byte = self.need()?;
            if !byte.is_ascii_whitespace() {
                return Ok(byte);
            }
        }
    }

    pub(crate) fn blank_then(&mut self, wanted: u8) -> Result<(), Error> {
        if self.blank()? == wanted { Ok(()) } else { Err(self.malformed(&format!("'{}' is missing", wanted as char))) }
    }

    pub(crate) fn name(&mut self) -> Result<String, Error> {
        let mut name = Vec::new();
        loop {
            let byte = self.need()?;
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-' | b'.') || byte >= 0x80) {
                self.source.back(byte);
                break;
            }
            if name.len() >= NAME {
                return Err(self.fail(ErrorKind::Limit("bytes of a name")));
            }
            name.push(byte);
        }
        if name.is_empty() {
            return Err(self.malformed("a name is missing"));
        }
        Ok(String::from_utf8_lossy(&name).into_owned())
    }

    fn element(&mut self, at: u64) -> Result<Element, Error> {
        if self.open.is_empty() && self.had_root {
            return Err(self.malformed("a second root element"));
        }
        let name = self.name()?;
        self.last_name.clone_from(&name);
        let mut attributes: Vec<Attribute> = Vec::new();
        let mut kept = 0usize;
        let empty = loop {
            let before = self.source.position();
            match self.blank()? {
                b'>' => break false,
                b'/' => {
                    if self.need()? != b'>' {
                        return Err(self.malformed("'/' inside a tag"));
                    }
                    break true;
                }
                first => self.source.back(first),
            }
            let attribute = self.name()?;
            self.blank_then(b'=')?;
            let value = self.quoted()?;
            if attributes.len() >= ATTRIBUTES {
                return Err(self.fail(ErrorKind::Limit("attributes of an element")));
            }
            if attributes.iter().any(|a| a.name == attribute) {
                return Err(
                    self.malformed(&format!("the attribute {} stands twice", modelaudit_plugin::quote(&attribute)))
                );
            }
            kept = kept.saturating_add(value.len());
            let value = if kept > VALUES { String::new() } else { value };
            attributes.push(Attribute { name: attribute, value, at: before });
        };
        self.had_root = true;
        let at = Span::new(at, self.source.position().saturating_sub(at));
        let element = Element { name, attributes, at, empty };
        if element.name.ends_with(":include")
            && let Some(href) = element.get("href")
            && self.includes.len() < INCLUDES
        {
            self.includes.push((at.offset, href.to_owned()));
        }
        if !empty {
            if self.open.len() >= OPEN {
                return Err(self.fail(ErrorKind::Limit("open elements")));
            }
            self.open.push(hash(&element.name));
            self.deepest = self.deepest.max(self.open.len());
        }
        Ok(element)
    }

    /// A quoted value with its references.
    fn quoted(&mut self) -> Result<String, Error> {
        let quote = self.blank()?;
        if !matches!(quote, b'"' | b'\'') {
            return Err(self.malformed("a value without quotes"));
        }
        let mut value = Vec::new();
        loop {
            match self.need()? {
                byte if byte == quote => return Ok(String::from_utf8_lossy(&value).into_owned()),
                b'<' => return Err(self.malformed("'<' inside a value")),
                b'&' => self.reference(&mut value)?,
                byte => push(&mut value, byte),
            }
        }
    }

    /// A piece of text; None if it is white space.
    fn text(&mut self, at: u64) -> Result<Option<Text>, Error> {
        let mut text = Vec::new();
        while let Some(byte) = self.source.next() {
            match byte {
                b'<' => {
                    self.source.back(byte);
                    break;
                }
                b'&' => self.reference(&mut text)?,
                byte => text.push(byte),
            }
            if text.len() >= PIECE {
                break;
            }
        }
        Ok(self.piece(text, at))
    }

    fn piece(&self, text: Vec<u8>, at: u64) -> Option<Text> {
        if text.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        let length = self.source.position().saturating_sub(at);
        Some(Text { text: String::from_utf8_lossy(&text).into_owned(), at: Span::new(at, length) })
    }

    /// What follows `&`: a character is added to `out`, an entity of the document is counted.
    fn reference(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut name = Vec::new();
        loop {
            match self.need()? {
                b';' => break,
                byte if name.len() < 256
                    && !byte.is_ascii_whitespace()
                    && !matches!(byte, b'<' | b'&' | b'"' | b'\'') =>
                {
                    name.push(byte)
                }
                _ => return Err(self.malformed("'&' without a reference")),
            }
        }
        let name = String::from_utf8_lossy(&name).into_owned();
        let character = match name.as_str() {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => match name.strip_prefix('#') {
                None => {
                    let size = self.doctype.as_ref().map_or(0, |d| d.expanded(&name));
                    self.expansion = self.expansion.saturating_add(size);
                    return Ok(());
                }
                Some(digits) => {
                    let code = match digits.strip_prefix('x') {
                        Some(hex) => u32::from_str_radix(hex, 16),
                        None => digits.parse(),
                    };
                    code.ok().and_then(char::from_u32)
                }
            },
        };
        let Some(character) = character else { return Err(self.malformed("a reference to no character")) };
        let mut buffer = [0; 4];
        for byte in character.encode_utf8(&mut buffer).bytes() {
            push(out, byte);
        }
        Ok(())
    }

    /// `<?target ... ?>`; the XML declaration names the encoding.
    pub(crate) fn instruction(&mut self) -> Result<(), Error> {
        let mut kept = Vec::new();
        let mut last = 0;
        loop {
            let byte = self.need()?;
            if last == b'?' && byte == b'>' {
                break;
            }
            last = byte;
            if kept.len() < 1024 {
                kept.push(byte);
            }
        }
        let text = String::from_utf8_lossy(&kept);
        if text.starts_with("xml ") || text.starts_with("xml\t") || text.starts_with("xml\n") {
            let value = text.split_once("encoding").and_then(|(_, rest)| rest.split(['"', '\'']).nth(1));
            if let Some(encoding) = value {
                let lower = encoding.to_ascii_lowercase();
                let wide = lower.starts_with("utf-16") || lower.starts_with("ucs-2");
                if ODD.iter().any(|odd| lower.starts_with(odd)) || wide && self.source.encoding() == Encoding::Bytes {
                    self.odd_encoding = Some(encoding.chars().take(64).collect());
                }
            }
        }
        Ok(())
    }

    /// What follows `<!`: a comment, a CDATA section (its text), or the document type.
    fn declaration(&mut self, at: u64) -> Result<Option<Text>, Error> {
        match self.need()? {
            b'-' => {
                self.exactly(b"-")?;
                self.until(b"-->", None)?;
                Ok(None)
            }
            b'[' => {
                self.exactly(b"CDATA[")?;
                if self.open.is_empty() {
                    return Err(self.malformed("text outside the root element"));
                }
                let mut text = Vec::new();
                self.until(b"]]>", Some(&mut text))?;
                Ok(self.piece(text, at))
            }
            b'D' => {
                self.exactly(b"OCTYPE")?;
                if self.had_root || self.doctype.is_some() {
                    return Err(self.malformed("a document type where none may be"));
                }
                self.document_type(at)?;
                Ok(None)
            }
            _ => Err(self.malformed("a declaration that XML does not have")),
        }
    }

    pub(crate) fn exactly(&mut self, wanted: &[u8]) -> Result<(), Error> {
        for byte in wanted {
            if self.need()? != *byte {
                return Err(self.malformed("a declaration that XML does not have"));
            }
        }
        Ok(())
    }

    /// Reads up to the three bytes of a mark; what precedes it goes to `kept`, up to 64 KiB.
    pub(crate) fn until(&mut self, mark: &[u8; 3], mut kept: Option<&mut Vec<u8>>) -> Result<(), Error> {
        let mut window = [0u8; 3];
        let mut count = 0u64;
        loop {
            let byte = self.need()?;
            count += 1;
            // The byte that leaves the window is known not to belong to the mark.
            if count > 3
                && let Some(kept) = kept.as_deref_mut()
            {
                push(kept, window[0]);
            }
            window = [window[1], window[2], byte];
            if count >= 3 && window == *mark {
                return Ok(());
            }
        }
    }
}

/// Appends a byte to a piece of text unless it is long already.
fn push(out: &mut Vec<u8>, byte: u8) {
    if out.len() < PIECE {
        out.push(byte);
    }
}

/// FNV-1a: names are compared, not kept; a document made to collide gets no more than a wrong end tag past us.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The name of the root element that the first bytes of a file show, for probes. None if it is no XML or the root is further on.
pub fn root(head: &[u8]) -> Option<String> {
    // Cheap first: a document starts with `<`, a byte order mark, or white space.
    if !matches!(head.first()?, b'<' | 0xef | 0xff | 0xfe | 0 | b' ' | b'\n' | b'\r' | b'\t') {
        return None;
    }
    let head = Slice(head);
    let mut tokenizer = Tokenizer::new(&head);
    match tokenizer.event() {
        Ok(Some(Event::Start(element))) => Some(element.name),
        // The tag goes on behind the head.
        Err(Error { kind: ErrorKind::End, .. }) if !tokenizer.last_name.is_empty() => Some(tokenizer.last_name),
        _ => None,
    }
}
