//! Evidence as findings: one each for what alarms, one a rule for what is ordinary.

use std::collections::BTreeMap;

use modelaudit_plugin::{Finding, Severity, Sink, clip, escape};

use crate::{Evidence, Reach, Role};

/// Findings that alarm, of one file; a file with more is condemned anyway.
const MOST_ALARMS: usize = 50;
/// Places named in a finding that sums up ordinary calls.
const PLACES_SHOWN: usize = 4;

/// Where a piece of evidence stands for the reader.
pub struct Place {
    /// Start of a sentence: `line 3`, `cell 2, line 1`.
    pub label: String,
    /// Offset and length in the artifact, if it stands there as it is.
    pub at: Option<(u64, u64)>,
}

/// Reports the evidence of one source; `place` says where an offset of the source is.
pub fn findings(evidence: &[Evidence], role: Role, place: impl Fn(usize) -> Place, sink: &mut dyn Sink) {
    let mut ordinary: BTreeMap<&'static str, Vec<&Evidence>> = BTreeMap::new();
    let mut alarms = 0usize;
    for found in evidence {
        let severity = found.severity(role);
        if severity <= Severity::Info {
            ordinary.entry(found.rule.id).or_default().push(found);
            continue;
        }
        alarms += 1;
        if alarms > MOST_ALARMS {
            continue;
        }
        let place = place(found.offset);
        let when = match found.reach {
            Reach::Import => "when the file is imported",
            Reach::Load => "when the model is loaded or used",
            Reach::Later => "when it is called",
        };
        let message = format!("{}: {} {}, {when}", place.label, found.call, found.what);
        let mut finding = Finding::new(found.rule, clip(&escape(&message), 900)).severity(severity);
        if let Some((offset, length)) = place.at {
            finding = finding.at(offset, length);
        }
        if let Some(decoded) = &found.decoded {
            finding = finding.detail("decoded", escape(decoded));
        }
        sink.finding(finding);
    }
    if let Some(more) = alarms.checked_sub(MOST_ALARMS).filter(|more| *more > 0) {
        sink.log(&format!("{more} more findings of that kind"));
    }
    for group in ordinary.values() {
        let Some(first) = group.first() else { continue };
        let places: Vec<String> = group
            .iter()
            .take(PLACES_SHOWN)
            .map(|found| format!("{} ({})", found.call, place(found.offset).label))
            .collect();
        let more = match group.len() - places.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let message = format!("the code {}: {}{more}", first.what, places.join(", "));
        let mut finding = Finding::new(first.rule, clip(&escape(&message), 900)).severity(Severity::Info);
        if let Some((offset, length)) = place(first.offset).at {
            finding = finding.at(offset, length);
        }
        sink.finding(finding.detail("count", group.len().to_string()));
    }
}
