//! Models in UBJSON, draft 12 (big-endian), as XGBoost's `UBJReader` reads it: markers, lengths, typed lists.

use modelaudit_plugin::{Artifact, EndOfData, Finding, Reader, Sink, Span};
use modelaudit_rules::structure::{S902, S911};

use crate::model::Model;

/// Open containers; XGBoost's reader recurses, its models nest nine.
const DEEPEST: usize = 128;
/// Bytes of a text that are kept.
const TEXT: u64 = 1 << 20;

/// Why the document could not be read on.
enum Stop {
    End(EndOfData),
    Bad(u64, String),
}

impl From<EndOfData> for Stop {
    fn from(end: EndOfData) -> Self {
        Self::End(end)
    }
}

/// An open container.
struct Frame {
    object: bool,
    /// Values that are left, if their number was given; else an end mark closes it.
    left: Option<u64>,
    /// The marker of every value, if it was given.
    marker: Option<u8>,
}

/// Scans a model in UBJSON.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    let mut reader = Reader::new(artifact);
    let mut model = Model::new(sink);
    let mut truncated = false;
    let stop = read(&mut reader, &mut model, &mut truncated).err();
    model.finish(stop.is_none());
    if truncated {
        model.sink().incomplete("a text of more than a megabyte was looked at in part");
    }
    match stop {
        Some(Stop::End(end)) => model.sink().incomplete(&format!("the model is cut off: {end}")),
        Some(Stop::Bad(at, what)) => {
            model.report(Finding::new(&S902, format!("the model is no valid UBJSON: {what}")).at(at.min(size), 0));
            model.sink().incomplete(&format!("the model was read to offset {at}: {what}"));
        }
        None => {
            let rest = Span::new(reader.position(), reader.remaining());
            if rest.length > 0 {
                model.report(
                    Finding::new(&S911, format!("{} bytes follow the model", rest.length)).at(rest.offset, rest.length),
                );
                model.sink().embed("after the model", rest, "");
            }
        }
    }
    Ok(())
}

fn read(reader: &mut Reader<'_>, model: &mut Model<'_>, truncated: &mut bool) -> Result<(), Stop> {
    let mut open: Vec<Frame> = Vec::new();
    let first = reader.u8()?;
    value(reader, model, &mut open, first, truncated)?;
    while let Some(frame) = open.last_mut() {
        let ended = match &mut frame.left {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => {
                let close = if frame.object { b'}' } else { b']' };
                let closed = reader.peek(1).first() == Some(&close);
                if closed {
                    reader.skip(1)?;
                }
                closed
            }
        };
        let (object, marker) = (frame.object, frame.marker);
        if ended {
            open.pop();
            model.end(reader.position());
            continue;
        }
        if object {
            let length = length(reader)?;
            let (key, _) = text(reader, length, truncated)?;
            model.key(&key);
        }
        let marker = match marker {
            Some(marker) => marker,
            None => reader.u8()?,
        };
        value(reader, model, &mut open, marker, truncated)?;
    }
    Ok(())
}

/// A value behind its marker.
fn value(
    reader: &mut Reader<'_>,
    model: &mut Model<'_>,
    open: &mut Vec<Frame>,
    marker: u8,
    truncated: &mut bool,
) -> Result<(), Stop> {
    let at = reader.position().saturating_sub(1);
    match marker {
        b'Z' | b'N' | b'T' | b'F' => model.other(),
        b'i' | b'U' | b'I' | b'l' | b'L' => {
            let number = integer(reader, marker)?;
            model.integer(number);
        }
        b'd' | b'D' | b'C' => {
            reader.skip(width(marker).unwrap_or(0))?;
            model.other();
        }
        b'S' | b'H' => {
            let length = length(reader)?;
            let (text, span) = text(reader, length, truncated)?;
            model.text(&text, span);
        }
        b'[' | b'{' => {
            if open.len() >= DEEPEST {
                return Err(Stop::Bad(at, format!("values nest more than {DEEPEST} deep")));
            }
            model.begin(marker == b'{', at);
            let mut frame = Frame { object: marker == b'{', left: None, marker: None };
            if reader.peek(1) == b"$" {
                reader.skip(1)?;
                frame.marker = Some(reader.u8()?);
                if reader.peek(1) != b"#" {
                    return Err(Stop::Bad(reader.position(), "a type without a count".to_owned()));
                }
            }
            if reader.peek(1) == b"#" {
                reader.skip(1)?;
                frame.left = Some(length(reader)?);
            }
            // Numbers that nobody asks for are passed over at once, and so are values of no bytes, of which a count costs nothing.
            if let (Some(count), Some(inner), false) = (frame.left, frame.marker, frame.object) {
                let passed = match inner {
                    b'Z' | b'N' | b'T' | b'F' => Some(0),
                    inner if !model.wants_numbers() || matches!(inner, b'd' | b'D' | b'C') => width(inner),
                    _ => None,
                };
                if let Some(width) = passed {
                    let bytes =
                        count.checked_mul(width).ok_or_else(|| Stop::Bad(at, format!("a list of {count} values")))?;
                    reader.skip(bytes)?;
                    frame.left = Some(0);
                }
            }
            open.push(frame);
        }
        other => return Err(Stop::Bad(at, format!("the marker {other:#04x}, which UBJSON does not have"))),
    }
    Ok(())
}

/// Bytes of a value with that marker, if they are always as many.
fn width(marker: u8) -> Option<u64> {
    Some(match marker {
        b'i' | b'U' | b'C' => 1,
        b'I' => 2,
        b'l' | b'd' => 4,
        b'L' | b'D' => 8,
        _ => return None,
    })
}

fn integer(reader: &mut Reader<'_>, marker: u8) -> Result<i64, Stop> {
    Ok(match marker {
        b'i' => i64::from(i8::from_be_bytes(reader.array()?)),
        b'U' => i64::from(reader.u8()?),
        b'I' => i64::from(i16::from_be_bytes(reader.array()?)),
        b'l' => i64::from(i32::from_be_bytes(reader.array()?)),
        b'L' => i64::from_be_bytes(reader.array()?),
        other => return Err(Stop::Bad(reader.position(), format!("the marker {other:#04x} where a length should be"))),
    })
}

/// A length or count: an integer with its marker.
fn length(reader: &mut Reader<'_>) -> Result<u64, Stop> {
    let at = reader.position();
    let marker = reader.u8()?;
    let number = integer(reader, marker)?;
    u64::try_from(number).map_err(|_| Stop::Bad(at, format!("a length of {number}")))
}

fn text(reader: &mut Reader<'_>, length: u64, truncated: &mut bool) -> Result<(String, Span), Stop> {
    let span = Span::new(reader.position(), length);
    if length > reader.remaining() {
        return Err(Stop::End(EndOfData { offset: span.offset, wanted: length, available: reader.remaining() }));
    }
    let kept = reader.read_vec(length.min(TEXT))?;
    reader.skip(length - kept.len() as u64)?;
    *truncated |= length > TEXT;
    Ok((String::from_utf8_lossy(&kept).into_owned(), span))
}
