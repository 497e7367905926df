//! Metadata of Zarr arrays, versions 2 (`.zarray`) and 3 (`zarr.json`): <https://zarr-specs.readthedocs.io>.

use modelaudit_base64::decode;
use modelaudit_json::{Node, Value};
use modelaudit_plugin::{Finding, Severity, clip, escape, quote};
use modelaudit_rules::checkpoints::S1196;
use modelaudit_rules::structure::{S902, S904};

use crate::document::Findings;

/// Codecs that unpickle what they read. `numcodecs.pickles.Pickle` is the only one that zarr-python knows; the others are what
/// people register.
const PICKLES: &[&str] = &["cloudpickle", "dill", "joblib", "pickle"];

/// Bytes of a chunk that no real array has: a chunk is read into memory as a whole.
const CHUNK_LIMIT: u64 = 1 << 40;

/// Longest fill value that is decoded.
const FILL_LIMIT: usize = 1 << 20;

/// True for the metadata of an array.
pub fn is_array(node: &Node) -> bool {
    node.get("chunks").is_some() && node.get("dtype").is_some()
        || node.get("data_type").is_some() && node.get("codecs").is_some()
}

/// Judges an array.
pub fn judge(node: &Node, findings: &mut Findings<'_>) {
    let kind = node.get("dtype").or(node.get("data_type"));
    let objects = kind.is_some_and(holds_objects);
    let pickles = ["filters", "compressor", "codecs"].iter().flat_map(|key| node.all(key)).find_map(pickle_codec);
    let at = node.at;
    if let Some((codec, name)) = pickles {
        let message = format!("chunks of the array are unpickled by the codec {}", quote(name));
        findings.add(Finding::new(&S1196, message).at(codec.at.offset, codec.at.length));
    } else if objects {
        let message = "the array holds Python objects, through a codec that does not unpickle";
        findings.add(Finding::new(&S1196, message).severity(Severity::Info).at(at.offset, at.length));
    }
    // zarr-python 2 decodes the fill value of records with objects when the array is opened, with the array's own codec.
    if objects
        && let Some(text) = node.get("fill_value").and_then(Node::as_str)
        && let Some(bytes) = decode(text, FILL_LIMIT).filter(|bytes| bytes.len() > 1)
    {
        let mut child = findings.sink.child(&format!("fill value at {}", at.offset), "");
        if child.write(&bytes) {
            child.finish();
        }
    }
    shape(node, kind, findings);
}

/// Shape and chunks must fit each other.
fn shape(node: &Node, kind: Option<&Node>, findings: &mut Findings<'_>) {
    let grid = node.get("chunk_grid").and_then(|grid| grid.get("configuration")?.get("chunk_shape"));
    let (Some(shape), Some(chunks)) = (node.get("shape"), node.get("chunks").or(grid)) else { return };
    let sizes = |node: &Node| -> Option<Vec<u64>> { node.items().iter().map(Node::as_u64).collect() };
    // Chunks of differing sizes are lists in version 3.
    if chunks.items().iter().any(|chunk| matches!(chunk.value, Value::Array(_))) {
        return;
    }
    let what = match (sizes(shape), sizes(chunks)) {
        (Some(shape), Some(chunks)) if shape.len() != chunks.len() => {
            format!("the array has {} dimensions and chunks of {}", shape.len(), chunks.len())
        }
        (Some(shape), Some(chunks)) => {
            let zero = shape.iter().zip(&chunks).any(|(size, chunk)| *size > 0 && *chunk == 0);
            let item = kind.and_then(Node::as_str).and_then(item_size).unwrap_or(1);
            let bytes = chunks.iter().fold(item, |product, size| product.saturating_mul(*size));
            if bytes > CHUNK_LIMIT && !zero {
                let message = format!("a chunk of the array takes {bytes} bytes of memory");
                findings.add(Finding::new(&S904, message).at(chunks_at(node).offset, chunks_at(node).length));
            }
            if !zero {
                return;
            }
            "a chunk of the array has no length".to_owned()
        }
        _ => "the shape of the array is no list of lengths".to_owned(),
    };
    findings.add(Finding::new(&S902, clip(&escape(&what), 300)).at(node.at.offset, node.at.length));
}

fn chunks_at(node: &Node) -> modelaudit_plugin::Span {
    node.get("chunks").or(node.get("chunk_grid")).map_or(node.at, |chunks| chunks.at)
}

/// Bytes of one element: the number at the end of `<f4`, `float32`.
fn item_size(kind: &str) -> Option<u64> {
    let digits: String = kind.chars().rev().take_while(char::is_ascii_digit).collect();
    let number: u64 = digits.chars().rev().collect::<String>().parse().ok()?;
    let bits = kind.len() > 3 && kind.starts_with(|first: char| first.is_ascii_alphabetic());
    Some(if bits { number / 8 } else { number })
}

/// True for an element type of Python objects, alone or in a record.
fn holds_objects(kind: &Node) -> bool {
    kind.walk().filter_map(|(_, node)| node.as_str()).any(|text| {
        let letter = text.trim_start_matches(['<', '>', '|', '=']);
        letter == "O" || letter == "object" || letter.strip_prefix('O').is_some_and(|size| size.parse::<u8>().is_ok())
    })
}

/// The codec among these that unpickles, and its name.
fn pickle_codec(codecs: &Node) -> Option<(&Node, &str)> {
    codecs.walk().find_map(|(key, node)| {
        // In a list a codec may be its name alone.
        let name = node.as_str().filter(|_| matches!(key, None | Some("id" | "name")))?;
        let last = name.rsplit(['.', '/', ':']).next().unwrap_or(name).to_ascii_lowercase();
        PICKLES.contains(&last.as_str()).then_some((node, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_elements() {
        assert_eq!(item_size("<f4"), Some(4));
        assert_eq!(item_size("float32"), Some(4));
        assert_eq!(item_size("|O"), None);
        assert_eq!(item_size("|S12"), Some(12));
    }
}
