//! What can be wrong with members, as a table.

use modelaudit_paths::members;
use modelaudit_plugin::{Rule, Severity};
use modelaudit_rules::archives::S413;
use modelaudit_rules::files::S411;
use modelaudit_rules::structure::{S902, S905, S910, S911, S912};

/// Something wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Defect {
    /// A password is needed.
    Encrypted,
    /// It began in another volume, or goes on in one.
    Volume,
    /// A method that is not unpacked here.
    Unsupported,
    /// More history or packed bytes than fit into memory.
    Memory,
    /// The packed data are damaged or too short.
    Broken,
    /// The packed data lie outside the file.
    Beyond,
    /// The header has another checksum than it says.
    HeaderChecksum,
    /// The content has another CRC than the header says.
    WrongCrc,
    /// There are more packed data than the content takes.
    Longer,
    /// Another member has the name, and other content.
    Duplicate,
    /// The header holds two names.
    TwoNames,
    /// A device, a pipe, setuid.
    Special,
    /// A NUL byte in the name.
    NulInName,
    /// Bidirectional control characters in the name.
    BidiInName,
}

impl members::Defect for Defect {
    fn judgement(self) -> (&'static Rule, Option<Severity>, &'static str) {
        match self {
            Self::Encrypted => (&S912, None, "the data are encrypted"),
            Self::Volume => (&S413, None, "the data begin or go on in another volume"),
            Self::Unsupported => (&S902, Some(Severity::Info), "the packing is not supported"),
            Self::Memory => (&S902, Some(Severity::Info), "the data need more memory to unpack than a scan has"),
            Self::Broken => (&S902, None, "the packed data are damaged"),
            Self::Beyond => (&S902, Some(Severity::Info), "the packed data go on beyond the end of the file"),
            Self::HeaderChecksum => {
                (&S910, None, "the header's checksum is wrong: some readers refuse the member, others unpack it")
            }
            Self::WrongCrc => {
                (&S910, None, "the checksum is wrong: some readers refuse the data, others have unpacked them by then")
            }
            Self::Longer => (&S911, None, "there are more packed data than the content takes"),
            Self::Duplicate => {
                (&S910, None, "another member has the same name and other content, and readers pick different ones")
            }
            Self::TwoNames => (&S910, None, "the header holds two different names, and readers pick different ones"),
            Self::Special => (&S411, None, "the member is a device, a pipe, or a program that runs as its owner"),
            Self::NulInName => (&S910, None, "the name holds a NUL byte, and some readers end it there"),
            Self::BidiInName => (&S905, None, "the name holds characters that show it in another order"),
        }
    }

    fn hides_content(self) -> bool {
        matches!(self, Self::Encrypted | Self::Volume | Self::Unsupported | Self::Memory | Self::Broken | Self::Beyond)
    }
}
