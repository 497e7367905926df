//! What can be wrong with members, as a table.

use modelaudit_paths::members;
use modelaudit_plugin::{Rule, Severity};
use modelaudit_rules::files::{S410, S411};
use modelaudit_rules::structure::{S902, S905, S910};

/// Something wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Defect {
    /// The header's checksum is wrong.
    Checksum,
    /// The header's size is no number, negative, or more than any disk holds.
    Size,
    /// PAX and header, or GNU and PAX headers, disagree.
    TwoSizes,
    /// Two extended names.
    TwoNames,
    /// A kind without data has a size, and what follows reads as a header, too.
    DataOrHeader,
    /// A PAX header is broken or too long.
    Pax,
    /// A PAX header for all members sets a name or a size.
    GlobalPax,
    /// A sparse map is broken.
    SparseMap,
    /// A sparse member is far longer than its data.
    SparseBomb,
    /// A header for a name or for attributes has no member.
    Orphan,
    /// Another member has the name, and other content.
    Duplicate,
    /// Another member's name differs only in case.
    CaseTwin,
    /// Another member's name differs only in spaces or full stops at the end.
    PaddingTwin,
    /// Members behind the end mark.
    BehindEnd,
    /// A device node.
    Device,
    /// A named pipe.
    Fifo,
    /// A program that runs with its owner's or its group's rights.
    SetId,
    /// A NUL byte in an extended name.
    NulInName,
    /// Bidirectional control characters in the name.
    BidiInName,
}

impl members::Defect for Defect {
    fn judgement(self) -> (&'static Rule, Option<Severity>, &'static str) {
        let (rule, what) = match self {
            Self::Checksum => (&S902, "the header's checksum is wrong, and readers stop there or skip it"),
            Self::Size => (&S902, "the header's size makes no sense"),
            Self::TwoSizes => {
                (&S910, "the PAX header and the tar header give different sizes, so readers see different members")
            }
            Self::TwoNames => (&S910, "two extended headers give different names"),
            Self::DataOrHeader => (&S910, "what follows is data to some readers and a header to others"),
            Self::Pax => (&S902, "the PAX header is broken or contradicts itself"),
            Self::GlobalPax => (&S910, "a PAX header for all members sets a name or a size, which few readers follow"),
            Self::SparseMap => (&S902, "the map of the sparse file is broken"),
            Self::SparseBomb => (&S410, "the sparse file is far longer than its data"),
            Self::Orphan => (&S902, "an extended header is followed by no member"),
            Self::Duplicate => (&S910, "another member has the same name and other content"),
            Self::CaseTwin => {
                (&S910, "another member's name differs only in case: where that is ignored, one replaces the other")
            }
            Self::PaddingTwin => (
                &S910,
                "another member's name differs only in spaces or full stops at the end: on Windows, one replaces the other",
            ),
            Self::BehindEnd => (&S910, "members stand behind the end mark, where only some readers go on"),
            Self::Device => (&S411, "a device node"),
            Self::Fifo => (&S411, "a named pipe"),
            Self::SetId => (&S411, "a program that runs with the rights of its owner or group"),
            Self::NulInName => (&S910, "the extended name holds a NUL byte, and some readers end it there"),
            Self::BidiInName => (&S905, "the name holds characters that show it in another order"),
        };
        // Folders of people who work on Linux have such names.
        let severity = if self == Self::CaseTwin { Some(Severity::Info) } else { None };
        (rule, severity, what)
    }
}
