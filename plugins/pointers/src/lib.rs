//! Files that stand for others: pointers of Git LFS, of Xet and of git-annex.
//!
//! A repository keeps large files elsewhere and a line or three of text in their place; whoever clones it without the extension, or
//! downloads with a plain HTTP client, has only the text, under the model's name. That is no model, so nothing was scanned: it is
//! *incomplete*, with what to type. A pointer is also a disguise: scanners stop at its first line. So whatever stands behind the
//! pointer's own lines is reported and handed on.

mod annex;
mod lfs;
mod xet;

use modelaudit_plugin::{Artifact, Finding, Format, Magic, Manifest, Plugin, Sink, Span, escape};
use modelaudit_rules::identity::S913;
use modelaudit_rules::structure::S911;

/// Bytes of the longest pointer that any of the tools takes: git-annex, 32 KiB. Git LFS stops at 1,024.
const LONGEST: u64 = 32 << 10;

/// The plugin.
pub struct Pointers;

impl Plugin for Pointers {
    fn describe() -> Manifest {
        Manifest {
            name: "pointers",
            version: env!("CARGO_PKG_VERSION"),
            summary: "Git LFS, Xet and git-annex pointers: files that were not downloaded",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: vec![
                Format::new("lfs-pointer", "Git LFS pointer")
                    .magic(Magic::at(0, lfs::VERSION))
                    .magic(Magic::at(0, lfs::OLD_VERSION)),
                Format::new("xet-pointer", "Xet pointer").magic(Magic::at(0, xet::VERSION)),
                Format::new("annex-pointer", "git-annex pointer").magic(Magic::at(0, annex::PREFIX)),
            ],
            anchors: vec![],
            rules: vec![S911, S913],
        }
    }

    fn scan(artifact: &dyn Artifact, format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let size = artifact.size();
        let bytes = artifact.read_span(Span::new(0, size.min(LONGEST)), LONGEST).unwrap_or_default();
        let (read, tool): (fn(&[u8]) -> Pointer, Tool) = match format {
            "xet-pointer" => (xet::read, xet::TOOL),
            "annex-pointer" => (annex::read, annex::TOOL),
            _ => (lfs::read, lfs::TOOL),
        };
        let pointer = read(&bytes);
        report(&pointer, &tool, size, sink)
    }
}

modelaudit_plugin::export!(Pointers);

/// What a pointer says.
struct Pointer {
    /// The name of the content, if it is well-formed.
    oid: Option<String>,
    /// Its size in bytes, if it is given.
    size: Option<u64>,
    /// Bytes of the pointer's own lines.
    length: usize,
    /// What is wrong with it.
    defect: Option<&'static str>,
}

/// Whose pointer it is.
struct Tool {
    /// Its name.
    name: &'static str,
    /// What to type to get the file.
    command: &'static str,
    /// How the name of the content is called.
    hash: &'static str,
}

fn report(pointer: &Pointer, tool: &Tool, size: u64, sink: &mut dyn Sink) -> Result<(), String> {
    let behind = size.saturating_sub(pointer.length as u64);
    if behind > 0 {
        let message =
            format!("{behind} bytes stand behind the lines of a {} pointer, where readers of pointers stop", tool.name);
        sink.finding(Finding::new(&S911, message).at(pointer.length as u64, behind));
        sink.embed("behind-the-pointer", Span::new(pointer.length as u64, behind), "");
    }
    if let Some(defect) = pointer.defect {
        return Err(format!("a malformed pointer of {}: {defect}; the file itself is not here", tool.name));
    }
    let oid = pointer.oid.as_deref().map(escape).unwrap_or_default();
    let expected = match pointer.size {
        Some(bytes) => format!("{bytes} bytes, "),
        None => String::new(),
    };
    let what = format!("{expected}{} {oid}", tool.hash);
    let mut finding =
        Finding::new(&S913, format!("a pointer of {} stands in the place of the file ({what})", tool.name))
            .at(0, pointer.length as u64)
            .detail("oid", &oid);
    sink.fact_text("pointer_oid", &oid);
    if let Some(bytes) = pointer.size {
        finding = finding.detail("size", bytes.to_string());
        sink.fact_number("pointer_size", bytes);
    }
    sink.finding(finding.detail("command", tool.command));
    Err(format!(
        "a pointer of {}, the file itself ({what}) was not downloaded: type `{}` and scan again",
        tool.name, tool.command
    ))
}

/// The lines of a text with the offset behind each; a carriage return does not count.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    bytes.split_inclusive(|b| *b == b'\n').scan(0, |end, line| {
        *end += line.len();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        Some((line.strip_suffix(b"\r").unwrap_or(line), *end))
    })
}
