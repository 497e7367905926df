//! Reads Python source and says what it does to the machine.
//!
//! The source is parsed (`ruff_python_parser`), so that `model.eval()`, `re.compile`, a docstring and a comment are what they are, and
//! then followed: aliases of imports, names that are put together, texts that are decoded, functions of the file that are called with
//! them. What is run at import is told from what only stands in a function. Nothing is executed.
//!
//! ```
//! use modelaudit_python_source::{Mode, Role, analyse_source};
//!
//! let report = analyse_source("import os as o\ngetattr(o, 'sys' + 'tem')('id')\n", Role::Plain, Mode::Module).unwrap();
//! assert_eq!(report.evidence[0].call, "os.system('id')");
//! ```

mod acts;
mod calls;
mod commands;
mod decode;
mod depth;
mod effects;
mod encoding;
mod evidence;
mod expression;
mod fold;
mod known;
mod library;
mod machine;
mod probe;
mod report;
#[cfg(test)]
mod tests;
mod value;
mod variables;

use ruff_python_ast::Mod;
use ruff_python_parser::{ParseOptions, parse_unchecked};
use ruff_text_size::Ranged;

pub use commands::attack;
pub use encoding::{Source, read};
pub use evidence::{Evidence, Reach, Role, Weight};
pub use probe::{looks_like_python, parses};
pub use report::{Place, findings};
pub use ruff_python_parser::Mode;

use modelaudit_plugin::Rule;

/// The longest source that is read, in bytes: its tree takes some fifty times as much memory.
pub const LONGEST: usize = 4 << 20;

/// Rules that evidence may fall under.
pub const RULES: &[Rule] = acts::RULES;

/// What was found in a source.
#[derive(Debug, Default)]
pub struct Report {
    /// What it does, in order of place.
    pub evidence: Vec<Evidence>,
    /// The first syntax error: its offset and what is wrong.
    pub error: Option<(usize, String)>,
    /// How many syntax errors there are.
    pub errors: usize,
    /// Some calls stand so deep in others that they were not followed.
    pub too_deep: bool,
}

/// Reads a source.
///
/// # Errors
/// Why it can't be parsed at all: it is too long, or nested so deeply that CPython refuses it, too.
pub fn analyse_source(source: &str, role: Role, mode: Mode) -> Result<Report, String> {
    analyse_as(source, role, false, mode, Reach::Import)
}

/// Reads the code of a notebook, which somebody runs cell by cell.
///
/// # Errors
/// As [`analyse_source`].
pub fn analyse_notebook(source: &str) -> Result<Report, String> {
    analyse_as(source, Role::Plain, false, Mode::Ipython, Reach::Later)
}

/// Reads a setup script, whose commands run while the package is installed.
///
/// # Errors
/// As [`analyse_source`].
pub fn analyse_setup(source: &str) -> Result<Report, String> {
    analyse_as(source, Role::Model, true, Mode::Module, Reach::Import)
}

/// Reads a text that code runs.
fn analyse_nested(source: &str, around: &machine::Machine<'_>) -> Result<Report, String> {
    let start = machine::Start {
        role: around.role,
        setup: false,
        reach: Reach::Import,
        nesting: around.nesting + 1,
        deep: around.deep,
    };
    analyse_with(source, Mode::Module, start)
}

fn analyse_as(source: &str, role: Role, setup: bool, mode: Mode, reach: Reach) -> Result<Report, String> {
    analyse_with(source, mode, machine::Start { role, setup, reach, nesting: 0, deep: 0 })
}

fn analyse_with(source: &str, mode: Mode, start: machine::Start) -> Result<Report, String> {
    if source.len() > LONGEST {
        return Err(format!("the source has {} bytes, more than {LONGEST}", source.len()));
    }
    depth::check(source, mode)?;
    let parsed = parse_unchecked(source, ParseOptions::from(mode));
    let errors = parsed.errors().len();
    let error = parsed.errors().first().map(|e| (e.range().start().to_usize(), e.error.to_string()));
    let (mut evidence, too_deep) = match parsed.syntax() {
        Mod::Module(module) => machine::Machine::new(start).read(&module.body),
        Mod::Expression(_) => (Vec::new(), false),
    };
    evidence.sort_by(|a, b| (a.offset, a.rule.id).cmp(&(b.offset, b.rule.id)));
    Ok(Report { evidence, error, errors, too_deep })
}
