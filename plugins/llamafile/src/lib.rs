//! Scans llamafiles: executables for six operating systems (Cosmopolitan's "actually portable executable", APE) that carry weights,
//! default arguments and GPU modules in a zip archive at their end.
//!
//! A llamafile is a program by design, so that is said once and plainly, with the runtime's version and hash to compare. What can be
//! judged is what the author added: the arguments it starts with (`arguments`) and the members that its runtime does not need
//! (`members`). The archive itself is found and handed over by the embedded-zip plugin; the weights in it go to the gguf plugin.
//!
//! Other APE programs have the same first bytes. One without a model is none of this plugin's, and it says that nobody looked at it.
//!
//! Sources: cosmopolitan's ape/specification.md; llamafile's README, llamafile/args.c, flags.cpp, cuda.c and metal.c.

mod arguments;
mod layout;
mod members;

use modelaudit_plugin::{Artifact, Finding, Format, Magic, Manifest, Plugin, Sink, clip, escape};
use modelaudit_rules::programs_in_models::{S1185, S1186, S1187};

use layout::Layout;

/// The plugin.
pub struct Llamafile;

/// What an APE begins with: a DOS header that shells read as an assignment; without Windows; for debugging (ape/specification.md).
const APE: [&[u8]; 3] = [b"MZqFpD='", b"jartsr='", b"APEDBG='"];

/// What is left in the head of an APE that was turned into an ELF or Mach-O file in place (`assimilate`): the shell command that
/// would have done it.
const ASSIMILATED: &[u8] = b"printf '\\177ELF";

/// Members whose names are listed as facts.
const MOST_LISTED: usize = 64;

impl Plugin for Llamafile {
    fn describe() -> Manifest {
        let mut portable = Format::new("llamafile", "llamafile").extensions(&["llamafile"]);
        for magic in APE {
            portable = portable.magic(Magic::at(0, magic));
        }
        Manifest {
            name: "llamafile",
            version: env!("CARGO_PKG_VERSION"),
            summary: "llamafiles: the program, the arguments it starts with, what it carries",
            homepage: env!("CARGO_PKG_HOMEPAGE"),
            formats: vec![
                portable,
                Format::new("llamafile-native", "llamafile (as ELF or Mach-O)").first_bytes([0x7f, 0xcf]),
            ],
            anchors: vec![],
            rules: vec![S1185, S1186, S1187],
        }
    }

    fn probe(head: &[u8], _size: u64) -> Vec<String> {
        let native = head.starts_with(b"\x7fELF") || head.starts_with(b"\xcf\xfa\xed\xfe");
        let assimilated = native && head.windows(ASSIMILATED.len()).any(|bytes| bytes == ASSIMILATED);
        if assimilated { vec!["llamafile-native".to_owned()] } else { Vec::new() }
    }

    fn scan(artifact: &dyn Artifact, _format: &str, sink: &mut dyn Sink) -> Result<(), String> {
        let Some(layout) = Layout::find(artifact) else {
            return Err("the file is no executable that any system would start, so it is no llamafile".to_owned());
        };
        if !layout.is_llamafile() {
            return Err("an executable without a model: nothing but its code says what it does".to_owned());
        }
        program(artifact, &layout, sink);
        let mut reported = arguments::Reported::new();
        for entry in &layout.arguments {
            arguments::scan(artifact, entry, &mut reported, sink);
        }
        members::scan(artifact, &layout, sink);
        if layout.whole {
            return Ok(());
        }
        if let Some(at) = layout.rest(artifact.size()) {
            // Nobody finds an archive without its end; what is there of it is scanned all the same.
            sink.embed(&format!("(zip at {})", at.offset), at, "zip");
        }
        Err("the archive at the end of the program is cut off or missing, and with it the model".to_owned())
    }
}

modelaudit_plugin::export!(Llamafile);

/// Says once that the model is a program, and which.
fn program(artifact: &dyn Artifact, layout: &Layout, sink: &mut dyn Sink) {
    let runtime = layout.runtime;
    let what = match layout.models.len() {
        0 => "a program that runs language models".to_owned(),
        1 => "a program with the weights of a model in it".to_owned(),
        n => format!("a program with {n} files of weights in it"),
    };
    let mut finding = Finding::new(&S1185, format!("the file is {what}: using it means running it ({})", layout.kind))
        .at(0, runtime.length)
        .detail("kind", layout.kind.clone());
    sink.fact_text("framework", "llamafile");
    if let Some(version) = &layout.version {
        sink.fact_text("llamafile_version", version);
        finding = finding.detail("version", version.clone());
    }
    // The program before the archive is the same in every llamafile of a release.
    if layout.whole
        && let Some(digest) = artifact.digest("sha256", runtime)
    {
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        sink.fact_text("llamafile_runtime_sha256", &hex);
        finding = finding.detail("runtime_sha256", hex);
    }
    sink.fact_number("llamafile_runtime_length", runtime.length);
    let names: Vec<String> = layout
        .models
        .iter()
        .take(MOST_LISTED)
        .map(|e| clip(&escape(&String::from_utf8_lossy(e.name())), 200))
        .collect();
    if !names.is_empty() {
        sink.fact_list("llamafile_models", &names);
    }
    sink.finding(finding);
}
