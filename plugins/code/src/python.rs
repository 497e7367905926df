//! A Python file.

use modelaudit_plugin::{Artifact, Finding, Sink};
use modelaudit_python_source::{LONGEST, Mode, Place, analyse_setup, analyse_source, findings, read};
use modelaudit_rules::python::S121;

use crate::role;

/// Scans a Python file.
pub(crate) fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    if role::is_torchscript(artifact) {
        return Ok(());
    }
    let bytes = crate::text(artifact, LONGEST as u64)?;
    let source = read(&bytes);
    if let Some(encoding) = &source.hiding {
        let message = format!("the source declares the encoding {encoding}, in which code does not look like code");
        let length = bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len());
        sink.finding(Finding::new(&S121, message).at(0, length as u64));
    }
    let role = role::of(artifact);
    let report = if role::is_setup(artifact) {
        analyse_setup(&source.text)
    } else {
        analyse_source(&source.text, role, Mode::Module)
    }?;
    let lines = Lines::new(&source.text, &bytes);
    findings(&report.evidence, role, |offset| lines.place(offset), sink);
    if report.too_deep {
        sink.incomplete("calls are nested in calls too deeply; not all of them were followed");
    }
    if let Some((offset, error)) = &report.error {
        let line = lines.number(*offset);
        sink.incomplete(&format!(
            "line {line} is not valid Python 3 ({}); the file was read as far as the parser could follow",
            modelaudit_plugin::clip(&modelaudit_plugin::escape(error), 120)
        ));
    }
    Ok(())
}

/// Lines of the source and where they stand in the file.
pub(crate) struct Lines {
    text: Vec<usize>,
    file: Vec<usize>,
    length: usize,
    /// How much the file's bytes are longer at the start; None if offsets of the text are not offsets of the file.
    shift: Option<usize>,
}

impl Lines {
    pub(crate) fn new(text: &str, bytes: &[u8]) -> Self {
        let starts = |bytes: &[u8]| {
            let ends = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(ends).collect::<Vec<_>>()
        };
        let shift = bytes.len().checked_sub(text.len()).filter(|_| bytes.ends_with(text.as_bytes()));
        Self { text: starts(text.as_bytes()), file: starts(bytes), length: bytes.len(), shift }
    }

    /// The line of an offset of the text, from 1.
    pub(crate) fn number(&self, offset: usize) -> usize {
        self.text.partition_point(|start| *start <= offset).max(1)
    }

    /// Where an offset of the text is.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let number = self.number(offset);
        let start = match self.shift {
            Some(shift) => offset + shift,
            None => self.file.get(number - 1).copied().unwrap_or(0),
        };
        let start = start.min(self.length);
        let end = self.file.get(number).map_or(self.length, |next| next.saturating_sub(1)).max(start);
        Place { label: format!("line {number}"), at: Some((start as u64, (end - start) as u64)) }
    }
}
