//! What a callable that nobody reviewed is handed.
//!
//! No list has every function that calls its arguments or runs a text; what goes into the call tells: a text in the form of
//! code, or a dangerous function together with a text for it.

use modelaudit_pickle_policy::{self as policy, Group};
use modelaudit_plugin::{Severity, quote};
use modelaudit_rules::pickle::S201;

use super::analysis::Analysis;
use super::grade::{alert, shown};
use crate::globals::Global;
use crate::value::{Kind, Value};
use crate::view::{Call, View};

/// Groups whose functions do harm with a text alone.
const ARMED: &[Group] =
    &[Group::Process, Group::CodeEvaluation, Group::SubInterpreter, Group::Import, Group::NativeCode, Group::ReEntry];

/// `vendor.rebuild(os.system, 'id')`: a function that nobody reviewed gets a dangerous one and a text for it. Rebuilders that
/// call their first argument with the rest are in every large package, so this is a call as good as written out.
pub(super) fn function(analysis: &mut Analysis, view: &View<'_, '_>, event: &Call<'_>, global: &Global) -> Option<u32> {
    if event.opcode != "REDUCE" || !event.arguments.iter().any(|v| holds_text(view, *v)) {
        return None;
    }
    // By-value functions of dill and cloudpickle drag the names of a module along.
    let dragged = analysis.code.seen();
    let (handed, entry) = event.arguments.iter().find_map(|argument| {
        let handed = view.global(*argument)?;
        let entry = handed.danger()?;
        let armed = entry.called == Severity::Critical
            && entry.imported >= Severity::Warning
            && ARMED.contains(&entry.group)
            && !(dragged && matches!(entry.group, Group::CodeEvaluation | Group::Import));
        armed.then_some((handed, entry))
    })?;
    let call = shown(view, event, &global.path());
    let message = format!("loading the file calls {call} and hands it {}, which {}", quote(handed.path()), entry.why);
    let alert = alert(view, event, Some(global), &S201, Severity::Critical, message);
    for argument in event.arguments {
        analysis.use_global(view, *argument);
        analysis.use_inside(view, *argument);
    }
    Some(analysis.alerts.add(alert, &[]))
}

/// A text, or a container with one directly inside.
fn holds_text(view: &View<'_, '_>, value: Value) -> bool {
    value.is_text() || value.is_container() && view.items(value, 64).0.iter().any(|v| v.is_text())
}

/// What one of the texts among the arguments looks like, two levels deep.
pub(super) fn suspicious(view: &View<'_, '_>, arguments: &[Value]) -> Option<&'static str> {
    let mut queue: Vec<(Value, u32)> = arguments.iter().take(32).map(|v| (*v, 0)).collect();
    let mut at = 0;
    while let Some(&(value, depth)) = queue.get(at) {
        at += 1;
        if at > 256 {
            break;
        }
        if value.is_container() && depth < 2 {
            queue.extend(view.items(value, 32).0.into_iter().map(|v| (v, depth + 1)));
        } else if value.kind() == Kind::Str || value.kind() == Kind::FoldedStr {
            let looks =
                view.bytes(value, 4096).and_then(|(b, _)| policy::suspicious_text(&String::from_utf8_lossy(&b)));
            if looks.is_some() {
                return looks;
            }
        }
    }
    None
}
