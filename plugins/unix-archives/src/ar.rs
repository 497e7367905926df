//! ar: a magic, then headers of 60 bytes in ASCII, each with its content behind it, at even offsets. Source: ar(5), and the long names
//! of System V and GNU (`//`, `/123`) and of BSD (`#1/12`).

use modelaudit_plugin::{Artifact, Finding, Sink, Span};
use modelaudit_rules::structure::S911;

use crate::members::{Defect, Members, shown};

/// An archive with its members inside.
pub(crate) const MAGIC: &[u8] = b"!<arch>\n";
/// GNU's archive that only names its members.
pub(crate) const THIN: &[u8] = b"!<thin>\n";
/// Name of the first member of a Debian package; other archives are libraries.
const PACKAGE: &[u8] = b"debian-binary";
const HEADER: u64 = 60;
/// Members that are looked at.
const MOST: u64 = 500_000;
/// Longest table of names, and longest name.
const TABLE: u64 = 16 << 20;
const NAME: u64 = 64 << 10;

/// Follows an archive.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let thin = artifact.read(0, 8) == THIN;
    let size = artifact.size();
    let mut members = Members::new(artifact);
    let (mut at, mut count) = (8, 0u64);
    let mut table: Vec<u8> = Vec::new();
    while at < size {
        count += 1;
        if count > MOST {
            sink.incomplete(&format!("only the first {MOST} members were looked at, up to offset {at}"));
            break;
        }
        let here = Span::new(at, HEADER);
        let Some(header) = artifact.array::<60>(at) else {
            // A line feed pads the last member.
            if artifact.read(at, 2) != b"\n" {
                sink.incomplete(&format!("the archive breaks off inside a header at offset {at}"));
            }
            break;
        };
        let field = |from: usize, to: usize| header.get(from..to).unwrap_or_default().trim_ascii_end();
        let length = number(field(48, 58), 10);
        let (Some(length), b"`\n") = (length, field_end(&header)) else {
            members.add(Defect::Header, field(0, 16), here);
            let rest = Span::new(at, size - at);
            let message = format!("{} bytes follow the last member", rest.length);
            sink.finding(Finding::new(&S911, message).at(rest.offset, rest.length));
            sink.embed("(trailing)", rest, "");
            break;
        };
        let raw = field(0, 16);
        if count == 1 && raw != PACKAGE {
            members.allow_equal_names();
        }
        let internal = matches!(raw, b"/" | b"//" | b"/SYM64/" | b"__.SYMDEF" | b"__.SYMDEF SORTED");
        let stored = if thin && !internal { 0 } else { length };
        let mut data = Span::new(here.end(), stored).within(size);
        if data.length < stored {
            sink.incomplete(&format!("member {} goes on beyond the end of the file at offset {size}", shown(raw)));
        }
        at = here.end().saturating_add(stored).saturating_add(stored % 2);
        if raw == b"//" {
            table = artifact.read_span(data, TABLE).unwrap_or_default();
        }
        if internal {
            continue;
        }
        let name = match (raw.strip_prefix(b"#1/"), raw.strip_prefix(b"/")) {
            (Some(digits), _) => {
                let length = number(digits, 10).filter(|n| *n <= data.length && *n <= NAME).unwrap_or(0);
                let name = artifact.read_span(Span::new(data.offset, length), NAME).unwrap_or_default();
                data = Span::new(data.offset + length, data.length - length);
                let end = name.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
                name.get(..end).unwrap_or_default().to_vec()
            }
            (None, Some(digits)) => {
                let start = number(digits, 10).and_then(|n| usize::try_from(n).ok());
                let Some(rest) = start.and_then(|start| table.get(start..)) else {
                    members.add(Defect::Header, raw, here);
                    continue;
                };
                let end = rest.iter().position(|b| matches!(b, b'\n' | 0)).unwrap_or(rest.len());
                let name = rest.get(..end).unwrap_or_default();
                name.strip_suffix(b"/").unwrap_or(name).to_vec()
            }
            (None, None) => raw.strip_suffix(b"/").unwrap_or(raw).to_vec(),
        };
        let mode = number(field(40, 48), 8).unwrap_or(0);
        members.member(&name, mode, here, data, sink);
    }
    members.finish("ar_members", sink);
    if thin {
        return Err("a thin archive: its members are other files, which it only names".to_owned());
    }
    Ok(())
}

/// The two bytes that end a header.
fn field_end(header: &[u8; 60]) -> &[u8] {
    header.get(58..).unwrap_or_default()
}

/// A number in ASCII; empty is none.
fn number(digits: &[u8], radix: u32) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?.trim(), radix).ok()
}
