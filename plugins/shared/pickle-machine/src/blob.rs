//! Does a constant look like a pickle, or like an encoded one? A cheap first look, taken at every long string.

/// The first bytes of a length-prefixed string or bytes constant.
pub(crate) fn hint(head: &[u8]) -> bool {
    match head {
        // A protocol header; behind 0xc2, the same as Latin-1 text in UTF-8 (protocol 2 carries bytes like that).
        [0x80, 2..=5, ..] | [0xc2, 0x80, 2..=5, ..] => true,
        // A text pickle: a global, perhaps inside marks; its first line is a module's name.
        [b'c' | b'(' | b'i', ..] => head.contains(&b'\n'),
        // Base64 of a protocol header ("gAI" to "gAX"), of zlib ("eJ"), gzip ("H4sI"), bzip2 ("Qlpo"), xz ("/Td6WFo");
        // base64 of a text pickle begins with "Y2"; then base64 of the first three once more.
        [b'g', b'A', b'I'..=b'X', ..] | [b'e', b'J' | b'A' | b'N' | b'F', ..] | [b'H', b'4', b's', b'I', ..] => true,
        [b'Z', b'0', b'F', ..] | [b'Z', b'U', b'p', ..] | [b'S', b'D', b'R', b'z', ..] => true,
        [b'Q', b'l', b'p', b'o', ..] | [b'/', b'T', b'd', b'6', ..] | [b'Y', b'2' | b'3', ..] => true,
        // Hexadecimal.
        [b'8', b'0', b'0', b'2'..=b'5', ..] | [b'6', b'3', b'6' | b'7', ..] => true,
        // Compressed.
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] | [0x1f, 0x8b, 8, ..] | [b'B', b'Z', b'h', ..] | [0xfd, b'7', ..] => true,
        [0xc2, 0x78, ..] | [b'x', 0xc2, ..] => true,
        _ => false,
    }
}

/// The first bytes of a line (protocol 0): escapes may stand for the bytes.
pub(crate) fn hint_in_line(line: &[u8]) -> bool {
    let inner = line.strip_prefix(b"'").or_else(|| line.strip_prefix(b"\"")).unwrap_or(line);
    inner.starts_with(b"\\x80\\x0") || inner.starts_with(b"\\u0080") || hint(inner)
}
