//! First bytes of files that have no business in a dataset or before the HDF5 data.

/// What bytes begin with, if it is a program, an archive or a pickle. `room` is how long the data are: lengths in headers must fit.
pub(crate) fn foreign(head: &[u8], room: u64) -> Option<&'static str> {
    let frame = |bytes: &[u8]| {
        let length = bytes.get(3..).and_then(|b| b.first_chunk::<8>()).map(|b| u64::from_le_bytes(*b));
        length.is_some_and(|n| n > 0 && n <= room.saturating_sub(11))
    };
    match head {
        [0x80, 4 | 5, 0x95, ..] if frame(head) => Some("a pickle"),
        // Protocol 2 and 3 begin with an opcode that pushes a global, a container or a text.
        [0x80, 2 | 3, b'c' | b'}' | b']' | b'(' | b'X' | b')' | b'N' | b'K', ..] => Some("a pickle"),
        // Protocol 0: a global by name.
        [b'c', rest @ ..] if global_by_name(rest) => Some("a pickle"),
        [0x7f, b'E', b'L', b'F', 1 | 2, 1 | 2, 1, ..] => Some("an ELF executable"),
        [b'M', b'Z', ..] if head.get(0x3c..0x40).is_some_and(|p| p.get(2..) == Some(&[0, 0])) && head.len() >= 0x40 => {
            Some("a Windows executable")
        }
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] => Some("a Mach-O executable"),
        [b'#', b'!', b'/', ..] => Some("a script"),
        [b'P', b'K', 3, 4, ..] => Some("a zip archive"),
        [0xe3, 0, 0, 0, 0, ..] | [b'c', 0, 0, 0, 0, 0, 0, 0, 0, ..] => Some("marshalled Python code"),
        _ => None,
    }
}

/// `module\nname\n` in letters, as a protocol 0 pickle's GLOBAL has it.
fn global_by_name(rest: &[u8]) -> bool {
    let mut lines = rest.splitn(3, |b| *b == b'\n');
    let is_name = |line: Option<&[u8]>| {
        line.is_some_and(|l| {
            !l.is_empty() && l.len() < 80 && l.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'))
        })
    };
    is_name(lines.next()) && is_name(lines.next()) && lines.next().is_some()
}
