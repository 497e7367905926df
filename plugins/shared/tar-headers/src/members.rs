//! The members of an archive as Python's tarfile gives them.

use modelaudit_plugin::{Artifact, Span};

use crate::header::{BLOCK, Header, parse, text};
use crate::pax;

/// Headers that are looked at.
const MOST: u64 = 1_000_000;
/// Longest extended header that is read.
const EXTENDED: u64 = 1 << 20;

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name that it is unpacked to.
    pub name: Vec<u8>,
    /// Its content, as far as it is there.
    pub data: Span,
    /// Where its header stands.
    pub at: u64,
    /// It is a file: no folder, link or device.
    pub file: bool,
}

/// Goes from header to header, up to the first block that is none: the end mark, or where the archive breaks.
pub struct Members<'a> {
    artifact: &'a dyn Artifact,
    at: u64,
    headers: u64,
}

impl<'a> Members<'a> {
    /// The members of an archive.
    pub fn new(artifact: &'a dyn Artifact) -> Self {
        Self { artifact, at: 0, headers: 0 }
    }

    fn header(&mut self) -> Option<Header> {
        self.headers += 1;
        let block: [u8; BLOCK as usize] = self.artifact.array(self.at).filter(|_| self.headers <= MOST)?;
        parse(&block).filter(|header| header.sum_fits)
    }
}

impl Iterator for Members<'_> {
    type Item = Member;

    fn next(&mut self) -> Option<Member> {
        let size = self.artifact.size();
        let (mut long, mut extended) = (None, pax::Pax::default());
        loop {
            let at = self.at;
            let header = self.header()?;
            let stated = header.size.unwrap_or(0);
            let length = match extended.size {
                Some(length) if !is_extension(header.kind) => length,
                _ => stated,
            };
            let length = if header.is_without_data() { 0 } else { length };
            let data = Span::new(at.saturating_add(BLOCK), length);
            self.at = data.end().checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX);
            match header.kind {
                b'L' => long = self.artifact.read_span(data, EXTENDED).map(|name| text(&name).to_vec()),
                b'x' | b'X' => {
                    extended = self.artifact.read_span(data, EXTENDED).map(|b| pax::parse(&b)).unwrap_or_default()
                }
                b'K' | b'g' => {}
                _ => {
                    let file = header.is_file();
                    let name = extended.path.or(long).unwrap_or(header.name);
                    return Some(Member { name, data: data.within(size), at, file });
                }
            }
        }
    }
}

fn is_extension(kind: u8) -> bool {
    matches!(kind, b'L' | b'K' | b'x' | b'X' | b'g')
}

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::Memory;

    use super::*;

    fn header(name: &str, size: usize, kind: u8) -> Vec<u8> {
        let mut block = [0u8; 512];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
        block[156] = kind;
        block[257..263].copy_from_slice(b"ustar\0");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block.to_vec()
    }

    fn member(name: &str, data: &[u8], kind: u8) -> Vec<u8> {
        let mut bytes = header(name, data.len(), kind);
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    #[test]
    fn names_and_sizes_come_from_the_extensions() {
        let pax = b"16 path=a/b.txt\n9 size=3\n";
        let parts = [
            member("x", pax, b'x'),
            member("short", b"abc", b'0'),
            member("././@LongLink", b"long/name\0", b'L'),
            member("cut", b"hello", b'0'),
            member("folder/", b"", b'5'),
            member("last", b"0123456789", b'0'),
        ];
        let mut bytes = parts.concat();
        bytes.truncate(bytes.len() - 512 + 4);
        let artifact = Memory::new("a.tar", &bytes);
        let found: Vec<(String, u64, bool)> =
            Members::new(&artifact).map(|m| (String::from_utf8(m.name).unwrap(), m.data.length, m.file)).collect();
        let expected = [("a/b.txt", 3, true), ("long/name", 5, true), ("folder/", 0, false), ("last", 4, true)];
        assert_eq!(found, expected.map(|(n, l, f)| (n.to_owned(), l, f)));
    }

    #[test]
    fn it_ends_where_no_header_is() {
        let mut bytes = member("a", b"1", b'0');
        bytes.extend([0; 1024]);
        bytes.extend(member("behind", b"2", b'0'));
        assert_eq!(Members::new(&Memory::new("a", &bytes)).count(), 1);
        assert_eq!(Members::new(&Memory::new("a", b"")).count(), 0);
        assert_eq!(Members::new(&Memory::new("a", &[b'x'; 600])).count(), 0);
    }
}
