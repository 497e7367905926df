//! What can be wrong with members, as a table.

use modelaudit_paths::members;
use modelaudit_plugin::{Rule, Severity};
use modelaudit_rules::files::S411;
use modelaudit_rules::structure::{S902, S904, S905, S910, S911, S912};

/// Something wrong with a member, or with the folder that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Defect {
    /// A password is needed.
    Encrypted,
    /// A method that is not unpacked here.
    Unsupported,
    /// A dictionary beyond the limit.
    Window,
    /// The packed data are damaged or too short.
    Broken,
    /// The packed stream lies outside the file.
    Beyond,
    /// The content has another CRC than the header says.
    WrongCrc,
    /// The packed data unpack to more than the header says.
    Longer,
    /// Unpacked data that no member names.
    Nameless,
    /// A member with content that no folder holds.
    Missing,
    /// Another member has the name, and other content.
    Duplicate,
    /// A device, a pipe, setuid.
    Special,
    /// An item that deletes a file when it is unpacked.
    Anti,
    /// A NUL byte in the name.
    NulInName,
    /// Bidirectional control characters in the name.
    BidiInName,
}

impl members::Defect for Defect {
    fn judgement(self) -> (&'static Rule, Option<Severity>, &'static str) {
        match self {
            Self::Encrypted => (&S912, None, "the data are encrypted"),
            Self::Unsupported => (&S902, Some(Severity::Info), "the compression method is not supported"),
            Self::Window => (&S904, None, "the data need more history to unpack than the limit of 128 MiB"),
            Self::Broken => (&S902, None, "the packed data are damaged"),
            Self::Beyond => (&S902, None, "the packed data lie beyond the end of the file"),
            Self::WrongCrc => {
                (&S910, None, "the checksum is wrong: some readers refuse the data, others have unpacked them by then")
            }
            Self::Longer => (&S911, None, "the packed data go on behind the last member"),
            Self::Nameless => (&S911, None, "unpacked data belong to no member"),
            Self::Missing => (&S902, None, "the content is not in the archive"),
            Self::Duplicate => {
                (&S910, None, "another member has the same name and other content, and readers pick different ones")
            }
            Self::Special => (&S411, None, "the member is a device, a pipe, or a program that runs as its owner"),
            Self::Anti => (&S411, None, "the member deletes the file of its name when it is unpacked"),
            Self::NulInName => (&S910, None, "the name holds a NUL byte, and some readers end it there"),
            Self::BidiInName => (&S905, None, "the name holds characters that show it in another order"),
        }
    }

    fn hides_content(self) -> bool {
        matches!(self, Self::Encrypted | Self::Unsupported | Self::Window | Self::Broken | Self::Beyond | Self::Missing)
    }
}
