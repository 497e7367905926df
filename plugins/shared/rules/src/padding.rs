//! Padding, told from a payload.

use modelaudit_plugin::{Artifact, Reader, Span};

/// True if a range holds nothing but zeros. A range of more than `limit` bytes is none that a writer leaves, so it is not read and false.
pub fn is_zero(artifact: &dyn Artifact, span: Span, limit: u64) -> bool {
    if span.length > limit {
        return false;
    }
    let mut reader = Reader::over(artifact, span);
    loop {
        let block = reader.buffered();
        let length = block.len() as u64;
        if length == 0 {
            return true;
        }
        if block.iter().any(|byte| *byte != 0) || reader.skip(length.min(reader.remaining())).is_err() {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::Memory;

    use super::*;

    #[test]
    fn only_zeros_are_padding() {
        let mut bytes = vec![0; 40_000];
        assert!(is_zero(&Memory::new("x", &bytes), Span::new(1, 39_000), 1 << 20));
        assert!(!is_zero(&Memory::new("x", &bytes), Span::new(1, 39_000), 1 << 10));
        bytes[38_000] = 1;
        assert!(!is_zero(&Memory::new("x", &bytes), Span::new(1, 39_000), 1 << 20));
        assert!(is_zero(&Memory::new("x", &bytes), Span::new(38_001, 10), 1 << 20));
    }
}
