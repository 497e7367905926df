//! Python's path configuration files (`site.py`): a line that starts with `import` and a blank is executed at every start of Python.
//! The extension is PyTorch's, too; what is no text is left to the plugins of PyTorch's formats.

use modelaudit_plugin::{Artifact, Finding, Severity, Sink, clip, escape, quote};
use modelaudit_rules::policy::S1018;

/// Bytes read; site.py reads all of it, and real ones have a few lines.
const LONGEST: u64 = 1 << 20;
/// Lines reported.
const MOST: usize = 20;

/// Lines that packaging tools write, by their start: setuptools' distutils shim, editable installs and namespace packages, virtualenv,
/// coverage. They are a note only if nothing else of the line calls out.
const KNOWN: &[&str] = &[
    "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') == 'local'; enabled and __import__('_distutils_hack')",
    "import __editable__",
    "import _virtualenv",
    "import sys, types, os;has_mfs = sys.version_info > (3, 5);p = os.path.join(sys._getframe(1).f_locals['sitedir']",
    "import coverage; coverage.process_startup()",
    "import sys; sys.__plen = len(sys.path)",
    "import sys; new=sys.path[sys.__plen:]; del sys.path[sys.__plen:]",
];

/// What a line of a packaging tool never does.
const CALLS_OUT: &[&str] = &[
    "exec(",
    "eval(",
    "system(",
    "popen",
    "subprocess",
    "socket",
    "urllib",
    "requests",
    "base64",
    "compile(",
    "ctypes",
];

/// Scans a path configuration file.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let Some((text, cut)) = crate::text(artifact, LONGEST) else { return Ok(()) };
    let mut offset = 0u64;
    let mut found = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        let code = line.strip_prefix('\u{feff}').unwrap_or(line).trim_end();
        if code.starts_with("import ") || code.starts_with("import\t") {
            found += 1;
            let lower = code.to_ascii_lowercase();
            let known = KNOWN.iter().any(|k| code.starts_with(k)) && !CALLS_OUT.iter().any(|c| lower.contains(c));
            if found <= MOST {
                let what = if known { "a packaging tool's line" } else { "a line" };
                sink.finding(
                    Finding::new(
                        &S1018,
                        format!("Python executes {what} of this file at every start: {}", quote(code)),
                    )
                    .severity(if known { Severity::Info } else { Severity::Critical })
                    .at(offset, line.trim_end().len() as u64)
                    .detail("code", clip(&escape(code), 500)),
                );
            }
        }
        offset += line.len() as u64;
    }
    if found > MOST {
        sink.incomplete(&format!("{found} lines are executed, {MOST} are shown"));
    }
    if cut { Err(format!("only the first {LONGEST} bytes of the path configuration were read")) } else { Ok(()) }
}
