//! Why unpacking ended before the end of the stream.

use modelaudit_plugin::EndOfData;

/// Why a stream could not be unpacked to its end. What came out before stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The input ended inside the stream.
    Truncated,
    /// The bytes at `offset` contradict the format.
    Corrupt {
        /// Offset in the artifact.
        offset: u64,
        /// What is wrong, to follow "the stream is broken:".
        reason: String,
    },
    /// The stream is fine, but needs what we have not: another method, a dictionary that is not in the file.
    Unsupported(String),
    /// The stream asks its reader for this many bytes of history, more than is given to it.
    Window(u64),
    /// After this many members there are still more, all of them tiny.
    Members(u64),
    /// The host takes no more bytes.
    Budget,
}

impl From<EndOfData> for Stop {
    fn from(_: EndOfData) -> Self {
        Self::Truncated
    }
}
