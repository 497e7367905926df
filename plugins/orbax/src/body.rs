//! Bodies of OCDBT: which files they point at, which keys they hold, and the values that stand in them.

/// Entries of one node; one of eight megabytes has fewer than a million.
const MOST: u64 = 1 << 20;

/// Longest key or path.
const LONGEST: u64 = 1 << 16;

/// Reads numbers and texts out of a body; every read is checked.
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// From the first byte on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// A number of 7 bits a byte, lowest first.
    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn bytes(&mut self, length: u64) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(bytes)
    }

    /// How many of something follow; each takes at least a byte.
    fn count(&mut self) -> Option<u64> {
        self.number().filter(|count| *count <= MOST && *count <= self.rest.len() as u64)
    }

    fn numbers(&mut self, count: u64) -> Option<Vec<u64>> {
        (0..count).map(|_| self.number()).collect()
    }

    /// Texts that share beginnings: each takes so many bytes of the one before, and so many new ones. `between` reads what stands
    /// between the lengths and the bytes.
    fn texts(&mut self, count: u64, between: impl FnOnce(&mut Self) -> Option<()>) -> Option<Vec<Vec<u8>>> {
        let prefixes = self.numbers(count.saturating_sub(1))?;
        let suffixes = self.numbers(count)?;
        between(self)?;
        let mut texts: Vec<Vec<u8>> = Vec::new();
        let mut total = 0u64;
        for (index, suffix) in suffixes.iter().enumerate() {
            let prefix = index.checked_sub(1).and_then(|before| prefixes.get(before)).copied().unwrap_or(0);
            let before = texts.last().map(Vec::as_slice).unwrap_or_default();
            let mut text = before.get(..usize::try_from(prefix).ok()?)?.to_vec();
            text.extend_from_slice(self.bytes(*suffix)?);
            total = total.saturating_add(text.len() as u64);
            // Shared beginnings multiply: a body of some kilobytes must not become gigabytes of keys.
            if text.len() as u64 > LONGEST || total > 32 << 20 {
                return None;
            }
            texts.push(text);
        }
        Some(texts)
    }

    /// The table of files that a body points at.
    fn files(&mut self) -> Option<Vec<Vec<u8>>> {
        let count = self.count()?;
        self.texts(count, |fields| fields.numbers(count).map(drop))
    }
}

/// A manifest.
#[derive(Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Files that hold the roots of its versions.
    pub files: Vec<Vec<u8>>,
}

/// Reads the body of a manifest; None if it is malformed.
pub fn manifest(body: &[u8]) -> Option<Manifest> {
    let mut fields = Fields::new(body);
    // The identifier, then the configuration.
    fields.bytes(16)?;
    let kind = fields.number()?;
    let (_inline, _decoded) = (fields.number()?, fields.number()?);
    fields.bytes(1)?;
    match fields.number()? {
        0 => {}
        1 => fields.bytes(4).map(drop)?,
        _ => return None,
    }
    // A numbered manifest has its versions in other files.
    let files = if kind == 0 { fields.files()? } else { Vec::new() };
    Some(Manifest { files })
}

/// A node of the tree of keys.
#[derive(Debug, PartialEq, Eq)]
pub struct Node<'a> {
    /// Files that hold its children, or values.
    pub files: Vec<Vec<u8>>,
    /// Keys and, where they stand in the node, their values. Keys of inner nodes are beginnings of keys, without values.
    pub entries: Vec<(Vec<u8>, Option<&'a [u8]>)>,
    /// 0 for a leaf.
    pub height: u8,
}

/// Reads the body of a node; None if it is malformed.
pub fn node(body: &[u8]) -> Option<Node<'_>> {
    let mut fields = Fields::new(body);
    let height = *fields.bytes(1)?.first()?;
    let files = fields.files()?;
    let count = fields.count()?;
    let inner = height > 0;
    // Inner nodes say how long the beginning is that all keys below have.
    let keys = fields.texts(count, |fields| if inner { fields.numbers(count).map(drop) } else { Some(()) })?;
    let mut entries = Vec::new();
    if inner {
        entries.extend(keys.into_iter().map(|key| (key, None)));
        let children = fields.numbers(count)?;
        if children.iter().any(|file| *file >= files.len() as u64) {
            return None;
        }
        return Some(Node { files, entries, height });
    }
    let lengths = fields.numbers(count)?;
    let kinds = fields.bytes(count)?;
    let outside = kinds.iter().filter(|kind| **kind == 1).count() as u64;
    if kinds.iter().any(|kind| *kind > 1) {
        return None;
    }
    let places = fields.numbers(outside)?;
    if places.iter().any(|file| *file >= files.len() as u64) {
        return None;
    }
    fields.numbers(outside)?;
    for ((key, length), kind) in keys.into_iter().zip(lengths).zip(kinds) {
        let value = if *kind == 0 { Some(fields.bytes(length)?) } else { None };
        entries.push((key, value));
    }
    Some(Node { files, entries, height })
}
