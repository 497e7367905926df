//! Executables and scripts hidden in model files.
//!
//! A model is data; whoever smuggles a program past a review puts it where nobody looks: whole, as a member of an archive or
//! under a model's name, or somewhere inside the weights, from where a few harmless-looking lines of loader code cut it out
//! (steganographic droppers, "maldoc" style). This analyser is given every artifact and finds, at any offset,
//!
//! - machine code: PE, ELF, Mach-O, and code for virtual machines: WebAssembly, JVM, DEX, Lua, CPython;
//! - Windows shortcuts and installers;
//! - scripts with a shebang line, batch files, complete PowerShell attack commands, reverse shells.
//!
//! The host finds the first bytes of each natively (`ANCHORS`); the shared crate `executable-headers` decides by the whole
//! header. `place` says how bad it is where it stands.
//!
//! Archives show a stored member twice, as a range of the archive and as a view of its own; both are reported, the host
//! keeps the deeper one. CAB, XAR and other archives that carry programs are the archive plugins' business.

mod place;
mod scan;
mod start;
mod text;

use modelaudit_plugin::{Artifact, Manifest, Plugin, Rule, Sink};
use modelaudit_rules::embedded;

/// The analyser.
pub struct Executables;

/// What an anchor announces, and therefore who looks at the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Announces {
    /// The first bytes of a header.
    Header,
    /// A PE signature; its `MZ` stands before it.
    PeSignature,
    /// A shebang line.
    Shebang,
    /// A batch file.
    Batch,
    /// A PowerShell command line.
    PowerShell,
    /// A reverse shell.
    ReverseShell,
}

/// Literals that the host searches for. As long as possible, for each chance hit costs a call: `MZ` and `#!` are not among
/// them. PowerPC's byte order of Mach-O and CPUs that no Windows runs on any more are left out; they are still recognised at
/// offset 0 and inside universal files.
const ANCHORS: &[(&[u8], Announces)] = &[
    (b"\x7fELF", Announces::Header),
    (b"PE\0\0\x4c\x01", Announces::PeSignature),
    (b"PE\0\0\x64\x86", Announces::PeSignature),
    (b"PE\0\0\x64\xaa", Announces::PeSignature),
    (b"PE\0\0\xc4\x01", Announces::PeSignature),
    (b"MZqFpD='", Announces::Header),
    (b"\xcf\xfa\xed\xfe", Announces::Header),
    (b"\xce\xfa\xed\xfe", Announces::Header),
    (b"\xca\xfe\xba\xbe", Announces::Header),
    (b"\0asm\x01\0\0\0", Announces::Header),
    (b"\0asm\x0d\0\x01\0", Announces::Header),
    (b"\x1bLua", Announces::Header),
    (b"\x1bLJ\x02", Announces::Header),
    (b"dex\n0", Announces::Header),
    // A .pyc of 3.7 to 3.13, of 3.14, of 2.7: the first byte of the magic varies and stands before the anchor.
    (b"\x0d\x0d\x0a\0\0\0\0", Announces::Header),
    (b"\x0d\x0d\x0a\x01\0\0\0", Announces::Header),
    (b"\x0e\x0d\x0a\0\0\0\0", Announces::Header),
    (b"\x03\xf3\x0d\x0a", Announces::Header),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Announces::Header),
    (b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F", Announces::Header),
    (b"#!/b", Announces::Shebang),
    (b"#!/u", Announces::Shebang),
    (b"#!/s", Announces::Shebang),
    (b"#! /", Announces::Shebang),
    (b"@echo off", Announces::Batch),
    (b"@ECHO OFF", Announces::Batch),
    (b"powershell", Announces::PowerShell),
    (b"PowerShell", Announces::PowerShell),
    (b"DownloadString", Announces::PowerShell),
    (b"/dev/tcp/", Announces::ReverseShell),
    (b"/bin/sh", Announces::ReverseShell),
    (b"/bin/bash", Announces::ReverseShell),
];

/// Every rule that is reported.
const RULES: &[Rule] = &[
    embedded::S501,
    embedded::S502,
    embedded::S503,
    embedded::S504,
    embedded::S505,
    embedded::S506,
    embedded::S507,
    embedded::S508,
    embedded::S509,
    embedded::S511,
    embedded::S512,
    embedded::S513,
    embedded::S514,
    embedded::S515,
    embedded::S516,
];

/// How far before its anchor a header starts.
fn before_anchor(anchor: &[u8]) -> u64 {
    match anchor {
        [0x0d | 0x0e, 0x0d, 0x0a, ..] => 1,
        _ => 0,
    }
}

impl Plugin for Executables {
    fn describe() -> Manifest {
        Manifest {
            name: "executables",
            version: env!("CARGO_PKG_VERSION"),
            summary: "finds programs and scripts hidden in model files",
            homepage: "https://github.com/modelaudit/modelaudit",
            formats: Vec::new(),
            anchors: ANCHORS.iter().map(|(literal, _)| literal.to_vec()).collect(),
            rules: RULES.to_vec(),
        }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        scan::scan(artifact, sink);
        Ok(())
    }
}

modelaudit_plugin::export!(Executables);
