//! `ProgramDesc` of framework.proto: blocks, their operators, the operators' attributes.

use std::collections::BTreeSet;

use modelaudit_metadata_text::{judge, label};
use modelaudit_plugin::{Artifact, Finding, Sink, Span, quote};
use modelaudit_protobuf::{Malformed, Message, Walker};
use modelaudit_rules::structure::{S902, S911};

use crate::policy::{self, IGNORED};

/// Bytes of a name and of a string, strings of an operator, findings.
const NAME: u32 = 256;
const TEXT: u32 = 16 << 10;
const STRINGS: usize = 64;
const MOST: usize = 200;
/// Bytes in an unknown field from which on it is a place to hide something.
const HIDDEN: u64 = 1024;

/// Field numbers (framework.proto).
mod field {
    /// All that a program has: blocks, version, versions of operators.
    pub const PROGRAM: [u32; 3] = [1, 4, 5];
    pub const PROGRAM_BLOCKS: u32 = 1;
    pub const PROGRAM_VERSION: u32 = 4;
    /// Field of `Version`.
    pub const VERSION_NUMBER: u32 = 1;
    pub const BLOCK_OPS: u32 = 4;
    pub const OP_TYPE: u32 = 3;
    pub const OP_ATTRS: u32 = 4;
    pub const ATTR_NAME: u32 = 1;
    pub const ATTR_STRING: u32 = 5;
    pub const ATTR_STRINGS: u32 = 8;
}

/// Scans a program.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let mut walker = Walker::new(artifact);
    let (size, names) = (artifact.size(), BTreeSet::new());
    let mut program = Program { sink, size, operators: 0, findings: 0, names, version: None };
    let result = program.walk(&mut walker);
    let operators = program.operators;
    let (names, version) = (std::mem::take(&mut program.names), program.version);
    sink.fact_text("framework", "paddle");
    sink.fact_number("operator_count", operators);
    sink.fact_list("operators", &names.into_iter().collect::<Vec<_>>());
    if let Some(version) = version {
        sink.fact_text("format_version", &release(version));
    }
    if let Err(error) = result {
        if !error.budget {
            sink.finding(
                Finding::new(&S902, format!("the program is malformed: {error}")).at(error.at.min(artifact.size()), 0),
            );
        }
        sink.incomplete(&format!("the program was not read to its end: {error}"));
    } else if walker.is_cut() {
        sink.incomplete(&format!(
            "the program is cut off: a part goes on behind the {} bytes of the file",
            artifact.size()
        ));
    } else if operators == 0 && artifact.size() == 0 {
        return Err("the file is empty".to_owned());
    }
    Ok(())
}

struct Program<'s> {
    sink: &'s mut dyn Sink,
    size: u64,
    operators: u64,
    findings: usize,
    /// Names of operators, for the inventory.
    names: BTreeSet<String>,
    version: Option<u64>,
}

/// `3000000` is 3.0.0 (framework/program_desc: major, minor, patch of three digits each).
fn release(version: u64) -> String {
    if version < 1000 {
        return version.to_string();
    }
    format!("{}.{}.{}", version / 1_000_000, version / 1000 % 1000, version % 1000)
}

impl Program<'_> {
    fn walk(&mut self, walker: &mut Walker<'_>) -> Result<(), Malformed> {
        let mut root = walker.root();
        while let Some(field) = walker.next(&mut root)? {
            if let (field::PROGRAM_VERSION, Some(span)) = (field.number, field.bytes()) {
                let mut version = Message::over(span);
                while let Some(field) = walker.next(&mut version)? {
                    if field.number == field::VERSION_NUMBER {
                        self.version = field.varint();
                    }
                }
            }
            if !field::PROGRAM.contains(&field.number)
                && let Some(span) = field.bytes()
                && span.length >= HIDDEN
            {
                self.hidden(field.number, span.within(self.size));
            }
            let (field::PROGRAM_BLOCKS, Some(span)) = (field.number, field.bytes()) else { continue };
            let mut block = Message::over(span);
            while let Some(field) = walker.next(&mut block)? {
                if let (field::BLOCK_OPS, Some(span)) = (field.number, field.bytes()) {
                    self.operator(walker, span)?;
                }
            }
        }
        Ok(())
    }

    /// Bytes in a field that programs do not have: readers pass over it, so nobody sees what is in there.
    fn hidden(&mut self, number: u32, span: Span) {
        self.findings += 1;
        if self.findings > MOST {
            return;
        }
        let message =
            format!("the field {number} of the program holds {} bytes and is not part of Paddle", span.length);
        self.sink.finding(Finding::new(&S911, message).at(span.offset, span.length).element(format!("field {number}")));
        self.sink.embed(&format!("unknown field at offset {}", span.offset), span, "");
    }

    fn operator(&mut self, walker: &mut Walker<'_>, span: Span) -> Result<(), Malformed> {
        self.operators += 1;
        let mut name = String::new();
        let mut strings: Vec<(String, String)> = Vec::new();
        let mut operator = Message::over(span);
        while let Some(field) = walker.next(&mut operator)? {
            match (field.number, field.bytes()) {
                (field::OP_TYPE, Some(span)) => name = walker.text(span, NAME),
                (field::OP_ATTRS, Some(span)) => attribute(walker, span, &mut strings)?,
                _ => {}
            }
        }
        if self.names.len() < MOST {
            self.names.insert(label(&name));
        }
        // A part that is cut off has no bytes to point at.
        let at = span.within(self.size);
        let finding = match policy::reach(&name) {
            Some(reach) => Some(policy::finding(&name, reach, &strings)),
            None => strings.iter().find_map(|(key, value)| {
                let place = format!("the attribute {} of the operator {}", quote(key), quote(&name));
                judge(value).map(|found| modelaudit_metadata_text::finding(&place, &found).element(label(&name)))
            }),
        };
        if let Some(finding) = finding {
            self.findings += 1;
            if self.findings <= MOST {
                self.sink.finding(finding.at(at.offset, at.length));
            }
        }
        Ok(())
    }
}

/// Appends the strings of an attribute, under its name.
fn attribute(walker: &mut Walker<'_>, span: Span, strings: &mut Vec<(String, String)>) -> Result<(), Malformed> {
    let mut name = String::new();
    let before = strings.len();
    let mut attribute = Message::over(span);
    while let Some(field) = walker.next(&mut attribute)? {
        let Some(span) = field.bytes() else { continue };
        match field.number {
            field::ATTR_NAME => name = walker.text(span, NAME),
            field::ATTR_STRING | field::ATTR_STRINGS if strings.len() < STRINGS && span.length > 0 => {
                strings.push((String::new(), walker.text(span, TEXT)));
            }
            _ => {}
        }
    }
    if IGNORED.contains(&name.as_str()) {
        strings.truncate(before);
    }
    for (key, _) in strings.iter_mut().skip(before) {
        key.clone_from(&name);
    }
    Ok(())
}
