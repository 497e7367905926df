//! S41x: what archives do beyond the paths of their members (`files` holds those). Ours; the field has no codes for it.

use modelaudit_plugin::{Rule, Severity};

/// A file and a folder of one name.
pub const S412: Rule = Rule {
    id: "S412",
    title: "file and folder of one name",
    severity: Severity::Warning,
    why: "the archive holds a file and a folder of the same name, give or take trailing spaces and full stops: no file system can hold \
          both, and WinRAR before 6.23 runs a script out of the folder when the file is opened. Critical if the folder holds a script or a \
          program.",
    remedy: "do not open members from inside an archive program; ask the author for a regular archive",
    references: &["CVE-2023-38831", "CWE-351"],
};

/// One part of an archive in several.
pub const S413: Rule = Rule {
    id: "S413",
    title: "archive in several volumes",
    severity: Severity::Info,
    why: "a member begins or goes on in another volume of the archive, and a scan sees one file at a time: the member could not be \
          scanned as the unpacker would write it",
    remedy: "join the volumes or unpack them in a sandbox, and scan what comes out",
    references: &[],
};

/// A container that nothing here opens.
pub const S416: Rule = Rule {
    id: "S416",
    title: "archive that is not opened",
    severity: Severity::Info,
    why: "the file is an archive, a disk image or a compressed file of a kind that no plugin unpacks (CAB, ISO 9660, SquashFS, RPM, LHA and \
          so on), so nobody looked at what is in it; models are not distributed in them",
    remedy: "unpack it in a sandbox and scan what comes out, or ask the author for a zip or tar archive",
    references: &["CWE-693"],
};
