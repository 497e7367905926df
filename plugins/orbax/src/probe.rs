//! Which JSON documents belong to a checkpoint of JAX or to a Zarr array, by their first bytes.

/// The format's id.
pub const FORMAT: &str = "orbax-json";

/// Keys that only such documents have.
const TELLING: &[&str] =
    &["tree_metadata", "item_handlers", "array_metadatas", "zarr_format", "zarr_consolidated_format", "restore_fn"];

/// Keys that tell one together.
const TOGETHER: &[&[&str]] = &[
    // `.zarray` whose element type is a long list of fields.
    &["chunks", "dtype", "compressor"],
    // Specifications of TensorStore.
    &["driver", "kvstore"],
    &["driver", "base_url"],
    &["driver", "bucket"],
    &["driver", "base"],
];

/// True if the head of a file is that of such a document.
pub fn fits(head: &[u8]) -> bool {
    let start = head.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf));
    let head = head.get(start.unwrap_or(0)..).unwrap_or_default();
    if head.first() != Some(&b'{') {
        return false;
    }
    TELLING.iter().any(|key| has_key(head, key))
        || TOGETHER.iter().any(|keys| keys.iter().all(|key| has_key(head, key)))
        // `_sharding` holds JSON in texts.
        || contains(head, br#"\"sharding_type\""#)
}

fn has_key(head: &[u8], key: &str) -> bool {
    let quoted = [b"\"", key.as_bytes(), b"\""].concat();
    head.windows(quoted.len()).enumerate().filter(|(_, window)| *window == quoted).any(|(at, _)| {
        let rest = head.get(at + quoted.len()..).unwrap_or_default();
        rest.trim_ascii_start().first().is_none_or(|next| *next == b':')
    })
}

fn contains(head: &[u8], text: &[u8]) -> bool {
    head.windows(text.len()).any(|window| window == text)
}
