//! Which JSON documents are OCI, Docker or Ollama ones, by their first bytes.

use modelaudit_json::{Event, Parser};
use modelaudit_plugin::{Slice, Span};

/// The format's id.
pub const FORMAT: &str = "oci-manifest";

/// True if the head of a file is that of such a document.
pub fn fits(head: &[u8]) -> bool {
    let start = head.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf));
    let head = head.get(start.unwrap_or(0)..).unwrap_or_default();
    match head.first() {
        Some(b'[') => is_docker_save(head),
        Some(b'{') => is_document(&keys(head)),
        _ => false,
    }
}

/// The list of images in the archive that `docker save` writes.
fn is_docker_save(head: &[u8]) -> bool {
    let has = |text: &[u8]| head.windows(text.len()).any(|window| window == text);
    has(b"\"Layers\"") && (has(b"\"Config\"") || has(b"\"RepoTags\"")) || has(b"\"Config\"") && has(b"\"RepoTags\"")
}

/// What a key of the top object says.
struct Top {
    key: String,
    /// Its value is a text with this beginning.
    text: Option<String>,
    /// Keys and texts below it.
    below: Vec<String>,
}

fn is_document(top: &[Top]) -> bool {
    let has = |key: &str| top.iter().any(|entry| entry.key == key);
    let below = |key: &str, wanted: &[&str]| {
        top.iter().any(|entry| entry.key == key && entry.below.iter().any(|text| wanted.contains(&text.as_str())))
    };
    let media = top.iter().any(|entry| {
        entry.key == "mediaType"
            && entry.text.as_deref().is_some_and(|text| {
                text.starts_with("application/vnd.oci.") || text.starts_with("application/vnd.docker.")
            })
    });
    let descriptor = ["digest", "mediaType"];
    let parts = ["layers", "manifests", "config", "blobs"].iter().any(|key| below(key, &descriptor));
    let archives = top.iter().any(|entry| {
        entry.key == "layers" && entry.below.iter().any(|text| text.ends_with(".tar.gz") || text.ends_with(".tar"))
    });
    let image = has("architecture") && (has("rootfs") || has("os") && (has("config") || has("history")));
    let kit = has("manifestVersion") && has("package") && ["model", "code", "datasets"].iter().any(|key| has(key));
    has("imageLayoutVersion")
        || media
        || has("schemaVersion") && (parts || has("layers") || has("manifests") || has("fsLayers"))
        || parts
        || archives
        || image
        || kit
}

/// Keys of the top object in the head of a document, which may break off anywhere.
fn keys(head: &[u8]) -> Vec<Top> {
    let artifact = Slice(head);
    let mut parser = Parser::new(&artifact, Span::new(0, head.len() as u64));
    let mut top: Vec<Top> = Vec::new();
    let mut depth = 0u32;
    while let Ok(Some(event)) = parser.event() {
        let (text, is_key) = match event {
            Event::BeginObject(_) | Event::BeginArray(_) => {
                depth += 1;
                continue;
            }
            Event::EndObject(_) | Event::EndArray(_) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Event::Key(text) => (text.value, true),
            Event::String(text) => (text.value, false),
            _ => continue,
        };
        match top.last_mut() {
            _ if depth == 1 && is_key => top.push(Top { key: text.to_owned(), text: None, below: Vec::new() }),
            Some(entry) if depth == 1 => entry.text = Some(text.to_owned()),
            Some(entry) => entry.below.push(text.to_owned()),
            None => {}
        }
    }
    top
}
