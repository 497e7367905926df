//! What was found in the code, and how bad it is.

use modelaudit_plugin::{Rule, Severity};

/// When the code at a place runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// When somebody calls the function it stands in, or starts the file as a program.
    Later,
    /// When the model that the file belongs to is loaded or used.
    Load,
    /// When the file is imported.
    Import,
}

/// How telling a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Ordinary programs do it, too.
    Fact,
    /// It depends on values that are not in the file.
    Unclear,
    /// It acts on the machine, and what it does is not among the things that build and training scripts do.
    Act,
    /// It is done in a way that ordinary code does not take.
    Odd,
    /// Only an attack does it.
    Attack,
}

/// Who loads the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A loader of models, by the file's name or place: `modeling_*.py`, `handler.py`, `setup.py`.
    Model,
    /// Nobody in particular.
    Plain,
}

/// Something that the code does.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The rule it falls under.
    pub rule: &'static Rule,
    /// When it happens.
    pub reach: Reach,
    /// How telling it is.
    pub weight: Weight,
    /// The call as a reader may look for it: `os.system('id')`.
    pub call: String,
    /// What it does, as the end of a sentence that begins with the call: `starts a process`.
    pub what: String,
    /// Texts that were decoded on the way.
    pub decoded: Option<String>,
    /// Offset in the source, in bytes.
    pub offset: usize,
}

impl Evidence {
    /// Its severity in a file of that role.
    ///
    /// | weight | at import or load | later |
    /// | --- | --- | --- |
    /// | attack | critical | warning |
    /// | odd | critical for a model's file, else warning | warning |
    /// | act | critical for a model's file, else warning | info |
    /// | unclear | warning for a model's file, else info | info |
    /// | fact | info | info |
    pub fn severity(&self, role: Role) -> Severity {
        let now = self.reach > Reach::Later;
        let model = role == Role::Model;
        match (self.weight, now) {
            (Weight::Attack, true) => Severity::Critical,
            (Weight::Attack | Weight::Odd, false) => Severity::Warning,
            (Weight::Odd | Weight::Act, true) if model => Severity::Critical,
            (Weight::Odd | Weight::Act, true) => Severity::Warning,
            (Weight::Unclear, true) if model => Severity::Warning,
            _ => Severity::Info,
        }
    }
}
