//! Archives, disk images and compressed files that are told by their first bytes and not opened.

use modelaudit_plugin::{Artifact, Finding, Magic, Sink};
use modelaudit_rules::archives::S416;

/// One kind.
pub(crate) struct Kind {
    /// The name people use.
    title: &'static str,
    offset: u64,
    bytes: &'static [u8],
    /// Empty, or which bits of `bytes` count.
    mask: &'static [u8],
}

impl Kind {
    pub(crate) fn magic(&self) -> Magic {
        if self.mask.is_empty() {
            Magic::at(self.offset, self.bytes)
        } else {
            Magic::masked(self.offset, self.bytes, self.mask)
        }
    }

    fn fits(&self, artifact: &dyn Artifact) -> bool {
        let found = artifact.read(self.offset, u32::try_from(self.bytes.len()).unwrap_or(0));
        let mask = self.mask.iter().copied().chain(std::iter::repeat(0xff));
        found.len() == self.bytes.len() && found.iter().zip(self.bytes).zip(mask).all(|((a, b), m)| a & m == b & m)
    }
}

const fn kind(title: &'static str, offset: u64, bytes: &'static [u8]) -> Kind {
    Kind { title, offset, bytes, mask: &[] }
}

/// The kinds, each with a magic that data do not have by chance. Sources: the formats' specifications and file(1)'s list of magics.
pub(crate) const KINDS: &[Kind] = &[
    kind("Windows cabinet (CAB)", 0, b"MSCF\0\0\0\0"),
    kind("Windows image (WIM)", 0, b"MSWIM\0\0\0"),
    kind("ISO 9660 image", 32_769, b"CD001\x01"),
    // Magic, and version 4.0 behind it.
    Kind {
        title: "SquashFS image",
        offset: 0,
        bytes: b"hsqs\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x04\0\0\0",
        mask: b"\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff",
    },
    kind("cramfs image", 16, b"Compressed ROMFS"),
    kind("EROFS image", 1024, b"\xe2\xe1\xf5\xe0"),
    kind("QCOW disk image", 0, b"QFI\xfb\0\0\0"),
    kind("VHDX disk image", 0, b"vhdxfile"),
    kind("xar archive", 0, b"xar!\0\x1c\0\x01"),
    kind("RPM package", 0, b"\xed\xab\xee\xdb"),
    kind("ACE archive", 7, b"**ACE**"),
    Kind { title: "LHA archive", offset: 2, bytes: b"-lh0-", mask: b"\xff\xff\xff\xf8\xff" },
    kind("ZOO archive", 20, b"\xdc\xa7\xc4\xfd"),
    kind("StuffIt archive", 0, b"StuffIt (c)1997"),
    kind("ZPAQ archive", 0, b"7kSt\xa0\x31\x83\xd3\x8c\xb2\x28\xb0\xd3"),
    kind("lrzip file", 0, b"LRZI\0"),
    kind("lzop file", 0, b"\x89LZO\0\r\n\x1a\n"),
    kind("compress (.Z) file", 0, b"\x1f\x9d\x90"),
    kind("Snappy file", 0, b"\xff\x06\0\0sNaPpY"),
    kind("bzip3 file", 0, b"BZ3v1"),
    kind("LZFSE file", 0, b"bvx2"),
    kind("PAR2 recovery file", 0, b"PAR2\0PKT"),
];

/// Says what it is, and that nobody looked inside.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let Some(kind) = KINDS.iter().find(|kind| kind.fits(artifact)) else {
        return Err("no archive that is known".to_owned());
    };
    sink.fact_text("container", kind.title);
    let message = format!("the file is a {}, which is not opened here", kind.title);
    sink.finding(
        Finding::new(&S416, &message).at(kind.offset, kind.bytes.len() as u64).detail("container", kind.title),
    );
    Err(message)
}
