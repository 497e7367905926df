//! Reads a document type: identifiers of parts elsewhere, and the declarations between its brackets. Nothing is followed.

use crate::doctype::{Doctype, Entity, MOST_ENTITIES, MOST_REFERENCES};
use crate::tokenizer::{Error, Tokenizer};

impl Tokenizer<'_> {
    /// Behind `<!DOCTYPE`: the name, an identifier of a part elsewhere, declarations between brackets.
    pub(crate) fn document_type(&mut self, at: u64) -> Result<(), Error> {
        let first = self.blank()?;
        self.source.back(first);
        let mut doctype = Doctype { name: self.name()?, at, ..Doctype::default() };
        let mut result = self.document_type_body(&mut doctype);
        doctype.length = self.source.position().min(self.source.end()).saturating_sub(at);
        doctype.measure();
        self.doctype = Some(doctype);
        if let Err(error) = &mut result {
            error.offset = error.offset.min(self.source.end());
        }
        result
    }

    fn document_type_body(&mut self, doctype: &mut Doctype) -> Result<(), Error> {
        loop {
            match self.blank()? {
                b'>' => return Ok(()),
                b'[' => self.subset(doctype)?,
                first => {
                    self.source.back(first);
                    doctype.external = self.external()?.or(doctype.external.take());
                }
            }
        }
    }

    /// `SYSTEM "uri"` or `PUBLIC "id" "uri"`.
    fn external(&mut self) -> Result<Option<String>, Error> {
        match self.name()?.as_str() {
            "SYSTEM" => Ok(Some(self.literal()?)),
            "PUBLIC" => {
                let public = self.literal()?;
                // HTML leaves the system identifier out; XML does not.
                match self.blank()? {
                    quote @ (b'"' | b'\'') => {
                        self.source.back(quote);
                        Ok(Some(self.literal()?))
                    }
                    other => {
                        self.source.back(other);
                        Ok(Some(public))
                    }
                }
            }
            _ => Err(self.malformed("neither SYSTEM nor PUBLIC")),
        }
    }

    /// A quoted text without references.
    fn literal(&mut self) -> Result<String, Error> {
        let quote = self.blank()?;
        if !matches!(quote, b'"' | b'\'') {
            return Err(self.malformed("a value without quotes"));
        }
        let mut value = Vec::new();
        loop {
            match self.need()? {
                byte if byte == quote => return Ok(String::from_utf8_lossy(&value).into_owned()),
                byte if value.len() < 4096 => value.push(byte),
                _ => {}
            }
        }
    }

    /// The declarations of a document type, up to `]`.
    fn subset(&mut self, doctype: &mut Doctype) -> Result<(), Error> {
        loop {
            match self.blank()? {
                b']' => return Ok(()),
                b'%' => {
                    self.name()?;
                    self.blank_then(b';')?;
                }
                b'<' => {
                    let at = self.source.position().saturating_sub(1);
                    match self.need()? {
                        b'?' => self.instruction()?,
                        b'!' => match self.need()? {
                            b'-' => {
                                self.exactly(b"-")?;
                                self.until(b"-->", None)?;
                            }
                            first => {
                                self.source.back(first);
                                if self.name()? == "ENTITY" {
                                    self.entity(doctype, at)?;
                                } else {
                                    self.rest_of_declaration()?;
                                }
                            }
                        },
                        _ => return Err(self.malformed("an element inside a document type")),
                    }
                }
                _ => return Err(self.malformed("text inside a document type")),
            }
        }
    }

    /// Behind `<!ENTITY`.
    fn entity(&mut self, doctype: &mut Doctype, at: u64) -> Result<(), Error> {
        let mut first = self.blank()?;
        let parameter = first == b'%';
        if parameter {
            first = self.blank()?;
        }
        self.source.back(first);
        let name = self.name()?;
        let mut entity = Entity { name, parameter, external: None, literal: 0, references: Vec::new(), at };
        let next = self.blank()?;
        self.source.back(next);
        if matches!(next, b'"' | b'\'') {
            self.entity_value(&mut entity)?;
        } else {
            entity.external = self.external()?;
        }
        // Kept before its end is read: a declaration that is cut off was made all the same.
        if doctype.entities.len() < MOST_ENTITIES {
            doctype.entities.push(entity);
        } else {
            doctype.more = true;
        }
        self.rest_of_declaration()
    }

    /// The quoted text of an entity: its size, and the entities it refers to.
    fn entity_value(&mut self, entity: &mut Entity) -> Result<(), Error> {
        let quote = self.blank()?;
        let mut name: Option<Vec<u8>> = None;
        loop {
            let byte = self.need()?;
            if byte == quote {
                return Ok(());
            }
            match (&mut name, byte) {
                (_, b'&' | b'%') => name = Some(Vec::new()),
                (Some(bytes), b';') => {
                    let text = String::from_utf8_lossy(bytes).into_owned();
                    name = None;
                    if text.starts_with('#') {
                        entity.literal += 1;
                    } else if let Some(known) = entity.references.iter_mut().find(|(n, _)| *n == text) {
                        known.1 = known.1.saturating_add(1);
                    } else if entity.references.len() < MOST_REFERENCES {
                        entity.references.push((text, 1));
                    }
                }
                (Some(bytes), byte) if bytes.len() < 256 && !byte.is_ascii_whitespace() => bytes.push(byte),
                (Some(_), _) => name = None,
                (None, _) => entity.literal = entity.literal.saturating_add(1),
            }
        }
    }

    /// Up to the `>` of a declaration, which may stand in quotes before.
    fn rest_of_declaration(&mut self) -> Result<(), Error> {
        let mut quote = None;
        loop {
            let byte = self.need()?;
            match quote {
                None if byte == b'>' => return Ok(()),
                None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
                Some(open) if byte == open => quote = None,
                _ => {}
            }
        }
    }
}
