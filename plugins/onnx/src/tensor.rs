//! `TensorProto`: where a tensor's bytes are, inline or in a file beside the model.
//!
//! The file is named by the model, joined to the model's folder and opened by the loader. Each of onnx and ONNX Runtime was led out of
//! the folder by it: `../` (CVE-2022-25882), `a/../../b` (CVE-2024-27318), links (CVE-2026-34447), and keys that the loader set as
//! attributes (CVE-2026-34445).

use modelaudit_paths::{Root, classify};
use modelaudit_plugin::{Finding, Severity, Span, Tensor, clip, escape, quote};
use modelaudit_protobuf::{Malformed, Message};
use modelaudit_rules::files::{S405, S409};
use modelaudit_rules::frameworks::S1116;

use crate::graph::Scan;
use crate::schema;

/// Dimensions that are kept.
const MAX_RANK: usize = 64;
/// The longest path that is read; no file system allows as much.
const LONGEST_PATH: u32 = 8192;
/// Distinct locations that are remembered.
const MAX_LOCATIONS: usize = 10_000;

/// Keys of `external_data` (onnx.proto3, and what ONNX Runtime adds for weights it has packed).
const KEYS: &[&str] = &["location", "offset", "length", "checksum", "basepath", "sha1"];
const PREPACKED: &str = "prepacked_";
/// The location by which ONNX Runtime marks tensors in memory: the offset is then an address of the process
/// (`kTensorProtoMemoryAddressTag`, onnxruntime/core/framework/tensorprotoutils.h). It has no place in a file.
const MEMORY_TAGS: &[&str] = &["*/_ORT_MEM_ADDR_/*", "*/_ORT_NATIVE_ENDIAN_MEM_ADDR_/*"];

/// Entries of one tensor's `external_data` that are read.
const MAX_ENTRIES: usize = 64;

/// A `TensorProto` as far as it matters.
#[derive(Default)]
struct Head {
    dims: Vec<u64>,
    data_type: u64,
    name: String,
    raw: Option<Span>,
    /// A list of floats or doubles that stands in one piece, as good as raw bytes: the span and bytes of an element.
    list: Option<(Span, u64)>,
    external: Vec<Span>,
    is_external: bool,
}

impl Scan<'_, '_> {
    /// Reads a tensor, says what is wrong with it and returns its name; one without a name is called after `owner`.
    pub fn tensor(&mut self, mut message: Message, owner: &str) -> Result<String, Malformed> {
        let at = message.position();
        let mut head = Head::default();
        while let Some(field) = self.walker.next(&mut message)? {
            match field.number {
                1 => self.walker.varints(&field, MAX_RANK, &mut head.dims)?,
                2 => head.data_type = field.varint().unwrap_or(0),
                4 => head.list = head.list.or(field.bytes().map(|span| (span, 4))),
                10 => head.list = head.list.or(field.bytes().map(|span| (span, 8))),
                8 => head.name = escape(&self.walker.text(field.span(), 256)),
                9 => head.raw = field.bytes(),
                13 if head.external.len() < MAX_ENTRIES => head.external.extend(field.bytes()),
                14 => head.is_external = field.varint() == Some(1),
                _ => self.known(&field, schema::TENSOR, "a tensor"),
            }
        }
        self.tensors += 1;
        let own = head.name.clone();
        if own.is_empty() {
            head.name = owner.to_owned();
        }
        let span = Span::new(at, message.position().saturating_sub(at));
        self.place(&head, span);
        if !head.external.is_empty() || head.is_external {
            self.external(&head, span)?;
        }
        Ok(own)
    }

    /// Names the tensor and compares its inline bytes with its shape.
    fn place(&mut self, head: &Head, span: Span) {
        let known = schema::data_type(head.data_type);
        let bytes = known.and_then(|(_, bits)| schema::tensor_bytes(&head.dims, bits));
        if let (Some((_, bits)), None) = (known, bytes) {
            let what = format!(
                "has dimensions {:?} of {bits} bits, which no memory holds",
                head.dims.iter().map(|d| *d as i64).collect::<Vec<_>>()
            );
            self.bad_tensors.add(&head.name, span.within(self.size), || what);
            return;
        }
        let dtype = known.map_or_else(|| format!("onnx-{}", head.data_type), |(name, _)| name.to_owned());
        if head.data_type != 0 && self.dtypes.len() < 64 && !self.dtypes.contains(&dtype) {
            self.dtypes.insert(dtype.clone());
        }
        // Complex numbers stand in these lists as two, so only the types of one list element are compared.
        let list = head.list.filter(|(_, width)| matches!((head.data_type, width), (1, 4) | (11, 8)));
        let inside = |at: &Span| at.end() <= self.size;
        if let Some(raw) = head.raw.or(list.map(|(span, _)| span)).filter(inside) {
            if let Some(bytes) = bytes.filter(|bytes| *bytes != raw.length && head.data_type != 8 && !head.is_external)
            {
                let what = format!("holds {} bytes, its shape and type need {bytes}", raw.length);
                self.bad_tensors.add(&head.name, Span::new(raw.offset, 0), || what);
            }
            if self.named < MAX_NAMED {
                self.named += 1;
                self.sink.tensor(Tensor { name: clip(&head.name, 256), dtype, shape: head.dims.clone(), at: raw });
            }
        }
        if let Some(elements) = schema::tensor_bytes(&head.dims, 8) {
            self.parameters = self.parameters.saturating_add(elements);
        }
    }

    /// Says which files of external data are not beside the model. Somebody may have fetched the model alone: a fact, no alarm.
    pub fn missing(&mut self) {
        let siblings = self.artifact.siblings();
        let beside = |name: &str| siblings.iter().any(|s| s == name || s.rsplit('/').next() == Some(name));
        let plain = self.locations.iter().filter_map(|path| std::str::from_utf8(path).ok());
        let plain: Vec<&str> = plain.map(|p| p.strip_prefix("./").unwrap_or(p)).filter(|p| is_plain(p)).collect();
        let missing: Vec<&str> = plain.iter().copied().filter(|name| !beside(name)).collect();
        let Some(first) = missing.first().filter(|_| !siblings.is_empty()) else { return };
        let message = format!(
            "{} of {} files with external data are not beside the model, the first is {}",
            missing.len(),
            plain.len(),
            quote(first)
        );
        let names: Vec<String> = missing.iter().take(10).map(|m| clip(&escape(m), 120)).collect();
        let finding = Finding::new(&S1116, message).severity(Severity::Info);
        self.sink.finding(finding.detail("missing", names.join(", ")));
    }

    fn external(&mut self, head: &Head, span: Span) -> Result<(), Malformed> {
        let span = span.within(self.size);
        let mut seen: Vec<String> = Vec::new();
        let mut location: Option<(Vec<u8>, Span)> = None;
        let mut wrong: Option<String> = None;
        let mut length = None;
        for entry in &head.external {
            let (mut key, mut value) = (String::new(), Span::default());
            let mut message = Message::over(*entry);
            while let Some(field) = self.walker.next(&mut message)? {
                match field.number {
                    1 => key = escape(&self.walker.text(field.span(), 256)),
                    2 => value = field.span(),
                    _ => {}
                }
            }
            let text = self.walker.read(value, LONGEST_PATH);
            match key.as_str() {
                "location" => location = Some((text, value)),
                "offset" | "length" => match number(&text) {
                    Some(n) if key == "length" => length = Some(n),
                    Some(_) => {}
                    None => wrong = Some(format!("has the {key} {}", quote(&text))),
                },
                known if KEYS.contains(&known) || known.starts_with(PREPACKED) => {}
                other => wrong = Some(format!("has the key {}, which the format does not know", quote(other))),
            }
            if seen.contains(&key) {
                wrong = Some(format!("has the key {} twice", quote(&key)));
            }
            seen.push(key);
        }
        let known = schema::data_type(head.data_type);
        let bytes = known.and_then(|(_, bits)| schema::tensor_bytes(&head.dims, bits)).filter(|_| head.data_type != 8);
        if let (Some(length), Some(bytes)) = (length, bytes)
            && length < bytes
        {
            wrong.get_or_insert(format!("has {length} bytes, its shape and type need {bytes}"));
        }
        match location {
            Some((path, at)) => self.location(&path, at, &head.name),
            None => {
                wrong.get_or_insert("names no file".to_owned());
            }
        }
        if let Some(what) = wrong {
            self.bad_external.add(&head.name, span, || what);
        }
        Ok(())
    }

    /// Judges the path of a file, once for each distinct one.
    fn location(&mut self, path: &[u8], at: Span, tensor: &str) {
        if self.locations.len() >= MAX_LOCATIONS || !self.locations.insert(path.to_vec()) {
            return;
        }
        let at = at.within(self.size);
        let class = classify(path);
        let subject = format!("external data of tensor {}", quote(tensor));
        let finding = if MEMORY_TAGS.iter().any(|tag| path == tag.as_bytes()) {
            let message = format!("{subject} is an address in the memory of the process that loads the model");
            Finding::new(&S1116, message).severity(Severity::Critical)
        } else if class.escapes() {
            let nested = class.root == Root::Relative && !path.starts_with(b"..");
            let cve = if nested { "CVE-2024-27318" } else { "CVE-2022-25882" };
            let message = format!("{subject} is read from {}, which {}", quote(path), class.reason());
            let finding = Finding::new(&S405, message).detail("cve", cve);
            match class.system_folder {
                Some(folder) => finding.detail("system_folder", folder),
                None => finding,
            }
        } else if class.nul || class.control || class.bidi {
            let message = format!("{subject} is read from {}, a path that is not what it looks like", quote(path));
            Finding::new(&S1116, message)
        } else if class.root == Root::Home {
            Finding::new(&S409, format!("{subject} is read from {}", quote(path)))
        } else if class.device_name {
            Finding::new(&S1116, format!("{subject} is read from {}, a device", quote(path)))
        } else {
            return;
        };
        self.sink.finding(
            finding
                .at(at.offset, at.length)
                .element(clip(tensor, 120))
                .detail("location", clip(&escape(&String::from_utf8_lossy(path)), 512)),
        );
    }
}

/// Tensors handed to the host; beyond it only their number is of use.
const MAX_NAMED: u64 = 100_000;

/// A decimal number that is no negative offset and no overflow.
fn number(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    text.parse::<u64>().ok().filter(|n| i64::try_from(*n).is_ok())
}

/// The name of a file in the model's own folder.
fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['/', '\\', '\0'])
        && classify(path.as_bytes()).root == Root::Relative
        && path != ".."
}
