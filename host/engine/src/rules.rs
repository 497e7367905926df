//! What the host itself reports: things about names, nesting and budgets that no plugin can see.

use crate::model::{Rule, Severity};

/// The name under which the host reports.
pub const ENGINE: &str = "engine";

/// Rules that say "this needs code that nobody reviewed". They are facts, because real models show them; `--strict` makes warnings of
/// them: S216 packages that a pickle imports, S218 bytecode in a pickle, S810 custom objects of Keras.
pub const UNREVIEWED: &[&str] = &["S216", "S218", "S810"];

/// Indexes into [`rules`].
pub const NESTING: usize = 0;
/// A name on the user's list.
pub const BLACKLIST: usize = 1;

/// The host's rules.
pub fn rules() -> Vec<Rule> {
    let rule = |id: &str, title: &str, severity, why: &str, remedy: &str, references: &[&str]| Rule {
        id: id.to_owned(),
        title: title.to_owned(),
        severity,
        why: why.to_owned(),
        remedy: remedy.to_owned(),
        references: references.iter().map(|&r| r.to_owned()).collect(),
    };
    vec![
        rule(
            "S410",
            "archive bomb",
            Severity::Warning,
            "the file unpacks to far more than any real model does, in bytes, parts or levels of nesting: it exhausts whoever \
             opens it, or keeps a payload below the depth that scanners reach",
            "do not unpack it; ask its author for a plain export",
            &["CWE-409"],
        ),
        rule(
            "S1001",
            "name on the blacklist",
            Severity::Critical,
            "the name of a file, of a member or of the model holds a text given with --blacklist; case does not matter",
            "do not use the model, or take the pattern off the list",
            &[],
        ),
    ]
}
