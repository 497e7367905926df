//! Files that are known to be bad by the hash of their bytes: a list that comes with the tool, and the user's own.
//!
//! A hash proves what a file is, never that another one is harmless: one changed byte makes another hash. So the list only adds findings.

use std::collections::HashMap;

/// The list that comes with the tool.
const OURS: &str = include_str!("../data/known-bad.txt");

/// Hashes with the names of what they stand for.
#[derive(Clone, Debug, Default)]
pub struct KnownBad(HashMap<[u8; 32], String>);

impl KnownBad {
    /// The tool's list.
    pub fn ours() -> Self {
        let mut list = Self::default();
        list.add(OURS).expect("the list that comes with the tool is well-formed: a test reads it");
        list
    }

    /// Adds a list: a SHA-256 in hexadecimal a line, and a name behind it; `#` begins a comment. What `sha256sum` prints is such a list.
    ///
    /// # Errors
    /// The first line that is neither, with its number.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (hash, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let hash = digest(hash).ok_or_else(|| {
                let shown = crate::text::name(&hash.chars().take(80).collect::<String>());
                format!("line {}: '{shown}' is no SHA-256 of 64 hexadecimal digits", number + 1)
            })?;
            self.0.insert(hash, crate::text::name(name.trim().trim_start_matches('*')));
        }
        Ok(())
    }

    /// The name of a bad file; empty if the list gives none.
    pub fn name(&self, sha256: &[u8; 32]) -> Option<&str> {
        self.0.get(sha256).map(String::as_str)
    }

    /// All hashes in order: what a kept result depends on.
    pub fn hashes(&self) -> Vec<[u8; 32]> {
        let mut all: Vec<[u8; 32]> = self.0.keys().copied().collect();
        all.sort_unstable();
        all
    }
}

fn digest(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut out = [0; 32];
    for (byte, digits) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_a_wrong_line_is_named() {
        let mut list = KnownBad::ours();
        let eicar = digest("275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f").unwrap();
        assert_eq!(list.name(&eicar), Some("EICAR test file"));
        list.add(&format!("# ours\n\n{}  *model.pkl\n{}\n", "AB".repeat(32), "cd".repeat(32))).unwrap();
        assert_eq!(list.name(&[0xab; 32]), Some("model.pkl"));
        assert_eq!(list.name(&[0xcd; 32]), Some(""));
        assert_eq!(list.name(&[0; 32]), None);
        let wrong = list.add(&format!("{} ok\nabc model", "ab".repeat(32))).unwrap_err();
        assert_eq!(wrong, "line 2: 'abc' is no SHA-256 of 64 hexadecimal digits");
        assert!(list.add(&"é".repeat(32)).is_err() && list.add(&"+1".repeat(32)).is_err());
    }
}
