//! Version 1: a row of sections, each between two names in UTF-16LE.
//!
//! `BCN`, `BVersion` version `EVersion`, number of nodes, `BNodeList` nodes `ENodeList`, `BRelation` inputs of the nodes `ERelation`,
//! `BRootNodes` ... `ECN`. What a node holds depends on its type, of which there are a hundred; the values of its matrices stand
//! between `BMAT` and `EMAT`. So the matrices are found by their names, measured and passed over, the rest is text.

use modelaudit_metadata_text::{label, scan_runs};
use modelaudit_plugin::{Artifact, Finding, Reader, Sink, Span, Tensor};
use modelaudit_rules::structure::{S902, S911};

use crate::wide;

/// `BCN` and its closing zero.
pub(crate) const SIGNATURE: &[u8] = b"B\0C\0N\0\0\0";
/// Matrices that are measured; the networks of that time have some hundred.
const MOST_MATRICES: usize = 10_000;
/// Hits of one search, as many as the host gives.
const MOST_HITS: u32 = 65_536;
/// The last version of CNTK 2.7 is 28 (ComputationNetwork.h: `CURRENT_CNTK_MODEL_VERSION`).
const NEWEST: u64 = 64;
/// Nodes that can be: a node takes more bytes than one.
const ABSURD: u64 = 1 << 40;
/// Characters of a name.
const LONGEST_NAME: usize = 1024;
/// What every file ends with.
const END: &str = "ECN";

/// A name of a section as it stands in the file.
fn wide_name(name: &str) -> Vec<u8> {
    name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// Scans a model of version 1.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    sink.fact_text("framework", "cntk");
    let (gaps, torn) = matrices(artifact, sink);
    let mut found = 0;
    for gap in gaps {
        wide::scan_runs(artifact, gap, &mut found, sink);
        scan_runs(artifact, gap, "the model", sink);
    }
    let head = header(artifact, sink)?;
    relations(artifact, head, sink);
    if torn {
        return Err(format!("the model is cut off: its last matrix goes on beyond offset {size}"));
    }
    if ends(artifact) {
        return Ok(());
    }
    let end = wide_name(END);
    let length = end.len() as u64;
    // Of more of them than one call gives, the last of that call; what is behind it is handed over all the same.
    let last = artifact.find(&[&end], Span::new(0, size), MOST_HITS).last().map(|hit| hit.offset + length);
    match last {
        None => Err(format!("the model is cut off: the section '{END}' that ends it is missing at offset {size}")),
        Some(end) => {
            let rest = Span::new(end, size - end);
            let text = format!("{} bytes follow the model", rest.length);
            sink.finding(Finding::new(&S911, text).at(rest.offset, rest.length));
            sink.embed("after the model", rest, "");
            Ok(())
        }
    }
}

/// Whether the file ends as every whole one does.
fn ends(artifact: &dyn Artifact) -> bool {
    let end = wide_name(END);
    artifact.read(artifact.size().saturating_sub(end.len() as u64), end.len() as u32) == end
}

/// Version and number of nodes; where the nodes begin.
fn header(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(u64, u64), String> {
    let mut reader = Reader::new(artifact);
    let mut expect = |reader: &mut Reader<'_>, name: &str| {
        let at = reader.position();
        let wanted = wide_name(name);
        if reader.peek(wanted.len()) != wanted {
            let cut = reader.remaining() < wanted.len() as u64;
            if !cut {
                let text = format!("the section '{name}' is missing at offset {at}");
                sink.finding(Finding::new(&S902, text).at(at, 0));
            }
            return Err(if cut {
                "the model is cut off in its header".to_owned()
            } else {
                format!("the header has no section '{name}'")
            });
        }
        reader.skip(wanted.len() as u64).map_err(|end| end.to_string())
    };
    let number = |reader: &mut Reader<'_>| reader.u64_le().map_err(|_| "the model is cut off in its header".to_owned());
    expect(&mut reader, "BCN")?;
    expect(&mut reader, "BVersion")?;
    let version = number(&mut reader)?;
    expect(&mut reader, "EVersion")?;
    let nodes = number(&mut reader)?;
    expect(&mut reader, "BNodeList")?;
    let start = reader.position();
    sink.fact_number("cntk_version", version);
    sink.fact_number("cntk_nodes", nodes);
    if version > NEWEST || nodes > ABSURD {
        let text = format!("the header says version {version} and {nodes} nodes, which no CNTK wrote");
        sink.finding(Finding::new(&S902, text).at(26, 8));
        return Err("the header can not be true, so the sections behind it were not followed".to_owned());
    }
    Ok((start, nodes))
}

/// Follows the inputs of the nodes: each node's name, their number, their names.
fn relations(artifact: &dyn Artifact, (start, nodes): (u64, u64), sink: &mut dyn Sink) {
    let size = artifact.size();
    let name = wide_name("BRelation");
    let end = wide_name("ERelation");
    let Some(section) = artifact.find(&[&name], Span::new(start, size.saturating_sub(start)), 1).first().copied()
    else {
        return; // Cut before it, which is said elsewhere.
    };
    let mut reader = Reader::new(artifact);
    if reader.seek_to(section.offset + name.len() as u64).is_err() {
        return;
    }
    for node in 0..nodes {
        let at = reader.position();
        let read = text(&mut reader).and_then(|_| reader.u64_le().ok());
        let Some(inputs) = read.filter(|inputs| *inputs <= reader.remaining() / 2) else {
            // A name without an end, or more inputs than bytes: cut, or a lie. A whole file ends as it should.
            if ends(artifact) {
                let text = format!(
                    "the inputs of node {node} at offset {at} can not be read: no name or number like that can be"
                );
                sink.finding(Finding::new(&S902, text).at(at, 0));
            }
            sink.incomplete(&format!("the inputs of the nodes were read up to offset {at} only"));
            return;
        };
        for _ in 0..inputs {
            if text(&mut reader).is_none() {
                sink.incomplete(&format!("the inputs of the nodes were read up to offset {} only", reader.position()));
                return;
            }
        }
    }
    let at = reader.position();
    if reader.peek(end.len()) != end {
        sink.finding(Finding::new(&S902, format!("the section 'ERelation' is missing at offset {at}")).at(at, 0));
    }
}

/// A text up to its zero; None if it is longer than any name or breaks off.
fn text(reader: &mut Reader<'_>) -> Option<String> {
    let mut units = Vec::new();
    loop {
        let unit = reader.u16_le().ok()?;
        if unit == 0 {
            return Some(String::from_utf16_lossy(&units));
        }
        if units.len() >= LONGEST_NAME {
            return None;
        }
        units.push(unit);
    }
}

/// Names the matrices. What lies between them, and whether the last one is cut off.
fn matrices(artifact: &dyn Artifact, sink: &mut dyn Sink) -> (Vec<Span>, bool) {
    let size = artifact.size();
    let (begin, end) = (wide_name("BMAT"), wide_name("EMAT"));
    let (mut gaps, mut from, mut count) = (Vec::new(), 0, 0usize);
    let hits = artifact.find(&[&begin], Span::new(0, size), MOST_HITS);
    if hits.len() >= MOST_HITS as usize {
        sink.incomplete(&format!(
            "more than {MOST_HITS} places look like the start of a matrix, only those were looked at"
        ));
    }
    // What looks like a matrix inside of another one is a row of its numbers.
    for hit in &hits {
        if hit.offset < from {
            continue;
        }
        let Some((matrix, name)) = matrix(artifact, hit.offset + begin.len() as u64) else { continue };
        let closed = artifact.read(matrix.end().min(size), end.len() as u32) == end;
        let fits = matrix.end() <= size;
        if fits && !closed {
            // The name by chance, or a matrix of a type whose layout is another: its bytes are looked at like text.
            continue;
        }
        count += 1;
        if count > MOST_MATRICES {
            sink.incomplete(&format!("only the first {MOST_MATRICES} matrices were measured"));
            break;
        }
        if !fits {
            if matrix.length >= 1 << 53 {
                let text = format!("the matrix at offset {} is larger than any memory", hit.offset);
                sink.finding(Finding::new(&S902, text).at(hit.offset, begin.len() as u64));
                continue;
            }
            gaps.push(Span::new(from, matrix.offset.min(size).saturating_sub(from)));
            return (gaps, true);
        }
        sink.tensor(name.tensor(count, matrix));
        gaps.push(Span::new(from, matrix.offset - from));
        from = matrix.end();
    }
    gaps.push(Span::new(from, size - from));
    (gaps, false)
}

/// What the header of a matrix says.
struct Heading {
    name: String,
    width: u64,
    rows: u64,
    columns: u64,
}

impl Heading {
    fn tensor(&self, count: usize, at: Span) -> Tensor {
        let dtype = match self.width {
            2 => "f16",
            4 => "f32",
            8 => "f64",
            _ => "u8",
        };
        let name = if self.name.is_empty() { format!("matrix {count}") } else { self.name.clone() };
        let shape = if dtype == "u8" { vec![at.length] } else { vec![self.rows, self.columns] };
        Tensor { name, dtype: dtype.to_owned(), shape, at }
    }
}

/// The header of a dense matrix behind `BMAT`: bytes of an element, name, format, rows, columns; then the values, whose number is that.
fn matrix(artifact: &dyn Artifact, at: u64) -> Option<(Span, Heading)> {
    let mut reader = Reader::over(artifact, Span::new(at, 64 + 2 * LONGEST_NAME as u64));
    let width = reader.u64_le().ok()?;
    let name = label(&text(&mut reader)?);
    reader.u32_le().ok()?;
    let (rows, columns) = (reader.u64_le().ok()?, reader.u64_le().ok()?);
    let length = rows.checked_mul(columns).and_then(|n| n.checked_mul(width)).unwrap_or(u64::MAX);
    let offset = reader.position();
    // A number that overflows stands for one that is too large.
    let length = length.min(u64::MAX - offset);
    Some((Span::new(offset, length), Heading { name, width, rows, columns }))
}
