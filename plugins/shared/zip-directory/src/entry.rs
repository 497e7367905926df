//! A member as its two descriptions give it, where they differ, and every way to read it.

use modelaudit_plugin::Span;

use crate::record::{
    Central, Descriptor, FLAG_DESCRIPTOR, FLAG_ENCRYPTED, FLAG_MASKED, FLAG_PATCH, FLAG_STRONG_ENCRYPTION, Local,
};

/// One way to read a member's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The stored bytes, cut where the artifact ends.
    pub span: Span,
    /// The span was cut: the data should go on.
    pub cut: bool,
    /// Compression method.
    pub method: u16,
    /// Declared size of the content; None where nothing declares it.
    pub size: Option<u64>,
    /// Declared CRC-32 of the content; None where nothing declares it.
    pub crc: Option<u32>,
}

/// Something that two readers see differently, or that one of them does not see at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// Central record and local header have different names (CVE-2025-1944).
    Name,
    /// The Unicode path field gives another name than the one it should be a better spelling of.
    UnicodeName,
    /// Different compression methods.
    Method,
    /// Different flags for encryption, strong encryption or patch (CVE-2025-1945).
    Flags,
    /// A flag that Python's zipfile refuses and other readers ignore: patch, strong encryption, masked header.
    RefusedFlag,
    /// Different checksums.
    Crc,
    /// Different sizes of the stored bytes.
    Compressed,
    /// Different sizes of the content.
    Size,
    /// The data descriptor contradicts the central record.
    Descriptor,
    /// No local header is where the central record says.
    NoLocal,
    /// A local header that no central directory lists; stream readers see it.
    LocalOnly,
}

/// A member: what the central directory and the local header say of it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Entry {
    /// Position in the iteration.
    pub index: u64,
    /// Index of the directory in [`crate::Archive::directories`] that lists it.
    pub directory: Option<usize>,
    /// The central record; None for a local header that no directory lists.
    pub central: Option<Central>,
    /// The local header; None where the record points to something else.
    pub local: Option<Local>,
    /// The data descriptor, if the flags promise one and something like it is there.
    pub descriptor: Option<Descriptor>,
    /// Size of the artifact.
    pub(crate) artifact_size: u64,
    /// For a local header alone whose sizes follow the data: where the data end, and whether that is certain.
    pub(crate) streamed: Option<(u64, bool)>,
}

impl Entry {
    /// The name most readers use: the central one, else the local one.
    pub fn name(&self) -> &[u8] {
        match (&self.central, &self.local) {
            (Some(central), _) => &central.name,
            (None, Some(local)) => &local.name,
            (None, None) => &[],
        }
    }

    /// All names that a reader may use, each once, [`Self::name`] first.
    pub fn names(&self) -> Vec<&[u8]> {
        let central = self.central.iter().flat_map(|c| std::iter::once(&c.name).chain(&c.unicode_name));
        let local = self.local.iter().flat_map(|l| std::iter::once(&l.name).chain(&l.unicode_name));
        let mut names: Vec<&[u8]> = Vec::new();
        for name in central.chain(local) {
            if !names.contains(&name.as_slice()) {
                names.push(name);
            }
        }
        names
    }

    /// A name that ends in a slash is a folder; one that has content is read as a file by some.
    pub fn is_folder(&self) -> bool {
        matches!(self.name().last(), Some(b'/' | b'\\'))
    }

    /// Where the entry is: its local header, else its central record.
    pub fn at(&self) -> Span {
        let central = self.central.as_ref().map(|c| c.at);
        self.local.as_ref().map(|l| l.at).or(central).unwrap_or_default()
    }

    /// One of the descriptions says that the content is encrypted; it may be plain all the same.
    pub fn flagged_encrypted(&self) -> bool {
        let flags = self.flags();
        let aes = self.central.as_ref().is_some_and(|c| c.aes) || self.local.as_ref().is_some_and(|l| l.aes);
        flags & (FLAG_ENCRYPTED | FLAG_STRONG_ENCRYPTION | FLAG_MASKED) != 0 || aes
    }

    /// Flags that either description sets.
    pub fn flags(&self) -> u16 {
        self.central.as_ref().map_or(0, |c| c.flags) | self.local.as_ref().map_or(0, |l| l.flags)
    }

    /// The content as Python's zipfile and torch's miniz read it: sizes and method of the central record, data behind the
    /// local header. For an entry without a record, the local header's. None without a local header.
    pub fn reading(&self) -> Option<Reading> {
        let local = self.local.as_ref()?;
        match &self.central {
            Some(central) => {
                Some(self.span_of(local, central.compressed, central.method, Some(central.size), Some(central.crc)))
            }
            None => Some(self.local_reading(local)),
        }
    }

    /// Every other reading that differs in its bytes or in its method: a stream reader's, which believes the local header.
    pub fn other_readings(&self) -> Vec<Reading> {
        let (Some(first), Some(local), Some(_)) = (self.reading(), &self.local, &self.central) else {
            return Vec::new();
        };
        let mut others = Vec::new();
        if local.flags & FLAG_DESCRIPTOR == 0 && local.compressed > 0 {
            let second = self.local_reading(local);
            if second.span != first.span || second.method != first.method {
                others.push(second);
            }
        } else if local.method != first.method {
            others.push(Reading { method: local.method, ..first });
        }
        others
    }

    fn local_reading(&self, local: &Local) -> Reading {
        if let Some((end, certain)) = self.streamed {
            let span = Span::new(local.at.end(), end.saturating_sub(local.at.end()));
            let (size, crc) = (self.descriptor.map(|d| d.size), self.descriptor.map(|d| d.crc));
            return Reading { span, cut: !certain && end >= self.artifact_size, method: local.method, size, crc };
        }
        self.span_of(local, local.compressed, local.method, Some(local.size), Some(local.crc))
    }

    fn span_of(&self, local: &Local, length: u64, method: u16, size: Option<u64>, crc: Option<u32>) -> Reading {
        let wanted = Span::new(local.at.end(), length);
        let span = wanted.within(self.artifact_size);
        Reading { span, cut: span.length < length, method, size, crc }
    }

    /// Where the descriptions differ, or what one of them lacks.
    pub fn differences(&self) -> Vec<Difference> {
        let mut found = Vec::new();
        if self.unicode_name_differs() {
            found.push(Difference::UnicodeName);
        }
        if self.flags() & (FLAG_PATCH | FLAG_STRONG_ENCRYPTION | FLAG_MASKED) != 0 {
            found.push(Difference::RefusedFlag);
        }
        let (central, local) = match (&self.central, &self.local) {
            (Some(central), Some(local)) => (central, local),
            (Some(_), None) => {
                found.push(Difference::NoLocal);
                return found;
            }
            _ => {
                found.push(Difference::LocalOnly);
                return found;
            }
        };
        // Behind the data, masked, or simply never filled in: then there is only one description.
        let streamed = (central.flags | local.flags) & (FLAG_DESCRIPTOR | FLAG_MASKED) != 0
            || (local.crc, local.compressed, local.size) == (0, 0, 0);
        let judged = [FLAG_ENCRYPTED, FLAG_PATCH, FLAG_STRONG_ENCRYPTION].iter().fold(0, |all, flag| all | flag);
        // Windows tools write `\` in one place and `/` in the other.
        let same = |a: &u8, b: &u8| a == b || matches!((a, b), (b'/' | b'\\', b'/' | b'\\'));
        let checks = [
            (
                Difference::Name,
                central.name.len() != local.name.len()
                    || !central.name.iter().zip(&local.name).all(|(a, b)| same(a, b)),
            ),
            (Difference::Method, central.method != local.method),
            (Difference::Flags, (central.flags ^ local.flags) & judged != 0),
            (Difference::Crc, !streamed && local.crc != central.crc && local.crc != 0),
            (Difference::Compressed, !streamed && local.compressed != central.compressed),
            (Difference::Size, !streamed && local.size != central.size),
            (
                Difference::Descriptor,
                self.descriptor.is_some_and(|d| {
                    d.crc != central.crc
                        || ![central.compressed, central.compressed & 0xffff_ffff].contains(&d.compressed)
                }),
            ),
        ];
        found.extend(checks.iter().filter(|(_, differs)| *differs).map(|(difference, _)| *difference));
        found
    }

    /// The field exists for names that the header's encoding cannot spell. A plain ASCII name in it that is not the header's is
    /// not a better spelling but another name.
    fn unicode_name_differs(&self) -> bool {
        let central = self.central.iter().filter_map(|c| Some((&c.name, c.unicode_name.as_ref()?)));
        let local = self.local.iter().filter_map(|l| Some((&l.name, l.unicode_name.as_ref()?)));
        central.chain(local).any(|(name, unicode)| unicode.is_ascii() && name != unicode)
    }
}
