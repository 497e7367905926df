//! The arguments in `.args`, one a line, which the program puts before those of the user (llamafile/args.c).

use std::collections::HashSet;

use modelaudit_paths::classify;
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, Span, clip, escape, quote};
use modelaudit_rules::programs_in_models::S1186;
use modelaudit_zip_directory::{Entry, STORED, unpack_all};

/// Regular files have some hundred bytes, or a few kilobytes with a prompt.
const LONGEST: usize = 256 << 10;
/// Arguments that are listed as a fact.
const MOST_LISTED: usize = 64;
/// Findings of one file.
const MOST: usize = 50;

/// When an option matters.
#[derive(Clone, Copy)]
enum When {
    /// It has no value.
    Alone,
    /// Whatever its value.
    Always,
    /// Its value is a path that leaves the archive and the folder it runs in.
    Outside,
    /// Its value is an address that other machines can reach.
    Reachable,
}

/// Options that widen what the program does: names, whether and how their value counts, how bad that is, and what to say.
/// Sources: llamafile/flags.cpp, llama.cpp's common/arg.cpp, llama.cpp/main/main.1.asc.
const OPTIONS: &[(&[&str], When, Severity, &str)] = &[
    (&["--unsecure", "--trap", "--trace"], When::Alone, Severity::Warning, "switches the sandbox of the program off"),
    (&["--host", "-l", "--listen"], When::Reachable, Severity::Info, "lets other machines connect"),
    (
        &[
            "-m",
            "--model",
            "--mmproj",
            "-mm",
            "--lora",
            "--lora-scaled",
            "--lora-base",
            "--control-vector",
            "-md",
            "--model-draft",
            "-mv",
            "--model-vocoder",
        ],
        When::Outside,
        Severity::Warning,
        "loads a model from outside of its own archive",
    ),
    (
        &[
            "-mu",
            "--model-url",
            "-mmu",
            "--mmproj-url",
            "-hf",
            "-hfr",
            "--hf-repo",
            "-hfd",
            "-hfrd",
            "--hf-repo-draft",
            "-hfv",
            "-hfrv",
            "--hf-repo-v",
            "-dr",
            "--docker-repo",
        ],
        When::Always,
        Severity::Warning,
        "fetches a model from the network",
    ),
    (&["--rpc"], When::Always, Severity::Warning, "hands its work to other machines"),
    (
        &[
            "--log-file",
            "--logdir",
            "-ld",
            "--prompt-cache",
            "--slot-save-path",
            "-lcd",
            "--lookup-cache-dynamic",
            "--db",
            "-o",
            "--output",
            "--output-file",
        ],
        When::Outside,
        Severity::Warning,
        "writes files at a path that the author chose",
    ),
    (
        &[
            "-f",
            "--file",
            "-bf",
            "--binary-file",
            "--image",
            "--audio",
            "--grammar-file",
            "-jf",
            "--json-schema-file",
            "--chat-template-file",
            "-sysf",
            "--system-prompt-file",
            "-spf",
            "-lcs",
            "--lookup-cache-static",
            "--path",
            "--media-path",
            "--models-dir",
            "--api-key-file",
        ],
        When::Outside,
        Severity::Warning,
        "reads or serves files at a path that the author chose",
    ),
];

/// Options with a Jinja template as their value.
const TEMPLATES: &[&str] = &["--chat-template"];

/// Hosts that only the same machine reaches.
const LOCAL: &[&str] = &["localhost", "::1", "[::1]", ""];

/// Folders of the archive as the program sees it, and files that are nowhere.
const NOT_OUTSIDE: &[&str] = &["/zip/", "/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr"];

/// Arguments that were reported: one that stands there again is told once.
pub(crate) type Reported = HashSet<(String, String)>;

/// Judges the arguments of one member.
pub(crate) fn scan(artifact: &dyn Artifact, entry: &Entry, reported: &mut Reported, sink: &mut dyn Sink) {
    let at = entry.at();
    let read =
        entry.reading().and_then(|reading| unpack_all(artifact, &reading, LONGEST).map(|bytes| (reading, bytes)));
    let Some((reading, bytes)) = read else {
        sink.incomplete(&format!(
            "the arguments at offset {} could not be unpacked or are longer than {LONGEST} bytes",
            at.offset
        ));
        return;
    };
    // A stored member stands in the file as it is, so that each argument has a place of its own.
    let start = (reading.method == STORED).then_some(reading.span.offset);
    let lines = lines(&bytes);
    let listed: Vec<String> = lines.iter().take(MOST_LISTED).map(|(_, line)| clip(&escape(line), 200)).collect();
    sink.fact_list("llamafile_arguments", &listed);
    for (index, (offset, option)) in lines.iter().enumerate() {
        let value = lines.get(index + 1).map(|(_, value)| value.as_str()).unwrap_or_default();
        if TEMPLATES.contains(&option.as_str()) && value.contains(['{', '}']) {
            let mut child = sink.child("chat_template.jinja", "jinja");
            child.write(value.as_bytes());
            child.finish();
        }
        let Some(finding) = judge(option, value) else { continue };
        let value = if finding.details.len() > 1 { value.to_owned() } else { String::new() };
        if !reported.insert((option.clone(), value)) {
            continue;
        }
        if reported.len() > MOST {
            sink.incomplete(&format!("more than {MOST} findings in the arguments, the others are not shown"));
            return;
        }
        let place = start.map_or(at, |start| Span::new(start + *offset as u64, option.len() as u64));
        sink.finding(finding.at(place.offset, place.length).element(".args"));
    }
}

/// Lines with their offsets, as the program splits and decodes them: `\n` in a line is a line feed.
fn lines(bytes: &[u8]) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in bytes.split(|byte| matches!(byte, b'\r' | b'\n')) {
        if !line.is_empty() {
            lines.push((start, String::from_utf8_lossy(line).replace("\\n", "\n")));
        }
        start += line.len() + 1;
    }
    lines
}

fn judge(option: &str, value: &str) -> Option<Finding> {
    let (_, when, severity, what) = OPTIONS.iter().find(|row| row.0.contains(&option))?;
    let counts = match when {
        When::Always | When::Alone => true,
        When::Outside => is_outside(value),
        When::Reachable => is_reachable(value),
    };
    let finding = |message: String| {
        Finding::new(&S1186, message).severity(*severity).detail("option", clip(&escape(option), 100))
    };
    let text = format!("the argument {} {what}", quote(option));
    match when {
        _ if !counts => None,
        When::Alone => Some(finding(text)),
        _ => Some(finding(format!("{text}: {}", quote(value))).detail("value", clip(&escape(value), 500))),
    }
}

fn is_outside(value: &str) -> bool {
    let known = NOT_OUTSIDE.iter().any(|known| {
        value
            .strip_prefix(known)
            .is_some_and(|rest| rest.is_empty() || (known.ends_with('/') && !classify(rest.as_bytes()).escapes()))
    });
    !known && (classify(value.as_bytes()).escapes() || value.starts_with('~'))
}

/// `host`, `host:port`, `[host]:port` or a port alone.
fn is_reachable(value: &str) -> bool {
    let host = match value.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!host.contains(':') || host.ends_with(']')) =>
        {
            host
        }
        _ => value,
    };
    let loopback = host.starts_with("127.") || LOCAL.contains(&host);
    !loopback && !host.bytes().all(|b| b.is_ascii_digit()) && !host.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_judged_by_their_values() {
        let severity = |option, value| judge(option, value).map(|f| f.severity);
        for (option, value) in [
            ("--unsecure", ""),
            ("-m", "/home/user/other.gguf"),
            ("-m", "../other.gguf"),
            ("-m", "/zip/../etc/model.gguf"),
            ("--mmproj", "\\\\evil.example\\share\\x.gguf"),
            ("-hf", "someone/model"),
            ("--model-url", "https://evil.example/x.gguf"),
            ("--rpc", "evil.example:50052"),
            ("--log-file", "/etc/cron.d/x"),
            ("--log-file", "~/.bashrc"),
            ("--path", "/"),
            ("-f", "/etc/passwd"),
        ] {
            assert_eq!(severity(option, value), Some(Severity::Warning), "{option} {value}");
        }
        for (option, value) in
            [("--host", "0.0.0.0"), ("-l", "0.0.0.0:8080"), ("--listen", "[::]:8080"), ("--host", "::")]
        {
            assert_eq!(severity(option, value), Some(Severity::Info), "{option} {value}");
        }
        for (option, value) in [
            ("-m", "llava-v1.5-7b-Q8_0.gguf"),
            ("-m", "/zip/model.gguf"),
            ("--host", "127.0.0.1"),
            ("-l", "localhost:8080"),
            ("-l", "8080"),
            ("-l", ":8080"),
            ("--host", "::1"),
            ("--log-file", "llama.log"),
            ("--log-file", "/dev/null"),
            ("-ngl", "9999"),
            ("-p", "/etc/passwd is a file"),
            ("--nobrowser", "..."),
            ("--temp", "0"),
            ("...", ""),
        ] {
            assert_eq!(severity(option, value), None, "{option} {value}");
        }
    }

    #[test]
    fn lines_are_split_as_the_program_does() {
        let read = lines(b"-m\nx.gguf\r\n\r\n-p\na\\nb\n...\n");
        let text: Vec<&str> = read.iter().map(|(_, line)| line.as_str()).collect();
        assert_eq!(text, ["-m", "x.gguf", "-p", "a\nb", "..."]);
        assert_eq!(read[2].0, 13);
    }
}
