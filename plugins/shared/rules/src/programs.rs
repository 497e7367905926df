//! S517: scripts of other languages that travel with models. The field has no code for them.

use modelaudit_plugin::{Rule, Severity};

/// JavaScript that runs hidden or downloaded code (ours).
pub const S517: Rule = Rule {
    id: "S517",
    title: "JavaScript runs hidden code or commands",
    severity: Severity::Critical,
    why: "the code hands decoded or fetched text to eval or Function, or starts a process with a command that only attacks run: critical in \
          an archive, a warning as a file of its own. eval of a text that stands there, decoding of data and ordinary processes do not \
          fire it.",
    remedy: "do not open the page or run the script; find out who added it",
    references: &["CWE-506", "CWE-95"],
};
