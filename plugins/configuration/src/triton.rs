//! `config.pbtxt` of NVIDIA's Triton Inference Server: the text form of its `ModelConfig` message.
//!
//! The file decides what the server starts: an interpreter of graphs, or the author's Python (`backend: "python"`), from an environment
//! that may come with the model (`EXECUTION_ENV_PATH`), with native libraries of operators (`model_operations`). Field names are those of
//! Triton's model_config.proto.

use modelaudit_paths::{Root, classify};
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, clip, escape, quote};
use modelaudit_rules::configuration::S1031;

/// Bytes read; real ones have kilobytes.
const LONGEST: u64 = 4 << 20;
/// Open messages.
const DEEPEST: usize = 64;
/// Bytes kept of a text.
const LONGEST_TEXT: usize = 4096;

/// Fields that only this message has at its top, one of which must stand in sight.
const TELLING: &[&str] = &[
    "platform",
    "backend",
    "max_batch_size",
    "instance_group",
    "dynamic_batching",
    "ensemble_scheduling",
    "model_warmup",
];

/// A token of protobuf's text form.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
    Sign,
}

struct Tokens<'t> {
    rest: &'t [u8],
}

impl Tokens<'_> {
    /// The next token; None at the end, an error where a text does not end or a byte belongs to none.
    fn next(&mut self) -> Result<Option<Token>, &'static str> {
        loop {
            let blank = self.rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
            self.rest = self.rest.get(blank..).unwrap_or_default();
            if !self.rest.starts_with(b"#") {
                break;
            }
            let line = self.rest.iter().position(|b| *b == b'\n').unwrap_or(self.rest.len());
            self.rest = self.rest.get(line..).unwrap_or_default();
        }
        let Some((first, rest)) = self.rest.split_first() else { return Ok(None) };
        let token = match first {
            b'{' | b'<' => Token::Open,
            b'}' | b'>' => Token::Close,
            b':' | b'[' | b']' | b',' | b';' => Token::Sign,
            b'"' | b'\'' => return self.text(*first).map(Some),
            _ => {
                let length = self.rest.iter().take_while(|b| b.is_ascii_alphanumeric() || b"_.+-".contains(b)).count();
                if length == 0 {
                    return Err("a character that belongs to no field");
                }
                let (word, rest) = self.rest.split_at(length);
                self.rest = rest;
                return Ok(Some(Token::Word(String::from_utf8_lossy(word).into_owned())));
            }
        };
        self.rest = rest;
        Ok(Some(token))
    }

    fn text(&mut self, quote: u8) -> Result<Token, &'static str> {
        let mut out = Vec::new();
        let mut at = 1;
        loop {
            let byte = *self.rest.get(at).ok_or("a text without an end")?;
            at += 1;
            match byte {
                b'\n' => return Err("a text without an end"),
                b'\\' => {
                    let (value, length) = unescaped(self.rest.get(at..).unwrap_or_default());
                    at += length;
                    out.push(value);
                }
                byte if byte == quote => break,
                byte => out.push(byte),
            }
        }
        self.rest = self.rest.get(at..).unwrap_or_default();
        out.truncate(LONGEST_TEXT);
        Ok(Token::Text(String::from_utf8_lossy(&out).into_owned()))
    }
}

/// The byte that an escape stands for, and how long it is behind the backslash.
fn unescaped(rest: &[u8]) -> (u8, usize) {
    let digits = |digits: &[u8], radix| {
        let value = std::str::from_utf8(digits).ok().and_then(|text| u32::from_str_radix(text, radix).ok());
        value.unwrap_or_default() as u8
    };
    match rest {
        [b'n', ..] => (b'\n', 1),
        [b't', ..] => (b'\t', 1),
        [b'r', ..] => (b'\r', 1),
        [b'x' | b'X', ..] => {
            let length = rest.iter().skip(1).take(2).take_while(|b| b.is_ascii_hexdigit()).count();
            (digits(rest.get(1..1 + length).unwrap_or_default(), 16), 1 + length)
        }
        [b'0'..=b'7', ..] => {
            let length = rest.iter().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            (digits(rest.get(..length).unwrap_or_default(), 8), length)
        }
        [byte, ..] => (*byte, 1),
        [] => (b'\\', 0),
    }
}

/// Whether the first bytes are a model's configuration: its own fields, written as fields.
pub(crate) fn looks_like_triton(head: &[u8]) -> bool {
    let mut tokens = Tokens { rest: head };
    let (mut depth, mut fields, mut telling) = (0usize, 0u32, 0u32);
    let mut word = None;
    while let Ok(Some(token)) = tokens.next() {
        match token {
            Token::Word(text) if depth == 0 => word = Some(text),
            Token::Sign | Token::Open => {
                if let Some(word) = word.take() {
                    fields += 1;
                    telling += u32::from(TELLING.contains(&word.as_str()));
                }
                depth += usize::from(token == Token::Open);
            }
            Token::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    telling >= 1 && fields >= 2
}

/// What is gathered of a configuration.
#[derive(Default)]
struct Gathered {
    backend: String,
    platform: String,
    files: Vec<(&'static str, String)>,
    libraries: Vec<String>,
    environment: String,
    key: String,
}

impl Gathered {
    fn text(&mut self, path: &[String], field: &str, text: String) {
        let message = path.first().map_or("", String::as_str);
        match (message, field) {
            ("", "backend") => self.backend = text,
            ("", "platform") => self.platform = text,
            ("", "default_model_filename") => self.files.push(("default_model_filename", text)),
            ("cc_model_filenames", "value") => self.files.push(("cc_model_filenames", text)),
            ("model_warmup", "input_data_file") => self.files.push(("input_data_file", text)),
            ("model_operations", "op_library_filename") => self.libraries.push(text),
            ("parameters", "key") => self.key = text,
            ("parameters", "string_value") if self.key == "EXECUTION_ENV_PATH" => self.environment = text,
            _ => {}
        }
    }
}

/// Scans a configuration.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let Some((text, cut)) = crate::text(artifact, LONGEST) else {
        return Err("the Triton configuration is not UTF-8 text".to_owned());
    };
    let mut tokens = Tokens { rest: text.as_bytes() };
    let (mut path, mut field) = (Vec::new(), String::new());
    let mut gathered = Gathered::default();
    let outcome = loop {
        let position = text.len() - tokens.rest.len();
        match tokens.next() {
            Ok(None) if path.is_empty() => break Ok(()),
            Ok(None) => break Err(format!("it ends inside of '{}'", clip(&escape(&path.join(".")), 200))),
            Ok(Some(Token::Word(word))) => field = word,
            Ok(Some(Token::Text(text))) => gathered.text(&path, &field, text),
            Ok(Some(Token::Open)) if path.len() < DEEPEST => path.push(std::mem::take(&mut field)),
            Ok(Some(Token::Open)) => break Err(format!("it is nested deeper than {DEEPEST} levels")),
            Ok(Some(Token::Close)) if path.pop().is_none() => {
                break Err(format!("a bracket too many at offset {position}"));
            }
            Ok(Some(Token::Close | Token::Sign)) => {}
            Err(reason) => break Err(format!("{reason} at offset {position}")),
        }
    };
    report(artifact, &gathered, sink);
    if cut {
        return Err(format!("only the first {LONGEST} bytes of the Triton configuration were read"));
    }
    outcome.map_err(|reason| format!("the Triton configuration is not understood: {reason}"))
}

fn report(artifact: &dyn Artifact, gathered: &Gathered, sink: &mut dyn Sink) {
    let engine = if gathered.backend.is_empty() { &gathered.platform } else { &gathered.backend };
    if !engine.is_empty() {
        sink.fact_text("backend", &clip(&escape(engine), 200));
    }
    let mut message = String::new();
    if gathered.backend == "python" || gathered.platform == "python" {
        message = "Triton runs the model's Python file with the rights of the server".to_owned();
        let script = if gathered.files.is_empty() { "model.py" } else { &gathered.files[0].1 };
        message = format!("{message}: {}", quote(format!("<version>/{script}")));
    } else if leaves(&gathered.backend) {
        message = format!("Triton loads a native library by the path {}", quote(&gathered.backend));
    }
    let environment = &gathered.environment;
    if !environment.is_empty() {
        let own = environment.starts_with("$$TRITON_MODEL_DIRECTORY") && !environment.contains("..");
        let what =
            if own { "an environment that comes with the model" } else { "an environment from outside the model" };
        message = format!("Triton starts Python from {what}: {}", quote(environment));
    }
    if !message.is_empty() {
        let severity = if leaves(&gathered.backend) { Severity::Critical } else { Severity::Warning };
        let mut finding =
            Finding::new(&S1031, message).severity(severity).detail("backend", clip(&escape(engine), 200));
        if !environment.is_empty() {
            finding = finding.detail("environment", clip(&escape(environment), 500));
        }
        sink.finding(finding.at(0, artifact.size()));
    }
    if let Some(first) = gathered.libraries.first() {
        let names: Vec<String> = gathered.libraries.iter().take(8).map(|name| clip(&escape(name), 200)).collect();
        let message = format!("Triton loads native libraries of custom operators: {}", quote(first));
        sink.finding(Finding::new(&S1031, message).element("model_operations").detail("libraries", names.join(", ")));
    }
    let mut seen: Vec<&str> = Vec::new();
    for (field, name) in &gathered.files {
        if leaves(name) && !seen.contains(field) {
            seen.push(field);
            let message = format!("the file that '{field}' names lies outside the model's folder: {}", quote(name));
            sink.finding(Finding::new(&S1031, message).element(*field));
        }
    }
}

/// True for a path that is absolute or climbs out.
fn leaves(name: &str) -> bool {
    let class = classify(name.as_bytes());
    class.root != Root::Relative || class.escapes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_tells_a_configuration() {
        for text in [
            "name: \"x\"\nplatform: \"onnxruntime_onnx\"\n",
            "# c\nbackend: 'python'\ninput [ { name: \"a\" } ]\n",
            "max_batch_size: 8\ninput { name: \"a\" }\n",
        ] {
            assert!(looks_like_triton(text.as_bytes()), "{text}");
        }
        for text in [
            "node { name: \"a\" op: \"Const\" }",
            "backend: yaml",
            "platform: linux",
            "{\"backend\": 1}",
            "",
            "item {\n id: 1\n}",
        ] {
            assert!(!looks_like_triton(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn texts_are_read_with_their_escapes() {
        let mut tokens = Tokens { rest: br#""py\x74hon" 'a\101\n'"# };
        assert_eq!(tokens.next(), Ok(Some(Token::Text("python".to_owned()))));
        assert_eq!(tokens.next(), Ok(Some(Token::Text("aA\n".to_owned()))));
        assert!(Tokens { rest: b"\"a" }.next().is_err());
    }
}
