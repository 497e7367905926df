//! The two descriptions of a member, as they stand: APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.9 (data descriptor),
//! 4.3.12 (central record), 4.5.3 (zip64 extra field), 4.6.9 (Unicode path extra field).

use modelaudit_plugin::Span;

use crate::window::{Window, u16_at, u32_at, u64_at};

pub(crate) const LOCAL: &[u8] = b"PK\x03\x04";
pub(crate) const CENTRAL: &[u8] = b"PK\x01\x02";
pub(crate) const END: &[u8] = b"PK\x05\x06";
pub(crate) const END64: &[u8] = b"PK\x06\x06";
pub(crate) const LOCATOR64: &[u8] = b"PK\x06\x07";
pub(crate) const DESCRIPTOR: &[u8] = b"PK\x07\x08";
pub(crate) const SIGNATURE: &[u8] = b"PK\x05\x05";
pub(crate) const EXTRA_DATA: &[u8] = b"PK\x06\x08";

/// Length of a local header without name and extra fields.
pub(crate) const LOCAL_LENGTH: u64 = 30;
/// Length of a central record without name, extra fields and comment.
pub(crate) const CENTRAL_LENGTH: u64 = 46;

/// Flag bit 0: the content is encrypted.
pub const FLAG_ENCRYPTED: u16 = 1;
/// Flag bit 3: sizes and CRC follow the data.
pub const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// Flag bit 5: the content is a patch; Python refuses it, torch ignores it.
pub const FLAG_PATCH: u16 = 1 << 5;
/// Flag bit 6: strong encryption.
pub const FLAG_STRONG_ENCRYPTION: u16 = 1 << 6;
/// Flag bit 13: values of the local header are masked, the central directory is encrypted.
pub const FLAG_MASKED: u16 = 1 << 13;

const ZIP64: u16 = 0x0001;
const UNICODE_PATH: u16 = 0x7075;
const AES: u16 = 0x9901;

/// A member's description in a central directory. Offsets are offsets in the artifact.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Central {
    /// Where the record is.
    pub at: Span,
    /// Name as it stands.
    pub name: Vec<u8>,
    /// Name of the Unicode path extra field (0x7075), if it is valid for the name as it stands.
    pub unicode_name: Option<Vec<u8>>,
    /// Where the member's comment is; length 0 without one.
    pub comment: Span,
    /// Version made by: the high byte is the system (3 is Unix).
    pub made_by: u16,
    /// General purpose flags.
    pub flags: u16,
    /// Compression method.
    pub method: u16,
    /// CRC-32 of the content.
    pub crc: u32,
    /// Size of the stored bytes, zip64 resolved.
    pub compressed: u64,
    /// Size of the content, zip64 resolved.
    pub size: u64,
    /// External attributes; the high half is the Unix mode where the system is Unix.
    pub attributes: u32,
    /// Where it says that the local header is, zip64 resolved, relative to where the reader thinks that the archive starts.
    pub local_offset: u64,
    /// There is an AES extra field (0x9901), so the content is encrypted.
    pub aes: bool,
}

impl Central {
    /// The Unix mode says that the member is a symbolic link; its content is the target.
    pub fn is_symlink(&self) -> bool {
        (self.attributes >> 16) & 0o170_000 == 0o120_000
    }
}

/// A member's description before its data.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Local {
    /// Where the header is, name and extra fields included. The data follow.
    pub at: Span,
    /// Name as it stands.
    pub name: Vec<u8>,
    /// Name of the Unicode path extra field (0x7075), if it is valid for the name as it stands.
    pub unicode_name: Option<Vec<u8>>,
    /// General purpose flags.
    pub flags: u16,
    /// Compression method.
    pub method: u16,
    /// CRC-32 of the content; usually 0 where a data descriptor has it.
    pub crc: u32,
    /// Size of the stored bytes, zip64 resolved; usually 0 where a data descriptor has it.
    pub compressed: u64,
    /// Size of the content, zip64 resolved; usually 0 where a data descriptor has it.
    pub size: u64,
    /// There is an AES extra field (0x9901), so the content is encrypted.
    pub aes: bool,
}

/// What follows the data of a member with [`FLAG_DESCRIPTOR`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Descriptor {
    /// Where it is, its optional signature included.
    pub at: Span,
    /// CRC-32 of the content.
    pub crc: u32,
    /// Size of the stored bytes.
    pub compressed: u64,
    /// Size of the content.
    pub size: u64,
}

/// Parses the central record that `bytes` start with; `at` is its offset. None without the signature, or cut.
pub(crate) fn central(bytes: &[u8], at: u64) -> Option<Central> {
    if !bytes.starts_with(CENTRAL) {
        return None;
    }
    let (name_length, extra_length, comment_length) = central_lengths(bytes)?;
    let name = bytes.get(46..46 + name_length)?.to_vec();
    let extra = bytes.get(46 + name_length..46 + name_length + extra_length)?;
    let comment = at + (46 + name_length + extra_length) as u64;
    let mut record = Central {
        at: Span::new(at, (46 + name_length + extra_length + comment_length) as u64),
        unicode_name: unicode_path(extra, &name),
        comment: Span::new(comment, comment_length as u64),
        made_by: u16_at(bytes, 4)?,
        flags: u16_at(bytes, 8)?,
        method: u16_at(bytes, 10)?,
        crc: u32_at(bytes, 16)?,
        compressed: u64::from(u32_at(bytes, 20)?),
        size: u64::from(u32_at(bytes, 24)?),
        attributes: u32_at(bytes, 38)?,
        local_offset: u64::from(u32_at(bytes, 42)?),
        aes: field(extra, AES).is_some(),
        name,
    };
    if let Some(values) = field(extra, ZIP64) {
        // Only the saturated fields are in it, in this order.
        let mut at = 0;
        for value in [&mut record.size, &mut record.compressed, &mut record.local_offset] {
            if *value == u64::from(u32::MAX)
                && let Some(wide) = u64_at(values, at)
            {
                *value = wide;
                at += 8;
            }
        }
    }
    Some(record)
}

/// Lengths of name, extra fields and comment of a central record.
pub(crate) fn central_lengths(bytes: &[u8]) -> Option<(usize, usize, usize)> {
    Some((usize::from(u16_at(bytes, 28)?), usize::from(u16_at(bytes, 30)?), usize::from(u16_at(bytes, 32)?)))
}

/// Parses the local header at `at`. None without the signature, or cut within name and extra fields.
pub(crate) fn local(window: &mut Window<'_>, at: u64) -> Option<Local> {
    let head = window.get(at, LOCAL_LENGTH as usize);
    if !head.starts_with(LOCAL) {
        return None;
    }
    let (name_length, extra_length) = (usize::from(u16_at(head, 26)?), usize::from(u16_at(head, 28)?));
    let length = LOCAL_LENGTH as usize + name_length + extra_length;
    let bytes = window.get(at, length);
    if bytes.len() < length {
        return None;
    }
    let name = bytes.get(30..30 + name_length)?.to_vec();
    let extra = bytes.get(30 + name_length..length)?;
    let mut header = Local {
        at: Span::new(at, length as u64),
        unicode_name: unicode_path(extra, &name),
        flags: u16_at(bytes, 6)?,
        method: u16_at(bytes, 8)?,
        crc: u32_at(bytes, 14)?,
        compressed: u64::from(u32_at(bytes, 18)?),
        size: u64::from(u32_at(bytes, 22)?),
        aes: field(extra, AES).is_some(),
        name,
    };
    if let Some(values) = field(extra, ZIP64) {
        let mut at = 0;
        for value in [&mut header.size, &mut header.compressed] {
            if *value == u64::from(u32::MAX)
                && let Some(wide) = u64_at(values, at)
            {
                *value = wide;
                at += 8;
            }
        }
    }
    Some(header)
}

/// What a descriptor must say to belong to a member.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    /// CRC-32 of the content; None where nothing else declares it.
    pub(crate) crc: Option<u32>,
    /// Size of the stored bytes.
    pub(crate) compressed: u64,
    /// Size of the content; None where nothing else declares it.
    pub(crate) size: Option<u64>,
}

impl Expected {
    /// What the central record says.
    pub(crate) fn of(central: &Central) -> Self {
        Self { crc: Some(central.crc), compressed: central.compressed, size: Some(central.size) }
    }

    /// What a local header says that has its sizes, and yet a descriptor.
    pub(crate) fn of_local(local: &Local) -> Self {
        Self { crc: None, compressed: local.compressed, size: Some(local.size) }
    }

    fn fits(&self, descriptor: &Descriptor) -> bool {
        // macOS writes the low half of sizes beyond 4 GiB.
        let same = |there: u64, wanted: u64| there == wanted || there == wanted & 0xffff_ffff;
        same(descriptor.compressed, self.compressed)
            && self.crc.is_none_or(|crc| crc == descriptor.crc)
            && self.size.is_none_or(|size| same(descriptor.size, size))
    }
}

/// The descriptor behind data that end at `at`. Its signature is optional and its sizes have four or eight bytes, so the form
/// that fits is taken, first one that the next header (or the end) follows; with a signature and no fit, the short form.
/// None if nothing there looks like one.
pub(crate) fn descriptor(window: &mut Window<'_>, at: u64, expected: Expected) -> Option<Descriptor> {
    let bytes = window.get(at, 28);
    let signed = bytes.starts_with(DESCRIPTOR);
    let form = |skip: usize, wide: bool| {
        let sizes = if wide {
            (u64_at(bytes, skip + 4)?, u64_at(bytes, skip + 12)?)
        } else {
            (u64::from(u32_at(bytes, skip + 4)?), u64::from(u32_at(bytes, skip + 8)?))
        };
        let length = skip + if wide { 20 } else { 12 };
        let followed = matches!(bytes.get(length..), None | Some([] | [b'P', b'K', ..]));
        let at = Span::new(at, length as u64);
        Some((followed, Descriptor { at, crc: u32_at(bytes, skip)?, compressed: sizes.0, size: sizes.1 }))
    };
    let forms: &[(usize, bool)] =
        if signed { &[(4, true), (4, false), (0, true), (0, false)] } else { &[(0, true), (0, false)] };
    let fitting = || forms.iter().filter_map(|(skip, wide)| form(*skip, *wide)).filter(|(_, d)| expected.fits(d));
    let found = fitting().find(|(followed, _)| *followed).or_else(|| fitting().next());
    found.or_else(|| if signed { form(4, false) } else { None }).map(|(_, descriptor)| descriptor)
}

/// The data of an extra field; None if it is not there. A broken list ends the search.
fn field(mut extra: &[u8], id: u16) -> Option<&[u8]> {
    while let Some((head, rest)) = extra.split_first_chunk::<4>() {
        let [a, b, c, d] = *head;
        let length = usize::from(u16::from_le_bytes([c, d]));
        let data = rest.get(..length)?;
        if u16::from_le_bytes([a, b]) == id {
            return Some(data);
        }
        extra = rest.get(length..)?;
    }
    None
}

/// The name of the Unicode path field. Readers ignore it unless its CRC is that of the name as it stands.
fn unicode_path(extra: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let data = field(extra, UNICODE_PATH)?;
    (data.first() == Some(&1) && u32_at(data, 1)? == crc32fast::hash(name))
        .then(|| data.get(5..).map(<[u8]>::to_vec))?
}
