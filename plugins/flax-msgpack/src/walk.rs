//! Goes through the values with a stack of its own and skips every array's bytes.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use modelaudit_executable_headers::identify;
use modelaudit_paths::{Parents, Root, classify};
use modelaudit_pickle_machine::is_pickle;
use modelaudit_pickle_policy::suspicious_text;
use modelaudit_plugin::{Artifact, Finding, Reader, Severity, Sink, Span, Tensor, clip, escape, quote};
use modelaudit_rules::flax::{S1140, S1141, S1142, S1143};
use modelaudit_rules::structure::{S902, S910, S911};

use crate::array::{self, Array};
use crate::policy::SPECIAL_KEYS;
use crate::token::{HEAD, Token, token};

/// Archives and compressed files, by magics of at least four bytes: shorter ones stand in random data, too.
const ARCHIVES: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b\x08\x00", "gzip data"),
    (b"\x1f\x8b\x08\x08", "gzip data"),
    (b"BZh91AY&SY", "bzip2 data"),
    (b"\xfd7zXZ\x00", "xz data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x89HDF\r\n\x1a\n", "HDF5 data"),
];
/// Levels of nesting. msgpack for Python stops at 512 (1024 in C); models have about ten.
const MAX_DEPTH: usize = 512;
/// Keys of open maps that are checked for duplicates, eight bytes each.
const MAX_KEYS: usize = 1 << 22;
/// Longest key that is kept whole.
const MAX_KEY: u64 = 64 << 10;
/// Bytes of a text that are looked at.
const MAX_TEXT: u64 = 16 << 10;
/// Bytes of a value that are looked at for a foreign file.
const HEAD_LENGTH: u64 = 4096;
/// Shorter values hold no file.
const MIN_PAYLOAD: u64 = 16;
/// Findings of one file.
const MAX_FINDINGS: usize = 500;
/// Element types that are listed.
const MAX_TYPES: usize = 64;
/// Tensors that are named.
const MAX_TENSORS: u64 = 500_000;

/// An open map or list.
struct Open {
    left: u64,
    is_map: bool,
    wants_key: bool,
    /// Length of the path before this value's own name.
    path: usize,
    keys: HashSet<u64>,
    index: u64,
}

pub(crate) struct Walker<'w> {
    artifact: &'w dyn Artifact,
    reader: Reader<'w>,
    sink: &'w mut dyn Sink,
    open: Vec<Open>,
    /// Names from the root on, joined with `/`.
    path: String,
    keys: usize,
    tensors: u64,
    parameters: u64,
    findings: usize,
    /// Element types, for the inventory.
    dtypes: BTreeSet<String>,
    /// A special key whose value comes next: its finding is made with what it names.
    special: Option<(String, Span)>,
    duplicate: bool,
}

/// Walks the whole artifact.
pub(crate) fn walk<'w>(artifact: &'w dyn Artifact, sink: &'w mut dyn Sink) {
    let reader = Reader::new(artifact);
    let (open, path) = (Vec::new(), String::new());
    let mut walker = Walker {
        artifact,
        reader,
        sink,
        open,
        path,
        keys: 0,
        tensors: 0,
        parameters: 0,
        findings: 0,
        dtypes: BTreeSet::new(),
        special: None,
        duplicate: false,
    };
    if let Err(reason) = walker.run() {
        walker.sink.incomplete(&reason);
    }
    walker.sink.fact_number("tensor_count", walker.tensors);
    walker.sink.fact_number("parameters", walker.parameters);
    let dtypes: Vec<String> = std::mem::take(&mut walker.dtypes).into_iter().collect();
    walker.sink.fact_text("framework", "flax");
    walker.sink.fact_list("dtypes", &dtypes);
    if walker.findings > MAX_FINDINGS {
        let more = walker.findings - MAX_FINDINGS;
        walker.sink.incomplete(&format!("{more} more findings are not listed"));
    }
}

impl Walker<'_> {
    fn run(&mut self) -> Result<(), String> {
        let mut values = 0u64;
        loop {
            while self.open.last().is_some_and(|o| o.left == 0) {
                if let Some(closed) = self.open.pop() {
                    self.path.truncate(closed.path);
                    self.keys = self.keys.saturating_sub(closed.keys.len());
                }
            }
            if self.open.is_empty() && values > 0 {
                break;
            }
            values += 1;
            if values.is_multiple_of(4096) {
                self.sink.progress(self.reader.position());
            }
            self.value()?;
        }
        self.trailing();
        Ok(())
    }

    /// Reads the next key or value.
    fn value(&mut self) -> Result<(), String> {
        let start = self.reader.position();
        let is_key = match self.open.last_mut() {
            None => false,
            Some(open) if open.is_map && open.wants_key => {
                open.wants_key = false;
                self.path.truncate(open.path);
                true
            }
            Some(open) => {
                open.left -= 1;
                open.wants_key = true;
                if !open.is_map {
                    let index = open.index;
                    open.index += 1;
                    self.path.truncate(open.path);
                    push_name(&mut self.path, &index.to_string());
                }
                false
            }
        };
        let Some((found, head)) = token(self.reader.peek(HEAD)) else {
            return Err(format!("the file ends inside a value at offset {start}"));
        };
        self.reader.skip(head as u64).map_err(|e| format!("the file ends inside a value: {e}"))?;
        if is_key {
            return self.key(found, start);
        }
        // What a special key names is part of its finding, not another one.
        let named = !matches!(found, Token::Map(_) | Token::Array(_)) && self.name_special(found);
        match found {
            Token::Never => {
                let message = format!("the byte 0xc1 at offset {start}, which msgpack never uses");
                self.report(Finding::new(&S902, message.clone()).at(start, 1));
                Err(format!("{message}: nothing was read behind it"))
            }
            Token::Map(count) => self.begin(u64::from(count), true, start),
            Token::Array(count) => self.begin(u64::from(count), false, start),
            Token::Unsigned(_) | Token::Scalar => Ok(()),
            Token::Text(length) => {
                let at = self.content(length, start)?;
                if !named {
                    self.text(at);
                }
                self.after(at)
            }
            Token::Bytes(length) => {
                let at = self.content(length, start)?;
                self.payload(at);
                self.after(at)
            }
            Token::Extension(kind, length) => {
                let at = self.content(length, start)?;
                self.extension(kind, at, start);
                self.after(at)
            }
        }
    }

    /// The place of a content of that length, if it is all there.
    fn content(&self, length: u32, start: u64) -> Result<Span, String> {
        let at = Span::new(self.reader.position(), u64::from(length));
        if at.end() > self.artifact.size() {
            let left = self.artifact.size().saturating_sub(at.offset);
            return Err(format!("the value at offset {start} has {length} bytes, {left} are left: the file is cut"));
        }
        Ok(at)
    }

    fn after(&mut self, at: Span) -> Result<(), String> {
        self.reader.seek_to(at.end()).map_err(|e| e.to_string())
    }

    fn begin(&mut self, count: u64, is_map: bool, start: u64) -> Result<(), String> {
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH} levels at offset {start}: nothing was read behind it"));
        }
        let least = if is_map { count.saturating_mul(2) } else { count };
        if least > self.reader.remaining() {
            let left = self.reader.remaining();
            return Err(format!(
                "the container at offset {start} has {count} entries, {left} bytes are left: the file is cut"
            ));
        }
        if let Some((key, at)) = self.special.take() {
            let preview = preview(self.reader.peek(512), count);
            self.special_finding(&key, at, &preview);
        }
        self.open.push(Open {
            left: count,
            is_map,
            wants_key: true,
            path: self.path.len(),
            keys: HashSet::new(),
            index: 0,
        });
        Ok(())
    }

    fn key(&mut self, found: Token, start: u64) -> Result<(), String> {
        let (Token::Text(length) | Token::Bytes(length)) = found else {
            // A container as a key can't be a dictionary's; other keys have no name.
            return match found {
                Token::Map(_) | Token::Array(_) | Token::Never => {
                    let message = format!("a map's key at offset {start} is a container, which no reader accepts");
                    self.report(Finding::new(&S902, message.clone()).at(start, 1));
                    Err(format!("{message}: nothing was read behind it"))
                }
                Token::Extension(_, length) => {
                    let at = self.content(length, start)?;
                    push_name(&mut self.path, "?");
                    self.after(at)
                }
                Token::Unsigned(number) => {
                    push_name(&mut self.path, &number.to_string());
                    Ok(())
                }
                _ => {
                    push_name(&mut self.path, "?");
                    Ok(())
                }
            };
        };
        let at = self.content(length, start)?;
        let bytes = self.reader.read_vec(at.length.min(MAX_KEY)).map_err(|e| e.to_string())?;
        self.after(at)?;
        self.unique(&bytes, at);
        let name = String::from_utf8_lossy(&bytes).into_owned();
        push_name(&mut self.path, &clip(&escape(&name), 400));
        if SPECIAL_KEYS.contains(&name.as_str()) {
            self.special = Some((name, at));
            return Ok(());
        }
        let class = classify(&bytes);
        let system = class.root == Root::Absolute && class.system_folder.is_some();
        if class.parents == Parents::Outside || system || matches!(class.root, Root::Drive | Root::DeviceNamespace) {
            let reason = if class.reason().is_empty() { "climbs out of its folder" } else { class.reason() };
            let message = format!("the key {} {reason}", quote(&bytes));
            self.report(Finding::new(&S1141, message).at(at.offset, at.length));
        } else if let Some(what @ ("Python code" | "shell commands")) = suspicious_text(&name) {
            let message = format!("a key is {what}: {}", quote(&bytes));
            self.report(Finding::new(&S1140, message).at(at.offset, at.length));
        }
        Ok(())
    }

    fn unique(&mut self, key: &[u8], at: Span) {
        let Some(open) = self.open.last_mut() else { return };
        if self.keys >= MAX_KEYS {
            return;
        }
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        if open.keys.insert(hasher.finish()) {
            self.keys += 1;
        } else if !self.duplicate {
            self.duplicate = true;
            let message = format!("the key {} stands twice in its map: readers keep the first or the last", quote(key));
            self.report(Finding::new(&S910, message).at(at.offset, at.length));
        }
    }

    /// Makes the finding of a special key whose value is no container. False if there is no such key.
    fn name_special(&mut self, found: Token) -> bool {
        let Some((key, at)) = self.special.take() else { return false };
        let value = match found {
            Token::Text(length) | Token::Bytes(length) => {
                let length = usize::try_from(u64::from(length).min(200)).unwrap_or(200);
                String::from_utf8_lossy(self.reader.peek(length)).into_owned()
            }
            _ => String::new(),
        };
        self.special_finding(&key, at, &value);
        true
    }

    fn special_finding(&mut self, key: &str, at: Span, value: &str) {
        let names = if value.is_empty() { String::new() } else { format!(" with the value {}", quote(value)) };
        let message = format!("the key {} is a special name of Python{names}", quote(key));
        let finding = Finding::new(&S1140, message).at(at.offset, at.length);
        let finding = if value.is_empty() { finding } else { finding.detail("value", clip(&escape(value), 200)) };
        self.report(finding);
    }

    fn text(&mut self, at: Span) {
        let length = usize::try_from(at.length.min(MAX_TEXT)).unwrap_or(0);
        let bytes = self.reader.peek(length);
        let bytes = bytes.get(..length).unwrap_or(bytes).to_vec();
        let text = String::from_utf8_lossy(&bytes);
        if let Some(what @ ("Python code" | "shell commands")) = suspicious_text(&text) {
            let message = format!("a text is {what}: {}", quote(&bytes));
            self.report(Finding::new(&S1140, message).at(at.offset, at.length));
        }
    }

    /// A file inside bytes: reported, and handed on to be scanned.
    fn payload(&mut self, at: Span) {
        if at.length < MIN_PAYLOAD {
            return;
        }
        let length = usize::try_from(at.length.min(HEAD_LENGTH)).unwrap_or(0);
        let head = self.reader.peek(length);
        let head = head.get(..length).unwrap_or(head);
        let what = if is_pickle(head, at.length) {
            "a pickle".to_owned()
        } else if let Some((_, what)) = ARCHIVES.iter().find(|(magic, _)| head.starts_with(magic)) {
            (*what).to_owned()
        } else if let Some(kind) = identify(head, at.length) {
            kind.title()
        } else {
            return;
        };
        let message = format!("a binary value is {what}");
        self.report(Finding::new(&S1143, message).at(at.offset, at.length));
        self.sink.embed(&format!("{}.data", clip(&self.path, 200)), at, "");
    }

    fn extension(&mut self, kind: i8, at: Span, start: u64) {
        match kind {
            1 | 3 => match array::parse(&mut self.reader, at) {
                Ok(array) => self.array(array),
                Err(reason) => {
                    let message = format!("the array at offset {start} is not one of Flax: {reason}");
                    self.report(Finding::new(&S1142, message).at(at.offset, at.length));
                    if self.reader.seek_to(at.offset).is_ok() {
                        self.payload(at);
                    }
                }
            },
            // A complex number, a time stamp.
            2 | -1 => {}
            _ => {
                let message = format!("the extension type {kind} is none of Flax");
                self.report(Finding::new(&S1142, message).severity(Severity::Info).at(at.offset, at.length));
                self.payload(at);
            }
        }
    }

    fn array(&mut self, array: Array) {
        let Array { shape, dtype, data } = array;
        if array::is_object(&dtype) {
            let message = format!(
                "an array's element type is {}: its {} bytes are pickled Python objects",
                quote(&dtype),
                data.length
            );
            self.report(
                Finding::new(&S1142, message).at(data.offset, data.length).detail("dtype", clip(&escape(&dtype), 64)),
            );
            if data.length > 1 {
                self.sink.embed(&format!("{}.pkl", clip(&self.path, 200)), data, "pickle");
            }
            return;
        }
        let count = shape.iter().try_fold(1u64, |product, d| product.checked_mul(*d));
        let known = array::element(&dtype);
        if let Some((_, size)) = known {
            let wanted = count.and_then(|n| n.checked_mul(size));
            if wanted != Some(data.length) {
                let shape: Vec<String> = shape.iter().map(u64::to_string).collect();
                let message = format!(
                    "an array of shape ({}) and type {} has {} bytes",
                    shape.join(", "),
                    quote(&dtype),
                    data.length
                );
                self.report(Finding::new(&S1142, message).at(data.offset, data.length));
                return;
            }
        } else {
            // Texts, structures and types of the future: their bytes are no weights.
            if self.reader.seek_to(data.offset).is_ok() {
                self.payload(data);
            }
        }
        self.tensors += 1;
        self.parameters = self.parameters.saturating_add(count.unwrap_or(0));
        let dtype = known.map_or_else(|| clip(&escape(&dtype), 64), |(name, _)| name.to_owned());
        if self.dtypes.len() < MAX_TYPES {
            self.dtypes.insert(dtype.clone());
        }
        if self.tensors <= MAX_TENSORS {
            self.sink.tensor(Tensor { name: clip(&self.path, 2000), dtype, shape, at: data });
        }
    }

    /// Bytes behind the outermost value: `msgpack.unpackb` refuses them, a streaming reader goes on.
    fn trailing(&mut self) {
        let at = Span::new(self.reader.position(), self.reader.remaining());
        if at.length == 0 {
            return;
        }
        let head = self.reader.peek(4096);
        if head.iter().all(|b| *b == 0) {
            return;
        }
        let message = format!("{} bytes follow the checkpoint's one value", at.length);
        self.report(Finding::new(&S911, message).at(at.offset, at.length));
        self.sink.embed("trailing_data", at, "");
    }

    fn report(&mut self, finding: Finding) {
        self.findings += 1;
        if self.findings > MAX_FINDINGS {
            return;
        }
        let finding = if self.path.is_empty() { finding } else { finding.element(clip(&self.path, 400)) };
        self.sink.finding(finding);
    }
}

fn push_name(path: &mut String, name: &str) {
    // A path of 512 long keys is of no use to anybody.
    if path.len() > 8192 {
        return;
    }
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(name);
}

/// The first texts of a container, for the message.
fn preview(bytes: &[u8], count: u64) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut position = 0usize;
    for _ in 0..count.min(16) {
        let rest = bytes.get(position..).unwrap_or_default();
        let Some((found, head)) = token(rest) else { break };
        position = position.saturating_add(head);
        if let Token::Text(length) | Token::Bytes(length) = found {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let text = bytes.get(position..position.saturating_add(length)).unwrap_or_default();
            texts.push(String::from_utf8_lossy(text).into_owned());
            position = position.saturating_add(length);
        }
        if texts.len() >= 4 || matches!(found, Token::Extension(..)) {
            break;
        }
    }
    texts.join(", ")
}
