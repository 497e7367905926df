//! The configuration of an image: what is run when a container starts.

use modelaudit_command_lines::{Grade, POWERSHELL, REVERSE_SHELLS, SHELL, worst};
use modelaudit_json::Node;
use modelaudit_plugin::{Finding, Severity, clip, escape, quote};
use modelaudit_rules::containers::S1193;

use crate::descriptor::check_digest;
use crate::findings::Findings;

/// Members of `config` that are commands: Docker's and OCI's.
const COMMANDS: &[(&str, &str)] = &[
    ("Entrypoint", "the entry point"),
    ("Cmd", "the command"),
    ("OnBuild", "a build trigger"),
    ("Shell", "the shell"),
];

/// Variables that make programs load code before their own: loader and libc, shells, Python, Perl, Ruby, Node.js, Java.
const CODE_VARIABLES: &[&str] = &[
    "BASH_ENV",
    "JAVA_TOOL_OPTIONS",
    "LD_AUDIT",
    "LD_PRELOAD",
    "NODE_OPTIONS",
    "PERL5OPT",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "RUBYOPT",
];

/// Folders that anybody may write to, and networks.
const OPEN_PLACES: &[&str] = &["/tmp/", "/var/tmp/", "/dev/shm/", "//", "\\\\"];

/// Longest command that is judged.
const LONGEST: usize = 64 << 10;

/// Judges the configuration of an image.
pub fn judge(root: &Node, findings: &mut Findings<'_>) {
    for (key, fact) in [("architecture", "image_architecture"), ("os", "image_os"), ("author", "image_author")] {
        if let Some(text) = root.get(key).and_then(Node::as_str) {
            findings.sink.fact_text(fact, &clip(&escape(text), 200));
        }
    }
    let layers = root.get("rootfs").and_then(|rootfs| rootfs.get("diff_ids"));
    for (index, id) in layers.map(Node::items).unwrap_or_default().iter().enumerate() {
        if let Some(text) = id.as_str() {
            check_digest(id, text, &format!("diff_id {index}"), findings);
        }
    }
    for config in root.all("config") {
        for (key, what) in COMMANDS {
            for value in config.all(key) {
                command(value, what, findings);
            }
        }
        for value in config.all("Healthcheck").flat_map(|check| check.all("Test")) {
            command(value, "the health check", findings);
        }
        for value in config.all("Env").flat_map(Node::items) {
            environment(value, findings);
        }
    }
}

/// Judges a command: a text, or a list of arguments.
fn command(value: &Node, what: &str, findings: &mut Findings<'_>) {
    let words: Vec<&str> = match value.as_str() {
        Some(text) => vec![text],
        None => value.items().iter().filter_map(Node::as_str).collect(),
    };
    let line = clip(&words.join(" "), LONGEST);
    if line.is_empty() {
        return;
    }
    let fact = what.rsplit(' ').next().unwrap_or(what);
    findings.sink.fact_text(&format!("image_{fact}"), &clip(&escape(&line), 500));
    // A command line in one argument is found in any JSON document, by the plugin of configurations; this one sees arguments together.
    let tables = [REVERSE_SHELLS, SHELL, POWERSHELL];
    if words.iter().any(|word| worst(word, &tables).is_some()) {
        return;
    }
    let Some(found) = worst(&line, &tables) else { return };
    let severity = match found.command.grade {
        Grade::Hostile => Severity::Critical,
        Grade::Risky => Severity::Warning,
    };
    let message = format!("{what} {}: {}", found.command.what, quote(&found.line));
    findings.add(Finding::new(&S1193, message).severity(severity).at(value.at.offset, value.at.length));
}

/// Judges a variable of the environment.
fn environment(value: &Node, findings: &mut Findings<'_>) {
    let Some((name, text)) = value.as_str().and_then(|line| line.split_once('=')) else { return };
    if CODE_VARIABLES.contains(&name) && OPEN_PLACES.iter().any(|place| text.contains(place)) {
        let message = format!("the variable {name} makes programs load code from {}", quote(text));
        findings.add(Finding::new(&S1193, message).at(value.at.offset, value.at.length));
    }
}
