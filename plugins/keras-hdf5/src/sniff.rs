//! First bytes of files that have no business in a dataset or before the HDF5 data.

use modelaudit_executable_headers::identify;
use modelaudit_pickle_machine::is_pickle;

/// How much of the data [`foreign`] wants to see.
pub(crate) const HEAD_LENGTH: u64 = 4096;

/// What data of `size` bytes begin with, if it is a program, an archive or a pickle.
///
/// Among numbers (`opaque` false) a pickle must have what random bytes have not: the frame of protocol 4 and 5 with a length that fits, or
/// the head of an older one with a global. Bytes that are no numbers need less.
pub(crate) fn foreign(head: &[u8], size: u64, opaque: bool) -> Option<String> {
    let framed = || match head {
        [0x80, 4 | 5, 0x95, rest @ ..] => {
            let length = rest.first_chunk::<8>().map(|b| u64::from_le_bytes(*b));
            length.is_some_and(|n| n > 0 && n <= size.saturating_sub(11))
        }
        [0x80, 2 | 3, b'c' | b'}' | b']', ..] => true,
        _ => false,
    };
    let headed = || matches!(head, [0x80, 2..=5, _, ..]);
    if is_pickle(head, size) && (opaque || framed()) || opaque && headed() {
        return Some("a pickle".to_owned());
    }
    match head {
        [b'P', b'K', 3, 4, ..] => return Some("a zip archive".to_owned()),
        [0xe3, 0, 0, 0, 0, ..] if opaque => return Some("marshalled Python code".to_owned()),
        _ => {}
    }
    identify(head, size).map(|kind| kind.title())
}
