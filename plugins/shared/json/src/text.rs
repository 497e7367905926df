//! Strings: decoded, checked for UTF-8 to their end, kept up to a limit.

use modelaudit_plugin::Span;

use crate::keys::KeyHash;

/// A decoded string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'p> {
    /// The text; what is not UTF-8 and lone surrogates are U+FFFD.
    pub value: &'p str,
    /// Where the literal stands, quotes included.
    pub at: Span,
    /// True if the string is longer than the parser's text limit: `value` is its beginning.
    pub truncated: bool,
}

/// Collects one string at a time; its memory is reused for the next.
pub(crate) struct Buffer {
    kept: Vec<u8>,
    limit: usize,
    /// Bytes beyond the limit are dropped, but for the start of a character that a later piece may complete.
    carry: Vec<u8>,
    overflow: bool,
    invalid: bool,
    hash: KeyHash,
    /// What `kept` reads as if it is not UTF-8.
    lossy: String,
}

impl Buffer {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            kept: Vec::new(),
            limit,
            carry: Vec::new(),
            overflow: false,
            invalid: false,
            hash: KeyHash::new(),
            lossy: String::new(),
        }
    }

    pub(crate) fn clear(&mut self) {
        // One giant string must not hold its memory through the rest of the document.
        if self.kept.capacity() > 1 << 20 {
            self.kept = Vec::new();
        }
        self.kept.clear();
        self.carry.clear();
        self.overflow = false;
        self.invalid = false;
        self.hash = KeyHash::new();
        self.lossy.clear();
    }

    /// Appends raw bytes of the string.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        if !self.overflow {
            let room = self.limit.saturating_sub(self.kept.len());
            if bytes.len() <= room {
                self.kept.extend_from_slice(bytes);
                return;
            }
            let (fits, rest) = bytes.split_at(room);
            self.kept.extend_from_slice(fits);
            self.overflow = true;
            // A character that the limit cuts belongs to the part that is only checked.
            if let Err(error) = std::str::from_utf8(&self.kept)
                && error.error_len().is_none()
            {
                self.carry = self.kept.split_off(error.valid_up_to());
            }
            self.check(rest);
            return;
        }
        self.check(bytes);
    }

    /// Checks bytes beyond the limit.
    fn check(&mut self, bytes: &[u8]) {
        if self.invalid {
            return;
        }
        let joined;
        let all = if self.carry.is_empty() {
            bytes
        } else {
            joined = [self.carry.as_slice(), bytes].concat();
            &joined
        };
        match std::str::from_utf8(all) {
            Ok(_) => self.carry.clear(),
            Err(error) if error.error_len().is_none() => {
                let rest = all.get(error.valid_up_to()..).unwrap_or_default().to_vec();
                self.carry = rest;
            }
            Err(_) => self.invalid = true,
        }
    }

    pub(crate) fn push_char(&mut self, c: char) {
        let mut utf8 = [0; 4];
        let encoded = c.encode_utf8(&mut utf8);
        self.push(encoded.as_bytes());
    }

    /// Ends the string; true if it is UTF-8.
    pub(crate) fn finish(&mut self) -> bool {
        if std::str::from_utf8(&self.kept).is_err() {
            self.lossy = String::from_utf8_lossy(&self.kept).into_owned();
            self.invalid = true;
        }
        self.invalid |= !self.carry.is_empty();
        !self.invalid
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.finish()
    }

    /// The text after [`Self::finish`].
    pub(crate) fn text(&self, at: Span) -> Text<'_> {
        Text { value: std::str::from_utf8(&self.kept).unwrap_or(&self.lossy), at, truncated: self.overflow }
    }
}
