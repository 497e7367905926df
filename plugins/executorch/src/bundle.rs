//! A program with tests for it (`.bpte`): the program is handed on, inputs and expected outputs are numbers.

use modelaudit_flatbuffer::Defect;
use modelaudit_plugin::{Artifact, Sink};

use crate::program::{MAX_NAMES, Walk};
use crate::schema::bundle;

/// Scans a program with tests.
pub fn scan(artifact: &dyn Artifact, sink: &mut dyn Sink) -> Result<(), String> {
    let mut walk = Walk::new(artifact, sink);
    let result = parts(&mut walk);
    let missing = matches!(result, Ok(false));
    walk.finish(result.map(|_| ()))?;
    if missing { Err("the bundle holds no program".to_owned()) } else { Ok(()) }
}

/// False if there is no program in it.
fn parts(walk: &mut Walk<'_, '_>) -> Result<bool, Defect> {
    let root = walk.file.root()?;
    let version = walk.file.u32(&root, bundle::VERSION)?.unwrap_or(0);
    walk.sink.fact_number("format_version", u64::from(version));
    let program =
        walk.file.vector(&root, bundle::PROGRAM, 1)?.map(|vector| vector.span()).filter(|span| span.length > 0);
    if let Some(span) = program {
        walk.sink.embed("program.pte", span, "executorch");
    }
    let suites = walk.list(&root, bundle::SUITES, 4)?;
    let mut methods = Vec::new();
    for index in 0..suites.count.min(MAX_NAMES as u64) {
        let suite = walk.file.element(&suites, index)?;
        methods.push(walk.name(&suite, bundle::SUITE_METHOD)?);
    }
    walk.sink.fact_list("tested_methods", &methods);
    Ok(program.is_some())
}
