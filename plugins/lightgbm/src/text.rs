//! Lines and words of a text of any size, without keeping it.

use modelaudit_plugin::{Artifact, Reader};

/// A cursor over the text.
pub struct Text<'a> {
    reader: Reader<'a>,
    /// Carriage returns so far.
    pub returns: u64,
    /// The first byte that no text holds, with its offset.
    pub binary: Option<(u64, u8)>,
}

/// The start of a line: up to its first `=` or `:`, or all of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Start {
    /// Offset of its first byte.
    pub at: u64,
    /// Its text before the separator, white space at its ends taken away; the first bytes if it is long.
    pub key: String,
    /// What separates it from the rest; None at the end of the line.
    pub separator: Option<u8>,
}

impl<'a> Text<'a> {
    /// A cursor at the start of an artifact.
    pub fn new(artifact: &'a dyn Artifact) -> Self {
        Self { reader: Reader::new(artifact), returns: 0, binary: None }
    }

    /// Offset of the next byte.
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.reader.u8().ok()?;
        if byte < b' ' && !matches!(byte, b'\n' | b'\t') {
            if byte == b'\r' {
                self.returns += 1;
            } else if self.binary.is_none() {
                self.binary = Some((self.reader.position() - 1, byte));
            }
        }
        Some(byte)
    }

    /// The start of the next line; None at the end of the text.
    pub fn start(&mut self, limit: usize) -> Option<Start> {
        let at = self.position();
        let mut key = Vec::new();
        let mut separator = None;
        let mut any = false;
        while let Some(byte) = self.next() {
            any = true;
            match byte {
                b'\n' => break,
                b'=' | b':' => {
                    separator = Some(byte);
                    break;
                }
                byte if key.len() < limit => key.push(byte),
                _ => {}
            }
        }
        any.then(|| Start { at, key: String::from_utf8_lossy(&key).trim().to_owned(), separator })
    }

    /// The rest of the line, at most `limit` bytes of it, and how long it is.
    pub fn rest(&mut self, limit: usize) -> (String, u64) {
        let (mut kept, mut length) = (Vec::new(), 0);
        while let Some(byte) = self.next() {
            if byte == b'\n' {
                break;
            }
            length += 1;
            if kept.len() < limit {
                kept.push(byte);
            }
        }
        (String::from_utf8_lossy(&kept).trim().to_owned(), length)
    }

    /// The next word of the line into `word`, at most `limit` bytes of it; false at the end of the line.
    pub fn word(&mut self, word: &mut Vec<u8>, limit: usize) -> Word {
        word.clear();
        loop {
            match self.next() {
                None | Some(b'\n') => return if word.is_empty() { Word::End } else { Word::Last },
                Some(b' ' | b'\t' | b'\r') if word.is_empty() => {}
                Some(b' ' | b'\t' | b'\r') => return Word::More,
                Some(byte) if word.len() < limit => word.push(byte),
                Some(_) => {}
            }
        }
    }
}

/// What [`Text::word`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// A word, and the line goes on.
    More,
    /// A word, the last of its line.
    Last,
    /// No word: the line has ended.
    End,
}

impl Text<'_> {
    /// Calls `each` for every word of the rest of the line.
    pub fn words(&mut self, limit: usize, mut each: impl FnMut(&[u8])) {
        let mut word = Vec::new();
        loop {
            let found = self.word(&mut word, limit);
            if found != Word::End {
                each(&word);
            }
            if found != Word::More {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::Memory;

    use super::*;

    #[test]
    fn lines_and_words() {
        let artifact = Memory::new("x", b"tree\r\na=1  2 3\n\nlast:rest of it\n[k: v]");
        let mut text = Text::new(&artifact);
        assert_eq!(text.start(9).unwrap().key, "tree");
        assert_eq!(text.start(9), Some(Start { at: 6, key: "a".to_owned(), separator: Some(b'=') }));
        let mut words = Vec::new();
        text.words(9, |word| words.push(word.to_vec()));
        assert_eq!(words, [b"1", b"2", b"3"]);
        assert_eq!(text.start(9).unwrap().key, "");
        assert_eq!(text.start(9).unwrap().separator, Some(b':'));
        assert_eq!(text.rest(4), ("rest".to_owned(), 10));
        assert_eq!(text.start(9).unwrap().key, "[k");
        assert_eq!(text.rest(9).0, "v]");
        assert_eq!(text.start(9), None);
        assert_eq!((text.returns, text.binary), (1, None));
    }
}
