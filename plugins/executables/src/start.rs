//! Is this place the start of something? A script counts only there.
//!
//! Shebang lines and `@echo off` stand in the middle of countless harmless texts: READMEs, vocabularies, prompts, notebooks.
//! They are scripts where a file begins, and where a tensor, a buffer or a byte string begins inside a binary file. What
//! stands before tells: binary data, a length, or a header that ends exactly there.

use modelaudit_executable_headers::text_length;
use modelaudit_plugin::{Artifact, Span};

/// How much is looked at before a place.
const LOOK_BACK: u64 = 64;
/// So many characters of text directly before a place, and the place is in the middle of a text. Weights put a few
/// printable bytes in a row now and then: eight do not happen by chance (0.4^8 in random bytes).
const TEXT_RUN: usize = 8;

/// Whether a text of `length` bytes at `offset` begins there, rather than going on from what stands before it.
pub fn is_start(artifact: &dyn Artifact, offset: u64, length: u64) -> bool {
    if offset == 0 || header_ends_at(artifact, offset) {
        return true;
    }
    let from = offset.saturating_sub(LOOK_BACK);
    let Some(before) = artifact.read_span(Span::new(from, offset - from), LOOK_BACK) else { return false };
    if follows_length(&before, length, artifact.size() - offset) {
        return true;
    }
    let run = text_run(&before);
    run.len() < TEXT_RUN && !run.contains(&b'\n')
}

/// The text that ends the bytes.
fn text_run(bytes: &[u8]) -> &[u8] {
    // At most 64 starts, each over at most 64 bytes.
    let start = (0..bytes.len()).find(|at| bytes.get(*at..).is_some_and(|tail| text_length(tail) == tail.len()));
    start.and_then(|start| bytes.get(start..)).unwrap_or_default()
}

/// Formats whose header is text right up to the first tensor: safetensors (u64 length, then JSON) and npy (u16 or u32 length
/// at 8, then a Python literal that ends in a line feed).
fn header_ends_at(artifact: &dyn Artifact, offset: u64) -> bool {
    let Some(head) = artifact.array::<12>(0) else { return false };
    let [a, b, c, d, e, f, g, h, i, j, k, l] = head;
    if head.starts_with(b"\x93NUMPY") {
        let data = if g == 1 {
            10 + u64::from(u16::from_le_bytes([i, j]))
        } else {
            12 + u64::from(u32::from_le_bytes([i, j, k, l]))
        };
        return offset == data;
    }
    let json = i == b'{';
    json && u64::from_le_bytes([a, b, c, d, e, f, g, h]).checked_add(8) == Some(offset)
}

/// Whether the bytes before are a protobuf tag and a length that frames a text of `length` bytes. Both may be printable then,
/// and the field before may be a name, so that all of it looks like text. A length of two bytes or more is no text: its
/// first byte has the continuation bit.
fn follows_length(before: &[u8], length: u64, available: u64) -> bool {
    let [.., tag, framed] = before else { return false };
    let framed = u64::from(*framed);
    // Field numbers 1 to 15, wire type 2; the script must be most of the field, or a text that happens to end in two such
    // characters would do.
    tag & 7 == 2
        && (1..=15).contains(&(tag >> 3))
        && framed < 0x80
        && (length..=length.saturating_mul(2)).contains(&framed)
        && framed <= available
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelaudit_plugin::testing::Memory;

    fn starts(before: &[u8], script: &[u8]) -> bool {
        let bytes = [before, script].concat();
        is_start(&Memory::new("x", &bytes), before.len() as u64, script.len() as u64)
    }

    #[test]
    fn after_binary_data() {
        let script = b"#!/bin/sh\nid\n";
        assert!(starts(b"", script));
        assert!(starts(&[0; 64], script));
        assert!(starts(&[0xc1, 0x3c, 0x12, 0x80, 0x3f, 0x3d], script));
        assert!(starts(b"\x0c\0\0\0", script));
    }

    #[test]
    fn not_within_a_text() {
        let script = b"#!/bin/sh\nid\n";
        assert!(!starts(b"# Title\n\n```sh\n", script));
        assert!(!starts(b"\0\0\0\0```sh\n", script));
        assert!(!starts("\0\u{4f7f}\u{7528}\u{811a}\u{672c}".as_bytes(), script));
        assert!(!starts(b"{\"text\": \"", script));
    }

    #[test]
    fn after_a_header_of_text() {
        let script = b"#!/bin/sh\nid\n";
        let json = br#"{"w":{"dtype":"U8","shape":[13],"data_offsets":[0,13]}}    "#;
        let mut safetensors = (json.len() as u64).to_le_bytes().to_vec();
        safetensors.extend_from_slice(json);
        assert!(starts(&safetensors, script));
        assert!(!starts(&safetensors[..safetensors.len() - 1], script));
        let literal = b"{'descr': '|u1', 'fortran_order': False, 'shape': (13,), }  \n";
        let mut npy = b"\x93NUMPY\x01\0".to_vec();
        npy.extend_from_slice(&(literal.len() as u16).to_le_bytes());
        npy.extend_from_slice(literal);
        assert!(starts(&npy, script));
        // A protobuf field: tag 'J' (9, bytes), length.
        assert!(starts(b"\0\x0cconv1.weightJ\x0d", script));
        assert!(starts(b"\0\x0cconv1.weightJ ", &[&script[..], b"echo hello, world!\n"].concat()));
        assert!(!starts(b"\0the quick brown fox J", script));
    }
}
