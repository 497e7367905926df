//! The YAML front matter of model cards, as a flat list of fields.
//!
//! A model card is a README.md that begins with a YAML block between two lines of `---`; the hub takes licence, base model, tags and
//! data sets from it (<https://huggingface.co/docs/hub/model-cards>). Nothing here judges: the block is read as events with a bound on
//! nesting, number and length, and what stands before a mistake in the YAML is kept.

use modelaudit_plugin::Span;
use saphyr_parser::{Event, Parser};

/// Longest block that is read, in bytes; the hub's own cards with long evaluation results have 100 KB.
const LONGEST: usize = 256 << 10;
/// Fields that are kept.
const MOST_FIELDS: usize = 4096;
/// Levels of nesting that are read; `model-index` has six.
const DEEPEST: usize = 32;
/// Bytes of a value that are kept.
const LONGEST_VALUE: usize = 4096;

/// A scalar of the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The keys down to it, joined with `.`; items of a list have the list's key.
    pub key: String,
    /// The text, at most 4 KiB of it.
    pub value: String,
    /// Its bytes in the text that was given.
    pub at: Span,
}

/// The block of a card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrontMatter {
    /// Its scalars in the order of the file.
    pub fields: Vec<Field>,
    /// Offset of the first byte behind the block.
    pub body: usize,
}

impl FrontMatter {
    /// The fields of a key.
    pub fn all<'f>(&'f self, key: &'f str) -> impl Iterator<Item = &'f Field> + 'f {
        self.fields.iter().filter(move |f| f.key == key)
    }

    /// True if a field of that name stands at the top, or below it.
    pub fn has(&self, key: &str) -> bool {
        self.fields.iter().any(|f| f.key.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }
}

/// Reads the block that a text begins with; None if there is none.
pub fn front_matter(text: &str) -> Option<FrontMatter> {
    let unmarked = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mark = text.len() - unmarked.len();
    let first = unmarked.split_inclusive('\n').next()?;
    if first.trim_end() != "---" {
        return None;
    }
    let start = mark + first.len();
    let mut end = start;
    let mut body = None;
    for line in text.get(start..)?.split_inclusive('\n') {
        if line.trim_end() == "---" {
            body = Some(end + line.len());
            break;
        }
        end += line.len();
        if end - start > LONGEST {
            break;
        }
    }
    let body = body?;
    Some(FrontMatter { fields: fields(text.get(start..end)?, start), body })
}

/// What is open: a mapping (with the key whose value is next) or a list.
struct Frame {
    /// Length of the path above it.
    path: usize,
    /// In a mapping: whether a key is next.
    key_next: Option<bool>,
}

fn fields(yaml: &str, shift: usize) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut path = String::new();
    // The parser counts characters; positions only grow.
    let (mut chars, mut bytes) = (0, 0);
    for event in Parser::new_from_str(yaml) {
        let Ok((event, span)) = event else { break };
        if fields.len() >= MOST_FIELDS || frames.len() > DEEPEST {
            break;
        }
        match event {
            Event::MappingStart(..) => frames.push(Frame { path: path.len(), key_next: Some(true) }),
            Event::SequenceStart(..) => frames.push(Frame { path: path.len(), key_next: None }),
            Event::MappingEnd | Event::SequenceEnd => {
                if let Some(frame) = frames.pop() {
                    path.truncate(frame.path);
                }
                value_done(&mut frames, &mut path);
            }
            Event::Scalar(text, ..) => {
                let Some(frame) = frames.last_mut() else { continue };
                if frame.key_next == Some(true) {
                    if frame.path > 0 {
                        path.push('.');
                    }
                    path.extend(text.chars().take(128));
                    frame.key_next = Some(false);
                    continue;
                }
                if let Some(ahead) = span.start.index().checked_sub(chars) {
                    let rest = yaml.get(bytes..).unwrap_or_default();
                    bytes += rest.char_indices().nth(ahead).map_or(rest.len(), |(at, _)| at);
                    chars = span.start.index();
                }
                let rest = yaml.get(bytes..).unwrap_or_default();
                let length = rest.char_indices().nth(span.len()).map_or(rest.len(), |(at, _)| at);
                let value: String = text.chars().take(LONGEST_VALUE / 4).collect();
                let at = Span::new((shift + bytes) as u64, length as u64);
                fields.push(Field { key: path.clone(), value, at });
                value_done(&mut frames, &mut path);
            }
            Event::Alias(_) => value_done(&mut frames, &mut path),
            _ => {}
        }
    }
    fields
}

/// A value is complete: a mapping goes on with its next key.
fn value_done(frames: &mut [Frame], path: &mut String) {
    if let Some(frame) = frames.last_mut() {
        path.truncate(if frame.key_next.is_some() { frame.path } else { path.len() });
        frame.key_next = frame.key_next.map(|_| true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        front_matter(text).map(|f| f.fields.into_iter().map(|f| (f.key, f.value)).collect()).unwrap_or_default()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn fields_have_their_path_and_place() {
        let text = "---\nlanguage:\n- en\n- de\nlicense: apache-2.0 # ok\nmodel-index:\n- name: tiny\n  results:\n  - task: {type: x}\n    v: 1\nlast: \"ü\"\n---\n# body\n";
        let found = front_matter(text).unwrap();
        let expected = [
            ("language", "en"),
            ("language", "de"),
            ("license", "apache-2.0"),
            ("model-index.name", "tiny"),
            ("model-index.results.task.type", "x"),
            ("model-index.results.v", "1"),
            ("last", "ü"),
        ];
        assert_eq!(pairs(text), expected.map(|(k, v)| pair(k, v)));
        assert_eq!(&text[found.body..], "# body\n");
        for field in &found.fields {
            let at = &text[field.at.offset as usize..field.at.end() as usize];
            assert_eq!(at.trim_matches('"'), field.value, "{field:?}");
        }
        assert!(found.has("model-index") && found.has("last") && !found.has("model"));
    }

    #[test]
    fn only_a_closed_block_at_the_start_counts() {
        for text in ["", "---", "---\nlicense: mit\n", "text\n---\nlicense: mit\n---\n", "--- x\na: b\n---\n"] {
            assert_eq!(front_matter(text), None, "{text:?}");
        }
        assert_eq!(pairs("\u{feff}---\r\nlicense: mit\r\n---\r\n"), [pair("license", "mit")]);
        assert_eq!(pairs("---\n---\n"), []);
    }

    #[test]
    fn broken_and_bottomless_yaml_ends_early() {
        assert_eq!(pairs("---\nlicense: mit\n: : {\n---\n")[0], pair("license", "mit"));
        let deep = format!("---\na: {}1\n---\n", "[".repeat(10_000));
        assert!(pairs(&deep).is_empty());
        let many = format!("---\n{}---\n", "a: 1\n".repeat(20_000));
        assert_eq!(pairs(&many).len(), MOST_FIELDS);
        let aliases = "---\na: &x [1,2]\nb: [*x,*x]\nc: *x\nlicense: mit\n---\n";
        assert_eq!(pairs(aliases).last(), Some(&pair("license", "mit")));
    }
}
