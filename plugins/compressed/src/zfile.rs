//! The Z-file of joblib before 0.10: `ZF`, the unpacked length as a Python hex literal padded to 19 characters, then one zlib
//! stream. `joblib.load` still reads it (`read_zfile` in joblib/numpy_pickle_compat.py), scanners of pickles see no pickle.

use modelaudit_plugin::Span;
use modelaudit_rules::structure::S902;

use crate::stop::Stop;
use crate::unpacker::Unpacker;
use crate::zlib;

/// `ZF` and 19 characters, the length of `hex(2**64)`.
const HEADER: usize = 21;

/// The header, and behind it (files of joblib up to 0.8.4 under Python 2 have one more space) a zlib header.
pub fn starts(head: &[u8]) -> bool {
    let Some((header, body)) = head.split_at_checked(HEADER) else { return false };
    declared(header).is_some() && zlib::starts(body.strip_prefix(b" ").unwrap_or(body))
}

/// The unpacked length that the header declares.
fn declared(header: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(header.strip_prefix(b"ZF")?).ok()?.trim();
    let digits = text.strip_prefix("0x").or(text.strip_prefix("0X")).unwrap_or(text);
    // Python's int() takes underscores between digits, too.
    u64::from_str_radix(&digits.replace('_', ""), 16).ok()
}

/// Unpacks the one stream.
pub fn member(unpacker: &mut Unpacker<'_>) -> Result<(), Stop> {
    let start = unpacker.reader.position();
    let header: [u8; HEADER] = unpacker.reader.array()?;
    if unpacker.reader.peek(1) == b" " {
        unpacker.reader.skip(1)?;
    }
    zlib::member(unpacker)?;
    let (declared, found) = (declared(&header).unwrap_or(0), unpacker.out.written());
    if declared != found {
        let message = format!("the joblib Z-file declares {declared} unpacked bytes and holds {found}");
        unpacker.defect(&S902, Span::new(start, HEADER as u64), message);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::starts;

    #[test]
    fn the_header_is_a_padded_hex_literal() {
        assert!(starts(b"ZF0x34               \x78\x9c"));
        assert!(starts(b"ZF34                  \x78\x01"), "without the prefix, with the extra space");
        assert!(!starts(b"ZF0x34               PK"));
        assert!(!starts(b"ZFooooooooooooooooooo\x78\x9c"));
        assert!(!starts(b"ZF0x34"));
    }
}
