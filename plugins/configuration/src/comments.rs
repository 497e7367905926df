//! JSON with comments and commas too many (JSONC, the lenient mode of many readers): they are made blank, everything else stays in place.

use modelaudit_plugin::Artifact;

/// The longest document that is read as a whole for that; larger ones are no work of people.
const LONGEST: u64 = 4 << 20;
/// How much is looked at for the first comment.
const HEAD: u32 = 64 << 10;

/// The document without comments; None if it has none.
pub(crate) fn blanked(artifact: &dyn Artifact) -> Option<Vec<u8>> {
    if artifact.size() > LONGEST {
        return None;
    }
    let mut head = artifact.read(0, HEAD);
    if blank(&mut head) == 0 {
        return None;
    }
    let mut bytes = artifact.read_all(LONGEST)?;
    blank(&mut bytes);
    Some(bytes)
}

/// Makes comments blank, and commas before a closing bracket; gives the number of comments. Line ends stay.
fn blank(bytes: &mut [u8]) -> u32 {
    let (mut at, mut comments) = (0, 0);
    let mut comma: Option<usize> = None;
    while let Some(byte) = bytes.get(at).copied() {
        match (byte, bytes.get(at + 1)) {
            (b'"', _) => {
                comma = None;
                at += 1;
                while let Some(byte) = bytes.get(at).copied().filter(|byte| *byte != b'"') {
                    at += if byte == b'\\' { 2 } else { 1 };
                }
                at += 1;
            }
            (b'/', Some(b'/' | b'*')) => {
                comments += 1;
                let rest = bytes.get(at..).unwrap_or_default();
                let length = if rest.starts_with(b"//") {
                    rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'))
                } else {
                    rest.windows(2).skip(2).position(|end| end == b"*/").map(|end| end + 4)
                };
                let end = length.map_or(bytes.len(), |length| at + length);
                let comment = bytes.get_mut(at..end).unwrap_or_default();
                comment.iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
                at = end;
            }
            (b',', _) => {
                comma = Some(at);
                at += 1;
            }
            (b'}' | b']', _) => {
                // Only in a document with comments: elsewhere it is an error as ever.
                if let Some(comma) = comma.take().filter(|_| comments > 0).and_then(|comma| bytes.get_mut(comma)) {
                    *comma = b' ';
                }
                at += 1;
            }
            _ => {
                if !byte.is_ascii_whitespace() {
                    comma = None;
                }
                at += 1;
            }
        }
    }
    comments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_blank_and_texts_stay() {
        let mut text = br#"{"a": "//x", // y
 "b": [1, /* z */ 2, ], }"#
            .to_vec();
        let length = text.len();
        assert_eq!(blank(&mut text), 2);
        assert_eq!(text.len(), length);
        let plain: String = String::from_utf8(text).unwrap().split_whitespace().collect();
        assert_eq!(plain, r#"{"a":"//x","b":[1,2]}"#);
        for whole in [&br#"{"a": "http://x/*y*/"}"#[..], br#"{"a": "\\", "b": "\"//"}"#, b"[1,]", b"/", b"\"a"] {
            let mut text = whole.to_vec();
            assert_eq!((blank(&mut text), text.as_slice()), (0, whole));
        }
    }
}
