//! What lies between the members that a directory lists: other members, old directories, or bytes that nothing accounts for.

use modelaudit_plugin::{Artifact, Reader, Span};

use crate::locate::END_LENGTH;
use crate::record::{
    CENTRAL, CENTRAL_LENGTH, DESCRIPTOR, END, END64, EXTRA_DATA, LOCAL, LOCATOR64, Local, SIGNATURE, central_lengths,
    local,
};
use crate::window::{Window, u16_at, u32_at, u64_at};

/// Bytes that no part of the archive's structure accounts for and that are not all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where they are.
    pub at: Span,
    /// Where that is in the archive.
    pub place: Place,
}

/// Where a [`Gap`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before the first structure.
    Start,
    /// Between structures.
    Between,
    /// Behind the last structure.
    End,
}

/// What stands at a place of a gap.
pub(crate) enum Piece {
    /// A local header that is plausible.
    Local(Local),
    /// A record of the directory or of the end; its length.
    Record(u64),
    /// Something else, up to the next signature.
    Junk(u64),
}

/// Compression methods that APPNOTE 4.4.5 names.
const METHODS: std::ops::RangeInclusive<u16> = 0..=20;
const HIGH_METHODS: std::ops::RangeInclusive<u16> = 92..=99;

/// Looks at `at`, inside a gap that ends at `end`.
pub(crate) fn piece(artifact: &dyn Artifact, window: &mut Window<'_>, at: u64, end: u64) -> Piece {
    let head = window.get(at, CENTRAL_LENGTH as usize);
    let left = end.saturating_sub(at);
    let record = if head.starts_with(CENTRAL) {
        central_lengths(head).map(|(a, b, c)| CENTRAL_LENGTH + (a + b + c) as u64)
    } else if head.starts_with(END) {
        // The comment may hold a whole archive, whose parts are looked at for themselves.
        u16_at(head, 20)
            .map(u64::from)
            .map(|comment| END_LENGTH + if END_LENGTH + comment > left { 0 } else { comment })
    } else if head.starts_with(END64) {
        u64_at(head, 4).map(|length| length.saturating_add(12))
    } else if head.starts_with(LOCATOR64) {
        Some(20)
    } else if head.starts_with(SIGNATURE) {
        u16_at(head, 4).map(|length| 6 + u64::from(length))
    } else if head.starts_with(EXTRA_DATA) {
        u32_at(head, 4).map(|length| 8 + u64::from(length))
    } else if at == 0 && matches!(head.get(..8), Some(b"PK\x07\x08PK\x03\x04" | b"PK00PK\x03\x04")) {
        // The marker of an archive that was to be split and turned out to fit (APPNOTE 8.5.4).
        Some(4)
    } else {
        None
    };
    if let Some(length) = record.filter(|length| *length <= left) {
        return Piece::Record(length);
    }
    if head.starts_with(LOCAL)
        && is_plausible(head)
        && let Some(header) = local(window, at)
    {
        return Piece::Local(header);
    }
    // Nothing that counts at `at` itself; where is the next thing that may?
    let from = Span::new(at + 1, left.saturating_sub(1));
    let next = artifact.find(&[LOCAL, CENTRAL, END, END64, LOCATOR64], from, 1);
    Piece::Junk(next.first().map_or(left, |hit| hit.offset - at))
}

/// A signature of four bytes also stands in programs that read zips, so the header must make sense. Looked at before its name
/// is read: a false one may claim any length.
fn is_plausible(head: &[u8]) -> bool {
    let method = u16_at(head, 8).is_some_and(|method| METHODS.contains(&method) || HIGH_METHODS.contains(&method));
    method && u16_at(head, 26).is_some_and(|name| (1..=4096).contains(&name))
}

/// Finds the ends of data whose sizes follow them.
pub(crate) struct Streams {
    /// No descriptor stands from the first offset on before the second.
    none_between: (u64, u64),
    /// Descriptors that are still looked at: an archive can hold any number that fit nothing.
    budget: u32,
}

impl Default for Streams {
    fn default() -> Self {
        Self { none_between: (0, 0), budget: 1 << 18 }
    }
}

impl Streams {
    /// Where data that start at `start` end: at the descriptor that fits, else at the next header, else at `end`. Also says
    /// whether that is certain.
    pub(crate) fn end(
        &mut self,
        artifact: &dyn Artifact,
        window: &mut Window<'_>,
        start: u64,
        end: u64,
    ) -> (u64, bool) {
        let mut from = start;
        while let Some(at) = self.next_descriptor(artifact, from, end) {
            let bytes = window.get(at, 24);
            let length = at - start;
            if u32_at(bytes, 8).map(u64::from) == Some(length & 0xffff_ffff) || u64_at(bytes, 8) == Some(length) {
                return (at, true);
            }
            from = at + 1;
        }
        let next = artifact.find(&[LOCAL, CENTRAL, END64, END], Span::new(start, end.saturating_sub(start)), 1);
        next.first().map_or((end, false), |hit| (hit.offset, true))
    }

    fn next_descriptor(&mut self, artifact: &dyn Artifact, from: u64, end: u64) -> Option<u64> {
        self.budget = self.budget.checked_sub(1)?;
        let (first, next) = self.none_between;
        // Members are asked for in order, so what one search skipped need not be searched again.
        let search = if (first..next).contains(&from) { next } else { from };
        let hit =
            artifact.find(&[DESCRIPTOR], Span::new(search, end.saturating_sub(search)), 1).first().map(|h| h.offset);
        self.none_between = (from, hit.unwrap_or(end));
        hit
    }
}

/// The range without zero bytes at its start; None if there are no others. Zeros align members and fill sectors.
pub(crate) fn without_zeros(artifact: &dyn Artifact, span: Span) -> Option<Span> {
    let mut reader = Reader::over(artifact, span);
    loop {
        let block = reader.buffered();
        if block.is_empty() {
            return None;
        }
        let (length, first) = (block.len() as u64, block.iter().position(|b| *b != 0));
        if let Some(first) = first {
            let start = reader.position() + first as u64;
            return Some(Span::new(start, span.end() - start));
        }
        reader.skip(length).ok()?;
    }
}

/// The signing block of Android packages stands between the members and the directory
/// (source.android.com/docs/security/features/apksigning/v2).
pub(crate) fn is_signing_block(window: &mut Window<'_>, span: Span) -> bool {
    span.length >= 32 && window.get(span.end() - 16, 16) == b"APK Sig Block 42"
}
