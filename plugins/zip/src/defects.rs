//! What can be wrong with members, as a table.

use modelaudit_paths::members;
use modelaudit_plugin::{Rule, Severity};
use modelaudit_rules::structure::{S902, S905, S910, S911, S912};
use modelaudit_zip_directory::Difference;

/// Something wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Defect {
    /// Its two descriptions differ.
    Differs(Difference),
    /// The content has another checksum than declared.
    WrongCrc,
    /// The checksum is 0 and the content's is not.
    NoCrc,
    /// The content has another size than declared.
    WrongSize,
    /// Flagged as encrypted, but plain: readers that ignore the flag get the content.
    PlainThoughFlagged,
    /// Really encrypted.
    Encrypted,
    /// A compression method that no specification names, or one that promises an extra field which is not there.
    UnknownMethod,
    /// A known method that can not be unpacked here.
    UnsupportedMethod,
    /// The compressed stream is damaged or breaks off.
    Broken,
    /// Bytes behind the end of the compressed stream.
    BehindStream,
    /// The data go on beyond the end of the file.
    BeyondEnd,
    /// Another member has the name, and other content.
    Duplicate,
    /// Another member's name differs only in case.
    CaseTwin,
    /// Another member's name differs only in spaces or full stops at the end.
    PaddingTwin,
    /// A folder with content.
    FolderWithContent,
    /// A NUL byte in the name: C code sees the part before it.
    NulInName,
    /// Bidirectional control characters in the name.
    BidiInName,
    /// The member's comment is not text.
    BinaryComment,
}

impl members::Defect for Defect {
    fn judgement(self) -> (&'static Rule, Option<Severity>, &'static str) {
        use Difference as D;
        match self {
            Self::Differs(D::Name) => (&S910, None, "the central directory and the local header give different names"),
            Self::Differs(D::UnicodeName) => (&S910, None, "the Unicode path field gives another plain name"),
            Self::Differs(D::Method) => {
                (&S910, None, "the central directory and the local header give different methods")
            }
            Self::Differs(D::Flags) => {
                (&S910, None, "the encryption or patch flag is set in one of the two headers only")
            }
            Self::Differs(D::RefusedFlag) => {
                (&S910, None, "a flag is set that makes some readers refuse the data and others not")
            }
            Self::Differs(D::Crc) => {
                (&S910, None, "the central directory and the local header give different checksums")
            }
            Self::Differs(D::Compressed) => {
                (&S910, None, "the central directory and the local header give different stored sizes")
            }
            Self::Differs(D::Size) => (&S910, None, "the central directory and the local header give different sizes"),
            Self::Differs(D::Descriptor) => (&S910, None, "the data descriptor contradicts the central directory"),
            Self::Differs(D::NoLocal) => (&S902, None, "no local header is where the central directory says"),
            Self::Differs(D::LocalOnly) => {
                (&S910, None, "a local header is in no central directory, so only some readers see the data")
            }
            Self::WrongCrc => (&S910, None, "the checksum is wrong: some readers refuse the data, torch loads them"),
            Self::NoCrc => (&S910, Some(Severity::Info), "the checksum is left out, as torch does on request"),
            Self::WrongSize => (&S910, None, "the declared size is not that of the content"),
            Self::PlainThoughFlagged => {
                (&S910, None, "the data are flagged as encrypted but plain: some readers refuse them, torch loads them")
            }
            Self::Encrypted => (&S912, None, "the data are encrypted"),
            Self::UnknownMethod => (&S902, None, "the compression method does not exist"),
            Self::UnsupportedMethod => (&S902, Some(Severity::Info), "the compression method is not supported"),
            Self::Broken => (&S902, None, "the compressed data are damaged"),
            Self::BehindStream => (&S911, None, "bytes follow the end of the compressed data"),
            Self::BeyondEnd => (&S902, None, "the data go on beyond the end of the file"),
            Self::Duplicate => {
                (&S910, None, "another member has the same name and other content, and readers pick different ones")
            }
            Self::CaseTwin => (
                &S910,
                Some(Severity::Info),
                "another member's name differs only in case: where that is ignored, one replaces the other",
            ),
            Self::PaddingTwin => (
                &S910,
                None,
                "another member's name differs only in spaces or full stops at the end: on Windows, one replaces the other",
            ),
            Self::FolderWithContent => (&S911, None, "a folder has content"),
            Self::NulInName => (&S910, None, "the name holds a NUL byte, and some readers end it there"),
            Self::BidiInName => (&S905, None, "the name holds characters that show it in another order"),
            Self::BinaryComment => (&S911, None, "the comment is not text"),
        }
    }

    fn hides_content(self) -> bool {
        matches!(self, Self::Encrypted | Self::UnknownMethod | Self::UnsupportedMethod | Self::Broken | Self::BeyondEnd)
    }
}
