//! What all objects of a file have in common: sums for the inventory, and findings that would come once for each of thousands.

use std::collections::{BTreeMap, BTreeSet};

use modelaudit_paths::classify;
use modelaudit_plugin::{Finding, Severity, Sink, Span, clip, escape, quote};
use modelaudit_rules::keras::{S1132, S1133};

use crate::message::{DataType, Space, Type};

/// Other files that get a finding of their own.
const MOST_FILES: u64 = 50;
/// The last filter number that the HDF Group keeps for the library, and the range that it registers.
const BUILT_IN: u16 = 255;
const REGISTERED: std::ops::RangeInclusive<u16> = 256..=32767;

/// Sums, filters and other files.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    tensors: u64,
    elements: u64,
    types: BTreeSet<&'static str>,
    /// The first dataset with each filter, its filters' place, and how many have it.
    filters: BTreeMap<u16, (String, Span, u64)>,
    /// How many times another file is read, and what the worst one without a finding of its own does.
    files: u64,
    beyond: Option<(Severity, String)>,
}

impl Totals {
    /// Counts a dataset; `bomb` if its shape is not to be believed.
    pub(crate) fn count(&mut self, space: &Space, data_type: &DataType, bomb: bool) {
        let (Type::Number(name), false) = (&data_type.kind, bomb) else { return };
        self.tensors += 1;
        self.elements = self.elements.saturating_add(space.count().unwrap_or(0));
        self.types.insert(name);
    }

    /// Counts a filter of a dataset.
    pub(crate) fn filter(&mut self, id: u16, element: &str, at: Span) {
        if id > BUILT_IN {
            self.filters.entry(id).or_insert_with(|| (element.to_owned(), at, 0)).2 += 1;
        }
    }

    /// Reports that another file is read.
    pub(crate) fn other_file(&mut self, element: &str, how: &str, name: &[u8], at: Span, sink: &mut dyn Sink) {
        let class = classify(name);
        let (severity, reason) = if class.escapes() {
            (Severity::Critical, format!(", which {}", class.reason()))
        } else {
            (Severity::Warning, String::new())
        };
        let message = format!("{} {how} another file: {}{reason}", quote(element), quote(name));
        self.files += 1;
        if self.files > MOST_FILES {
            if self.beyond.as_ref().is_none_or(|(worst, _)| severity > *worst) {
                self.beyond = Some((severity, message));
            }
            return;
        }
        let finding = Finding::new(&S1132, message).severity(severity).at(at.offset, at.length);
        let file = escape(&String::from_utf8_lossy(name.get(..1024).unwrap_or(name)));
        sink.finding(finding.element(clip(&escape(element), 400)).detail("file", clip(&file, 300)));
    }

    /// Reports what was counted.
    pub(crate) fn report(self, sink: &mut dyn Sink) {
        sink.fact_number("tensor_count", self.tensors);
        sink.fact_number("parameters", self.elements);
        sink.fact_list("dtypes", &self.types.iter().collect::<Vec<_>>());
        for (id, (element, at, count)) in self.filters {
            let severity = if REGISTERED.contains(&id) { Severity::Info } else { Severity::Warning };
            let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
            let verb = if count > 1 { "need" } else { "needs" };
            let message = format!("the dataset {}{more} {verb} the native filter plugin {id}", quote(&element));
            let finding = Finding::new(&S1133, message).severity(severity).at(at.offset, at.length);
            sink.finding(
                finding.element(element).detail("filter", id.to_string()).detail("datasets", count.to_string()),
            );
        }
        if let Some((severity, first)) = self.beyond {
            let message = format!("{} more objects read other files; the worst: {first}", self.files - MOST_FILES);
            sink.finding(Finding::new(&S1132, clip(&message, 1000)).severity(severity));
        }
    }
}
