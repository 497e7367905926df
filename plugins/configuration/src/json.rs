//! JSON, streamed: a tokenizer.json of 50 MB costs one pass and no tree.

use modelaudit_json::{Event, Limits, Parser};
use modelaudit_plugin::{Artifact, Reader, Sink, Slice, Span};

use crate::walk::{Scalar, Walk};

/// Bytes kept of a string: the longest chat templates have 30 KB.
const LONGEST: usize = 1 << 20;

/// Whether a text starts like a JSON document. `{{` and `{%` are templates, `{L` is UBJSON, `[2024-` a log.
pub(crate) fn looks_like_json(head: &[u8]) -> bool {
    let start = head.trim_ascii_start();
    let (open, rest) = match start {
        [open @ (b'{' | b'['), rest @ ..] => (*open, rest.trim_ascii_start()),
        _ => return false,
    };
    let control = start.iter().take(512).any(|b| *b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r'));
    if control {
        return false;
    }
    match (open, rest.first()) {
        (b'{', Some(b'"' | b'}')) => true,
        (b'[', Some(b'"' | b'{' | b']')) => true,
        (b'[', Some(b'[')) => looks_like_json(rest),
        (b'[', Some(b'0'..=b'9' | b'-' | b't' | b'f' | b'n')) => {
            let end = rest.iter().position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'.' | b'+' | b'-'));
            let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            let after = end.and_then(|e| rest.get(e..)).unwrap_or_default().trim_ascii_start();
            let number = std::str::from_utf8(word)
                .is_ok_and(|w| w.parse::<f64>().is_ok() || matches!(w, "true" | "false" | "null"));
            let goes_on = match after {
                [] | [b',', ..] => true,
                // A list of one number, and nothing behind it: `[1] Smith` is a footnote.
                [b']', behind @ ..] => behind.trim_ascii().is_empty(),
                _ => false,
            };
            number && goes_on
        }
        _ => false,
    }
}

/// Scans a JSON document, or several one after the other (JSON lines).
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let mut start = 0;
    let mut walk = Walk::new(artifact);
    let blanked = crate::comments::blanked(artifact);
    let slice = Slice(blanked.as_deref().unwrap_or_default());
    let artifact = if blanked.is_some() { &slice } else { artifact };
    let size = artifact.size();
    loop {
        let reader = Reader::over(artifact, Span::new(start, size - start));
        let mut parser = Parser::with_limits(reader, Limits { text: LONGEST, defects: 1, ..Limits::default() });
        let ended = document(&mut parser, &mut walk, sink);
        walk.reset(sink);
        if let Err(error) = ended {
            if start > 0 && !error.is_limit() && !error.is_end() {
                return Err(format!("what follows the first document is no JSON: {error}"));
            }
            return Err(error.to_string());
        }
        match parser.rest() {
            Some(next) if next > start => start = next,
            _ => break,
        }
    }
    walk.finish(sink);
    Ok(())
}

fn document(parser: &mut Parser<'_>, walk: &mut Walk, sink: &mut dyn Sink) -> Result<(), modelaudit_json::Error> {
    let mut events = 0u32;
    loop {
        let at = parser.position();
        let Some(event) = parser.event()? else { return Ok(()) };
        match event {
            Event::BeginObject(offset) => walk.begin(false, offset, sink),
            Event::BeginArray(offset) => walk.begin(true, offset, sink),
            Event::EndObject(offset) | Event::EndArray(offset) => walk.end(offset, sink),
            Event::Key(text) => walk.key(text.value, text.at, sink),
            Event::String(text) => walk.scalar(Scalar::Text(text.value, text.truncated), text.at, sink),
            Event::Number(number) => walk.scalar(Scalar::Other, number.at, sink),
            Event::Bool(value, offset) => {
                walk.scalar(Scalar::Bool(value), Span::new(offset, if value { 4 } else { 5 }), sink);
            }
            Event::Null(offset) => walk.scalar(Scalar::Other, Span::new(offset, 4), sink),
        }
        events = events.wrapping_add(1);
        if events.is_multiple_of(1 << 20) {
            sink.progress(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::looks_like_json;

    #[test]
    fn the_start_tells_json() {
        for text in ["{}", " {\n\"a\": 1", "[1, 2]", "[[0.5, 1]]", "[]", "[null,", "[ {", "[-1e-5,"] {
            assert!(looks_like_json(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "{{ x }}",
            "{% x %}",
            "{a: 1}",
            "[2024-01-01 10:00] started",
            "[section]\na=1",
            "{L\x00\x00",
            "[1] Smith",
            "a",
            "{",
        ] {
            assert!(!looks_like_json(text.as_bytes()), "{text}");
        }
    }
}
