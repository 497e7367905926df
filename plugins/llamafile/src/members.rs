//! Programs among the members.

use std::collections::HashSet;

use modelaudit_executable_headers::identify;
use modelaudit_plugin::{Artifact, Finding, Sink, clip, escape, quote};
use modelaudit_rules::programs_in_models::S1187;
use modelaudit_zip_directory::{Entry, is_supported, unpack};

use crate::layout::Layout;

/// Bytes by which a program is told.
const HEAD: usize = 4096;
/// Findings; a llamafile with more is told by the first.
const MOST: usize = 20;

/// GPU modules and their sources, which the runtime unpacks to its own folder and loads or compiles (llamafile/cuda.c, metal.c,
/// vulkan.c): the beginning of the name and the endings.
const MODULES: &[&str] = &["ggml-cuda", "ggml-rocm", "ggml-vulkan", "ggml-metal", "ggml-opencl", "ggml-sycl"];
const ENDINGS: &[&str] = &[".so", ".dll", ".dylib"];

/// Reports programs that the runtime does not need.
pub(crate) fn scan(artifact: &dyn Artifact, layout: &Layout, sink: &mut dyn Sink) {
    let (mut found, mut modules) = (0usize, Vec::new());
    // Two directories may list one member.
    let mut seen = HashSet::new();
    for entry in &layout.others {
        if !seen.insert((entry.at(), entry.name())) {
            continue;
        }
        let name = String::from_utf8_lossy(entry.name()).into_owned();
        let Some(title) = program(artifact, entry) else { continue };
        if is_module(&name) {
            modules.push(clip(&escape(&name), 200));
            continue;
        }
        found += 1;
        if found <= MOST {
            let at = entry.at();
            let message = format!(
                "the archive of the llamafile holds {}, which its runtime does not need: {title}",
                quote(&name)
            );
            sink.finding(
                Finding::new(&S1187, message)
                    .at(at.offset, at.length)
                    .element(clip(&escape(&name), 200))
                    .detail("kind", title),
            );
        }
    }
    if found > MOST {
        sink.log(&format!("{} more programs in the archive of the llamafile", found - MOST));
    }
    if !modules.is_empty() {
        sink.fact_list("llamafile_gpu_modules", &modules);
    }
    if layout.more {
        sink.incomplete("the archive of the llamafile has too many members to look at all of them");
    }
}

/// What program a member is, told by its first bytes.
fn program(artifact: &dyn Artifact, entry: &Entry) -> Option<String> {
    let reading = entry.reading().filter(|reading| is_supported(reading.method))?;
    let mut head = Vec::new();
    unpack(artifact, &reading, &mut |block| {
        let missing = HEAD - head.len();
        head.extend_from_slice(block.get(..missing).unwrap_or(block));
        head.len() < HEAD
    });
    identify(&head, reading.size.unwrap_or(reading.span.length)).map(|kind| kind.title())
}

fn is_module(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    MODULES.iter().any(|module| base.strip_prefix(module).is_some_and(|rest| ENDINGS.contains(&rest)))
}

#[cfg(test)]
mod tests {
    use super::is_module;

    #[test]
    fn modules_are_told_by_their_whole_name() {
        assert!(is_module("ggml-cuda.so") && is_module("llama.cpp/ggml-rocm.dll"));
        assert!(!is_module("ggml-cuda.so.exe") && !is_module("libggml-cuda.so") && !is_module("ggml-cuda"));
    }
}
