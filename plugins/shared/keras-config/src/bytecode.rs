//! What the bytecode of a Lambda layer uses.

use modelaudit_pickle_policy::suspicious_text;
use modelaudit_plugin::Severity;
use modelaudit_python_marshal::{Constant, Marshal, read};

use crate::policy::{CODE_NAMES, REFLECTION};

/// Names listed in a finding.
const SHOWN: usize = 12;

/// Beginnings of addresses.
const SCHEMES: &[&str] = &["http://", "https://", "ftp://", "file://", "gs://", "s3://", "hdfs://"];

/// Beginnings of bytes constants that are programs of their own.
const PAYLOADS: &[(&[u8], &str)] = &[
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04\x95", "a pickle"),
    (b"\x80\x05\x95", "a pickle"),
    (b"\x7fELF", "an ELF executable"),
    (b"MZ\x90", "a Windows executable"),
    (b"\xe3\0\0\0\0", "marshalled code"),
    (b"#!/", "a script"),
];

/// What was found in a code object.
#[derive(Clone, Debug)]
pub(crate) struct Bytecode {
    /// Critical if it uses what arithmetic has no use for.
    pub severity: Severity,
    /// What it uses, or why it is suspicious, for the message. Empty for plain arithmetic.
    pub uses: Vec<String>,
    /// All names, for the details.
    pub names: Vec<String>,
    /// Text constants, for the details.
    pub texts: Vec<String>,
    /// Releases of Python that wrote it; None if it could not be read.
    pub releases: Option<&'static str>,
    /// Why it could not be read.
    pub error: Option<String>,
}

/// Whether bytes are a marshalled code object.
pub(crate) fn is_code(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x63 | 0xe3)) && read(bytes).is_ok_and(|m| m.is_code())
}

/// Judges marshalled bytecode.
pub(crate) fn judge(bytes: &[u8]) -> Bytecode {
    match read(bytes) {
        Ok(marshal) => judge_marshal(&marshal),
        Err(error) => {
            // An interpreter newer than this table may read it: what can be seen is judged.
            let mut uses = Vec::new();
            for text in error.texts.iter().map(String::as_str).chain(words(bytes)) {
                add_name(&mut uses, text);
            }
            let severity = if uses.is_empty() { Severity::Warning } else { Severity::Critical };
            let texts = error.texts.iter().take(SHOWN).cloned().collect();
            Bytecode { severity, uses, names: Vec::new(), texts, releases: None, error: Some(error.to_string()) }
        }
    }
}

fn judge_marshal(marshal: &Marshal) -> Bytecode {
    let (mut uses, mut all_names, mut texts) = (Vec::new(), Vec::<String>::new(), Vec::<String>::new());
    let (mut reflects, mut pickles) = (false, false);
    let mut constants_named = Vec::new();
    for code in marshal.codes() {
        let names = code.names();
        for (index, name) in names.iter().enumerate() {
            reflects |= REFLECTION.contains(name);
            if !all_names.iter().any(|n| n == name) && all_names.len() < 64 {
                all_names.push((*name).to_owned());
            }
            // `os` then `system`: names stand in the order of their first use.
            match names.get(index + 1) {
                Some(next) if CODE_NAMES.contains(name) && CODE_NAMES.contains(next) && !name.starts_with('_') => {
                    add(&mut uses, format!("{name}.{next}"));
                }
                _ => add_name(&mut uses, name),
            }
        }
        for constant in code.constants() {
            match constant {
                Constant::Text(text) => {
                    if let Some(what @ ("shell commands" | "the address of a payload")) = suspicious_text(text) {
                        add(&mut uses, format!("a text with {what}"));
                    }
                    if CODE_NAMES.contains(&text) {
                        constants_named.push(text.to_owned());
                    }
                    // Names of arguments are constants. Arithmetic has no addresses; a comment that cites one has words, too.
                    pickles |= text == "allow_pickle";
                    if SCHEMES.iter().any(|scheme| text.starts_with(scheme)) && !text.contains(char::is_whitespace) {
                        add(&mut uses, format!("the address {text}"));
                    }
                    if texts.len() < SHOWN && !text.is_empty() {
                        texts.push(text.to_owned());
                    }
                }
                Constant::Bytes(bytes) => {
                    if let Some((_, what)) = PAYLOADS.iter().find(|(head, _)| bytes.starts_with(head)) {
                        add(&mut uses, format!("bytes that are {what}"));
                    }
                    if let Ok(text) = std::str::from_utf8(bytes)
                        && CODE_NAMES.contains(&text)
                    {
                        constants_named.push(text.to_owned());
                    }
                }
                Constant::Other => {}
            }
        }
    }
    if pickles {
        add(&mut uses, "allow_pickle".to_owned());
    }
    // `getattr(x, 'system')`, `__import__('os')`.
    let imports = uses.iter().any(|u| u.contains("import"));
    if reflects || imports {
        constants_named.iter().for_each(|name| add(&mut uses, name.clone()));
    }
    let severity = if uses.is_empty() { Severity::Warning } else { Severity::Critical };
    let releases = Some(marshal.layout().releases());
    Bytecode { severity, uses, names: all_names, texts, releases, error: None }
}

fn add_name(uses: &mut Vec<String>, name: &str) {
    if CODE_NAMES.contains(&name) && !uses.iter().any(|u| u.split('.').any(|part| part == name)) {
        add(uses, name.to_owned());
    }
}

fn add(uses: &mut Vec<String>, what: String) {
    if uses.len() < SHOWN && !uses.contains(&what) {
        uses.push(what);
    }
}

/// Runs of letters, digits and underscores in bytes, up to a bound.
fn words(bytes: &[u8]) -> impl Iterator<Item = &str> {
    let head = bytes.get(..64 << 10).unwrap_or(bytes);
    head.split(|b| !(b.is_ascii_alphanumeric() || *b == b'_')).filter_map(|w| std::str::from_utf8(w).ok())
}
