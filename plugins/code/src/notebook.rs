//! A Jupyter notebook (nbformat 3 and 4): the Python of its code cells, read in order as one program.
//!
//! Source of the format: <https://nbformat.readthedocs.io/en/latest/format_description.html>. Cells for other languages (`%%bash`,
//! `%%html`) are told by their first line.

use modelaudit_json::{Document, Node, TreeLimits, Value};
use modelaudit_plugin::{Artifact, Finding, Severity, Sink, quote};
use modelaudit_python_source::{Mode, Place, Role, analyse_notebook, analyse_source, attack, findings};
use modelaudit_rules::code::S101;

/// Longest notebook that is read; pictures in outputs make them long.
const LONGEST: u64 = 32 << 20;
/// Cells that are read.
const MOST_CELLS: usize = 20_000;

/// Whether the first bytes are a notebook's.
pub(crate) fn looks_like_one(head: &[u8]) -> bool {
    let has = |piece: &[u8]| head.windows(piece.len()).any(|window| window == piece);
    head.trim_ascii_start().starts_with(b"{")
        && (has(b"\"cells\"") || has(b"\"worksheets\""))
        && (has(b"\"cell_type\"") || has(b"\"nbformat\""))
}

/// Scans a notebook.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let size = artifact.size();
    let bytes =
        artifact.read_all(LONGEST).ok_or_else(|| format!("the notebook has {size} bytes, more than {LONGEST}"))?;
    let limits = TreeLimits { nodes: 1 << 20, text: LONGEST as usize, ..TreeLimits::default() };
    let document =
        Document::from_slice(&bytes, limits).map_err(|error| format!("the notebook is not valid JSON: {error}"))?;
    if document.truncated {
        sink.incomplete("the notebook has more parts than are kept; not all of its cells were read");
    }
    let root = &document.root;
    let language = root.get("metadata").and_then(|metadata| {
        let spec = metadata.get("kernelspec").and_then(|k| k.get("language"));
        spec.or_else(|| metadata.get("language_info").and_then(|k| k.get("name"))).and_then(Node::as_str)
    });
    if let Some(language) = language {
        sink.fact_text("language", &modelaudit_plugin::clip(&modelaudit_plugin::escape(language), 60));
        if !language.to_ascii_lowercase().contains("python") {
            sink.incomplete(&format!("the notebook's language is {}, which is not read", quote(language)));
            return Ok(());
        }
    }
    let sheets = root.get("worksheets").map(Node::items).unwrap_or_default();
    let cells = root.get("cells").into_iter().chain(sheets.iter().filter_map(|sheet| sheet.get("cells")));
    let (mut source, mut starts, mut unread) = (String::new(), Vec::new(), 0u64);
    for (number, cell) in cells.flat_map(Node::items).take(MOST_CELLS).enumerate() {
        if cell.get("cell_type").and_then(Node::as_str) != Some("code") {
            continue;
        }
        let mut text = cell.get("source").or_else(|| cell.get("input")).map(joined).unwrap_or_default();
        match magic(&text) {
            Some("bash" | "sh" | "script") => {
                if let Some(what) = attack(&text) {
                    let message = format!("cell {}: a shell cell that {what}, when the cell is run", number + 1);
                    let at = cell.at;
                    let finding = Finding::new(&S101, message).severity(Severity::Warning);
                    sink.finding(finding.at(at.offset, at.length).element(format!("cell {}", number + 1)));
                }
                continue;
            }
            // They run Python, measured or written out.
            Some("time" | "timeit" | "capture" | "prun" | "python" | "python3") => {
                text = text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
            }
            Some(_) => continue,
            None => {}
        }
        // A cell that does not parse raises an error and runs nothing; the others are read without it.
        match analyse_source(&text, Role::Plain, Mode::Ipython) {
            Ok(report) if report.error.is_none() => {
                starts.push((source.len(), number + 1, cell.at));
                source.push_str(&text);
                source.push('\n');
            }
            Ok(_) => unread += 1,
            Err(reason) => sink.incomplete(&format!("cell {}: {reason}", number + 1)),
        }
    }
    if unread > 0 {
        sink.fact_number("cells_that_do_not_parse", unread);
    }
    let report = analyse_notebook(&source)?;
    let place = |offset: usize| {
        let index = starts.partition_point(|(start, ..)| *start <= offset).saturating_sub(1);
        let (start, number, at) = starts.get(index).copied().unwrap_or_default();
        let line = source.get(start..offset).unwrap_or_default().matches('\n').count() + 1;
        Place { label: format!("cell {number}, line {line}"), at: Some((at.offset, at.length)) }
    };
    findings(&report.evidence, Role::Plain, place, sink);
    Ok(())
}

/// A text, or lines in a list.
fn joined(node: &Node) -> String {
    match &node.value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Node::as_str).collect(),
        _ => String::new(),
    }
}

/// The name of a cell's magic (`%%name`).
fn magic(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix("%%")?.split(|c: char| !c.is_ascii_alphanumeric()).next()
}
