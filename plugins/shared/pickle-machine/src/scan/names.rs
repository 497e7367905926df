//! What is known of the things that a stream names.

use modelaudit_pickle_policy::Group;
use modelaudit_plugin::{Severity, quote};

use crate::value::Value;
use crate::view::View;

/// A global that is imported and has not been called yet.
#[derive(Clone, Debug)]
pub(crate) struct Imported {
    pub(crate) path: String,
    pub(crate) written: String,
    pub(crate) renamed: Option<&'static str>,
    pub(crate) offset: u64,
    pub(crate) opcode: &'static str,
    pub(crate) group: Group,
    pub(crate) why: &'static str,
    pub(crate) called: Severity,
    pub(crate) imported: Severity,
    pub(crate) stream: u32,
    /// It was called, or is a link of a reported chain.
    pub(crate) used: bool,
    /// What it became a part of, and whether that is the state of an object.
    pub(crate) stored: Option<(String, bool)>,
}

impl Imported {
    /// Of the kind that a function's globals hold for no bad reason.
    pub(crate) fn is_dragged_along(&self) -> bool {
        let evaluator = matches!(self.path.as_str(), "builtins.eval" | "builtins.exec" | "builtins.compile");
        !evaluator
            && matches!(
                self.group,
                Group::Reflection
                    | Group::CodeEvaluation
                    | Group::Import
                    | Group::Registry
                    | Group::Decoder
                    | Group::Debugger
            )
    }
}

/// Dangerous functions that were imported and not called: the finding's severity and text.
pub(crate) fn unused_import(import: &Imported) -> (Severity, String) {
    let name = quote(&import.path);
    // Process, code and native functions inside an object run when the object is used; that is what they are there for.
    let runs = matches!(
        import.group,
        Group::Process | Group::CodeEvaluation | Group::SubInterpreter | Group::NativeCode | Group::Debugger
    );
    match &import.stored {
        Some((owner, true)) if runs && import.called == Severity::Critical => (
            Severity::Critical,
            format!("{name}, which {}, becomes part of {} and runs when it is used", import.why, quote(owner)),
        ),
        Some((owner, _)) => {
            (import.imported, format!("{name}, which {}, is stored in {} without a call", import.why, quote(owner)))
        }
        None => (import.imported, format!("{name}, which {}, is imported but not called", import.why)),
    }
}

/// What an object is, for a message.
pub(crate) fn owner(view: &View<'_, '_>, object: Value) -> String {
    match view.parts(object).and_then(|p| view.global(p.callee)) {
        Some(global) => modelaudit_plugin::clip(&global.path(), 160),
        None => "an object".to_owned(),
    }
}

/// `('storage', class, key, location, numel[, view])` and `('module', class, file, source)`: what torch writes (4.1, 4.3).
pub(crate) fn is_torch_id(view: &View<'_, '_>, id: Value) -> bool {
    let (items, complete) = view.items(id, 8);
    let kind = items.first().and_then(|v| view.text(*v, 16));
    complete && matches!((kind.as_deref(), items.len()), (Some("storage"), 5 | 6) | (Some("module"), 4))
}
