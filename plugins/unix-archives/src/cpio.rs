//! cpio in its portable forms: headers of hexadecimal (`newc`, with or without checksums) or octal digits (`odc`), each with a name and
//! its content behind it. Source: cpio(5), the Linux kernel's buffer-format.rst.

use modelaudit_plugin::{Artifact, Finding, Sink, Span};
use modelaudit_rules::structure::{S910, S911};

use crate::members::{Defect, Members, shown};

/// `odc`, `newc`, `newc` with checksums.
pub(crate) const MAGICS: [&[u8]; 3] = [b"070707", b"070701", b"070702"];
/// Name of the member that ends an archive.
const END: &[u8] = b"TRAILER!!!";
/// Members that are looked at, and longest name.
const MOST: u64 = 1_000_000;
const NAME: u64 = 64 << 10;

/// What a header says.
struct Header {
    mode: u64,
    name: u64,
    data: u64,
    length: u64,
    /// Names and contents begin at multiples of this.
    align: u64,
}

/// Follows an archive.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    let mut members = Members::new(artifact);
    let (mut at, mut count) = (0u64, 0u64);
    let mut ended = false;
    while at < size {
        count += 1;
        if count > MOST {
            sink.incomplete(&format!("only the first {MOST} members were looked at, up to offset {at}"));
            ended = true;
            break;
        }
        let Some(header) = header(artifact, at) else {
            if size - at < 110 && MAGICS.iter().any(|m| artifact.read(at, 6) == *m) {
                break;
            }
            members.add(Defect::Header, b"", Span::new(at, 6).within(size));
            trailing(artifact, at, sink);
            ended = true;
            break;
        };
        let Header { mode, name: name_length, data: length, length: head, align } = header;
        let here = Span::new(at, head);
        let pad = |offset: u64| offset.checked_next_multiple_of(align).unwrap_or(u64::MAX);
        let start = pad(here.end().saturating_add(name_length));
        let name = artifact.read_span(Span::new(here.end(), name_length), NAME);
        let Some(name) = name else {
            if name_length > NAME {
                members.add(Defect::Header, b"", here);
            }
            break;
        };
        let name = name.strip_suffix(b"\0").unwrap_or(&name).to_vec();
        let data = Span::new(start, length).within(size);
        at = pad(start.saturating_add(length));
        if name == END {
            ended = true;
            // An initial RAM disk is several archives, each padded with zeros.
            let Some(next) = behind(artifact, at.min(size), sink) else { break };
            at = next;
            let message = "another cpio archive follows the end of the first, where only some readers go on";
            sink.finding(Finding::new(&S910, message).at(at, 6));
            ended = false;
            continue;
        }
        if data.length < length {
            sink.incomplete(&format!("member {} goes on beyond the end of the file at offset {size}", shown(&name)));
            ended = true;
        }
        members.member(&name, mode, here, data, sink);
    }
    members.finish("cpio_members", sink);
    if ended {
        Ok(())
    } else {
        Err(format!("the archive breaks off at offset {} without its last member", at.min(size)))
    }
}

fn header(artifact: &dyn Artifact, at: u64) -> Option<Header> {
    let magic = artifact.read_exact(at, 6)?;
    let digits = |from: u64, count: u32, radix: u32| {
        let text = artifact.read_exact(at + from, count)?;
        u64::from_str_radix(std::str::from_utf8(&text).ok()?, radix).ok()
    };
    if magic == b"070707" {
        let (mode, name, data) = (digits(18, 6, 8)?, digits(59, 6, 8)?, digits(65, 11, 8)?);
        return Some(Header { mode, name, data, length: 76, align: 1 });
    }
    if magic != b"070701" && magic != b"070702" {
        return None;
    }
    let (mode, data, name) = (digits(14, 8, 16)?, digits(54, 8, 16)?, digits(94, 8, 16)?);
    digits(102, 8, 16)?;
    Some(Header { mode, name, data, length: 110, align: 4 })
}

/// What stands behind the last member: the offset of another archive, or nothing; other bytes are reported.
fn behind(artifact: &dyn Artifact, mut at: u64, sink: &mut dyn Sink) -> Option<u64> {
    while at < artifact.size() {
        let block = artifact.read(at, 64 << 10);
        match block.iter().position(|b| *b != 0) {
            None => at += (block.len() as u64).max(1),
            Some(first) => {
                let first = at + first as u64;
                if MAGICS.iter().any(|magic| artifact.read(first, 6) == *magic) {
                    return Some(first);
                }
                trailing(artifact, first, sink);
                return None;
            }
        }
    }
    None
}

/// Hands on what no member accounts for.
fn trailing(artifact: &dyn Artifact, at: u64, sink: &mut dyn Sink) {
    let rest = Span::new(at, artifact.size().saturating_sub(at));
    let message = format!("{} bytes belong to no member", rest.length);
    sink.finding(Finding::new(&S911, message).at(rest.offset, rest.length));
    sink.embed("(trailing)", rest, "");
}
