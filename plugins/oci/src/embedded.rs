//! Content that stands in the document itself, as base64 in `data`.

use modelaudit_base64::{Decoder, Step};
use modelaudit_json::{Node, Value};
use modelaudit_plugin::{Artifact, ChildWriter, Finding, Reader, Sink, Span, clip, escape};
use modelaudit_rules::containers::S1190;
use modelaudit_rules::structure::{S901, S910};
use sha2::{Digest as _, Sha256};

use crate::digest::{self, Digest};
use crate::findings::Findings;

/// What the descriptor says of its content.
pub struct Promise<'p> {
    /// Where it stands: `layer 3`.
    pub what: &'p str,
    /// Its media type, may be empty.
    pub media_type: &'p str,
    /// Its digest.
    pub digest: Option<&'p str>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// The file name that it is unpacked to.
    pub title: Option<&'p str>,
}

/// Decodes the content into a child and holds it against the descriptor; false if it is no text.
pub fn hand_over(artifact: &dyn Artifact, data: &Node, promise: &Promise<'_>, findings: &mut Findings<'_>) -> bool {
    let what = promise.what;
    if !matches!(data.value, Value::String(_)) {
        let message = format!("the data of {what} are no text");
        findings.add(Finding::new(&S1190, message).at(data.at.offset, data.at.length));
        return false;
    }
    let name = promise.title.map_or_else(|| format!("{what} (data)"), |title| clip(&escape(title), 500));
    let decoded = decode(artifact, data.at, &name, findings.sink);
    if decoded.refused {
        return true;
    }
    if let Some(offset) = decoded.wrong {
        let message = format!("the data of {what} are no base64 at offset {offset}");
        findings.add(Finding::new(&S1190, message).at(offset, 1));
        findings.sink.incomplete(&format!("the data of {what} were decoded only up to offset {offset}"));
        return true;
    }
    let mut differs = Vec::new();
    if let Some(size) = promise.size.filter(|size| *size != decoded.length) {
        differs.push(format!("{} bytes where the descriptor says {size}", decoded.length));
    }
    if let Some(Digest::Sha256(wanted)) = promise.digest.map(digest::parse)
        && wanted != decoded.sha256
    {
        differs.push("another digest than the descriptor says".to_owned());
    }
    if !differs.is_empty() {
        let message = format!("the data of {what} have {}", differs.join(" and "));
        findings.add(Finding::new(&S910, message).at(data.at.offset, data.at.length));
    }
    let packed = promise.media_type.ends_with("+gzip") || promise.media_type.ends_with(".gzip");
    if packed && !decoded.head.starts_with(b"\x1f\x8b") {
        let message = format!("the data of {what} are no gzip, which their media type says");
        findings.add(Finding::new(&S901, message).at(data.at.offset, data.at.length));
    }
    true
}

struct Decoded {
    length: u64,
    sha256: String,
    head: Vec<u8>,
    /// Where something stands that is not of the alphabet.
    wrong: Option<u64>,
    /// The host took no more.
    refused: bool,
}

/// Decodes the literal at `at`, quotes included, block by block.
fn decode(artifact: &dyn Artifact, at: Span, name: &str, sink: &mut dyn Sink) -> Decoded {
    let mut reader = Reader::over(artifact, at);
    let mut child: Option<Box<dyn ChildWriter>> = None;
    let mut hash = Sha256::new();
    let mut decoded = Decoded { length: 0, sha256: String::new(), head: Vec::new(), wrong: None, refused: false };
    let mut decoder = Decoder::default();
    let mut escaped = false;
    let mut out = Vec::new();
    'blocks: loop {
        let start = reader.position();
        let block = reader.buffered();
        if block.is_empty() {
            break;
        }
        let length = block.len();
        for (index, byte) in block.iter().enumerate() {
            let was_escaped = std::mem::take(&mut escaped);
            let step = match byte {
                b'n' | b'r' if was_escaped => continue,
                b'"' => continue,
                // JSON may write a slash as `\/`, and some writers leave line ends in, as `\n`.
                b'\\' => {
                    escaped = true;
                    continue;
                }
                byte => decoder.push(*byte),
            };
            match step {
                Step::More => {}
                Step::Byte(byte) => out.push(byte),
                Step::Wrong => {
                    decoded.wrong = Some(start + index as u64);
                    break 'blocks;
                }
            }
        }
        if !pass(&mut out, &mut decoded, &mut hash, &mut child, name, sink) {
            return decoded;
        }
        if reader.skip(length as u64).is_err() {
            break;
        }
    }
    if pass(&mut out, &mut decoded, &mut hash, &mut child, name, sink)
        && let Some(child) = child
    {
        child.finish();
    }
    decoded.sha256 = digest::hexadecimal(&hash.finalize());
    decoded
}

/// Hands decoded bytes on; false if the host takes no more.
fn pass(
    out: &mut Vec<u8>,
    decoded: &mut Decoded,
    hash: &mut Sha256,
    child: &mut Option<Box<dyn ChildWriter>>,
    name: &str,
    sink: &mut dyn Sink,
) -> bool {
    if out.is_empty() {
        return true;
    }
    hash.update(&*out);
    decoded.length += out.len() as u64;
    let room = 4usize.saturating_sub(decoded.head.len());
    decoded.head.extend(out.iter().take(room));
    decoded.refused = !child.get_or_insert_with(|| sink.child(name, "")).write(out);
    out.clear();
    !decoded.refused
}
