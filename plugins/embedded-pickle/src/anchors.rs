//! The literals that the host looks for.
//!
//! A protocol header alone (two bytes) stands once in 16,000 random bytes, so the opcode behind it is part of the anchor:
//! once in 16 million. Base64 and hexadecimal forms are those of the same three bytes; protocol 0 has no header, there the
//! anchors are the names that payloads begin with. All in all fewer than 64: the host's vectorised search ends there.

/// How the bytes behind an anchor are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Opcodes.
    Raw,
    /// Base64 text.
    Base64,
    /// Hexadecimal text.
    Hex,
}

/// Anchors and their form. `\x80` is `PROTO`; behind it stand GLOBAL, EMPTY_DICT, EMPTY_LIST, MARK, strings, FRAME.
pub(crate) const ANCHORS: &[(&[u8], Form)] = &[
    (b"\x80\x02c", Form::Raw),
    (b"\x80\x02}", Form::Raw),
    (b"\x80\x02]", Form::Raw),
    (b"\x80\x02(", Form::Raw),
    (b"\x80\x02X", Form::Raw),
    (b"\x80\x02U", Form::Raw),
    (b"\x80\x03c", Form::Raw),
    (b"\x80\x03}", Form::Raw),
    (b"\x80\x03]", Form::Raw),
    (b"\x80\x03(", Form::Raw),
    (b"\x80\x04\x95", Form::Raw),
    (b"\x80\x04\x8c", Form::Raw),
    (b"\x80\x04c", Form::Raw),
    (b"\x80\x04}", Form::Raw),
    (b"\x80\x04]", Form::Raw),
    (b"\x80\x04(", Form::Raw),
    (b"\x80\x05\x95", Form::Raw),
    (b"\x80\x05\x8c", Form::Raw),
    (b"\x80\x05c", Form::Raw),
    (b"\x80\x05}", Form::Raw),
    (b"\x80\x05(", Form::Raw),
    (b"cos\nsystem\n", Form::Raw),
    (b"cposix\n", Form::Raw),
    (b"cnt\nsystem\n", Form::Raw),
    (b"csubprocess\n", Form::Raw),
    (b"c__builtin__\n", Form::Raw),
    (b"cbuiltins\n", Form::Raw),
    (b"gAJj", Form::Base64),
    (b"gAJ9", Form::Base64),
    (b"gAJd", Form::Base64),
    (b"gAIo", Form::Base64),
    (b"gANj", Form::Base64),
    (b"gAN9", Form::Base64),
    (b"gANd", Form::Base64),
    (b"gASV", Form::Base64),
    (b"gASM", Form::Base64),
    (b"gARj", Form::Base64),
    (b"gAR9", Form::Base64),
    (b"gAWV", Form::Base64),
    (b"gAWM", Form::Base64),
    (b"gAVj", Form::Base64),
    (b"800263", Form::Hex),
    (b"80027d", Form::Hex),
    (b"800363", Form::Hex),
    (b"800495", Form::Hex),
    (b"80048c", Form::Hex),
    (b"80048C", Form::Hex),
    (b"800463", Form::Hex),
    (b"800595", Form::Hex),
    (b"80058c", Form::Hex),
    (b"80058C", Form::Hex),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_enough_for_a_vectorised_search() {
        assert!(ANCHORS.len() < 64);
        assert!(ANCHORS.iter().all(|(a, _)| a.len() >= 2));
    }
}
