//! Graphs that stand in strings and do not look like one.
//!
//! `DatasetFromGraph` runs the graph that its input holds. A string that is a graph is found wherever it stands; an author who knows
//! that takes the string apart, writes it in base64 or compresses it, and lets the graph put it together again. What comes of constants
//! is put together here and handed on; what does not is told.

use modelaudit_plugin::{Severity, Span};
use modelaudit_rules::graphs::S1121;

use crate::judge::Judgement;
use crate::probe::is_graph_def;
use crate::resolve::{Origin, Scope, Suspect};
use crate::scan::Scan;

/// Bytes of strings that are put together, in one file.
const LONGEST: u64 = 32 << 20;

impl Scan<'_, '_> {
    /// Looks for the graph that the operator runs; None if it was found and is scanned.
    pub fn hidden_graph(&mut self, suspect: &Suspect, scope: &Scope) -> Option<Judgement> {
        let input = suspect.node.inputs.iter().find(|input| !input.starts_with('^'))?;
        let spans = match scope.resolve(input) {
            Origin::Constant(spans) => spans,
            Origin::Argument => return Some((&S1121, Severity::Warning, "runs the graph that its caller gives it")),
            Origin::Computed | Origin::Hidden | Origin::Variable => {
                return Some((&S1121, Severity::Warning, "runs a graph that is computed"));
            }
        };
        let bytes = self.put_together(&spans)?;
        if let (true, [_]) = (is_graph(&bytes), spans.as_slice()) {
            // It was put on the list when the string was met.
            return None;
        }
        for form in [Some(bytes.clone()), from_base64(&bytes)].into_iter().flatten() {
            if is_graph(&form) {
                self.hand_on(&form, "tf-graphdef");
                return None;
            }
            if is_compressed(&form) {
                // The operator that decompresses it was met, and what it takes handed on, see below.
                return None;
            }
        }
        Some((&S1121, Severity::Warning, "runs a string that is no graph as it stands"))
    }

    /// The bytes of a string in parts; None, and a gap, if the budget of the file is spent.
    fn put_together(&mut self, spans: &[Span]) -> Option<Vec<u8>> {
        let length: u64 = spans.iter().map(|span| span.length).sum();
        self.put_together += length;
        if self.put_together > LONGEST {
            self.sink.incomplete(&format!("a string of {length} bytes that the graph unpacks or runs was not read"));
            return None;
        }
        let mut bytes = Vec::new();
        for span in spans {
            bytes.extend(self.artifact.read_span(*span, LONGEST).unwrap_or_default());
        }
        Some(bytes)
    }

    fn hand_on(&mut self, bytes: &[u8], hint: &str) {
        let mut child = self.sink.child("graph in a string", hint);
        if child.write(bytes) {
            child.finish();
        }
    }

    /// Hands on a constant that the graph decompresses: what comes out may be a graph or a payload.
    pub fn unpacked(&mut self, spans: &[Span]) {
        if let [span] = spans
            && span.end() <= self.size
            && is_compressed(&self.walker.read(*span, 4))
        {
            self.sink.embed("compressed string", *span, "");
        } else if let Some(bytes) = self.put_together(spans) {
            let packed = [Some(bytes.clone()), from_base64(&bytes)].into_iter().flatten().find(|b| is_compressed(b));
            if let Some(packed) = packed {
                self.hand_on(&packed, "");
            }
        }
    }
}

fn is_graph(bytes: &[u8]) -> bool {
    is_graph_def(bytes.get(..bytes.len().min(4096)).unwrap_or_default(), bytes.len() as u64)
}

/// gzip, or zlib with one of its four usual headers: what `DecodeCompressed` takes.
fn is_compressed(bytes: &[u8]) -> bool {
    matches!(bytes, [0x1f, 0x8b, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..])
}

/// What `DecodeBase64` makes of a text: web-safe or plain, with or without padding. None if it is something else.
fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    let text = text.get(..text.len() - text.iter().rev().take(2).take_while(|b| **b == b'=').count())?;
    if text.len() < 16 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_in_both_alphabets() {
        assert_eq!(from_base64(b"aGVsbG8gd29ybGQgaGVsbG8="), Some(b"hello world hello".to_vec()));
        assert_eq!(from_base64(b"__-_aGVsbG8gd29ybGQ"), from_base64(b"//+/aGVsbG8gd29ybGQ="));
        assert_eq!(from_base64(b"hello world, hello world"), None);
        assert_eq!(from_base64(b"="), None);
    }
}
