//! The bytes that a validator may look at: from the candidate's first byte to the end of what it stands in.

use std::borrow::Cow;

use modelaudit_plugin::Artifact;

/// What is read of a candidate before it is believed. Most are chance hits and end here, so it is short; a header that
/// holds reads on.
const FIRST_READ: u32 = 256;

/// Bytes from a start on. Offsets count from there. Reads beyond the head go to the artifact, if there is one.
pub(crate) struct Window<'a> {
    head: Cow<'a, [u8]>,
    size: u64,
    rest: Option<(&'a dyn Artifact, u64)>,
}

impl<'a> Window<'a> {
    /// Only what the slice holds can be read; `size` is how much there is in all.
    pub(crate) fn over_slice(head: &'a [u8], size: u64) -> Self {
        Self { head: head.into(), size: size.max(head.len() as u64), rest: None }
    }

    /// Everything from `start` to the artifact's end; None if nothing is there.
    pub(crate) fn over_artifact(artifact: &'a dyn Artifact, start: u64) -> Option<Self> {
        let size = artifact.size().checked_sub(start).filter(|size| *size > 0)?;
        let head = artifact.read(start, FIRST_READ);
        Some(Self { head: head.into(), size, rest: Some((artifact, start)) })
    }

    /// Bytes from the start to the end of what holds it.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The first bytes, at most `length` of them; fewer where no more can be seen.
    pub(crate) fn first(&self, length: u32) -> Cow<'_, [u8]> {
        match self.rest {
            Some((artifact, start)) if self.head.len() < length as usize && (self.head.len() as u64) < self.size => {
                artifact.read(start, length).into()
            }
            _ => self.head.get(..(length as usize).min(self.head.len())).unwrap_or_default().into(),
        }
    }

    /// `N` bytes at an offset, or None where they can not be seen.
    pub(crate) fn array<const N: usize>(&self, at: u64) -> Option<[u8; N]> {
        let inside = usize::try_from(at).ok().and_then(|at| self.head.get(at..)?.first_chunk::<N>());
        if let Some(bytes) = inside {
            return Some(*bytes);
        }
        let (artifact, start) = self.rest?;
        artifact.array::<N>(start.checked_add(at)?)
    }

    pub(crate) fn u8(&self, at: u64) -> Option<u8> {
        self.array::<1>(at).map(|[byte]| byte)
    }

    pub(crate) fn u16(&self, at: u64, order: Order) -> Option<u16> {
        self.array(at).map(|bytes| match order {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        })
    }

    pub(crate) fn u32(&self, at: u64, order: Order) -> Option<u32> {
        self.array(at).map(|bytes| match order {
            Order::Little => u32::from_le_bytes(bytes),
            Order::Big => u32::from_be_bytes(bytes),
        })
    }

    pub(crate) fn u64(&self, at: u64, order: Order) -> Option<u64> {
        self.array(at).map(|bytes| match order {
            Order::Little => u64::from_le_bytes(bytes),
            Order::Big => u64::from_be_bytes(bytes),
        })
    }

    /// An unsigned LEB128 of at most 32 bits, and how many bytes it took.
    pub(crate) fn leb32(&self, at: u64) -> Option<(u32, u64)> {
        let mut value = 0u64;
        for index in 0..5u64 {
            let byte = self.u8(at.checked_add(index)?)?;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Some((u32::try_from(value).ok()?, index + 1));
            }
        }
        None
    }
}

/// Byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// How far an executable reaches: its header, grown by what the header names, cut where the bytes end.
pub(crate) struct Extent {
    end: u64,
    size: u64,
}

impl Extent {
    /// Starts with a header of that many bytes.
    pub(crate) fn new(window: &Window<'_>, header: u64) -> Self {
        Self { end: header, size: window.size() }
    }

    /// A part that the header names.
    pub(crate) fn part(&mut self, offset: u64, length: u64) {
        if length > 0 {
            self.end = self.end.max(offset.saturating_add(length));
        }
    }

    /// Bytes that are there.
    pub(crate) fn bytes(&self) -> u64 {
        self.end.min(self.size)
    }

    /// More is named than is there.
    pub(crate) fn truncated(&self) -> bool {
        self.end > self.size
    }
}
