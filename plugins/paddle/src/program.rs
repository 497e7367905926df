//! `ProgramDesc` of framework.proto: blocks, their operators, the operators' attributes.

use modelaudit_metadata_text::{judge, label};
use modelaudit_plugin::{Artifact, Finding, Sink, Span, quote};
use modelaudit_protobuf::{Malformed, Message, Walker};
use modelaudit_rules::structure::S902;

use crate::policy::{self, IGNORED};

/// Bytes of a name and of a string, strings of an operator, findings.
const NAME: u32 = 256;
const TEXT: u32 = 16 << 10;
const STRINGS: usize = 64;
const MOST: usize = 200;

/// Field numbers (framework.proto).
mod field {
    pub const PROGRAM_BLOCKS: u32 = 1;
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
    let mut program = Program { sink, size: artifact.size(), operators: 0, findings: 0 };
    let result = program.walk(&mut walker);
    let operators = program.operators;
    sink.fact_number("operators", operators);
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
}

impl Program<'_> {
    fn walk(&mut self, walker: &mut Walker<'_>) -> Result<(), Malformed> {
        let mut root = walker.root();
        while let Some(field) = walker.next(&mut root)? {
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
