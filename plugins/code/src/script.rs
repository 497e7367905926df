//! Shell scripts by their name.
//!
//! Scripts with a shebang line, batch files and PowerShell scripts are judged by the analyser `executables` wherever they stand; what
//! is left is a `.sh` file without such a line, which `sh FILE` runs all the same.

use modelaudit_command_lines::{Grade, POWERSHELL, REVERSE_SHELLS, SHELL, worst};
use modelaudit_executable_headers::shebang;
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, quote};
use modelaudit_rules::embedded::S504;

/// Longer scripts carry data, which other analysers look into.
const LONGEST: u64 = 16 << 20;

/// Scans a script.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let bytes = crate::text(artifact, LONGEST)?;
    let name = artifact.name().to_lowercase();
    let foreign =
        ["bat", "cmd", "ps1", "psm1"].iter().any(|e| name.strip_suffix(e).is_some_and(|stem| stem.ends_with('.')));
    if foreign || shebang(&bytes).is_some() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&bytes);
    let Some(found) = worst(&text, &[SHELL, REVERSE_SHELLS, POWERSHELL]) else { return Ok(()) };
    let member = !artifact.lineage().is_empty();
    let severity = match found.command.grade {
        _ if member => Severity::Critical,
        Grade::Hostile => Severity::Warning,
        Grade::Risky => Severity::Info,
    };
    let message = format!("shell script; it {}", found.command.what);
    let finding = Finding::new(&S504, message).severity(severity).at(0, artifact.size());
    sink.finding(finding.detail("command", quote(found.line.as_bytes())));
    Ok(())
}
