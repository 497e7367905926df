//! From a module and a name to what is thought of it.
//!
//! Names in Keras' own packages, TensorFlow and numpy go through the tables of `policy`; everything else is judged by the policy
//! for pickles, for it is the same question: what does importing and calling it do?

use modelaudit_pickle_policy::{Judgement, judge, resolve};
use modelaudit_plugin::Severity;

use crate::{classes, policy};

/// What is named: Keras constructs classes and calls functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `class_name` with a configuration.
    Class,
    /// `class_name: "function"`, or the function of a Lambda layer.
    Function,
}

/// What is thought of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A normal save names it.
    Known,
    /// Code of the model's author, or of a package that models are built with.
    Custom,
    /// Nothing bad is known of it, but no save names it: why, to follow "which".
    Odd(&'static str),
    /// Harmful.
    Harmful {
        /// How bad.
        severity: Severity,
        /// What it does, to follow "which".
        why: String,
        /// The advisory, or empty.
        cve: &'static str,
    },
}

/// A reference, judged.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    /// As people write it: `os.system`.
    pub path: String,
    /// What is thought of it.
    pub verdict: Verdict,
}

const FOREIGN: &str = "is outside Keras and the packages that models are built with: Keras before 3.9 imports whatever module is named here";
const ODD_FUNCTION: &str = "is no loss, metric, activation or operation, so no saved model refers to it";
const ODD_CLASS: &str = "is in a module of Keras that no saved model refers to";
const STATE: &str = "changes or reads settings of Keras, which no saved model refers to";
const STDLIB: &str = "is in Python's standard library, where no model keeps its layers";

/// Judges `module.name`; `registered` is the name under which the author's package registered it, if any.
pub(crate) fn judge_reference(module: Option<&str>, name: &str, kind: Kind, registered: Option<&str>) -> Reference {
    let module = module.unwrap_or_default().trim();
    // `pkg>Name` is the key under which a custom class was registered.
    let (package, name) = match name.rsplit_once('>') {
        Some((package, name)) => (Some(package), name),
        None => (None, name),
    };
    let written = if module.is_empty() { name.to_owned() } else { format!("{module}.{name}") };
    // A dotted name behind no module, or behind builtins, is a path of its own.
    let (module, name) = match name.rsplit_once('.') {
        Some((before, last)) if module.is_empty() || module == "builtins" => (before, last),
        _ => (module, name),
    };
    let path = if module == "builtins" || module.is_empty() { name.to_owned() } else { format!("{module}.{name}") };
    let is_registered = package.is_some() || registered.is_some_and(|r| r.contains('>'));
    let verdict = verdict(module, name, kind, is_registered);
    let path = if matches!(verdict, Verdict::Harmful { .. }) { path } else { written };
    Reference { path, verdict }
}

fn verdict(module: &str, name: &str, kind: Kind, is_registered: bool) -> Verdict {
    if matches!(module, "" | "builtins" | "__main__" | "__builtin__") {
        return own(module, name, kind);
    }
    if let Some(below) = below_keras(module) {
        return keras(below, name, kind);
    }
    let top = module.split('.').next().unwrap_or(module);
    match top {
        "tensorflow" | "tf" | "tensorflow_core" => {
            let below = module.split_once('.').map_or("", |(_, below)| below);
            return framework("tensorflow", below, name, kind);
        }
        "numpy" | "math" | "jax" | "torch" | "ml_dtypes" => {
            let below = module.split_once('.').map_or("", |(_, below)| below);
            return framework(top, below, name, kind);
        }
        _ => {}
    }
    if let Some(harmful) = by_policy(module, name) {
        return harmful;
    }
    if policy::MODEL_PACKAGES.contains(&top) {
        let loads = kind == Kind::Function && module.split('.').any(|part| policy::LOADING_MODULES.contains(&part));
        return gadget(name).unwrap_or(if loads { Verdict::Odd(ODD_FUNCTION) } else { Verdict::Custom });
    }
    match judge(&resolve(module, name, 4)) {
        Judgement::Main | Judgement::Safe(_) => Verdict::Custom,
        Judgement::Unknown { standard_library: true, .. } => Verdict::Odd(STDLIB),
        // What a package registers is its own layers: the module is the author's, and real models are full of such names.
        _ if is_registered => Verdict::Custom,
        _ => Verdict::Odd(FOREIGN),
    }
}

/// No module, or the one that stands for the author's script: Keras looks among its own and the registered names, and imports
/// `builtins` if it is named.
fn own(module: &str, name: &str, kind: Kind) -> Verdict {
    if kind == Kind::Class && classes::is_known(name) {
        return gadget_class(name);
    }
    if kind == Kind::Function && classes::is_known_function(name) {
        return Verdict::Known;
    }
    if module != "__main__"
        && let Judgement::Dangerous(entry) = judge(&resolve("builtins", name, 4))
        && entry.module == "builtins"
    {
        return Verdict::Harmful { severity: entry.called, why: entry.why.to_owned(), cve: "CVE-2025-1550" };
    }
    if module.is_empty() || module == "builtins" {
        // Keras searches its own modules for a name without one.
        if let Some(harmful) = gadget(name)
            && matches!(&harmful, Verdict::Harmful { cve, .. } if !cve.is_empty())
        {
            return harmful;
        }
    }
    Verdict::Custom
}

/// The module below Keras' package, if it is in one.
fn below_keras(module: &str) -> Option<&str> {
    policy::KERAS_ROOTS.iter().find_map(|root| {
        let rest = module.strip_prefix(root)?;
        if rest.is_empty() { Some("") } else { rest.strip_prefix('.') }
    })
}

fn is_below(module: &str, parent: &str) -> bool {
    module == parent || module.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'))
}

fn keras(below: &str, name: &str, kind: Kind) -> Verdict {
    // `src.` may come again behind an API root.
    let below = below.strip_prefix("src.").unwrap_or(below);
    if let Some(harmful) = gadget(name) {
        return harmful;
    }
    let last = name.rsplit('.').next().unwrap_or(name);
    if kind == Kind::Function {
        let why = match last {
            "get" => Some(policy::REBUILDS),
            _ if policy::CODE_NAMES.contains(&last) => Some(policy::BORROWED),
            _ => None,
        };
        if let Some(why) = why {
            return Verdict::Harmful { severity: Severity::Critical, why: why.to_owned(), cve: "CVE-2025-1550" };
        }
        if is_below(below, "applications") && policy::APPLICATION_FUNCTIONS.contains(&last) {
            return Verdict::Known;
        }
        if policy::STATE_MODULES.iter().any(|m| is_below(below, m)) {
            return Verdict::Odd(STATE);
        }
    }
    let odd = policy::ODD_MODULES.iter().any(|m| is_below(below, m));
    match kind {
        Kind::Class if odd && !policy::NOT_ODD.contains(&name) && !classes::is_known(name) => Verdict::Odd(ODD_CLASS),
        Kind::Class => gadget_class(name),
        Kind::Function if policy::FUNCTION_MODULES.iter().any(|m| is_below(below, m)) => Verdict::Known,
        Kind::Function => Verdict::Odd(ODD_FUNCTION),
    }
}

fn framework(top: &str, below: &str, name: &str, kind: Kind) -> Verdict {
    if let Some(harmful) = gadget(name) {
        return harmful;
    }
    if top == "tensorflow" && is_plain_operation(below, name) {
        return Verdict::Known;
    }
    let module = if below.is_empty() { top.to_owned() } else { format!("{top}.{below}") };
    if let Some(harmful) = by_policy(&module, name) {
        return harmful;
    }
    if kind == Kind::Function && name.rsplit('.').next() == Some("load") {
        return Verdict::Harmful { severity: Severity::Critical, why: policy::READS.to_owned(), cve: "CVE-2025-1550" };
    }
    let modules = match policy::COMPUTING_MODULES.iter().find(|(package, _)| *package == top) {
        Some((_, modules)) => modules,
        None => policy::TENSORFLOW_FUNCTION_MODULES,
    };
    let allowed = modules.iter().any(|m| if m.is_empty() { below.is_empty() } else { is_below(below, m) });
    if kind == Kind::Class || allowed { Verdict::Known } else { Verdict::Odd(ODD_FUNCTION) }
}

/// Raw operators, and the part of `tf.io` that turns bytes into tensors: the policy for pickles refuses both as families, models use
/// them. Those that do harm are in the gadget table.
fn is_plain_operation(below: &str, name: &str) -> bool {
    let codec = || policy::CODECS.iter().any(|prefix| name.starts_with(prefix));
    below == "raw_ops" || below == "io" && codec()
}

fn by_policy(module: &str, name: &str) -> Option<Verdict> {
    match judge(&resolve(module, name, 4)) {
        Judgement::Dangerous(entry) if entry.called >= Severity::Warning => {
            Some(Verdict::Harmful { severity: entry.called, why: entry.why.to_owned(), cve: "CVE-2025-1550" })
        }
        _ => None,
    }
}

/// A name of the gadget table, at the end of the path or on the way.
fn gadget(name: &str) -> Option<Verdict> {
    let row = name.split('.').rev().find_map(|part| policy::GADGETS.iter().find(|g| g.name == part))?;
    Some(Verdict::Harmful { severity: row.severity, why: row.why.to_owned(), cve: row.cve })
}

fn gadget_class(name: &str) -> Verdict {
    gadget(name).unwrap_or(Verdict::Known)
}

/// A module that is harmful as such, whatever is taken from it: for keys that name only a module.
pub(crate) fn harmful_module(module: &str) -> bool {
    let module = module.trim();
    if module.is_empty() || matches!(module, "builtins" | "__main__") || below_keras(module).is_some() {
        return false;
    }
    // Any name of a module that is dangerous as a whole is dangerous.
    let any = resolve(module, "any_name_of_it", 4);
    matches!(judge(&any), Judgement::Dangerous(entry) if entry.called == Severity::Critical)
}
