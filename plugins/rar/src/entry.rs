//! A member as either format describes it.

use modelaudit_plugin::Span;

/// How the content is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Not at all.
    Stored,
    /// RAR 1.5.
    Rar15,
    /// RAR 2.0 and 2.6.
    Rar20,
    /// RAR 2.9 to 4.x: LZSS, PPMd and filter programs.
    Rar29,
    /// RAR 5.0 (version 0) and 7.0 (version 1).
    Rar50 {
        /// Version of the algorithm, 0 or 1.
        version: u8,
        /// Bytes of history that the packer could refer to, as declared.
        dictionary: u64,
    },
    /// Another version or method: what the header says.
    Unknown {
        /// Version of the algorithm.
        version: u8,
        /// Method within it.
        method: u8,
    },
}

impl Coding {
    /// Its name.
    pub fn name(self) -> String {
        match self {
            Self::Stored => "stored".to_owned(),
            Self::Rar15 => "RAR 1.5".to_owned(),
            Self::Rar20 => "RAR 2.0".to_owned(),
            Self::Rar29 => "RAR 2.9".to_owned(),
            Self::Rar50 { version: 0, .. } => "RAR 5.0".to_owned(),
            Self::Rar50 { .. } => "RAR 7.0".to_owned(),
            Self::Unknown { version, method } => format!("version {version} method {method}"),
        }
    }
}

/// What a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A link whose target stands in the header (RAR5): how it is called in a message, and the target. `from_root` for those
    /// that count from the top of the archive (hard links and copies), not from the link's own folder.
    Link {
        /// `a symbolic link` ...
        what: &'static str,
        /// The target as it stands.
        target: Vec<u8>,
        /// The target counts from the top of the archive.
        from_root: bool,
    },
    /// A symbolic link whose target is the content (RAR4 from Unix).
    LinkInContent,
    /// A second stream of the member before it (NTFS): the stream's name.
    Stream(Vec<u8>),
    /// What the archive says of itself: a comment, or a service this plugin does not know.
    Service,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name as an unpacker takes it.
    pub name: Vec<u8>,
    /// A second reading of the name, where the header holds two that differ (RAR4 with a Unicode name).
    pub other_name: Option<Vec<u8>>,
    /// The header.
    pub header: Span,
    /// The packed content; may lie beyond the end of the file.
    pub data: Span,
    /// Size of the content; None if the header leaves it open.
    pub size: Option<u64>,
    /// CRC-32 of the content.
    pub crc: Option<u32>,
    /// How it is packed.
    pub coding: Coding,
    /// It needs the members before it to be unpacked.
    pub solid: bool,
    /// It needs a password.
    pub encrypted: bool,
    /// It began in the volume before.
    pub from_before: bool,
    /// It goes on in the next volume.
    pub goes_on: bool,
    /// What it is.
    pub kind: Kind,
    /// A device, a pipe, or a program that runs as its owner.
    pub special: bool,
}

impl Entry {
    /// True if there is content that could be looked at.
    pub fn has_content(&self) -> bool {
        !matches!(self.kind, Kind::Folder | Kind::Link { .. }) && (self.data.length > 0 || self.size != Some(0))
    }
}

/// What Unix mode bits say: setuid and setgid programs, devices, pipes and sockets.
pub fn is_special(mode: u64) -> bool {
    let kind = mode & 0o170_000;
    matches!(kind, 0o020_000 | 0o060_000 | 0o010_000 | 0o140_000) || kind == 0o100_000 && mode & 0o6000 != 0
}

/// A block of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The header's bytes.
    pub header: Span,
    /// The bytes behind it that belong to it.
    pub data: Span,
    /// The header's checksum is what it says; None if it can't be told.
    pub checksum: Option<bool>,
    /// What it is.
    pub content: Content,
}

/// What a block is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The archive's own header.
    Main {
        /// Members may depend on those before them.
        solid: bool,
        /// It is one of several volumes.
        volume: bool,
        /// Everything behind it is encrypted.
        encrypted: bool,
        /// Where a record of copied headers should stand (RAR5).
        quick_open: Option<u64>,
    },
    /// A member.
    Member(Box<Entry>),
    /// Copies of headers that some readers take for the headers themselves (RAR5).
    QuickOpen,
    /// Everything behind it is encrypted (RAR5).
    Encryption,
    /// Nothing that holds a file: recovery data, access rights.
    Other,
    /// Content that this plugin can't read: what it is.
    Unread(&'static str),
    /// The end of the archive.
    End,
}
