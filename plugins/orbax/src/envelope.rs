//! What every manifest and node of OCDBT is wrapped in: magic, length, version, compression, body, checksum.
//!
//! Source: "Storage format" of the OCDBT driver in TensorStore's documentation, and checkpoints written by Orbax 0.12.

use std::io::Read;

use modelaudit_plugin::{Artifact, Span};
use ruzstd::decoding::StreamingDecoder;

use crate::crc32c::crc32c;

/// Longest manifest or node that is read, packed or not. TensorStore's own limit for a decoded node is 8 MiB unless it is raised.
pub const LIMIT: u64 = 16 << 20;

/// Bytes of an envelope around nothing.
const MINIMUM: u64 = 4 + 8 + 2 + 4;

/// What the magic says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `manifest.ocdbt`: configuration and versions.
    Manifest,
    /// A node of the tree of keys.
    Node,
    /// A node of the tree of versions.
    Versions,
}

impl Kind {
    /// By the first four bytes.
    pub fn of(head: &[u8]) -> Option<Self> {
        match head.first_chunk()? {
            b"\x0c\xdb\x3a\x2a" => Some(Self::Manifest),
            b"\x0c\xdb\x20\xde" => Some(Self::Node),
            b"\x0c\xdb\x12\x34" => Some(Self::Versions),
            _ => None,
        }
    }

    /// Its first four bytes.
    pub fn magic(self) -> [u8; 4] {
        match self {
            Self::Manifest => *b"\x0c\xdb\x3a\x2a",
            Self::Node => *b"\x0c\xdb\x20\xde",
            Self::Versions => *b"\x0c\xdb\x12\x34",
        }
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Node => "node",
            Self::Versions => "version node",
        }
    }
}

/// Why there is no body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The file ends first, as a download that was cut does.
    Cut(String),
    /// It contradicts itself.
    Damaged(String),
    /// It unpacks to more than any node has.
    Bomb(String),
    /// It may be fine, and is not read here.
    Unread(String),
}

/// An opened envelope.
pub struct Envelope {
    /// What it is.
    pub kind: Kind,
    /// All of its bytes.
    pub at: Span,
    /// What is in it, unpacked.
    pub body: Vec<u8>,
}

/// The length that the envelope at `offset` says it has.
pub fn length(artifact: &dyn Artifact, offset: u64) -> Option<u64> {
    artifact.array::<8>(offset.checked_add(4)?).map(u64::from_le_bytes)
}

/// True if what stands at `offset`, behind a magic, may be an envelope: of this version, and inside the file.
pub fn may_begin(artifact: &dyn Artifact, offset: u64) -> bool {
    let inside = length(artifact, offset).is_some_and(|length| {
        (MINIMUM..=LIMIT).contains(&length) && offset.checked_add(length).is_some_and(|end| end <= artifact.size())
    });
    inside && matches!(artifact.read(offset.saturating_add(12), 2).as_slice(), [0, 0 | 1])
}

/// Opens the envelope at `offset`.
///
/// # Errors
/// See [`Failure`].
pub fn open(artifact: &dyn Artifact, offset: u64) -> Result<Envelope, Failure> {
    let head = artifact.read(offset, 4);
    let kind =
        Kind::of(&head).ok_or_else(|| Failure::Damaged(format!("nothing of OCDBT begins at offset {offset}")))?;
    let name = kind.name();
    let cut = || Failure::Cut(format!("the file ends inside the {name} at offset {offset}"));
    let length = length(artifact, offset).ok_or_else(cut)?;
    if length < MINIMUM {
        return Err(Failure::Damaged(format!("the {name} at offset {offset} says that it has {length} bytes")));
    }
    if offset.checked_add(length).is_none_or(|end| end > artifact.size()) {
        return Err(cut());
    }
    let at = Span::new(offset, length);
    let Some(bytes) = artifact.read_span(at, LIMIT) else {
        return Err(Failure::Unread(format!("the {name} at offset {offset} has {length} bytes, {LIMIT} are read")));
    };
    let Some((covered, stored)) = bytes.split_last_chunk::<4>() else { return Err(cut()) };
    if crc32c(covered) != u32::from_le_bytes(*stored) {
        return Err(Failure::Damaged(format!("the {name} at offset {offset} has another checksum than it says")));
    }
    let body = match covered.get(12..) {
        Some([0, 0, body @ ..]) => body.to_vec(),
        Some([0, 1, packed @ ..]) => unpack(packed, name, offset)?,
        Some([0, method, ..]) => {
            return Err(Failure::Unread(format!(
                "the {name} at offset {offset} is packed with unknown method {method}"
            )));
        }
        _ => return Err(Failure::Unread(format!("the {name} at offset {offset} is of an unknown version"))),
    };
    Ok(Envelope { kind, at, body })
}

/// Unpacks a body (one Zstandard frame).
fn unpack(packed: &[u8], name: &str, offset: u64) -> Result<Vec<u8>, Failure> {
    let damaged =
        |reason: String| Failure::Damaged(format!("the {name} at offset {offset} can't be unpacked: {reason}"));
    let reader =
        StreamingDecoder::new_with_max_window_size(packed, LIMIT).map_err(|error| damaged(error.to_string()))?;
    let mut body = Vec::new();
    reader.take(LIMIT + 1).read_to_end(&mut body).map_err(|error| damaged(error.to_string()))?;
    if body.len() as u64 > LIMIT {
        let message = format!("the {name} at offset {offset} unpacks from {} to more than {LIMIT} bytes", packed.len());
        return Err(Failure::Bomb(message));
    }
    Ok(body)
}
